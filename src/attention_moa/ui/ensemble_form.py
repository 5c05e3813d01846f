"""An ensemble's file as a form: a part for each of its tables, a field for each setting; and the file after a change.

The form shows what stands in the file, and beside it what holds where nothing does. What is changed in it is changed in
the file's text, of which all else stays as it was written: comments, order, lines. Pure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast

import tomlkit
from msgspec import NODEFAULT, Struct, inspect
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, String

from attention_moa.agents import AgentSpec
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.toml_specs import parse_toml

Kind: TypeAlias = Literal["text", "long", "whole", "number", "choice", "key", "toml"]

_LONG = {"role", "description"}
_HIDDEN = {"drawn", "name"}
_FIRST = ("name", "model", "api_key_env", "role", "base_url", "temperature", "max_tokens")
"""Settings of a model that are shown before the others, in this order."""


class Field(Struct, frozen=True, kw_only=True):
    """A setting.

    Args:
        name: As the file calls it.
        kind: How it is written: ``toml`` as in the file, ``choice`` as one of some, ``key`` as a variable's name.
        value: What stands in the file; empty where nothing does.
        default: What holds where nothing does; empty where it has to be told.
        choices: For ``choice``.
        is_first: Whether it is shown before the others of its part.
    """

    name: str
    kind: Kind
    value: str
    default: str
    choices: tuple[str, ...]
    is_first: bool


class Part(Struct, frozen=True, kw_only=True):
    """A table of the file.

    Args:
        at: Where it is: empty for the top, ``agents.0``, ``limits``.
        title: What it is called.
        fields: Its settings.
        is_set: Whether any of them stands in the file.
        agent: The agent's number, from 0; None for other tables.
    """

    at: str
    title: str
    fields: tuple[Field, ...]
    is_set: bool
    agent: int | None


def parts_of(text: str) -> tuple[Part, ...]:
    """Return the form of a file; nothing where it is not TOML.

    Args:
        text: The file.
    """
    try:
        document = parse_toml(text, name="the file", key="ensemble")
    except ConfigError:
        return ()
    return tuple(_parts(document))


def edited(text: str, at: str, told: Mapping[str, str]) -> str:
    """Return a file after a part of its form was changed.

    Args:
        text: The file.
        at: The part.
        told: The part's fields as they are now, by name; others are left out of account.

    Raises:
        ConfigError: A field cannot be what it is told to be.
    """
    part = next((part for part in parts_of(text) if part.at == at), None)
    if part is None:
        raise ConfigError("the file has no such part any more", key=at or None)
    wanted = {
        field.name: _value(field, at, said)
        for field in part.fields
        if (said := told.get(field.name, field.value).replace("\r\n", "\n")) != field.value
    }
    return _changed(text, at, wanted) if wanted else text


def with_agent(text: str, number: int | None = None) -> str:
    """Return a file with one agent more, at the end, or without one.

    Args:
        text: The file.
        number: The agent to leave out, from 0; None adds one: the last one's copy, under a name that is free.

    Raises:
        ConfigError: The file is not TOML, or has no such agent.
    """
    document = _opened(text)
    agents = _list(cast("dict[str, Any]", document).get("agents"))
    count = len(agents)
    if not count or (number is not None and not 0 <= number < count):
        raise ConfigError("the file has no such agent", key="agents")
    if number is not None:
        del agents[number]
        return tomlkit.dumps(document)
    last = cast("dict[str, Any]", agents[-1].unwrap())
    names = {agent.get("name") for agent in agents}
    table = tomlkit.table() if isinstance(agents, AoT) else tomlkit.inline_table()
    for name, value in last.items():
        table.add(name, value)
    table["name"] = next(name for n in range(count + 1, 99) if (name := f"agent-{n}") not in names)
    if isinstance(agents, AoT):
        table.add(tomlkit.nl())
        if not agents[-1].as_string().endswith("\n\n"):
            agents[-1].add(tomlkit.nl())
    cast("Any", agents).append(table)
    return tomlkit.dumps(document).rstrip("\n") + "\n"


def plainly(text: str) -> str:
    """Return a file for who may only look: without comments, addresses, names of keys and paths.

    Args:
        text: The file.
    """
    try:
        document = parse_toml(text, name="the file", key="ensemble")
    except ConfigError:
        return ""
    return tomlkit.dumps(cast("Any", _without(document)))


_OWNERS = {"base_url", "api_key_env", "extra_body", "folder"}


def _without(value: object) -> object:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        return {name: _without(one) for name, one in table.items() if name not in _OWNERS}
    if isinstance(value, list):
        return [_without(one) for one in cast("list[object]", value)]
    return value


def _parts(document: dict[str, Any]) -> Iterator[Part]:
    """Yield the parts of a document, as the spec has them."""
    kind = cast("inspect.StructType", inspect.type_info(EnsembleSpec))
    yield _part("", "Ensemble", kind, document)
    agents = _list(document.get("agents"))
    for index, one in enumerate(agents):
        agent_kind = cast("inspect.StructType", inspect.type_info(AgentSpec))
        agent = _table(one)
        yield _part(f"agents.{index}", str(agent.get("name", "")), agent_kind, agent, agent=index)
    for field in kind.fields:
        if isinstance(field.type, inspect.StructType) and field.encode_name not in _HIDDEN:
            title = field.encode_name.replace("_", " ").capitalize()
            yield _part(field.encode_name, title, field.type, _table(document.get(field.encode_name)))


def _part(at: str, title: str, kind: inspect.StructType, table: Mapping[str, Any], *, agent: int | None = None) -> Part:
    hidden = _HIDDEN if agent is None else set[str]()
    shown = [field for field in kind.fields if field.encode_name not in hidden and not _is_table(field.type)]
    shown.sort(key=lambda field: _FIRST.index(field.encode_name) if field.encode_name in _FIRST else len(_FIRST))
    fields = tuple(_field(field, table) for field in shown)
    is_set = any(field.value for field in fields)
    return Part(at=at, title=title, fields=fields, is_set=is_set, agent=agent)


def _is_table(kind: inspect.Type) -> bool:
    is_tables = isinstance(kind, inspect.VarTupleType) and isinstance(kind.item_type, inspect.StructType)
    return isinstance(kind, inspect.StructType) or is_tables


def _field(field: inspect.Field, table: Mapping[str, Any]) -> Field:
    name = field.encode_name
    kind, choices = _kind(name, field.type)
    default = "" if field.default is NODEFAULT or field.default is None else _written(field.default, kind)
    is_set = name in table
    is_first = name in _FIRST
    value = _written(table[name], kind) if is_set else ""
    return Field(name=name, kind=kind, value=value, default=default, choices=choices, is_first=is_first)


def _kind(name: str, kind: inspect.Type) -> tuple[Kind, tuple[str, ...]]:
    """Return how a setting is written."""
    if name == "api_key_env":
        return "key", ()
    parts = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    told = [part for part in parts if not isinstance(part, inspect.NoneType)]
    if len(told) != 1:
        return "toml", ()
    (one,) = told
    if isinstance(one, inspect.LiteralType):
        return "choice", tuple(str(value) for value in one.values)
    if isinstance(one, inspect.BoolType):
        return "choice", ("true", "false")
    if name in _LONG:
        return "long", ()
    return _plain_kind(one), ()


def _plain_kind(one: inspect.Type) -> Kind:
    for plain, words in _PLAIN:
        if isinstance(one, plain):
            return words
    return "toml"


_PLAIN: tuple[tuple[type[inspect.Type], Kind], ...] = (
    (inspect.StrType, "text"),
    (inspect.IntType, "whole"),
    (inspect.FloatType, "number"),
)


def _written(value: object, kind: Kind) -> str:
    """Return a value as its field has it."""
    if kind == "toml":
        return cast("Item", tomlkit.item(cast("Any", _unwrapped(value)))).as_string()
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _unwrapped(value: object) -> object:
    """Return a value as TOML writes it in one line."""
    if isinstance(value, (tuple, list)):
        return [_unwrapped(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        table: Any = tomlkit.inline_table()
        table.update({name: _unwrapped(one) for name, one in cast("dict[str, object]", value).items()})
        return table
    return value


def _value(field: Field, at: str, said: str) -> object:
    """Return what a field is told to be; None takes it out of the file."""
    if not said.strip():
        return None
    if field.kind in ("text", "long", "key") or (field.kind == "choice" and said not in ("true", "false")):
        return said.strip() if field.kind != "long" else said
    try:
        document = tomllib.loads(f"value = {said.strip()}")
    except tomllib.TOMLDecodeError:
        document = {}
    if set(document) != {"value"}:
        raise ConfigError(f"{said[:40]!r} is not right here: write {_WORDS[field.kind]}", key=_dotted(at, field.name))
    return document["value"]


_WORDS: Mapping[Kind, str] = {
    "whole": "a whole number",
    "number": "a number",
    "choice": "one of those that are listed",
    "toml": "it as in the file: text in quotes, lists in brackets",
}


def _changed(text: str, at: str, wanted: Mapping[str, object]) -> str:
    """Return a file with other settings in one of its tables."""
    document = _opened(text)
    table: Any = document
    name, _, number = at.partition(".")
    if name:
        if name not in document:
            document[name] = tomlkit.table()
        table = document[name]
    if number:
        table = table[int(number)]
    for key, value in wanted.items():
        if value is not None:
            table[key] = _text(value) if isinstance(value, str) else _unwrapped(value)
        elif key in table:
            del table[key]
    return tomlkit.dumps(document)


def _text(value: str) -> String:
    """Return a text as TOML has it: over several lines where it has several, unless it begins with an empty one."""
    return tomlkit.string(value, multiline="\n" in value and not value.startswith("\n"))


def _opened(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"the file is not TOML: {error}", key="ensemble") from error


def _list(value: object) -> list[Any]:
    found: list[Any] = cast("list[object]", value) if isinstance(value, list) else []
    return found


def _table(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _dotted(at: str, name: str) -> str:
    return f"{at}.{name}".lstrip(".")
