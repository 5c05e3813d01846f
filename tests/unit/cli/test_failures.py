"""Why a run failed, in one line."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.cli.failures import explain, mend_for
from attention_moa.errors import AuthError, QuorumError, RunError, TransportError
from tests.worlds import World, a_spec


def failure(world: World) -> QuorumError:
    """Return what a world's run ends with."""
    with pytest.raises(QuorumError) as caught:
        world.run()
    return caught.value


def test_the_agent_the_model_the_address_the_cause_and_the_mend_are_named() -> None:
    """In this order, in one line."""
    agent = AgentSpec(name="q", model="openai:m", base_url="http://127.0.0.1:9/v1")
    error = failure(World(a_spec([agent], layers=1), {"q": AuthError("HTTP 401: no")}))
    expected = "no agent gave an answer: q (openai:m at http://127.0.0.1:9/v1): AuthError: HTTP 401: no"
    assert explain(error) == f"{expected}. Mend: set the right key"


def test_three_agents_are_named_and_the_others_counted() -> None:
    """One line stays one line."""
    error = failure(World(a_spec(5, layers=1), dict.fromkeys("abcde", TransportError("gone", retryable=False))))
    said = explain(error)
    assert "c (test:c)" in said
    assert "d (test:d)" not in said
    assert "; and 2 more. Mend: start the server, or correct base_url" in said


def test_a_message_that_asks_back_needs_no_mend() -> None:
    """It already says where to look; and for what is not known to help, nothing is invented."""
    assert mend_for("TransportError", "is it running?") == ""
    assert mend_for("CallError", "broken") == ""


def test_any_other_error_speaks_for_itself() -> None:
    """A run that ended for another reason."""
    partial = World(a_spec(1, layers=1)).run()
    assert explain(RunError("over", run_id="r", partial=partial)) == "over"
    assert explain(QuorumError("nobody", run_id="r", partial=partial)) == "nobody"
