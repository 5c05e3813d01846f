"""The ways in which an ensemble can work: Attention-MoA and the baselines that it is measured against, as facts.

What each of them is stands in its module under ``baselines/``; here is only which settings it has a use for, so that no
setting is accepted and then ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

StrategyName: TypeAlias = Literal["attention-moa", "single"]


class Strategy(NamedTuple):
    """What a strategy has a use for.

    Args:
        uses: The settings of an ensemble that it reads, dotted: ``summary``, ``attention.labels``. Agents, calls,
            limits and prompts are read by all.
        agents: How many agents it takes at least, and at most; None for any number.
        has_layers: Whether the user says how many layers there are.
    """

    uses: frozenset[str] = frozenset()
    agents: tuple[int, int | None] = (1, None)
    has_layers: bool = False

    def reads(self, field: str) -> bool:
        """Whether a dotted setting, or the table that it is in, is read."""
        return field in self.uses or field.partition(".")[0] in self.uses


STRATEGIES: Mapping[StrategyName, Strategy] = {
    "attention-moa": Strategy(
        frozenset({"layout", "seed", "summary", "residual", "attention", "early_stop", "quorum"}), has_layers=True
    ),
    "single": Strategy(agents=(1, 1)),
}
"""Every strategy by the name that an ensemble's file gives it."""
