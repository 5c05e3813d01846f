"""What a run may still spend: reserved before a call, settled after it."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ModelSettings
from attention_moa.budget import REPLY_TOKENS, Budget, PriceOf
from attention_moa.config import AttentionSpec, LimitSpec
from attention_moa.errors import ConfigError, OverLimitError
from attention_moa.messages import Sampling, Stage, Usage
from attention_moa.money import FREE, Price
from attention_moa.prompts import estimate_tokens
from attention_moa.records import Attempt, CallRecord
from tests.journals import a_call
from tests.worlds import QUESTION, a_spec

MODEL = ModelSettings(model="test:m", max_tokens=1000)
PRICE = Price(input=1.0, output=2.0)
DOLLARS_FOR_TOKENS = 1_000_000


def own_price(model: ModelSettings) -> Price | None:
    """Return the price that a model's settings name."""
    return model.price


def a_budget(price_of: PriceOf = lambda _: PRICE, **limits: Any) -> Budget:
    """Return a budget with these limits; a million prompt tokens cost a dollar, replies twice that."""
    return Budget(LimitSpec(**limits), price_of)


def used(tokens: int, stage: Stage = Stage.ANSWER) -> CallRecord:
    """Return a call that used so many tokens, each for a dollar."""
    usage = Usage(input_tokens=tokens, output_tokens=0)
    attempt = Attempt(started_s=0.0, ended_s=1.0, usage=usage, cost_usd=float(tokens))
    return a_call(stage=stage, attempts=(attempt,))


def test_without_limits_there_is_nothing_to_watch() -> None:
    """A deadline is none of the budget's."""
    budget = a_budget(deadline_s=1.0)
    assert not budget.is_limited
    assert (budget.left_usd, budget.left_tokens, budget.describe()) == (inf, inf, "")


def test_limited_money_needs_a_price_for_every_model() -> None:
    """Both of its halves; the error says how to give one."""
    for price in (None, Price(input=1.0), Price(output=1.0)):
        with pytest.raises(ConfigError, match="price of test:m is not known") as caught:
            a_budget(own_price, usd=1.0).require_prices([replace(MODEL, price=PRICE), replace(MODEL, price=price)])
        assert caught.value.key == "limits.usd"


def test_limited_money_with_all_prices_known_is_fine() -> None:
    """One that is 0 is known."""
    budget = a_budget(own_price, usd=1.0)
    budget.require_prices([replace(MODEL, price=PRICE), replace(MODEL, price=FREE)])
    assert budget.reserve(replace(MODEL, price=FREE), 500).usd == 0.0


def test_limited_tokens_need_no_price() -> None:
    """Tokens are counted without one."""
    budget = a_budget(own_price, tokens=5000)
    budget.require_prices([MODEL])
    assert budget.reserve(MODEL, 500).usd == 0.0


def test_a_reservation_is_the_prompt_and_the_longest_reply() -> None:
    """What else is asked for meanwhile has that much less."""
    budget = a_budget(tokens=4000, usd=1.0)
    grant = budget.reserve(MODEL, 500)
    assert (grant.max_tokens, grant.tokens) == (1000, 1500)
    assert grant.usd == pytest.approx(0.0025)
    assert budget.left_tokens == 2500
    assert budget.left_usd == pytest.approx(1.0 - 0.0025)


def test_a_reply_without_a_limit_is_taken_for_a_long_one() -> None:
    """A limited run needs some number."""
    assert a_budget(tokens=100_000).reserve(replace(MODEL, max_tokens=None), 0).max_tokens == REPLY_TOKENS


@pytest.mark.parametrize(
    ("limits", "granted"),
    [({"tokens": 800}, 300), ({"usd": 0.0011}, 300), ({"tokens": 900, "usd": 0.0011}, 300)],
)
def test_a_reply_is_cut_to_what_is_left(limits: dict[str, Any], granted: int) -> None:
    """Of the limit that is nearer."""
    assert a_budget(**limits).reserve(MODEL, 500).max_tokens == granted


@pytest.mark.parametrize("limits", [{"tokens": 563}, {"usd": 0.0005 + 63 * 0.000002}, {"tokens": 10}, {"usd": 1e-6}])
def test_a_reply_too_short_for_any_use_is_refused(limits: dict[str, Any]) -> None:
    """Below 64 tokens; nothing stays reserved."""
    budget = a_budget(**limits)
    with pytest.raises(OverLimitError, match=rf"^limits\.{next(iter(limits))}: .* too little for .*: raise the limit"):
        budget.reserve(MODEL, 500)
    assert budget.describe() == a_budget(**limits).describe()


def test_a_reply_that_is_wished_to_be_short_may_be() -> None:
    """The shortest use is the wish."""
    assert a_budget(tokens=510).reserve(replace(MODEL, max_tokens=10), 500).max_tokens == 10


def test_a_prompt_that_costs_too_much_is_refused_where_replies_cost_nothing() -> None:
    """There is nothing to divide by then."""
    price = Price(input=1.0, output=0.0)
    assert a_budget(lambda _: price, usd=0.0005).reserve(MODEL, 500).max_tokens == 1000
    with pytest.raises(OverLimitError):
        a_budget(lambda _: price, usd=0.0004).reserve(MODEL, 500)


def test_a_prompt_is_reserved_at_its_dearest() -> None:
    """Writing it into a cache may cost more than sending it."""
    price = Price(input=1.0, cache_write=1.25, output=0.0)
    assert a_budget(lambda _: price, usd=1.0).reserve(MODEL, 1000).usd == pytest.approx(0.00125)


def test_what_was_used_takes_the_place_of_what_was_reserved() -> None:
    """Where it is known."""
    budget = a_budget(tokens=4000, usd=1.0)
    grant = budget.reserve(MODEL, 500)
    budget.settle(grant, MODEL, Usage(input_tokens=400, output_tokens=100), was_refused=False)
    assert budget.left_tokens == 3500
    assert budget.left_usd == pytest.approx(1.0 - 0.0006)


def test_an_attempt_that_nobody_counted_counts_as_all_that_was_reserved() -> None:
    """The limit holds whatever it really was."""
    budget = a_budget(tokens=4000)
    budget.settle(budget.reserve(MODEL, 500), MODEL, Usage(input_tokens=400), was_refused=False)
    assert budget.left_tokens == 2500


def test_an_attempt_that_was_refused_used_nothing() -> None:
    """Nor one that was not made after all."""
    budget = a_budget(tokens=4000, usd=1.0)
    budget.settle(budget.reserve(MODEL, 500), MODEL, Usage(), was_refused=True)
    budget.release(budget.reserve(MODEL, 500))
    assert budget.left_tokens == 4000
    assert budget.left_usd == pytest.approx(1.0)


def test_tokens_of_a_kind_without_a_price_cost_what_was_reserved() -> None:
    """The unknown is not nothing."""
    budget = a_budget(lambda _: Price(output=2.0), usd=1.0)
    grant = budget.reserve(MODEL, 500)
    budget.settle(grant, MODEL, Usage(input_tokens=500, output_tokens=10), was_refused=False)
    assert budget.left_usd == pytest.approx(1.0 - grant.usd)


def test_an_interrupted_run_goes_on_with_what_it_had_left() -> None:
    """An attempt that nobody counted took the most that it could, as it did before the interruption."""
    agent = AgentSpec(name="a", model="test:a")
    failed = Attempt(started_s=0.0, ended_s=1.0, error="ServerError")
    lost = a_call(state="lost", attempts=(failed,), messages=QUESTION, sampling=Sampling(max_tokens=300))
    endless = replace(lost, agent="nobody", sampling=Sampling())
    prompt_tokens = estimate_tokens(QUESTION)
    budget = a_budget(tokens=50_000, usd=100.0)
    budget.start([used(40), lost, endless], {"a": agent})
    assert budget.left_tokens == 50_000 - 40 - 2 * prompt_tokens - 300 - REPLY_TOKENS
    money = 40 + (2 * prompt_tokens + 2 * (300 + REPLY_TOKENS)) / DOLLARS_FOR_TOKENS
    assert budget.left_usd == pytest.approx(100.0 - money)


@pytest.mark.parametrize(("left", "peers"), [(100, 2), (99, 1), (80, 1), (79, 0), (60, 0), (59, None)])
def test_so_many_peers_as_the_next_layer_can_pay(left: int, peers: int | None) -> None:
    """By what the last one cost: 40 without critiques, 60 for those of 2 peers and oneself."""
    last = [used(40), used(30, Stage.CRITIQUE), used(30, Stage.CRITIQUE)]
    told: list[dict[str, Any]] = [{"tokens": left}, {"usd": float(left)}]
    for limits in told:
        assert a_budget(**limits).affordable_peers(a_spec(3), last) == peers
    assert a_budget(tokens=left).affordable_peers(a_spec(4, attention=AttentionSpec(peers=2)), last) == peers


def test_without_attention_a_layer_is_paid_or_not() -> None:
    """There is nothing to leave out."""
    off = a_spec(2, attention=AttentionSpec(own=False, peers=0))
    assert a_budget(tokens=40).affordable_peers(off, [used(40)]) == 0
    assert a_budget(tokens=39).affordable_peers(off, [used(40)]) is None


def test_what_is_left_is_said_for_a_person() -> None:
    """Never less than nothing."""
    budget = a_budget(usd=0.5, tokens=1200)
    assert budget.describe() == "$0.5000 of $0.5, 1,200 of 1,200 tokens"
    budget.start([used(2000)], {})
    assert budget.describe() == "$0 of $0.5, 0 of 1,200 tokens"
    assert a_budget(usd=1e-6).describe() == "$0.000001 of $0.000001"


@pytest.mark.parametrize("field", ["usd", "tokens", "deadline_s"])
@pytest.mark.parametrize(
    ("value", "why"), [(0, "not above 0"), (-1, "not above 0"), (-inf, "not above 0"), (nan, "finite"), (inf, "finite")]
)
def test_a_limit_that_is_none_is_a_mistake_that_names_its_field(field: str, value: float, why: str) -> None:
    """No run may begin that can do nothing; and it says what is true of the number."""
    told: dict[str, Any] = {field: value}
    with pytest.raises(ConfigError, match=why) as caught:
        a_spec(2, limits=LimitSpec(**told))
    assert caught.value.key == f"limits.{field}"


@pytest.mark.parametrize("value", [-1.0, nan, inf])
@pytest.mark.parametrize("part", ["input", "cached", "cache_write", "output"])
def test_a_price_that_is_none_is_a_mistake_that_names_its_field(part: str, value: float) -> None:
    """Of any agent."""
    told: dict[str, Any] = {part: value}
    with pytest.raises(ConfigError, match="no price") as caught:
        a_spec([AgentSpec(name="a", model="test:a", price=Price(**told))])
    assert caught.value.key == f"agents[0].price.{part}"
