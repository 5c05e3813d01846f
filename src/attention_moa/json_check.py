"""Whether a text has the form that a caller asked for, and whether the form can be checked at all. Pure.

The schema is the caller's and the text a model's: neither may hang or crash the process. Patterns run in linear time,
references are followed within the schema alone, sizes are bounded, and the work is counted before it is done.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, cast

import msgspec

from attention_moa.errors import ConfigError, describe
from attention_moa.messages import ReplyFormat
from attention_moa.schema_cost import SchemaFaultError, places, require_no_circle, sizes_of, work

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MOST_SCHEMA_BYTES = 262_144
MOST_TEXT_BYTES = 4_194_304
_DEEPEST = 100
_MOST_PARTS = 10_000
_MOST_PATTERNS = 200
_MOST_STEPS = 200_000
_MOST_CHECKS = 20_000_000
_MOST_COPIED_BYTES = 30_000_000
_PATTERN_BYTES = 65_536
_LONGEST = 300
_MASK = "the value"
"""Stands in messages where the value would: it may be as long as the text."""
_UNCHECKED = ("$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems")
"""Keywords whose work cannot be told beforehand."""


def require_schema(wanted: ReplyFormat, *, key: str = "schema") -> None:
    """Make sure that replies can be checked against a format.

    Args:
        wanted: The format; one without a schema is always right.
        key: What the caller calls the field that holds the schema, for errors.

    Raises:
        ConfigError: The schema is none, is too large, or has something in it that is not checked.
    """
    if wanted.schema is None:
        if wanted.kind == "json_schema":
            raise ConfigError("json_schema needs a schema: write one, or ask for json_object", key=key)
        return
    try:
        _require_bounds(wanted.schema)
        _validator(wanted.schema)
    except SchemaFaultError as error:
        raise ConfigError(f"the schema cannot be used: {describe(error)}", key=key) from error


def check(text: str, wanted: ReplyFormat) -> str | None:
    """Return what is wrong with a text, one line that names the place; None where it has the form.

    Args:
        text: The whole text: no fence, nothing before or after the JSON.
        wanted: The form, its schema one that ``require_schema`` lets pass.
    """
    if len(text) > MOST_TEXT_BYTES:
        return f"it is longer than {MOST_TEXT_BYTES:,} characters"
    try:
        value: object = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {describe(error)}"
    if wanted.schema is None:
        return None if isinstance(value, dict) else f"it is not a JSON object but {_kind(value)}"
    try:
        return _fault(wanted.schema, value)
    except (SchemaFaultError, ValueError) as error:  # half of a character has no place in the checker
        return f"it cannot be checked: {describe(error)}"


def _fault(schema: dict[str, Any], value: object) -> str | None:
    effort = work(schema, value, sizes_of(value, _DEEPEST), _MOST_STEPS)
    if effort.checks > _MOST_CHECKS:
        raise SchemaFaultError(f"it takes more than {_MOST_CHECKS:,} checks")
    validator = _validator(schema)
    if effort.bytes > _MOST_COPIED_BYTES:
        return None if validator.is_valid(value) else "it does not follow the schema"
    return _first_fault(validator, value)


def _first_fault(validator: Validator, value: object) -> str | None:
    from jsonschema_rs import ValidationError

    try:
        validator.validate(value)
    except ValidationError as error:
        place = "".join(f"[{json.dumps(step, ensure_ascii=False)}]" for step in error.instance_path)
        return _short(f"at {place or 'the top'}: {error.message}")
    return None


def _require_bounds(schema: dict[str, Any]) -> None:
    try:
        size = len(msgspec.json.encode(schema))
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaFaultError(f"it is not JSON: {describe(error)}") from error
    if size > MOST_SCHEMA_BYTES:
        raise SchemaFaultError(f"it has {size:,} bytes, and may have {MOST_SCHEMA_BYTES:,}")
    sizes_of(schema, _DEEPEST)
    parts = places(schema, _MOST_PARTS)
    tables = [cast("dict[str, Any]", part) for part in parts if isinstance(part, dict)]
    for part in tables:
        _require_known(part, is_root=part is schema)
    patterns = sum(("pattern" in part) + len(part.get("patternProperties") or ()) for part in tables)
    if patterns > _MOST_PATTERNS:
        raise SchemaFaultError(f"it has {patterns} patterns, and may have {_MOST_PATTERNS}")
    require_no_circle(tables, schema)


def _require_known(part: dict[str, Any], *, is_root: bool) -> None:
    found = next((keyword for keyword in _UNCHECKED if keyword in part), None)
    if found is not None:
        raise SchemaFaultError(f"{found} is not checked: leave it out")
    if not is_root and ("$id" in part or isinstance(part.get("id"), str)):
        raise SchemaFaultError("$id within it changes what references mean: leave it out")


def _validator(schema: dict[str, Any]) -> Validator:
    import jsonschema_rs

    options = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=4 * _PATTERN_BYTES)
    try:
        return jsonschema_rs.validator_for(
            schema, offline=True, validate_formats=False, pattern_options=options, mask=_MASK
        )
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"[{json.dumps(step, ensure_ascii=False)}]" for step in error.instance_path)
        said = error.message.removesuffix('is not a "regex"')
        if said != error.message:
            said += "is no pattern, or one that takes too long: no look-around, no large repetition"
        raise SchemaFaultError(_short(f"at {place or 'the top'}: {said}")) from error
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaFaultError(_short(describe(error))) from error


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _kind(value: object) -> str:
    kinds: dict[type, str] = {list: "a list", str: "a text", bool: "a yes or no", type(None): "null"}
    return kinds.get(type(value), "a number")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
