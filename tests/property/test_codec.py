"""Whatever a record or an event holds, it can be saved and read back equal."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.codec import event_from_json, event_to_json, record_from_json, record_to_json
from attention_moa.config import AttentionSpec, EnsembleSpec, StopRule
from attention_moa.errors import SchemaVersionError, StoreError
from attention_moa.events import Event
from attention_moa.records import SCHEMA_VERSION, RunRecord

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
shares = st.floats(0, 1)

LEAVES: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    int: st.integers(0, 2**40),
    float: st.floats(0, 1e9),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    type(None): st.none(),
    Any: json_values,
    object: json_values,
}


@st.composite
def ensembles(draw: st.DrawFn) -> EnsembleSpec:
    """Return ensembles that pass their own checks, with settings of every kind."""
    names = draw(st.lists(st.from_regex(r"[a-q][a-z0-9._-]{0,5}", fullmatch=True), min_size=1, max_size=3, unique=True))
    texts = st.none() | st.text(max_size=8)
    agents = [
        AgentSpec(
            name=name,
            model=f"test:{draw(st.text(min_size=1, max_size=5))}",
            role=draw(texts),
            temperature=draw(st.none() | shares),
            max_tokens=draw(st.none() | st.integers(1, 10**6)),
            stop=draw(st.none() | st.tuples(st.text(max_size=3))),
            thinking=draw(st.sampled_from((None, True, False, "low", "high"))),
            extra_body=draw(st.none() | st.dictionaries(st.text(max_size=4), json_values, max_size=2)),
            has_images=draw(st.booleans()),
        )
        for name in names
    ]
    return EnsembleSpec(
        agents=tuple(agents),
        name=draw(st.text(max_size=8)),
        layers=draw(st.integers(1, 64)),
        layout=draw(st.sampled_from(("continue", "paper", "compact"))),
        seed=draw(st.integers(-(2**40), 2**40)),
        summary=WriterSpec(
            model=draw(st.sampled_from(("", names[0]))), fallback=draw(st.sampled_from(((), (names[0],))))
        ),
        residual=ResidualSpec(history=draw(st.sampled_from(("outputs", "summaries")))),
        attention=AttentionSpec(own=draw(st.booleans()), peers=draw(st.sampled_from(("all", 0)))),
        early_stop=StopRule(threshold=draw(shares)),
    )


def made(kind: object) -> st.SearchStrategy[Any]:
    """Return values of a type as our structs annotate it."""
    if kind is EnsembleSpec:
        return ensembles()
    if kind in LEAVES:
        return LEAVES[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        return st.builds(kind, **{field.name: made(field.type) for field in fields})
    return _generic(get_origin(kind), get_args(kind))


def _generic(origin: object, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(made, arguments))
    if origin is tuple and arguments[-1] is not ...:
        return st.tuples(*map(made, arguments))
    if origin is tuple:
        return st.lists(made(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(made(arguments[0]), made(arguments[1]), max_size=2)
    raise AssertionError(f"no values for {origin}[{arguments}]")


records = made(RunRecord).map(lambda record: msgspec.structs.replace(record, schema_version=SCHEMA_VERSION))
events = made(Event)


@settings(max_examples=200)
@given(records, st.sampled_from((0, 2)))
def test_a_record_reads_back_equal(record: RunRecord, indent: int) -> None:
    """Every field of every part survives, in one line or indented."""
    document = record_to_json(record, indent=indent)
    assert record_from_json(document) == record
    assert record_from_json(document.decode()) == record


@given(events)
def test_an_event_reads_back_equal_and_is_one_line(event: Event) -> None:
    """Every kind of event survives, and none has a line end in it."""
    line = event_to_json(event)
    assert event_from_json(line) == event
    assert b"\n" not in line


@given(records, st.integers(SCHEMA_VERSION + 1, 10**6))
def test_a_newer_record_is_refused_by_name(record: RunRecord, version: int) -> None:
    """A record of the future is refused with its version, however well it could be read."""
    newer = msgspec.structs.replace(record, schema_version=version)
    with pytest.raises(SchemaVersionError, match=str(version)):
        record_from_json(record_to_json(newer))


@given(records, st.data())
def test_a_damaged_record_is_an_error_of_ours(record: RunRecord, data: st.DataObject) -> None:
    """A document that is cut or changed anywhere is either still a record or a ``StoreError``, never another error."""
    document = record_to_json(record)
    place = data.draw(st.integers(0, len(document) - 1))
    damage: Callable[[bytes], bytes] = data.draw(
        st.sampled_from(
            (
                lambda whole: whole[:place],
                lambda whole: whole[:place] + b"\xff" + whole[place:],
                lambda whole: whole[:place] + b"0" + whole[place + 1 :],
                lambda whole: whole[:place] + whole[place + 1 :],
            )
        )
    )
    try:
        found = record_from_json(damage(document))
    except StoreError:
        return
    assert isinstance(found, RunRecord)


@given(st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_record_is_an_error_of_ours(document: bytes) -> None:
    """Bytes and JSON of any kind are refused with a ``StoreError``."""
    with pytest.raises(StoreError):
        record_from_json(document)
    with pytest.raises(StoreError):
        event_from_json(document)
