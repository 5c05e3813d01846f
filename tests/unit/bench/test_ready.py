"""Who cannot work is known before anything is paid for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.bench.judging import require_judge_data
from attention_moa.bench.ready import require_ready
from attention_moa.bench.systems import System
from attention_moa.errors import ConfigError
from tests.alpaca_world import write_judged_data
from tests.bench_world import a_spec

KEYLESS = AgentSpec(name="k", model="openai:m", api_key_env="NO_SUCH_KEY")


def test_a_model_without_a_key_is_named_with_who_needs_it() -> None:
    """The judge first; who can work is fine, however often it comes."""
    fine, keyless = a_spec(), a_spec(agents=(KEYLESS,))
    systems = [System(name="one", spec=fine), System(name="same", spec=fine)]
    asyncio.run(require_ready(systems, fine))
    with pytest.raises(ConfigError, match=r"^--judge: api_key_env: NO_SUCH_KEY is not set"):
        asyncio.run(require_ready(systems, keyless))
    with pytest.raises(ConfigError, match=r"^other: api_key_env: NO_SUCH_KEY is not set"):
        asyncio.run(require_ready([*systems, System(name="other", spec=keyless)], None))


def test_what_a_judge_of_alpaca_eval_is_asked_with_has_to_be_there(tmp_path: Path) -> None:
    """Its prompt, with places that somebody can fill, and what its scoring reads."""
    data = write_judged_data(tmp_path)
    require_judge_data("alpaca-eval", data)
    prompt = data / "alpaca_eval" / "judge_prompt.txt"
    prompt.write_text("<|im_start|>user\n{who}<|im_end|>", encoding="utf-8")
    with pytest.raises(ConfigError, match="who"):
        require_judge_data("alpaca-eval", data)
    prompt.unlink()
    with pytest.raises(ConfigError, match=r"judge_prompt\.txt"):
        require_judge_data("alpaca-eval", data)
