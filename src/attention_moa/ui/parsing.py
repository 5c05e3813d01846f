"""Markdown as tokens: CommonMark with tables, struck text and formulas, without HTML, in a time that grows as the text.

A text may not take what it likes: what is nested too deeply is shown as plain text, and so is what comes after the most
blocks, cells and signs that a text may have (``Room``). Nothing of a text is dropped, whatever Markdown says:
definitions of links are shown where they stand.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from functools import cache
from typing import Any, cast

import msgspec
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from attention_moa.ui.formula_rules import with_formulas

_MOST_LEVELS = 24
_MOST_COLUMNS = 200
_FIRST_ROWS = 16
_BAR = re.compile(r"(?<!\\)\|")
_LAST_BAR = re.compile(r"(?<!\\)\|\Z")
_SIGNS = "*_~`<&$!\\\n"


class Room(msgspec.Struct):
    """What a text may still take of what costs time or room.

    Args:
        blocks: Paragraphs, items and their kin.
        brackets: Opening brackets that may begin a link.
        signs: Other characters that mean something within a line.
        cells: Cells of tables.
        formula_characters: Characters of formulas that are read.
        colours: Pieces of code with a colour.
    """

    blocks: int = 10_000
    brackets: int = 10_000
    signs: int = 30_000
    cells: int = 20_000
    formula_characters: int = 50_000
    colours: int = 20_000


def parse(
    text: str, room: Room, references: MutableMapping[str, Any] | None = None, *, is_open: bool = False
) -> list[Token]:
    """Return a text's tokens.

    Args:
        text: Markdown; line feeds end its lines.
        room: What it may take; what it takes is gone from it.
        references: The definitions of links known before, to which the text's are added; None for none.
        is_open: Whether more of the text is to come: a formula that has not ended yet may then end later.
    """
    env: dict[str, Any] = {"room": room, "is_open": is_open, "references": {} if references is None else references}
    return _parser().parse(text, env)


class _Markdown(MarkdownIt):
    """Links are kept whatever they are: the writer says which can be followed, and shows the others."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the library's name and argument
        """Return that any will do."""
        return True

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - the library's name
        """Return an address as it was written: what looks like another letter shall not be made of a name's code."""
        return link


@cache
def _parser() -> MarkdownIt:
    made = _Markdown("commonmark", {"html": False, "maxNesting": 2 * _MOST_LEVELS})
    made.options["inline_definitions"] = True
    made.enable(["table", "strikethrough"])
    made.core.ruler.at("inline", _lines)
    made.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    made.block.ruler.before("table", "rest", _rest)
    return with_formulas(made)


def _lines(state: StateCore) -> None:
    """Find what stands in the lines of each block; of one whose signs are too many, nothing."""
    room = cast("Room", state.env["room"])
    for token in state.tokens:
        if token.type != "inline":
            continue
        room.brackets -= token.content.count("[")
        room.signs -= sum(token.content.count(sign) for sign in _SIGNS)
        if room.brackets >= 0 and room.signs >= 0:
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        else:
            token.children = [Token("text", "", 0, content=token.content)]


def _table(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """Find a table, unless it is wider than any that is read, or there is no room for it: then its lines are text."""
    if not table(state, line, end_line, True):
        return False
    room = cast("Room", state.env["room"])
    columns = _cells(state, line)
    rows = room.cells // columns
    if columns > _MOST_COLUMNS or rows < 2:
        return False
    if not silent:
        _write_table(state, line, min(end_line, line + 1 + rows), columns)
        room.cells -= (state.line - line) * columns
    return True


def _write_table(state: StateBlock, line: int, end_line: int, columns: int) -> None:
    """Make a table's tokens: it ends before a row with more cells than it has columns, which would be lost.

    More and more rows are tried, so that a table takes no more time than its rows do.
    """
    before = len(state.tokens)
    rows = _FIRST_ROWS
    while True:
        end = min(end_line, line + 2 + rows)
        table(state, line, end, False)
        wide = next((row for row in range(line + 2, state.line) if _cells(state, row) > columns), None)
        if wide is None and (state.line < end or end == end_line):
            return
        del state.tokens[before:]
        end_line = end_line if wide is None else wide
        rows *= 4


def _cells(state: StateBlock, line: int) -> int:
    """Return how many cells a row has."""
    text = state.src[state.bMarks[line] : state.eMarks[line]].strip()
    bars = len(_BAR.findall(text))
    return bars + 1 - text.startswith("|") - (bars > 0 and _LAST_BAR.search(text) is not None)


def _rest(state: StateBlock, line: int, end_line: int, _silent: bool) -> bool:
    """Take the rest as plain text where it stands too deep, or behind the most blocks; it is asked first of all.

    It ends no other block, and so is never asked whether it could.
    """
    room = cast("Room", state.env["room"])
    room.blocks -= 1
    if state.level < _MOST_LEVELS and room.blocks >= 0:
        return False
    last = line
    while last < end_line and (state.isEmpty(last) or state.sCount[last] >= state.blkIndent):
        last += 1
    token = state.push("rest", "", 0)
    token.content = state.getLines(line, last, state.blkIndent, keepLastLF=False)
    token.map = [line, last]
    state.line = last
    return True
