"""The smallest value that follows a JSON schema, as simulated models write it where a form is asked for."""

from __future__ import annotations

import json
import math
from random import Random
from typing import TypeAlias, cast

from attention_moa.fleet.texts import write_word

Schema: TypeAlias = object
_DEEPEST = 40
_MOST_PARTS = 10_000
_MOST_ITEMS = 100
_MOST_CHARACTERS = 10_000


def write_instance(words: Random, schema: Schema) -> str:
    """Return a small value that follows a schema, as JSON in ASCII; with patterns and the like it may miss.

    Args:
        words: Draws the words that texts in it are made of.
        schema: A JSON schema; one that makes no sense gives null.
    """
    return json.dumps(_Writer(words, schema).value(schema, _DEEPEST))


class _Writer:
    """Writes values for the parts of one schema."""

    def __init__(self, words: Random, root: Schema) -> None:
        self._words = words
        self._root = root
        self._left = _MOST_PARTS

    def value(self, schema: Schema, depth: int) -> object:
        """Return a value for a part of the schema; null where it goes on without end."""
        if not isinstance(schema, dict) or depth == 0 or self._left <= 0:
            return None
        told = self._flat(cast("dict[str, Schema]", schema), depth)
        if "const" in told:
            return told["const"]
        if choices := _listed(told, "enum"):
            return choices[0]
        return self._of_kind(_kind(told), told, depth - 1)

    def _of_kind(self, kind: str, schema: dict[str, Schema], depth: int) -> object:
        if kind in {"object", "array"}:
            return self._object(schema, depth) if kind == "object" else self._array(schema, depth)
        if kind in {"integer", "number"}:
            return _number(schema)
        return {"string": self._string(schema), "boolean": False}.get(kind)

    def _flat(self, schema: dict[str, Schema], depth: int) -> dict[str, Schema]:
        """Return a schema with what it refers to, all that it must be, and the first that it may be."""
        self._left -= 1
        flat = dict(schema)
        reference = schema.get("$ref")
        parts = [self._found(reference)] if isinstance(reference, str) else []
        parts += _listed(schema, "allOf") + _listed(schema, "anyOf")[:1] + _listed(schema, "oneOf")[:1]
        for part in parts:
            if isinstance(part, dict) and depth > 0 and self._left > 0:
                more = self._flat(cast("dict[str, Schema]", part), depth - 1)
                flat = {**more, **flat, **_merged(flat, more)}
        return flat

    def _found(self, reference: str) -> Schema:
        found = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part and isinstance(found, dict):
                found = cast("dict[str, Schema]", found).get(part.replace("~1", "/").replace("~0", "~"))
        return found

    def _object(self, schema: dict[str, Schema], depth: int) -> dict[str, object]:
        properties = _table(schema, "properties")
        needed = [name for name in _listed(schema, "required") if isinstance(name, str)]
        return {name: self.value(properties.get(name, {"type": "null"}), depth) for name in needed}

    def _array(self, schema: dict[str, Schema], depth: int) -> list[object]:
        first = _listed(schema, "prefixItems")
        count = max(len(first), int(_bound(schema, "minItems", 0, most=_MOST_ITEMS)))
        return [self.value(first[at] if at < len(first) else schema.get("items", {}), depth) for at in range(count)]

    def _string(self, schema: dict[str, Schema]) -> str:
        least = int(_bound(schema, "minLength", 0, most=_MOST_CHARACTERS))
        most = int(_bound(schema, "maxLength", _MOST_CHARACTERS, most=_MOST_CHARACTERS))
        text = write_word(self._words)
        while len(text) < least:
            text += f" {write_word(self._words)}"
        return text[: max(most, least)]


def _number(schema: dict[str, Schema]) -> float:
    """Return the number next to 0 that is within the bounds."""
    highest = min(_bound(schema, "maximum", 0.0), _bound(schema, "exclusiveMaximum", 1.0) - 1)
    lowest = max(_bound(schema, "minimum", -math.inf), _bound(schema, "exclusiveMinimum", -math.inf) + 1)
    number, step = max(lowest, min(0.0, highest)), _bound(schema, "multipleOf", 0)
    if step > 0:
        number = math.ceil(number / step) * step
    return int(number) if float(number).is_integer() else number


def _kind(schema: dict[str, Schema]) -> str:
    kinds = _listed(schema, "type") or [schema.get("type")]
    if isinstance(kinds[0], str):
        return kinds[0]
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "null"


def _merged(one: dict[str, Schema], other: dict[str, Schema]) -> dict[str, Schema]:
    """Return the fields of two schemas that hold for both together."""
    merged: dict[str, Schema] = {}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**_table(one, "properties"), **_table(other, "properties")}
    if "required" in one and "required" in other:
        merged["required"] = [*_listed(one, "required"), *_listed(other, "required")]
    return merged


def _bound(schema: dict[str, Schema], key: str, default: float, *, most: float = 1e9) -> float:
    found = schema.get(key)
    return min(float(found), most) if isinstance(found, (int, float)) else min(default, most)


def _listed(schema: dict[str, Schema], key: str) -> list[Schema]:
    found = schema.get(key)
    return cast("list[Schema]", found) if isinstance(found, list) else []


def _table(schema: dict[str, Schema], key: str) -> dict[str, Schema]:
    found = schema.get(key)
    return cast("dict[str, Schema]", found) if isinstance(found, dict) else {}
