"""Paired statistics against cases that are known by other means."""

from __future__ import annotations

import random

import pytest

from attention_moa.bench.paired import (
    Tally,
    holm,
    prompts_to_tell,
    rate_interval,
    sign_test,
    tally,
    win_p,
)


def test_scores_are_counted() -> None:
    """A missing one counts for nothing but itself."""
    counts = tally([1.0, 0.5, 0.0, None, 1.0])
    assert counts == Tally(wins=2, ties=1, losses=1, missing=1)
    assert (counts.n, counts.rate, counts.missing_share) == (4, 0.625, 0.2)


def test_nothing_has_no_rate_and_no_interval() -> None:
    """No prompts, or one, say nothing about others."""
    assert tally([]).rate is None
    assert tally([]).missing_share == 0.0
    assert rate_interval(tally([None])) is None
    assert rate_interval(tally([1.0])) is None


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(0, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (0, 6, 0.03125), (9, 1, 22 / 1024), (5, 5, 1.0), (8, 7, 1.0)],
)
def test_the_sign_test_is_exact(wins: int, losses: int, p: float) -> None:
    """By hand: twice the tail of Pascal's triangle."""
    assert sign_test(wins, losses) == pytest.approx(p)


def test_the_sign_test_takes_large_numbers() -> None:
    """Thousands of prompts overflow no float."""
    assert sign_test(3000, 2000) < 1e-40
    assert sign_test(2500, 2500) == 1.0


def test_only_more_wins_than_losses_are_a_win() -> None:
    """The test is two-sided: the side counts too."""
    assert win_p(Tally(wins=0, ties=0, losses=9)) == 1.0
    assert win_p(Tally(wins=9, ties=0, losses=0)) == 2 / 512


def test_holm_corrects_in_order_and_never_backwards() -> None:
    """The textbook's case, in an order that is not sorted."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_intervals_of_equal_scores_have_a_width() -> None:
    """Six wins out of six are no certainty; the bootstrap alone would say so."""
    interval = rate_interval(Tally(wins=6, ties=0, losses=0))
    assert interval is not None
    assert 0.5 < interval.low < 0.6
    assert interval.high == 1.0


def test_intervals_are_symmetrical() -> None:
    """Who wins and who loses is a matter of names; to the noise of the bootstrap."""
    one = rate_interval(Tally(wins=30, ties=10, losses=12))
    other = rate_interval(Tally(wins=12, ties=10, losses=30))
    assert one is not None
    assert other is not None
    assert (1 - other.high, 1 - other.low) == pytest.approx((one.low, one.high), abs=0.02)


def test_intervals_narrow_with_prompts_and_widen_with_the_level() -> None:
    """A hundred times the prompts, about a tenth of the width."""
    few = rate_interval(Tally(wins=20, ties=5, losses=15))
    many = rate_interval(Tally(wins=2000, ties=500, losses=1500))
    wider = rate_interval(Tally(wins=20, ties=5, losses=15), level=0.99)
    assert few is not None
    assert many is not None
    assert wider is not None
    assert (many.high - many.low) == pytest.approx((few.high - few.low) / 10, rel=0.2)
    assert wider.low < few.low < few.high < wider.high


@pytest.mark.parametrize("chances", [(0.5, 0.2, 0.3), (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.34, 0.33, 0.33)])
@pytest.mark.parametrize("prompts", [6, 12, 40])
def test_intervals_cover_the_true_rate(prompts: int, chances: tuple[float, float, float]) -> None:
    """Of 120 samples of a known world at least 91 % cover its rate, however few or alike they are."""
    world = random.Random(f"{prompts} {chances}")
    true = chances[0] + chances[1] / 2
    covered = 0
    for seed in range(120):
        counts = tally(world.choices([1.0, 0.5, 0.0], chances, k=prompts))
        interval = rate_interval(counts, seed=seed)
        assert interval is not None
        covered += interval.low <= true <= interval.high
    assert covered / 120 >= 0.91


def test_so_many_prompts_tell() -> None:
    """By the normal law: (1.96 + 0.84)^2 x 0.24 / 0.1^2 is 188 for a win rate of 60 %."""
    assert prompts_to_tell(Tally(wins=6000, ties=0, losses=4000)) == pytest.approx(189, abs=2)
    assert prompts_to_tell(Tally(wins=5000, ties=0, losses=5000)) is None
    assert prompts_to_tell(Tally(wins=1000, ties=0, losses=0)) == 6


def test_more_prompts_are_needed_for_a_surer_interval_and_a_nearer_bound() -> None:
    """Both cost prompts; ties save them."""
    counts = Tally(wins=40, ties=0, losses=60)
    usual = prompts_to_tell(counts)
    surer = prompts_to_tell(counts, level=0.99)
    farther = prompts_to_tell(counts, 0.55)
    with_ties = prompts_to_tell(Tally(wins=10, ties=60, losses=30))
    assert usual is not None
    assert surer is not None
    assert farther is not None
    assert with_ties is not None
    assert farther < usual < surer
    assert with_ties < usual


def test_the_promised_power_is_kept() -> None:
    """With as many prompts as it says about 80 % of samples give an interval that excludes the bound."""
    prompts = prompts_to_tell(Tally(wins=6500, ties=0, losses=3500))
    assert prompts is not None
    world = random.Random(7)
    told = 0
    for seed in range(150):
        interval = rate_interval(tally(world.choices([1.0, 0.0], [0.65, 0.35], k=prompts)), seed=seed)
        told += interval is not None and interval.low > 0.5
    assert 0.7 <= told / 150 <= 0.9
