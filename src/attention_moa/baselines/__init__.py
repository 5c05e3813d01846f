"""The methods that Attention-MoA is measured against, each on the same engine, journal, limits and account.

Every module reads like ``ensemble.py``, top to bottom; its docstring names the paper, the calls that a run makes, and
what in it is ours. ``ensemble.run_ensemble`` begins and ends the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from attention_moa.baselines.best_of_n import run_best_of_n
from attention_moa.baselines.majority import run_majority
from attention_moa.baselines.moa import run_moa
from attention_moa.baselines.rmoa import run_rmoa
from attention_moa.baselines.self_moa import run_self_moa
from attention_moa.baselines.self_moa_seq import run_self_moa_seq
from attention_moa.baselines.single import run_single
from attention_moa.baselines.smoa import run_smoa
from attention_moa.calls import Caller
from attention_moa.prompts import Desk
from attention_moa.run_log import RunLog
from attention_moa.strategies import StrategyName
from attention_moa.synthesis import Merged

Course: TypeAlias = Callable[[Desk, Caller, RunLog], Awaitable[Merged]]
"""Runs a whole strategy: from the first call to how the last layer ends."""

COURSES: Mapping[StrategyName, Course] = {
    "single": run_single,
    "best-of-n": run_best_of_n,
    "majority": run_majority,
    "moa": run_moa,
    "self-moa": run_self_moa,
    "self-moa-seq": run_self_moa_seq,
    "smoa": run_smoa,
    "rmoa": run_rmoa,
}
"""The course of every strategy but Attention-MoA's own."""
