"""A whole AlpacaEval on the simulated fleet: how long it takes against the least that it can, and how much memory.

Run as ``python benchmarks/bench_scale.py [--questions N] [--parallel P] [--time-scale X] [--data PATH]``. The fleet is
in a process of its own, and so is ``attention-moa bench run alpaca-eval``: five agents in three layers that never stop
early, 110 calls a question. Without ``--data`` the questions are made up, in the benchmark's form.

The least that it can take is the fleet's own bound: the model with the most work, each of whose places is never idle.
Printed are requests, wall-clock, that bound, their ratio, CPU seconds of the benchmark's process for a call, and the
most memory that it ever held. That process needs some 10 to 15 minutes of CPU for all 88,550 calls, so the ratio means
something on a machine that does little else. The exit code is 1 where it is above ``--most-ratio``, the
memory above ``--most-mib``, or a question has no answer.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

ROOT = Path(__file__).parents[1]

FLEET = """
import asyncio, json, os, sys
from attention_moa.fleet import Fleet, FleetSpec, ModelSpec, render_ensemble

_, time_scale, concurrency, ensemble = sys.argv
models = tuple(
    ModelSpec(name=f"sim-{name}", output_tokens=120, first_token_s=0.4, decode_tps=80, concurrency=int(concurrency),
              queue=None)
    for name in "abcde"
)
spec = FleetSpec(models=models, time_scale=float(time_scale))

async def main():
    async with Fleet(spec, most_visits=1000) as fleet:
        with open(ensemble, "w") as file:
            file.write(render_ensemble(spec, fleet.base_url, layers=3) + '\\n[early_stop]\\nrule = "none"\\n')
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        print(json.dumps({name: [one.requests, one.whole, one.busy_s] for name, one in fleet.stats.items()}))

asyncio.run(main())
"""


class Measured(NamedTuple):
    """What a run of the benchmark took.

    Args:
        requests: That the fleet saw.
        answered: Questions with an answer.
        wall_s: From the command's start to its end.
        bound_s: The least that the fleet needs for these requests.
        cpu_s: Of the benchmark's process.
        peak_mib: The most memory that it held (resident).
    """

    requests: int
    answered: int
    wall_s: float
    bound_s: float
    cpu_s: float
    peak_mib: float


def write_questions(folder: Path, count: int) -> Path:
    """Write made-up questions in AlpacaEval's form; return the folder of the data."""
    (folder / "alpaca_eval").mkdir()
    rows = [
        {
            "dataset": "made-up",
            "instruction": f"Question {number}: what speaks for and against building a bridge of type {number % 7} "
            f"over a river that is {number + 10} metres wide, and which three facts would you look up before deciding?",
            "output": f"It depends on {number}.",
            "generator": "baseline",
        }
        for number in range(count)
    ]
    (folder / "alpaca_eval" / "alpaca_eval_gpt4_baseline.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def measure(options: argparse.Namespace, folder: Path) -> Measured:
    """Run the benchmark on a fleet of its own; return what it took."""
    ensemble = folder / "fleet.toml"
    data = options.data or write_questions(folder, options.questions)
    scale, places = str(options.time_scale), str(options.concurrency)
    server = subprocess.Popen(
        [sys.executable, "-c", FLEET, scale, places, str(ensemble)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        if cast("IO[str]", server.stdout).readline() != "ready\n":
            raise SystemExit("the fleet did not start")
        command = [sys.executable, "-m", "attention_moa", "bench", "run", "alpaca-eval", "--data", str(data)]
        command += ["-e", str(ensemble), "--out", str(folder / "out"), "--limit", str(options.questions)]
        command += ["--parallel", str(options.parallel), "--no-judge", "--json"]
        results, wall_s, cpu_s, peak_mib = watched(command)
        said, _ = server.communicate(timeout=60)
    finally:
        server.kill()
        server.wait()
    stats: dict[str, tuple[int, int, float]] = json.loads(said)
    return Measured(
        requests=sum(requests for requests, _, _ in stats.values()),
        answered=results["systems"][0]["answered"],
        wall_s=wall_s,
        bound_s=max(busy_s for _, _, busy_s in stats.values()) * options.time_scale / options.concurrency,
        cpu_s=cpu_s,
        peak_mib=peak_mib,
    )


def watched(command: list[str]) -> tuple[dict[str, Any], float, float, float]:
    """Return what a command printed, its seconds, its CPU seconds, and the most memory in MiB that it held."""
    started_s = time.monotonic()
    peak_mib = cpu_s = 0.0
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, cwd=ROOT)
        try:
            while process.poll() is None:
                peak_mib, cpu_s = max(peak_mib, resident_mib(process.pid)), max(cpu_s, used_cpu_s(process.pid))
                time.sleep(0.05)
            wall_s = time.monotonic() - started_s
        finally:
            process.kill()
        if process.returncode != 0:
            raise SystemExit(f"the benchmark ended with {process.returncode}")
        out.seek(0)
        return json.loads(out.read()), wall_s, cpu_s, peak_mib


def resident_mib(pid: int) -> float:
    """Return the most memory that a process has held so far (Linux); 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def used_cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used (Linux); 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> int:
    """Print what it took; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=805)
    parser.add_argument("--parallel", type=int, default=64)
    parser.add_argument("--concurrency", type=int, default=32, help="places at each model")
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument("--data", type=Path, help="the folder of the benchmarks' data")
    parser.add_argument("--most-ratio", type=float, default=1.5)
    parser.add_argument("--most-mib", type=float, default=500.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        took = measure(options, Path(folder))
    ratio = took.wall_s / took.bound_s
    print(f"{'questions':12} {options.questions:>10,}")
    print(f"{'answered':12} {took.answered:>10,}")
    print(f"{'requests':12} {took.requests:>10,}")
    print(f"{'wall':12} {took.wall_s:>10,.1f} s")
    print(f"{'bound':12} {took.bound_s:>10,.1f} s")
    print(f"{'ratio':12} {ratio:>10.3f}")
    print(f"{'CPU a call':12} {1000 * took.cpu_s / max(took.requests, 1):>10.2f} ms")
    print(f"{'peak memory':12} {took.peak_mib:>10,.0f} MiB")
    is_right = ratio <= options.most_ratio and took.peak_mib <= options.most_mib and took.answered == options.questions
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
