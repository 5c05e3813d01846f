"""Many clients at once for minutes: is any answer lost, how soon does the first byte come, does the server stay small.

Run as ``python benchmarks/server_load.py [--clients N] [--seconds T] [--ramp-s S] [--most-… LIMIT]``. Three
processes share the machine: a simulated fleet at real speed, ``attention-moa serve`` with three agents in two layers on
it (33 calls a run, a SQLite journal), and the clients. Each client asks one question after the other, streamed, on a
connection of its own, for ``--seconds``; what is under way then is waited for. They come one after the other within
``--ramp-s``; with 0 all come in the same moment, and then all runs go through the same stages at the same time.

Printed are runs and calls, errors, the first byte of a stream (the first SSE comment) and whole runs by the clients'
clocks, the event loop's lag from ``/metrics``, each process's share of the CPU, and the server's memory and open files
every so often. Memory is flat when the last third of the time has no more than ``--most-growth`` MiB above the middle
third. The exit code is 1 where an answer is missing or wrong, or a limit is passed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # where this is run as a file, only its own folder is there

from benchmarks import _server_world as world  # noqa: E402 - see above

CALLS = 33
SAMPLE_S = 1.0

FLEET = """
import asyncio, os, signal, sys
from attention_moa.fleet import Fleet, FleetSpec, ModelSpec, render_ensemble

_, decode_tps, output_tokens, chunk_tokens, ensemble = sys.argv
models = tuple(
    ModelSpec(name=f"sim-{name}", output_tokens=float(output_tokens), decode_tps=float(decode_tps), concurrency=10_000,
              queue=None)
    for name in "abc"
)
spec = FleetSpec(models=models, chunk_tokens=int(chunk_tokens))

async def main():
    async with Fleet(spec, most_visits=1000) as fleet:
        with open(ensemble, "w") as file:
            file.write('name = "panel"\\n' + render_ensemble(spec, fleet.base_url, layers=2))
            file.write('\\n[early_stop]\\nrule = "none"\\n[calls]\\nconcurrency = 10000\\n')
        print(fleet.base_url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""

# The clients are a process of their own, so that their share of the CPU can be told from the others'. Says what each
# of them saw as JSON, a line for each question.
CLIENTS = """
import asyncio, json, sys, time
from benchmarks import _server_world as world

_, port, clients, seconds, ramp_s = sys.argv

async def client(number, until_s):
    asked = 0
    await asyncio.sleep(number * float(ramp_s) / int(clients))
    while not asked or time.monotonic() < until_s:
        asked += 1
        question = f"Question {asked} of client {number}: what speaks for a bridge of type {number}?"
        try:
            seen = await world.stream(int(port), "panel", question)
            told = [seen.first_byte_s, seen.took_s, seen.error or ("" if seen.text.strip() else "an empty answer")]
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            told = [0.0, 0.0, f"{type(error).__name__}: {error}"]
        print(json.dumps(told), flush=True)

async def main():
    print("http://none:0", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    until_s = time.monotonic() + float(ramp_s) + float(seconds)
    async with asyncio.TaskGroup() as group:
        for number in range(int(clients)):
            group.create_task(client(number, until_s))

asyncio.run(main())
"""


class Told(NamedTuple):
    """What a client saw of a question; the error is empty where there was an answer."""

    first_byte_s: float
    took_s: float
    error: str


class Sample(NamedTuple):
    """A moment: seconds since the start, and what the server has used by then."""

    at_s: float
    server: world.Used


class Measured(NamedTuple):
    """All that was seen.

    Args:
        told: By the clients.
        samples: Of the server, one a second.
        shares: CPU seconds of each process for a second of the clock.
        lag: How many of the server's looks at its event loop were at most so many seconds late, by these seconds.
    """

    told: list[Told]
    samples: list[Sample]
    shares: dict[str, float]
    lag: dict[float, float]


def measure(options: argparse.Namespace, folder: Path) -> Measured:
    """Return what was seen."""
    served = folder / "served"
    served.mkdir()
    speed = [str(options.decode_tps), str(options.output_tokens), str(options.chunk_tokens)]
    fleet = world.Process([sys.executable, "-c", FLEET, *speed, str(served / "panel.toml")], folder)
    with fleet, world.serving(["-e", str(served)], folder) as server:
        command = [sys.executable, "-c", CLIENTS, str(server.port), str(options.clients), str(options.seconds)]
        command += [str(options.ramp_s)]
        with world.Process(command, folder) as clients:
            processes = {"server": server, "fleet": fleet, "clients": clients}
            before = {name: world.used_by(process.pid).cpu_s for name, process in processes.items()}
            samples, told = watched(clients, server)
            after = {name: world.used_by(process.pid).cpu_s for name, process in processes.items() if name != "clients"}
        lag = buckets(asyncio.run(world.page(server.port, "/metrics")), "event_loop_lag_seconds")
    wall_s = samples[-1].at_s
    shares = {name: (after[name] - before[name]) / wall_s for name in after}
    return Measured(told[0], samples, {**shares, "clients": told[1] / wall_s}, lag)


def watched(clients: world.Process, server: world.Process) -> tuple[list[Sample], tuple[list[Told], float]]:
    """Return the server's samples while the clients ask, what they saw, and their CPU seconds."""
    import threading

    lines: list[str] = []
    stdin, stdout = clients.process.stdin, clients.process.stdout
    if stdin is None or stdout is None:
        raise RuntimeError("the clients have no pipes")
    reader = threading.Thread(target=lambda: lines.extend(stdout), daemon=True)
    stdin.write("\n")
    stdin.flush()
    reader.start()
    started_s = time.monotonic()
    samples: list[Sample] = []
    cpu_s = 0.0
    while reader.is_alive():
        samples.append(Sample(time.monotonic() - started_s, world.used_by(server.pid)))
        cpu_s = max(cpu_s, world.used_by(clients.pid).cpu_s)
        reader.join(SAMPLE_S)
    return samples, ([Told(*json.loads(line)) for line in lines], cpu_s)


def buckets(metrics: str, name: str) -> dict[float, float]:
    """Return a histogram of the metrics page: how many were at most each bound."""
    found = re.findall(rf'^attention_moa_{name}_bucket{{le="([^"]+)"}} (\S+)$', metrics, re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def share_bound(histogram: dict[float, float], share: float) -> float:
    """Return the least bound that so large a share of a histogram is within."""
    whole = max(histogram.values())
    return min(bound for bound, count in histogram.items() if count >= share * whole)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of the values is at most."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def mib_in(samples: Sequence[Sample], first: float, last: float) -> float:
    """Return the median memory from one share of the time to another."""
    end_s = samples[-1].at_s
    return statistics.median(one.server.resident_mib for one in samples if first * end_s <= one.at_s <= last * end_s)


def report(seen: Measured, options: argparse.Namespace) -> list[str]:
    """Print all; return what is not as it has to be."""
    errors = [one.error for one in seen.told if one.error]
    first_s = [one.first_byte_s for one in seen.told if not one.error] or [0.0]
    took_s = [one.took_s for one in seen.told if not one.error] or [0.0]
    wall_s = seen.samples[-1].at_s
    growth_mib = mib_in(seen.samples, 2 / 3, 1) - mib_in(seen.samples, 1 / 3, 2 / 3)
    lag_s = share_bound(seen.lag, 0.99)
    whole = len(seen.told) - len(errors)
    print(f"{options.clients} clients, all there within {options.ramp_s:g} s, for {options.seconds:g} s")
    print(f"over after        {wall_s:.0f} s")
    print(f"runs              {whole} with an answer, {len(errors)} without; {whole * CALLS / wall_s:.0f} calls/s")
    print(f"a run             p50 {quantile(took_s, 0.5):.1f} s, p99 {quantile(took_s, 0.99):.1f} s")
    print(f"first byte        p50 {quantile(first_s, 0.5) * 1000:.0f} ms, p99 {quantile(first_s, 0.99) * 1000:.0f} ms")
    print(f"event-loop lag    p50 within {share_bound(seen.lag, 0.5) * 1000:g} ms, p99 within {lag_s * 1000:g} ms")
    print("CPU (1 = a core)  " + ", ".join(f"{name} {share:.2f}" for name, share in seen.shares.items()))
    print(f"memory            {growth_mib:+.1f} MiB from the middle third to the last")
    print("  at s    MiB  files  threads")
    for sample in seen.samples[:: max(1, len(seen.samples) // 10)]:
        used = sample.server
        print(f"{sample.at_s:6.0f} {used.resident_mib:6.0f} {used.handles:6d} {used.threads:8d}")
    limits = (
        (f"{len(errors)} questions have no answer: {errors[:3]}", not errors and whole >= options.clients),
        ("the first byte is late", quantile(first_s, 0.99) <= options.most_first_byte_s),
        ("the event loop lags", lag_s <= options.most_lag_s),
        ("memory grows", growth_mib <= options.most_growth),
    )
    return [what for what, is_right in limits if not is_right]


def main() -> int:
    """Return 1 where something is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--ramp-s", type=float, default=30.0, help="seconds within which the clients come")
    parser.add_argument("--decode-tps", type=float, default=20.0, help="tokens a second of each simulated model")
    parser.add_argument("--output-tokens", type=float, default=300.0, help="of a reply, in the mean")
    parser.add_argument("--chunk-tokens", type=int, default=16, help="tokens in each event of the fleet's streams")
    parser.add_argument("--most-first-byte-s", type=float, default=1.0)
    parser.add_argument("--most-lag-s", type=float, default=0.05)
    parser.add_argument("--most-growth", type=float, default=32.0)
    options = parser.parse_args()
    with world.a_folder() as folder:
        wrong = report(measure(options, Path(folder)), options)
    for what in wrong:
        print(what, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
