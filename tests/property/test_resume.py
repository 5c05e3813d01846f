"""A run that is cut anywhere and taken up ends as it would have: nothing is sent again, and nothing forgotten."""

from __future__ import annotations

import random
from typing import Any

import pytest

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import AttentionSpec, CallPolicy, EnsembleSpec, LimitSpec, QuorumSpec, StopRule
from attention_moa.messages import CallRequest, Reply, ReplyFormat, Stage, ToolCall, ToolSpec, ToolUse
from attention_moa.money import Price
from attention_moa.providers.scripted import Said
from attention_moa.records import RunRecord
from tests.baseline_world import LAYERED, ONE_AGENT, STRATEGIES
from tests.lives import FIRST_SEED, Cut, Story, attempts, name_of_choice
from tests.worlds import USAGE, a_spec

CUTS = 70
"""For each kind of run."""

QUICK = CallPolicy(attempts=3, retry_wait_s=0.5)
PRICE = Price(input=1000.0, output=2000.0)


def a_random_spec(draw: random.Random, *, seeds: int | None = None, **fields: Any) -> EnsembleSpec:
    """Return an ensemble of two to four agents in some form, each with a seed where one is given."""
    size = draw.randint(2, 4)
    names = [f"agent-{number}" for number in range(size)]
    agents = [AgentSpec(name=name, model="test:m", price=PRICE, max_tokens=400, seed=seeds) for name in names]
    told: dict[str, Any] = {
        "layers": draw.randint(1, 3),
        "attention": AttentionSpec(
            own=draw.random() < 0.7,
            peers=draw.choice(["all", 1]),
            mode=draw.choice(["pairwise", "panel"]),
        ),
        "early_stop": StopRule(rule=draw.choice(["verdict", "similarity", "none"]), threshold=0.6),
        "summary": WriterSpec(model=names[-1], fallback=(names[0],)),
        "residual": ResidualSpec(fallback=(names[0],), history=draw.choice(["outputs", "summaries"])),
        "layout": draw.choice(["continue", "paper", "compact"]),
        "calls": QUICK,
    }
    return a_spec(agents, **(told | fields))


def a_cut(draw: random.Random, whole: RunRecord, **told: Any) -> Cut:
    """Return a random end of a life: at a time, or with a write to the journal."""
    if draw.random() < 0.5:
        return Cut(at_s=draw.uniform(0.0, whole.wall_s), **told)
    return Cut(at_write=draw.randint(1, len(whole.calls) + 1), is_written=draw.random() < 0.5, **told)


def texts(record: RunRecord) -> dict[str, str | None]:
    """Return what every call gave; cancelled ones gave nothing."""
    return {call.call_id: call.text for call in record.calls if call.state == "finished"}


def lost(record: RunRecord) -> set[tuple[object, ...]]:
    """Return what is missing, and why."""
    return {(loss.layer, loss.stage, loss.agent, loss.peer, loss.kind, loss.message) for loss in record.losses}


def resumed(story: Story, cuts: list[Cut]) -> RunRecord:
    """Return the record of a run that is cut so and then ends; check what holds of every such run on the way."""
    journaled: set[str] = set()
    decided: dict[str, object] = {}
    records: list[RunRecord] = []
    for cut in [*cuts, Cut()]:
        records.append(story.live(cut))
        is_tried_again = bool(cuts) and not cuts[0].is_kill
        sent = set(story.lives[-1])
        assert not journaled & sent, "a journaled call was sent again"
        for call in story.journaled:
            if call.call_id not in journaled and call.call_id in sent:
                assert call.ended_s >= story.elapsed_s, "the clock went back"
        journaled = {c.call_id for c in story.journaled if c.state == "finished" or not is_tried_again}
        assert decided.items() <= story.decisions.items(), "a decision was changed"
        decided = story.decisions
    record = records[-1]
    ids = [(call.call_id, call.fingerprint) for call in record.calls]
    assert len(ids) == len(set(ids))
    known = {(call.call_id, call.fingerprint): call for call in record.calls}
    for call in story.journaled:
        assert known[call.call_id, call.fingerprint].attempts == call.attempts, "a journaled call is not in the record"
    assert attempts(record) <= len(story.requests)
    return record


@pytest.mark.parametrize("seed", range(CUTS))
def test_a_killed_run_ends_as_it_would_have(seed: int) -> None:
    """The same texts, losses, stand-ins and verdicts; what was in flight is all that is sent twice."""
    draw = random.Random(seed)
    spec = a_random_spec(draw)
    told: dict[str, Any] = {"failures": draw.choice([0.0, 0.1, 0.4]), "stop_share": 0.5}
    whole = Story(spec, seed, **told).live()
    record = resumed(Story(spec, seed, **told), [a_cut(draw, whole) for _ in range(draw.randint(1, 3))])
    assert record.text == whole.text
    assert record.state == whole.state
    assert record.verdict == whole.verdict
    if told["failures"] == 0.0:
        assert texts(record) == texts(whole)
        assert lost(record) == lost(whole)
        assert set(record.degraded) == set(whole.degraded)


@pytest.mark.parametrize("seed", range(CUTS))
def test_a_cancelled_run_that_is_taken_up_forgets_no_attempt(seed: int) -> None:
    """Its ledger has an attempt for every request that any of its lives sent."""
    draw = random.Random(seed)
    spec = a_random_spec(draw)
    whole = Story(spec, seed, stop_share=0.3).live()
    story = Story(spec, seed, stop_share=0.3)
    record = resumed(story, [a_cut(draw, whole, is_kill=False)])
    assert (record.text, record.verdict) == (whole.text, whole.verdict)
    assert attempts(record) == len(story.requests)


@pytest.mark.parametrize("seed", range(CUTS))
def test_what_time_and_money_decided_stays_decided(seed: int) -> None:
    """Quorums, deadlines, limits, second attempts: a run that is over tells the same once more, for nothing."""
    draw = random.Random(seed)
    kind = ("quorum", "deadline", "usd", "tokens")[seed % 4]
    limits = {
        "deadline": LimitSpec(deadline_s=draw.uniform(3.0, 30.0)),
        "usd": LimitSpec(usd=draw.uniform(1.0, 30.0)),
        "tokens": LimitSpec(tokens=draw.randint(600, 20_000)),
    }
    quorum = QuorumSpec(critiques=1, refinements=draw.choice([1, 2]), grace_s=draw.choice([0.0, 0.5]))
    spec = a_random_spec(
        draw,
        limits=limits.get(kind, LimitSpec()),
        quorum=quorum if kind == "quorum" else QuorumSpec(),
        calls=CallPolicy(attempts=3, retry_wait_s=0.5, hedge_s=draw.choice([None, 2.0])),
    )
    told: dict[str, Any] = {"failures": draw.choice([0.0, 0.2])}
    whole = Story(spec, seed, **told).live()
    story = Story(spec, seed, **told)
    record = resumed(story, [a_cut(draw, whole)])
    if record.state != "finished":
        return
    again = story.live()
    assert story.lives[-1] == []
    assert (again.text, again.state, again.verdict) == (record.text, "finished", record.verdict)
    assert {loss for loss in lost(record) if loss[4] == "Late"} == {loss for loss in lost(again) if loss[4] == "Late"}
    assert texts(again) == texts(record)


TOOLS = (ToolSpec("look", "Looks something up.", {"type": "object"}), ToolSpec("add"))
FORM = ReplyFormat("json_schema", name="count", schema={"type": "object", "required": ["n"]})


def a_wish(draw: random.Random) -> AnswerSpec:
    """Return what an answer is to be: tools, a form, stops, several of them."""
    tools = ToolUse(TOOLS, choice=draw.choice(["auto", "required"]), only=None)
    return AnswerSpec(
        tools=tools if draw.random() < 0.6 else None,
        reply_format=FORM if draw.random() < 0.6 else None,
        stop=("read 1", "read 2") if draw.random() < 0.3 else (),
        choices=draw.choice([1, 2, 3]),
    )


def acts(request: CallRequest, text: str) -> Said:
    """Call a tool, keep to a form, or fail to: by what the prompt holds, so that every life says the same."""
    draw = random.Random(f"{name_of_choice(request)} {len(request.messages[-1].text)}")
    if request.tools is not None and draw.random() < (0.8 if request.tools.choice == "required" else 0.3):
        call = ToolCall(f"call-{name_of_choice(request)}", "look", '{"q": 1}')
        return Reply(text=draw.choice(["", text]), finish_reason="tool_calls", tool_calls=(call,), usage=USAGE)
    has_form = request.reply_format is not None and draw.random() < (0.9 if request.stage is Stage.REPAIR else 0.5)
    return '```json\n{"n": 1}\n```' if has_form else text


@pytest.mark.parametrize("seed", range(CUTS))
def test_a_killed_run_has_the_answers_that_it_would_have_had(seed: int) -> None:
    """Its tool calls, its form and its further answers; no paid call is sent twice, the mending ones neither."""
    draw = random.Random(seed)
    spec, wanted = a_random_spec(draw, seeds=FIRST_SEED), a_wish(draw)
    told: dict[str, Any] = {"failures": draw.choice([0.0, 0.2]), "stop_share": 0.3, "wanted": wanted, "says": acts}
    whole = Story(spec, seed, **told).live()
    record = resumed(Story(spec, seed, **told), [a_cut(draw, whole) for _ in range(draw.randint(1, 3))])
    assert (record.state, record.text, record.tool_calls) == (whole.state, whole.text, whole.tool_calls)
    assert (record.finish_reason, record.choices) == (whole.finish_reason, whole.choices)
    assert (record.verdict, record.error) == (whole.verdict, whole.error)
    if told["failures"] == 0.0:
        assert texts(record) == texts(whole)
        assert lost(record) == lost(whole)


@pytest.mark.parametrize("strategy", [*STRATEGIES, "attention-moa"])
def test_a_run_of_several_answers_that_is_cut_at_any_write_pays_for_none_twice(strategy: str) -> None:
    """Whatever ran, and whichever call was the last one that was kept."""
    agents = [AgentSpec(name=f"agent-{number}", model="test:m", seed=FIRST_SEED) for number in range(2)]
    fields: dict[str, Any] = {"layers": 2 if strategy in {*LAYERED, "attention-moa"} else 3}
    if strategy in ONE_AGENT:
        fields |= {"samples": 2} if strategy != "single" else {}
        agents = agents[:1]
    spec = a_spec(agents, strategy=strategy, calls=QUICK, **fields)
    told: dict[str, Any] = {"wanted": AnswerSpec(reply_format=FORM, choices=2), "says": acts}
    whole = Story(spec, 1, **told).live()
    for write in range(1, len(whole.calls) + 1):
        record = resumed(Story(spec, 1, **told), [Cut(at_write=write)])
        assert (record.state, record.text, record.choices) == (whole.state, whole.text, whole.choices)
        if whole.state == "finished":  # a run that fails ends what is under way
            assert texts(record) == texts(whole)
