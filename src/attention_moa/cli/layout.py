"""Text laid out in columns: tables, and lines folded to the width of a terminal. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from unicodedata import combining, east_asian_width

from attention_moa.cli.clean import one_line

_GAP = 2
_NARROWEST = 5
_NAME = 12
_WORDS = re.compile(r"\s+|\S+")
_NUMBER = re.compile(r"\d[\d,./]*( ?\S{0,2})( or more)?")
_PARTS = re.compile(r"\s+|[^\s/:-]+[/:-]*|[/:-]+")
"""Words, and the parts of names and addresses such as ``openrouter:qwen/qwen3-32b``."""


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide characters take two, accents none."""
    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text)


def fold(line: str, room: int | None) -> str:
    """Return a line broken between words where it is too long, each further line indented.

    A word that is too long for a line stays whole, so that an address can be copied.

    Args:
        line: One line.
        room: Most columns; None for any number.
    """
    if room is None or columns(line) <= room:
        return line
    return "\n".join(_filled(_WORDS.findall(line), room, indent="  "))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, room: int | None = None) -> list[str]:
    """Return rows in aligned columns, numbers to the right.

    Args:
        headings: One a column.
        rows: Cells of text, as many as there are headings.
        room: Most columns of the terminal: what is wider is folded within its column. None for any number.
    """
    cells = [[one_line(cell) for cell in row] for row in (headings, *rows)]
    natural = [max(columns(row[place]) for row in cells) for place in range(len(headings))]
    widths = natural if room is None else _narrowed(natural, room - _GAP * (len(headings) - 1))
    is_number = [_are_numbers([row[place] for row in cells[1:]]) for place in range(len(headings))]
    lines: list[str] = []
    for row in cells:
        folded = [_filled(_parts(cell, width), width) for cell, width in zip(row, widths, strict=True)]
        for place in range(max(map(len, folded))):
            parts = [cell[place] if place < len(cell) else "" for cell in folded]
            padded = [_padded(*part) for part in zip(parts, widths, is_number, strict=True)]
            lines.append((" " * _GAP).join(padded).rstrip())
    return lines


def fitted(
    cells: Sequence[Sequence[str]], room: int | None, *, gives_up: Iterable[str], names: Collection[str] = ()
) -> Sequence[Sequence[str]]:
    """Return the rows of a table without as many columns as it takes so that the rest has room, nothing of it broken.

    Args:
        cells: The rows, the headings first.
        room: Most columns of the terminal; None for any number.
        gives_up: The headings of the columns that may go, in the order in which they do.
        names: The headings of those that may be folded.
    """
    for heading in gives_up:
        if room is not None and _least(cells, names) > room:
            cells = without(heading, cells)
    return cells


def without(heading: str, cells: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """Return the rows of a table, the headings first, without a column; as they are where they do not have it."""
    return [[cell for cell, name in zip(row, cells[0], strict=True) if name != heading] for row in cells]


def _least(cells: Sequence[Sequence[str]], names: Collection[str]) -> int:
    """Return the columns of the terminal that a table takes at least."""
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    least = [min(width, _NAME) if cells[0][place] in names else width for place, width in enumerate(widths)]
    return sum(least) + _GAP * (len(least) - 1)


def _are_numbers(cells: Sequence[str]) -> bool:
    """Return whether a column is one of numbers, some of which may be unknown or not there."""
    return all(_NUMBER.fullmatch(cell) or cell in ("?", "-") for cell in cells) and cells.count("-") < len(cells)


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """Return widths of columns that fit the room, where they can: the widest gives way first."""
    narrowed = list(widths)
    while sum(narrowed) > room and max(narrowed) > _NARROWEST:
        narrowed[narrowed.index(max(narrowed))] -= 1
    return narrowed


def _padded(text: str, width: int, is_number: bool) -> str:
    space = " " * (width - columns(text))
    return space + text if is_number else text + space


def _parts(cell: str, width: int) -> list[str]:
    """Return the parts between which a cell may be broken; one that is too long is broken anywhere."""
    parts: list[str] = []
    for part in _PARTS.findall(cell):
        parts += [part] if columns(part) <= width else part
    return parts


def _filled(parts: Iterable[str], room: int, indent: str = "") -> list[str]:
    """Return lines filled with as many parts as fit; white space where a line is broken goes."""
    lines = [""]
    for part in parts:
        is_begun = lines[-1].strip() != ""
        if is_begun and columns(lines[-1] + part) > room:
            lines.append(indent)
            is_begun = False
        if is_begun or len(lines) == 1 or not part.isspace():
            lines[-1] += part
    return [line.rstrip() for line in lines]
