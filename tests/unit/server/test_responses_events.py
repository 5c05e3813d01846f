"""The events of a response that streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from attention_moa.events import AnswerDelta
from attention_moa.messages import ToolCall, ToolCallDelta
from attention_moa.records import RunRecord
from attention_moa.server.errors import ApiError
from attention_moa.server.responses_document import shown_of
from attention_moa.server.responses_events import ResponseEvents
from attention_moa.server.usage import RunBody, run_body
from tests.worlds import QUESTION, a_spec

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
CALLS = (ToolCall("c1", "look", '{"at": "sky"}'), ToolCall("c2", "wait", "{}"))


def a_record(**fields: Any) -> RunRecord:
    """Return a run that has ended."""
    told: dict[str, Any] = {"state": "finished", "text": "Blue.", "finish_reason": "stop"}
    return RunRecord(
        run_id="r",
        created_at="2026-01-01T00:00:00.000+00:00",
        ensemble=a_spec(2),
        conversation=QUESTION,
        **told | fields,
    )


def told(record: RunRecord, *steps: str | ToolCallDelta) -> list[dict[str, Any]]:
    """Return all events of a response: lines of progress begin with ``#``, all else are pieces of the answer."""
    events = ResponseEvents(shown_of(record), record.run_id)
    return [as_sent(event) for event in _told(events, record, steps)]


def as_sent(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as it goes over the wire and comes out of it."""
    sent: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
    return sent


def _told(events: ResponseEvents, record: RunRecord, steps: Iterable[str | ToolCallDelta]) -> Iterator[dict[str, Any]]:
    yield from events.opened()
    for step in steps:
        yield from (
            events.thought(step) if isinstance(step, str) and step.startswith("#") else events.pieces(delta(step))
        )
    yield from events.finished(record, happened(record))


def happened(record: RunRecord) -> RunBody:
    """Return what happened in a run."""
    return run_body([record], ignored=(), notes=(), plan=None)


def delta(step: str | ToolCallDelta) -> AnswerDelta:
    """Return a piece of an answer."""
    text, calls = (step, ()) if isinstance(step, str) else ("", (step,))
    return AnswerDelta(run_id="r", at_s=0.0, text=text, tool_calls=calls)


def kinds(events: Iterable[dict[str, Any]]) -> list[str]:
    """Return what the events are called, without what all names begin with."""
    return [event["type"].removeprefix("response.") for event in events]


def test_a_text_comes_in_the_order_in_which_clients_put_it_together() -> None:
    """The last event has the response whole."""
    events = told(a_record(), "Bl", "ue.")
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert Response.model_validate(events[-1]["response"]).output_text == "Blue."


@pytest.mark.parametrize(
    "steps", [["Blue."], ["B", "lue."], ["# begins\n", "# goes on\n", "Blue."], ["# begins\n"], []]
)
def test_every_event_is_one_that_the_official_client_knows_and_numbers_go_up_by_one(steps: list[str]) -> None:
    """Whatever is told before the answer, and also where nothing of it is told before its end."""
    events = told(a_record(), *steps)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [EVENT.validate_python(event).type for event in events] == [event["type"] for event in events]
    assert Response.model_validate(events[-1]["response"]).output_text == "Blue."


def test_tool_calls_come_in_pieces_and_end_whole() -> None:
    """Pieces of two calls may come by turns."""
    pieces = (
        ToolCallDelta(0, id="c1", name="look", arguments='{"at"'),
        ToolCallDelta(1, id="c2", name="wait"),
        ToolCallDelta(0, arguments=': "sky"}'),
        ToolCallDelta(1, arguments="{}"),
    )
    events = told(a_record(text="", tool_calls=CALLS, finish_reason="tool_calls"), *pieces)
    done = [event["arguments"] for event in events if event["type"].endswith("arguments.done")]
    items = [(item["call_id"], item["name"], item["arguments"]) for item in events[-1]["response"]["output"]]
    assert done == ['{"at": "sky"}', "{}"]
    assert items == [("c1", "look", '{"at": "sky"}'), ("c2", "wait", "{}")]
    assert events[-1]["type"] == "response.completed"


def test_tool_calls_of_which_nothing_was_told_come_at_the_end() -> None:
    """A run that stops early tells its answer whole."""
    events = told(a_record(text="Let me look.", tool_calls=CALLS, finish_reason="tool_calls"))
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message", "function_call", "function_call"]


def test_progress_is_a_summary_of_reasoning_that_ends_where_the_answer_begins() -> None:
    """Lines that come later are not told: the item is closed."""
    events = told(a_record(), "# begins\n", "# goes on\n", "Blue.", "# too late\n")
    (reasoning, message) = events[-1]["response"]["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "# begins\n# goes on\n"}]
    assert (message["type"], message["content"][0]["text"]) == ("message", "Blue.")
    names = kinds(events)
    assert names.index("reasoning_summary_text.done") < names.index("output_text.delta")


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_off_is_incomplete(finish: str, reason: str) -> None:
    """The response says why."""
    last = told(a_record(finish_reason=finish), "Blue.")[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}
    assert last["response"]["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("steps", "fields"),
    [(["Gr"], {}), ([CALLS[0]], {"text": "Blue."})],
)
def test_what_was_told_and_does_not_stand_is_an_error(steps: list[Any], fields: dict[str, Any]) -> None:
    """It cannot be taken back."""
    pieces = [ToolCallDelta(0, id=step.id) if isinstance(step, ToolCall) else step for step in steps]
    with pytest.raises(ApiError) as broke:
        told(a_record(**fields), *pieces)
    assert broke.value.code == "answer_broke_off"


def test_a_response_that_fails_says_why_and_keeps_what_was_told() -> None:
    """Its items are incomplete."""
    record = a_record(state="failed", text=None)
    events = ResponseEvents(shown_of(record), "r")
    error = ApiError(429, "too much", type="rate_limit_error", code="rate_limit_exceeded")
    all_told = [*events.opened(), *events.thought("# begins\n"), *events.pieces(delta("Bl"))]
    last = as_sent([*all_told, *events.failed(record, error)][-1])
    assert EVENT.validate_python(last).type == "response.failed"
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "too much"}
    assert [item["status"] for item in last["response"]["output"]] == ["completed", "incomplete"]


@given(st.lists(st.text(st.characters(exclude_characters="#"), min_size=1), max_size=8), st.text())
def test_joined_deltas_are_the_text_however_much_was_told_before_the_end(pieces: list[str], rest: str) -> None:
    """What was not told comes with the end."""
    text = "".join(pieces) + rest
    events = told(a_record(text=text), *pieces)
    assert "".join(event["delta"] for event in events if event["type"].endswith("output_text.delta")) == text
