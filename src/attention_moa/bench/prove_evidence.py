"""All that a proof rests on: what was answered and judged. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from attention_moa.bench.pairwise import Comparison as Compared
from attention_moa.bench.prove_floor import preferences_of
from attention_moa.bench.prove_result import Best, Size
from attention_moa.bench.prove_scores import Answers, scores_of
from attention_moa.bench.prove_spend import Ratio, Unit, cost_ratio
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec


class Evidence(NamedTuple):
    """All that was answered and judged.

    Args:
        ensemble: What is to be proven.
        systems: Everybody, the ensemble first.
        questions: The prompts that the verdict rests on.
        lines: The runs on them, by system and prompt.
        said: What the judge says of the ensemble and each other system.
        piloted: The runs of the pilot, on which no verdict rests.
        trials: The runs of trials; those at a size that was kept are among ``lines`` too.
        pilot_said: What the judge says of the pilot's.
        best: Which agent is the best one.
        unit: In what spend is compared.
        sizes: Of the baselines that have one.
        judge: Who judges; None for nobody.
        seed: By which the pilot was drawn.
        is_stopped: Whether the budget ended any part.
    """

    ensemble: System
    systems: tuple[System, ...]
    questions: tuple[Question, ...]
    lines: Mapping[str, Mapping[str, RunLine]]
    said: Mapping[str, Sequence[Compared]]
    piloted: tuple[RunLine, ...]
    trials: tuple[RunLine, ...]
    pilot_said: Mapping[str, Sequence[Compared]]
    best: Best
    unit: Unit
    sizes: Mapping[str, Size]
    judge: EnsembleSpec | None
    seed: int
    is_stopped: bool

    def scores(self, name: str) -> dict[str, float | None]:
        """Return the ensemble's score against a baseline on each prompt that was compared."""
        answers = Answers(self.lines[self.ensemble.name], self.lines[name])
        return scores_of(self.questions, answers, preferences_of(self.said.get(name, ()), self.questions))

    def cost_ratio(self, name: str) -> Ratio | None:
        """Return what a baseline cost, as a multiple of what the ensemble did on the same prompts."""
        return cost_ratio(self.lines[self.ensemble.name], self.lines[name], self.unit)
