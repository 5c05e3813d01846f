"""What is written reads back equal; what is no record is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.codec import event_from_json, event_to_json, record_from_json, record_to_json
from attention_moa.config import AttentionSpec, StopRule
from attention_moa.errors import CallError, QuorumError, RateLimitError, SchemaVersionError, ServerError, StoreError
from attention_moa.messages import ImagePart, Message, TextPart, ToolCall, assistant, system, user
from tests.worlds import World, a_spec, in_turn

RICH = World(
    a_spec(
        [
            AgentSpec(name="a", model="test:a", role="You doubt.", temperature=0.5, stop=("END",), thinking="low"),
            AgentSpec(name="b", model="test:b", extra_body={"top_k": 5, "list": [1, None, {"x": "ü"}]}),
            AgentSpec(name="c", model="test:c", has_images=False, has_system_role=False),
        ],
        attention=AttentionSpec(mode="panel"),
        early_stop=StopRule(rule="similarity", threshold=0.99),
    ),
    {
        "1.answer.a": in_turn(RateLimitError("slow down", retry_after_s=2.0), "fine"),
        "2.answer.b": CallError("broken"),
        "2.summary.a": ServerError("down", retryable=False),
    },
    conversation=(
        system("Be brief."),
        user("What is this?"),
        Message("assistant", (), None, (ToolCall("t1", "look", '{"at": 1}'),)),
        Message("tool", (TextPart("a cat\u2028 and a \U0001f408"),), None, (), "t1"),
        assistant("A cat."),
        Message("user", (TextPart("And this?"), ImagePart(media_type="image/png", data=b"\x00\xff")), "ann"),
    ),
    has_deltas=True,
)
RECORD = RICH.run()


def changed(**fields: Any) -> str:
    """Return the record's JSON with some fields set."""
    return json.dumps(json.loads(record_to_json(RECORD)) | fields)


@pytest.mark.parametrize("indent", [0, 2])
def test_a_record_reads_back_equal(indent: int) -> None:
    """Losses, stand-ins, images, tools and settings included."""
    assert RECORD.losses
    assert RECORD.degraded
    document = record_to_json(RECORD, indent=indent)
    assert record_from_json(document) == RECORD
    assert record_from_json(document.decode()) == RECORD
    assert (document.count(b"\n") > 0) == (indent > 0)


def test_a_record_of_before_tools_and_formats_reads_as_it_always_did() -> None:
    """What it does not hold is what it was then: no tools, any text, one answer, nobody's."""
    fields = json.loads(record_to_json(RECORD))
    for field in ("wanted", "tool_calls", "finish_reason", "choices", "owner", "labels"):
        del fields[field]
    for call in fields["calls"]:
        for field in ("tools", "reply_format", "tool_calls"):
            del call[field]
    for layer in fields["layers"]:
        for part in (*layer["answers"].values(), layer["summary"], layer["residual"] or {}):
            part.pop("tool_calls", None)
    assert record_from_json(json.dumps(fields)) == replace(RECORD, finish_reason=None)


def test_a_partial_record_reads_back_equal() -> None:
    """The record of a failed run is a record."""
    world = World(script={"answer": ServerError("down", retryable=False)})
    with pytest.raises(QuorumError, match="down"):
        world.run()
    assert record_from_json(record_to_json(world.record)) == world.record


def test_every_event_reads_back_equal() -> None:
    """One line each, without a line end."""
    kinds = {type(event).__name__ for event in RICH.events}
    assert kinds >= {"RunStarted", "CallDelta", "CallRetried", "CallLost", "ResultLost", "Degraded", "RunFinished"}
    for event in RICH.events:
        line = event_to_json(event)
        assert b"\n" not in line
        assert event_from_json(line) == event


def test_a_record_of_the_future_is_refused() -> None:
    """Half understood is not read."""
    with pytest.raises(SchemaVersionError, match=r"version 2.*up to 1: upgrade"):
        record_from_json(changed(schema_version=2, new_field="?"))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "not a run record"),
        ("{", "not a run record"),
        ("[]", r"Expected `object`"),
        ("{}", "it has no schema_version"),
        ('{"schema_version": "one"}', "schema_version"),
        ('{"schema_version": 1}', "run_id"),
        (b'{"schema_version": 1, "run_id": "\xff"}', "not a run record"),
        ('{"schema_version": 1, "run_id": ' + "[" * 100_000, "not a run record"),
        (changed(state="lost"), "state"),
        (changed(ensemble={"agents": [{"name": "a", "model": "test:a"}], "layers": 0}), "layers: 0 is not from 1"),
        (changed(ensemble={"agents": [{"name": "a", "model": "test:a"}], "rounds": 3}), "rounds"),
    ],
)
def test_what_is_no_record_is_a_store_error_that_names_the_field(document: str | bytes, reason: str) -> None:
    """A broken file is told from one of the future."""
    with pytest.raises(StoreError, match=reason) as caught:
        record_from_json(document)
    assert not isinstance(caught.value, SchemaVersionError)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "not an event"),
        ("{}", "event"),
        (b'{"event": "\xff"}', "not an event"),
        ('{"event": "no_such_thing"}', "no_such_thing"),
        ('{"event": "run_started"}', "run_id"),
    ],
)
def test_what_is_no_event_is_a_store_error(line: str | bytes, reason: str) -> None:
    """The text names the field."""
    with pytest.raises(StoreError, match=reason):
        event_from_json(line)
