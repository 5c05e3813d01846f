"""The library, asked for more than a text: tools, forms, several answers, another spec, a salt; and whose runs are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import LimitSpec, PromptSpec, with_layers
from attention_moa.errors import BudgetError, ConfigError
from attention_moa.events import AnswerDelta, Event
from attention_moa.journaling import RunWish
from attention_moa.messages import Conversation, ReplyFormat, Stage, ToolSpec, ToolUse
from attention_moa.providers.scripted import ScriptedProvider
from attention_moa.records import Choice, RunRecord
from attention_moa.runtime import Ensemble
from attention_moa.store.memory import MemoryJournal
from tests.answers import told
from tests.worlds import SECRET, a_spec, default_reply

WHY = "Why is the sky blue?"
TOOLS = AnswerSpec(tools=ToolUse((ToolSpec("look"),)), choices=2)


def a_provider() -> ScriptedProvider:
    """Return one that says which call it is asked."""
    return ScriptedProvider(default_reply, pieces=3)


def an_ensemble(provider: ScriptedProvider, **fields: object) -> Ensemble:
    """Return an ensemble of two agents on one scripted provider."""
    return Ensemble(a_spec(2), providers={"test": provider}, secret=SECRET, **fields)  # type: ignore[arg-type] # as told


def test_a_run_is_asked_for_an_answer_of_a_kind() -> None:
    """Its record says what was wanted, and has all answers."""
    provider = a_provider()
    record = asyncio.run(an_ensemble(provider).run(WHY, wanted=TOOLS))
    assert (record.wanted, len(record.choices)) == (TOOLS, 1)
    assert isinstance(record.choices[0], Choice)
    assert {request.stage for request in provider.requests if request.tools} == {Stage.SUMMARY, Stage.RESIDUAL}


def test_an_answer_streams_while_it_is_written() -> None:
    """Its pieces are the answer's text, and come before the end."""

    async def scenario() -> tuple[list[Event], RunRecord]:
        events: list[Event] = []
        async with aclosing(
            an_ensemble(a_provider()).stream(WHY, deltas=True, limits=LimitSpec(tokens=900_000))
        ) as run:
            async for item in run:
                if isinstance(item, RunRecord):
                    return events, item
                events.append(item)
        raise AssertionError("a run ends with its record")

    events, record = asyncio.run(scenario())
    assert told(events) == record.text
    assert record.ensemble.limits.tokens == 900_000
    first = next(place for place, event in enumerate(events) if isinstance(event, AnswerDelta))
    assert type(events[first + 1]).__name__ != "RunFinished"


def test_a_schema_that_cannot_be_checked_is_an_error_before_anything_is_spent() -> None:
    """Of a run and of a stream."""
    provider = a_provider()
    wanted = AnswerSpec(reply_format=ReplyFormat("json_schema", schema={"type": "no type"}))
    ensemble = an_ensemble(provider)
    with pytest.raises(ConfigError, match="schema"):
        asyncio.run(ensemble.run(WHY, wanted=wanted))
    with pytest.raises(ConfigError, match="schema"):
        ensemble.stream(WHY, wanted=wanted)
    assert provider.requests == []


def test_another_spec_runs_with_the_same_providers() -> None:
    """Other layers, other prompts; the ensemble itself stays as it is."""
    provider = a_provider()
    ensemble = an_ensemble(provider)
    small = replace(with_layers(ensemble.spec, 1), prompts=PromptSpec(style="small"))
    record = asyncio.run(ensemble.run(WHY, spec=small))
    assert (record.ensemble, record.text, len(record.layers)) == (small, "says 1.summary.a", 1)
    assert "two or three sentences" in provider.requests[-1].messages[-1].text
    assert len(asyncio.run(ensemble.run(WHY)).layers) == 2
    with pytest.raises(BudgetError):
        asyncio.run(ensemble.run(WHY, spec=small, limits=LimitSpec(tokens=1)))


def test_runs_with_different_salts_share_no_prefix_and_no_tag() -> None:
    """Not even the first line, so no cache tells one what the other asked."""
    provider = a_provider()
    ensemble = an_ensemble(provider)
    asyncio.run(ensemble.run(WHY, salt="Salt of one."))
    one = [request.messages for request in provider.requests]
    provider.requests.clear()
    asyncio.run(ensemble.run(WHY, salt="Salt of two."))
    two = [request.messages for request in provider.requests]
    assert all(messages[0].text.startswith("Salt of one.") for messages in one)
    assert all(messages[0].text.startswith("Salt of two.") for messages in two)
    assert tags(one)
    assert tags(one).isdisjoint(tags(two))


def tags(prompts: Sequence[Conversation]) -> set[str]:
    """Return the words that fence what is quoted."""
    return {tag for messages in prompts for tag in re.findall(r"text-[0-9a-f]{8}", messages[-1].text)}


def test_a_run_says_whose_it_is_and_what_it_is_labelled_with() -> None:
    """Also where it goes on: then it has what it was begun with."""
    journal = MemoryJournal(secret=SECRET)
    wish = RunWish(owner="alice", labels={"topic": "sky"})
    record = asyncio.run(an_ensemble(a_provider(), journal=journal).run(WHY, wish=wish, wanted=TOOLS))
    assert (record.owner, record.labels) == ("alice", {"topic": "sky"})
    head = asyncio.run(journal.head(record.run_id))
    assert (head.owner, head.labels, head.wanted) == ("alice", {"topic": "sky"}, TOOLS)


def test_a_run_that_goes_on_is_the_same_kind_of_run(tmp_path: Path) -> None:
    """It is found by an equal request of its owner, sends nothing twice, and keeps its labels."""
    journal = tmp_path / "runs.db"
    wish = RunWish(owner="alice", labels={"topic": "sky"})
    half = ScriptedProvider(lambda request: ConfigError("stop here") if request.layer == 2 else default_reply(request))
    with pytest.raises(ConfigError, match="stop here"):
        asyncio.run(an_ensemble(half, journal=journal).run(WHY, wish=wish, wanted=TOOLS))
    rest = a_provider()
    again = RunWish(owner="alice")
    record = asyncio.run(an_ensemble(rest, journal=journal).run(WHY, wish=again, wanted=TOOLS))
    assert {request.layer for request in rest.requests} == {2}
    assert (record.labels, record.owner, len(record.choices)) == ({"topic": "sky"}, "alice", 1)


def test_a_model_that_closes_thinking_in_its_text_is_known_to_later_runs() -> None:
    """So that only the first answer of an ensemble may have to be told twice."""
    provider = ScriptedProvider(lambda _: "hm, well\n</think>\nBlue.", pieces=6)
    spec = a_spec(1, strategy="single", layers=1)
    ensemble = Ensemble(spec, providers={"test": provider}, secret=SECRET)

    async def events() -> list[str]:
        async with aclosing(ensemble.stream(WHY, deltas=True)) as run:
            return [type(item).__name__ async for item in run]

    async def scenario() -> tuple[list[str], list[str]]:
        return await events(), await events()

    first, second = asyncio.run(scenario())
    assert (first.count("AnswerReset"), second.count("AnswerReset")) == (1, 0)
