"""Whether a text has the form that was asked for; and no form, however hostile, hangs or crashes whoever checks it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attention_moa.errors import ConfigError
from attention_moa.json_check import MOST_SCHEMA_BYTES, MOST_TEXT_BYTES, check, require_schema
from attention_moa.messages import ReplyFormat

ANY_OBJECT = ReplyFormat("json_object")
PERSON = {
    "$defs": {"age": {"type": "integer", "minimum": 0}},
    "type": "object",
    "properties": {"name": {"type": "string"}, "ages": {"type": "array", "items": {"$ref": "#/$defs/age"}}},
    "required": ["name"],
    "additionalProperties": False,
}


def form(schema: Any) -> ReplyFormat:
    """Return a format with a schema."""
    return ReplyFormat("json_schema", "x", schema=schema)


def nested(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def doubling(times: int) -> dict[str, Any]:
    """Return a schema that looks twice at the next one, so many times over."""
    steps: dict[str, Any] = {f"s{n}": {"anyOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(times)}
    for step in steps.values():
        step["anyOf"] = [dict(one) for one in step["anyOf"]]
    return {"$defs": steps | {f"s{times}": {"type": "null"}}, "$ref": "#/$defs/s0"}


@pytest.mark.parametrize("text", ["{}", ' {"a": [1]}\n', '{"a": 1, "a": 2}'])
def test_any_object_is_a_json_object(text: str) -> None:
    """White space around it does no harm."""
    assert check(text, ANY_OBJECT) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("```json\n{}\n```", "it is not JSON: Expecting value"),
        ('{"a": 1', "it is not JSON: Expecting ',' delimiter: line 1 column 8 (char 7)"),
        ("{} and more", "it is not JSON: Extra data"),
        ('{"a": NaN}', "it is not JSON: NaN is no number of JSON"),
        ("9" * 5000, "it is not JSON: Exceeds the limit"),
        ("[" * 100_000, "it is not JSON: maximum recursion depth exceeded"),
        ("[]", "it is not a JSON object but a list"),
        ('"x"', "it is not a JSON object but a text"),
        ("true", "it is not a JSON object but a yes or no"),
        ("null", "it is not a JSON object but null"),
        ("1.5", "it is not a JSON object but a number"),
        (" " * (MOST_TEXT_BYTES + 1), "it is longer than 4,194,304 characters"),
    ],
)
def test_what_is_no_json_object_is_told_so(text: str, why: str) -> None:
    """One line, with the place where there is one."""
    found = check(text, ANY_OBJECT)
    assert found is not None
    assert found.startswith(why)
    assert "\n" not in found


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"name": "Ann", "ages": [1, 2]}, None),
        ({"name": "Ann", "ages": [1, -2]}, 'at ["ages"][1]: the value is less than the minimum of 0'),
        ({"name": 3}, 'at ["name"]: the value is not of type "string"'),
        ({}, 'at the top: "name" is a required property'),
        ([], 'at the top: the value is not of type "object"'),
        ({"name": "", "é": 1}, "at the top: Additional properties are not allowed ('é' was unexpected)"),
    ],
)
def test_a_text_that_does_not_follow_a_schema_is_told_where(value: object, why: str | None) -> None:
    """The first fault, without the value: it may be long, and it is a model's."""
    require_schema(form(PERSON))
    assert check(json.dumps(value), form(PERSON)) == why


def test_a_long_reason_is_cut() -> None:
    """It goes into an error and into a prompt."""
    found = check('{"a": 1}', form({"required": ["x" * 500]}))
    assert found is not None
    assert len(found) == 300
    assert found.endswith("…")


def test_older_drafts_and_schemas_that_hold_themselves_are_fine() -> None:
    """As many tools write them."""
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}, {"type": "null"}]}
    require_schema(form(old))
    assert check('["a", 3]', form(old)) == 'at [1]: the value is not of type "null"'
    listed = {"anyOf": [{"type": "string"}, {"items": {"$ref": "#/anyOf/0"}}]}
    require_schema(form(listed))
    assert check('["a"]', form(listed)) is None
    tree = {"$id": "https://x/tree", "properties": {"left": {"$ref": "#"}, "v": {"type": "integer"}}}
    require_schema(form(tree))
    assert check('{"left": {"left": {"v": "x"}}}', form(tree)) == (
        'at ["left"]["left"]["v"]: the value is not of type "integer"'
    )


def test_a_format_without_a_schema_is_right_only_where_none_is_needed() -> None:
    """The error names the field as the caller calls it."""
    require_schema(ANY_OBJECT)
    with pytest.raises(ConfigError, match=r"^response_format: json_schema needs a schema") as caught:
        require_schema(ReplyFormat("json_schema"), key="response_format")
    assert caught.value.key == "response_format"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "strng"}, r'at \["type"\]: the value is not valid under any of the schemas'),
        ({"properties": 3}, r'at \["properties"\]: the value is not of type "object"'),
        ({"$ref": "#/$defs/a"}, r"\$ref '#/\$defs/a' leads nowhere"),
        ({"items": {"$ref": "#/items/1"}}, "leads nowhere"),
        ({"$ref": "http://127.0.0.1:9/x"}, "leads out of the schema"),
        ({"$ref": "file:///etc/passwd"}, "leads out of the schema"),
        ({"$ref": "#anchor", "$anchor": "anchor"}, "leads out of the schema"),
        ({"$schema": "http://127.0.0.1:9/x"}, "Unknown meta-schema"),
        ({"items": {"$id": "http://127.0.0.1:9/x"}}, r"\$id within it"),
        ({"items": {"id": "http://127.0.0.1:9/x"}}, r"\$id within it"),
        ({"items": {"unevaluatedProperties": False}}, "unevaluatedProperties is not checked: leave it out"),
        ({"$dynamicRef": "#"}, r"\$dynamicRef is not checked"),
        ({"$ref": "#"}, "a part of it refers to itself"),
        ({"allOf": [{"not": {"$ref": "#"}}]}, "a part of it refers to itself"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "a part of it refers to itself"),
        ({"pattern": "["}, "is no pattern, or one that takes too long"),
        ({"pattern": "^(?=a)"}, "is no pattern, or one that takes too long"),
        ({"items": {"pattern": "(a{1000}){1000}"}}, r'at \["items"\]\["pattern"\]: .* is no pattern'),
        ({"patternProperties": {f"x{n}": {} for n in range(201)}}, "it has 201 patterns, and may have 200"),
        ({"enum": ["x" * MOST_SCHEMA_BYTES]}, "it has 262,157 bytes, and may have 262,144"),
        ({"anyOf": [{"type": "null"} for _ in range(10_000)]}, "it has more than 10,000 parts"),
        ({"enum": nested(100)}, "it is nested deeper than 100 levels"),
        ({"enum": nested(5000)}, "it is not JSON: maximum recursion depth exceeded"),
        ({"const": object()}, "it is not JSON: Encoding objects of type object is unsupported"),
        ({"required": ["\ud800"]}, "it is not JSON: "),
        ({"properties": {"a": {"$ref": "#/properties/a/b"}}}, "leads nowhere"),
    ],
)
def test_a_schema_that_cannot_be_checked_against_is_an_error_that_says_why(schema: dict[str, Any], why: str) -> None:
    """Before anything is spent; and nothing is fetched, ever."""
    with pytest.raises(ConfigError, match=f"^schema: the schema cannot be used: .*{why}") as caught:
        require_schema(form(schema))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("schema", "text", "why"),
    [
        (doubling(60), "1", "it cannot be checked: it takes more than 20,000,000 checks"),
        (
            {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["b"]} for _ in range(2)]},
            '{"a":' * 80 + "1" + "}" * 80,
            "it cannot be checked: it takes more than 20,000,000 checks",
        ),
        ({"pattern": "(a|b)*a(a|b){250}c"}, f'"{"ab" * 150_000}"', "it cannot be checked: it takes more than"),
        ({"allOf": [{"$ref": "#"}]}, "1", "it cannot be checked: a part of it refers to itself"),
        ({"$ref": "http://127.0.0.1:9/x"}, "1", "it cannot be checked: $ref"),
        ({}, "[" * 500 + "]" * 500, "it cannot be checked: it is nested deeper than 100 levels"),
        ({"type": "string", "pattern": "a"}, '"\\ud800"', "it cannot be checked: 'utf-8' codec can't encode"),
        ({"items": {"items": {"type": "null"}}}, json.dumps([[1, 2, 3]] * 300), "at [0][0]: "),
        ({"enum": nested(2000)}, "1", "it cannot be checked: Recursion limit reached"),
        (
            {"anyOf": [{"type": "string", "minLength": n} for n in range(1000)]},
            json.dumps(["x" * 1000] * 1000),
            "it does not follow the schema",
        ),
    ],
)
def test_a_hostile_pair_of_schema_and_text_comes_to_an_end(schema: dict[str, Any], text: str, why: str) -> None:
    """Work is counted before it is done: what would take too long is told, not tried."""
    found = check(text, form(schema))
    assert found is not None
    assert found.startswith(why)


def test_a_large_honest_reply_is_checked() -> None:
    """A thousand rows; and one wrong row among them is found."""
    row = {"type": "object", "properties": {"name": {"type": "string"}, "tags": {"items": {"type": "string"}}}}
    schema = {"type": "object", "properties": {"rows": {"items": {"$ref": "#/$defs/row"}}}, "$defs": {"row": row}}
    rows: list[dict[str, Any]] = [{"name": f"n{n}", "tags": ["a", "b"]} for n in range(1_000)]
    assert check(json.dumps({"rows": rows}), form(schema)) is None
    rows[999]["tags"] = [1]
    assert check(json.dumps({"rows": rows}), form(schema)) == (
        'at ["rows"][999]["tags"][0]: the value is not of type "string"'
    )
