"""A small instance of the chaos benchmark, and that its checks find what is wrong."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from attention_moa import Ensemble, RunRecord
from attention_moa.fleet import FAULTYTEXT, Fleet, ModelSpec, Visit, render_ensemble
from attention_moa.records import CallRecord
from attention_moa.settings import parse_spec
from benchmarks._chaos_checks import said, unaccounted, unlabelled
from tests.fleet_world import a_fleet

ROOT = Path(__file__).parents[2]


def test_twenty_runs_in_chaos_leave_nothing_out_and_let_nothing_through() -> None:
    """Half of all requests go wrong; what the benchmark finds is on standard error.

    A busy machine may be late: how much is done before the deadlines, and how many answers there are, hangs on it.
    """
    command = [sys.executable, "benchmarks/chaos.py", "--runs", "20", "--jobs", "10", "--grace", "60"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=900, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    runs, requests, faults, retries, answers, degraded, errors = numbers(done.stdout, "all")
    assert (runs, answers + errors) == (20, 20)
    assert requests > faults > requests / 4
    assert retries > 10
    assert degraded <= answers
    kinds = re.findall(r"[a-z_]+ (\d+)", done.stdout.partition("faults: ")[2].splitlines()[0])
    assert sum(map(int, kinds)) >= faults


def numbers(printed: str, row: str) -> list[int]:
    """Return the numbers of a row of the table."""
    line = next(line for line in printed.splitlines() if line.startswith(f"{row} "))
    return [int(part.replace(",", "")) for part in line.split()[1:]]


@pytest.fixture(scope="module")
def undisturbed() -> tuple[RunRecord, list[Visit]]:
    """Return a run's record and the fleet's log of it."""

    async def scenario() -> tuple[RunRecord, list[Visit]]:
        spec = a_fleet(*(ModelSpec(name=f"sim-{name}", output_tokens=20) for name in "ab"))
        async with Fleet(spec, has_messages=True) as fleet, asyncio.timeout(60):
            ensemble = Ensemble(parse_spec(render_ensemble(spec, fleet.base_url), name="fleet", folder=None))
            return await ensemble.run("Why?"), list(fleet.log)

    return asyncio.run(scenario())


def test_an_undisturbed_run_is_in_order(undisturbed: tuple[RunRecord, list[Visit]]) -> None:
    """Nothing is found where nothing is wrong."""
    record, visits = undisturbed
    assert [*unaccounted(record, visits), *said(record, visits), *unlabelled(record)] == []


def test_a_request_that_the_record_does_not_know_is_found(undisturbed: tuple[RunRecord, list[Visit]]) -> None:
    """And an attempt that the fleet never saw."""
    record, visits = undisturbed
    assert len(list(unaccounted(replace(record, calls=record.calls[1:]), visits))) == 1
    assert len(list(unaccounted(record, visits[1:]))) == 1


@pytest.mark.parametrize("fault", ["cut", "server_error", "hang"])
def test_a_faulty_reply_that_was_taken_for_a_good_one_is_found(
    undisturbed: tuple[RunRecord, list[Visit]], fault: str
) -> None:
    """The record says that all went well, the fleet knows better."""
    record, visits = undisturbed
    faulty = msgspec.convert(msgspec.structs.asdict(visits[3]) | {"fault": fault}, Visit)
    assert len(list(unaccounted(record, [*visits[:3], faulty, *visits[4:]]))) == 1


def test_half_a_reply_is_found(undisturbed: tuple[RunRecord, list[Visit]]) -> None:
    """Also where it says nothing that is wrong in itself."""
    record, visits = undisturbed
    assert len(list(unaccounted(with_text(record, (record.calls[0].text or "")[:30]), visits))) == 1


@pytest.mark.parametrize("text", [FAULTYTEXT, "None", "see: TimeoutError", "HTTP 503: busy"])
def test_what_nobody_said_is_found(undisturbed: tuple[RunRecord, list[Visit]], text: str) -> None:
    """In the text of a call as in a prompt."""
    record, visits = undisturbed
    assert list(said(with_text(record, text), visits))


def test_what_is_missing_without_a_word_is_found(undisturbed: tuple[RunRecord, list[Visit]]) -> None:
    """A lost call without a loss, a stand-in without a label, an answer from nowhere."""
    record, _ = undisturbed
    first, *rest = record.calls
    assert list(unlabelled(replace(record, calls=(replace(first, state="lost"), *rest))))
    layer = record.layers[0]
    refined = {name: replace(each, stands_in="it broke") for name, each in layer.refinements.items()}
    assert list(unlabelled(replace(record, layers=(replace(layer, refinements=refined), *record.layers[1:]))))
    assert list(unlabelled(replace(record, layers=(replace(layer, refinements={}), *record.layers[1:]))))
    assert list(unlabelled(replace(record, text="from nowhere")))


def test_a_reply_that_came_in_the_moment_of_the_end_is_no_gap(undisturbed: tuple[RunRecord, list[Visit]]) -> None:
    """The attempt is whole, the call was ended: nobody used the text."""
    record, visits = undisturbed
    *others, last = record.calls
    ended = replace(last, state="cancelled", text=None)
    assert not list(unaccounted(replace(record, calls=(*others, ended)), visits))


def with_text(record: RunRecord, text: str) -> RunRecord:
    """Return a record whose first call says something else."""
    first, *rest = record.calls
    changed: CallRecord = replace(first, text=text)
    return replace(record, calls=(changed, *rest))
