"""Systems answer questions: many at once, each run under a name in the journal, each kept as a line when it ends."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.accounting import call_usage
from attention_moa.bench.board import Board, SystemBoard
from attention_moa.bench.purse import Grant, Purse
from attention_moa.bench.questions import Question, QuestionSet
from attention_moa.bench.run_lines import Key, LineFile, RunLine, line_of
from attention_moa.bench.systems import System, with_temperature
from attention_moa.config import EnsembleSpec, LimitSpec
from attention_moa.errors import BudgetError, RunError, RunNotFoundError, describe
from attention_moa.fingerprint import request_key
from attention_moa.journaling import RunWish
from attention_moa.messages import Conversation, assistant, user
from attention_moa.plan import plan
from attention_moa.ports import Journal
from attention_moa.prices import known_price
from attention_moa.prompts import Templates, load_templates
from attention_moa.records import RunRecord
from attention_moa.runtime import Ensemble
from attention_moa.schedule import count_calls

_USD_DIGITS = 9
_UP_USD = 10**-_USD_DIGITS
"""A limit is rounded up by that: what a plan says to the last bit would else be refused by the error of a sum."""


class Hall(NamedTuple):
    """What all systems share.

    Args:
        questions: What is asked.
        journal: Where the calls are kept.
        parallel: How many questions are under way at once at most.
        board: Where it is shown how far all is.
    """

    questions: QuestionSet
    journal: Journal
    parallel: int
    board: Board


def run_names(system: System, questions: QuestionSet) -> dict[Key, str]:
    """Return the name of each run in the journal: it says what runs, so another system or question has others.

    Args:
        system: Who answers.
        questions: What is asked.
    """
    names: dict[Key, str] = {}
    for question in questions.questions:
        spec = with_temperature(system.spec, question.temperature)
        turns = "\n".join((request_key(spec, question.conversation), *question.later))
        digest = hashlib.sha256(turns.encode()).hexdigest()[:12]
        for turn in range(1, question.turns + 1):
            names[question.id, turn] = f"{questions.task}.{system.name}.{question.file_id}.{turn}.{digest}"
    return names


def board_of(system: System, questions: QuestionSet) -> SystemBoard:
    """Return the line of a system that has not begun."""
    total = sum(question.turns for question in questions.questions)
    what = "turns" if total > len(questions.questions) else "questions"
    return SystemBoard(system.name, total=total, weight=count_calls(system.spec), what=what)


def most_usd(spec: EnsembleSpec, conversation: Conversation, templates: Templates) -> float:
    """Return the most that a run can cost by its plan.

    Args:
        spec: The ensemble; prices of all its models are known.
        conversation: What it is asked.
        templates: The ensemble's.
    """
    return plan(spec, conversation, templates, experience={}, price_of=known_price).total.usd or 0.0


def templates_of(spec: EnsembleSpec) -> Templates:
    """Return an ensemble's templates."""
    return load_templates(Path(spec.prompts.folder) if spec.prompts.folder else None, style=spec.prompts.style)


class Answering:
    """One system that answers all questions.

    Args:
        hall: What all systems share.
        system: Who answers.
        file: Where its lines are kept; open.
        purse: What it may spend.
    """

    def __init__(self, hall: Hall, system: System, file: LineFile, purse: Purse) -> None:
        """Take up what an earlier life has finished."""
        self._hall = hall
        self._system = system
        self._file = file
        self._purse = purse
        self._names = run_names(system, hall.questions)
        self._templates = templates_of(system.spec)
        self._board = next(one for one in hall.board.systems if one.name == system.name)
        self._usual: list[float] = []
        for line in file.lines.values():
            if line.state == "finished" and line.key in self._names:
                self._count(line)
        self._board.before = self._board.done

    async def run(self, questions: Sequence[Question] | None = None, *, purse: Purse | None = None) -> None:
        """Ask all questions that have no answer yet; ends early where the money does.

        Args:
            questions: Some of them; None for all.
            purse: What may be spent from here on; None for what was told.

        Raises:
            ConfigError: A model cannot be had, a key is missing.
            StoreError: The journal or the file of lines fails.
        """
        self._purse = purse or self._purse
        for temperature, group in self._by_temperature(
            self._hall.questions.questions if questions is None else questions
        ):
            if self._purse.is_empty:
                break
            spec = with_temperature(self._system.spec, temperature)
            async with Ensemble(spec, journal=self._hall.journal) as ensemble:
                await self._ask_all(ensemble, group)
        self._board.is_stopped = self._purse.is_empty
        self._hall.board.on_change()

    def _by_temperature(self, questions: Sequence[Question]) -> Iterator[tuple[float | None, list[Question]]]:
        groups: dict[float | None, list[Question]] = {}
        for question in questions:
            if any(self._file.finished((question.id, turn)) is None for turn in range(1, question.turns + 1)):
                groups.setdefault(question.temperature, []).append(question)
        yield from groups.items()

    async def _ask_all(self, ensemble: Ensemble, questions: Sequence[Question]) -> None:
        rest = iter(questions)

        async def work() -> None:
            for question in rest:
                if self._purse.is_empty:
                    return
                await self._ask(ensemble, question)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._hall.parallel, len(questions))):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise _first_of(errors) from None

    async def _ask(self, ensemble: Ensemble, question: Question) -> None:
        """Ask a question and what comes after it; without an answer to one turn there is no next one."""
        conversation = question.conversation
        for turn, later in enumerate((*question.later, None), start=1):
            line = self._file.finished((question.id, turn)) or await self._turn(ensemble, question, turn, conversation)
            if line is None:
                return  # the money is at its end
            if line.text is None:
                self._skip(question, turn + 1)
                return
            if later is not None:
                conversation = (*conversation, assistant(line.text), user(later))

    async def _turn(
        self, ensemble: Ensemble, question: Question, turn: int, conversation: Conversation
    ) -> RunLine | None:
        name = self._names[question.id, turn]
        grant = await self._granted(ensemble.spec, name, conversation)
        if grant is None:
            return None
        self._board.running += 1
        self._hall.board.on_change()
        spent_usd = grant.usd + grant.before_usd if self._purse.is_limited else 0.0  # where nobody can tell: all of it
        try:
            record, error = await _record(ensemble, name, conversation, limits_of(ensemble.spec, grant))
            line = line_of(record, question, turn, error=None if error is None else describe(error))
            spent_usd = record.usage.cost_usd
        finally:
            self._board.running -= 1
            await self._purse.settle(grant, spent_usd)
        if self._purse.is_limited and isinstance(error, BudgetError):
            await self._purse.close()  # it was not the system that failed
            return None
        self._keep(line)
        return line

    async def _granted(self, spec: EnsembleSpec, name: str, conversation: Conversation) -> Grant | None:
        if not self._purse.is_limited:
            return await self._purse.take(most_usd=0.0, usual_usd=0.0)
        before_usd, is_over = await earlier_life(self._hall.journal, name)
        most = before_usd if is_over else most_usd(spec, conversation, self._templates)
        usual = min(sum(self._usual) / len(self._usual) if self._usual else inf, most)
        return await self._purse.take(most_usd=most, usual_usd=usual, before_usd=before_usd)

    def _skip(self, question: Question, first: int) -> None:
        """Count the turns that cannot be asked as failed."""
        for turn in range(first, question.turns + 1):
            name = self._names[question.id, turn]
            error = f"turn {first - 1} has no answer"
            skipped = RunLine(question=question.id, turn=turn, run_id=name, state="failed", text=None, error=error)
            self._keep(replace(skipped, category=question.category, usd=0.0))

    def _keep(self, line: RunLine) -> None:
        self._file.add(line)
        self._count(line)
        self._hall.board.on_change()

    def _count(self, line: RunLine) -> None:
        board = self._board
        board.done += 1
        board.failed += line.state == "failed"
        board.usd += line.usd or 0.0
        board.unpriced += line.money.is_lower_bound
        if line.whole_usd is not None and line.calls:
            self._usual.append(line.whole_usd)


async def earlier_life(journal: Journal, name: str) -> tuple[float, bool]:
    """Return what a run has spent in earlier lives, and whether it has finished; nothing where there is none.

    Args:
        journal: Where it would be.
        name: Of the run.
    """
    try:
        record = await journal.record(name)
    except RunNotFoundError:
        return 0.0, False
    return call_usage(record.calls).cost_usd, record.state == "finished"


async def _record(
    ensemble: Ensemble, name: str, conversation: Conversation, limits: LimitSpec | None
) -> tuple[RunRecord, RunError | None]:
    """Return a run's record, and why it has no answer."""
    try:
        return await ensemble.run(conversation, wish=RunWish(name=name), limits=limits), None
    except RunError as error:
        return error.partial, error


def limits_of(spec: EnsembleSpec, grant: Grant) -> LimitSpec | None:
    """Return the limits of a run: the ensemble's own, and what it may take of the budget; None for the ensemble's.

    Args:
        spec: The ensemble.
        grant: What it may take.
    """
    if grant.limit_usd is None:
        return None
    own = spec.limits.usd
    granted = round(grant.limit_usd + _UP_USD, _USD_DIGITS)
    return replace(spec.limits, usd=granted if own is None else min(own, granted))


def _first_of(errors: BaseExceptionGroup[Exception]) -> Exception:
    """Return the first error of a group: the others are of runs that it ended."""
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
