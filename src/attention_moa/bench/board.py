"""How far a benchmark is, for whoever shows it: changed in one place, read by views."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["answering", "judging", "scoring"]


@dataclass
class SystemBoard:
    """How far one system is.

    Args:
        name: The system.
        total: Runs that it takes in all: one a question and turn.
        what: What is counted so: ``questions``, or ``turns`` where some question has several.
        weight: Calls of one run, as planned: what a run is worth where time is estimated.
        done: Runs that are over, failed ones and those of an earlier life included.
        before: Those of them that an earlier life made.
        running: Runs under way.
        failed: Runs without an answer.
        usd: What the runs cost whose price is known.
        unpriced: Runs whose cost is not known whole.
        is_stopped: Whether the budget ended it.
    """

    name: str
    total: int
    weight: int
    done: int = 0
    before: int = 0
    running: int = 0
    failed: int = 0
    usd: float = 0.0
    unpriced: int = 0
    is_stopped: bool = False
    what: str = "questions"

    @property
    def left(self) -> int:
        """Runs that are still to come."""
        return 0 if self.is_stopped else self.total - self.done


@dataclass
class Board:
    """How far all systems are.

    Args:
        systems: In the order in which they answer.
        phase: What goes on.
        judged: Judgements that are there.
        to_judge: Judgements that there are to be.
        judge_usd: What they cost so far, as far as that is known.
        judge_unpriced: Those of them whose cost is not known whole.
        on_change: Told after every change.
        now: Seconds on a clock that never goes back.
    """

    systems: list[SystemBoard] = field(default_factory=list[SystemBoard])
    phase: Phase = "answering"
    judged: int = 0
    to_judge: int = 0
    judge_usd: float = 0.0
    judge_unpriced: int = 0
    on_change: Callable[[], None] = lambda: None
    now: Callable[[], float] = time.monotonic
    _started_s: float | None = None

    def start(self) -> None:
        """Let time run: what is left is estimated from here."""
        self._started_s = self.now()
        self.on_change()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return 0.0 if self._started_s is None else self.now() - self._started_s

    @property
    def left_s(self) -> float | None:
        """About how many seconds the answers may still take; None while nothing is known of it."""
        made = sum((one.done - one.before) * one.weight for one in self.systems)
        left = sum(one.left * one.weight for one in self.systems)
        if not left:
            return 0.0
        return self.elapsed_s / made * left if made else None
