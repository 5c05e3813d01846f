"""Chance comes from the seed, the request and how often it came, and from nothing else."""

from __future__ import annotations

from collections import Counter
from statistics import mean
from typing import Any

from msgspec.structs import replace

from attention_moa.fleet.draws import Draw, draw
from attention_moa.fleet.spec import FaultSpec, FleetSpec, ModelSpec

MODEL = ModelSpec(name="m", output_tokens=100, reasoning_tokens=50)
FLEET = FleetSpec(models=(MODEL,), faults=FaultSpec(hang=0.25, cut=0.25), stop_rate=0.3)


def comparable(drawn: Draw) -> tuple[Any, ...]:
    """Return a draw with a sample of its chance in the place of the generator."""
    return (*drawn[:-1], drawn.chance.random())


def draws(fleet: FleetSpec = FLEET, count: int = 2000) -> list[Draw]:
    """Return the draws for so many requests."""
    return [draw(fleet, fleet.models[0], str(number).encode(), 0) for number in range(count)]


def test_the_same_request_is_drawn_the_same() -> None:
    """A run can be repeated."""
    assert comparable(draw(FLEET, MODEL, b"x", 0)) == comparable(draw(FLEET, MODEL, b"x", 0))


def test_seed_request_and_count_each_change_what_goes_wrong_and_how_long_it_takes() -> None:
    """A request that is sent again is drawn anew."""
    base = draw(FLEET, MODEL, b"x", 0)
    others = [
        draw(replace(FLEET, seed=1), MODEL, b"x", 0),
        draw(FLEET, MODEL, b"y", 0),
        draw(FLEET, MODEL, b"x", 1),
    ]
    assert len({(each.depth, each.first_token_s, each.pace) for each in (base, *others)}) == 4
    assert len({draw(FLEET, MODEL, b"x", times).fault for times in range(20)}) == 3


def test_a_request_that_comes_again_is_told_the_same_or_another_text_as_the_fleet_says() -> None:
    """A crashed run that asks again then ends with the text of an undisturbed one."""

    def text_of(fleet: FleetSpec, times: int) -> tuple[int, int, bool, float]:
        drawn = draw(fleet, MODEL, b"x", times)
        return drawn.output_tokens, drawn.reasoning_tokens, drawn.is_stop, drawn.chance.random()

    assert text_of(FLEET, 0) == text_of(FLEET, 1)
    fresh = replace(FLEET, replies="fresh")
    assert text_of(fresh, 0) != text_of(fresh, 1)
    assert text_of(fresh, 0) == text_of(FLEET, 0)


def test_faults_and_stops_come_as_often_as_their_rates_say() -> None:
    """Two thousand draws."""
    drawn = draws()
    counts = Counter(each.fault for each in drawn)
    assert set(counts) == {None, "hang", "cut"}
    assert abs(counts["hang"] - 500) < 80
    assert abs(counts["cut"] - 500) < 80
    assert abs(sum(each.is_stop for each in drawn) - 600) < 80


def test_jitter_and_spread_leave_the_mean_as_it_is() -> None:
    """They are lognormal factors with mean 1, and 0 switches them off."""
    drawn = draws()
    assert abs(mean(each.first_token_s for each in drawn) / MODEL.first_token_s - 1) < 0.05
    assert abs(mean(each.output_tokens for each in drawn) / 100 - 1) < 0.05
    steady = replace(FLEET, models=(replace(MODEL, jitter=0.0, output_spread=0.0),))
    assert {
        (each.first_token_s, each.pace, each.output_tokens, each.reasoning_tokens) for each in draws(steady, 9)
    } == {(MODEL.first_token_s, 1.0, 100, 50)}


def test_a_rate_of_one_hits_every_request() -> None:
    """Also where the rates sum to one over several faults."""
    always = replace(FLEET, faults=FaultSpec(empty=0.5, drip=0.5))
    assert {each.fault for each in draws(always, 200)} == {"empty", "drip"}
