"""How much work it is to check a value against a JSON schema: bounded here, so that no schema can stop the process.

A few lines of schema can ask for more checks than there are atoms: two references to the next definition, forty times
over, are 2 to the power of 40. Nobody finds out by trying, so it is counted first, each pair of schema and value once.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias, cast
from urllib.parse import unquote

Json: TypeAlias = object

_SINGLE = ("not", "if", "then", "else")
_LISTS = ("allOf", "anyOf", "oneOf")
_HERE = frozenset((*_SINGLE, *_LISTS, "$ref", "dependentSchemas", "dependencies"))
_OF_PARTS = ("items", "additionalItems", "additionalProperties", "contains", "propertyNames")
_TABLES = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
CIRCLE = "a part of it refers to itself, and to nothing else"
_PATTERN_WORK = 70
"""What a byte costs that a pattern looks at, in checks: the largest program that a pattern may be, at its slowest."""


class SchemaFaultError(ValueError):
    """A schema, or a value to be checked, that is not checked at all; the text says why."""


class Work(NamedTuple):
    """What a check may take.

    Args:
        checks: How often a keyword is looked at, if nothing is left out.
        bytes: How much of the value is copied, if each of them fails and says so.
    """

    checks: int
    bytes: int


def places(schema: Json, most: int) -> list[Json]:
    """Return all schemas within a schema, itself the first; each once.

    Args:
        schema: Any JSON value; what stands where a schema should is returned too.
        most: How many may be there.

    Raises:
        SchemaFaultError: There are more, or a reference leads nowhere.
    """
    found: list[Json] = []
    seen: set[int] = set()
    left: list[Json] = [schema]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found.append(one)
        if len(found) > most:
            raise SchemaFaultError(f"it has more than {most:,} parts")
        if isinstance(one, dict):
            left.extend(_within(cast("dict[str, Json]", one), schema))
    return found


def _within(schema: dict[str, Json], root: Json) -> Iterator[Json]:
    yield from here(schema, root)
    yield from (schema[key] for key in _OF_PARTS if isinstance(schema.get(key), (dict, bool)))
    for key in ("items", "prefixItems"):
        yield from _listed(schema, key)
    for key in _TABLES:
        yield from (part for part in _table(schema, key).values() if isinstance(part, (dict, bool)))


def here(schema: dict[str, Json], root: Json) -> Iterator[Json]:
    """Yield the schemas that a value must be checked against too where it is checked against a schema.

    Args:
        schema: The schema.
        root: The whole one, that references are looked up in.

    Raises:
        SchemaFaultError: A reference leads nowhere.
    """
    yield from (schema[key] for key in _SINGLE if isinstance(schema.get(key), (dict, bool)))
    for key in _LISTS:
        yield from _listed(schema, key)
    for key in ("dependentSchemas", "dependencies"):
        yield from (part for part in _table(schema, key).values() if isinstance(part, (dict, bool)))
    if isinstance(reference := schema.get("$ref"), str):
        yield resolved(reference, root)


def resolved(reference: str, root: Json) -> Json:
    """Return what a reference within a schema leads to.

    Raises:
        SchemaFaultError: It leads elsewhere, or nowhere.

    Source: RFC 6901.
    """
    if reference != "#" and not reference.startswith("#/"):
        raise SchemaFaultError(f"$ref {reference!r} leads out of the schema: only #/… is followed")
    found = root
    for part in reference.split("/")[1:]:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = cast("dict[str, Json]", found)[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(cast("list[Json]", found)):
            found = cast("list[Json]", found)[int(key)]
        else:
            raise SchemaFaultError(f"$ref {reference!r} leads nowhere")
    return found


def require_no_circle(schemas: Sequence[Json], root: Json) -> None:
    """Raise a ``SchemaFaultError`` where a value would have to be checked against a schema before it can be.

    Args:
        schemas: As ``places`` gives them.
        root: The whole schema.
    """
    is_done: dict[int, bool] = {}
    for start in schemas:
        open_: list[tuple[Json, Iterator[Json]]] = [(start, iter([start]))]
        while open_:
            one, rest = open_[-1]
            found = next(rest, None)
            if found is None:
                is_done[id(one)] = True
                open_.pop()
            elif isinstance(found, dict) and not is_done.get(id(cast("Json", found)), False):
                table = cast("dict[str, Json]", found)
                if id(table) in is_done:
                    raise SchemaFaultError(CIRCLE)
                is_done[id(table)] = False
                open_.append((table, here(table, root)))


def work(schema: Json, value: Json, sizes: dict[int, int], most: int) -> Work:
    """Return how much work a check is at most.

    Args:
        schema: Any.
        value: What is checked.
        sizes: Of each part of the value, as ``sizes_of`` gives them.
        most: How many pairs of schema and value may be looked at to find out.

    Raises:
        SchemaFaultError: There are more of them, or the schema has a circle.
    """
    known: dict[tuple[int, int], Work | None] = {}
    open_: list[_Frame] = [_Frame(schema, value, schema, sizes)]
    steps = 0
    while True:
        frame = open_[-1]
        pair = next(frame.rest, None)
        if pair is None:
            known[frame.key] = frame.sum
            open_.pop()
            if not open_:
                return frame.sum
            open_[-1].add(frame.sum)
            continue
        key = (id(pair[0]), id(pair[1]))
        if _is_plain(*pair):
            frame.add(_own_work(pair[0], pair[1], sizes))
        elif key not in known:
            known[key] = None
            open_.append(_Frame(pair[0], pair[1], schema, sizes))
        elif (found := known[key]) is None:
            raise SchemaFaultError(CIRCLE)
        else:
            frame.add(found)
        steps += 1
        if steps > most:
            raise SchemaFaultError(f"it takes more than {most:,} steps to check")


class _Frame:
    """A pair of schema and value whose work is being added up."""

    def __init__(self, schema: Json, value: Json, root: Json, sizes: dict[int, int]) -> None:
        self.key = (id(schema), id(value))
        self.sum = _own_work(schema, value, sizes)
        table = cast("dict[str, Json]", schema) if isinstance(schema, dict) else {}
        self.rest = _pairs(table, value, root)

    def add(self, part: Work) -> None:
        self.sum = Work(self.sum.checks + part.checks, self.sum.bytes + part.bytes)


def _is_plain(schema: Json, value: Json) -> bool:
    """Return whether a pair leads to no other."""
    if isinstance(value, (dict, list)):
        return False
    return not isinstance(schema, dict) or _HERE.isdisjoint(cast("dict[str, Json]", schema))


def _own_work(schema: Json, value: Json, sizes: dict[int, int]) -> Work:
    if not isinstance(schema, dict):
        return Work(1, 0)
    table = cast("dict[str, Json]", schema)
    return Work(_checks(table, value), (1 + len(table)) * sizes.get(id(value), 0))


def _checks(schema: dict[str, Json], value: Json) -> int:
    looks = 1 + len(schema)
    looks += sum(len(_listed(schema, key)) for key in ("enum", "required"))
    if isinstance(value, str):
        return looks + (_PATTERN_WORK * len(value) if "pattern" in schema else 0)
    if isinstance(value, dict):
        names = sum(map(len, cast("dict[str, Json]", value)))
        return looks + _PATTERN_WORK * names * len(_table(schema, "patternProperties"))
    return looks + (len(cast("list[Json]", value)) if isinstance(value, list) else 0)


def _pairs(schema: dict[str, Json], value: Json, root: Json) -> Iterator[tuple[Json, Json]]:
    yield from ((one, value) for one in here(schema, root))
    if isinstance(value, dict):
        yield from _pairs_of_fields(schema, cast("dict[str, Json]", value))
    elif isinstance(value, list):
        yield from _pairs_of_items(schema, cast("list[Json]", value))


def _pairs_of_fields(schema: dict[str, Json], value: dict[str, Json]) -> Iterator[tuple[Json, Json]]:
    properties = _table(schema, "properties")
    yield from ((properties[key], part) for key, part in value.items() if key in properties)
    for one in (*_table(schema, "patternProperties").values(), schema.get("additionalProperties", True)):
        yield from ((one, part) for part in value.values() if isinstance(one, dict))
    names = schema.get("propertyNames", True)
    yield from ((names, key) for key in value if isinstance(names, dict))


def _pairs_of_items(schema: dict[str, Json], value: list[Json]) -> Iterator[tuple[Json, Json]]:
    for key in ("prefixItems", "items"):
        yield from zip(_listed(schema, key), value, strict=False)
    for key in ("items", "additionalItems", "contains"):
        one = schema.get(key)
        yield from ((one, part) for part in value if isinstance(one, dict))


def sizes_of(value: Json, deepest: int) -> dict[int, int]:
    """Return about how many bytes each part of a value takes as JSON, by the part's ``id``.

    Raises:
        SchemaFaultError: It is nested deeper than that.
    """
    order: list[tuple[Json, int]] = [(value, 1)]
    for part, depth in order:  # it grows meanwhile
        if depth > deepest:
            raise SchemaFaultError(f"it is nested deeper than {deepest} levels")
        order.extend((one, depth + 1) for one in _parts(part))
    sizes: dict[int, int] = {}
    for part, _ in reversed(order):
        sizes[id(part)] = _own_size(part) + sum(sizes[id(one)] for one in _parts(part))
    return sizes


def _own_size(value: Json) -> int:
    if isinstance(value, dict):
        return 8 + sum(map(len, cast("dict[str, Json]", value)))
    return len(value) if isinstance(value, str) else 8


def _parts(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(cast("dict[str, Json]", value).values())
    return cast("list[Json]", value) if isinstance(value, list) else []


def _listed(schema: dict[str, Json], key: str) -> list[Json]:
    found = schema.get(key)
    return cast("list[Json]", found) if isinstance(found, list) else []


def _table(schema: dict[str, Json], key: str) -> dict[str, Json]:
    found = schema.get(key)
    return cast("dict[str, Json]", found) if isinstance(found, dict) else {}
