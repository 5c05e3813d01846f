"""The rule of the verdict, case by case."""

from __future__ import annotations

import random

import pytest

from attention_moa.bench.prove_verdict import Comparison, compared, decide, not_worth


def against(
    system: str = "best-of-n", *, wins: int, ties: int = 0, losses: int = 0, missing: int = 0, ratio: float | None = 1.0
) -> Comparison:
    """Return a comparison by its counts."""
    scores = [*[1.0] * wins, *[0.5] * ties, *[0.0] * losses, *[None] * missing]
    return compared(system, scores, cost_ratio=ratio)


WON = against("won", wins=70, losses=30)
LOST = against("lost", wins=30, losses=70)
OPEN = against("open", wins=55, losses=45)
EQUAL = against("equal", wins=10, ties=600, losses=10)
CHEAP = against("cheap", wins=70, losses=30, ratio=0.05)
DEAR = against("dear", wins=10, losses=90, ratio=3.0)
HOLED = against("holed", wins=70, losses=10, missing=20)


@pytest.mark.parametrize(
    ("rows", "decision"),
    [
        ([WON], "use"),
        ([WON, CHEAP], "use"),
        ([WON, DEAR], "use"),
        ([CHEAP, against("dear too", wins=70, losses=30, ratio=2.0)], "use"),
        ([WON, OPEN], "cannot-tell"),
        ([WON, LOST], "do-not-use"),
        ([WON, EQUAL], "do-not-use"),
        ([OPEN], "cannot-tell"),
        ([CHEAP], "cannot-tell"),
        ([against(wins=70, losses=30, ratio=None)], "cannot-tell"),
        ([WON, against("unpriced", wins=30, losses=70, ratio=None)], "do-not-use"),
        ([WON, HOLED], "cannot-tell"),
        ([HOLED, LOST], "do-not-use"),
        ([DEAR], "cannot-tell"),
        ([], "cannot-tell"),
        ([against(wins=6)], "use"),
        ([against(wins=5)], "cannot-tell"),
        ([against(losses=6, wins=0)], "do-not-use"),
        ([against(losses=5, wins=0)], "cannot-tell"),
        ([against(wins=0, ties=9, losses=1)], "cannot-tell"),
        ([against(wins=0, missing=9)], "cannot-tell"),
    ],
)
def test_the_rule(rows: list[Comparison], decision: str) -> None:
    """Every baseline that is no dearer has to be beaten, one of them at equal spend; one that is as good is enough."""
    assert decide(rows, {}).decision == decision


def test_the_strongest_is_the_one_with_the_lowest_rate_that_counts() -> None:
    """A dearer one does not count."""
    assert decide([WON, OPEN, DEAR], {}).strongest == "open"
    assert decide([DEAR], {}).strongest is None


def test_no_better_is_not_worse() -> None:
    """The words differ: a baseline that is better, and one beside which nothing is gained."""
    assert decide([WON, LOST], {}).is_worse
    assert not decide([WON, EQUAL], {}).is_worse


@pytest.mark.parametrize(
    ("rows", "doubt"),
    [
        ([against(wins=0, missing=9)], "nothing-compared"),
        ([], "nothing-compared"),
        ([WON, HOLED], "missing"),
        ([CHEAP], "no-equal-spend"),
        ([OPEN], "too-few-prompts"),
    ],
)
def test_a_doubt_has_a_name(rows: list[Comparison], doubt: str) -> None:
    """Only too few prompts are mended by more of them."""
    verdict = decide(rows, {})
    assert verdict.doubt == doubt
    assert (verdict.more_prompts is not None) == (doubt == "too-few-prompts")


def test_the_hardest_baseline_says_how_many_more_prompts() -> None:
    """To win against all takes as many as the strongest does."""
    alone = decide([OPEN], {}).more_prompts
    beside = decide([against("other", wins=58, losses=42), OPEN], {}).more_prompts
    assert alone is not None
    assert beside == alone
    assert 500 < alone < 1500


def test_where_one_is_better_it_is_the_loss_that_more_prompts_would_tell() -> None:
    """No number of prompts shows a win that is none."""
    verdict = decide([against(wins=46, losses=54)], {})
    assert verdict.more_prompts is not None
    assert verdict.more_prompts < 250


def test_a_rate_at_every_bound_tells_nobody_how_many() -> None:
    """One baseline without any prompt, and the other one at 55 %: neither way can be told."""
    verdict = decide([against("a", wins=110, losses=90), against("b", wins=0)], {})
    assert verdict.decision == "cannot-tell"
    assert verdict.more_prompts is None


def test_a_kind_can_be_won_alone() -> None:
    """Most prompts say nothing, those of one kind do."""
    kinds = {"code": [against(wins=30)], "chat": [against(wins=14, losses=16)]}
    verdict = decide([against(wins=44, losses=32)], kinds)
    assert verdict.decision == "use-for-kinds"
    assert verdict.kinds == ("code",)


def test_many_kinds_are_corrected_for() -> None:
    """6 of 6 is p = 0.03: enough alone, and not where twenty kinds are looked at."""
    lucky = {"lucky": [against(wins=6)]}
    others = {f"kind {number}": [against(wins=10, losses=10)] for number in range(20)}
    whole = [against(wins=206, losses=200)]
    assert decide(whole, lucky).decision == "use-for-kinds"
    assert decide(whole, {**lucky, **others}).decision == "cannot-tell"


def test_a_kind_of_few_prompts_is_not_looked_at() -> None:
    """Neither does it count among those that are corrected for."""
    small = {f"kind {number}": [against(wins=5)] for number in range(20)}
    assert decide([OPEN], {"lucky": [against(wins=6)], **small}).kinds == ("lucky",)


def test_a_kind_in_which_it_is_useless_is_named_beside_any_verdict() -> None:
    """Used as a rule, and not there."""
    kinds = {"code": [against(wins=90, losses=10)], "poems": [against(wins=5, losses=45)]}
    verdict = decide([against(wins=95, losses=55)], kinds)
    assert verdict.decision == "use"
    assert verdict.not_for == ("poems",)


def test_what_is_not_worth_it_is_corrected_for_the_number_of_baselines() -> None:
    """One of many baselines looks better by chance."""
    unlucky = against(wins=36, losses=54)
    assert not_worth([unlucky]) is unlucky
    assert not_worth([unlucky, *[against(f"b{number}", wins=55, losses=35) for number in range(60)]]) is None


def test_equals_are_rarely_called_better() -> None:
    """In a world without a difference the ensemble is recommended at most as often as was promised."""
    world = random.Random(3)
    recommended = 0
    for _ in range(120):
        kinds = {
            kind: [compared("b", [world.choice([1.0, 0.5, 0.0]) for _ in range(12)], cost_ratio=1.0)]
            for kind in ("code", "chat", "maths")
        }
        whole = compared("b", [world.choice([1.0, 0.5, 0.0]) for _ in range(36)], cost_ratio=1.0)
        recommended += decide([whole], kinds).decision in {"use", "use-for-kinds"}
    assert recommended <= 10
