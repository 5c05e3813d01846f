"""A completion's stream: what clients read, chunk by chunk."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.chat import ChatCompletionChunk

from attention_moa.events import AnswerDelta, AnswerReset, CallStarted, Event, LayerFinished
from attention_moa.messages import Stage, ToolCall, ToolCallDelta
from attention_moa.records import RunRecord, UsageTotal
from attention_moa.server.chat_reply import Final, Head
from attention_moa.server.chat_stream import ChatStream, error_message
from attention_moa.server.config import ProgressStyle
from attention_moa.server.errors import ApiError
from attention_moa.server.usage import RunBody, run_body, usage_of
from tests.worlds import QUESTION, a_spec

HEAD = Head("chatcmpl-r", 1, "duo", "fp_1")
USAGE = usage_of([UsageTotal(input_tokens=3, output_tokens=2)])
CALLS = (ToolCall("c1", "add", '{"a":1}'),)


def a_run() -> RunBody:
    """Return what happened in a run."""
    record = RunRecord(run_id="r", created_at="", ensemble=a_spec(2), conversation=QUESTION, state="finished")
    return run_body([record], ignored=(), notes=(), plan=None)


def a_stream(
    *, choices: int = 1, progress: ProgressStyle = "off", has_tools: bool = False, has_usage: bool = False
) -> ChatStream:
    """Return a stream of which nothing was sent."""
    return ChatStream(HEAD, choices=choices, progress=progress, has_tools=has_tools, has_usage=has_usage)


def piece(text: str = "", *calls: ToolCallDelta, choice: int = 0) -> AnswerDelta:
    """Return a piece of an answer."""
    return AnswerDelta(run_id="r", at_s=0, text=text, tool_calls=calls, choice=choice)


def final(text: str, calls: tuple[ToolCall, ...] = (), index: int = 0) -> Final:
    """Return an answer as it stands."""
    return Final(index, text, "tool_calls" if calls else "stop", calls)


def ended(stream: ChatStream, *finals: Final) -> bytes:
    """Return the end of a stream."""
    return stream.end(finals, usage=USAGE, run=a_run())


def documents(sent: bytes) -> list[dict[str, Any]]:
    """Return the documents of what was sent; each is one that OpenAI's client knows."""
    lines = [line.removeprefix("data: ") for line in sent.decode().split("\n\n") if line.startswith("data: {")]
    for line in lines:
        ChatCompletionChunk.model_validate_json(line, strict=True)
    return [msgspec.json.decode(line) for line in lines]


def text_of(sent: bytes, index: int = 0) -> str:
    """Return the text that a client puts together."""
    chosen = [choice for chunk in documents(sent) for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content") or "" for choice in chosen)


def test_a_stream_begins_with_a_comment_and_the_roles() -> None:
    """So that there are bytes at once."""
    sent = a_stream(choices=2).begin()
    assert sent.startswith(b": chatcmpl-r\n\n")
    assert [chunk["choices"][0]["delta"] for chunk in documents(sent)] == [
        {"role": "assistant", "content": "", "refusal": None}
    ] * 2
    assert documents(a_stream(has_tools=True).begin())[0]["choices"][0]["delta"]["content"] is None


def test_pieces_are_sent_as_they_come_and_the_end_repeats_none() -> None:
    """Then why it ended, what happened, and the mark."""
    stream = a_stream()
    sent = stream.of(piece("Blue "), 0) + stream.of(piece("light."), 0) + ended(stream, final("Blue light."))
    assert text_of(sent) == "Blue light."
    last = documents(sent)[-1]
    assert (last["choices"][0]["finish_reason"], last["attention_moa"]["run_id"]) == ("stop", "r")
    assert "usage" not in last
    assert sent.endswith(b"data: [DONE]\n\n")


def test_what_was_not_sent_of_an_answer_comes_at_the_end() -> None:
    """All of it, or the rest."""
    whole, rest = a_stream(), a_stream()
    assert text_of(ended(whole, final("Blue."))) == "Blue."
    assert text_of(rest.of(piece("Bl"), 0) + ended(rest, final("Blue."))) == "Blue."


def test_another_text_in_the_place_of_what_was_sent_is_an_error() -> None:
    """What was sent cannot be taken back."""
    stream = a_stream()
    stream.of(piece("Red"), 0)
    with pytest.raises(ApiError) as broke_off:
        ended(stream, final("Blue."))
    assert (broke_off.value.code, broke_off.value.run_id) == ("answer_broke_off", "r")


def test_a_reset_is_an_error_only_where_something_was_sent() -> None:
    """Before that nobody was told anything."""
    stream = a_stream()
    reset = AnswerReset(run_id="r", at_s=0, message="the connection broke")
    assert stream.of(reset, 0) == b""
    stream.of(piece("Red"), 0)
    with pytest.raises(ApiError, match="the connection broke"):
        stream.of(reset, 0)


def test_tool_calls_are_sent_in_pieces() -> None:
    """The first has the id, the kind and the name; those that follow go on."""
    stream = a_stream(has_tools=True)
    first, more = ToolCallDelta(0, "c1", "add"), ToolCallDelta(0, arguments='{"a":1}')
    sent = stream.of(piece("", first, more), 0) + ended(stream, final("", CALLS))
    deltas = [chunk["choices"][0]["delta"] for chunk in documents(sent)]
    assert deltas[0]["tool_calls"] == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a":1}'}},
    ]
    assert len([delta for delta in deltas if "tool_calls" in delta]) == 1
    assert documents(sent)[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_tool_calls_that_were_not_sent_come_whole_at_the_end() -> None:
    """And ones that do not stand are an error."""
    sent = ended(a_stream(has_tools=True), final("", CALLS))
    assert documents(sent)[0]["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
    ]
    stream = a_stream(has_tools=True)
    stream.of(piece("", ToolCallDelta(0, "c1", "add")), 0)
    with pytest.raises(ApiError):
        ended(stream, final("Four."))


def test_answers_are_told_apart_by_their_index() -> None:
    """Choices of one run, and those of other runs."""
    stream = a_stream(choices=3)
    sent = stream.of(piece("b", choice=1), 0) + stream.of(piece("c"), 2)
    sent += ended(stream, final("a"), final("b", index=1), final("c", index=2))
    assert [text_of(sent, index) for index in range(3)] == ["a", "b", "c"]
    reasons = [choice for chunk in documents(sent) for choice in chunk["choices"] if choice["finish_reason"]]
    assert [choice["index"] for choice in reasons] == [0, 1, 2]


def test_an_answer_that_was_lost_has_no_end() -> None:
    """The others have theirs."""
    sent = ended(a_stream(choices=2), final("b", index=1))
    assert [chunk["choices"][0]["index"] for chunk in documents(sent)] == [1, 1]


def test_the_usage_comes_last_where_it_is_wanted() -> None:
    """Every chunk before says that it is not there yet."""
    stream = a_stream(has_usage=True)
    chunks = documents(stream.begin() + ended(stream, final("Blue.")))
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]) == ([], 5)


def started() -> Event:
    """Return what happens when an agent begins."""
    return CallStarted(run_id="r", at_s=0, call_id="1.answer.a", stage=Stage.ANSWER, layer=1, agent="a", attempt=1)


def test_progress_is_shown_as_it_is_wanted() -> None:
    """As comments, as thinking, or not at all."""
    assert a_stream(progress="off").of(started(), 0) == b""
    assert a_stream(progress="comments").of(started(), 0) == b": layer 1: a answers\n\n"
    sent = a_stream(progress="reasoning").of(started(), 0)
    assert documents(sent)[0]["choices"][0]["delta"] == {"reasoning_content": "layer 1: a answers\n"}


def test_what_a_model_said_in_a_layer_is_no_progress() -> None:
    """It might be taken for the answer."""
    finished = LayerFinished(run_id="r", at_s=0, layer=1, output="data: {}\n\ndata: SECRET", usage=UsageTotal())
    assert b"SECRET" not in a_stream(progress="comments").of(finished, 0)


def test_an_error_is_a_message_of_its_own() -> None:
    """In the API's shape."""
    sent = error_message(ApiError(502, "no", type="upstream_error", code="no_answer"))
    told = msgspec.json.decode(sent.removeprefix(b"data: "))
    assert told == {"error": {"message": "no", "type": "upstream_error", "param": None, "code": "no_answer"}}
