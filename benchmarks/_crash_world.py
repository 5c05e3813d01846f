"""What the crash benchmark and the crash tests share: a fleet, an ensemble on it, a journal, processes that run it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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
CALLS = 33

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

Key: TypeAlias = tuple[str, ...]
"""What a request is known by: its model and its messages."""


def a_fleet(**fields: object) -> FleetSpec:
    """Return three models whose calls take about 0.15 s."""
    models = tuple(
        ModelSpec(name=f"sim-{name}", output_tokens=30, first_token_s=0.3, concurrency=100) for name in "abc"
    )
    return FleetSpec(models=models, **({"time_scale": 0.15} | fields))  # type: ignore[arg-type]  # fields by name, checked at run time


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

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

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


class Command(Child):
    """The command line that does the same: ``ask``, or ``runs resume``."""

    @classmethod
    async def start(cls, ensemble: Path, journal: str, question: str, run_id: str | None) -> Child:
        """Return the command; it goes on at once."""
        what = ["runs", "resume", run_id] if run_id else ["ask", "-e", str(ensemble), question]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "attention_moa", *what, "-q", "--journal", journal, stdout=pipe, stderr=pipe, cwd=ROOT
        )
        return cls(process)

    def go(self) -> None:
        """Do nothing: it does not wait."""

    async def end(self, kill_after_s: float | None = None) -> dict[str, str]:
        """Return its answer, or what it says of an error; nothing where it was killed."""
        if kill_after_s is not None:
            await asyncio.sleep(kill_after_s)
            if self._process.returncode is None:
                self._process.kill()
        async with asyncio.timeout(PATIENCE_S):
            out, err = await self._process.communicate()
        code = self._process.returncode
        if code == 0:
            return {"text": out.decode().removesuffix("\n")}
        return {} if code == -signal.SIGKILL else {"error": f"exit code {code}", "message": err.decode()}


class World:
    """A fleet, an ensemble on it, and a journal."""

    def __init__(self, fleet: Fleet, url: str, journal: SqlJournal, *, ensemble: Path, calm: Ensemble) -> None:
        """Keep them together; ``a_world`` makes them."""
        self.fleet = fleet
        self.url = url
        self.journal = journal
        self.ensemble = ensemble
        self.is_hurried = "[quorum]" in ensemble.read_text(encoding="utf-8")
        self._calm = calm
        self._children: list[Child] = []
        self.kind: type[Child] = Child

    async def undisturbed(self, question: str) -> Undisturbed:
        """Run a question in this process, without a journal."""
        before = len(self.fleet.log)
        record = await self._calm.run(question)
        visits = [key_of(visit) for visit in tuple(self.fleet.log)[before:] if question in visit.text]
        keys = {call.call_id: told(call) for call in record.calls}
        if not set(visits) == set(keys.values()) or not len(visits) == len(set(visits)) == len(keys) == CALLS:
            raise RuntimeError("requests cannot be told apart")
        return Undisturbed(record, keys)

    async def child(self, question: str, run_id: str | None = None) -> Child:
        """Return a process that is ready to run a question."""
        child = await self.kind.start(self.ensemble, self.url, question, run_id)
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
async def a_world(url: str, spec: FleetSpec | None = None, *, more: str = "") -> AsyncIterator[World]:
    """Lend a fleet and a journal; its secret is also that of the undisturbed runs.

    Args:
        url: Where the journal is.
        spec: The fleet; None for the usual one.
        more: TOML that comes after the agents.
    """
    spec = spec or a_fleet()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fleet = await stack.enter_async_context(Fleet(spec, has_messages=True))
        journal = await stack.enter_async_context(open_journal(url))
        text = render_ensemble(spec, fleet.base_url) + more
        (folder / "fleet.toml").write_text(text, encoding="utf-8")
        parsed: EnsembleSpec = parse_spec(text, name="fleet", folder=None)
        calm = await stack.enter_async_context(Ensemble(parsed, secret=await journal.secret()))
        world = World(fleet, url, journal, ensemble=folder / "fleet.toml", calm=calm)
        stack.push_async_callback(world.aclose)
        yield world


def key_of(visit: Visit) -> Key:
    """Return what a request is known by."""
    return visit.model, *(f"{turn['role']}: {turn['content']}" for turn in json.loads(visit.text))


def told(call: CallRecord) -> Key:
    """Return the same of a call that the journal has."""
    return call.model.partition(":")[2], *(f"{turn.role}: {turn.text}" for turn in call.messages)
