"""How close the engine's dataflow comes to the critical path, on a real clock, beside two schedules with barriers.

Run as ``python benchmarks/schedule.py [--seeds 5] [--agents 5 8] [--layers 3] [--journal]``. It really waits: about
five minutes. With ``--journal`` every call is kept in a SQLite file, opened before the clock starts.

Every call takes from 0.1 to 1 s. Agents differ in speed, and so do the calls of one agent, by one of two laws: even
(half the agent's pace and half the call's own luck, both uniform) and tailed (most calls short and a few long, as
replies of models are). How long a call takes is said by the seed and the call's id alone, so that three ways to run an
ensemble make the same calls with the same waits:

dataflow
    the engine itself, through the library, on a scripted provider;
barriers
    the calls of the engine's own log once more, all calls of a stage together, each stage when the one before is over;
in sequence
    as barriers, but the critiques of one critic one after the other, as the authors' code makes them.

The critical path is that of the engine's log (``attention_moa.critical_path``): the longest chain of calls that waited
for each other. No schedule of the same calls can be faster. Medians over the seeds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Iterable, Sequence
from itertools import groupby, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from attention_moa import AgentSpec, CallRequest, Ensemble, EnsembleSpec, RunRecord, ScriptedProvider, StopRule
from attention_moa.critical_path import critical_path
from attention_moa.messages import Stage
from attention_moa.providers.scripted import Line
from attention_moa.records import CallRecord

SHORTEST_S, LONGEST_S = 0.1, 1.0
STAGES = tuple(Stage)


class Run(NamedTuple):
    """One seed: the seconds of each way to run it, and of the critical path."""

    dataflow_s: float
    barriers_s: float
    sequence_s: float
    path_s: float
    calls: int


def even_s(agent: random.Random, call: random.Random) -> float:
    """Return half the agent's pace and half the call's luck."""
    return (agent.uniform(SHORTEST_S, LONGEST_S) + call.uniform(SHORTEST_S, LONGEST_S)) / 2


def tailed_s(agent: random.Random, call: random.Random) -> float:
    """Return a time with a long tail, its mean from 0.2 to 0.4 s by agent."""
    return min(SHORTEST_S + agent.uniform(0.1, 0.3) * call.expovariate(1.0), LONGEST_S)


LAWS = {"even": even_s, "tailed": tailed_s}


class Waits(NamedTuple):
    """How long calls take: a law and a seed."""

    law: str
    seed: int

    def of(self, agent: str, call_id: str) -> float:
        """Return the seconds of one call."""
        return LAWS[self.law](random.Random(f"{self.seed} {agent}"), random.Random(f"{self.seed} {call_id}"))


def id_of(request: CallRequest) -> str:
    """Return the call id of a request, as the engine names it."""
    parts = (str(request.layer), request.stage.value, request.agent, request.peer)
    return ".".join(part for part in parts if part is not None)


def an_ensemble(agents: int, layers: int, waits: Waits, journal: Path | None) -> Ensemble:
    """Return an ensemble of agents that wait as long as they are told."""

    def says(request: CallRequest) -> Line:
        text = f"What {request.agent} says at {request.stage}."
        return Line(text=text, first_token_s=waits.of(request.agent, id_of(request)))

    spec = EnsembleSpec(
        agents=tuple(AgentSpec(name=f"a{number}", model="timed:model") for number in range(agents)),
        layers=layers,
        early_stop=StopRule(rule="none"),
    )
    return Ensemble(spec, providers={"timed": ScriptedProvider(says)}, journal=journal)


async def barriers(waits: Waits, calls: Sequence[CallRecord], *, is_in_sequence: bool) -> float:
    """Return the seconds that the calls take with a barrier after each stage.

    Args:
        waits: How long each call takes.
        calls: The engine's log.
        is_in_sequence: Whether a critic makes its critiques one after the other.
    """

    async def make(chain: Iterable[CallRecord]) -> None:
        for call in chain:
            await asyncio.sleep(waits.of(call.agent, call.call_id))

    started_s = time.perf_counter()
    in_order = sorted(calls, key=lambda call: (call.layer, STAGES.index(call.stage), call.agent))
    for (_, stage), members in groupby(in_order, key=lambda call: (call.layer, call.stage)):
        is_chained = is_in_sequence and stage is Stage.CRITIQUE
        chains = groupby(members, key=lambda call: call.agent if is_chained else call.call_id)
        async with asyncio.TaskGroup() as group:
            for chain in [list(calls) for _, calls in chains]:
                group.create_task(make(chain))
    return time.perf_counter() - started_s


async def measure(agents: int, layers: int, law: str, *, seeds: int, folder: Path | None) -> list[Run]:
    """Return the runs of all seeds: the engine's one by one, so that none disturbs another, the others at once.

    Args:
        agents: ``N``.
        layers: ``L``.
        law: How long calls take.
        seeds: How many runs.
        folder: Where journals are kept; None for none.
    """
    walls_s: list[float] = []
    records: list[RunRecord] = []
    for seed in range(seeds):
        journal = None if folder is None else folder / f"{law}-{agents}-{seed}.db"
        async with an_ensemble(agents, layers, Waits(law, seed), journal) as ensemble:
            started_s = time.perf_counter()
            records.append(await ensemble.run("How long does it take?"))
            walls_s.append(time.perf_counter() - started_s)
    async with asyncio.TaskGroup() as group:
        parallel, chained = (
            [
                group.create_task(barriers(Waits(law, seed), record.calls, is_in_sequence=is_in_sequence))
                for seed, record in enumerate(records)
            ]
            for is_in_sequence in (False, True)
        )
    return [
        Run(
            dataflow_s=wall_s,
            barriers_s=parallel[seed].result(),
            sequence_s=chained[seed].result(),
            path_s=critical_path(record.calls).seconds,
            calls=len(record.calls),
        )
        for seed, (wall_s, record) in enumerate(zip(walls_s, records, strict=True))
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--agents", type=int, nargs="+", default=[5, 8])
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--laws", choices=sorted(LAWS), nargs="+", default=[*LAWS])
    parser.add_argument("--journal", action="store_true", help="keep every call in a SQLite file")
    options = parser.parse_args()
    kept = ", every call journaled" if options.journal else ""
    print(f"calls of {SHORTEST_S:g} to {LONGEST_S:g} s, real clock, medians of {options.seeds} seeds{kept}")
    with TemporaryDirectory() as folder:
        show(options, Path(folder) if options.journal else None)


def show(options: argparse.Namespace, folder: Path | None) -> None:
    """Print the rows as they are measured."""
    print("law      N   L  calls  schedule       wall s   path s  wall/path  dataflow saves")
    for law, agents in product(options.laws, options.agents):
        runs = asyncio.run(measure(agents, options.layers, law, seeds=options.seeds, folder=folder))
        path_s = statistics.median(run.path_s for run in runs)
        for name, walls_s in (
            ("dataflow", [run.dataflow_s for run in runs]),
            ("barriers", [run.barriers_s for run in runs]),
            ("in sequence", [run.sequence_s for run in runs]),
        ):
            ratio = statistics.median(wall_s / run.path_s for wall_s, run in zip(walls_s, runs, strict=True))
            saved = statistics.median(1 - run.dataflow_s / wall_s for wall_s, run in zip(walls_s, runs, strict=True))
            print(
                f"{law:6} {agents:3} {options.layers:3} {runs[0].calls:6}  {name:12} {statistics.median(walls_s):8.2f}"
                f" {path_s:8.2f} {ratio:10.3f} {saved:15.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
