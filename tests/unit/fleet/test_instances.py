"""The smallest value that follows a schema."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from attention_moa.fleet.instances import write_instance
from attention_moa.json_check import check
from attention_moa.messages import ReplyFormat

TREE = {
    "$defs": {"node": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}},
    "allOf": [{"$ref": "#/$defs/node"}, {"required": ["kids"]}],
}


def written(schema: Any) -> Any:
    """Return what is written for a schema."""
    text = write_instance(Random(1), schema)
    assert text.isascii()
    return json.loads(text)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]},
        {"required": ["x"]},
        {"type": "string", "minLength": 50, "maxLength": 60},
        {"type": "string", "maxLength": 2},
        {"type": "integer", "minimum": 3},
        {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 5},
        {"type": "number", "maximum": -2},
        {"type": "number", "exclusiveMaximum": -2.5},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["integer", "null"]},
        {"enum": ["\u00e9", 1]},
        {"const": {"a": [1]}},
        {"type": "array", "minItems": 3, "items": {"type": "integer"}},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}]},
        {"items": {"type": "string"}},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"const": 1}, {"const": 2}]},
        {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}]},
        {
            "properties": {"a": {"type": "integer"}},
            "required": ["a"],
            "allOf": [{"properties": {"b": {"type": "boolean"}}, "required": ["b"]}],
        },
        {"$defs": {"a/b": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}, "required": ["x"]},
        TREE,
        {},
    ],
)
def test_what_is_written_follows_the_schema(schema: dict[str, Any]) -> None:
    """Whatever the ordinary keywords are; the checker is the one that answers are checked with."""
    assert check(json.dumps(written(schema)), ReplyFormat("json_schema", schema=schema)) is None


def test_words_are_drawn() -> None:
    """The same draw gives the same words."""
    texts = {write_instance(Random(seed), {"type": "string"}) for seed in range(20)}
    assert len(texts) > 3
    assert write_instance(Random(1), {"type": "string"}) == write_instance(Random(1), {"type": "string"})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$defs": {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 3} for n in range(60)}, "$ref": "#/$defs/s0"},
        {"type": "array", "minItems": 10**12, "items": {"type": "array", "minItems": 10**12, "items": {}}},
        {"type": "string", "minLength": 10**12},
        {"$ref": "#/nowhere"},
        {"type": []},
        {"type": "strange"},
        {"enum": []},
        True,
        3,
    ],
)
def test_a_schema_that_is_hostile_or_makes_no_sense_comes_to_an_end(schema: Any) -> None:
    """What is written for it then need not follow it."""
    assert len(write_instance(Random(1), schema)) < 200_000
