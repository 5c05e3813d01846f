"""The baselines at the size at which they are expected to cost what the ensemble costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

from msgspec.structs import replace

from attention_moa.bench.generating import templates_of
from attention_moa.bench.prove_result import Size
from attention_moa.bench.prove_spend import Unit, least_cost, least_mean, nearest_size, plan_cost
from attention_moa.bench.prove_systems import SINGLE, SIZES, SizedName, as_sized, selector_of, sized_spec
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec
from attention_moa.experience import ModelExperience
from attention_moa.plan import plan
from attention_moa.prices import known_price

_NEAR = 1.1
"""A baseline that was tried and cost so many times what the ensemble did, or one over that, keeps its size."""
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


def corrected(spec: EnsembleSpec, name: SizedName, size: Size, *, best: str, ratio: float, scales: Scales) -> Size:
    """Return the size at which a baseline should cost what the ensemble does, now that one was tried.

    Args:
        spec: The ensemble.
        name: The baseline.
        size: At which it was tried.
        best: The best agent.
        ratio: What it cost, as a multiple of what the ensemble did on the same prompts; above 0.
        scales: What a size is planned to cost: by how much that is off is the same at any size.
    """
    measured = ratio * size.target
    planned = scales.expected(sized_spec(spec, name, size.size, best=best))
    if 1 / _NEAR <= ratio <= _NEAR or not planned:
        return replace(size, expected=measured)
    off = measured / planned
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
    measured = least_mean([least_cost(line, scales.unit) for line in lines])
    target = scales.expected(spec) if measured is None else measured.value

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
