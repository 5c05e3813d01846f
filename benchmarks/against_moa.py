"""Attention-MoA beside plain MoA with the same agents and layers: seconds, memory, calls, tokens, money.

Run as ``python benchmarks/against_moa.py [--runs 3] [--time-scale 0.2] [--shapes 5x3 3x2] [--only fleet|embedded]``.

Every row is one question to one strategy in a process of its own, so that peak memory is its own: the largest resident
set of that process and, where it starts a local model, of that one too. ``5x3`` is five agents and three layers, on the
simulated fleet over HTTP; its models are those of ``attention-moa simulate``, their prices made up (0.50 dollars for a
million prompt tokens, a tenth of that where a cache serves them, 1.50 for written ones), and its seconds are simulated
ones. The embedded row is three agents and two layers on the model that comes with the package, with replies of at most
48 tokens. Early stopping is off, so that both run all of their layers. Medians over the runs.

Columns: seconds from start to end, and of the longest chain of calls that waited for each other; peak memory in MB; CPU
seconds of the program itself; calls; prompt tokens, those of them that a cache served, written tokens; US dollars.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from attention_moa import Ensemble, EnsembleSpec
from attention_moa.baselines.derive import baseline_specs
from attention_moa.config import AttentionSpec, StopRule
from attention_moa.fleet import Fleet, FleetSpec
from attention_moa.fleet.files import load_fleet
from attention_moa.fleet.snippet import render_ensemble
from attention_moa.money import Price
from attention_moa.settings import load_spec, parse_spec

QUESTION = "Why is the sky blue at noon and red at sunset, and why is it not violet?"
PRICE = Price(input=0.5, cached=0.05, output=1.5)
STRATEGIES = ("attention-moa", "moa")
COLUMNS = ("wall_s", "path_s", "peak_mb", "cpu_s", "calls", "prompt", "cached", "written", "usd")
HEADS = ("wall s", "path s", "peak MB", "CPU s", "calls", "prompt", "cached", "written", "USD")
EMBEDDED_TOKENS = 48


def spec_of(order: dict[str, Any]) -> EnsembleSpec:
    """Return the ensemble that a row asks for."""
    if order["base_url"]:
        text = render_ensemble(load_fleet(None), order["base_url"], layers=order["layers"])
        spec = parse_spec(text, name="fleet", folder=None)
        agents = tuple(replace(agent, price=PRICE) for agent in spec.agents[: order["agents"]])
        spec = replace(spec, agents=agents, summary=replace(spec.summary, fallback=()))
    else:
        spec = load_spec("embedded")
        agents = tuple(replace(agent, max_tokens=EMBEDDED_TOKENS) for agent in spec.agents)
        spec = replace(
            spec,
            agents=agents,
            layers=order["layers"],
            summary=replace(spec.summary, max_tokens=EMBEDDED_TOKENS),
            residual=replace(spec.residual, max_tokens=EMBEDDED_TOKENS),
            attention=AttentionSpec(max_tokens=EMBEDDED_TOKENS // 2),
        )
    spec = replace(spec, early_stop=StopRule(rule="none"))
    if order["strategy"] == "attention-moa":
        return spec
    (system,) = baseline_specs(spec, [order["strategy"]])
    return system.spec


async def row(order: dict[str, Any]) -> dict[str, float]:
    """Return what one run took, after a call that loads what the first call of a process loads."""
    spec = spec_of(order)
    await Ensemble(baseline_specs(spec, ["single"])[0].spec).run("Say: ready.")
    async with Ensemble(spec) as ensemble:
        started_s, cpu_s = time.monotonic(), time.process_time()
        record = await ensemble.run(QUESTION)
        wall_s, cpu_s = time.monotonic() - started_s, time.process_time() - cpu_s
    used = record.usage
    return {
        "wall_s": wall_s,
        "path_s": record.critical_path_s,
        "cpu_s": cpu_s,
        "calls": len(record.calls),
        "prompt": used.input_tokens,
        "cached": used.cached_tokens,
        "written": used.output_tokens,
        "usd": used.cost_usd,
    }


def work(order: dict[str, Any]) -> None:
    """Print one row as JSON: what a child process does."""
    told = asyncio.run(row(order))
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    told["peak_mb"] = sum(peaks) / 1024
    print(json.dumps(told))


@contextmanager
def fleet_at(time_scale: float) -> Iterator[str]:
    """Yield the address of a fleet that runs in a thread of its own."""
    ready, done, address = threading.Event(), threading.Event(), [""]

    async def serve(spec: FleetSpec) -> None:
        async with Fleet(spec, most_visits=1000) as fleet:
            address[0] = fleet.base_url
            ready.set()
            await asyncio.to_thread(done.wait)

    spec = replace(load_fleet(None), time_scale=time_scale)
    thread = threading.Thread(target=lambda: asyncio.run(serve(spec)))
    thread.start()
    try:
        if not ready.wait(30):
            raise RuntimeError("the fleet did not start")
        yield address[0]
    finally:
        done.set()
        thread.join()


def measured(order: dict[str, Any], runs: int, time_scale: float) -> dict[str, float]:
    """Return the medians of a row over some runs, its seconds in those of the models."""
    command = [sys.executable, __file__, "--child", json.dumps(order)]
    told: list[dict[str, float]] = []
    for _ in range(runs):
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            raise RuntimeError(f"a run failed: {done.stderr.strip()[-600:]}")
        told.append(json.loads(done.stdout))
    row = {name: statistics.median(one[name] for one in told) for name in COLUMNS}
    return row | {name: row[name] / time_scale for name in ("wall_s", "path_s")}


def line(name: str, cells: dict[str, float], *, has_price: bool) -> str:
    """Return a row of the table."""
    numbers = [f"{cells[name]:.1f}" if name in COLUMNS[:4] else f"{cells[name]:,.0f}" for name in COLUMNS[:-1]]
    return f"{name:26}" + "".join(f"{cell:>9}" for cell in (*numbers, f"{cells['usd']:.4f}" if has_price else "-"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--time-scale", type=float, default=0.2)
    parser.add_argument("--shapes", nargs="+", default=["5x3", "3x2"])
    parser.add_argument("--only", choices=["fleet", "embedded"])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work(json.loads(options.child))
        return
    print(f"{'':26}" + "".join(f"{head:>9}" for head in HEADS))
    if options.only != "embedded":
        with fleet_at(options.time_scale) as base_url:
            for shape in options.shapes:
                agents, layers = map(int, shape.split("x"))
                for strategy in STRATEGIES:
                    order = {"base_url": base_url, "agents": agents, "layers": layers, "strategy": strategy}
                    cells = measured(order, options.runs, options.time_scale)
                    print(line(f"fleet {shape} {strategy}", cells, has_price=True), flush=True)
    if options.only != "fleet":
        for strategy in STRATEGIES:
            order = {"base_url": None, "layers": 2, "strategy": strategy}
            cells = measured(order, 1, 1.0)
            print(line(f"embedded 3x2 {strategy}", cells, has_price=False), flush=True)


if __name__ == "__main__":
    main()
