"""Small benchmarks of our own invention, and ensembles that answer them without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attention_moa.agents import AgentSpec
from attention_moa.bench.questions import Question, QuestionSet, read_question_set
from attention_moa.bench.running import Wanted
from attention_moa.bench.settings_file import Settings, settings_hash, system_keys
from attention_moa.bench.systems import System
from attention_moa.config import CallPolicy, EnsembleSpec
from attention_moa.messages import user


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as JSON lines; return the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def gsm8k_data(folder: Path, count: int = 4) -> Path:
    """Write a small GSM8K; return the folder of the data."""
    rows = [{"question": f"What is {n} and {n}?", "answer": f"Add them.\n#### {2 * n}"} for n in range(1, count + 1)]
    write_jsonl(folder / "gsm8k" / "test.jsonl", rows)
    return folder


def mt_bench_data(folder: Path) -> Path:
    """Write a small MT-Bench of two questions; return the folder of the data."""
    rows = [
        {"question_id": 81, "category": "writing", "turns": ["Write a line.", "Write another."]},
        {"question_id": 101, "category": "reasoning", "turns": ["Who is first?", "And last?"]},
    ]
    write_jsonl(folder / "mt_bench" / "question.jsonl", rows)
    return folder


def a_question(number: int = 1, **fields: Any) -> Question:
    """Return a question."""
    return Question(id=str(number), **({"conversation": (user(f"Question {number}?"),)} | fields))


def a_spec(function: str = "adds", **fields: Any) -> EnsembleSpec:
    """Return one agent that is a function of this module and answers alone."""
    agent = AgentSpec(name="a", model=f"python:tests.bench_world:{function}", max_tokens=100)
    usual: dict[str, Any] = {"name": "mine", "agents": (agent,), "strategy": "single", "calls": CallPolicy(attempts=1)}
    return EnsembleSpec(**(usual | fields))


def a_wanted(folder: Path, task: str, *specs: EnsembleSpec, data: Path | None = None, **fields: Any) -> Wanted:
    """Return what is to be run: all questions of a task, by these ensembles.

    Args:
        folder: Where all goes.
        task: The benchmark, or a file.
        specs: Who answers.
        data: The folder of the data.
        fields: Of ``Settings``.
    """
    questions: QuestionSet = read_question_set(task, data, limit=fields.get("limit"), seed=fields.get("seed"))
    systems = tuple(System(name=spec.name, spec=spec) for spec in specs or (a_spec(),))
    told: dict[str, Any] = {
        "task": questions.task,
        "data": str(questions.source),
        "data_fingerprint": questions.fingerprint,
        "systems": systems,
        "keys": system_keys(systems),
    }
    settings = Settings(**(told | fields))
    settings = Settings(**(told | fields | {"hash": settings_hash(settings)}))
    return Wanted(questions=questions, data=data, settings=settings, folder=folder, parallel=2)


ASKED: list[str] = []
"""What the functions were asked, in order."""


def adds(messages: list[dict[str, Any]]) -> str:
    """Solve ``What is N and N?``; say how many turns there were to anything else."""
    last = str(messages[-1]["content"])
    ASKED.append(last)
    number = last.split()[2] if last.startswith("What is") else ""
    return f"#### {2 * int(number)}" if number.isdigit() else f"turn {len(messages)}"


def moody(messages: list[dict[str, Any]]) -> str:
    """Fail where the question is about 2."""
    if "2" in str(messages[-1]["content"]):
        raise RuntimeError("no two")
    return adds(messages)


def broken_first(messages: list[dict[str, Any]]) -> str:
    """Fail a first turn."""
    if len(messages) == 1:
        raise RuntimeError("no luck")
    return adds(messages)


def likes_m(messages: list[dict[str, Any]]) -> str:
    """Judge for whatever comes first."""
    del messages
    return "m"
