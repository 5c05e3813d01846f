"""The ways in which an ensemble can work: Attention-MoA and the baselines that it is measured against, as facts.

What each of them is stands in its module under ``baselines/``; here is only which settings it has a use for, so that no
setting is accepted and then ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

StrategyName: TypeAlias = Literal[
    "attention-moa", "single", "best-of-n", "majority", "moa", "self-moa", "self-moa-seq", "smoa", "rmoa"
]


class Strategy(NamedTuple):
    """What a strategy has a use for.

    Args:
        uses: The settings of an ensemble that it reads: a whole table (``summary``) or a dotted field of one
            (``attention.labels``). Agents, calls, limits and prompts are read by all.
        has_no_use_for: Fields of those tables that it does not read.
        most_agents: How many agents it takes; None for any number.
        least_answers: How many answers there have to be for it to make sense.
        least_layers: How few layers there may be; None where the user has no say in it.
        samples: How many answers each agent gives unless the ensemble says so: of a lone agent, and of several.
    """

    uses: frozenset[str]
    has_no_use_for: frozenset[str] = frozenset()
    most_agents: int | None = None
    least_answers: int = 1
    least_layers: int | None = None
    samples: tuple[int, int] = (1, 1)

    def reads(self, field: str) -> bool:
        """Whether a dotted setting is read."""
        is_used = field in self.uses or field.partition(".")[0] in self.uses
        return is_used and field not in self.has_no_use_for


_SAMPLES = 6
"""Of one agent, as in the Self-MoA paper."""

_WRITTEN = frozenset({"layout", "summary", "attention.labels"})
"""What everybody reads who quotes answers to a writer."""

STRATEGIES: Mapping[StrategyName, Strategy] = {
    "attention-moa": Strategy(
        frozenset({"layout", "seed", "summary", "residual", "attention", "early_stop", "quorum"}), least_layers=1
    ),
    "single": Strategy(frozenset(), most_agents=1),
    "best-of-n": Strategy(_WRITTEN | {"samples"}, least_answers=2, samples=(_SAMPLES, 1)),
    "majority": Strategy(frozenset({"samples"}), least_answers=2, samples=(_SAMPLES, 1)),
    "moa": Strategy(_WRITTEN, least_layers=2),
    "self-moa": Strategy(_WRITTEN | {"samples"}, most_agents=1, least_answers=2, samples=(_SAMPLES, 1)),
    "self-moa-seq": Strategy(_WRITTEN | {"samples", "window"}, most_agents=1, least_answers=2, samples=(_SAMPLES, 1)),
    "smoa": Strategy(_WRITTEN | {"keep", "early_stop.rule", "early_stop.min_layers"}, least_layers=1),
    "rmoa": Strategy(
        _WRITTEN | {"keep", "residual", "early_stop.rule", "early_stop.min_layers"},
        has_no_use_for=frozenset({"residual.enabled", "residual.history"}),
        least_layers=1,
    ),
}
"""Every strategy by the name that an ensemble's file gives it."""

WITHOUT_WRITERS = frozenset[StrategyName]({"single", "best-of-n", "majority"})
"""Strategies whose answer is one of the agents' own, word for word."""
