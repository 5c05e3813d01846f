"""The chunks of one attempt: tool calls among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from attention_moa.collected import Ask, Collected
from attention_moa.errors import BadReplyError
from attention_moa.events import CallDelta, CallFirstToken, Event
from attention_moa.messages import (
    Chunk,
    FinishReason,
    Reply,
    ReplyFormat,
    Stage,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    ToolUse,
    Usage,
)
from attention_moa.prompts import Prompt
from attention_moa.run_log import RunLog
from tests.asking import a_request
from tests.worlds import QUESTION, a_spec

CLOCK = ToolSpec("clock", "The time.", {"type": "object"})
TOOLS = ToolUse((CLOCK,))


def collected(chunks: Sequence[Chunk], events: list[Event] | None = None, **fields: Any) -> Collected:
    """Return the chunks of an attempt, put together; ``fields`` are those of its request."""
    told = [] if events is None else events
    log = RunLog("r", "now", a_spec(), QUESTION, now=lambda: 0.0, observers=(told.append,), has_deltas=True)
    ask = Ask(agent=a_spec().agents[0], stage=Stage.SUMMARY, layer=1, render=lambda _: Prompt(QUESTION, tail=0))
    found = Collected(log, a_request(**({"tools": TOOLS} | fields)), ask, tags=(), waited_s=0.0)
    for chunk in chunks:
        found.add(chunk)
    return found


def call(*arguments: str, finish: FinishReason = "tool_calls") -> list[Chunk]:
    """Return the chunks of one call of the clock."""
    pieces = [
        ToolCallDelta(0, "c1" if not at else "", "clock" if not at else "", part) for at, part in enumerate(arguments)
    ]
    return [*(Chunk(tool_calls=(piece,)) for piece in pieces), Chunk(finish_reason=finish)]


def reply(chunks: Sequence[Chunk], **fields: Any) -> Reply:
    """Return the reply that chunks make."""
    return collected(chunks, **fields).reply()


def test_a_reply_that_only_calls_tools_is_whole() -> None:
    """Text it needs none, thinking is kept."""
    found = reply([Chunk(thinking="Hm."), *call('{"zone": ', '"CET"}')])
    assert found == Reply(
        text="", thinking="Hm.", finish_reason="tool_calls", tool_calls=(ToolCall("c1", "clock", '{"zone": "CET"}'),)
    )


def test_text_beside_calls_is_kept() -> None:
    """Thinking taken out, as ever."""
    found = reply([Chunk(text="<think>hm</think>I look."), *call("{}")])
    assert (found.text, found.thinking, found.tool_calls) == ("I look.", "hm", (ToolCall("c1", "clock", "{}"),))


def test_the_first_piece_of_a_call_is_a_first_token_and_pieces_are_told() -> None:
    """As they are kept, so that their sum is the call."""
    events: list[Event] = []
    found = collected(call("", finish="stop"), events)
    assert [type(event) for event in events] == [CallFirstToken, CallDelta, CallDelta]
    told = [event.tool_calls for event in events if isinstance(event, CallDelta)]
    assert told == [(ToolCallDelta(0, "c1", "clock"),), (ToolCallDelta(0, arguments="{}"),)]
    assert found.reply().tool_calls == (ToolCall("c1", "clock", "{}"),)


@pytest.mark.parametrize(
    ("said", "kept"), [("stop", "tool_calls"), ("tool_calls", "tool_calls"), ("length", "length"), ("cut", "cut")]
)
def test_a_reply_that_calls_tools_ends_with_them(said: FinishReason, kept: FinishReason) -> None:
    """Endpoints say ``stop`` where a certain tool had to be called; a cut is shown as one."""
    found = reply(call("{}", finish=said))
    assert found.finish_reason == kept


def test_a_reply_that_says_that_it_calls_and_does_not_has_stopped() -> None:
    """There is nothing for a caller to wait for."""
    assert reply([Chunk(text="So.", finish_reason="tool_calls")]).finish_reason == "stop"
    with pytest.raises(BadReplyError, match="empty"):
        reply([Chunk(finish_reason="tool_calls")])


def test_a_stream_that_was_cut_in_a_call_is_an_error() -> None:
    """A call that is half is none."""
    with pytest.raises(BadReplyError, match="without a finish reason"):
        reply(call('{"zone"')[:-1])
    with pytest.raises(BadReplyError, match="withheld"):
        reply(call("{}", finish="content_filter"))


@pytest.mark.parametrize("tools", [None, ToolUse((CLOCK,), "none")])
def test_calls_where_none_may_come_are_left_out(tools: ToolUse | None) -> None:
    """A note says so; without a text there is no reply."""
    found = reply([Chunk(text="So."), *call("{}")], tools=tools)
    assert (found.text, found.tool_calls, found.finish_reason) == ("So.", (), "stop")
    assert found.notes == ("it called tools where it had none to call: the calls were left out",)
    with pytest.raises(BadReplyError, match="empty"):
        reply(call("{}"), tools=tools)


def test_what_is_odd_about_the_calls_is_noted() -> None:
    """Beside what the provider noted."""
    found = reply([Chunk(notes=("shortened",)), *call("{zone")])
    assert found.tool_calls[0].arguments == "{zone"
    assert found.notes == ("shortened", "the arguments of its call of 'clock' are no JSON object")


def test_tools_and_a_schema_make_a_prompt_longer_than_its_messages() -> None:
    """Counts that would be impossible without them are taken for true."""
    usage = Usage(input_tokens=20_000, output_tokens=5)
    big = {"enum": ["x" * 10_000]}
    for fields, is_kept in (
        ({"tools": None}, False),
        ({"tools": ToolUse((ToolSpec("clock", parameters=big),))}, True),
        ({"tools": None, "reply_format": ReplyFormat("json_schema", schema=big)}, True),
    ):
        found = collected([Chunk(text="So.", finish_reason="stop", usage=usage)], **fields)
        found.require_plausible(a_request(**fields))
        assert (found.usage == usage) is is_kept
