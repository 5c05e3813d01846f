"""The judge of a benchmark at work: opened once for all systems, paid out of the same budget as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from attention_moa.bench.board import Board
from attention_moa.bench.generating import earlier_life, limits_of, most_usd, templates_of
from attention_moa.bench.judgements import Judged, Judgement
from attention_moa.bench.judges import judge_name
from attention_moa.bench.judging import Judge, judging_of, run_name
from attention_moa.bench.purse import Purse
from attention_moa.bench.questions import Question
from attention_moa.bench.results import SystemResult
from attention_moa.bench.spent import spent_usd
from attention_moa.bench.sums import Money, sum_of
from attention_moa.bench.systems import System
from attention_moa.bench.tasks import scoring_of
from attention_moa.config import EnsembleSpec, LimitSpec, all_agents
from attention_moa.errors import BudgetError, RunError
from attention_moa.journaling import RunWish
from attention_moa.messages import Conversation, user
from attention_moa.ports import Journal
from attention_moa.records import RunRecord
from attention_moa.runtime import Ensemble

_CHARACTERS_JUDGED = 8000
"""Of a prompt of a judge beside the question: its own words and the answers."""


class Bench:
    """Where the judge sits.

    Args:
        spec: The judge.
        journal: Where its calls are kept.
        purse: What it may spend.
        board: Where it is shown how far it is.
    """

    def __init__(self, spec: EnsembleSpec, journal: Journal, purse: Purse, board: Board) -> None:
        """Prepare it; nothing is asked yet."""
        self._journal = journal
        self._purse = purse
        self._board = board
        self._templates = templates_of(spec)
        self._ensemble = Ensemble(spec, journal=journal)
        self.name = judge_name(spec)

    async def __aenter__(self) -> Bench:
        """Open the judge."""
        await self._ensemble.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._ensemble.aclose()

    def pay_from(self, purse: Purse) -> None:
        """Pay what comes out of another purse."""
        self._purse = purse

    async def judge(self, task: str, answers: Path, data: Path, *, system: str, folder: Path, parallel: int) -> Judged:
        """Return what judging a system's answers came to.

        Args:
            task: The benchmark.
            answers: In its own form.
            data: The folder of the benchmarks' data.
            system: Whose answers.
            folder: Where the judgements go.
            parallel: How many at once.

        Raises:
            ConfigError: Answers or data are wrong, or the judge cannot be had.
            StoreError: The journal failed.
        """
        judge = self.seat(task, system, parallel=parallel)
        return await judging_of(task)(answers, data, judge, system=system, folder=folder)

    def seat(self, task: str, system: str, *, parallel: int) -> Judge:
        """Return the judge of one system's answers: its runs have names, and are paid out of the purse.

        Args:
            task: The benchmark.
            system: Whose answers.
            parallel: How many judgements at once.
        """

        async def ask(conversation: Conversation, *, key: str, sample: int) -> RunRecord | None:
            name = run_name(self._ensemble, _prefix(task, system), conversation, key=key, sample=sample)
            return await self._asked(name, conversation, sample)

        return Judge(self.name, ask, parallel=parallel, on_count=self._counted, on_done=self._done)

    async def _asked(self, name: str, conversation: Conversation, sample: int) -> RunRecord | None:
        """Return a run's record; None where the money is at its end."""
        most = before = 0.0
        if self._purse.is_limited:
            before, is_over = await earlier_life(self._journal, name)
            most = before if is_over else most_usd(self._ensemble.spec, conversation, self._templates)
        grant = await self._purse.take(most_usd=most, usual_usd=most, before_usd=before)
        if grant is None:
            return None
        spent = grant.limit_usd or 0.0
        try:
            record, error = await self._run(name, conversation, sample, limits_of(self._ensemble.spec, grant))
            spent = record.usage.cost_usd
        finally:
            await self._purse.settle(grant, spent)
        if self._purse.is_limited and isinstance(error, BudgetError):
            await self._purse.close()  # it was not the judge that failed
            return None
        return record

    async def _run(
        self, name: str, conversation: Conversation, sample: int, limits: LimitSpec | None
    ) -> tuple[RunRecord, RunError | None]:
        wish = RunWish(name=name, sample=sample)
        try:
            return await self._ensemble.run(conversation, wish=wish, limits=limits), None
        except RunError as error:
            return error.partial, error

    def _counted(self, count: int) -> None:
        self._board.to_judge += count
        self._board.on_change()

    def _done(self, judgement: Judgement[Any]) -> None:
        self._board.judged += 1
        self._board.judge_usd += judgement.usd or 0.0
        self._board.judge_unpriced += judgement.money.is_lower_bound
        self._board.on_change()


def _prefix(task: str, system: str) -> str:
    return f"{task}.{system}.judge"


async def judged_usd(journal: Journal, task: str, systems: Iterable[str]) -> float:
    """Return what judging cost in earlier lives of a benchmark.

    Args:
        journal: Where the judge's runs are.
        task: The benchmark.
        systems: Whose answers were judged.
    """
    return await spent_usd(journal, *(f"{_prefix(task, system)}." for system in systems))


def with_judgement(result: SystemResult, judged: Judged, data: Path, asked: Collection[str]) -> SystemResult:
    """Return what a system came to, with the scores of its judgements.

    Args:
        result: What its runs came to.
        judged: What judging them did.
        data: The folder of the benchmarks' data.
        asked: Ids of the questions that were asked.

    Raises:
        ConfigError: The data are wrong.
    """
    fields = {
        name: value for name, value in asdict(judged).items() if name not in ("task", "system", "file", "details")
    }
    scored = scoring_of(judged.task)([judged.file], data, asked=asked)
    return replace(
        result,
        scores=scored.scores,
        judge_usd=judged.usd,
        judge_usd_is_lower_bound=judged.is_lower_bound,
        judgement=fields,
        notes=(*result.notes, *judged.notes, *scored.notes),
    )


def judge_warnings(judge: EnsembleSpec, systems: Sequence[System]) -> list[str]:
    """Return what a reader has to know of a judge: it favours its own answers where it also is an agent.

    Args:
        judge: Who judges.
        systems: Who answers.
    """
    judges = {(agent.model, agent.base_url) for agent in all_agents(judge)}
    both = dict.fromkeys(
        agent.model
        for system in systems
        for agent in all_agents(system.spec)
        if (agent.model, agent.base_url) in judges
    )
    return [f"the judge {model} is also an agent: judges favour what they wrote themselves" for model in both]


def unasked(task: str, judge: str | None) -> list[str]:
    """Return what a reader has to know where a judge was named that a benchmark does not ask.

    Args:
        task: The benchmark, scored without one.
        judge: Who was named; None for nobody.
    """
    return [] if judge is None else [f"the judge {judge} was not asked: {task} is scored without one"]


def judge_usd_each(judge: EnsembleSpec, questions: Sequence[Question]) -> float:
    """Return the most that judging one question's answers costs, about: a judge reads more than the question.

    Args:
        judge: Who judges; prices of all its models are known.
        questions: What is asked.
    """
    if not questions:
        return 0.0
    templates = templates_of(judge)
    sample = questions[:: max(len(questions) // 20, 1)]
    filler = "word " * (_CHARACTERS_JUDGED // 5)
    costs = [most_usd(judge, (user(f"{one.text}\n{filler}"),), templates) * one.turns for one in sample]
    return sum(costs) / len(costs)


def total_money(systems: Sequence[SystemResult]) -> Money:
    """Return what all runs and judgements cost, as far as that is known."""
    return sum_of(part for one in systems for part in (one.money, one.judge_money))
