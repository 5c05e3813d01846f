"""An agent's limits against what its server lists."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.cli.check import compare_limits, who_is_asked
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
    settings: dict[str, Any], limits: dict[str, int], cell: str, fault: str | None
) -> None:
    """What is above the model's own limit is told with the mend, before a run fails of it."""
    agent = AgentSpec(name="q", model="openai:m", **settings)
    found = compare_limits(agent, Listed(name="m", **limits))
    assert found[0] == cell
    assert (found[1] or "").startswith(fault or "")
    assert (found[1] is None) is (fault is None)


def test_a_model_that_several_agents_share_is_counted_once() -> None:
    """With how many settings it is asked, where they differ."""
    cold, warm = (AgentSpec(name=name, model="openai:m", temperature=value) for name, value in (("a", 0.0), ("b", 1.0)))
    other = AgentSpec(name="c", model="openai:m", base_url="http://127.0.0.1:9/v1", api_key_env="KEY")
    assert who_is_asked([cold]) == "1 model for a word"
    assert who_is_asked([cold, cold, other]) == "2 models for a word each"
    assert who_is_asked([cold, warm]) == "1 model for a word, 2 settings in all"
    assert who_is_asked([cold, warm, other]) == "2 models for a word, 3 settings in all"
