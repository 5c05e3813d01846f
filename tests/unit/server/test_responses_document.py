"""The object of the Responses API."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.responses import Response

from attention_moa.answer_spec import AnswerSpec
from attention_moa.messages import ReplyFormat, Sampling, ToolCall, ToolSpec, ToolUse, system, user
from attention_moa.records import RunRecord, UsageTotal
from attention_moa.sampled import sampled
from attention_moa.server.errors import ApiError
from attention_moa.server.responses_document import (
    BACKGROUND,
    INSTRUCTIONS,
    PREVIOUS,
    failed_document,
    open_document,
    output_of,
    response_id,
    run_id_of,
    shown_of,
    whole_document,
)
from attention_moa.server.usage import RunBody, run_body
from tests.worlds import a_spec

TOOLS = ToolUse((ToolSpec("look", parameters={"type": "object"}),), "required", "look", False)


def a_record(**fields: Any) -> RunRecord:
    """Return a run that has ended."""
    told: dict[str, Any] = {
        "ensemble": a_spec(2, name="pair"),
        "conversation": (system("Be brief."), user("Why?")),
        "state": "finished",
        "text": "Blue.",
        "finish_reason": "stop",
        "wall_s": 2.0,
    }
    return RunRecord(run_id="r", created_at="2026-01-01T00:00:00.000+00:00", **(told | fields))


def happened(record: RunRecord) -> RunBody:
    """Return what happened in a run."""
    return run_body([record], ignored=(), notes=(), plan=None)


def a_response(**fields: Any) -> Response:
    """Return the whole response of a run, read as the official client reads it."""
    record = a_record(**fields)
    return Response.model_validate(
        msgspec.to_builtins(whole_document(shown_of(record), record, output_of(record), happened(record)))
    )


def test_a_response_has_its_runs_id() -> None:
    """There and back; an id that is none stays as it is and is found nowhere."""
    assert run_id_of(response_id("r")) == "r"
    assert run_id_of("nonsense") == "nonsense"


def test_a_whole_response_is_what_the_official_client_reads() -> None:
    """Text, times, usage over all calls."""
    usage = UsageTotal(
        calls=3, input_tokens=30, cached_tokens=12, cache_write_tokens=5, output_tokens=9, reasoning_tokens=2
    )
    response = a_response(usage=usage)
    assert (response.id, response.model, response.status) == ("resp_r", "pair", "completed")
    assert response.output_text == "Blue."
    assert (response.created_at, response.completed_at) == (1767225600, 1767225602)
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (30, 9, 39)
    assert response.usage.input_tokens_details.cached_tokens == 12
    assert response.usage.output_tokens_details.reasoning_tokens == 2


def test_it_says_what_its_request_was() -> None:
    """From the run alone: one that was asked for long ago looks as it did then."""
    schema = {"type": "object"}
    spec = sampled(a_spec(2, name="pair"), Sampling(temperature=0.5, top_p=0.9, max_tokens=7, thinking="low"))
    response = a_response(
        ensemble=spec,
        wanted=AnswerSpec(tools=TOOLS, reply_format=ReplyFormat("json_schema", name="n", schema=schema)),
        labels={INSTRUCTIONS: "1", PREVIOUS: "resp_0", BACKGROUND: "1", "user": "u", "case": "7"},
    )
    assert (response.instructions, response.previous_response_id) == ("Be brief.", "resp_0")
    assert (response.temperature, response.top_p, response.max_output_tokens) == (0.5, 0.9, 7)
    assert (response.metadata, response.user, response.background) == ({"case": "7"}, "u", True)
    assert (response.tools[0].type, response.parallel_tool_calls) == ("function", False)
    assert response.to_dict()["tool_choice"] == {"type": "function", "name": "look"}
    form = {"type": "json_schema", "name": "n", "description": None, "schema": schema, "strict": None}
    assert response.to_dict()["text"] == {"format": form}
    assert response.reasoning is not None
    assert response.reasoning.effort == "low"


def test_a_plain_request_is_shown_plain() -> None:
    """Nothing is made up."""
    response = a_response(ensemble=a_spec(1, name="one", strategy="single", layers=1))
    assert (response.instructions, response.previous_response_id, response.metadata) == (None, None, {})
    assert (response.tools, response.tool_choice, response.temperature) == ([], "auto", None)
    assert response.to_dict()["text"] == {"format": {"type": "text"}}


@pytest.mark.parametrize(("thinking", "effort"), [(False, "none"), (True, None)])
def test_thinking_that_is_only_on_or_off_has_no_other_effort(thinking: bool, effort: str | None) -> None:
    """Off is an effort of none."""
    reasoning = a_response(ensemble=sampled(a_spec(2), Sampling(thinking=thinking))).reasoning
    assert reasoning is not None
    assert reasoning.effort == effort


def test_any_json_object_is_a_form_too() -> None:
    """As it was asked for."""
    response = a_response(wanted=AnswerSpec(reply_format=ReplyFormat("json_object")))
    assert response.to_dict()["text"] == {"format": {"type": "json_object"}}


def test_tool_calls_follow_the_text() -> None:
    """An answer that only calls tools has no message."""
    call = ToolCall("c1", "look", "{}")
    assert [item.type for item in a_response(tool_calls=(call,)).output] == ["message", "function_call"]
    assert [item.type for item in a_response(text="", tool_calls=(call,)).output] == ["function_call"]


def test_one_that_is_under_way_has_no_output() -> None:
    """Nor any usage."""
    response = Response.model_validate(open_document(shown_of(a_record()), "r"))
    assert (response.status, response.output, response.usage) == ("in_progress", [], None)


@pytest.mark.parametrize(
    ("status", "code"), [(429, "rate_limit_exceeded"), (422, "invalid_prompt"), (502, "server_error")]
)
def test_one_that_failed_says_why_in_the_apis_words(status: int, code: str) -> None:
    """With what is known of the run."""
    record = a_record(state="failed", text=None)
    error = ApiError(status, "why", type="any")
    response = Response.model_validate(msgspec.to_builtins(failed_document(shown_of(record), record, (), error)))
    assert response.status == "failed"
    assert response.error is not None
    assert (response.error.code, response.error.message) == (code, "why")


def test_one_that_was_cancelled_has_no_error() -> None:
    """Somebody wanted that."""
    record = a_record(state="cancelled", text=None)
    error = ApiError(409, "the run was cancelled", type="any")
    response = Response.model_validate(msgspec.to_builtins(failed_document(shown_of(record), record, (), error)))
    assert (response.status, response.error) == ("cancelled", None)
