"""Reading server-sent events."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from attention_moa.providers.sse import DataLines


def test_only_data_lines_are_payloads() -> None:
    """Comments, event names and blank lines are passed over; the space after the colon is no part of the payload."""
    data = b": ping\n\nevent: x\ndata: one\r\n\ndata:two\n\nid: 3\n"
    assert list(DataLines().feed(data)) == [b"one", b"two"]


def test_a_line_without_its_end_is_no_event() -> None:
    """Whatever a cut stream leaves behind is never read as whole."""
    lines = DataLines()
    assert list(lines.feed(b"data: on")) == []
    assert list(lines.feed(b"e\n")) == [b"one"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]))), st.lists(st.integers(0, 200)))
def test_events_do_not_depend_on_how_the_bytes_arrive(texts: list[str], cuts: list[int]) -> None:
    """Wherever the bytes are cut, in the middle of a character too, the payloads are the same."""
    data = "".join(f"data: {text}\n\n" for text in texts).encode()
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    lines = DataLines()
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert [payload for piece in pieces for payload in lines.feed(piece)] == [text.encode() for text in texts]
