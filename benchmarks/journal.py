"""What the journal costs: CPU and time a call, how long the event loop stands still, and how fast a long list answers.

Run as ``python benchmarks/journal.py [--calls 2000] [--listed 100000] [--journal URL]``. It takes about a minute.

cpu ms
    CPU time of this process, all threads, from before a call is put to after it is on disk; calls one after the other.
wall ms
    The same on the clock: mostly the disk's.
together
    Calls put by as many tasks at once, as a layer of a big ensemble does: they share commits. Per call.
standstill ms
    The longest time between two turns of a task that only yields, while 200 calls of a kind are put, eight at a time,
    and their run is ended; the least of five times, as other processes hold this one up too.
rows() ms
    A list of 50 runs out of a journal with so many calls, and of one with a single run that has them all.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from attention_moa import AgentSpec, EnsembleSpec
from attention_moa.messages import ImagePart, Message, Sampling, Stage, Usage, user
from attention_moa.records import Attempt, CallRecord, RunRecord
from attention_moa.store import open_journal
from attention_moa.store.journal import SqlJournal
from attention_moa.stored_runs import RunHead

SPEC = EnsembleSpec(agents=(AgentSpec(name="a", model="test:a"), AgentSpec(name="b", model="test:b")))
REPEATS = 5
WORDS = "The sky is blue as short waves of light scatter more than long ones do, number {}. "


class Cost(NamedTuple):
    """What one call costs, in milliseconds."""

    cpu_ms: float
    wall_ms: float


def text(characters: int) -> str:
    """Return prose that can be squeezed about as well as a model's."""
    return "".join(WORDS.format(number * 7919 % 10_007) for number in range(characters // 80 + 1))[:characters]


def call(number: int, *messages: Message, reply_characters: int = 2_000) -> CallRecord:
    """Return a call with a prompt."""
    return CallRecord(
        call_id=f"1.answer.{number}",
        stage=Stage.ANSWER,
        layer=1,
        agent="a",
        model="test:a",
        sampling=Sampling(),
        messages=messages,
        state="finished",
        reads=(),
        queued_s=0.0,
        ended_s=float(number),
        attempts=(Attempt(started_s=0.0, ended_s=1.0, usage=Usage(input_tokens=3_000, output_tokens=500)),),
        text=text(reply_characters),
        finish_reason="stop",
        fingerprint=f"{number:064}",
    )


def head(run_id: str, number: int = 0) -> RunHead:
    """Return a run's head; a higher number is newer."""
    return RunHead(
        run_id=run_id,
        created_at=f"2026-01-01T00:00:00.{number:06}+00:00",
        ensemble=SPEC,
        conversation=(user("Why is the sky blue?"),),
        request_key="request",
    )


async def one_by_one(journal: SqlJournal, calls: int, prompt: tuple[Message, ...]) -> Cost:
    """Return the median cost of a call, each put when the one before is on disk."""
    run = await journal.begin(head("one by one"))
    cpu, wall = [], []
    for number in range(calls):
        record = call(number, *prompt)
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        await run.put(f"{number:064}", record)
        cpu.append(time.process_time() - cpu_s)
        wall.append(time.perf_counter() - wall_s)
    await run.release()
    await journal.delete("one by one")
    return Cost(statistics.median(cpu) * 1e3, statistics.median(wall) * 1e3)


async def together(journal: SqlJournal, calls: int, prompt: tuple[Message, ...], *, at_once: int) -> Cost:
    """Return the mean cost of a call, many put at once."""
    run = await journal.begin(head("together"))
    records = [call(number, *prompt) for number in range(calls)]
    cpu_s, wall_s = time.process_time(), time.perf_counter()

    async def worker(first: int) -> None:
        for number in range(first, calls, at_once):
            await run.put(f"{number:064}", records[number])

    async with asyncio.TaskGroup() as group:
        for first in range(at_once):
            group.create_task(worker(first))
    cost = Cost((time.process_time() - cpu_s) / calls * 1e3, (time.perf_counter() - wall_s) / calls * 1e3)
    await run.release()
    await journal.delete("together")
    return cost


async def standstill_ms(work: Callable[[], Awaitable[None]]) -> float:
    """Return the longest time that a task which only yields had to wait for its next turn."""
    longest_s, is_over = 0.0, False

    async def watch() -> None:
        nonlocal longest_s
        last_s = time.perf_counter()
        while not is_over:
            await asyncio.sleep(0)
            now_s = time.perf_counter()
            longest_s, last_s = max(longest_s, now_s - last_s), now_s

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        await work()
        is_over = True
    return longest_s * 1e3


async def a_run_of_big_calls(journal: SqlJournal, prompt: tuple[Message, ...], *, calls: int) -> None:
    """Put calls eight at a time, and end their run."""
    run = await journal.begin(head("big"))
    records = [call(number, *prompt, reply_characters=8_000) for number in range(calls)]
    for first in range(0, calls, 8):
        async with asyncio.TaskGroup() as group:
            for record in records[first : first + 8]:
                group.create_task(run.put(str(record.fingerprint), record))
    ended = RunRecord(
        run_id="big",
        created_at="",
        ensemble=SPEC,
        conversation=prompt,
        state="finished",
        calls=tuple(records),
    )
    await run.end(ended)
    await run.release()


async def least_standstill_ms(journal: SqlJournal, prompt: tuple[Message, ...]) -> float:
    """Return the least of some longest standstills: what other processes do to this one is not ours."""
    longest: list[float] = []
    for _ in range(REPEATS):
        longest.append(await standstill_ms(lambda: a_run_of_big_calls(journal, prompt, calls=200)))
        await journal.delete("big")
    return min(longest)


async def rows_ms(journal: SqlJournal, calls: int, *, a_run: int) -> float:
    """Return how long a list of 50 runs takes, once there are so many calls."""
    record = call(0, user("Why?"), reply_characters=200)
    for number in range(calls // a_run):
        run = await journal.begin(head(f"listed-{a_run}-{number}", a_run + number))  # longer runs come later
        async with asyncio.TaskGroup() as group:
            for place in range(a_run):
                group.create_task(run.put(f"{place:064}", record))
        await run.release()
    took = []
    for _ in range(5):
        start_s = time.perf_counter()
        await journal.rows(limit=50)
        took.append(time.perf_counter() - start_s)
    return statistics.median(took) * 1e3


async def measure(url: str, calls: int, listed: int) -> None:
    """Print the tables."""
    prompt = (user(text(12_000)),)
    kinds = {
        "prompt of 12 kB": prompt,
        "prompt of 400 kB": (user(text(400_000)),),
        "prompt with an image of 2 MB": (Message("user", (ImagePart(media_type="image/png", data=bytes(2_000_000)),)),),
    }
    async with open_journal(url) as journal:
        await one_by_one(journal, 50, prompt)  # what is compiled and imported at first use
        print(f"\n{'calls':<34}{'cpu ms':>10}{'wall ms':>10}")
        alone = await one_by_one(journal, calls, prompt)
        print(f"{'one after the other':<34}{alone.cpu_ms:>10.2f}{alone.wall_ms:>10.2f}")
        for at_once in (8, 64):
            cost = await together(journal, calls, prompt, at_once=at_once)
            print(f"{f'{at_once} together':<34}{cost.cpu_ms:>10.2f}{cost.wall_ms:>10.2f}")
        print(f"\n{'standstill':<34}{'ms':>10}")
        for kind, messages in kinds.items():
            print(f"{kind:<34}{await least_standstill_ms(journal, messages):>10.1f}")
        print(f"\n{f'rows(limit=50), {listed} calls':<34}{'ms':>10}")
        for a_run in (100, listed):
            print(f"{f'{a_run} calls a run':<34}{await rows_ms(journal, listed, a_run=a_run):>10.1f}")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--listed", type=int, default=100_000)
    parser.add_argument("--journal", help="a URL; by default a new file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.journal or str(Path(folder) / "journal.db")
        asyncio.run(measure(url, args.calls, args.listed))


if __name__ == "__main__":
    main()
