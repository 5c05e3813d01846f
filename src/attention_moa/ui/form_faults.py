"""What is wrong with an ensemble's file, as who sees its form reads it: whose setting, which one, where. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from attention_moa.ui.ensemble_form import Part
from attention_moa.ui.names import plain_name

_AGENT = re.compile(r"agents(?:\[(\d{1,4})\]|\.(\d{1,4}))(?:\.(.*))?")
_HEADER = re.compile(r"\s*\[{1,2}\s*([\w.\s-]+?)\s*\]{1,2}\s*(?:#.*)?")


class Fault(NamedTuple):
    """Something that is wrong.

    Args:
        told: In a line: whose setting, which, what is wrong with it, and in which line of the file.
        message: What is wrong alone, for beside the field.
        field_id: The field of the form that is at fault; empty where it has none.
        part_id: The id of the folded part of the form that the field may be in; empty for none.
    """

    told: str
    message: str
    field_id: str
    part_id: str


def part_id(at: str) -> str:
    """Return the id of a part of the form."""
    return f"f-{(at or 'top').replace('.', '-')}"


def field_id(at: str, name: str) -> str:
    """Return the id of a field of the form."""
    return f"{part_id(at)}-{name}"


def fault_of(message: str, key: str | None, parts: Sequence[Part], text: str) -> Fault:
    """Return a fault as the form tells it.

    Args:
        message: One line; it may open with the key.
        key: The dotted name of the setting, as checks name it: ``agents[1].model``, ``limits.usd``; None for none.
        parts: The form.
        text: The file, whose lines are told.
    """
    if key is None:
        return Fault(message, message, "", "")
    what = message.removeprefix(f"{key}: ")
    at, name = _place(key)
    part = next((part for part in parts if part.at == at), None)
    field = None if part is None else next((field for field in part.fields if field.name == name), None)
    line = _line(text, at, name)
    where = "" if line is None else f" (line {line} of the file)"
    whose = _whose(part, at)
    told = ", ".join(said for said in (whose, name) if said)
    if part is None or field is None:
        return Fault(f"{f'{told}: ' if whose else message.removesuffix(what)}{what}{where}", what, "", "")
    return Fault(f"{told}: {what}{where}", what, field_id(at, name), part_id(at))


def _place(key: str) -> tuple[str, str]:
    """Return the part of the form that a setting is in, and its name there."""
    found = _AGENT.fullmatch(key)
    if found is not None:
        return f"agents.{found[1] or found[2]}", found[3] or ""
    at, _, name = key.rpartition(".")
    return at, name


def _whose(part: Part | None, at: str) -> str:
    """Return whose settings a part has; nothing for the ensemble's own."""
    if at.startswith("agents."):
        number = int(at.removeprefix("agents.")) + 1
        return f"agent {plain_name(part.title)}" if part is not None and part.title else f"agent {number}"
    return "" if part is None or not at else part.title.lower()


def _line(text: str, at: str, name: str) -> int | None:
    """Return the line in which a setting stands, else that in which its table begins; None where neither is found."""
    table, _, number = at.partition(".")
    here, seen, begins = table == "", -1, None
    for count, line in enumerate(text.split("\n"), 1):
        header = _HEADER.fullmatch(line)
        if header is not None:
            seen += header[1] == "agents"
            here = header[1] == table and (not number or seen == int(number))
            begins = count if here else begins
        elif here and name and re.match(rf"\s*{re.escape(name.partition('.')[0])}\s*=", line):
            return count
    return begins
