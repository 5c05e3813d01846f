"""Plans as a person reads them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.cli.layout import columns
from attention_moa.cli.plan_views import account_lines, plan_lines
from attention_moa.config import LimitSpec
from attention_moa.experience import ModelExperience
from attention_moa.money import Price
from attention_moa.plan import Plan, plan
from attention_moa.plan_account import AccountRow, PlanAccount, plan_account
from attention_moa.prompts import load_templates
from attention_moa.records import RunRecord
from tests.unit.test_plan import PRICE, a_kind, known_of
from tests.worlds import QUESTION, World, a_spec, stop

NAMES = ("test:a", "test:b", "test:c", "test:d", "test:e")


def planned(known: dict[str, ModelExperience] | None = None, *, layers: int = 3, price: Price | None = PRICE) -> Plan:
    """Return the plan of five agents."""
    spec = a_spec(5, layers=layers)
    return plan(spec, QUESTION, load_templates(), experience=known or {}, price_of=lambda _: price)


def shown(*plans: Plan, journal: str | None = "mine.db", room: int | None = None) -> str:
    """Return the lines of a plan as one text."""
    return "\n".join(plan_lines(plans, journal=journal, room=room))


def test_what_is_not_known_is_said_and_how_to_mend_it() -> None:
    """Bounds, money, seconds, caches."""
    text = shown(planned(price=None), journal=None)
    for told in (
        "no journal was looked at",
        "tokens and money are a guess",
        "a reply without max_tokens is taken for 4,096 tokens",
        "money is not known: no price for test:a and 4 others",
        "seconds are not known: no call of test:a and 4 others was seen",
        "cached tokens are not known",
        "prompt ~",
    ):
        assert told in text
    assert "the journal mine.db knows none of them" in shown(planned())


def test_what_is_known_is_an_expectation() -> None:
    """Without any sign of a bound."""
    known = known_of(*NAMES, whole=a_kind(cached_share=0.4, reasoning_tokens=20.0))
    text = shown(planned(known))
    assert "from 50 calls in the journal mine.db" in text
    assert not set("≤~") & set(text)
    assert "not known" not in text
    assert "reasoning" in text
    (least,) = (line.split() for line in text.splitlines() if line.startswith("least"))
    (most,) = (line.split() for line in text.splitlines() if line.startswith("most"))
    assert (least[1], most[1]) == ("73", "110")


def test_one_layer_has_no_range() -> None:
    """All is all."""
    text = shown(planned(layers=1))
    assert text.startswith("ensemble: 36 calls in one layer\n")
    assert "\nall " in text


@pytest.mark.parametrize("room", [60, 80, 120])
def test_no_number_is_broken_on_a_narrow_terminal(room: int) -> None:
    """Every line of numbers stays in one line, short where it has to be."""
    known = known_of(*NAMES, whole=a_kind(written_tokens=123_456.0, cached_share=0.4, reasoning_tokens=20.0))
    for plans in ([planned(known)], [planned(known)] * 2000, [planned()]):
        lines = list(plan_lines(plans, journal=None, room=room))
        table = lines[2 : lines.index("", 2)]
        assert all(columns(line) <= room for line in table)
        assert all(not line.startswith(" ") for line in table)


def test_a_price_counts_as_known_where_it_is_for_every_question() -> None:
    """One long prompt in a tier without a price makes the sum unknown."""
    plans = (planned(), planned(price=None))
    assert "money is not known" in shown(*plans)


def test_what_will_fail_is_told_once() -> None:
    """However many questions it concerns."""
    noted = replace(planned(), notes=("a, answer: too long",))
    assert shown(noted, noted).count("will fail: a, answer: too long") == 1


def accounted(record: RunRecord, known: dict[str, ModelExperience] | None = None) -> list[str]:
    """Return the lines of a run's account."""
    spec = record.ensemble
    made = plan(spec, QUESTION, load_templates(), experience=known or {}, price_of=lambda _: PRICE)
    return account_lines(plan_account(made, record))


def test_a_run_is_shown_beside_its_plan() -> None:
    """What was planned at most is said to be so; rows of nothing are left out."""
    lines = accounted(World(a_spec(2)).run())
    assert lines[0].split() == ["planned", "(a", "guess)", "actual", "difference"]
    assert lines[1].split() == ["calls", "19", "19", "+0%"]
    exact = accounted(World(a_spec(2)).run(), known_of("test:a", "test:b", whole=a_kind(written_tokens=4.0)))
    assert [line.split()[-3:] for line in exact if line.startswith("written")] == [["76", "95", "+25%"]]


def test_a_run_that_stopped_early_says_what_is_compared() -> None:
    """The layers that ran."""
    lines = accounted(World(a_spec(2, layers=3), {"residual": stop}).run())
    assert lines[-1] == "the plan of the 2 of 3 layers that ran"


def test_calls_that_were_not_made_are_told_under_the_table() -> None:
    """So that what they would have taken is not read as a saving."""
    record = World(a_spec(2, layers=1)).run()
    for made, told in ((8, "1 planned call of these layers was"), (7, "2 planned calls of these layers were")):
        lines = accounted(replace(record, calls=record.calls[-made:]))
        assert lines[1].split()[:3] == ["calls", "9", str(made)]
        assert lines[-1] == f"{told} not made: what these would have used is no saving"


def test_a_run_that_has_not_finished_has_no_difference_to_its_plan() -> None:
    """What it took so far is shown beside the plan of all layers, and that this is so."""
    record = World(a_spec(2, layers=2)).run()
    lines = accounted(replace(record, state="running", layers=(), calls=record.calls[:5]))
    assert lines[0].split() == ["planned", "(a", "guess)", "so", "far"]
    assert lines[1].split() == ["calls", "19", "5", "or", "more"]
    assert lines[-1] == "the run has not finished: the plan of all its layers, beside what it took until now"
    assert "%" not in "".join(lines)


def test_what_is_not_known_of_a_run_is_not_made_up() -> None:
    """A lower bound is one, and the difference unknown."""
    rows = (
        AccountRow("written tokens", "tokens", 50, 20, is_least=True),
        AccountRow("seconds", "seconds", None, 5.0),
        AccountRow("US dollars", "usd", None, 0.0, is_least=True),
    )
    lines = account_lines(PlanAccount(1, 1, rows, written_is="journal"))
    assert lines[1].split() == ["written", "tokens", "50", "20", "or", "more", "?"]
    assert lines[2].split() == ["seconds", "?", "5.0", "?"]
    assert lines[3].split() == ["US", "dollars", "?", "?", "?"]


def test_a_limit_that_will_be_reached_is_told() -> None:
    """And one that will not be is not."""
    plans = [planned(known_of(*NAMES))]
    tight, wide = LimitSpec(usd=0.001, tokens=100, deadline_s=2.0), LimitSpec(usd=9.0, tokens=10**6, deadline_s=99.0)
    text = "\n".join(plan_lines(plans, journal=None, limits=tight))
    assert "limits.usd = 0.001 is less than the 0." in text
    assert "limits.tokens = 100 is less than the" in text
    assert "limits.deadline_s = 2 is less than the 28.0 of all layers" in text
    assert "limits" not in "\n".join(plan_lines(plans, journal=None, limits=wide))
    assert "limits" not in "\n".join(plan_lines([planned(price=None)], journal=None, limits=LimitSpec(usd=0.001)))


def test_limits_of_replies_make_bounds() -> None:
    """Where every model has one that was not seen."""
    agents = [AgentSpec(name="a", model="test:a", max_tokens=100)]
    bounded = plan(a_spec(agents), QUESTION, load_templates(), experience={}, price_of=lambda _: PRICE)
    text = shown(bounded)
    assert "tokens and money are at most so many" in text
    assert "written ≤" in text
