"""What the server costs: runs and calls a second on one core, beside the same ensemble called in process.

Run as ``python benchmarks/server.py [--runs N] [--at-once N] [--passes N] [--journal]``. The agents are functions that
reply at once, so that all the time is that of the engine and of the server. The server is a process of its own that is
held to one core; the process that calls the same ensemble by the library is held to the same core; they work in turns,
so that a busy machine disturbs both alike, and the best of the passes is shown. The clients are on another core.

The first table: three agents in two layers, 33 calls a run, answers in one piece; then the same streamed with progress,
as chat front ends ask for it. The second one: a single agent that writes 500 tokens, each a piece of its own: the CPU
time for a token in process, and through the server to a client that reads them. ``of in process`` is what the server's
rate is of the library's, and what its CPU is of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # where this is run as a file, only its own folder is there

from benchmarks import _server_world as world  # noqa: E402 - see above
from benchmarks._server_agents import TOKENS  # noqa: E402 - see above

AGENT = '[[agents]]\nname = "{name}"\nmodel = "python:benchmarks._server_agents:{function}"\n'
PANEL = "layers = 2\n" + "\n".join(AGENT.format(name=name, function="whole") for name in ("ann", "bob", "cleo"))
PANEL += '\n[early_stop]\nrule = "none"\n'
WRITER = 'strategy = "single"\n' + AGENT.format(name="ann", function="token_by_token")
CALLS = 33

# Calls an ensemble so many times for each line that it reads: "FILE RUNS AT_ONCE"; streamed with pieces where it ends
# with "deltas". Says the seconds and the CPU seconds.
IN_PROCESS = """
import asyncio, sys, time
from contextlib import AsyncExitStack, aclosing
from attention_moa import Ensemble

_, journal, *files = sys.argv

async def one(ensemble, number, deltas):
    question = f"Question {number} of {time.time_ns()}"
    if not deltas:
        await ensemble.run(question)
        return
    async with aclosing(ensemble.stream(question, deltas=True)) as events:
        async for event in events:
            pass

async def many(ensemble, numbers, deltas):
    for number in numbers:
        await one(ensemble, number, deltas)

async def main():
    async with AsyncExitStack() as stack:
        ensembles = {}
        for file in files:
            loaded = Ensemble.load(file, journal=journal or None)
            ensembles[file] = await stack.enter_async_context(loaded)
        print("http://none:0", flush=True)
        while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            file, runs, at_once, *more = line.split()
            started_s, cpu_s = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as group:
                for place in range(int(at_once)):
                    group.create_task(many(ensembles[file], range(place, int(runs), int(at_once)), bool(more)))
            print(time.perf_counter() - started_s, time.process_time() - cpu_s, flush=True)

asyncio.run(main())
"""


class Row(NamedTuple):
    """One pass: runs, seconds, seconds of CPU."""

    runs: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Runs a second."""
        return self.runs / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU for a run."""
        return 1000 * self.cpu_s / self.runs


def in_process(child: world.Process, file: Path, runs: int, at_once: int, *, deltas: bool = False) -> Row:
    """Return one pass of the library."""
    stdin, stdout = child.process.stdin, child.process.stdout
    if stdin is None or stdout is None:
        raise RuntimeError("the process has no pipes")
    stdin.write(f"{file} {runs} {at_once}{' deltas' if deltas else ''}\n")
    stdin.flush()
    wall_s, cpu_s = map(float, stdout.readline().split())
    return Row(runs, wall_s, cpu_s)


def through_server(server: world.Process, model: str, runs: int, at_once: int, *, streamed: bool = False) -> Row:
    """Return one pass of the server, with so many clients.

    Raises:
        RuntimeError: An answer is none.
    """

    async def one(number: int) -> None:
        question = f"Question {number} of {time.time_ns()}"
        if not streamed:
            await world.answer(server.port, model, question)
            return
        answered = await world.stream(server.port, model, question)
        if answered.error or not answered.text:
            raise RuntimeError(f"no answer: {answered}")

    async def many(numbers: range) -> None:
        for number in numbers:
            await one(number)

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for place in range(at_once):
                group.create_task(many(range(place, runs, at_once)))

    started_s, cpu_s = time.perf_counter(), world.used_by(server.pid).cpu_s
    asyncio.run(all_of_them())
    return Row(runs, time.perf_counter() - started_s, world.used_by(server.pid).cpu_s - cpu_s)


def best(passes: int, *ways: Callable[[], Row]) -> list[Row]:
    """Return the best pass of each way; they are gone in turns, once before to warm up."""
    rows = [[way() for way in ways] for _ in range(passes + 1)][1:]
    return [max(of_one, key=lambda row: row.rate) for of_one in zip(*rows, strict=True)]


def show_runs(options: argparse.Namespace, library: world.Process, server: world.Process, file: Path) -> None:
    """Print the first table."""
    runs, at_once = options.runs, options.at_once
    rows = best(
        options.passes,
        lambda: in_process(library, file, runs, at_once),
        lambda: through_server(server, "panel", runs, at_once),
        lambda: through_server(server, "panel", runs, at_once, streamed=True),
    )
    print(f"{'':28} {'runs/s':>8} {'calls/s':>8} {'CPU ms/run':>11} {'of in process: rate':>20} {'CPU':>6}")
    for name, row in zip(("in process", "through the server", "the same, streamed"), rows, strict=True):
        ratios = f"{row.rate / rows[0].rate:20.2f} {row.cpu_ms / rows[0].cpu_ms:6.2f}"
        print(f"{name:28} {row.rate:8.1f} {row.rate * CALLS:8.0f} {row.cpu_ms:11.1f} {ratios}", flush=True)


def show_tokens(options: argparse.Namespace, library: world.Process, server: world.Process, file: Path) -> None:
    """Print the second table."""
    runs = max(2, options.runs // 4)
    rows = best(
        options.passes,
        lambda: in_process(library, file, runs, options.at_once, deltas=True),
        lambda: through_server(server, "writer", runs, options.at_once, streamed=True),
    )
    print(f"\n{'':28} {'tokens/s':>8} {'CPU us/token':>13} {'of in process':>14}")
    for name, row in zip(("in process, streamed", "through the server"), rows, strict=True):
        us = 1000 * row.cpu_ms / TOKENS
        print(f"{name:28} {row.rate * TOKENS:8.0f} {us:13.1f} {row.cpu_ms / rows[0].cpu_ms:14.2f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--journal", action="store_true", help="keep every call in a SQLite file, each its own")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    with world.a_folder() as name:
        folder = Path(name)
        files = {"panel": PANEL, "writer": WRITER}
        (folder / "served").mkdir()
        for stem, text in files.items():
            (folder / "served" / f"{stem}.toml").write_text(text, encoding="utf-8")
        paths = {stem: folder / "served" / f"{stem}.toml" for stem in files}
        journal = str(folder / "library.db") if options.journal else ""
        command = [sys.executable, "-c", IN_PROCESS, journal, *map(str, paths.values())]
        listening = ["-e", str(folder / "served"), *([] if options.journal else ["--no-journal"])]
        with (
            world.Process(command, folder, core=cores[0]) as library,
            world.serving(listening, folder, core=cores[0]) as server,
        ):
            show_runs(options, library, server, paths["panel"])
            show_tokens(options, library, server, paths["writer"])


if __name__ == "__main__":
    main()
