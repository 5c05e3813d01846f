"""How much work a check is, before it is done."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.schema_cost import SchemaFaultError, Work, places, sizes_of, work


def cost(schema: object, value: object, most: int = 1000) -> Work:
    """Return the work of a check."""
    return work(schema, value, sizes_of(value, 100), most)


def test_each_keyword_is_a_check_and_each_may_copy_the_value() -> None:
    """A value that is not looked at costs nothing; true and false cost one look."""
    assert cost(True, "x") == Work(1, 0)
    assert cost({}, "abc") == Work(1, 3)
    assert cost({"type": "string", "minLength": 1}, "abc") == Work(3, 9)
    assert cost({"properties": {"a": False}}, {"a": "x", "b": "y"}).checks == 3
    assert cost({"items": [True, {}]}, ["x", "y", "z"]).checks == cost({"items": []}, ["x", "y", "z"]).checks + 2


def test_what_is_looked_at_twice_costs_twice() -> None:
    """However the two ways to it are written."""
    shared: dict[str, Any] = {"$defs": {"a": {"minLength": 1}}, "allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}
    apart = {"$defs": {}, "allOf": [{"allOf": [{"minLength": 1}]}, {"allOf": [{"minLength": 1}]}]}
    assert cost(shared, "x") == cost(apart, "x")
    for keyword in ("anyOf", "oneOf"):
        assert cost({keyword: [{"not": {}}, {"not": {}}]}, "x") == cost({"allOf": [{"not": {}}, {"not": {}}]}, "x")


def test_names_and_patterns_and_choices_count() -> None:
    """A pattern by what it has to read, a list of choices by its length."""
    assert cost({"enum": [1, 2, 3]}, 4).checks - cost({"enum": []}, 4).checks == 3
    assert cost({"pattern": "x"}, "y" * 10).checks - cost({"title": "x"}, "y" * 10).checks == 700
    named = cost({"propertyNames": {"pattern": "x"}}, {"y" * 10: 1}).checks
    assert named - cost({"propertyNames": {"title": "x"}}, {"y" * 10: 1}).checks == 700
    assert cost({"patternProperties": {"a": {}}}, {"y" * 10: 1}).checks > 700
    assert cost({"dependencies": {"a": {"minLength": 1}, "b": ["c"]}}, {}).checks == 4


def test_counting_comes_to_an_end_itself() -> None:
    """After so many pairs, or where a schema leads back to itself."""
    with pytest.raises(SchemaFaultError, match="more than 100 steps"):
        cost({"items": {"items": {}}}, [[n] for n in range(60)], most=100)
    with pytest.raises(SchemaFaultError, match="refers to itself"):
        cost({"allOf": [{"anyOf": [{"$ref": "#"}]}]}, {})


def test_all_places_of_schemas_are_found_and_no_others() -> None:
    """What is only a value, such as a choice, is no schema."""
    schema = {
        "enum": [{"$ref": "#/nowhere"}],
        "default": {"not": {}},
        "properties": {"not": {"title": "a"}},
        "items": {"title": "b"},
        "additionalProperties": False,
        "if": {"title": "c"},
        "prefixItems": [{"title": "d"}],
        "dependencies": {"x": ["y"]},
    }
    found = places(schema, 100)
    titles = {one["title"] for one in found if isinstance(one, dict) and "title" in one}
    assert titles == {"a", "b", "c", "d"}
    assert len(found) == 6
