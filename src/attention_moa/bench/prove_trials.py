"""Baselines are tried on the first prompts, at one size after the other, until one costs about what the ensemble does.

Sizes are put right by what answers cost and by nothing else: how good they are is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.bench.prove_floor import TRIAL, Floor, Work
from attention_moa.bench.prove_money import Shares
from attention_moa.bench.prove_result import Size, Tried
from attention_moa.bench.prove_sizing import Scales, corrected
from attention_moa.bench.prove_spend import Unit, cost_ratio, least_cost
from attention_moa.bench.prove_systems import as_sized, sized_spec
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec

TRIAL_PROMPTS = 8
"""So many of the first prompts a size is tried on: a few more or less dear ones among two would decide it."""
_MOST_SIZES = 3


class Trials(NamedTuple):
    """What is needed to try baselines.

    Args:
        spec: The ensemble.
        best: The best agent.
        scales: What sizes are planned to cost.
        questions: The prompts of the trials: some of those that the verdict rests on, answered by the ensemble.
        ours: The ensemble's runs on them, by id.
        folder: Where the runs go.
        floor: Where it is done.
        shares: The money.
        weight: What a trial is planned to cost.
        tell: Told of a size that missed.
    """

    spec: EnsembleSpec
    best: str
    scales: Scales
    questions: tuple[Question, ...]
    ours: Mapping[str, RunLine]
    folder: Path
    floor: Floor
    shares: Shares
    weight: float
    tell: Callable[[str], None]

    async def right(self, name: str, called: str, size: Size) -> Size:
        """Return the size that came nearest to what the ensemble costs; where no cost is known, the one it began with.

        Answers at the size that is kept are answers like any other, and not paid for again.

        Args:
            name: The baseline.
            called: Its name as a system.
            size: With which it begins.

        Raises:
            ConfigError: A model cannot be had.
            StoreError: The journal or a file fails.
        """
        tried: dict[int, tuple[Tried, Size]] = {}
        at = size
        while at.size not in tried and len(tried) < _MOST_SIZES:
            found = await self._tried(name, called, at.size)
            if not found.cost_ratio:
                break
            expected = found.cost_ratio * size.target
            tried[at.size] = (found, replace(at, expected=expected))
            if self.shares.is_empty:
                break
            at = corrected(self.spec, as_sized(name), at, best=self.best, ratio=found.cost_ratio, scales=self.scales)
            if at.size not in tried and len(tried) < _MOST_SIZES:
                self.tell(_missed(called, found, at))
        rows = [one for one, _ in tried.values()]
        kept = min(tried.values(), key=lambda pair: abs(log(pair[0].cost_ratio or 1.0)), default=(None, size))[1]
        return replace(kept, tried=tuple(rows))

    async def _tried(self, name: str, called: str, size: int) -> Tried:
        """Return what a size cost on the prompts of the trials."""
        system = System(name=called, spec=sized_spec(self.spec, as_sized(name), size, best=self.best))
        work = Work(self.questions, self.folder / str(size), TRIAL)
        work.folder.mkdir(parents=True, exist_ok=True)
        self.shares.expect_also(work.part(called), self.weight)
        self.floor.announce([system], work)
        lines = await self.floor.answer(system, work)
        ratio = cost_ratio(self.ours, lines, self.scales.unit)
        return Tried(size=size, cost_ratio=None if ratio is None else ratio.value, prompts=len(lines))


def trial_questions(questions: Sequence[Question], ours: Mapping[str, RunLine], unit: Unit) -> tuple[Question, ...]:
    """Return the prompts on which baselines are tried: the first ones whose cost is known whole, else the first ones.

    Args:
        questions: Those that the ensemble came to.
        ours: Its runs on them, by id.
        unit: Of the costs.
    """
    known = [one for one in questions if one.id in ours and not least_cost(ours[one.id], unit).is_lower_bound]
    enough = min(TRIAL_PROMPTS, len(questions))
    return tuple((known if 2 * len(known) >= enough else questions)[:TRIAL_PROMPTS])


def _missed(called: str, found: Tried, next_one: Size) -> str:
    return (
        f"{called}: {found.size} {next_one.what} cost {found.cost_ratio:.2f} times what the ensemble did on "
        f"{found.prompts} prompts: {next_one.size} are tried"
    )
