"""A journal with a run of every kind that there may be, made by the engine: for pages that are to show each of them.

names = asyncio.run(kept(tmp_path / "journal.db", every_kind()))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ResidualSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.errors import RefusedError
from attention_moa.messages import (
    CallRequest,
    Conversation,
    ImagePart,
    Message,
    ReplyFormat,
    Stage,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
)
from attention_moa.money import Price
from attention_moa.providers.scripted import Line, Said
from attention_moa.records import CallRecord, RunRecord
from attention_moa.rules import AttentionSpec, CallPolicy, LimitSpec, QuorumSpec, StopRule
from attention_moa.store import open_journal
from attention_moa.stored_runs import RunHead
from tests.baseline_world import STRATEGIES, a_baseline
from tests.lives import NO_CUT, Cut, Story
from tests.property.test_retelling import a_story
from tests.worlds import QUESTION, USAGE, a_spec

PRICE = Price(input=1.0, output=2.0)


class Kind(NamedTuple):
    """A run to be kept.

    Args:
        name: Of its kind, and its id.
        record: What there is of it.
        calls: What is journaled.
        decisions: What was decided in it.
        wanted: What its answer is to be.
        is_ended: Whether it came to its end; else its process died.
    """

    name: str
    record: RunRecord
    calls: Sequence[CallRecord]
    decisions: Mapping[str, object]
    wanted: AnswerSpec
    is_ended: bool


def every_kind(seeds: Iterable[int] = range(2)) -> Iterator[Kind]:
    """Yield runs of every strategy and of every end, each a few times as chance has it, and one of each odd kind.

    Args:
        seeds: Of what chance has of them.
    """
    for strategy in ("attention-moa", *STRATEGIES):
        for seed in seeds:
            story, cut = a_story(strategy, seed)
            yield _kind(f"{strategy}-{seed}", story, cut)
            story, _ = a_story(strategy, seed + 100)
            yield _kind(f"{strategy}-{seed}-killed", story, Cut(at_s=4.0 * seed + 2.0))
            yield _kind(f"{strategy}-{seed}-killed-twice", story, Cut(at_write=2))
            yield _kind(f"{strategy}-{seed}-went-on", story)
        plain = a_spec(2, layers=1) if strategy == "attention-moa" else a_baseline(strategy, 2, 2)
        yield _kind(f"{strategy}-three-choices", Story(plain, wanted=AnswerSpec(choices=3)))
        yield _kind(f"{strategy}-nothing-kept", Story(plain), Cut(at_write=1, is_written=False))
    yield from (_kind(name, story, cut) for name, (story, cut) in _odd_ones().items())


def _odd_ones() -> dict[str, tuple[Story, Cut]]:
    """Return what chance seldom has, by name."""
    duo, quick = a_spec(2, layers=2), CallPolicy(attempts=1)
    priced = [AgentSpec(name=name, model=f"test:{name}", price=PRICE, max_tokens=50) for name in "ab"]
    specs: dict[str, EnsembleSpec] = {
        "panel": a_spec(3, attention=AttentionSpec(mode="panel")),
        "panel-alone": a_spec(1, attention=AttentionSpec(mode="panel")),
        "without-attention": a_spec(3, attention=AttentionSpec(own=False, peers=0)),
        "self-only": a_spec(3, attention=AttentionSpec(own=True, peers=0)),
        "peers-only": a_spec(3, attention=AttentionSpec(own=False)),
        "sparse": a_spec(4, attention=AttentionSpec(peers=1)),
        "one-agent": a_spec(1),
        "without-residual": a_spec(2, residual=ResidualSpec(enabled=False), early_stop=StopRule(rule="none")),
        "alike": a_spec(2, early_stop=StopRule(rule="similarity", threshold=0.0, min_layers=1)),
        "alike-before": a_spec(2, early_stop=StopRule(rule="similarity", threshold=0.0, returns="previous")),
        "many": a_spec(12, layers=1),
        "paper": a_spec(2, layout="paper"),
        "compact": a_spec(2, layout="compact"),
        "deadline-at-once": a_spec(2, limits=LimitSpec(deadline_s=0.01)),
        "deadline": a_spec(2, limits=LimitSpec(deadline_s=9.0)),
        "tokens-at-once": a_spec(priced, limits=LimitSpec(tokens=1)),
        "money-at-once": a_spec(priced, limits=LimitSpec(usd=1e-9)),
        "money": a_spec(priced, layers=3, limits=LimitSpec(usd=0.005)),
        "quorum": a_spec(4, layers=2, quorum=QuorumSpec(critiques=1, refinements=1)),
        "hedged": a_spec(2, calls=CallPolicy(hedge_s=0.5)),
        "names": a_spec(
            [AgentSpec(name="A.b-c_d" * 9, model="test:" + "m" * 200), AgentSpec(name="9", model="test:x")]
        ),
    }
    odd = {name: (Story(spec), NO_CUT) for name, spec in specs.items()}
    for stage in Stage:
        says = _loses(stage)
        odd[f"lost-{stage.value}"] = (Story(replace(duo, calls=quick), says=says), NO_CUT)
        odd[f"lost-{stage.value}-of-one"] = (Story(replace(duo, calls=quick), says=_loses(stage, "a")), NO_CUT)
        odd[f"cut-{stage.value}"] = (Story(duo, says=_cuts(stage)), NO_CUT)
    texts: dict[str, Said] = {
        "hostile": '<script>window.ran = 1</script>"onmouseover="x\x00\x1b[31m\u202e $\\def\\x{\\x}$ [a](data:x)',
        "blank": " \n\t ",
        "long": "word " * 4_000,
        "lone-surrogate": "a \ud800 b",
        "no-usage": Line(text="Said without counts.", usage=None),
        "thinking": Line(text="Said.", thinking="Thought first."),
    }
    odd |= {name: (Story(duo, says=_says(said)), NO_CUT) for name, said in texts.items()}
    for name, conversation in _conversations().items():
        odd[f"asked-{name}"] = (Story(duo, conversation=conversation), NO_CUT)
    for name, wanted in _wanted().items():
        odd[f"wanted-{name}"] = (Story(duo, wanted=wanted), NO_CUT)
        odd[f"wanted-{name}-told"] = (Story(a_spec(2, layers=1), wanted=wanted, says=_ends_with(_TOLD[name])), NO_CUT)
    odd["cancelled-at-once"] = (Story(duo), Cut(at_s=0.0, is_kill=False))
    odd["cancelled"] = (Story(duo, seed=3), Cut(at_s=6.0, is_kill=False))
    odd["killed-at-once"] = (Story(duo), Cut(at_s=0.0))
    return odd


def _loses(stage: Stage, agent: str | None = None) -> Callable[[CallRequest, str], Said]:
    """Return what loses the calls of a stage, or one agent's of them."""

    def say(request: CallRequest, text: str) -> Said:
        return RefusedError("no") if request.stage is stage and agent in (None, request.agent) else text

    return say


def _cuts(stage: Stage) -> Callable[[CallRequest, str], Said]:
    """Return what is cut at its token limit in a stage."""
    return lambda request, text: (
        Line(text=text, finish_reason="length", usage=USAGE) if request.stage is stage else text
    )


def _says(said: Said) -> Callable[[CallRequest, str], Said]:
    """Return what says the same wherever no verdict is asked for."""
    return lambda request, text: text if request.stage in (Stage.RESIDUAL, Stage.SELECT) else said


def _ends_with(said: Said) -> Callable[[CallRequest, str], Said]:
    """Return what says it in the last words of a run of one layer."""
    return lambda request, text: said if request.stage is Stage.SUMMARY else text


_TOOL = ToolUse(tools=(ToolSpec(name="weather", description="Tells it.", parameters={"type": "object"}),))
_CALL = ToolCall("call-1", "weather", '{"city": "<b>Rome</b>"}')
_TOLD: Mapping[str, Said] = {
    "tools": Line(text="", tool_calls=(_CALL,), finish_reason="tool_calls", usage=USAGE),
    "json": '{"a": [1, "<b>"]}',
    "schema": '{"a": 1}',
    "stop": "One. Two. STOP Three.",
}


def _wanted() -> dict[str, AnswerSpec]:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    return {
        "tools": AnswerSpec(tools=_TOOL),
        "json": AnswerSpec(reply_format=ReplyFormat("json_object")),
        "schema": AnswerSpec(reply_format=ReplyFormat("json_schema", name="s", schema=schema), choices=2),
        "stop": AnswerSpec(stop=("STOP",)),
    }


def _conversations() -> dict[str, Conversation]:
    image = ImagePart(media_type="image/png", data=b"\x89PNG\r\n\x1a\n" + bytes(20))
    asks = Message("assistant", (), tool_calls=(_CALL,))
    return {
        "image": (Message("user", (TextPart("What is it?"), image, image)),),
        "image-alone": (Message("user", (image,)),),
        "image-url": (Message("user", (TextPart("?"), ImagePart(url="https://example.org/a.png"))),),
        "system": (Message("system", (TextPart("Be brief."),)), *QUESTION),
        "system-between": (
            *QUESTION,
            Message("assistant", (TextPart("So."),)),
            Message("system", (TextPart("!"),)),
            *QUESTION,
        ),
        "turns": (*QUESTION, Message("assistant", (TextPart("Since."),)), *QUESTION),
        "tool-result": (*QUESTION, asks, Message("tool", (TextPart("rain"),), tool_call_id="call-1")),
        "twice": (*QUESTION, *QUESTION),
        "named": (Message("user", (TextPart("Why?"),), name="<b>ann</b>"),),
        "long": (Message("user", (TextPart("why " * 20_000),)),),
        "odd": (Message("user", (TextPart("\U0001f4a9\u202e\x00\x1b <script>"),)),),
    }


def _kind(name: str, story: Story, cut: Cut = NO_CUT) -> Kind:
    """Let a story live on, and return what is to be kept of it."""
    record = story.live(cut)
    return Kind(
        name, record, story.journaled, story.decisions, record.wanted, is_ended=not cut.is_kill or cut == NO_CUT
    )


async def kept(file: Path, kinds: Iterable[Kind]) -> list[str]:
    """Return the ids of runs that are put into a journal, each as its server would have left it."""
    ids: list[str] = []
    async with open_journal(file) as journal:
        for minute, kind in enumerate(kinds):
            record = replace(kind.record, run_id=kind.name)
            head = RunHead(
                run_id=kind.name,
                created_at=f"2026-01-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00.000+00:00",
                ensemble=record.ensemble,
                conversation=record.conversation,
                request_key=kind.name,
                wanted=kind.wanted,
                labels={"kind": kind.name},
            )
            place = await journal.begin(head)
            for call in kind.calls:
                await place.put(call.fingerprint or call.call_id, call)
            for name, value in kind.decisions.items():
                await place.decide(name, value)
            if kind.is_ended:
                await place.end(record)
            await place.release()
            ids.append(kind.name)
    return ids
