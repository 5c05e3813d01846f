"""A benchmark's folder, made up, as `bench run` leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from attention_moa.bench.results import Results, Spread, SystemResult
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.scores import Interval, Score

HOSTILE = (
    '<script>document.title="owned"</script><img src=http://evil.example/x onerror=alert(1)> & "quoted" </details>'
)


def a_score(name: str, value: float, *, reach: float = 4.0, n: int = 40, missing: int = 0) -> Score:
    """Return a score with an interval."""
    return Score(name, value, n, missing, Interval(value - reach, value + reach))


def a_system(name: str, value: float = 50.0, **fields: Any) -> SystemResult:
    """Return what a system came to on IFEval."""
    scores = (
        a_score("prompt_strict", value),
        a_score("instruction_strict", value + 8),
        a_score("by_kind.keywords:existence.strict", value - 5, reach=12, n=9),
        a_score("by_kind.length_constraints:number_words.strict", value + 3, reach=9, n=14),
    )
    usual: dict[str, Any] = {
        "strategy": "attention-moa",
        "agents": 3,
        "planned_calls": 16,
        "average_length": 812.0,
        "average_length_interval": Interval(700, 930),
        "questions": 40,
        "answered": 40,
        "calls": 640,
        "input_tokens": 91_000,
        "cached_tokens": 40_000,
        "output_tokens": 17_000,
        "usd": 0.42,
        "seconds": Spread(median=12.5, p95=31.0),
        "critical_path_s": Spread(median=11.9, p95=29.0),
    }
    return SystemResult(name=name, scores=fields.pop("scores", scores), **(usual | fields))


def some_results(*systems: SystemResult, **fields: Any) -> Results:
    """Return what a benchmark came to."""
    usual: dict[str, Any] = {
        "task": "ifeval",
        "data": "nowhere/input_data.jsonl",
        "data_fingerprint": "0123456789abcdef",
        "total": 541,
        "asked": 40,
        "limit": 40,
        "seed": None,
        "max_tokens": 512,
        "judge": None,
        "date": "2026-11-21T14:00:00+00:00",
        "settings_hash": "fedcba9876543210",
        "versions": {"attention-moa": "0.1.0", "python": "3.11.7"},
        "stopped": None,
        "usd": 1.26,
    }
    return Results(systems=systems or (a_system("moa"),), **(usual | fields))


def a_line(question: str = "1", text: str | None = "An answer.", **fields: Any) -> RunLine:
    """Return a run in a line."""
    usual: dict[str, Any] = {
        "turn": 1,
        "run_id": f"ifeval.x.{question}.1",
        "state": "failed" if text is None else "finished",
        "seconds": 12.5,
        "calls": 16,
        "input_tokens": 2275,
        "output_tokens": 425,
        "usd": 0.0105,
    }
    return RunLine(question=question, text=text, **(usual | fields))


def write_folder(folder: Path, results: Results, lines: dict[str, list[RunLine]]) -> Path:
    """Write a folder; return it."""
    (folder / "runs").mkdir(parents=True)
    (folder / "scores.json").write_bytes(msgspec.json.encode(results))
    systems = [{"name": one.name, "spec": {"name": one.name, "agents": []}} for one in results.systems]
    (folder / "settings.json").write_bytes(msgspec.json.encode({"task": results.task, "systems": systems}))
    for name, found in lines.items():
        (folder / "runs" / f"{name}.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in found))
    return folder
