"""How fast calls may go: the sliding minute, the places, the pauses. Every time is an argument."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import pytest

from attention_moa.errors import ConfigError
from attention_moa.pacing import Minute, Pace, Rate


def a_pace(*, pause_max_s: float = 60.0, **rate: int) -> Pace:
    """Return the pace of an endpoint with some limits."""
    return Pace(Rate(**rate), pause_max_s=pause_max_s)


@pytest.mark.parametrize("field", ["concurrency", "rpm", "tpm"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_below_one_names_its_field(field: str, value: int) -> None:
    """A limit that would let nothing through is a mistake in the file."""
    with pytest.raises(ConfigError, match=f"{value} is not 1 or more") as caught:
        Rate(**{field: value}).check("limits")
    assert caught.value.key == f"limits.{field}"
    with pytest.raises(ConfigError) as caught:
        Rate(**{field: value}).check("")
    assert caught.value.key == field


def test_limits_from_one_on_are_right() -> None:
    """One call a minute is a limit as good as any; none is none."""
    Rate(concurrency=1, rpm=1, tpm=1).check("limits")
    Rate().check("limits")


def test_no_minute_holds_more_requests_than_allowed() -> None:
    """The third of two a minute waits until the first is a minute old."""
    minute = Minute(Rate(rpm=2))
    minute.add(0, 10.0)
    assert minute.free_s(0, 11.0) <= 11.0
    minute.add(0, 15.0)
    assert minute.free_s(0, 20.0) == 70.0
    assert minute.free_s(0, 70.0) <= 70.0
    minute.add(0, 70.0)
    assert minute.free_s(0, 70.0) == 75.0


def test_no_minute_holds_more_tokens_than_allowed() -> None:
    """A call waits until so many older ones are over that its tokens fit."""
    minute = Minute(Rate(tpm=100))
    minute.add(40, 0.0)
    minute.add(40, 5.0)
    assert minute.free_s(20, 6.0) <= 6.0
    assert minute.free_s(21, 6.0) == 60.0
    assert minute.free_s(61, 6.0) == 65.0


def test_a_call_that_is_larger_than_the_minute_goes_alone() -> None:
    """It waits until nothing else is counted, and then it goes: it would never fit."""
    minute = Minute(Rate(tpm=100))
    minute.add(10, 0.0)
    assert minute.free_s(500, 1.0) == 60.0
    assert minute.free_s(500, 60.0) == -inf


def test_used_tokens_take_the_place_of_the_estimate() -> None:
    """A short reply makes room, a long one takes it; after the minute nothing changes any more."""
    minute = Minute(Rate(tpm=100))
    spent = minute.add(90, 0.0)
    minute.correct(spent, 20)
    assert minute.free_s(80, 1.0) <= 1.0
    minute.correct(spent, 95)
    assert minute.free_s(10, 1.0) == 60.0
    minute.correct(spent, -5)
    assert minute.free_s(100, 1.0) <= 1.0
    minute.correct(spent, 50)
    assert minute.free_s(100, 60.0) == -inf
    minute.correct(spent, 1000)
    assert minute.free_s(100, 60.0) == -inf


def test_a_call_that_was_not_made_does_not_count() -> None:
    """Dropped in time, it leaves its request and its tokens to others; dropped late, nothing changes."""
    minute = Minute(Rate(rpm=1, tpm=10))
    spent = minute.add(10, 0.0)
    minute.drop(spent)
    assert minute.free_s(10, 1.0) == -inf
    minute.drop(spent)
    assert minute.free_s(10, 1.0) == -inf


def test_without_limits_nothing_is_counted() -> None:
    """An endpoint without limits costs no memory."""
    minute = Minute(Rate(concurrency=3))
    spent = minute.add(10, 0.0)
    assert not spent.is_counted
    assert minute.free_s(10**9, 0.0) == -inf


def test_places_are_counted() -> None:
    """With every place taken the time of the next start is not known."""
    pace = a_pace(concurrency=2)
    assert pace.free_s(0, 1, 0.0) <= 0.0
    assert pace.free_s(0, 2, 0.0) == inf
    assert a_pace().free_s(0, 10**6, 0.0) <= 0.0


def test_a_refusal_halves_the_places_and_pauses() -> None:
    """Of eight calls under way four may go on, and none before the pause is over."""
    pace = a_pace(concurrency=8)
    pace.refused(0, 8, 5.0, 100.0)
    assert pace.places == 4
    assert pace.free_s(0, 0, 100.0) == 105.0


def test_calls_that_are_refused_together_are_one_refusal() -> None:
    """The places are halved once for all that were under way; the longest pause holds."""
    pace = a_pace(concurrency=8)
    for retry_after_s in (3.0, 9.0, 1.0):
        pace.refused(0, 8, retry_after_s, 100.0)
    assert pace.places == 4
    assert pace.free_s(0, 0, 100.0) == 109.0
    pace.refused(1, 4, 1.0, 110.0)
    assert pace.places == 2


def test_one_place_is_always_left() -> None:
    """However often it is refused, one call at a time is tried."""
    pace = a_pace(concurrency=3)
    for epoch in range(5):
        pace.refused(epoch, 1, 0.0, 0.0)
    assert pace.places == 1


def test_what_is_under_way_counts_and_not_what_would_be_allowed() -> None:
    """A limit of a hundred that four calls never reached is cut to two."""
    pace = a_pace(concurrency=100)
    pace.refused(0, 4, 0.0, 0.0)
    assert pace.places == 2


def successes_until(pace: Pace, places: float, most: int = 1000) -> int:
    """Return how many successes it takes to come to so many places."""
    for count in range(1, most + 1):
        pace.succeeded(pace.epoch)
        if pace.places >= places:
            return count
    raise AssertionError(f"{pace.places} places after {most} successes")


def test_every_round_of_successes_gives_one_place_back() -> None:
    """From four places about four successes lead to five, from five about five to six, and so on up to the limit."""
    pace = a_pace(concurrency=8)
    pace.refused(0, 8, 0.0, 0.0)
    assert successes_until(pace, 5) in {4, 5}
    assert successes_until(pace, 6) in {5, 6}
    assert successes_until(pace, 8) in range(12, 16)
    pace.succeeded(pace.epoch)
    assert pace.places == 8


def test_without_a_limit_the_places_come_back_to_no_limit() -> None:
    """Once more calls go than had gone when it was refused, nothing is counted any more."""
    pace = a_pace()
    pace.refused(0, 6, 0.0, 0.0)
    assert pace.places == 3
    successes_until(pace, inf)
    assert pace.free_s(0, 10**6, 100.0) <= 100.0
    pace.refused(1, 4, 0.0, 200.0)
    assert pace.places == 2


def test_calls_from_before_the_refusal_teach_nothing_when_they_succeed() -> None:
    """They were let in before the endpoint had enough."""
    pace = a_pace(concurrency=8)
    pace.refused(0, 8, 0.0, 0.0)
    for _ in range(100):
        pace.succeeded(0)
    assert pace.places == 4


@pytest.mark.parametrize("unsaid", [None, nan, inf])
def test_without_a_retry_after_the_pause_doubles_until_a_success(unsaid: float | None) -> None:
    """One second, two, four, up to the longest; a success starts it over."""
    pace = a_pace(pause_max_s=5.0)
    pauses = []
    for epoch in range(5):
        at_s = 1000.0 * epoch
        pace.refused(epoch, 1, unsaid, at_s)
        pauses.append(pace.free_s(0, 0, at_s) - at_s)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]
    pace.succeeded(pace.epoch)
    pace.refused(pace.epoch, 1, unsaid, 9000.0)
    assert pace.free_s(0, 0, 9000.0) == 9001.0


def test_a_pause_is_never_longer_than_the_longest() -> None:
    """An endpoint that says to come back tomorrow is asked again, and says so to whoever asks."""
    pace = a_pace(pause_max_s=30.0)
    pace.refused(0, 1, 86400.0, 0.0)
    assert pace.free_s(0, 0, 0.0) == 30.0
    pace.pause(-5.0, 0.0)
    assert pace.free_s(0, 0, 0.0) == 30.0


def test_after_a_pause_the_gaps_between_starts_shrink() -> None:
    """Each gap is shorter than the one before, and after some seconds there is none."""
    pace = a_pace()
    pace.pause(2.0, 0.0)
    starts = []
    now_s = 0.0
    for _ in range(200):
        now_s = max(now_s, pace.free_s(0, 0, now_s))
        starts.append(now_s)
        pace.started(0, now_s)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert starts[0] == 2.0
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] == 0.5
    pace.started(0, 20.0)
    assert pace.free_s(0, 0, 20.0) <= 20.0


def test_after_a_short_pause_the_gaps_are_short_too() -> None:
    """A pause of 20 ms does not cost every following call half a second."""
    pace = a_pace()
    pace.pause(0.02, 0.0)
    pace.started(0, 0.02)
    assert pace.free_s(0, 1, 0.02) == pytest.approx(0.04)
    pace.pause(30.0, 1.0)
    pace.pause(0.02, 2.0)  # ends within the long one, and changes nothing of it
    pace.started(0, 31.0)
    assert pace.free_s(0, 1, 31.0) == pytest.approx(31.5)
