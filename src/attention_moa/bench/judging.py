"""Judgements by models: many at once, each a run of its own under a name in the journal, tried again where unreadable.

A judgement that cannot be had is missing and never a number. Which prompt is asked and what a reply means is the
benchmark's: see ``alpaca_eval_judging``, ``mt_bench_judging`` and ``flask_judging``.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from attention_moa.bench.judgements import Judged, Judgement, State, last_call
from attention_moa.bench.sums import run_money, sum_of
from attention_moa.errors import RunError
from attention_moa.fingerprint import request_key
from attention_moa.journaling import RunWish
from attention_moa.messages import Conversation
from attention_moa.records import RunRecord
from attention_moa.runtime import Ensemble

T = TypeVar("T")

TRIES = 3
"""How often a judge is asked for one judgement at most, unless told."""
PARALLEL = 8

_TASKS = {
    "alpaca-eval": "attention_moa.bench.alpaca_eval_judging:judge",
    "mt-bench": "attention_moa.bench.mt_bench_judging:judge",
    "flask": "attention_moa.bench.flask_judging:judge",
}
"""The benchmarks that are judged, and who does it (``module:function``)."""


_DATA = {task: f"{place.partition(':')[0]}:require_data" for task, place in _TASKS.items()}


class Ask(Protocol):
    """How a judge is asked."""

    async def __call__(self, conversation: Conversation, *, key: str, sample: int) -> RunRecord | None:
        """Return the record of the judge's run, one that failed too; None where it may not be asked any more.

        Args:
            conversation: The prompt.
            key: What is judged: equal for equal things, of letters, digits, ``.``, ``_`` and ``-``.
            sample: Which try, from 0.
        """
        ...


class Case(NamedTuple, Generic[T]):
    """Something to be judged.

    Args:
        key: What it is, unique among all that is judged for a system.
        conversation: The prompt.
        parse: Returns what a run says; None where that cannot be read.
    """

    key: str
    conversation: Conversation
    parse: Callable[[RunRecord], T | None]


class Judge(NamedTuple):
    """Who judges, and how.

    Args:
        name: As it stands in the files: the model, or the ensemble.
        ask: Asks.
        tries: How often at most for one judgement that can be read.
        parallel: How many judgements are under way at once.
        on_count: Told how many judgements there are to be.
        on_done: Told each judgement when it is there.
    """

    name: str
    ask: Ask
    tries: int = TRIES
    parallel: int = PARALLEL
    on_count: Callable[[int], None] = lambda _: None
    on_done: Callable[[Judgement[Any]], None] = lambda _: None


class Judging(Protocol):
    """What judges the answers of a benchmark."""

    async def __call__(self, answers: Path, data: Path, judge: Judge, *, system: str, folder: Path) -> Judged:
        """Return what judging came to; the files of the judgements are written.

        Args:
            answers: One system's, in the benchmark's own form.
            data: The folder that holds a folder for each benchmark, or this benchmark's own.
            judge: Who judges.
            system: Whose answers they are: a part of the names of files.
            folder: Where the files go; it is made.

        Raises:
            ConfigError: Answers or data are wrong; the text names file, line and field. Or the judge cannot be had.
            StoreError: The journal failed.
        """
        ...


def judging_of(task: str) -> Judging:
    """Return what judges the answers of a benchmark, imported now.

    Args:
        task: ``alpaca-eval``, ``mt-bench`` or ``flask``.
    """
    module, _, function = _TASKS[task].partition(":")
    judging: Judging = getattr(import_module(module), function)
    return judging


def require_judge_data(task: str, data: Path) -> None:
    """Raise a ``ConfigError`` where the data lack what a benchmark's judge is asked with.

    Args:
        task: ``alpaca-eval``, ``mt-bench`` or ``flask``.
        data: The folder that holds a folder for each benchmark, or this benchmark's own.
    """
    module, _, function = _DATA[task].partition(":")
    require: Callable[[Path], None] = getattr(import_module(module), function)
    require(data)


def asking(ensemble: Ensemble, prefix: str) -> Ask:
    """Return how to ask a judge whose runs have names in the journal: nobody pays twice for one judgement.

    Args:
        ensemble: The judge, entered.
        prefix: What the names begin with: another one for each system that is judged.
    """

    async def ask(conversation: Conversation, *, key: str, sample: int) -> RunRecord:
        name = run_name(ensemble, prefix, conversation, key=key, sample=sample)
        try:
            return await ensemble.run(conversation, wish=RunWish(name=name, sample=sample))
        except RunError as error:
            return error.partial

    return ask


def run_name(ensemble: Ensemble, prefix: str, conversation: Conversation, *, key: str, sample: int) -> str:
    """Return the name of a judge's run: another judge, prompt or try has another one.

    Args:
        ensemble: The judge.
        prefix: What the names begin with.
        conversation: The prompt.
        key: What is judged.
        sample: Which try.
    """
    digest = hashlib.sha256(request_key(ensemble.spec, conversation, sample=sample).encode()).hexdigest()[:12]
    return f"{prefix}.{key}.{sample}.{digest}"


async def judge_all(cases: Sequence[Case[T]], judge: Judge) -> list[Judgement[T]]:
    """Return what became of each case, in their order, whatever the order in which the judgements come.

    Args:
        cases: What is to be judged.
        judge: Who judges.

    Raises:
        ConfigError: The judge cannot be had.
        StoreError: The journal failed.
    """
    judge.on_count(len(cases))
    found: dict[str, Judgement[T]] = {}
    rest = iter(cases)

    async def work() -> None:
        for case in rest:
            found[case.key] = await _judged(case, judge)
            judge.on_done(found[case.key])

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(judge.parallel, len(cases))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors  # one cause says more than a group of them
    return [found[case.key] for case in cases]


async def _judged(case: Case[T], judge: Judge) -> Judgement[T]:
    """Return what becomes of one case; only what cannot be read is tried again, since a call's failures were."""
    judgement: Judgement[T] = Judgement(case.key, "unasked", None)
    for sample in range(judge.tries):
        record = await judge.ask(case.conversation, key=case.key, sample=sample)
        if record is None:
            break
        judgement = _added(judgement, record, case.parse(record) if record.text is not None else None)
        if judgement.state != "unreadable":
            break
    return judgement


def _added(before: Judgement[T], record: RunRecord, value: T | None) -> Judgement[T]:
    """Return a judgement with one more try."""
    call = last_call(record)
    state: State = "failed" if record.text is None else "unreadable" if value is None else "judged"
    models = [call.reply_model for call in record.calls if call.reply_model is not None]
    money = sum_of((before.money, run_money(record)))
    return Judgement(
        before.key,
        state,
        value,
        reply=before.reply if record.text is None else record.text,
        chances=call.logprobs if call is not None else (),
        tries=before.tries + 1,
        run_ids=(*before.run_ids, record.run_id),
        usd=money.usd,
        is_lower_bound=money.is_lower_bound,
        models=tuple(dict.fromkeys((*before.models, *models))),
        created_at=record.created_at,
        error=record.error,
    )
