"""Texts that end the answer go to the endpoint where it can act on them: then it ends by itself and tells its usage."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.agents import ResidualSpec, WriterSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import EnsembleSpec, StopRule
from attention_moa.errors import AuthError, QuorumError, RefusedError
from attention_moa.providers.scripted import Said
from tests.worlds import Says, World, a_spec, call, call_id, in_turn

END = AnswerSpec(stop=("END",))
ONE = a_spec(2, layers=1)
ALONE = a_spec(1, strategy="single", layers=1)


def played(spec: EnsembleSpec, script: dict[str, Says] | None = None, wanted: AnswerSpec = END) -> World:
    """Return a world that has run."""
    world = World(spec, script, wanted=wanted)
    world.run()
    return world


def sent(world: World, name: str) -> list[tuple[str, ...] | None]:
    """Return the stops that each attempt of a call was sent with."""
    return [request.sampling.stop for request in world.requests if call_id(request) == name]


def test_who_writes_the_answer_is_told_where_it_ends() -> None:
    """Nobody else: what agents say to each other goes on."""
    world = played(ONE, {"summary": "so END and on"})
    assert sent(world, "1.summary.a") == [("END",)]
    assert {request.sampling.stop for request in world.requests if request.stage != "summary"} == {None}
    assert world.record.text == "so"


def test_the_writers_own_stops_stay() -> None:
    """They are its ensemble's."""
    world = played(a_spec(2, layers=1, summary=WriterSpec(stop=("own",))))
    assert sent(world, "1.summary.a") == [("own", "END")]


@pytest.mark.parametrize(
    ("fields", "wanted", "name"),
    [
        ({"layers": 1}, AnswerSpec(stop=("a", "b", "c", "d", "e")), "1.summary.a"),
        ({"layers": 1, "summary": WriterSpec(thinking=True)}, END, "1.summary.a"),
        ({"layers": 2}, END, "2.residual.a"),
    ],
    ids=["more than an API takes", "thinking", "a verdict line"],
)
def test_what_comes_before_the_answer_may_hold_them(fields: dict[str, Any], wanted: AnswerSpec, name: str) -> None:
    """An endpoint looks for them in all that it writes: there the answer is cut here."""
    world = played(a_spec(2, **fields), wanted=wanted)
    assert sent(world, name) == [None]


def test_a_model_that_closes_thinking_which_it_never_opened_is_not_told() -> None:
    """That shows with its first reply."""
    spec = a_spec(2, layers=2, residual=ResidualSpec(enabled=False), early_stop=StopRule(rule="none"))
    world = played(spec, {"1.summary.a": "hm\n</think>\nso"})
    assert sent(world, "2.summary.a") == [None]


@pytest.mark.parametrize("first", [RefusedError("stop is not supported"), ""], ids=["refuses", "ends at once"])
def test_an_endpoint_that_fails_over_them_is_asked_without(first: Said) -> None:
    """Its stream is cut here then, and the call is the same: a journal knows it by one key."""
    world = played(ONE, {"1.summary.a": in_turn(first, "so END and on")})
    assert sent(world, "1.summary.a") == [("END",), None]
    assert world.record.text == "so"
    plain = played(ONE, {"1.summary.a": "so END and on"})
    assert call(world.record, "1.summary.a").fingerprint == call(plain.record, "1.summary.a").fingerprint


def test_a_wrong_key_is_no_matter_of_stops() -> None:
    """Nor is what an endpoint refuses without them."""
    world = World(ALONE, {"a": AuthError("no")}, wanted=END)
    with pytest.raises(QuorumError):
        world.run()
    assert len(world.requests) == 1
    other = World(ALONE, {"a": in_turn(RefusedError("no"), RefusedError("no"), "never said")}, wanted=END)
    with pytest.raises(QuorumError):
        other.run()
    assert [request.sampling.stop for request in other.requests] == [("END",), None]
