"""The redact hook sees every text before it is stored, and what it changed is never replayed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.errors import StoreError
from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallDelta,
    CallFinished,
    CallLost,
    CallReplayed,
    CallRetried,
    Degraded,
    Event,
    LayerFinished,
    ResultLost,
    RunFinished,
    VerdictReached,
)
from attention_moa.messages import (
    ImagePart,
    Message,
    ReplyFormat,
    Sampling,
    Stage,
    TextPart,
    TokenChances,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    ToolUse,
    Usage,
    user,
)
from attention_moa.records import (
    Answer,
    Attempt,
    Choice,
    Critique,
    Degradation,
    LayerRecord,
    Loss,
    Refinement,
    Residual,
    Summary,
    UsageTotal,
    Verdict,
)
from attention_moa.store import open_journal
from attention_moa.store.packing import plain_json
from attention_moa.store.redaction import redacted
from tests.asking import run
from tests.journals import QUESTION, a_call, a_head, a_record
from tests.worlds import a_spec

MARK = "sk-marked-4711"


def masked(text: str) -> str:
    """Take the mark out of a text."""
    return text.replace(MARK, "***")


MARKED_CALL = a_call(
    reply=MARK,
    messages=(
        Message(
            "user",
            (TextPart(MARK), ImagePart(url=f"https://host/?key={MARK}")),
            name=MARK,
            tool_calls=(ToolCall("1", "search", MARK),),
        ),
    ),
    sampling=Sampling(stop=(MARK,), extra_body={"deep": [{"er": MARK}]}),
    thinking=MARK,
    notes=(MARK,),
    message=MARK,
    attempts=(Attempt(started_s=0.0, ended_s=1.0, error="ServerError", message=MARK),),
)
LOSS = Loss(stage=Stage.ANSWER, layer=1, agent="b", kind="ServerError", message=MARK)
MARKED_LAYER = LayerRecord(
    layer=1,
    answers={"a": Answer(agent="a", text=MARK, call_id="1"), "b": LOSS},
    critique_list=(Critique(critic="a", author="a", text=MARK, call_id="2"), LOSS),
    refinements={"a": Refinement(agent="a", text=MARK, call_id="3", stands_in=MARK)},
    summary=Summary(agent="a", text=MARK, call_id="4", stands_in=MARK),
    residual=Residual(agent="a", text=MARK, call_id="5"),
    verdict=Verdict(layer=1, is_stop=True, rule="verdict", reason=MARK),
    output=MARK,
)
SCHEMA = {"properties": {"city": {"description": MARK}}}
WANTED = AnswerSpec(
    tools=ToolUse((ToolSpec("search", MARK, SCHEMA),)),
    reply_format=ReplyFormat("json_schema", "form", MARK, SCHEMA),
    stop=(MARK,),
)
MARKED_HEAD = a_head(
    conversation=(user(MARK),),
    wanted=WANTED,
    labels={"note": MARK},
    ensemble=a_spec([AgentSpec(name="a", model="test:a", role=MARK)], description=MARK),
)
MARKED_RECORD = a_record(
    MARKED_HEAD,
    MARKED_CALL,
    a_call("1.answer.b", state="cancelled", messages=(user(MARK),)),
    text=MARK,
    layers=(MARKED_LAYER,),
    losses=(LOSS,),
    degraded=(Degradation(layer=1, stage=Stage.ANSWER, agent="a", what=MARK, why=MARK),),
    notes=(MARK,),
    error=MARK,
    wanted=WANTED,
    labels={"note": MARK},
    tool_calls=(ToolCall("1", "search", MARK),),
    choices=(Choice(text=MARK, finish_reason="stop", call_id="6", tool_calls=(ToolCall("1", "x", MARK),)), LOSS),
)
ABOUT: dict[str, Any] = {"run_id": "run-1", "at_s": 1.0}
CALL: dict[str, Any] = {**ABOUT, "call_id": "1.answer.a", "stage": Stage.ANSWER, "layer": 1, "agent": "a"}
MARKED_EVENTS: tuple[Event, ...] = (
    CallDelta(**CALL, text=MARK, thinking=MARK, tool_calls=(ToolCallDelta(0, "1", "search", MARK),)),
    CallRetried(**CALL, attempt=1, kind="ServerError", message=MARK, wait_s=1.0),
    CallFinished(**CALL, text=MARK, finish_reason="stop", usage=Usage(), elapsed_s=1.0, notes=(MARK,)),
    CallReplayed(
        **CALL,
        text=MARK,
        finish_reason="tool_calls",
        usage=Usage(),
        source="run-0",
        tool_calls=(ToolCall("1", "search", MARK),),
    ),
    CallLost(**CALL, kind="ServerError", message=MARK, attempts=1),
    ResultLost(**ABOUT, loss=LOSS),
    Degraded(**ABOUT, degradation=Degradation(layer=1, stage=Stage.ANSWER, agent="a", what=MARK, why=MARK)),
    LayerFinished(**ABOUT, layer=1, output=MARK, usage=UsageTotal()),
    VerdictReached(**ABOUT, verdict=Verdict(layer=1, is_stop=True, rule="verdict", reason=MARK)),
    AnswerDelta(**ABOUT, text=MARK),
    AnswerReset(**ABOUT, message=MARK),
    RunFinished(**ABOUT, state="failed", text=MARK, usage=UsageTotal(), error=MARK),
)


@pytest.mark.parametrize("value", [MARKED_CALL, MARKED_LAYER, MARKED_HEAD, MARKED_RECORD, *MARKED_EVENTS])
def test_every_text_is_redacted(value: msgspec.Struct) -> None:
    """Wherever it stands; what is left can be read as what it was."""
    rewritten = redacted(value, masked)
    document = msgspec.json.encode(rewritten)
    assert MARK.encode() in msgspec.json.encode(value)
    assert MARK.encode() not in document
    assert b"***" in document
    assert msgspec.json.decode(document, type=type(value)) == rewritten


def test_what_has_nothing_to_redact_is_the_very_same() -> None:
    """So that it is known whether a record was changed."""
    for value in (a_call(), a_head(), a_record(a_head(), a_call())):
        assert redacted(value, masked) is value
        assert redacted(value, None) is value


def test_log_probabilities_lose_the_tokens_too() -> None:
    """Where the text was changed, all of them go: a hook does not know the parts of what it took out."""
    chances = (TokenChances(MARK, -0.5, ((MARK, -0.5), ("no", -1.0))),)
    assert redacted(chances, masked) == (TokenChances("***", -0.5, (("***", -0.5), ("no", -1.0))),)
    parts = (TokenChances("sk-marked", -0.5), TokenChances("-4711", -0.5))
    assert redacted(a_call(reply=MARK, logprobs=parts), masked).logprobs == ()
    assert redacted(a_call(reply="Yes.", logprobs=parts), masked).logprobs == parts


def test_names_and_keys_are_no_texts() -> None:
    """A hook that rewrites all it sees leaves a record that can be read and listed."""
    rewritten = redacted(MARKED_RECORD, lambda _: "x")
    assert rewritten.run_id == MARKED_RECORD.run_id
    assert rewritten.calls[0].call_id == "1.answer.a"
    assert rewritten.calls[0].fingerprint == MARKED_CALL.fingerprint
    assert rewritten.ensemble.agents[0].model == "test:a"
    assert rewritten.calls[0].text == "x"


def stored_bytes(path: Path) -> bytes:
    """Return all that a journal holds, unpacked."""
    with sqlite3.connect(path) as connection:
        cells = [
            cell
            for table in ("moa_runs", "moa_calls", "moa_decisions", "moa_events")
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - the names are here
            for cell in row
        ]
    connection.close()
    return b"\n".join(plain_json(cell) if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def test_nothing_of_it_reaches_the_file(tmp_path: Path) -> None:
    """Not in a head, a call or a record, nor packed, nor in what SQLite leaves behind."""
    path = tmp_path / "journal.db"

    async def scenario() -> None:
        async with open_journal(path, redact=masked) as journal:
            place = await journal.begin(MARKED_HEAD)
            await place.put("key", MARKED_CALL)
            assert await place.find("key", call_id="1.answer.a") == MARKED_CALL
            await place.end(MARKED_RECORD)
            await journal.keep_events("run-1", list(enumerate(MARKED_EVENTS, 1)))
            assert [event for _, event in await journal.events("run-1")] == [
                redacted(event, masked) for event in MARKED_EVENTS
            ]
            record = await journal.record("run-1")
            assert record == redacted(MARKED_RECORD, masked)
            (line,) = await journal.rows()
            assert (line.question, line.text) == ("***", "***")

    run(scenario)
    stored = stored_bytes(path)
    assert b"***" in stored
    assert MARK.encode() not in stored
    assert MARK.encode() not in path.read_bytes()


def test_a_redacted_call_is_not_replayed(tmp_path: Path) -> None:
    """Neither in its own run, once its process is gone, nor in another; it still counts and still shows."""

    async def scenario() -> None:
        journal = open_journal(tmp_path / "journal.db", redact=masked)
        place = await journal.begin(a_head())
        await place.put("key", a_call(reply=f"It says {MARK}."))
        await place.put("other", a_call("1.answer.b"))
        await journal.aclose()
        place = await journal.resume("run-1")
        other = await journal.begin(a_head("run-2"), has_reuse=True)
        for reader in (place, other):
            assert await reader.find("key", call_id="1.answer.a") is None
            assert await reader.find("other", call_id="1.answer.b") is not None
        shown = (await journal.record("run-1")).calls
        assert [call.text for call in shown] == ["It says ***.", "It scatters."]
        await journal.aclose()

    run(scenario)


def test_a_redacted_question_is_not_taken_up(tmp_path: Path) -> None:
    """A run of another question than was asked would be no resume."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db", redact=masked) as journal:
            place = await journal.begin(MARKED_HEAD)
            await place.release()
            assert await journal.unfinished(MARKED_HEAD.request_key) is None
            for _ in range(2):
                with pytest.raises(StoreError, match="question redacted: ask anew"):
                    await journal.resume("run-1")
            await journal.delete("run-1")

    run(scenario)


def test_an_answer_that_is_wanted_otherwise_is_not_taken_up(tmp_path: Path) -> None:
    """A changed tool would be another tool; a changed label changes nothing."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db", redact=masked) as journal:
            for name, told in (("tools", {"wanted": WANTED}), ("labels", {"labels": {"note": MARK}})):
                await (await journal.begin(a_head(name, request_key=name, **told))).release()
            assert await journal.unfinished("tools") is None
            assert await journal.unfinished("labels") == "labels"
            assert (await journal.head("labels")).labels == {"note": "***"}

    run(scenario)


def _breaks(_: str) -> str:
    raise ValueError("no such key")


def _forgets(_: str) -> str:
    return None  # type: ignore[return-value]  # the fault that is tried


@pytest.mark.parametrize(("hook", "because"), [(_breaks, "hook failed.*no such key"), (_forgets, "returned NoneType")])
def test_a_hook_that_fails_stores_nothing(tmp_path: Path, hook: type, because: str) -> None:
    """Better no journal than a text that should not be in it."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db", redact=hook) as journal:
            with pytest.raises(StoreError, match=because):
                await journal.begin(a_head())
            assert await journal.rows() == []

    run(scenario)


def test_a_hook_that_fails_keeps_no_events(tmp_path: Path) -> None:
    """The run is there; its other events can still be kept."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db") as journal:
            await (await journal.begin(a_head())).release()
        async with open_journal(tmp_path / "journal.db", redact=_breaks) as journal:
            with pytest.raises(StoreError, match="hook failed"):
                await journal.keep_events("run-1", list(enumerate(MARKED_EVENTS, 1)))
            assert await journal.events("run-1") == []

    run(scenario)


def test_a_hook_that_fails_on_a_big_call_stores_nothing(tmp_path: Path) -> None:
    """It runs beside the event loop then; other calls are stored."""

    def hook(text: str) -> str:
        return _breaks(text) if len(text) > 1_000 else text

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db", redact=hook) as journal:
            place = await journal.begin(a_head())
            with pytest.raises(StoreError, match="hook failed"):
                await place.put("key", a_call(messages=(*QUESTION, user("x" * 500_000))))
            await place.put("key", a_call("1.answer.b"))
            assert [row.calls for row in await journal.rows()] == [1]

    run(scenario)
