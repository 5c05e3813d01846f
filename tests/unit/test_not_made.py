"""What was made and what was not adds up to the plan."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from attention_moa.call_plan import planned_calls
from attention_moa.config import AttentionMode, AttentionSpec
from attention_moa.errors import RefusedError
from attention_moa.not_made import NotMade, not_made
from attention_moa.stopping import verdict_line
from tests.worlds import World, a_spec

DOWN = RefusedError("no")


def test_of_a_whole_run_nothing_is_missing() -> None:
    """All planned calls were made."""
    assert not_made(World(a_spec(3, layers=2)).run()) == NotMade(0, 0, 0)


@pytest.mark.parametrize(("mode", "spared"), [("pairwise", 6), ("panel", 4)])
def test_what_a_lost_answer_prevents_is_without_input(mode: AttentionMode, spared: int) -> None:
    """The critiques that would have read it, and its refinement; these panels of one line hold no critique at all."""
    record = World(a_spec(3, layers=1, attention=AttentionSpec(mode=mode)), {"1.answer.b": DOWN}).run()
    assert not_made(record) == NotMade(0, spared, 0)
    assert len(record.calls) + spared == len(planned_calls(record.ensemble))


def test_a_refinement_without_critiques_is_without_input() -> None:
    """Its own answer stands in."""
    script = {f"1.critique.{critic}.b": DOWN for critic in "abc"}
    assert not_made(World(a_spec(3, layers=1), script).run()) == NotMade(0, 1, 0)


def test_a_run_that_stops_spares_the_layers_behind() -> None:
    """All calls of them."""
    world = World(a_spec(3, layers=3))
    line = verdict_line(world.desk.seal.nonce(2), is_stop=True)
    record = World(a_spec(3, layers=3), {"2.residual.a": line}).run()
    assert len(record.layers) == 2
    assert not_made(record) == NotMade(17, 0, 0)


def test_of_a_run_that_was_cut_off_the_layer_that_had_begun_is_told_apart() -> None:
    """Its record has no layers yet: its calls say how far it is; behind a whole layer the next one may be under way."""
    record = replace(World(a_spec(2, layers=3)).run(), state="running", layers=())
    assert [not_made(replace(record, calls=record.calls[:made])) for made in (0, 5, 9, 12)] == [
        NotMade(20, 0, 9),
        NotMade(20, 0, 4),
        NotMade(10, 0, 10),
        NotMade(10, 0, 7),
    ]


def test_fallbacks_are_no_part_of_the_plan() -> None:
    """A second writer adds a call, and makes up for none."""
    record = World(a_spec(2, layers=1)).run()
    more = (*record.calls, replace(record.calls[-1], call_id="1.summary.other"))
    assert not_made(replace(record, calls=more)) == NotMade(0, 0, 0)
