"""What the stages of a layer share: chains of writers, and readers that go on without those who are late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from attention_moa.agents import WriterSpec
from attention_moa.call_plan import planned_calls
from attention_moa.config import AttentionMode, AttentionSpec, EnsembleSpec, QuorumSpec
from attention_moa.errors import RefusedError
from attention_moa.events import Degraded
from attention_moa.layer_run import LayerRun, Past
from attention_moa.messages import CallRequest, Stage
from attention_moa.not_made import not_made
from attention_moa.prompts import render_answer
from attention_moa.records import Loss, RunRecord
from attention_moa.run_log import RunLog
from attention_moa.store.memory import MemoryJournal
from tests import virtual_time
from tests.journals import a_head
from tests.worlds import World, a_spec, call, call_id


def test_a_chain_of_no_writers_is_a_mistake_of_ours() -> None:
    """It has no loss to return."""
    world = World()

    async def scenario() -> None:
        log = RunLog("run", "", world.spec, world.desk.conversation, now=lambda: 0.0)
        layer = LayerRun(world.desk, world.caller(log), log, number=1, past=Past(), pairs=())
        await layer.ask_chain((), Stage.SUMMARY, lambda agent: render_answer(world.desk, agent, 1, None), reads=())

    with pytest.raises(ValueError, match="at least one writer"):
        virtual_time.run(scenario())


def a_quorum(grace_s: float = 0.0, refinements: int | None = 2, **fields: Any) -> EnsembleSpec:
    """Return three agents and one layer; two critiques and so many refinements are enough."""
    quorum = QuorumSpec(critiques=2, refinements=refinements, grace_s=grace_s)
    return a_spec(3, **({"layers": 1, "quorum": quorum} | fields))


def latencies(**slow: float) -> Callable[[CallRequest], float]:
    """Return what a call takes: a second, unless its id (with ``_`` for ``.``) is named."""
    return lambda request: slow.get(f"x{call_id(request).replace('.', '_')}", 1.0)


def left_out(record: RunRecord) -> list[tuple[str, str, str | None]]:
    """Return whose results came too late."""
    return [(loss.stage.value, loss.agent, loss.peer) for loss in record.losses if loss.kind == "Late"]


def test_without_a_quorum_everybody_is_waited_for() -> None:
    """The default."""
    record = World(a_spec(3, layers=1), latency_s=latencies(x1_critique_b_a=60.0)).run()
    assert (record.wall_s, left_out(record)) == (63.0, [])


def test_a_reader_goes_on_without_those_that_are_late() -> None:
    """The late critique is ended, booked and labelled; the refinement does not have it."""
    world = World(a_quorum(), latency_s=latencies(x1_critique_b_a=60.0))
    record = world.run()
    assert record.wall_s == 4.0
    assert left_out(record) == [("critique", "b", "a")]
    assert call(record, "1.critique.b.a").state == "cancelled"
    assert "1.critique.b.a" not in call(record, "1.refine.a").reads
    why = "late: a quorum of 2 was there, and 0 s more had passed"
    (entry,) = record.degraded
    assert (entry.layer, entry.stage, entry.agent, entry.what, entry.why) == (
        1,
        "critique",
        "b",
        "b's critique of a was left out",
        why,
    )
    assert [event.degradation for event in world.events if isinstance(event, Degraded)] == [entry]
    assert record.usage.unknown_calls == 1, "what the late one cost is not known, and counts"


def test_the_late_have_a_time_of_grace() -> None:
    """Counted from when enough are there."""
    for late_s, expected in ((3.0, []), (3.5, [("critique", "b", "a")])):
        record = World(a_quorum(grace_s=2.2, refinements=None), latency_s=latencies(x1_critique_b_a=late_s)).run()
        assert left_out(record) == expected


def test_a_late_refinement_is_left_out_by_the_summary() -> None:
    """Its text, if it still comes, is in no result."""
    record = World(a_quorum(), latency_s=latencies(x1_refine_b=60.0)).run()
    assert left_out(record) == [("refine", "b", None)]
    assert set(record.layers[0].refinements) == {"a", "c"}
    assert record.text == "says 1.summary.a"


def test_a_late_reply_that_comes_before_the_layer_is_over_is_paid_and_not_read() -> None:
    """It is in the ledger, and its place says that it was left out."""
    record = World(a_quorum(), latency_s=latencies(x1_critique_b_a=2.5, x1_refine_b=1.5)).run()
    assert call(record, "1.critique.b.a").state == "finished"
    assert isinstance(record.layers[0].critiques["b", "a"], Loss)
    assert set(record.layers[0].refinements) == {"a", "c"}
    assert call(record, "1.refine.b").state == "finished"
    assert left_out(record) == [("critique", "b", "a"), ("refine", "b", None)]


def test_losses_make_no_quorum() -> None:
    """Two that failed are not enough: the third is waited for."""
    down = RefusedError("no")
    script = {"1.critique.a.a": down, "1.critique.b.a": down}
    record = World(a_quorum(refinements=None), script, latency_s=latencies(x1_critique_c_a=60.0)).run()
    assert "1.critique.c.a" in call(record, "1.refine.a").reads
    assert ("critique", "c", "a") not in left_out(record)


def test_a_quorum_of_more_than_there_are_waits_for_all() -> None:
    """With sparse attention there may be fewer critiques than are enough."""
    sparse = AttentionSpec(own=True, peers=0)
    record = World(a_quorum(refinements=None, attention=sparse), latency_s=latencies(x1_critique_a_a=5.0)).run()
    assert ("critique", "a", "a") not in left_out(record)


def test_critiques_that_were_never_begun_are_losses_too() -> None:
    """Of an agent whose answer hangs: nobody could criticise it, and the calls add up to the plan all the same."""
    record = World(a_quorum(), latency_s=latencies(x1_answer_b=60.0)).run()
    assert {pair for pair, found in record.layers[0].critiques.items() if isinstance(found, Loss)} == {
        (critic, author) for critic in "abc" for author in "abc" if "b" in (critic, author)
    }
    assert {("critique", critic, "b") for critic in "abc"} <= set(left_out(record))
    assert not_made(record) == (0, 0, len(planned_calls(record.ensemble)) - len(record.calls))


@pytest.mark.parametrize("mode", ["pairwise", "panel"])
def test_what_readers_left_out_before_the_run_died_is_not_made_now(mode: AttentionMode) -> None:
    """Neither the critiques that nobody waits for, nor anything of an agent that the summary went on without."""
    place = asyncio.run(MemoryJournal().begin(a_head()))
    for reader in "ac":
        asyncio.run(place.decide(f"1.refine.{reader}.late", ["b"]))
    asyncio.run(place.decide("1.summary.summary.late", ["b"]))
    world = World(a_quorum(attention=AttentionSpec(mode=mode)), journal=place)
    record = world.run()
    assert not {name for name in world.asked if name.split(".")[2] == "b" or name.endswith(".b")}
    unread = {("critique", critic, "b") for critic in ("b" if mode == "panel" else "abc")}  # else in a panel's reply
    assert set(left_out(record)) == unread | {("critique", "b", "a"), ("critique", "b", "c"), ("refine", "b", None)}
    assert record.text == "says 1.summary.a"


def test_a_critique_that_was_left_out_is_not_made_for_a_reader_who_is_not() -> None:
    """Only that one; the others of the critic are."""
    place = asyncio.run(MemoryJournal().begin(a_head()))
    asyncio.run(place.decide("1.refine.a.late", ["b"]))
    world = World(a_quorum(), journal=place)
    assert left_out(world.run()) == [("critique", "b", "a")]
    assert "1.critique.b.a" not in world.asked
    assert {"1.critique.b.b", "1.critique.b.c"} <= set(world.asked)


def test_a_fallback_that_wrote_is_told() -> None:
    """Who failed, why, and who wrote in its place: in the record and to observers."""
    spec = a_spec(2, layers=1, summary=WriterSpec(model="a", fallback=("b",)))
    world = World(spec, {"1.summary.a": RefusedError("no")})
    record = world.run()
    assert record.text == "says 1.summary.b"
    told = [(entry.stage, entry.agent, entry.what, entry.why) for entry in record.degraded]
    assert told == [("summary", "a", "b wrote in its place", "no")]
    assert [event.degradation for event in world.events if isinstance(event, Degraded)] == list(record.degraded)
