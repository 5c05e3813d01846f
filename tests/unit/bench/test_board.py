"""How far a benchmark is, and how long it may still take."""

from __future__ import annotations

from attention_moa.bench.board import Board, SystemBoard


def test_the_rest_is_estimated_by_what_this_life_made() -> None:
    """A run counts as many calls as it is planned with; what an earlier life made took no time now."""
    times_s = iter([100.0, 130.0, 130.0])
    one = SystemBoard("one", total=10, weight=1, done=6, before=3)
    two = SystemBoard("two", total=5, weight=4)
    board = Board([one, two], now=lambda: next(times_s))
    assert (board.elapsed_s, board.left_s) == (0.0, 0.0)
    board.start()
    assert board.left_s == 30.0 / 3 * (4 + 20)
    assert board.elapsed_s == 30.0
    two.is_stopped = True
    assert two.left == 0


def test_nothing_is_known_before_anything_is_made() -> None:
    """And nothing is left where all is done."""
    board = Board([SystemBoard("one", total=2, weight=1)])
    assert board.left_s is None
    board.systems[0].done = 2
    assert board.left_s == 0.0
