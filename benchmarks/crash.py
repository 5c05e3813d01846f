"""Runs that are killed with SIGKILL at random moments and taken up again: what is paid twice, and what comes out.

Run as ``python benchmarks/crash.py [--kills N] [--seed S] [--jobs J] [--cli] [--quorum] [--postgres URL]``. The
simulated fleet is in this process and answers equal prompts equally. Every run (N=3, L=2, 33 calls) asks its own
question, first undisturbed and without a journal: that gives the text to compare with. Then processes run it on a
journal; each is killed at a moment that is drawn from a run's usual duration, and the next one goes on: asked the same
question, or told the run's id. The last one is left to end. With ``--cli`` the processes are ``attention-moa ask`` and
``attention-moa runs resume`` themselves, killed after their first request. Half of the kills are on SQLite, half on
PostgreSQL: on the server of a URL, else on one that is started here; where there is none, all are on SQLite.

Columns: runs, kills, requests that the fleet saw, calls that were in the journal at the kills, requests that were sent
again since they were in flight at a kill, requests that were sent again though the call was in the journal or not in
flight (has to be 0), calls that were in the journal at one kill and not later (has to be 0), runs whose text equals the
undisturbed run's, and runs whose account of tokens does. The exit code is 1 where one of these is not as it has to be.

With ``--quorum`` half of the kills are on runs whose readers go on without the last of three. What these send hangs on
the clock, so there is no undisturbed run to compare with: they have to keep to what was decided before the kill, which
shows in that nothing is sent again or lost, and to end with what their record says.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from attention_moa.accounting import call_usage
from attention_moa.fleet import Visit
from attention_moa.records import CallRecord, UsageTotal

# As a script its folder is where imports are looked for, as a module of the tests the folder above.
sys.path[:0] = [str(Path(__file__).parents[1])]
from benchmarks._crash_world import CALLS, ROOT, Child, Command, Key, Undisturbed, World, a_world, key_of, told  # noqa: E402 - see above

LEAST_S = 0.02
KILLS_A_RUN = (1, 1, 1, 2, 3)

HURRY = """
[quorum]
critiques = 2
refinements = 2
"""
"""Readers go on without the last of three: who that is, the clock decides, and what is sent hangs on it."""


@dataclass
class Tally:
    """What became of the runs on one store."""

    store: str
    runs: int = 0
    kills: int = 0
    requests: int = 0
    journaled: int = 0
    repeats: int = 0
    violations: int = 0
    lost: int = 0
    equal: int = 0
    accounts: int = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether all is as it has to be."""
        return not (self.violations or self.lost or self.troubles) and self.runs == self.equal == self.accounts


class Segments:
    """The requests of one run, between its kills: counts what was sent again, and whether it had to be.

    Args:
        calm: The run that it is to equal; None where it may go its own way, so long as it goes on with it.
        tally: Where it is counted.
    """

    def __init__(self, calm: Undisturbed | None, tally: Tally) -> None:
        """Start with nothing sent and nothing journaled."""
        self._calm = calm
        self._tally = tally
        self._sent: set[Key] = set()
        self._journaled: dict[str, CallRecord] = {}
        self._count = 0

    def add(self, visits: Sequence[Visit], calls: Mapping[str, CallRecord]) -> None:
        """Count all requests of the run so far, and what the journal has of it now."""
        keys = [key_of(visit) for visit in visits[self._count :]]
        before = set(map(told, self._journaled.values()))
        again = self._sent & set(keys)
        tally = self._tally
        tally.requests += len(keys)
        tally.repeats += len(again - before)
        tally.violations += len(again & before) + len(keys) - len(set(keys))
        journaled = {call_id: call for call_id, call in calls.items() if call.state == "finished"}
        tally.lost += sum(journaled.get(call_id) != call for call_id, call in self._journaled.items())
        if self._calm is not None:
            self._compare(self._calm, set(keys), journaled)
        self._sent |= set(keys)
        self._journaled = journaled
        self._count = len(visits)

    def _compare(self, calm: Undisturbed, keys: set[Key], journaled: Mapping[str, CallRecord]) -> None:
        if strangers := keys - set(calm.keys.values()):
            self._tally.troubles.append(f"{len(strangers)} requests that the undisturbed run does not have")
        theirs = {call.call_id: call.text for call in calm.record.calls}
        if wrong := [call_id for call_id, call in journaled.items() if call.text != theirs[call_id]]:
            self._tally.troubles.append(f"journaled with another text: {', '.join(wrong)}")

    @property
    def journaled(self) -> int:
        """How many calls were in the journal last."""
        return len(self._journaled)


async def crash(world: World, question: str, tally: Tally, *, usual_s: float, chance: random.Random) -> None:
    """Run a question, kill it some times, or until it comes to its end before, and then let it end."""
    kills = chance.choice(KILLS_A_RUN)
    calm = None if world.is_hurried else await world.undisturbed(question)
    since = len(world.fleet.log)
    segments = Segments(calm, tally)
    said: dict[str, str] = {}
    for each in range(kills + 1):
        child = await world.child(question, await _named(world, question, chance))
        child.go()
        await _at_work(world, child, question)
        left = 1 - segments.journaled / CALLS
        said = await child.end(chance.uniform(0.0, max(usual_s * left, LEAST_S)) if each < kills else None)
        visits = await world.visits(question, since)
        segments.add(visits, await world.calls(question))
        if said:
            break
        tally.kills += 1
        tally.journaled += segments.journaled
    tally.runs += 1
    if "error" in said:
        tally.troubles.append(f"{said['error']}: {said['message']}")
    run_ids = await world.run_ids(question)
    if len(run_ids) != 1:
        tally.troubles.append(f"{len(run_ids)} runs of one question")
    record = await world.journal.record(run_ids[0])
    theirs = record if calm is None else calm.record
    tally.equal += said.get("text") == record.text == theirs.text and record.state == "finished"
    tally.accounts += _paid(record.usage) == _paid(call_usage(record.calls) if calm is None else theirs.usage)


async def _at_work(world: World, child: Child, question: str) -> None:
    """Wait for the first request of a command, most of whose time goes by before it; a process that waited is ready."""
    count = len(world.fleet.log)
    while isinstance(child, Command) and child.is_alive:
        if any(question in visit.text for visit in tuple(world.fleet.log)[count:]):
            return
        await asyncio.sleep(0.005)


async def _named(world: World, question: str, chance: random.Random) -> str | None:
    """Return the run that is to go on; None where its question is asked once more, which finds it too."""
    rows = [row for row in await world.journal.rows(limit=1000) if row.question == question]
    # One that was killed between its end and its last word has finished: its question would begin another run.
    return rows[0].run_id if rows and (rows[0].state == "finished" or chance.random() < 0.5) else None


def _paid(usage: UsageTotal) -> tuple[int, int, int]:
    return usage.calls, usage.input_tokens, usage.output_tokens


async def usual_seconds(world: World) -> float:
    """Return how long a run takes on a journal once all is imported, the median of three."""
    times_s: list[float] = []
    for number in range(3):
        child = await world.child(f"[calm {number}] Why is the sky blue?")
        started_s = time.monotonic()
        child.go()
        await child.end()
        times_s.append(time.monotonic() - started_s)
    return sorted(times_s)[1]


async def crash_many(
    store: str, url: str, *, kills: int, seed: int, jobs: int, more: str = "", kind: type[Child] = Child
) -> Tally:
    """Return what became of so many kills on one store.

    Args:
        store: What it is called.
        url: Where it is.
        kills: How many.
        seed: All that is drawn comes from it, but what the clock decides.
        jobs: How many runs go on at once.
        more: Of the ensemble.
        kind: What is killed.
    """
    tally = Tally(store)
    numbers = itertools.count(1)
    async with a_world(url, more=more) as world:
        usual_s = await usual_seconds(world)
        world.kind = kind

        async def work() -> None:
            while tally.kills < kills:
                number = next(numbers)
                chance = random.Random(f"{seed} {store} {number}")
                question = f"[{store} {number}] Why is the sky blue?"
                await crash(world, question, tally, usual_s=usual_s, chance=chance)

        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(work())
    return tally


@contextmanager
def postgres(url: str | None) -> Iterator[str | None]:
    """Lend the URL of a PostgreSQL database: the one that is given, else of a server of its own; None without any."""
    if url is not None:
        yield url
        return
    script = ROOT / "scripts" / "postgres.sh"
    with tempfile.TemporaryDirectory(prefix="moa-postgres-", ignore_cleanup_errors=True) as folder:
        started = subprocess.run([script, "start", folder], capture_output=True, text=True, timeout=120, check=False)
        if started.returncode != 0:
            print(started.stderr.strip(), file=sys.stderr)
            yield None
            return
        try:
            yield started.stdout.strip()
        finally:
            subprocess.run([script, "stop", folder], capture_output=True, timeout=120, check=True)


def print_table(tallies: Sequence[Tally]) -> None:
    """Print what became of all runs."""
    columns = ("runs", "kills", "requests", "journaled", "repeats", "violations", "lost", "equal", "accounts")
    print(f"{'store':20}" + "".join(f"{column:>11}" for column in columns))
    for tally in tallies:
        print(f"{tally.store:20}" + "".join(f"{getattr(tally, column):>11}" for column in columns))
    for tally in tallies:
        for trouble in tally.troubles:
            print(f"{tally.store}: {trouble}")


def main() -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=120, help="at least so many, on all stores together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="runs that go on at once")
    parser.add_argument("--cli", dest="has_commands", action="store_true", help="kill ask and runs resume themselves")
    parser.add_argument("--quorum", dest="has_quorum", action="store_true", help="half of the kills on hurried runs")
    parser.add_argument("--postgres", metavar="URL", help="an empty database; without it a server is started here")
    options = parser.parse_args()
    with postgres(options.postgres) as server, tempfile.TemporaryDirectory() as folder:
        stores = {"sqlite": str(Path(folder) / "journal.db")} | ({"postgresql": server} if server else {})
        ways = {"": "", " quorum": HURRY} if options.has_quorum else {"": ""}
        kind = Command if options.has_commands else Child
        kills = -(-options.kills // len(stores) // len(ways))
        tallies = [
            asyncio.run(
                crash_many(store + way, url, kills=kills, seed=options.seed, jobs=options.jobs, more=more, kind=kind)
            )
            for way, more in ways.items()
            for store, url in stores.items()
        ]
    print_table(tallies)
    return 0 if all(tally.is_right for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
