"""Where a proof's work is done: systems answer prompts, and the judge compares; all resumable, within the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from attention_moa.bench.board import Board
from attention_moa.bench.generating import Answering, Hall, board_of, run_names
from attention_moa.bench.judge_runs import Bench
from attention_moa.bench.pairwise import Comparison as Compared
from attention_moa.bench.pairwise import Pair, compare_all
from attention_moa.bench.prove_money import Shares
from attention_moa.bench.prove_scores import Answers, Preference, needs_judge
from attention_moa.bench.questions import Question, QuestionSet
from attention_moa.bench.run_lines import LineFile, RunLine
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec
from attention_moa.ports import Journal

JUDGE = "judge"
PILOT = "pilot"
TRIAL = "trial"


class Work(NamedTuple):
    """Prompts to be answered or compared, and where their files are.

    Args:
        questions: The prompts.
        folder: Of the files of runs.
        label: In front of the names of its parts of the budget: empty but for the pilot and trials.
    """

    questions: tuple[Question, ...]
    folder: Path
    label: str = ""

    def part(self, name: str) -> str:
        """Return what a part of the budget is called."""
        return f"{self.label}/{name}" if self.label else name


class Floor:
    """Everything that all of the work shares.

    Args:
        questions: All prompts, and the beginning of all names of runs as their task.
        journal: Where the calls are kept.
        parallel: How many prompts are under way at once at most.
        board: Where it is shown how far all is.
        shares: The money.
    """

    def __init__(
        self, questions: QuestionSet, journal: Journal, *, parallel: int, board: Board, shares: Shares
    ) -> None:
        """Prepare it; nothing is asked yet."""
        self._questions = questions
        self._journal = journal
        self._parallel = parallel
        self._board = board
        self._shares = shares

    def announce(self, systems: Sequence[System], work: Work) -> None:
        """Show systems that are about to answer, beneath those that have; one that answers again begins anew.

        Args:
            systems: Who answers.
            work: What.
        """
        self._board.phase = "answering"
        names = {one.name for one in systems}
        kept = [one for one in self._board.systems if one.name not in names]
        self._board.systems = [*kept, *(board_of(system, self._set(work)) for system in systems)]
        self._board.on_change()

    async def answer(self, system: System, work: Work, chunk: Sequence[Question] | None = None) -> dict[str, RunLine]:
        """Return a system's run on each prompt that it came to, by the prompt's id; what an earlier life made is kept.

        Args:
            system: Who answers; announced.
            work: What.
            chunk: The prompts that are asked now; None for all.

        Raises:
            ConfigError: A model cannot be had, a key is missing.
            StoreError: The journal or the file of lines fails.
        """
        asked = self._questions._replace(questions=tuple(work.questions if chunk is None else chunk))
        hall = Hall(asked, self._journal, self._parallel, self._board)
        purse = self._shares.purse(work.part(system.name))
        with LineFile(work.folder / f"{system.name}.jsonl", run_names(system, self._set(work))) as file:
            await Answering(hall, system, file, purse).run()
        self._shares.settle(work.part(system.name), purse)
        found = [line for one in work.questions if (line := file.lines.get((one.id, 1))) is not None]
        file.put_in_order(found)
        return {line.question: line for line in found}

    async def compare(
        self, judge: EnsembleSpec, others: Mapping[str, Answers], work: Work, chunk: Sequence[Question] | None = None
    ) -> dict[str, list[Compared]]:
        """Return what the judge says of two systems, ours (A) and theirs (B), by the name of what is compared.

        Args:
            judge: Who judges.
            others: The answers of both, by name.
            work: The prompts.
            chunk: Those that are compared now; None for all.

        Raises:
            ConfigError: The judge cannot be had.
            StoreError: The journal fails.
        """
        self._board.phase = "judging"
        secret = await self._journal.secret()
        purse = self._shares.purse(work.part(JUDGE))
        found: dict[str, list[Compared]] = {}
        async with Bench(judge, self._journal, purse, self._board) as bench:
            for name, answers in others.items():
                asked = work.questions if chunk is None else chunk
                pairs = [_pair(one, answers) for one in asked if needs_judge(one, answers)]
                seat = bench.seat(self._questions.task, name, parallel=self._parallel)
                found[name] = await compare_all(pairs, seat, secret)
        self._shares.settle(work.part(JUDGE), purse)
        return found

    def _set(self, work: Work) -> QuestionSet:
        return self._questions._replace(questions=work.questions)


def preferences_of(found: Sequence[Compared], questions: Sequence[Question]) -> dict[str, Preference]:
    """Return what the judge prefers, by the prompt's id; what the money did not reach for is not in it.

    Args:
        found: The comparisons of the ensemble (A) and a baseline (B).
        questions: The prompts.
    """
    ids = {one.file_id: one.id for one in questions}
    said: dict[str, Preference] = {"A": "ours", "B": "theirs", "tie": "tie"}
    return {
        ids[one.key]: "missing" if one.winner is None else said[one.winner]
        for one in found
        if not any(judgement.state == "unasked" for judgement in one.judgements)
    }


def _pair(question: Question, answers: Answers) -> Pair:
    ours, theirs = answers.texts(question)
    return Pair(question.file_id, question.conversation, ours or "", theirs or "")
