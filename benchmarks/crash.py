"""Runs that are killed with SIGKILL at random moments and taken up again: what is paid twice, and what comes out.

Run as ``python benchmarks/crash.py [--kills N] [--seed S] [--jobs J] [--postgres URL]``. The simulated fleet answers in
this process, equal prompts equally. Every run (N=3, L=2, 33 calls) asks a question of its own, first undisturbed and
without a journal: that gives the text to compare with. Then processes run it on a journal; each is killed at a moment
that is drawn from a run's usual duration, and the next one goes on: asked the same question, or told the run's id. The
last one is left to end. Half of the kills are on SQLite, half on PostgreSQL: on the server of a URL, else on one that
is started here; where there is none, all are on SQLite.

Columns: runs, kills, requests that the fleet saw, calls that were in the journal at the kills, requests that were sent
again since they were in flight at a kill, requests that were sent again though the call was in the journal or not in
flight (has to be 0), calls that were in the journal at one kill and not later (has to be 0), runs whose text equals the
undisturbed run's, and runs whose account of tokens does. The exit code is 1 where one of these is not as it has to be.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

from attention_moa import Ensemble, EnsembleSpec, RunRecord
from attention_moa.fleet import Fleet, FleetSpec, ModelSpec, Visit, render_ensemble
from attention_moa.records import CallRecord
from attention_moa.settings import parse_spec
from attention_moa.store import open_journal
from attention_moa.store.journal import SqlJournal

ROOT = Path(__file__).parents[1]
PATIENCE_S = 60.0
LEAST_S = 0.02
KILLS_A_RUN = (1, 1, 1, 2, 3)

# Runs a question on a journal. Says "ready" when all is imported, waits for a line, and says the end as JSON.
CHILD = """
import asyncio, json, sys
import attention_moa.providers.remote_models, attention_moa.store.journal
from attention_moa import Ensemble
from attention_moa.errors import MoaError
from attention_moa.journaling import RunWish

_, ensemble, journal, question, run_id = sys.argv

async def main():
    loaded = Ensemble.load(ensemble, journal=journal)
    try:
        record = await loaded.run(question, wish=RunWish(run_id=run_id or None))
    except MoaError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"run_id": record.run_id, "text": record.text}

print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(asyncio.run(main())), flush=True)
"""

Key: TypeAlias = tuple[str, str]
"""What a request is known by: its model, and the SHA-256 of its messages."""


def a_fleet(**fields: object) -> FleetSpec:
    """Return three models whose calls take about 0.15 s."""
    models = tuple(
        ModelSpec(name=f"sim-{name}", output_tokens=30, first_token_s=0.3, concurrency=100) for name in "abc"
    )
    return FleetSpec(models=models, **({"time_scale": 0.15} | fields))  # type: ignore[arg-type]


class Undisturbed(NamedTuple):
    """A run that nothing happened to: its record, and the key of each call by its id."""

    record: RunRecord
    keys: dict[str, Key]


class Child:
    """A process that runs a question on a journal."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take over a process that was started."""
        self._process = process

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @classmethod
    async def start(cls, ensemble: Path, journal: str, question: str, run_id: str | None) -> Child:
        """Return a process that has imported all and waits for ``go``."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, ensemble, journal, question, run_id or "", stdin=pipe, stdout=pipe, cwd=ROOT
        )
        child = cls(process)
        if await child._line() != "ready\n":
            raise RuntimeError("a process did not start")
        return child

    async def _line(self) -> str:
        stdout = cast("asyncio.StreamReader", self._process.stdout)
        async with asyncio.timeout(PATIENCE_S):
            return (await stdout.readline()).decode()

    def go(self) -> None:
        """Let it run."""
        cast("asyncio.StreamWriter", self._process.stdin).write(b"\n")

    async def end(self, kill_after_s: float | None = None) -> dict[str, str]:
        """Return what it says at its end; nothing where it was killed with SIGKILL before, so long after now."""
        if kill_after_s is not None:
            await asyncio.sleep(kill_after_s)
            if self._process.returncode is None:
                self._process.kill()
        line = await self._line()
        async with asyncio.timeout(PATIENCE_S):
            await self._process.wait()
        return dict(json.loads(line)) if line.endswith("\n") else {}

    async def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class World:
    """A fleet, an ensemble on it, and a journal."""

    def __init__(self, fleet: Fleet, url: str, journal: SqlJournal, *, ensemble: Path, calm: Ensemble) -> None:
        """Keep them together; ``a_world`` makes them."""
        self.fleet = fleet
        self.url = url
        self.journal = journal
        self.ensemble = ensemble
        self._calm = calm
        self._children: list[Child] = []

    async def undisturbed(self, question: str) -> Undisturbed:
        """Run a question in this process, without a journal."""
        before = len(self.fleet.log)
        record = await self._calm.run(question)
        visits = {_asked(visit): visit for visit in tuple(self.fleet.log)[before:] if question in visit.text}
        keys = {call.call_id: key_of(visits[_told(call)]) for call in record.calls}
        if not len(set(keys.values())) == len(keys) == len(visits):
            raise RuntimeError("requests cannot be told apart")
        return Undisturbed(record, keys)

    async def child(self, question: str, run_id: str | None = None) -> Child:
        """Return a process that is ready to run a question."""
        child = await Child.start(self.ensemble, self.url, question, run_id)
        self._children.append(child)
        return child

    async def aclose(self) -> None:
        """End all processes."""
        for child in self._children:
            await child.kill()

    async def run_ids(self, question: str) -> list[str]:
        """Return the runs of a question, the newest first."""
        return [row.run_id for row in await self.journal.rows(limit=1000) if row.question == question]

    async def calls(self, question: str) -> dict[str, CallRecord]:
        """Return what the journal has of a question that one run asks."""
        return {
            call.call_id: call
            for run_id in await self.run_ids(question)
            for call in (await self.journal.record(run_id)).calls
        }

    async def visits(self, question: str, since: int = 0) -> list[Visit]:
        """Return the requests of a question when none of them is under way any more."""
        count = -1
        async with asyncio.timeout(PATIENCE_S):
            while True:
                visits = [visit for visit in tuple(self.fleet.log)[since:] if question in visit.text]
                if len(visits) == count and all(visit.is_whole or visit.has_left for visit in visits):
                    return visits
                count = len(visits)
                await asyncio.sleep(0.03)  # what is still in a socket comes late


@asynccontextmanager
async def a_world(url: str, spec: FleetSpec | None = None) -> AsyncIterator[World]:
    """Lend a fleet and a journal; its secret is also that of the undisturbed runs."""
    spec = spec or a_fleet()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fleet = await stack.enter_async_context(Fleet(spec, has_messages=True))
        journal = await stack.enter_async_context(open_journal(url))
        text = render_ensemble(spec, fleet.base_url)
        (folder / "fleet.toml").write_text(text, encoding="utf-8")
        parsed: EnsembleSpec = parse_spec(text, name="fleet", folder=None)
        calm = await stack.enter_async_context(Ensemble(parsed, secret=await journal.secret()))
        world = World(fleet, url, journal, ensemble=folder / "fleet.toml", calm=calm)
        stack.push_async_callback(world.aclose)
        yield world


def key_of(visit: Visit) -> Key:
    """Return what a request is known by."""
    return visit.model, visit.messages_sha256


def _asked(visit: Visit) -> tuple[str, ...]:
    return visit.model, *(f"{turn['role']}: {turn['content']}" for turn in json.loads(visit.text))


def _told(call: CallRecord) -> tuple[str, ...]:
    return call.model.partition(":")[2], *(f"{turn.role}: {turn.text}" for turn in call.messages)


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
    """The requests of one run, between its kills: counts what was sent again, and whether it had to be."""

    def __init__(self, calm: Undisturbed, tally: Tally) -> None:
        """Start with nothing sent and nothing journaled."""
        self._calm = calm
        self._tally = tally
        self._sent: set[Key] = set()
        self._journaled: set[Key] = set()
        self._count = 0

    def add(self, visits: Sequence[Visit], calls: dict[str, CallRecord]) -> None:
        """Count all requests of the run so far, and what the journal has of it now."""
        keys = [key_of(visit) for visit in visits[self._count :]]
        tally = self._tally
        tally.requests += len(keys)
        strangers = set(keys) - set(self._calm.keys.values())
        if strangers:
            tally.troubles.append(f"{len(strangers)} requests that the undisturbed run does not have")
        again = [key for key in set(keys) if key in self._sent]
        tally.repeats += sum(key not in self._journaled for key in again)
        tally.violations += sum(key in self._journaled for key in again) + len(keys) - len(set(keys))
        journaled = {self._calm.keys[call_id] for call_id in calls}
        tally.lost += len(self._journaled - journaled)
        theirs = {call.call_id: call.text for call in self._calm.record.calls}
        wrong = [call_id for call_id, call in calls.items() if call.text != theirs[call_id]]
        if wrong:
            tally.troubles.append(f"journaled with another text: {', '.join(wrong)}")
        self._sent |= set(keys)
        self._journaled = journaled
        self._count = len(visits)

    @property
    def journaled(self) -> int:
        """How many calls were in the journal last."""
        return len(self._journaled)

    @property
    def left(self) -> float:
        """Share of the calls that were not."""
        return 1 - len(self._journaled) / len(self._calm.keys)


async def crash(world: World, question: str, tally: Tally, *, usual_s: float, chance: random.Random) -> None:
    """Run a question, kill it some times, or until it comes to its end before, and then let it end."""
    kills = chance.choice(KILLS_A_RUN)
    calm = await world.undisturbed(question)
    since = len(world.fleet.log)
    segments = Segments(calm, tally)
    said: dict[str, str] = {}
    for each in range(kills + 1):
        child = await world.child(question, await _named(world, question, chance))
        child.go()
        wait_s = chance.uniform(0.0, max(usual_s * segments.left, LEAST_S))
        said = await child.end(wait_s if each < kills else None)
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
    tally.equal += said.get("text") == record.text == calm.record.text and record.state == "finished"
    tally.accounts += _paid(record) == _paid(calm.record)


async def _named(world: World, question: str, chance: random.Random) -> str | None:
    """Return the run that is to go on; None where its question is asked once more, which finds it too."""
    rows = [row for row in await world.journal.rows(limit=1000) if row.question == question]
    # One that was killed between its end and its last word has finished: its question would begin another run.
    return rows[0].run_id if rows and (rows[0].state == "finished" or chance.random() < 0.5) else None


def _paid(record: RunRecord) -> tuple[int, int, int]:
    return record.usage.calls, record.usage.input_tokens, record.usage.output_tokens


async def usual_seconds(world: World) -> float:
    """Return how long a run takes on a journal, the median of three."""
    times_s: list[float] = []
    for number in range(3):
        child = await world.child(f"[calm {number}] Why is the sky blue?")
        started_s = time.monotonic()
        child.go()
        await child.end()
        times_s.append(time.monotonic() - started_s)
    return sorted(times_s)[1]


async def crash_many(store: str, url: str, *, kills: int, seed: int, jobs: int) -> Tally:
    """Return what became of so many kills on one store.

    Args:
        store: What it is called.
        url: Where it is.
        kills: How many.
        seed: All that is drawn comes from it, but what the clock decides.
        jobs: How many runs go on at once.
    """
    tally = Tally(store)
    numbers = itertools.count(1)
    async with a_world(url) as world:
        usual_s = await usual_seconds(world)

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
    print(f"{'store':12}" + "".join(f"{column:>11}" for column in columns))
    for tally in tallies:
        print(f"{tally.store:12}" + "".join(f"{getattr(tally, column):>11}" for column in columns))
    for tally in tallies:
        for trouble in tally.troubles:
            print(f"{tally.store}: {trouble}")


def main() -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=120, help="at least so many, on all stores together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="runs that go on at once")
    parser.add_argument("--postgres", metavar="URL", help="an empty database; without it a server is started here")
    options = parser.parse_args()
    with postgres(options.postgres) as server, tempfile.TemporaryDirectory() as folder:
        stores = {"sqlite": str(Path(folder) / "journal.db")} | ({"postgresql": server} if server else {})
        kills = -(-options.kills // len(stores))
        tallies = [
            asyncio.run(crash_many(store, url, kills=kills, seed=options.seed, jobs=options.jobs))
            for store, url in stores.items()
        ]
    print_table(tallies)
    return 0 if all(tally.is_right for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
