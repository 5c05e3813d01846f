"""The benchmarks by name."""

from __future__ import annotations

import inspect

import pytest

from attention_moa.bench.tasks import TASKS, scoring_of


@pytest.mark.parametrize("task", list(TASKS))
def test_every_benchmark_has_its_scoring(task: str) -> None:
    """The name leads to a function of files, data and what was asked."""
    assert list(inspect.signature(scoring_of(task)).parameters) == ["files", "data", "asked"]
