"""What a run does when its limits come near: less attention, fewer layers, the best that is finished; all labelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.config import CallPolicy, EnsembleSpec, LimitSpec, PromptSpec, StopRule
from attention_moa.errors import BudgetError, DeadlineError, OverLimitError, RunError, StoreError
from attention_moa.events import Degraded, VerdictReached
from attention_moa.messages import CallRequest, Stage, Usage
from attention_moa.money import Price
from attention_moa.prompts import estimate_tokens
from attention_moa.providers.scripted import Line
from attention_moa.records import RunRecord, Verdict
from attention_moa.store.memory import MemoryJournal, MemoryRun
from tests.journals import a_head
from tests.lives import Cut, Story
from tests.worlds import Says, World, a_spec, call, default_reply

USED = Usage(input_tokens=400, output_tokens=100)
"""Of every call: a layer of three agents takes 8,000 tokens, the residual call 500 more."""


def a_limited_spec(max_tokens: int | None = 100, price: Price | None = None, **limits: Any) -> EnsembleSpec:
    """Return three agents and three layers with these limits."""
    agents = [AgentSpec(name=name, model="test:m", max_tokens=max_tokens, price=price) for name in "abc"]
    rule = StopRule(rule="none")
    return a_spec(agents, layers=3, limits=LimitSpec(**limits), prompts=PromptSpec(style="small"), early_stop=rule)


def counted(request: CallRequest) -> Line:
    """Say which call this is; it took 500 tokens."""
    return Line(text=default_reply(request), usage=USED)


def as_asked(request: CallRequest) -> Line:
    """Say which call this is; it took what was asked for, to the last token."""
    usage = Usage(input_tokens=estimate_tokens(request.messages), output_tokens=request.sampling.max_tokens)
    return Line(text=default_reply(request), usage=usage)


def a_world(spec: EnsembleSpec, journal: MemoryRun | None = None, says: Says = counted) -> World:
    """Return a world of calls that take a second and, unless told, 500 tokens."""
    return World(spec, {stage.value: says for stage in Stage}, journal=journal, latency_s=lambda _: 1.0)


def a_place() -> MemoryRun:
    """Return a run's place in a journal."""
    return asyncio.run(MemoryJournal().begin(a_head()))


def told(record: RunRecord) -> list[tuple[int, str]]:
    """Return what stood in for something better."""
    return [(entry.layer, entry.what) for entry in record.degraded]


def peers_in(record: RunRecord, layer: int) -> int:
    """Return how many peers criticised each answer."""
    return len({pair for pair in record.layers[layer - 1].critiques if pair[0] != pair[1]}) // 3


@pytest.mark.parametrize(
    ("tokens", "peers", "text"),
    [
        (26_000, [2, 2, 2], "says 3.residual.a"),
        (22_000, [2, 2, 0], "says 3.residual.a"),
        (18_000, [2, 2], "says 2.residual.a"),
        (15_000, [2, 1], "says 2.residual.a"),
        (13_500, [2, 0], "says 2.residual.a"),
        (9_000, [2], "says 1.summary.a"),
        (7_500, [2], "says 1.refine.a"),
        (500, [2], "says 1.answer.a"),
    ],
)
def test_with_less_to_spend_a_run_does_less_and_says_so(tokens: int, peers: list[int], text: str) -> None:
    """First fewer critiques, then fewer layers, at last the best that is finished."""
    world = a_world(a_limited_spec(tokens=tokens))
    record = world.run()
    assert [peers_in(record, layer.layer) for layer in record.layers] == peers
    assert (record.state, record.text) == ("finished", text)
    assert bool(record.degraded) == (tokens < 26_000)
    assert record.degraded == tuple(event.degradation for event in world.events if isinstance(event, Degraded))


def test_a_run_that_ends_for_its_limit_says_so_in_its_verdict() -> None:
    """And tells it."""
    world = a_world(a_limited_spec(tokens=9_000))
    reason = "too little for another: 1,000 of 9,000 tokens left"
    verdict = Verdict(layer=1, is_stop=True, rule="limit", reason=reason)
    assert world.run().verdict == verdict
    assert [event.verdict for event in world.events if isinstance(event, VerdictReached)][-1] == verdict
    assert told(world.record) == [(2, "the output of layer 1 is returned")]


def test_a_layer_without_any_call_for_the_limit_ends_the_run_with_the_layer_before() -> None:
    """Where the layer looked as if it could be paid."""
    place = a_place()
    asyncio.run(place.decide("2.peers", 2))
    record = a_world(a_limited_spec(tokens=8_001), place).run()
    assert (record.text, record.state) == ("says 1.summary.a", "finished")
    assert {loss.kind for loss in record.losses if not loss.is_skipped} == {"OverLimitError"}
    assert record.verdict is not None
    assert record.verdict.rule == "limit"
    assert told(record) == [(2, "the output of layer 1 is returned")]


def test_attention_that_was_made_sparser_stays_so() -> None:
    """The next layer is measured by the sparse one: what that left out is not taken for free."""
    record = a_world(a_limited_spec(tokens=20_500)).run()
    assert [peers_in(record, layer.layer) for layer in record.layers] == [2, 2]
    record = a_world(replace(a_limited_spec(tokens=21_000), layers=4)).run()
    assert [peers_in(record, layer.layer) for layer in record.layers] == sorted(
        [peers_in(record, layer.layer) for layer in record.layers], reverse=True
    )


def test_what_was_decided_for_a_layer_is_kept_and_holds() -> None:
    """A resumed run has another amount left, and decides the same."""
    place = a_place()
    first = a_world(a_limited_spec(tokens=15_000), place).run()
    assert place.decision("2.peers") == 1
    assert place.decision("3.peers") == -1
    again = a_world(a_limited_spec(tokens=15_000), place)
    assert again.run().text == first.text
    assert again.asked == []
    assert told(again.record) == told(first)


def test_no_limit_is_passed_by_a_run_whose_calls_keep_to_their_max_tokens() -> None:
    """Whatever is asked for at once."""
    for tokens in range(3_000, 30_000, 1_500):
        record = a_world(a_limited_spec(tokens=tokens), says=as_asked).run()
        assert 0 < record.usage.input_tokens + record.usage.output_tokens <= tokens


def test_no_money_is_spent_beyond_the_limit() -> None:
    """Whatever is asked for at once."""
    for usd in (0.02, 0.05, 0.1, 0.2):
        record = a_world(a_limited_spec(price=Price(input=10.0, output=20.0), usd=usd), says=as_asked).run()
        assert 0.0 < record.usage.cost_usd <= usd


def test_a_reply_that_the_limit_cut_while_the_model_thought_says_so() -> None:
    """Its own ``max_tokens`` is not what has to be raised."""
    spec = replace(a_limited_spec(max_tokens=2_000, tokens=1_200), agents=a_limited_spec(2_000).agents[:1])
    world = World(spec, {"1.answer.a": Line(text="", thinking="hm", finish_reason="length")})
    with pytest.raises(RunError, match=r"only thinking.*; the run's limit had cut the reply to 1,\d\d\d tokens"):
        world.run()


def test_agents_that_a_limit_leaves_nothing_for_are_named_in_one_breath() -> None:
    """The same is said once."""
    with pytest.raises(BudgetError, match=r"^no agent gave an answer \(a, b, c: limits\.tokens: [^;]*\)$"):
        a_world(a_limited_spec(tokens=1)).run()


def test_a_reply_that_is_cut_is_kept_told_and_noted() -> None:
    """The request has the lower number; a resumed run finds the reply under it, and tells it again."""
    place = a_place()
    spec = replace(a_limited_spec(max_tokens=2_000, tokens=2_900), agents=a_limited_spec(2_000).agents[:1])
    world = a_world(spec, place)
    record = world.run()
    sent = {request.stage: request.sampling.max_tokens for request in world.requests}
    most = sent[Stage.REFINE]
    assert most is not None
    assert most < 2_000
    assert place.decision("1.refine.a.max_tokens") == most
    assert (1, f"its reply may take {most:,} tokens, not 2,000") in told(record)
    assert call(record, "1.refine.a").sampling.max_tokens == most
    again = a_world(spec, place)
    assert again.run().text == record.text
    assert again.asked == []
    assert told(again.record) == told(record)


def test_a_reply_without_a_limit_gets_one_in_a_limited_run() -> None:
    """Always the same, so it is no decision, and no cut."""
    place = a_place()
    world = a_world(a_limited_spec(max_tokens=None, tokens=500_000), place)
    assert told(world.run()) == []
    assert {request.sampling.max_tokens for request in world.requests} == {4096}
    assert place.decision("1.answer.a.max_tokens") is None
    assert a_world(a_limited_spec(max_tokens=None, tokens=500_000), place).run().usage.calls == len(world.requests)


def test_a_second_cut_of_a_call_is_kept_beside_the_first() -> None:
    """The reply is found under whichever it was sent with."""
    place = a_place()
    asyncio.run(place.decide("1.answer.a.max_tokens", 90))
    spec = a_limited_spec(tokens=600)
    world = a_world(replace(spec, agents=spec.agents[:1], layers=1), place)
    world.run()
    first = world.requests[0]
    assert first.sampling.max_tokens == 90, "what was decided before is the most that it gets now"
    place = a_place()
    asyncio.run(place.decide("1.answer.a.max_tokens", 90))
    limits = LimitSpec(tokens=estimate_tokens(first.messages) + 70)
    worlds = [a_world(replace(spec, agents=spec.agents[:1], layers=1, limits=limits), place) for _ in range(2)]
    assert [lower.run().calls[0].sampling.max_tokens for lower in worlds] == [70, 70]
    assert worlds[1].asked == []
    assert place.decision("1.answer.a.max_tokens.2") == 70


def test_what_is_too_little_for_any_answer_is_an_error_with_the_record() -> None:
    """Nothing was sent."""
    world = a_world(a_limited_spec(tokens=60))
    with pytest.raises(BudgetError, match="too little for this call") as caught:
        world.run()
    assert world.asked == []
    assert caught.value.partial is not None
    assert {loss.kind for loss in caught.value.partial.losses if not loss.is_skipped} == {OverLimitError.__name__}


class FullPlace(MemoryRun):
    """A place that takes no decision."""

    async def decide(self, key: str, value: object) -> None:
        raise StoreError(f"no space for {key} = {value}")


def test_a_cut_that_cannot_be_kept_reserves_nothing_and_ends_the_run() -> None:
    """An attempt that a resumed run would not know of is not made."""
    place = a_place()
    full = FullPlace(place._journal, place._run, has_reuse=False)  # noqa: SLF001 - the same place, with a bug
    world = a_world(a_limited_spec(max_tokens=2_000, tokens=1_500), full)
    with pytest.raises(StoreError, match=r"no space for 1\.answer\.a\.max_tokens = "):
        world.run()
    assert world.asked == []


@pytest.mark.parametrize(
    ("deadline_s", "text", "what"),
    [
        (1.5, "says 1.answer.a", "the text of a, the one most like all the others, is returned"),
        (3.5, "says 1.refine.a", "the text of a, the one most like all the others, is returned"),
        (4.5, "says 1.summary.a", "the output of layer 1 is returned"),
        (7.5, "says 1.summary.a", "the output of layer 1 is returned"),
        (8.5, "says 2.summary.a", "the layer's summary is returned"),
    ],
)
def test_at_the_deadline_the_best_that_is_finished_is_returned(deadline_s: float, text: str, what: str) -> None:
    """Labelled, in the record and to observers."""
    world = a_world(a_limited_spec(deadline_s=deadline_s))
    record = world.run()
    assert (record.text, record.wall_s) == (text, deadline_s)
    assert told(record)[-1][1] == what
    assert record.verdict is not None
    assert (record.verdict.rule, record.verdict.is_stop) == ("deadline", True)
    assert record.degraded[-1].why == f"the deadline of {deadline_s:g} s passed"
    assert "cancelled" in {entry.state for entry in record.calls}


@pytest.mark.parametrize(("deadline_s", "whose"), [(1.5, "1.answer.a"), (8.5, "1.answer.b"), (12.5, "1.summary.a")])
def test_what_a_deadline_returned_is_returned_again_by_a_run_that_has_new_time(deadline_s: float, whose: str) -> None:
    """Where the process died before it could keep the record; nothing is sent for it."""
    spec = a_limited_spec(deadline_s=deadline_s)
    story = Story(spec, seed=3)
    first = story.live(Cut(is_kill=False))
    assert str(first.text).startswith(f"{whose} has read ")
    story.journal._runs[str(story.run_id)].state = "running"  # noqa: SLF001 - as if it had died
    story.journal._runs[str(story.run_id)].record = None  # noqa: SLF001 - as if it had died
    again = story.live()
    assert story.lives[-1] == []
    assert again.text == first.text
    assert again.verdict == first.verdict


def test_a_deadline_before_any_answer_is_an_error_with_the_record() -> None:
    """A resumed run has new time, and nothing that binds it."""
    place = a_place()
    world = a_world(a_limited_spec(deadline_s=0.5), place)
    with pytest.raises(DeadlineError, match=r"deadline of 0\.5 s passed before any answer") as caught:
        world.run()
    assert caught.value.partial is not None
    assert [entry.state for entry in caught.value.partial.calls] == ["cancelled"] * 3
    assert place.decision("1.deadline") is None


def test_a_deadline_whose_text_the_journal_has_no_more_is_a_new_one() -> None:
    """It is returned again only where it is there."""
    place = a_place()
    asyncio.run(place.decide("1.deadline", ["1.answer.zoe"]))
    assert a_world(a_limited_spec(deadline_s=1.5), place).run().text == "says 1.answer.a"


def test_a_timeout_of_somebody_else_is_not_the_deadline() -> None:
    """Such as one that escapes a journal."""

    class Slow(MemoryRun):
        async def find(self, fingerprint: str, *, call_id: str) -> None:
            raise TimeoutError(f"{fingerprint} {call_id}")

    place = a_place()
    slow = Slow(place._journal, place._run, has_reuse=False)  # noqa: SLF001 - the same place, with a bug
    with pytest.raises(TimeoutError):
        a_world(a_limited_spec(deadline_s=100.0), slow).run()


def test_attempts_that_failed_count_against_the_limit() -> None:
    """They reserve like any other; one that nobody counted is as dear as it could be."""
    spec = replace(a_limited_spec(tokens=20_000), calls=CallPolicy(attempts=2, retry_wait_s=0.0), layers=1)
    cut = Line(text="half", finish_reason=None)
    world = World(replace(spec, agents=spec.agents[:1]), {"1.answer.a": lambda _: cut})
    with pytest.raises(Exception, match="a: "):
        world.run()
    assert world.record.usage.unknown_calls == 2
