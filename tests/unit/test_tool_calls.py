"""Pieces of tool calls, joined; and what is odd about calls."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.messages import ToolCall, ToolCallDelta, ToolSpec, ToolUse
from attention_moa.tool_calls import ToolCallJoiner, notes_on_calls

TOOLS = ToolUse((ToolSpec("clock"), ToolSpec("weather")))
CLOCK = ToolCall("c1", "clock", "{}")
texts = st.text(st.characters(), max_size=6)  # surrogates included
pieces = st.builds(ToolCallDelta, st.integers(0, 2), texts, texts, texts)


def joined(parts: list[ToolCallDelta]) -> list[ToolCall]:
    """Return what a client makes of pieces that were handed on."""
    found: dict[int, list[str]] = {}
    for part in parts:
        call = found.setdefault(part.index, ["", "", ""])
        for place, more in enumerate((part.id, part.name, part.arguments)):
            call[place] += more
    return [ToolCall(*found[index]) for index in sorted(found)]


@given(st.lists(st.lists(pieces, max_size=3), max_size=4))
def test_pieces_that_are_handed_on_make_the_calls_that_are_kept(chunks: list[list[ToolCallDelta]]) -> None:
    """Whatever comes, and however it is cut; every call has an id and arguments, and all of it can be encoded."""
    joiner = ToolCallJoiner("seed")
    told = [piece for chunk in chunks for piece in joiner.add(chunk)]
    told.extend(joiner.end())
    calls = joiner.calls()
    assert joined(told) == list(calls)
    assert all(call.id and call.arguments for call in calls)
    for call in calls:
        json.dumps([call.id, call.name, call.arguments]).encode()
        "".join((call.id, call.name, call.arguments)).encode()
    assert joiner.end() == ()


@given(st.text(max_size=20), st.lists(st.integers(0, 20), max_size=3))
def test_arguments_are_kept_as_they_came(arguments: str, cuts: list[int]) -> None:
    """However they are cut, within a character too."""
    halves = arguments.encode("utf-16-le", "surrogatepass")
    bounds = [0, *sorted(min(2 * cut, len(halves)) for cut in cuts), len(halves)]
    parts = [halves[a:b].decode("utf-16-le", "surrogatepass") for a, b in pairwise(bounds)]
    joiner = ToolCallJoiner("seed")
    joiner.add(ToolCallDelta(0, "c", "clock" if not at else "", part) for at, part in enumerate(parts))
    joiner.end()
    (call,) = joiner.calls()
    assert call == ToolCall("c", "clock", arguments or "{}")


def test_a_call_without_an_id_gets_one_that_no_other_call_has() -> None:
    """The same where a reply is read again, another in another call."""
    names = []
    for seed in ("run 1.summary.a", "run 2.summary.a", "run 1.summary.a"):
        joiner = ToolCallJoiner(seed)
        (first, other) = joiner.add([ToolCallDelta(0, name="clock"), ToolCallDelta(1, name="clock")])
        assert joiner.add([ToolCallDelta(0, "late", arguments="{}")]) == (ToolCallDelta(0, arguments="{}"),)
        names.append((first.id, other.id))
    assert names[0] == names[2]
    assert len({name for pair in names for name in pair}) == 4
    assert all(name.startswith("call_") and len(name) == 29 for pair in names for name in pair)


@pytest.mark.parametrize(
    ("calls", "tools", "notes"),
    [
        ((CLOCK,), TOOLS, ()),
        ((), TOOLS, ()),
        ((ToolCall("1", "clocks", "{}"),), TOOLS, ("it calls 'clocks', which is no tool of the request",)),
        ((ToolCall("1", "clock", '{"a"'),), TOOLS, ("the arguments of its call of 'clock' are no JSON object",)),
        ((ToolCall("1", "clock", "[]"),), TOOLS, ("the arguments of its call of 'clock' are no JSON object",)),
        ((ToolCall("1", "clock", "[" * 9999),), TOOLS, ("the arguments of its call of 'clock' are no JSON object",)),
        ((), ToolUse(TOOLS.tools, "required"), ("it had to call a tool, and called none",)),
        (
            (CLOCK,),
            ToolUse(TOOLS.tools, "required", "weather"),
            ("it had to call 'weather', and called another tool",),
        ),
        (
            (CLOCK, CLOCK),
            ToolUse(TOOLS.tools, is_parallel=False),
            ("it was to make one tool call at a time, and made 2",),
        ),
        ((CLOCK, CLOCK), ToolUse(TOOLS.tools, is_parallel=True), ()),
    ],
)
def test_what_is_odd_about_calls_is_noted(calls: tuple[ToolCall, ...], tools: ToolUse, notes: tuple[str, ...]) -> None:
    """Nothing is mended: the caller sees what the model wrote."""
    assert tuple(notes_on_calls(calls, tools)) == notes
