"""Intervals by the bootstrap: the right width, the same every time, with NumPy and without."""

from __future__ import annotations

import random
import sys

import pytest

from attention_moa.bench.bootstrap import FEW, PERCENT, draws_of, interval_of, mean_interval, percentile, ratio_interval
from attention_moa.bench.scores import Interval


def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    """About 1.96 standard errors to both sides, for many values."""
    chance = random.Random(1)
    values = [chance.gauss(50, 10) for _ in range(400)]
    found = mean_interval(values)
    assert found is not None
    mean = sum(values) / len(values)
    assert found.low < mean < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 10 / 20, rel=0.1)


def test_an_interval_is_the_same_with_numpy_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only slower."""
    sums, counts = [3.0, 0.0, 1.0, 2.0, 5.0, 0.5], [3.0, 1.0, 2.0, 2.0, 6.0, 1.0]
    fast = ratio_interval(sums, counts)
    monkeypatch.setitem(sys.modules, "numpy", None)
    slow = ratio_interval(sums, counts)
    assert fast is not None
    assert slow is not None
    assert (slow.low, slow.high) == pytest.approx((fast.low, fast.high), rel=1e-12)


def test_another_seed_draws_others() -> None:
    """The same one draws the same."""
    values = [float(value % 7) for value in range(50)]
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_whole_questions_are_redrawn() -> None:
    """Parts of one question stay together: the interval is wider than that of as many questions."""
    questions = [4.0, 0.0] * 10
    together = ratio_interval(questions, [4.0] * 20)
    apart = mean_interval([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] * 10)
    assert together is not None
    assert apart is not None
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_questions_without_parts_take_no_part() -> None:
    """As if they were not there."""
    assert ratio_interval([1.0, 0.0, 2.0], [1.0, 0.0, 4.0]) == ratio_interval([1.0, 2.0], [1.0, 4.0])


@pytest.mark.parametrize("value", [0.0, 40.0, 100.0])
def test_a_handful_of_questions_that_are_all_alike_has_an_interval_with_a_width(value: float) -> None:
    """It lies within the ends, and three questions say less than twelve."""
    three, twelve = (mean_interval([value] * n, within=PERCENT) for n in (3, 12))
    assert three is not None
    assert twelve is not None
    assert 0.0 <= three.low <= value <= three.high <= 100.0
    assert 10 < twelve.high - twelve.low < three.high - three.low


def test_many_questions_at_one_end_have_an_interval_with_a_width() -> None:
    """About 4 % for none of a hundred; in the middle many that are alike are what they are, as a baseline's draws."""
    none = mean_interval([0.0] * 100, within=PERCENT)
    assert none is not None
    assert none.low == 0.0
    assert 3.0 < none.high < 6.0
    assert mean_interval([50.0] * 100, within=PERCENT) == Interval(50.0, 50.0)


def test_many_questions_have_the_plain_interval() -> None:
    """The ends change nothing there; nor do they where there are none."""
    values = [float(100 * (at % 3 == 0)) for at in range(FEW)]
    assert mean_interval(values, within=PERCENT) == mean_interval(values)
    assert mean_interval([7.0] * 3) == Interval(7.0, 7.0)


def test_a_question_with_many_parts_weighs_more_in_the_wider_interval_too() -> None:
    """Four followed instructions of one prompt against one of another that is not."""
    found = ratio_interval([400.0, 0.0, 0.0], [4.0, 1.0, 1.0], within=PERCENT)
    assert found is not None
    assert found.low < 100 * 4 / 6 < found.high


@pytest.mark.parametrize("values", [[], [1.0]])
def test_too_few_questions_have_no_interval(values: list[float]) -> None:
    """One question says nothing of others."""
    assert mean_interval(values) is None


def test_percentiles_lie_between_values() -> None:
    """In proportion; the ends are values themselves."""
    ordered = [0.0, 10.0, 20.0]
    assert [percentile(ordered, share) for share in (0, 0.25, 0.5, 1)] == [0, 5, 10, 20]
    found = interval_of([20.0, 0.0, 10.0])
    assert (found.low, found.high) == pytest.approx((0.5, 19.5))


def test_every_question_is_drawn_about_as_often() -> None:
    """Each redrawing has as many as there are, all of them places."""
    drawn = [place for redrawing in draws_of(5, 2000) for place in redrawing]
    assert len(drawn) == 10_000
    assert {drawn.count(place) > 1800 for place in range(5)} == {True}
    assert set(drawn) == set(range(5))
