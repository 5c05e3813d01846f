"""Runs on a fleet in which half of all requests go wrong: how they end, and whether anything wrong goes any further.

Run as ``python benchmarks/chaos.py [--runs N] [--seed S] [--jobs J] [--grace SECONDS]``. A child process is the fleet
(``attention-moa simulate``): five models; each of the ten common faults hits 5 % of the requests, each of the four
rarer ones 1 %. This process runs N=5, L=2 on it over loopback, several runs at once, on one SQLite journal, with a
deadline. The ways to run take turns: as it comes; with a quorum; hedged; critics in panels and nothing streamed; with a
deadline that most runs miss; with one that hardly leaves time for an answer; with a limit of tokens that most reach.

When all is over each run is checked against the fleet's log, which holds every request with its fault and its reply:
every request is an attempt in the run's record, a faulty one with the error that belongs to it; every finished call has
the whole text that the fleet wrote; no prompt and no answer holds a mark of a faulty reply, an error's text or a
``None``; every loss and every stand-in is labelled. A run has to end so many seconds after its deadline at the latest
(1.5 by default): what is under way is cancelled then, its connections are closed and the record is written to the
journal. Alone that takes less than 0.1 s; here the other runs go on in the same event loop, on a core that they share
with the fleet, and a machine that does other work besides needs more. Memory is read when nothing is under way, after
each fifth of the runs (of few runs, each half).

Prints a table by way to run, the faults by kind, and what is left open. The exit code is 1, with a list on standard
error, where anything is not as it has to be.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from attention_moa import AttentionSpec, CallPolicy, Ensemble, EnsembleSpec, RunRecord
from attention_moa.codec import record_from_json, record_to_json
from attention_moa.config import LimitSpec, QuorumSpec
from attention_moa.errors import MoaError, RunError
from attention_moa.fleet import COMMON_FAULTS, FAULTS, Visit
from attention_moa.ports import Journal
from attention_moa.settings import load_spec
from attention_moa.store import open_journal

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # where this is run as a file, only its own folder is there

from benchmarks._chaos_checks import said, unaccounted, unlabelled  # noqa: E402 - see above

GROWTH_MIB = 8.0
GROWTH_OBJECTS = 2_000
"""How much more memory may be in use after the last part of the runs than after the first one: SQLite's and the
allocator's caches fill for a while, and Python keeps up to 512 regular expressions."""
DEADLINE_S = 12.0
PATIENCE_S = 60.0

MODELS = ("swift", "even", "ample", "sage", "late")
FLEET = f"""
time_scale = 0.05
stop_rate = 0.25
{{seed}}
[faults]
{chr(10).join(f"{fault} = {0.05 if fault in COMMON_FAULTS else 0.01}" for fault in FAULTS)}
""" + "\n".join(
    f"""[[models]]
name = "sim-{name}"
first_token_s = {0.1 * place}
decode_tps = {200 - 30 * place}
output_tokens = {40 + 10 * place}
reasoning_tokens = {40 if name == "sage" else 0}
"""
    for place, name in enumerate(MODELS, 1)
)

QUESTION = re.compile(r"question (\d+) of the chaos")


class Way(NamedTuple):
    """One way to run."""

    name: str
    spec: EnsembleSpec


class End(NamedTuple):
    """How a run ended: seconds, the error's class where there was one, whether it has a record."""

    number: int
    took_s: float
    error: str | None
    has_record: bool
    wrong: tuple[str, ...]


class Seen(NamedTuple):
    """What is open, and how much memory is used (MiB)."""

    tasks: int
    handles: int
    connections: int
    threads: int
    mib: float


def ways(spec: EnsembleSpec) -> list[Way]:
    """Return the ways to run, of the ensemble as the fleet wrote it."""
    policy = CallPolicy(attempts=3, retry_wait_s=0.02, retry_wait_max_s=1.0, first_token_timeout_s=0.6, timeout_s=1.5)
    plain = replace(spec, calls=policy, limits=LimitSpec(deadline_s=DEADLINE_S))
    whole = tuple(replace(agent, stream=False) for agent in spec.agents)
    return [
        Way("as it comes", plain),
        Way("quorum", replace(plain, quorum=QuorumSpec(critiques=3, refinements=3, grace_s=0.1))),
        Way("hedged", replace(plain, calls=replace(policy, hedge_s=0.2))),
        Way("panels, whole", replace(plain, agents=whole, attention=AttentionSpec(mode="panel"))),
        Way("short deadline", replace(plain, limits=LimitSpec(deadline_s=1.0))),
        Way("hardly any time", replace(plain, limits=LimitSpec(deadline_s=0.25))),
        Way("few tokens", replace(plain, limits=LimitSpec(deadline_s=DEADLINE_S, tokens=60_000))),
    ]


# ------------------------------------------------------------------------------------------------------------- running


@contextmanager
def fleet(folder: Path, seed: int) -> Iterator[subprocess.Popen[str]]:
    """Yield the fleet's process once it serves; ``ensemble.toml`` and ``log.jsonl`` are its files in the folder."""
    (folder / "fleet.toml").write_text(FLEET.format(seed=f"seed = {seed}"), encoding="utf-8")
    command = [sys.executable, "-m", "attention_moa", "simulate", "fleet.toml", "--port", "0"]
    command += ["--ensemble", "ensemble.toml", "--log", "log.jsonl", "--log-messages"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            if child.stdout is None or "simulated models at" not in child.stdout.readline():
                raise RuntimeError(f"the fleet does not serve: {child.communicate(timeout=PATIENCE_S)}")
            yield child
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=PATIENCE_S)
        finally:
            child.kill()


class World(NamedTuple):
    """Where runs are: a folder, a journal, what tags are derived from, the longest standstill so far (one number)."""

    folder: Path
    journal: Journal
    secret: bytes
    standstill_s: list[float]


async def run_one(number: int, way: Way, world: World) -> End:
    """Return how one run ended; its record is kept in the folder."""
    wrong: list[str] = []
    error: BaseException | None = None
    record: RunRecord | None = None
    start_s = time.perf_counter()
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            Ensemble(way.spec, secret=world.secret, journal=world.journal) as ensemble,
        ):
            start_s = time.perf_counter()
            record = await ensemble.run(f"Why is the sky blue? This is question {number} of the chaos.")
    except RunError as failure:
        error, record = failure, failure.partial
    except (MoaError, TimeoutError) as failure:
        error = failure
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is what the table is to show
        error = failure
    took_s = time.perf_counter() - start_s
    if error is not None and not isinstance(error, MoaError):
        wrong.append(f"ended with {type(error).__name__}: {error}")
    if record is not None:
        (world.folder / f"{number}.json").write_bytes(record_to_json(record))
    return End(number, took_s, type(error).__name__ if error else None, record is not None, tuple(wrong))


async def run_all(numbers: Iterable[int], jobs: int, world: World) -> list[End]:
    """Return how runs ended, so many of them under way at once."""
    chosen = ways(load_spec(world.folder / "ensemble.toml"))
    ends: list[End] = []
    left = iter(numbers)

    async def work() -> None:
        for number in left:
            ends.append(await run_one(number, chosen[number % len(chosen)], world))  # noqa: PERF401 - one after the other, each awaited

    async with asyncio.TaskGroup() as group:
        beats = group.create_task(beat(world))
        async with asyncio.TaskGroup() as working:
            for _ in range(jobs):
                working.create_task(work())
        beats.cancel()
    return ends


async def beat(world: World) -> None:
    """Put down how long the event loop stands still."""
    while True:
        start_s = time.perf_counter()
        await asyncio.sleep(0.01)
        world.standstill_s[0] = max(world.standstill_s[0], time.perf_counter() - start_s - 0.01)


def seen(process: int | None = None) -> Seen:
    """Return what is open in this process, or in another one."""
    folder = Path(f"/proc/{process or os.getpid()}")
    links = [link.readlink().name for link in (folder / "fd").iterdir() if link.is_symlink()]
    pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
    mib = pages * os.sysconf("SC_PAGESIZE") / 2**20
    tasks = 0 if process else len(asyncio.all_tasks())
    sockets = sum(link.startswith("socket:") for link in links)
    threads = sum(
        not thread.name.startswith("asyncio_") for thread in threading.enumerate()
    )  # these are kept for later
    return Seen(tasks, len(links), sockets, 0 if process else threads, mib)


async def settle(process: int, before: Seen) -> Seen:
    """Return what is open in the fleet, once it has seen that everybody left or had five seconds for it."""
    for _ in range(100):
        gc.collect()
        if seen(process).handles <= before.handles:
            break
        await asyncio.sleep(0.05)
    return seen(process)


class Memory(NamedTuple):
    """What is in use: MiB as the system counts them, and Python objects that the collector knows."""

    mib: float
    objects: int


async def memory_now() -> Memory:
    """Return what is in use once all is let go of that can be."""
    gc.collect()
    await asyncio.sleep(0.2)  # connections are closed in the loop's next turns
    gc.collect()
    return Memory(seen().mib, len(gc.get_objects()))


class Outcome(NamedTuple):
    """All runs, and what was open before and after them, here and in the fleet."""

    ends: list[End]
    here: tuple[Seen, Seen]
    fleet: tuple[Seen, Seen]
    memory: list[Memory]
    standstill_s: float


async def run_parts(options: argparse.Namespace, folder: Path, process: int) -> Outcome:
    """Return what came of all runs; a few before them warm up what is made once."""
    there = seen(process)
    secret = f"chaos {options.seed}".encode()
    standstill_s = [0.0]
    async with await open_journal(folder / "first.db") as journal:
        await run_all(range(-len(MODELS), 0), options.jobs, World(folder, journal, secret, standstill_s))
    await settle(process, there)
    standstill_s[0] = 0.0
    here, ends, memory = seen(), list[End](), list[Memory]()
    async with await open_journal(folder / "journal.db") as journal:
        parts = 5 if options.runs >= 50 else 2
        for part in range(parts):
            numbers = range(options.runs * part // parts, options.runs * (part + 1) // parts)
            ends += await run_all(numbers, options.jobs, World(folder, journal, secret, standstill_s))
            memory.append(await memory_now())
    left = await settle(process, there)
    return Outcome(ends, (here, seen()), (there, left), memory, standstill_s[0])


# ------------------------------------------------------------------------------------------------------------- telling


class Row(NamedTuple):
    """What came of one way to run."""

    runs: int = 0
    requests: int = 0
    faults: int = 0
    retries: int = 0
    answers: int = 0
    degraded: int = 0
    errors: int = 0
    longest_s: float = 0.0

    def plus(self, other: Row) -> Row:
        """Return the sum; of the longest run the longer one."""
        sums = [int(mine + theirs) for mine, theirs in zip(self[:-1], other[:-1], strict=True)]
        return Row._make((*sums, max(self.longest_s, other.longest_s)))


def judge(end: End, visits: Sequence[Visit], folder: Path) -> tuple[Row, list[str]]:
    """Return a run's row, and what is wrong with it."""
    wrong = list(end.wrong)
    faults = sum(visit.fault is not None for visit in visits)
    if not end.has_record:
        return Row(1, len(visits), faults, errors=1, longest_s=end.took_s), [*wrong, f"no record: {end.error}"]
    record = record_from_json((folder / f"{end.number}.json").read_bytes())
    wrong += [*unaccounted(record, visits), *said(record, visits), *unlabelled(record)]
    if (record.text is None) == (end.error is None):
        wrong.append(f"text {record.text!r} with error {end.error}")
    retries = sum(max(len(call.attempts) - 1, 0) for call in record.calls)
    is_answer = end.error is None
    is_less = is_answer and bool(record.degraded or record.losses)
    return Row(1, len(visits), faults, retries, is_answer, is_less, not is_answer, end.took_s), wrong


def leaks(outcome: Outcome) -> Iterator[str]:
    """Yield what was left open."""
    for where, (before, after) in (("here", outcome.here), ("in the fleet", outcome.fleet)):
        for field in ("tasks", "handles", "connections", "threads"):
            was, now = getattr(before, field), getattr(after, field)
            if now > was:
                yield f"{field} {where}: {was} before, {now} after"
    first, last = outcome.memory[0], outcome.memory[-1]
    if last.mib - first.mib > GROWTH_MIB or last.objects - first.objects > GROWTH_OBJECTS:
        yield f"memory grew after the first part of the runs: {first}, {last}"


def tell(outcome: Outcome, chosen: Sequence[Way], rows: Mapping[str, Row], faults: Mapping[str, int]) -> None:
    """Print the tables."""
    heads = ("runs", "requests", "faults", "retries", "answers", "degraded", "errors")
    print(f"{'':15}" + "".join(f"{head:>9}" for head in heads) + f"{'longest s':>11}{'deadline s':>12}")
    deadlines = {way.name: f"{way.spec.limits.deadline_s:g}" for way in chosen}
    total = Row()
    for name, row in rows.items():
        total = total.plus(row)
        print(f"{name:15}" + "".join(f"{part:>9,}" for part in row[:-1]) + f"{row[-1]:>11.2f}{deadlines[name]:>12}")
    print(f"{'all':15}" + "".join(f"{part:>9,}" for part in total[:-1]))
    print("\nfaults: " + ", ".join(f"{kind} {number:,}" for kind, number in faults.items()))
    over = sorted(end.took_s - (chosen[end.number % len(chosen)].spec.limits.deadline_s or 0.0) for end in outcome.ends)
    past = [late_s for late_s in over if late_s > 0] or [0.0]
    took = f"{statistics.median(past):.2f} s at the median, at most {past[-1]:.2f} s"
    print(f"ended by the deadline: {len(past)} runs, after it {took}; the loop stood for {outcome.standstill_s:.2f} s")
    errors = Counter(end.error for end in outcome.ends if end.error)
    print("typed errors: " + (", ".join(f"{kind} {number}" for kind, number in errors.most_common()) or "none"))
    for where, (before, after) in (("here", outcome.here), ("in the fleet", outcome.fleet)):
        pairs = (f"{field} {getattr(before, field)} -> {getattr(after, field)}" for field in Seen._fields[:-1])
        print(f"open {where}, before -> after: " + ", ".join(pairs))
    print(
        "memory after each part: " + ", ".join(f"{now.mib:.1f} MiB, {now.objects:,} objects" for now in outcome.memory)
    )


def by_run(log: Path) -> dict[int, list[Visit]]:
    """Return the requests of each run, as the fleet logged them."""
    visits: dict[int, list[Visit]] = defaultdict(list)
    with log.open("rb") as lines:
        for line in lines:
            visit = msgspec.json.decode(line, type=Visit)
            numbers = set(QUESTION.findall(visit.text))
            visits[int(numbers.pop()) if len(numbers) == 1 else -1].append(visit)
    return visits


def main() -> None:
    """Run all, check all, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=6, help="runs under way at once")
    parser.add_argument("--grace", type=float, default=1.5, help="seconds that a run may go on after its deadline")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with fleet(folder, options.seed) as child:
            outcome = asyncio.run(run_parts(options, folder, child.pid))
        chosen = ways(load_spec(folder / "ensemble.toml"))
        visits = by_run(folder / "log.jsonl")
        rows: dict[str, Row] = {way.name: Row() for way in chosen}
        wrong = list(leaks(outcome))
        for end in sorted(outcome.ends):
            way = chosen[end.number % len(chosen)]
            row, found = judge(end, visits[end.number], folder)
            rows[way.name] = rows[way.name].plus(row)
            if (over_s := end.took_s - (way.spec.limits.deadline_s or 0.0)) > options.grace:
                found.append(f"ended {over_s:.2f} s after its deadline")
            wrong += [f"run {end.number} ({way.name}): {what}" for what in found]
    faults = Counter(visit.fault for of_run in visits.values() for visit in of_run if visit.fault)
    tell(outcome, chosen, rows, dict(faults.most_common()))
    for what in wrong:
        print(what, file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
