"""How far a benchmark is, on a terminal and line by line."""

from __future__ import annotations

from io import StringIO

import pytest

from attention_moa.bench.board import Board, SystemBoard
from attention_moa.cli.bench_views import Ended, LineBoard, PaintedBoard, board_lines, system_line


class Screen(StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def a_board() -> Board:
    """Return a board of two systems, the first one at work since ten seconds."""
    times_s = iter([0.0] + [10.0] * 100)
    one = SystemBoard("one", total=10, weight=1, done=5, running=2, failed=1, usd=0.5)
    board = Board([one, SystemBoard("two", total=365, weight=10)], now=lambda: next(times_s))
    board.start()
    return board


def test_a_table_shows_all_systems() -> None:
    """And how long it may still take."""
    board = a_board()
    lines = list(board_lines(board))
    assert [line.split() for line in lines[1:3]] == [
        ["one", "5/10", "2", "1", "0.5000"],
        ["two", "0/365", "0", "0", "0"],
    ]
    board.systems[0].what = "turns"
    assert list(board_lines(board))[1].split()[:3] == ["one", "5/10", "turns"]
    assert lines[3] == "answering, 0:10, about 2:01:50 left"
    board.phase, board.judged, board.to_judge = "judging", 3, 20
    assert list(board_lines(board))[3] == "judging 3/20, 0:10"
    assert list(board_lines(board, is_stopping=True))[3].startswith("stopping (Ctrl-C again kills)")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "one: 0 of 4 questions done, $0, time left not known yet"),
        (
            {"done": 2, "running": 1, "failed": 1, "usd": 0.5},
            "one: 2 of 4 questions done, 1 running, 1 failed, $0.5000, ",
        ),
        ({"usd": 0.5, "unpriced": 1}, "one: 0 of 4 questions done, $0.5000+, "),
        ({"unpriced": 1, "is_stopped": True}, "one: 0 of 4 questions done, cost unknown, stopped by the budget, "),
    ],
)
def test_a_line_says_what_there_is_to_know(fields: dict[str, float], said: str) -> None:
    """Money that is not known is not nothing."""
    one = SystemBoard("one", **({"total": 4, "weight": 1} | fields))  # type: ignore[arg-type]  # checked when made
    assert system_line(one, None).startswith(said)


def test_lines_come_when_there_is_news(capsys: pytest.CaptureFixture[str]) -> None:
    """At the beginning of a system and at its end, and not at every change."""
    board = a_board()
    with LineBoard(board) as view:
        view.changed()
        view.changed()
        board.systems[0].done = 10
        view.changed()
        view.changed()
        view.stopping()
    said = capsys.readouterr().err.splitlines()
    assert [line[:16] for line in said] == ["one: 5 of 10 que", "one: 10 of 10 qu", "stopping (Ctrl-C"]


def test_judging_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A view that is to be silent says nothing of all this."""
    board = a_board()
    board.phase, board.judged, board.to_judge = "judging", 3, 20
    LineBoard(board).changed()
    LineBoard(board, is_silent=True).changed()
    board.phase = "answering"
    LineBoard(board, is_silent=True).changed()
    LineBoard(Board()).changed()
    assert capsys.readouterr().err == "judging: 3 of 20, $0\n"


def test_a_picture_leaves_no_trace() -> None:
    """It is painted while it is entered."""
    file = Screen()
    with PaintedBoard(a_board(), file) as view:
        view.changed()
        view.stopping()
    assert "5/10" in file.getvalue()


def test_the_exit_code_is_that_of_the_signal() -> None:
    """As of every command."""
    assert [Ended(None, signum).status for signum in (2, 15, None)] == [130, 143, 0]
