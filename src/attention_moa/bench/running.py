"""A whole benchmark: answers, judgements, scores, and the folder that they go to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from attention_moa.bench import own_file
from attention_moa.bench.answers import Answered, answered, write_answers
from attention_moa.bench.board import Board
from attention_moa.bench.documents import write_document
from attention_moa.bench.funding import Funds, open_ones, reached
from attention_moa.bench.generating import Answering, Hall, board_of, earlier_life, run_names
from attention_moa.bench.judge_runs import Bench, judge_usd_each, judged_usd, total_money, with_judgement
from attention_moa.bench.judges import judge_name
from attention_moa.bench.judging import require_judge_data
from attention_moa.bench.null_model import NULL_MODEL, null_result, published_annotations, write_null_answers
from attention_moa.bench.purse import Purse
from attention_moa.bench.questions import OWN, Question
from attention_moa.bench.reach import Reach, describe_reach, reach_of, require_prices
from attention_moa.bench.ready import require_ready
from attention_moa.bench.results import Results, SystemResult, result_of
from attention_moa.bench.run_lines import LineFile
from attention_moa.bench.settings_file import Order, enter_folder, with_earlier_systems
from attention_moa.bench.systems import System
from attention_moa.bench.tasks import scoring_of
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.errors import ConfigError
from attention_moa.money import dollars
from attention_moa.plan import models_of
from attention_moa.ports import Journal
from attention_moa.store import open_journal

UNJUDGED = frozenset({"ifeval", "gsm8k", OWN})
"""Tasks that are scored without a judge."""


class Wanted(Order, frozen=True, kw_only=True):
    """What is to be run.

    Args:
        data: The folder of the benchmarks' data; a file of one's own needs none.
    """

    data: Path | None

    @property
    def systems(self) -> tuple[System, ...]:
        """Who answers."""
        return self.settings.systems


async def require_able(wanted: Wanted) -> None:
    """Raise a ``ConfigError`` where a system or the judge cannot work, before anything is spent.

    Args:
        wanted: What is to be run.
    """
    if wanted.judge is not None and wanted.data is not None and wanted.settings.task not in UNJUDGED:
        require_judge_data(wanted.settings.task, wanted.data)
    await require_ready(wanted.systems, wanted.judge)


class Benchmark:
    """One benchmark in one folder.

    Args:
        wanted: What is to be run.
        board: Where it is shown how far it is.
        tell: Told what a person has to know before and between.
    """

    def __init__(self, wanted: Wanted, board: Board, tell: Callable[[str], None]) -> None:
        """Prepare it; nothing is written yet."""
        self._wanted = wanted
        self._settings = wanted.settings
        self._is_spent = False
        self._board = board
        self._tell = tell
        self._known: dict[str, list[Answered]] = {}
        board.systems = [board_of(system, wanted.questions) for system in wanted.systems]

    async def run(self) -> Results:
        """Return what it came to, written to its folder; what an earlier life of it finished is taken over.

        Raises:
            ConfigError: Something is wrong that the user can put right: other settings in the folder, a missing key, a
                budget that reaches for nothing.
            StoreError: The folder or the journal cannot be written.
        """
        wanted = self._wanted
        if wanted.settings.budget_usd is not None:
            require_prices(wanted.systems, () if wanted.judge is None else all_agents(wanted.judge))
        await require_able(wanted)
        self._settings = with_earlier_systems(wanted.folder, wanted.settings)
        enter_folder(wanted.folder, self._settings)
        async with open_journal(wanted.place) as journal:
            found = await self._answers(journal)
            systems = await self._scored(found, journal)
        self._keep_answers()
        results = self._results(systems)
        write_document(wanted.folder / "scores.json", results)
        return results

    async def _answers(self, journal: Journal) -> dict[str, list[Answered]]:
        """Return what became of each question, by system; where money is limited, judged as it goes."""
        wanted = self._wanted
        hall = Hall(wanted.questions, journal, wanted.parallel, self._board)
        found: dict[str, list[Answered]] = {}
        async with AsyncExitStack() as stack:
            files = {one.name: self._lines(one, stack) for one in self._settings.systems}
            now = {one.name: files[one.name] for one in wanted.systems}
            funds = await self._funds(hall, files)
            ahead = await self._ahead(funds, journal, stack)
            answering = [Answering(hall, one, files[one.name], funds.purse(one.name)) for one in wanted.systems]
            self._board.start()
            for chunk in funds.chunks(wanted.questions.questions, now):
                asked: Sequence[Question] = chunk
                for system, one in zip(wanted.systems, answering, strict=True):
                    purse = funds.purse(system.name)
                    await one.run(asked, purse=purse)
                    funds.settle(system.name, purse)
                    asked = reached(asked, files[system.name])
                if ahead is not None:
                    await self._judge_ahead(ahead, asked, files, funds=funds)
        self._is_spent = funds.is_empty
        for name, file in files.items():  # all closed
            found[name] = answered(wanted.questions.questions, file.lines)
            self._known[name] = answered(wanted.questions.known.questions, file.lines)
            file.put_in_order([line for one in self._known[name] for line in one.lines])
        return found

    async def _ahead(self, funds: Funds, journal: Journal, stack: AsyncExitStack) -> Bench | None:
        """Return where the judge sits while money is limited; None where it is not, or nobody judges."""
        judge = self._judge
        if judge is None or not funds.is_limited:
            return None
        return await stack.enter_async_context(Bench(judge, journal, funds.purse(None), self._board))

    async def _judge_ahead(
        self, bench: Bench, questions: Sequence[Question], files: Mapping[str, LineFile], *, funds: Funds
    ) -> None:
        """Have the answers to some questions judged, of all systems, before money is spent on the next questions.

        The judgements are in the journal then: those who write the files find them there.
        """
        wanted, data = self._wanted, self._wanted.data
        if data is None or not questions:
            return
        self._board.phase = "judging"
        purse = funds.purse(None)
        bench.pay_from(purse)
        with TemporaryDirectory() as place:
            folder = Path(place)
            for name, answers in self._to_judge(bench.name, questions, files, folder=folder).items():
                await bench.judge(
                    wanted.settings.task, answers, data, system=name, folder=folder / "judged", parallel=wanted.parallel
                )
        funds.settle(None, purse)
        self._board.phase = "answering"

    def _to_judge(
        self, judge: str, questions: Sequence[Question], files: Mapping[str, LineFile], *, folder: Path
    ) -> dict[str, Path]:
        """Return the files of answers to some questions that were written, by system."""
        task = self._wanted.settings.task
        written: dict[str, Path] = {}
        for name, file in files.items():
            found = answered(questions, file.lines)
            if any(one.texts is not None for one in found):
                written[name] = write_answers(task, folder, name, found)
        if task == "alpaca-eval" and self._published(judge) is None:
            written[NULL_MODEL] = write_null_answers(
                self._wanted.questions._replace(questions=tuple(questions)), folder
            )
        return written

    @property
    def _judge(self) -> EnsembleSpec | None:
        """Who judges; None also where the benchmark is scored without a judge."""
        return None if self._wanted.settings.task in UNJUDGED else self._wanted.judge

    def _published(self, judge: str) -> Path | None:
        """Return published annotations that serve in the place of the judge's of a null model; None for none."""
        wanted = self._wanted
        if wanted.data is None or len(wanted.questions.questions) != wanted.questions.total:
            return None
        return published_annotations(wanted.data, judge)

    def _lines(self, system: System, stack: AsyncExitStack) -> LineFile:
        path = self._wanted.folder / "runs" / f"{system.name}.jsonl"
        return stack.enter_context(LineFile(path, run_names(system, self._wanted.questions.known)))

    async def _funds(self, hall: Hall, files: Mapping[str, LineFile]) -> Funds:
        budget = self._wanted.settings.budget_usd
        if budget is None:
            return Funds(None, {}, 0.0, parallel=hall.parallel)
        spent = await judged_usd(hall.journal, hall.questions.task, [*files, NULL_MODEL])
        for system in self._settings.systems:
            spent += await self._answers_usd(system, hall, files[system.name])
        left = max(budget - spent, 0.0)
        reach = await self._reach(hall, files, left)
        judge_usd = reach.judge_usd_each * len(reach.usd_each)
        return Funds(left, reach.usd_each, judge_usd, parallel=hall.parallel)

    async def _answers_usd(self, system: System, hall: Hall, file: LineFile) -> float:
        """Return what a system has spent in earlier lives, as far as that is known."""
        names = run_names(system, hall.questions)
        usd = sum(line.usd or 0.0 for key, line in file.lines.items() if key not in names)
        for key, name in names.items():
            line = file.finished(key)
            usd += (await earlier_life(hall.journal, name))[0] if line is None else line.usd or 0.0
        return usd

    async def _reach(self, hall: Hall, files: Mapping[str, LineFile], left: float) -> Reach:
        questions, systems = hall.questions.questions, self._wanted.systems
        still = [one for one in questions if any(one in open_ones([one], files[system.name]) for system in systems)]
        models = {model for system in self._wanted.systems for model in models_of(system.spec)}
        experience = await hall.journal.experience(sorted(models))
        judge, judged = self._judge, len(systems)
        if judge is not None and self._wanted.settings.task == "alpaca-eval":
            judged += self._published(judge_name(judge)) is None  # the null model
        judge_usd = 0.0 if judge is None else judge_usd_each(judge, still) * judged / len(systems)
        reach = reach_of(systems, still, usd=left, experience=experience, judge_usd_each=judge_usd)
        if not still:
            return reach
        line = describe_reach(reach, usd=left, questions=len(still), answered=len(questions) - len(still))
        if not reach.questions and len(still) == len(questions):
            raise ConfigError(f"{line}: raise it, or lower --max-tokens", key="--budget")
        self._tell(line)
        return reach

    async def _scored(self, found: Mapping[str, list[Answered]], journal: Journal) -> list[SystemResult]:
        """Return what each system came to, the null model of AlpacaEval behind them."""
        wanted = self._wanted
        questions, task = wanted.questions, wanted.settings.task
        self._board.phase = "scoring"
        self._board.on_change()
        folder = wanted.folder / "answers"
        systems = self._settings.systems
        files = {one.name: write_answers(task, folder, one.name, found[one.name]) for one in systems}
        results = {one.name: self._result(one, found[one.name]) for one in systems}
        if task == "alpaca-eval":
            files[NULL_MODEL] = write_null_answers(questions, folder)
            results[NULL_MODEL] = null_result(questions)
        if task in UNJUDGED:
            is_over = {name: any(one.is_over for one in each) for name, each in found.items()}
            return [
                _with_scores(one, task, files[name], wanted.data, asked=questions.scored_ids) if is_over[name] else one
                for name, one in results.items()
            ]
        if self._judge is None or wanted.data is None:
            return list(results.values())
        return await self._judged(self._judge, wanted.data, results, files=files, journal=journal)

    def _result(self, system: System, found: Sequence[Answered]) -> SystemResult:
        """Return what a system came to, with what a reader has to know of its earlier answers."""
        result = result_of(system, found)
        notes = list(result.notes)
        if system not in self._wanted.systems:
            notes.append("it was not asked this time: these are its earlier answers")
        if more := sum(one.texts is not None for one in self._known[system.name]) - result.answered:
            notes.append(
                f"earlier answers to questions that were not asked this time stay, and are not scored: {more:,}"
            )
        return replace(result, notes=tuple(notes))

    def _keep_answers(self) -> None:
        """Write all answers, those to questions that were not asked this time too: what is answered stays answered."""
        for name, found in self._known.items():
            write_answers(self._wanted.settings.task, self._wanted.folder / "answers", name, found)

    async def _judged(
        self,
        judge: EnsembleSpec,
        data: Path,
        results: Mapping[str, SystemResult],
        *,
        files: Mapping[str, Path],
        journal: Journal,
    ) -> list[SystemResult]:
        wanted = self._wanted
        self._board.phase = "judging"
        purse = Purse(None, parallel=wanted.parallel)
        if (budget := wanted.settings.budget_usd) is not None:
            spent = sum(line.usd or 0.0 for found in self._known.values() for one in found for line in one.lines)
            spent += await judged_usd(journal, wanted.settings.task, results)
            purse = Purse(max(budget - spent, 0.0), parallel=wanted.parallel)
            self._board.judged = self._board.to_judge = self._board.judge_unpriced = 0
            self._board.judge_usd = 0.0
        if self._is_spent:
            await purse.close()  # what is judged already is in the journal
        folder = wanted.folder / "judgements"
        scored: list[SystemResult] = []
        async with Bench(judge, journal, purse, self._board) as bench:
            for name, result in results.items():
                published = self._published(bench.name) if name == NULL_MODEL else None
                if published is not None:
                    one = _with_scores(result, "alpaca-eval", published, data)
                    scored.append(replace(one, notes=(*one.notes, f"by the published annotations of {published.name}")))
                elif not result.answered:
                    scored.append(result)
                else:
                    judged = await bench.judge(
                        wanted.settings.task, files[name], data, system=name, folder=folder, parallel=wanted.parallel
                    )
                    scored.append(with_judgement(result, judged, data, wanted.questions.scored_ids))
        return scored

    def _results(self, systems: Sequence[SystemResult]) -> Results:
        settings, questions = self._settings, self._wanted.questions
        money = total_money(systems)
        return Results(
            task=settings.task,
            data=settings.data,
            data_fingerprint=settings.data_fingerprint,
            total=questions.total,
            asked=len(questions.questions),
            limit=settings.limit,
            seed=settings.seed,
            max_tokens=settings.max_tokens,
            judge=settings.judge,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            settings_hash=settings.hash,
            versions=settings.versions,
            stopped=_stopped(systems, settings.budget_usd, now={one.name for one in self._wanted.systems}),
            usd=money.usd,
            usd_is_lower_bound=money.is_lower_bound,
            systems=tuple(systems),
            warnings=settings.warnings,
        )


def _stopped(systems: Sequence[SystemResult], budget: float | None, *, now: Collection[str]) -> str | None:
    """Return how the budget ended it, and on how many questions and judgements each system stands; None where not."""
    asked = [one for one in systems if one.name in now]
    judged = [(one.name, one.judgement) for one in systems if one.judgement is not None]
    is_unjudged = any(said["unasked"] for _, said in judged)
    if budget is None or not (is_unjudged or any(one.not_reached for one in asked)):
        return None
    parts = ", ".join(f"{one.questions - one.not_reached} of {one.questions} ({one.name})" for one in asked)
    reached_ones = ", ".join(f"{said['n'] - said['unasked']} of {said['n']} ({name})" for name, said in judged)
    after = f"; of the judgements it reached {reached_ones}" if is_unjudged else ""
    return f"stopped by the budget of {dollars(budget)} after {parts} questions{after}"


def _with_scores(
    result: SystemResult, task: str, path: Path, data: Path | None, *, asked: Collection[str] | None = None
) -> SystemResult:
    """Return what a system came to, with the scores of a file of answers or annotations."""
    scoring = own_file.score if task == OWN or data is None else scoring_of(task)
    scored = scoring([path], data or path, asked=asked)
    return replace(result, scores=scored.scores, notes=(*result.notes, *scored.notes))
