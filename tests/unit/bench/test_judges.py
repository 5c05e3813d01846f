"""Who judges: a model or an ensemble, with the benchmark's settings where it does not say otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.bench.judges import JudgeSettings, is_alone, judge_name, judge_settings, judge_spec, told_judge
from attention_moa.errors import ConfigError

SETTINGS = JudgeSettings(temperature=1.0, max_tokens=1, top_logprobs=5)
ALONE = """strategy = "single"
[[agents]]
name = "judge"
model = "openai:gpt-4.1"
max_tokens = 300
"""
PANEL = """[[agents]]
name = "a"
model = "openai:gpt-4.1"
[[agents]]
name = "b"
model = "openai:gpt-4.1-mini"
"""


def test_a_model_judges_alone_with_the_settings_of_the_benchmark() -> None:
    """One call each."""
    spec = judge_spec("openai:gpt-4-1106-preview", SETTINGS)
    (agent,) = spec.agents
    assert (agent.model, agent.temperature, agent.max_tokens, agent.top_logprobs) == (
        "openai:gpt-4-1106-preview",
        1.0,
        1,
        5,
    )
    assert is_alone(spec)
    assert judge_name(spec) == "openai:gpt-4-1106-preview"


def test_a_file_s_own_settings_hold(tmp_path: Path) -> None:
    """What it leaves open the benchmark sets."""
    path = tmp_path / "judge.toml"
    path.write_text(ALONE)
    (agent,) = judge_spec(str(path), SETTINGS).agents
    assert (agent.temperature, agent.max_tokens, agent.top_logprobs) == (1.0, 300, 5)


def test_an_ensemble_judges_as_its_file_says(tmp_path: Path) -> None:
    """A limit of one token would be the end of its critiques."""
    path = tmp_path / "panel.toml"
    path.write_text(PANEL)
    spec = judge_spec(str(path), SETTINGS)
    assert [(agent.temperature, agent.max_tokens, agent.top_logprobs) for agent in spec.agents] == [
        (None, None, None)
    ] * 2
    assert not is_alone(spec)
    assert judge_name(spec) == "panel"


def test_a_judge_from_a_file_is_told_with_its_models(tmp_path: Path) -> None:
    """Two files of one name may hold two judges; a model's own name says it all."""
    path = tmp_path / "panel.toml"
    path.write_text(PANEL)
    spec = judge_spec(str(path), SETTINGS)
    models = ", ".join(dict.fromkeys(agent.model for agent in spec.agents))
    assert told_judge("panel.toml", spec) == f"panel.toml ({models})"
    assert told_judge("openai:x", judge_spec("openai:x", SETTINGS)) == "openai:x"


def test_the_settings_of_the_benchmarks_are_known(tmp_path: Path) -> None:
    """AlpacaEval's are in its data."""
    assert judge_settings("mt-bench", tmp_path) == JudgeSettings(temperature=0.0, max_tokens=2048)
    assert judge_settings("flask", tmp_path) == JudgeSettings(temperature=0.0, max_tokens=1024)
    with pytest.raises(ConfigError, match="alpaca_eval"):
        judge_settings("alpaca-eval", tmp_path)


def test_a_judge_that_is_neither_is_an_error() -> None:
    """And says what there is."""
    with pytest.raises(ConfigError):
        judge_spec("nobody", SETTINGS)
