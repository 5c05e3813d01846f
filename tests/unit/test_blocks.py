"""What two sequences have in common."""

from __future__ import annotations

from attention_moa.blocks import Block, shared_blocks


def test_stretches_are_found_in_order() -> None:
    """Those of a longest common subsequence."""
    assert list(shared_blocks("xabcyd", "abczzd")) == [Block(1, 0, 3), Block(5, 5, 1)]


def test_equal_sequences_share_one_stretch() -> None:
    """The whole; of nothing there is none."""
    assert list(shared_blocks("abc", "abc")) == [Block(0, 0, 3)]
    assert list(shared_blocks("", "")) == []
    assert list(shared_blocks("abc", "")) == []
    assert list(shared_blocks("abc", "xyz")) == []


def test_beginning_and_end_are_found_however_much_there_is_between() -> None:
    """The rest is not compared where it has too many pairs."""
    assert list(shared_blocks("a12b3c", "a45b6c", most=15)) == [Block(0, 0, 1), Block(5, 5, 1)]
    assert Block(3, 3, 1) in shared_blocks("a12b3c", "a45b6c", most=16)
