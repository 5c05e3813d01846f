"""Runs and calls to put into journals."""

from __future__ import annotations

from typing import Any

from attention_moa.config import EnsembleSpec
from attention_moa.messages import Conversation, Sampling, Stage, Usage, user
from attention_moa.records import Attempt, CallRecord, CallState, RunRecord, RunState, UsageTotal
from attention_moa.stored_runs import RunHead
from tests.worlds import a_spec

QUESTION: Conversation = (user("Why is the sky blue?"),)
SPEC: EnsembleSpec = a_spec(2)


def a_head(run_id: str = "run-1", *, minute: int = 0, request_key: str = "request", **fields: Any) -> RunHead:
    """Return a run's head; a later minute makes a newer run."""
    told: dict[str, Any] = {
        "run_id": run_id,
        "created_at": f"2026-01-01T00:{minute:02}:00.000+00:00",
        "ensemble": SPEC,
        "conversation": QUESTION,
        "request_key": request_key,
    }
    return RunHead(**(told | fields))


def a_call(
    call_id: str = "1.answer.a", *, state: CallState = "finished", reply: str = "It scatters.", **fields: Any
) -> CallRecord:
    """Return a call that finished, or was lost."""
    is_finished = state == "finished"
    told: dict[str, Any] = {
        "call_id": call_id,
        "stage": Stage.ANSWER,
        "layer": 1,
        "agent": "a",
        "model": "test:a",
        "sampling": Sampling(temperature=0.5),
        "messages": QUESTION,
        "state": state,
        "reads": (),
        "queued_s": 0.0,
        "ended_s": 1.5,
        "attempts": (
            Attempt(
                started_s=0.0,
                ended_s=1.5,
                error=None if is_finished else "ServerError",
                usage=Usage(input_tokens=10, output_tokens=5),
            ),
        ),
        "text": reply if is_finished else None,
        "finish_reason": "stop" if is_finished else None,
        "error": None if is_finished else "ServerError",
        "message": None if is_finished else "down",
        "fingerprint": f"key of {call_id}",
    }
    return CallRecord(**(told | fields))


def a_record(head: RunHead, *calls: CallRecord, state: RunState = "finished", **fields: Any) -> RunRecord:
    """Return the record of a run that has come to its end."""
    told: dict[str, Any] = {
        "run_id": head.run_id,
        "created_at": head.created_at,
        "ensemble": head.ensemble,
        "conversation": head.conversation,
        "state": state,
        "text": "It scatters." if state == "finished" else None,
        "calls": calls,
        "usage": UsageTotal(calls=len(calls)),
        "wall_s": 2.0,
    }
    return RunRecord(**(told | fields))
