"""What ``bench run``, ``prove`` and ``sweep`` have in common once they work: settings, a judge, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from attention_moa.bench.judges import JudgeSettings, judge_spec, told_judge
from attention_moa.bench.questions import Question, QuestionSet
from attention_moa.bench.report import write_report
from attention_moa.bench.report_page import Section
from attention_moa.bench.running import UNJUDGED
from attention_moa.bench.settings_file import Settings, settings_hash, system_keys, versions
from attention_moa.bench.systems import System, with_most_tokens
from attention_moa.cli.bench_options import Work
from attention_moa.cli.bench_views import Ended
from attention_moa.cli.options import require_runnable, with_layers
from attention_moa.cli.output import room_of, say, say_json, tell
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.settings import load_spec

T = TypeVar("T")


def ensemble_of(name: str, told: Work) -> EnsembleSpec:
    """Return an ensemble as the command line changes it.

    Args:
        name: A shipped one, or a file.
        told: What the command line says.

    Raises:
        ConfigError: It is wrong, or cannot run.
    """
    spec = with_most_tokens(with_layers(load_spec(name), told.layers), told.max_tokens)
    require_runnable(spec)
    return spec


def judge_of(name: str, settings: JudgeSettings) -> EnsembleSpec:
    """Return who judges.

    Args:
        name: A model, or an ensemble.
        settings: How it is asked.

    Raises:
        ConfigError: It is wrong, or cannot run.
    """
    try:
        spec = judge_spec(name, settings)
        require_runnable(spec)
    except ConfigError as error:
        raise told_of(error, "--judge") from error
    return spec


def told_of(error: ConfigError, option: str) -> ConfigError:
    """Return an error that names the option that it is about; a field of a file stays behind it.

    Args:
        error: About an ensemble, or a list of names.
        option: Such as ``--judge``.
    """
    is_whole = error.key in {None, "ensemble", option.removeprefix("--")}
    text = str(error)
    return ConfigError(text.removeprefix(f"{error.key}: ") if is_whole else text, key=option)


def require_judge(task: str, judge: str | None, *, is_unjudged: bool) -> None:
    """Raise a ``ConfigError`` where answers would be paid for that nobody scores, unless that is wanted.

    Args:
        task: The benchmark.
        judge: Who judges, as the command line says it; None for nobody.
        is_unjudged: Whether only answers are wanted.
    """
    if judge is not None and is_unjudged:
        raise ConfigError("says that nobody judges, beside --judge: leave one of them out", key="--no-judge")
    if judge is None and not is_unjudged and task not in UNJUDGED:
        raise ConfigError(
            f"{task} has its scores from a judge: name one, such as --judge openai:gpt-4.1, or collect answers alone "
            "with --no-judge",
            key="--judge",
        )


def settings_of(
    told: Work,
    questions: QuestionSet,
    systems: tuple[System, ...],
    *,
    judge: EnsembleSpec | None,
    warnings: Iterable[str] = (),
) -> Settings:
    """Return what runs, as it is written down, with its hash.

    Args:
        told: What the command line says.
        questions: What is asked.
        systems: Who answers.
        judge: Who judges; None for nobody.
        warnings: What a reader of the scores has to know.
    """
    settings = Settings(
        task=questions.task,
        data=str(questions.source),
        data_fingerprint=questions.fingerprint,
        systems=systems,
        keys=system_keys(systems),
        judge=None if judge is None else told_judge(told.judge or "", judge),  # one that is not asked judges nothing
        judge_spec=None if judge is None else msgspec.to_builtins(judge),
        limit=told.limit,
        seed=told.seed,
        max_tokens=told.max_tokens,
        budget_usd=told.budget,
        warnings=tuple(warnings),
        versions=versions(),
    )
    return replace(settings, hash=settings_hash(settings))


def tell_kept(folder: Path) -> None:
    """Say that what a signal ended can go on."""
    tell(f"what was finished is kept in {folder}: the same command goes on")


def end(
    ended: Ended[T],
    folder: Path,
    *,
    questions: Sequence[Question],
    title: str | None = None,
    lines_of: Callable[[T, int | None], Iterable[str]],
    front_of: Callable[[T], tuple[Section, ...]] = lambda _: (),
    is_json: bool,
) -> int:
    """Return the exit code; the report is written, and what came out is printed.

    Args:
        ended: How it ended.
        folder: Where all went.
        questions: What was asked.
        title: Of the report; None for the usual one.
        lines_of: What is printed of the results, in so many columns.
        front_of: What the report begins with; nothing for a benchmark's own scores and figures.
        is_json: Whether they are printed as one JSON document instead.

    Raises:
        StoreError: The report cannot be written.
    """
    if ended.results is None:
        tell_kept(folder)
        return ended.status
    _report(folder, questions, title, front_of(ended.results))
    if is_json:
        say_json(msgspec.json.encode(ended.results))
        return 0
    for line in lines_of(ended.results, room_of(sys.stdout)):
        say(line)
    tell(f"all of it is in {folder}")
    return 0


def _report(folder: Path, questions: Sequence[Question], title: str | None, front: tuple[Section, ...]) -> None:
    """Write the HTML report; where what draws it is not installed, say so."""
    try:
        write_report(folder, questions=questions, title=title, front=front)
    except ConfigError as error:
        tell(f"no report was written: {error}")
