"""A whole benchmark: answers, judgements, scores, and the folder that they go to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from attention_moa.bench import own_file
from attention_moa.bench.answers import Answered, answered, write_answers
from attention_moa.bench.board import Board
from attention_moa.bench.documents import write_document
from attention_moa.bench.generating import Answering, Hall, board_of, earlier_life, run_names
from attention_moa.bench.judge_runs import Bench, judge_usd_each, judged_usd, total_money, with_judgement
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


_JUDGE = ""
"""Whose share of the money is kept back while the systems answer; no system has this name."""


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
        await self._require_ready()
        self._settings = with_earlier_systems(wanted.folder, wanted.settings)
        enter_folder(wanted.folder, self._settings)
        async with open_journal(wanted.place) as journal:
            found = await self._answers(journal)
            systems = await self._scored(found, journal)
        self._keep_answers()
        results = self._results(systems)
        write_document(wanted.folder / "scores.json", results)
        return results

    async def _require_ready(self) -> None:
        """Raise where somebody cannot work, before anything is spent."""
        wanted = self._wanted
        if wanted.judge is not None and wanted.data is not None and wanted.settings.task not in UNJUDGED:
            require_judge_data(wanted.settings.task, wanted.data)
        await require_ready(wanted.systems, wanted.judge)

    async def _answers(self, journal: Journal) -> dict[str, list[Answered]]:
        """Return what became of each question, by system."""
        wanted = self._wanted
        hall = Hall(wanted.questions, journal, wanted.parallel, self._board)
        found: dict[str, list[Answered]] = {}
        with ExitStack() as stack:
            files = {one.name: self._lines(one, stack) for one in self._settings.systems}
            purses = await self._purses(hall, files)
            answering = {one.name: Answering(hall, one, files[one.name], purses[one.name]) for one in wanted.systems}
            self._board.start()
            for system in wanted.systems:
                await answering[system.name].run()
                purses.hand_on(system.name)
        for name, file in files.items():  # all closed
            found[name] = answered(wanted.questions.questions, file.lines)
            self._known[name] = answered(wanted.questions.known.questions, file.lines)
            file.put_in_order([line for one in self._known[name] for line in one.lines])
        return found

    def _lines(self, system: System, stack: ExitStack) -> LineFile:
        path = self._wanted.folder / "runs" / f"{system.name}.jsonl"
        return stack.enter_context(LineFile(path, run_names(system, self._wanted.questions.known)))

    async def _purses(self, hall: Hall, files: Mapping[str, LineFile]) -> Purses:
        budget = self._wanted.settings.budget_usd
        systems = self._wanted.systems
        if budget is None:
            return Purses({one.name: Purse(None, parallel=hall.parallel) for one in systems}, {}, 0.0)
        spent = 0.0
        for system in systems:
            names = run_names(system, hall.questions)
            for key, name in names.items():
                line = files[system.name].finished(key)
                spent += (await earlier_life(hall.journal, name))[0] if line is None else line.usd or 0.0
        spent += await judged_usd(hall.journal, hall.questions.task, [*files, NULL_MODEL])
        left = max(budget - spent, 0.0)
        reach = await self._reach(hall, files, left)
        counts = {one.name: len(_open(hall.questions.questions, files[one.name])) for one in systems}
        weights = {name: reach.usd_each[name] * count for name, count in counts.items()}
        weights |= {_JUDGE: reach.judge_usd_each * sum(counts.values())} if reach.judge_usd_each else {}
        return Purses({one.name: Purse(0.0, parallel=hall.parallel) for one in systems}, weights, left)

    async def _reach(self, hall: Hall, files: Mapping[str, LineFile], left: float) -> Reach:
        questions = hall.questions.questions
        still = [one for one in questions if any(one in _open(questions, file) for file in files.values())]
        models = {model for system in self._wanted.systems for model in models_of(system.spec)}
        experience = await hall.journal.experience(sorted(models))
        judge = self._wanted.judge
        judge_usd = 0.0 if judge is None or self._wanted.settings.task in UNJUDGED else judge_usd_each(judge, still)
        reach = reach_of(self._wanted.systems, still, usd=left, experience=experience, judge_usd_each=judge_usd)
        if not still:
            return reach
        line = describe_reach(reach, usd=left, questions=len(still))
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
        if wanted.judge is None or wanted.data is None:
            return list(results.values())
        return await self._judged(wanted.judge, wanted.data, results, files=files, journal=journal)

    def _result(self, system: System, found: Sequence[Answered]) -> SystemResult:
        """Return what a system came to, with what a reader has to know of its earlier answers."""
        result = result_of(system, found)
        notes = list(result.notes)
        if system not in self._wanted.systems:
            notes.append("it was not asked this time: these are its earlier answers")
        if more := sum(one.texts is not None for one in self._known[system.name]) - result.answered:
            notes.append(
                f"{more:,} earlier answers to questions that were not asked this time stay, and are not scored"
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
        budget = wanted.settings.budget_usd
        spent = 0.0
        if budget is not None:
            spent = sum(one.usd or 0.0 for one in results.values())
            spent += await judged_usd(journal, wanted.settings.task, results)
        purse = Purse(None if budget is None else max(budget - spent, 0.0), parallel=wanted.parallel)
        folder = wanted.folder / "judgements"
        scored: list[SystemResult] = []
        async with Bench(judge, journal, purse, self._board) as bench:
            for name, result in results.items():
                published = published_annotations(data, bench.name) if name == NULL_MODEL else None
                if published is not None and len(wanted.questions.questions) == wanted.questions.total:
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
            stopped=_stopped(systems[: len(self._wanted.systems)], settings.budget_usd),
            usd=money.usd,
            usd_is_lower_bound=money.is_lower_bound,
            systems=tuple(systems),
            warnings=settings.warnings,
        )


class Purses:
    """The purses of all systems: each gets a share of what is left in proportion to what it is planned to cost.

    Args:
        purses: By system, in the order in which they answer; empty where money is limited.
        weights: What each is planned to cost.
        left_usd: What may be spent by all.
    """

    def __init__(self, purses: Mapping[str, Purse], weights: Mapping[str, float], left_usd: float) -> None:
        """Give the first one its share."""
        self._purses = purses
        self._weights = dict(weights)
        self._left_usd = left_usd
        self._fill()

    def __getitem__(self, name: str) -> Purse:
        """Return a system's purse."""
        return self._purses[name]

    def hand_on(self, name: str) -> None:
        """Take a system that is through out; what it left over goes to the others."""
        if self._weights.pop(name, None) is not None:
            self._left_usd -= self._purses[name].spent_usd
            self._fill()

    def _fill(self) -> None:
        if not self._weights:
            return
        name = next(iter(self._weights))
        if name == _JUDGE:
            return
        together = sum(self._weights.values())
        share = self._weights[name] / together if together else 1.0
        self._purses[name].fill(max(self._left_usd, 0.0) * share)


def _open(questions: Sequence[Question], file: LineFile) -> list[Question]:
    """Return the questions that have no answer to some turn yet."""
    return [one for one in questions if any(file.finished((one.id, turn)) is None for turn in range(1, one.turns + 1))]


def _stopped(systems: Sequence[SystemResult], budget: float | None) -> str | None:
    if budget is None or not any(one.not_reached for one in systems):
        return None
    parts = ", ".join(f"{one.questions - one.not_reached} of {one.questions} ({one.name})" for one in systems)
    return f"stopped by the budget of {dollars(budget)} after {parts} questions"


def _with_scores(
    result: SystemResult, task: str, path: Path, data: Path | None, *, asked: Collection[str] | None = None
) -> SystemResult:
    """Return what a system came to, with the scores of a file of answers or annotations."""
    scoring = own_file.score if task == OWN or data is None else scoring_of(task)
    scored = scoring([path], data or path, asked=asked)
    return replace(result, scores=scored.scores, notes=(*result.notes, *scored.notes))
