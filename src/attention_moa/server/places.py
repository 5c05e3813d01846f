"""What may stand at a place of a request: read off the structs that bodies are read into, so that both agree. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from msgspec import inspect

_STEPS = re.compile(r"\[(?:\d+|\.\.\.)\]|[^.\[\]]+")
_WORDS: tuple[tuple[type[inspect.Type], str], ...] = (
    (inspect.StrType, "a text"),
    (inspect.BoolType, "true or false"),
    (inspect.IntType, "a whole number"),
    (inspect.FloatType, "a number"),
    (inspect.ListType, "a list"),
    (inspect.StructType, "an object"),
    (inspect.DictType, "an object"),
)


def fields_at(kind: object, place: str) -> list[str]:
    """Return the names of all fields that an object at a place may have; none where no object may stand there.

    Args:
        kind: What the body is read into: a struct, or one of several.
        place: As msgspec writes it, without ``$``: ``messages[0].content``; empty for the body.
    """
    objects = [found for found in _found(kind, place) if isinstance(found, inspect.StructType)]
    tags = [found.tag_field for found in objects if found.tag_field is not None]
    names = [field.encode_name for found in objects for field in found.fields]
    return list(dict.fromkeys((*tags, *names)))


def values_at(kind: object, place: str) -> list[str]:
    """Return what may stand at a place that takes certain words: those words, and what else it takes, in plain words.

    Args:
        kind: What the body is read into: a struct, or one of several.
        place: As for ``fields_at``.
    """
    parts = [part for part in _found(kind, place) if not isinstance(part, inspect.NoneType)]
    named = [str(value) for part in parts if isinstance(part, inspect.LiteralType) for value in part.values]
    others = [words for part in parts for plain, words in _WORDS if isinstance(part, plain)]
    return list(dict.fromkeys((*_tags(kind, place), *named, *others)))


def range_at(kind: object, place: str) -> str | None:
    """Return which numbers may stand at a place, in plain words, both ends of them; None where no number may.

    Args:
        kind: What the body is read into: a struct, or one of several.
        place: As for ``fields_at``.
    """
    for part in _found(kind, place):
        if isinstance(part, (inspect.IntType, inspect.FloatType)):
            noun = "a whole number" if isinstance(part, inspect.IntType) else "a number"
            return f"{noun}{_ends(part)}"
    return None


def _ends(part: inspect.IntType | inspect.FloatType) -> str:
    if part.gt is not None:
        return f" above {part.gt:g}"
    if part.ge is None:
        return ""
    return f" from {_plain(part.ge)} up" if part.le is None else f" from {_plain(part.ge)} to {_plain(part.le)}"


def _plain(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _tags(kind: object, place: str) -> Iterator[str]:
    """Yield the words by which the object is told apart that a place is the tag of."""
    above, _, last = place.rpartition(".")
    for found in _found(kind, above):
        if isinstance(found, inspect.StructType) and found.tag_field == last:
            yield str(found.tag)


def _found(kind: object, place: str) -> list[inspect.Type]:
    """Return each type that may stand at a place, whichever way leads there."""
    kinds = list(_parts(_type_of(kind)))
    for step in _STEPS.findall(place):
        kinds = [part for above in kinds for below in _below(above, step) for part in _parts(below)]
    return kinds


def _below(above: inspect.Type, step: str) -> list[inspect.Type]:
    if isinstance(above, inspect.StructType):
        return [field.type for field in above.fields if field.encode_name == step]
    if isinstance(above, inspect.ListType) and step.startswith("["):
        return [above.item_type]
    return [above.value_type] if isinstance(above, inspect.DictType) and step.startswith("[") else []


def _parts(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        for part in kind.types:
            yield from _parts(part)
    elif isinstance(kind, inspect.Metadata):
        yield from _parts(kind.type)
    else:
        yield kind


@cache
def _type_of(kind: object) -> inspect.Type:
    return inspect.type_info(kind)
