"""An agent's limits against what its server lists."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.cli.check import compare_limits
from attention_moa.cli.discovery import Listed


@pytest.mark.parametrize(
    ("settings", "limits", "cell", "fault"),
    [
        ({}, {}, "not told", None),
        ({"max_tokens": 10**6}, {}, "not told", None),
        ({}, {"context_tokens": 4096}, "ok, 4,096", None),
        ({"max_tokens": 4096}, {"context_tokens": 4096}, "ok, 4,096", None),
        ({"max_tokens": 1024}, {"max_tokens": 1024}, "ok", None),
        ({"max_tokens": 4097}, {"context_tokens": 4096}, "too high", "max_tokens 4,097 is above the model's 4,096"),
        ({"max_tokens": 1025}, {"context_tokens": 4096, "max_tokens": 1024}, "too high", "max_tokens 1,025 is above"),
        ({"context_tokens": 8192}, {"context_tokens": 4096}, "too high", "context_tokens 8,192 is above"),
    ],
)
def test_limits_are_compared_where_both_are_known(
    settings: dict[str, int], limits: dict[str, int], cell: str, fault: str | None
) -> None:
    """What is above the model's own limit is told with the mend, before a run fails of it."""
    agent = AgentSpec(name="q", model="openai:m", **settings)  # type: ignore[arg-type]
    found = compare_limits(agent, Listed(name="m", **limits))
    assert found[0] == cell
    assert (found[1] or "").startswith(fault or "")
    assert (found[1] is None) is (fault is None)
