"""From a TOML text to a frozen spec.

Every fault becomes one line that names the field by its dotted path, the value, and what belongs there.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from attention_moa.errors import ConfigError

T = TypeVar("T")

_PLAIN: tuple[tuple[type[inspect.Type], str], ...] = (
    (inspect.BoolType, "true or false"),
    (inspect.StrType, "text in quotes"),
    (inspect.IntType, "a whole number"),
    (inspect.FloatType, "a number"),
)
_PLACE = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def read_toml(path: Path, *, key: str, missing: str) -> str:
    """Return the text of a file.

    Args:
        path: The file.
        key: What errors call it.
        missing: What to say where there is no such file.

    Raises:
        ConfigError: There is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(missing, key=key) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8: save the file as UTF-8", key=key) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{str(path)!r} cannot be read: {reason}", key=key) from error


def parse_toml(text: str, *, name: str, key: str) -> dict[str, Any]:
    """Return the document that a TOML text holds.

    Args:
        text: The file's content.
        name: What the file is called in errors.
        key: What kind of file it is, in errors.

    Raises:
        ConfigError: It is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not TOML: {error}", key=key) from error


def to_spec(document: Mapping[str, Any], kind: type[T], examples: Mapping[str, str]) -> T:
    """Return the spec that a document describes.

    Args:
        document: As TOML gave it.
        kind: The spec, a msgspec struct that checks itself when it is made.
        examples: How to write a field that is missing, by its name; others are shown as ``name = …``.

    Raises:
        ConfigError: A field is unknown, missing, of the wrong type or out of range.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _config_error(str(error), document, inspect.type_info(kind), examples) from error


def _config_error(
    message: str, document: Mapping[str, Any], spec: inspect.Type, examples: Mapping[str, str]
) -> ConfigError:
    """Return one line on a fault that msgspec found: the field, the value, what belongs there."""
    what, _, place = message.partition(" - at `$")
    steps = _PLACE.findall(place.rstrip("`"))
    at = "".join(f"[{index}]" if index else f".{name}" for name, index in steps).lstrip(".")
    kind, value = _look_up(document, spec, steps)
    if unknown := re.search(r"unknown field `(.*)`", what):
        known = [field.encode_name for field in kind.fields]
        close = difflib.get_close_matches(unknown[1], known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
        return ConfigError(f"no such field: {hint}", key=f"{at}.{unknown[1]}".lstrip("."))
    if missing := re.search(r"required field `(.*)`", what):
        example = examples.get(missing[1], f"{missing[1]} = …")
        return ConfigError(f"missing: add {example}", key=f"{at}.{missing[1]}".lstrip("."))
    shown = "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
    return ConfigError(f"{shown[:80]} is not right here: write {_expected(kind)}", key=at or None)


def _look_up(document: Mapping[str, Any], spec: inspect.Type, steps: list[tuple[str, str]]) -> tuple[Any, Any]:
    """Return the type that belongs at a place of the document, and the value that is there."""
    kind: Any = spec
    value: Any = document
    for name, index in steps:
        if index:
            kind, value = kind.item_type, value[int(index)]
        else:
            kind = next(field.type for field in kind.fields if field.encode_name == name)
            value = value[name]
        kind = _kind_of(value, kind)
    return kind, value


def _kind_of(value: object, kind: inspect.Type) -> inspect.Type:
    """Return the table or list that a place takes where it may also take other things; else the place's type."""
    parts = kind.types if isinstance(kind, inspect.UnionType) else ()
    if isinstance(value, dict):
        return next((part for part in parts if isinstance(part, inspect.StructType)), kind)
    if isinstance(value, list):
        return next((part for part in parts if isinstance(part, inspect.VarTupleType)), kind)
    return kind


def _expected(kind: inspect.Type) -> str:
    """Return what a type takes, in words."""
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_expected(part) for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(f'"{value}"' for value in kind.values)
    if isinstance(kind, inspect.VarTupleType):
        has_tables = isinstance(kind.item_type, inspect.StructType)
        return "[[…]] tables, with two brackets" if has_tables else "a list in brackets"
    return next((words for plain, words in _PLAIN if isinstance(kind, plain)), "a table")
