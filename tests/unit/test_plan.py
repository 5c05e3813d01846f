"""What a run will take: every source of a number, and every way in which one is not known."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attention_moa.agents import AgentSpec, ModelSettings, ResidualSpec, WriterSpec
from attention_moa.budget import REPLY_TOKENS
from attention_moa.call_costs import CallCost, call_costs
from attention_moa.call_plan import critic_of, planned_calls
from attention_moa.config import AttentionSpec, CallPolicy, EnsembleSpec, StopMethod, StopRule
from attention_moa.experience import KindExperience, ModelExperience, Pace
from attention_moa.messages import Conversation, ImagePart, Message, Stage, TextPart, assistant, system, user
from attention_moa.money import Price
from attention_moa.plan import Plan, add_plans, bound_of, bound_remark, models_of, plan
from attention_moa.prompts import load_templates
from tests.worlds import LAYOUTS, QUESTION, a_spec

PRICE = Price(input=1.0, cached=0.1, output=10.0)
PACE = Pace(first_token_s=1.0, prompt_token_s=0.0, written_token_s=0.01, deviation_s=0.0)
TEMPLATES = load_templates()


def a_kind(**fields: Any) -> KindExperience:
    """Return what is known of calls that write 100 tokens."""
    told: dict[str, Any] = {
        "calls": 10,
        "written_tokens": 100.0,
        "written_p90_tokens": 120,
        "written_deviation": 0.0,
        "reasoning_tokens": 0.0,
        "text_tokens": 110.0,
        "cached_share": None,
    }
    return KindExperience(**(told | fields))


def known_of(*models: str, whole: KindExperience | None = None, **fields: Any) -> dict[str, ModelExperience]:
    """Return the experience of models, all the same."""
    told: dict[str, Any] = {"calls": 10, "kinds": {}, "whole": whole or a_kind(), "prompt_share": 1.0, "pace": PACE}
    return dict.fromkeys(models, ModelExperience(**(told | fields)))


def planned(
    spec: EnsembleSpec,
    known: dict[str, ModelExperience] | None = None,
    *,
    conversation: Conversation = QUESTION,
    price: Price | None = PRICE,
) -> Plan:
    """Return a plan."""
    return plan(spec, conversation, TEMPLATES, experience=known or {}, price_of=lambda _: price)


def costs(
    spec: EnsembleSpec, known: dict[str, ModelExperience] | None = None, conversation: Conversation = QUESTION
) -> dict[str, CallCost]:
    """Return what each call takes, by its id."""
    found = call_costs(spec, conversation, TEMPLATES, experience=known or {}, price_of=lambda _: PRICE)
    return {cost.call.call_id: cost for cost in found.costs}


def test_without_experience_replies_are_as_long_as_they_may_be() -> None:
    """By max_tokens, the critiques' own, and as a budget assumes where there is none."""
    agents = [AgentSpec(name="a", model="test:a", max_tokens=500), AgentSpec(name="b", model="test:b")]
    spec = a_spec(agents, layers=1, attention=AttentionSpec(max_tokens=50))
    found = costs(spec)
    assert {name: (cost.written_tokens, cost.written_is) for name, cost in found.items()} == {
        "1.answer.a": (500, "max_tokens"),
        "1.answer.b": (REPLY_TOKENS, "assumed"),
        **{f"1.critique.{i}.{j}": (50, "max_tokens") for i in "ab" for j in "ab"},
        "1.refine.a": (500, "max_tokens"),
        "1.refine.b": (REPLY_TOKENS, "assumed"),
        "1.summary.a": (500, "max_tokens"),
    }
    whole = planned(spec)
    assert whole.written_is == "assumed"
    assert [(basis.model, basis.written_is) for basis in whole.models] == [
        ("test:a", "max_tokens"),
        ("test:b", "assumed"),
    ]
    assert (whole.total.cached_tokens, whole.total.seconds, whole.models[0].has_cache) == (0, None, None)


def test_what_tokens_and_money_of_a_plan_are_is_said_with_what_makes_them_an_expectation() -> None:
    """The same words for the command line and the page."""
    assert [bound_of(source) for source in ("journal", "max_tokens", "assumed")] == ["", "at most", "a guess"]
    assert bound_remark("journal") == ""
    why = "what some models write is known only once the journal has calls of them"
    assert bound_remark("max_tokens") == f"tokens and money are at most so many: {why}"
    assert bound_remark("assumed").startswith(f"tokens and money are a guess: {why}, and a reply without max_tokens")


def test_with_experience_replies_are_as_long_as_they_were() -> None:
    """By kind, by all kinds where that one was not seen, and never longer than they may be."""
    kinds = {"answer": a_kind(written_tokens=300.0, reasoning_tokens=100.0, text_tokens=200.0)}
    known = known_of("test:a", "test:b", kinds=kinds)
    agents = [AgentSpec(name="a", model="test:a"), AgentSpec(name="b", model="test:b", max_tokens=30)]
    found = costs(a_spec(agents, layers=1), known)
    assert (found["1.answer.a"].written_tokens, found["1.answer.a"].reasoning_tokens) == (300, 100)
    assert (found["1.refine.a"].written_tokens, found["1.refine.a"].written_is) == (100, "journal")
    assert (found["1.answer.b"].written_tokens, found["1.answer.b"].reasoning_tokens) == (30, 10)
    assert planned(a_spec(agents), known).written_is == "journal"


def test_a_model_that_was_seen_to_write_nothing_writes_nothing() -> None:
    """And nothing is divided by it."""
    known = known_of("test:a", whole=a_kind(written_tokens=0.0))
    capped = a_spec([AgentSpec(name="a", model="test:a", max_tokens=30)])
    assert costs(capped, known)["1.answer.a"].written_tokens == 0


def test_prompts_are_counted_as_the_model_counts_them() -> None:
    """A tokenizer that makes half of what is estimated makes half of the plan."""
    half, full = known_of("test:a", prompt_share=0.5), known_of("test:a", prompt_share=None)
    spec = a_spec(1)
    assert planned(spec, half).total.prompt_tokens * 2 == pytest.approx(planned(spec, full).total.prompt_tokens, abs=2)


def test_money_is_the_price_of_all_tokens() -> None:
    """Cached ones are cheaper."""
    whole = planned(a_spec(2), known_of("test:a", "test:b", whole=a_kind(cached_share=0.5))).total
    fresh = whole.prompt_tokens - whole.cached_tokens
    assert whole.cached_tokens > 0
    assert whole.usd == pytest.approx((fresh + whole.cached_tokens * 0.1 + whole.written_tokens * 10) / 1e6, rel=0.01)


def test_an_unknown_price_is_named_and_never_nothing() -> None:
    """The others' agents are priced all the same."""
    found = plan(
        a_spec(2),
        QUESTION,
        TEMPLATES,
        experience={},
        price_of=lambda model: PRICE if model.model == "test:a" else None,
    )
    assert (found.total.usd, found.least.usd, found.agents["b"].usd) == (None, None, None)
    assert found.agents["a"].usd
    assert found.unpriced == ("test:b",)


def test_every_agent_is_asked_for_its_price_once() -> None:
    """A price list may be slow."""
    asked: list[str] = []

    def price_of(model: ModelSettings) -> None:
        asked.append(model.model)

    plan(a_spec(2), QUESTION, TEMPLATES, experience={}, price_of=price_of)
    assert asked == ["test:a", "test:b"]


def test_seconds_follow_the_data() -> None:
    """Five stages of two seconds in the second layer, four in the first."""
    spec = a_spec(2)
    found = planned(spec, known_of("test:a", "test:b"))
    assert [one.seconds for one in found.layers] == [pytest.approx(8.0), pytest.approx(18.0)]
    assert planned(spec, known_of("test:a")).total.seconds is None


def test_places_make_calls_wait() -> None:
    """Of the strictest of those that share a model; an embedded model has one for each agent."""
    shared = [AgentSpec(name=name, model="test:m", concurrency=places) for name, places in (("a", 1), ("b", 2))]
    assert costs(a_spec(shared, layers=1), known_of("test:m"))["1.critique.b.b"].end_s == pytest.approx(12.0)
    everybody = a_spec(2, layers=1, calls=CallPolicy(concurrency=2))
    assert costs(everybody, known_of("test:a", "test:b"))["1.critique.a.b"].end_s == pytest.approx(4.0)
    slots = [AgentSpec(name=name, model="embedded:m") for name in "ab"]
    assert costs(a_spec(slots, layers=1), known_of("embedded:m"))["1.critique.b.b"].end_s == pytest.approx(6.0)


def test_early_stopping_gives_a_range() -> None:
    """A verdict may come in its first layer at the earliest; likeness is found before the residual agent is asked."""
    known = known_of("test:a", "test:b")
    rules: tuple[tuple[StopMethod, int, int], ...] = (("verdict", 2, 0), ("similarity", 2, 1), ("none", 3, 0))
    for rule, first, spared in rules:
        found = planned(a_spec(2, layers=3, early_stop=StopRule(rule=rule)), known)
        assert found.least_layers == first
        assert found.least.calls == found.layers[first - 1].calls - spared
        assert found.total == found.layers[-1]
    late = planned(a_spec(2, layers=3, early_stop=StopRule(min_layers=4)), known)
    assert (late.least, late.least_layers) == (late.total, 3)
    (only,) = planned(a_spec(2, layers=1)).layers
    assert only.calls == 9


def test_every_sum_is_of_the_same_calls() -> None:
    """By stage and layer, by agent, by stage: all add up to the whole."""
    found = planned(a_spec(3, layers=2), known_of("test:a", "test:b", "test:c"))
    for parts in ([row.sum for row in found.rows], found.agents.values(), found.stages.values()):
        whole = add_plans(parts)
        assert whole.calls == found.total.calls
        assert whole.prompt_tokens == pytest.approx(found.total.prompt_tokens, abs=len(list(parts)))
        assert whole.usd == pytest.approx(found.total.usd)
    assert [(row.layer, row.stage) for row in found.rows][:2] == [(1, Stage.ANSWER), (1, Stage.CRITIQUE)]


def test_plans_of_several_questions_add_up() -> None:
    """One after the other; unknown stays unknown."""
    one = planned(a_spec(1), known_of("test:a")).total
    two = add_plans([one, one])
    assert (two.calls, two.seconds) == (2 * one.calls, 2 * (one.seconds or 0))
    assert add_plans([one, planned(a_spec(1)).total]).seconds is None


def test_a_plan_can_be_kept() -> None:
    """As JSON, and read back equal."""
    found = planned(a_spec(2), known_of("test:a"))
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(found)), Plan) == found


def test_the_models_of_an_ensemble_are_asked_for_once() -> None:
    """The writers' own too."""
    spec = a_spec(2, summary=WriterSpec(model="test:s"), residual=ResidualSpec(model="test:a"))
    assert models_of(spec) == ("test:a", "test:b", "test:s")


def test_a_model_that_is_known_to_have_a_cache_is_served_what_it_has_had() -> None:
    """Where it was never seen to serve one, nothing is expected."""
    spec = a_spec(2)
    everything = costs(spec, known_of("test:a", "test:b", whole=a_kind(cached_share=0.3)))
    nothing = costs(spec, known_of("test:a", "test:b", whole=a_kind(cached_share=0.0)))
    assert all(cost.cached_tokens == 0 for cost in nothing.values())
    assert everything["1.answer.a"].cached_tokens == 0
    own = everything["1.answer.a"].prompt_tokens + 110
    assert everything["1.critique.a.b"].cached_tokens == pytest.approx(own, abs=10)
    assert everything["1.refine.a"].cached_tokens == pytest.approx(own, abs=10)


def test_a_kind_is_served_as_much_as_was_seen() -> None:
    """All its prompts together: those with more to reuse get more of it; never more than there is."""
    spec = a_spec(1)
    kinds = {"critique": a_kind(cached_share=0.1), "refine": a_kind(cached_share=1.0), "answer": a_kind()}
    known = known_of("test:a", whole=a_kind(cached_share=0.3), kinds=kinds)
    found = costs(spec, known).values()
    critiques = [cost for cost in found if cost.call.stage is Stage.CRITIQUE]
    prompts = sum(cost.prompt_tokens for cost in critiques)
    assert sum(cost.cached_tokens for cost in critiques) == pytest.approx(prompts * 0.1)
    refined = next(cost for cost in found if cost.call.stage is Stage.REFINE)
    assert 0 < refined.cached_tokens < refined.prompt_tokens


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_can_be_reused_depends_on_the_layout(layout: Any) -> None:
    """``continue`` most, ``paper`` the conversation alone."""
    conversation = (system("Be brief. " * 30), user("Why? " * 200))
    known = known_of("test:a", "test:b", whole=a_kind(cached_share=1.0, text_tokens=1000.0))
    found = costs(a_spec(2, layout=layout), known, conversation)
    base = found["1.answer.a"].prompt_tokens
    assert found["1.critique.a.b"].cached_tokens == pytest.approx(base if layout == "paper" else base + 1000, abs=20)
    more = {"continue": 2000, "paper": 0, "compact": 0}[layout]
    assert found["2.critique.a.b"].cached_tokens == pytest.approx(base + more, abs=200)
    refined = {"continue": 2000, "paper": 0, "compact": 1000}[layout]
    assert found["2.refine.a"].cached_tokens == pytest.approx(base + refined, abs=200)
    assert found["1.summary.a"].cached_tokens == pytest.approx(base, abs=20)


def test_a_writer_of_its_own_has_read_nothing_in_the_first_layer() -> None:
    """From then on it has read the conversation, and the residual agent the outputs before the last."""
    spec = a_spec(2, layers=4, summary=WriterSpec(model="test:s"), residual=ResidualSpec(model="test:r"))
    known = known_of("test:a", "test:b", "test:s", "test:r", whole=a_kind(cached_share=1.0, text_tokens=1000.0))
    found = costs(spec, known)
    assert found["1.summary.summary"].cached_tokens == 0
    assert 0 < found["2.summary.summary"].cached_tokens < 100
    assert found["4.residual.residual"].cached_tokens == pytest.approx(2000, rel=0.1)
    kept = costs(msgspec.structs.replace(spec, residual=ResidualSpec(model="test:r", history="summaries")), known)
    assert kept["4.residual.residual"].cached_tokens == pytest.approx(3000, rel=0.1)


def test_long_turns_are_counted_whole() -> None:
    """Once in each prompt, however often a template shows their beginning."""
    long = (user("word " * 10_000), assistant("text " * 5_000), user("why " * 20_000))
    short = (user("word"), assistant("text"), user("why"))
    spec = a_spec(1, layers=1)
    more = costs(spec, {}, long)["1.answer.a"].prompt_tokens - costs(spec, {}, short)["1.answer.a"].prompt_tokens
    assert more == pytest.approx((50_000 + 25_000 + 80_000) / 3, rel=0.01)


def test_images_count_where_they_are_seen() -> None:
    """A model that cannot see gets a line instead."""
    picture = (Message("user", (TextPart("What is this?"), ImagePart(url="https://x.example/y.png"))),)
    agents = [AgentSpec(name="a", model="test:a"), AgentSpec(name="b", model="test:b", has_images=False)]
    found = costs(a_spec(agents), {}, picture)
    assert found["1.answer.a"].prompt_tokens - found["1.answer.b"].prompt_tokens > 700


def test_a_prompt_is_cut_to_its_model_s_window() -> None:
    """As it will be in the run."""
    agents = [AgentSpec(name="a", model="test:a", context_tokens=2000, max_tokens=900)]
    for spec in (
        a_spec(agents),
        a_spec(agents, attention=AttentionSpec(mode="panel")),
        a_spec([*agents, AgentSpec(name="b", model="test:b")], attention=AttentionSpec(labels=True)),
    ):
        for cost in costs(spec).values():
            if cost.call.agent.name == "a":
                assert 0 < cost.prompt_tokens <= 1100


def test_a_prompt_that_does_not_fit_is_said() -> None:
    """Its call takes nothing: it is not sent."""
    agents = [AgentSpec(name="a", model="test:a", context_tokens=2000, max_tokens=900)]
    found = planned(a_spec(agents, layers=1), conversation=(user("why " * 3000),))
    assert (found.total.prompt_tokens, found.total.written_tokens) == (0, 0)
    assert found.notes[0].startswith("a, answer: the prompt needs about 4")


def test_critics_write_as_much_as_their_sections_may() -> None:
    """Half of the window at most, and one section at least."""
    agents = [
        AgentSpec(name="a", model="test:a"),
        AgentSpec(name="b", model="test:b", context_tokens=1000),
        AgentSpec(name="c", model="test:c", context_tokens=150),
    ]
    spec = a_spec(agents, attention=AttentionSpec(mode="panel", max_tokens=100))
    assert [critic_of(spec, name, 7).max_tokens for name in "abc"] == [700, 500, 100]
    assert critic_of(a_spec(1), "a").max_tokens is None


def test_without_attention_the_answers_are_summarised() -> None:
    """No critique, no refinement."""
    calls = planned_calls(a_spec(2, layers=1, attention=AttentionSpec(own=False, peers=0)))
    assert [call.call_id for call in calls] == ["1.answer.a", "1.answer.b", "1.summary.a"]
    assert dict(calls[-1].quoted) == {"a": "1.answer.a", "b": "1.answer.b"}
