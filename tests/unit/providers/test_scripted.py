"""The shipped double."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.config import EnsembleSpec
from attention_moa.errors import BadReplyError, CallError, RateLimitError, RefusedError, ServerError
from attention_moa.messages import (
    CallRequest,
    Chunk,
    Reply,
    Sampling,
    Stage,
    TokenChances,
    ToolCall,
    ToolCallDelta,
    Usage,
    user,
)
from attention_moa.providers.scripted import Line, Said, ScriptedProvider
from attention_moa.records import Attempt, CallRecord, RunRecord
from tests.asking import a_request, chunks_of, run, text_of
from tests.journals import a_head, a_record


def test_a_list_is_said_in_its_order_and_then_used_up() -> None:
    """A call beyond the script is refused, not answered with something made up."""

    async def scenario() -> None:
        provider = ScriptedProvider(["one", "two"])
        assert [await text_of(provider), await text_of(provider)] == ["one", "two"]
        with pytest.raises(RefusedError, match="2 replies and no more"):
            await chunks_of(provider)
        assert len(provider.requests) == 3

    run(scenario)


def test_a_mapping_is_looked_up_from_the_most_special_name_on() -> None:
    """Call id, then stage and agent, then agent, then stage."""
    script = {"2.critique.ann.bob": "id", "answer.ann": "both", "ann": "agent", "summary": "stage"}

    async def scenario() -> list[str]:
        provider = ScriptedProvider(script)
        requests = [
            a_request(stage=Stage.CRITIQUE, layer=2, peer="bob"),
            a_request(),
            a_request(stage=Stage.REFINE),
            a_request(agent="bob", stage=Stage.SUMMARY),
        ]
        with pytest.raises(RefusedError, match=r"no reply for 1\.refine\.bob"):
            await chunks_of(provider, a_request(agent="bob", stage=Stage.REFINE))
        return [await text_of(provider, request) for request in requests]

    assert run(scenario) == ["id", "both", "agent", "stage"]


def test_a_function_is_asked_with_the_request() -> None:
    """It may be plain or async."""

    async def later(request: CallRequest) -> str:
        await asyncio.sleep(0)
        return request.agent.upper()

    async def scenario() -> None:
        assert await text_of(ScriptedProvider(lambda request: f"{request.stage}!")) == "answer!"
        assert await text_of(ScriptedProvider(later)) == "ANN"

    run(scenario)


def test_a_text_comes_in_pieces_with_usage_and_the_pieces_make_the_text() -> None:
    """The end carries the usage and the reason."""
    usage = Usage(input_tokens=3, output_tokens=2)
    chunks = run(lambda: chunks_of(ScriptedProvider(["abcdefg"], pieces=3, usage=usage)))
    assert [chunk.text for chunk in chunks] == ["ab", "cd", "efg", ""]
    assert (chunks[-1].finish_reason, chunks[-1].usage) == ("stop", usage)


def test_a_reply_brings_its_thinking_its_usage_and_its_end() -> None:
    """A truncated one says so."""
    reply = Reply(text="half", thinking="hm", finish_reason="length", usage=Usage(output_tokens=1))
    chunks = run(lambda: chunks_of(ScriptedProvider([reply])))
    assert [(chunk.text, chunk.thinking) for chunk in chunks] == [("", "hm"), ("half", ""), ("", "")]
    assert (chunks[-1].finish_reason, chunks[-1].usage) == ("length", Usage(output_tokens=1))


def test_a_reply_brings_its_log_probabilities_and_so_does_a_recorded_call() -> None:
    """With the end."""
    chances = (TokenChances("m", -0.5, (("m", -0.5), ("M", -1.0))),)
    said = Reply(text="m", finish_reason="length", logprobs=chances)
    assert run(lambda: chunks_of(ScriptedProvider([said])))[-1].logprobs == chances
    call = replace(_recorded("1.answer.ann", "m"), logprobs=chances)
    record = a_record(a_head(), call)
    assert run(lambda: chunks_of(ScriptedProvider(record)))[-1].logprobs == chances


def test_a_reply_calls_tools_in_pieces_and_so_does_a_recorded_call() -> None:
    """After the text; the first piece of a call names it."""
    calls = (ToolCall("c1", "weather", '{"city": 1}'), ToolCall("c2", "clock", ""))
    said = Reply(text="", finish_reason="tool_calls", tool_calls=calls)
    chunks = run(lambda: chunks_of(ScriptedProvider([said], pieces=3)))
    assert [piece for chunk in chunks for piece in chunk.tool_calls] == [
        ToolCallDelta(0, "c1", "weather", '{"c'),
        ToolCallDelta(0, arguments='ity"'),
        ToolCallDelta(0, arguments=": 1}"),
        ToolCallDelta(1, "c2", "clock"),
    ]
    assert chunks[-1].finish_reason == "tool_calls"
    record = a_record(a_head(), replace(_recorded("1.answer.ann", ""), text="", tool_calls=calls))
    again = run(lambda: chunks_of(ScriptedProvider(record)))
    assert [piece.name for chunk in again for piece in chunk.tool_calls] == ["weather", "clock"]


def test_calls_of_a_line_come_after_its_text_at_its_pace() -> None:
    """Each piece takes its time."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    line = Line(
        text="I look.", tool_calls=[ToolCall("c1", "clock", "{}")], call_pieces=2, first_token_s=2.0, piece_s=0.5
    )
    chunks = run(lambda: chunks_of(ScriptedProvider([line], sleep=sleep)))
    assert [bool(chunk.tool_calls) for chunk in chunks] == [False, True, True, False]
    assert waits == [2.0, 0.5, 0.5]


def test_chunks_are_yielded_as_they_are() -> None:
    """Nothing is added, not even an end."""
    said = [Chunk(text="a"), Chunk(text="b", finish_reason="tool_calls")]
    assert run(lambda: chunks_of(ScriptedProvider([said]))) == said


def test_a_line_may_be_cut_off_without_a_word() -> None:
    """Its last chunk has no finish reason."""
    chunks = run(lambda: chunks_of(ScriptedProvider([Line(text="ha", finish_reason=None)])))
    assert all(chunk.finish_reason is None for chunk in chunks)


def test_an_error_is_raised_at_once_or_after_some_text() -> None:
    """Each time a fresh one, so that what is noted on one call's error is not on another's."""

    async def scenario() -> None:
        limit = RateLimitError("slow", retry_after_s=2.5)
        provider = ScriptedProvider({"answer": limit, "refine": Line(text="so far", error=ServerError("broke"))})
        with pytest.raises(RateLimitError) as caught:
            await chunks_of(provider)
        assert caught.value is not limit
        assert (caught.value.retry_after_s, caught.value.retryable, str(caught.value)) == (2.5, True, "slow")
        heard: list[str] = []
        with pytest.raises(ServerError, match="broke"):
            async with aclosing(provider.stream(a_request(stage=Stage.REFINE))) as stream:
                async for chunk in stream:
                    heard.append(chunk.text)
        assert heard == ["so far"]
        with pytest.raises(KeyError):
            await chunks_of(ScriptedProvider([KeyError("a provider's bug")]))

    run(scenario)


def test_waits_go_to_the_clock_that_was_given() -> None:
    """First token and pieces, of the provider and of a line; an error waits for the first token too."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async def scenario() -> None:
        script: list[Said] = ["ab", Line(text=["x", "y"], first_token_s=5.0, piece_s=6.0), BadReplyError("no")]
        provider = ScriptedProvider(script, pieces=2, first_token_s=1.0, piece_s=0.5, sleep=note)
        await chunks_of(provider)
        await chunks_of(provider)
        with pytest.raises(BadReplyError):
            await chunks_of(provider)

    run(scenario)
    assert waits == [1.0, 0.5, 5.0, 6.0, 1.0]


def test_open_streams_are_counted_until_they_are_closed() -> None:
    """Also where the reader leaves early, or is cancelled while it waits."""

    async def scenario() -> None:
        provider = ScriptedProvider({"answer": "abc", "refine": Line(text="x", first_token_s=600.0)}, pieces=3)
        stream = provider.stream(a_request())
        await anext(stream)
        assert provider.open_streams == 1
        await stream.aclose()
        assert provider.open_streams == 0
        with pytest.raises(TimeoutError):
            await chunks_of(provider, a_request(stage=Stage.REFINE), timeout_s=0.02)
        assert provider.open_streams == 0
        await provider.aclose()
        await provider.aclose()
        assert provider.is_closed

    run(scenario)


def _recorded(call_id: str, text: str | None, *attempts: Attempt) -> CallRecord:
    layer, stage, agent = call_id.split(".")
    return CallRecord(
        call_id=call_id,
        stage=Stage(stage),
        layer=int(layer),
        agent=agent,
        model="openai:m",
        sampling=Sampling(),
        messages=(),
        state="lost" if text is None else "finished",
        reads=(),
        queued_s=0.0,
        ended_s=1.0,
        attempts=attempts,
        text=text,
        thinking="hm" if text else "",
        finish_reason="length" if text else None,
    )


def test_a_recorded_run_is_replayed_call_by_call() -> None:
    """Replies as they were; losses as the errors that they were, not to be tried again."""
    tried = Attempt(started_s=0.0, ended_s=1.0, error="ServerError", message="HTTP 500: oops")
    odd = Attempt(started_s=0.0, ended_s=1.0, error="Cancelled", message="ended from outside")
    done = Attempt(started_s=0.0, ended_s=1.0, usage=Usage(output_tokens=4))
    calls = (
        _recorded("1.answer.ann", "Yes.", tried, done),
        _recorded("1.refine.ann", None, tried),
        _recorded("2.answer.ann", None, odd),
        _recorded("2.refine.ann", None),
    )
    spec = EnsembleSpec(agents=(AgentSpec(name="ann", model="openai:m"),))
    record = RunRecord(
        run_id="r", created_at="now", ensemble=spec, conversation=(user("Hi."),), state="failed", calls=calls
    )

    async def scenario() -> None:
        provider = ScriptedProvider(record)
        chunks = await chunks_of(provider)
        assert [chunk.text for chunk in chunks] == ["", "Yes.", ""]
        assert (chunks[-1].finish_reason, chunks[-1].usage) == ("length", Usage(output_tokens=4))
        for layer, stage, kind, says in (
            (1, Stage.REFINE, ServerError, "HTTP 500: oops"),
            (2, Stage.ANSWER, RefusedError, "ended from outside"),
            (2, Stage.REFINE, RefusedError, "the call was cut off"),
        ):
            with pytest.raises(CallError, match=says) as caught:
                await chunks_of(provider, a_request(layer=layer, stage=stage))
            assert type(caught.value) is kind
            assert not caught.value.retryable

    run(scenario)
