"""The baselines at the size at which they are expected to cost what the ensemble costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

from msgspec.structs import replace

from attention_moa.bench.generating import templates_of
from attention_moa.bench.prove_result import Size
from attention_moa.bench.prove_spend import Unit, mean_cost, nearest_size, plan_cost
from attention_moa.bench.prove_systems import SINGLE, SIZES, SizedName, as_sized, selector_of, sized_spec
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec
from attention_moa.experience import ModelExperience
from attention_moa.plan import plan
from attention_moa.prices import known_price

_NEAR = 1.1
"""A baseline that was tried and cost so much more or less than expected keeps its size."""
_SAMPLE = 10
"""Prompts on which the cost of a size is reckoned, in the mean."""


class Scales:
    """What ensembles are expected to cost a prompt, by what a journal teaches.

    Args:
        questions: The prompts.
        unit: Of the costs.
        experience: What is known of models.
    """

    def __init__(self, questions: Sequence[Question], unit: Unit, experience: Mapping[str, ModelExperience]) -> None:
        """Take a sample of the prompts."""
        self._sample = questions[:: max(len(questions) // _SAMPLE, 1)]
        self._experience = experience
        self.unit: Unit = unit

    def expected(self, spec: EnsembleSpec) -> float:
        """Return what a prompt is expected to cost."""
        templates = templates_of(spec)
        plans = [
            plan(spec, one.conversation, templates, experience=self._experience, price_of=known_price)
            for one in self._sample
        ]
        return fmean([plan_cost(one.total, self.unit) or 0.0 for one in plans])

    def off(self, spec: EnsembleSpec, lines: Sequence[RunLine]) -> float:
        """Return how many times what is expected runs really cost; 1 where nobody knows.

        Args:
            spec: What ran.
            lines: Its runs on the very prompts of these scales.
        """
        measured, expected = mean_cost(lines, self.unit), self.expected(spec)
        return 1.0 if measured is None or not expected else measured / expected


def corrected(spec: EnsembleSpec, name: SizedName, size: Size, *, best: str, off: float, scales: Scales) -> Size:
    """Return the size at which a baseline costs what the ensemble does, now that it was tried.

    Args:
        spec: The ensemble.
        name: The baseline.
        size: At which it was tried.
        best: The best agent.
        off: How many times what is expected it really cost.
        scales: What a size is expected to cost.
    """
    if 1 / _NEAR <= off <= _NEAR:
        return replace(size, expected=off * size.expected)
    found = nearest_size(
        lambda count: off * scales.expected(sized_spec(spec, name, count, best=best)), SIZES[name], size.target
    )
    return replace(size, size=found.size, expected=found.expected)


def sizes_of(
    spec: EnsembleSpec, baselines: Sequence[str], scales: Scales, *, best: str, lines: Sequence[RunLine]
) -> dict[str, Size]:
    """Return the size of each baseline that has one.

    Args:
        spec: The ensemble.
        baselines: What it has to beat.
        scales: What a size is expected to cost.
        best: The best agent.
        lines: The ensemble's runs: what they cost in the mean is the target; what is planned, where nobody knows.
    """
    measured = mean_cost(lines, scales.unit)
    target = scales.expected(spec) if measured is None else measured

    def cost(name: SizedName, size: int) -> float:
        return scales.expected(sized_spec(spec, name, size, best=best))

    sizes: dict[str, Size] = {}
    names: list[SizedName] = [as_sized(one) for one in baselines if one != SINGLE]
    for name in names:
        found = nearest_size(partial(cost, name), SIZES[name], target)
        sizes[name] = Size(
            what="layers" if name == "moa" else "samples",
            size=found.size,
            expected=found.expected,
            target=target,
            selector=selector_of(spec) if name == "best-of-n" else None,
        )
    return sizes


def baseline_systems(
    spec: EnsembleSpec, names: Mapping[str, str], sizes: Mapping[str, Size], *, best: str
) -> tuple[System, ...]:
    """Return the baselines that have a size, as systems.

    Args:
        spec: The ensemble.
        names: What each baseline is called as a system.
        sizes: Of each.
        best: The best agent.
    """
    return tuple(
        System(name=names[one], spec=sized_spec(spec, as_sized(one), size.size, best=best))
        for one, size in sizes.items()
    )
