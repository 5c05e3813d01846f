"""The methods that Attention-MoA is measured against, each on the same engine, journal, limits and account.

Every module reads like ``ensemble.py``, top to bottom; its docstring names the paper, the calls that a run makes, and
what in it is ours. ``ensemble.run_ensemble`` begins and ends the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from attention_moa.baselines.single import run_single
from attention_moa.calls import Caller
from attention_moa.prompts import Desk
from attention_moa.records import RunRecord
from attention_moa.run_log import RunLog
from attention_moa.strategies import StrategyName

Course: TypeAlias = Callable[[Desk, Caller, RunLog], Awaitable[RunRecord]]
"""Runs a whole strategy: from the first call to the record's end."""

COURSES: Mapping[StrategyName, Course] = {"single": run_single}
"""The course of every strategy but Attention-MoA's own."""
