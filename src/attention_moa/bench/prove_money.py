"""One budget for a whole proof: each part of it gets a share of what is left, by what it is planned to cost."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from attention_moa.bench.purse import Purse


class Shares:
    """The money of all parts that are still to come.

    Args:
        left_usd: What may be spent; None for no limit.
        parallel: How many runs are under way at once at most.
    """

    def __init__(self, left_usd: float | None, *, parallel: int) -> None:
        """Know no part yet."""
        self._left_usd = inf if left_usd is None else left_usd
        self._parallel = parallel
        self._weights: dict[str, float] = {}
        self.is_empty = False

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._left_usd < inf

    @property
    def left_usd(self) -> float:
        """What may still be spent; infinity for no limit."""
        return self._left_usd

    def expect(self, weights: Mapping[str, float]) -> None:
        """Say what the parts to come are planned to cost.

        Args:
            weights: In proportion, by part.
        """
        self._weights = dict(weights)

    def expect_also(self, part: str, weight: float) -> None:
        """Say that another part is to come, or one once more.

        Args:
            part: Its name.
            weight: What it is planned to cost.
        """
        self._weights[part] = weight

    def purse(self, part: str) -> Purse:
        """Return what a part may spend; hand it back with ``settle``.

        Args:
            part: Its name; one that was not expected gets nothing where money is limited.
        """
        if not self.is_limited:
            return Purse(None, parallel=self._parallel)
        weight, together = self._weights.get(part, 0.0), sum(self._weights.values())
        share = weight / together if together else 1.0
        return Purse(max(self._left_usd, 0.0) * share, parallel=self._parallel)

    def settle(self, part: str, purse: Purse) -> None:
        """Take a part that is through out; what it left over goes to the others.

        Args:
            part: Its name.
            purse: What it was given.
        """
        self._weights.pop(part, None)
        self._left_usd -= purse.spent_usd
        self.is_empty = self.is_empty or purse.is_empty
