r"""Where formulas stand in Markdown: ``$…$`` and ``\(…\)`` in a line, ``$$…$$`` and ``\[…\]`` on lines of their own.

A dollar is a price as often as it begins a formula. It begins one where no letter or digit stands before it and no
space behind it, and the next dollar ends it where no space stands before that and no letter or digit behind it; what
begins with a number and goes on with words is a price. The rules are ours, for markdown-it.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from attention_moa.ui.formulas import MOST_CHARACTERS

_MOST_LINES = 100
_NO_PROSE = re.compile(r"\\[a-zA-Z]+\s*\{[^{}]*\}|\\[a-zA-Z]+|\{[^{}]*\}")
_WORD = re.compile(r"\s[a-zA-Z]{2,}")
_BLOCKS = {"$$": "$$", "\\[": "\\]"}
_LINES = {"$$": "$$", "\\(": "\\)", "\\[": "\\]"}


def with_formulas(parser: MarkdownIt) -> MarkdownIt:
    """Return a parser that also knows formulas: as tokens of the types ``formula`` and ``formula_block``."""
    parser.inline.ruler.before("escape", "formula", _in_line)
    parser.inline.add_terminator_char("$")
    parser.block.ruler.before("fence", "formula_block", _on_lines, {"alt": ["paragraph", "blockquote", "list"]})
    return parser


def _in_line(state: StateInline, silent: bool) -> bool:
    start = state.pos
    opening = state.src[start : start + 2]
    if opening in _LINES:
        end = state.src.find(_LINES[opening], start + 2, min(state.posMax, start + MOST_CHARACTERS))
        source = state.src[start + 2 : end] if end >= 0 else ""
        length = len(source) + 4
    else:
        source = _between_dollars(state) if opening[:1] == "$" else ""
        length = len(source) + 2
    if not source.strip():
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = source
        token.markup = opening if opening in _LINES else "$"
        token.meta = {"source": state.src[start : start + length]}
    state.pos = start + length
    return True


def _between_dollars(state: StateInline) -> str:
    """Return the formula that a dollar begins; nothing where it begins none."""
    start = state.pos
    end = state.src.find("$", start + 1, min(state.posMax, start + MOST_CHARACTERS))
    source = state.src[start + 1 : end] if end >= 0 else ""
    before, behind = state.src[start - 1 : start], state.src[end + 1 : end + 2]
    is_joined = before.isalnum() or before in {"\\", "$"} or behind.isalnum() or behind == "$"
    if is_joined or not source or source[0].isspace() or source[-1].isspace() or source[-1] == "\\":
        return ""
    is_price = source[0].isdigit() and _WORD.search(_NO_PROSE.sub("", source)) is not None
    return "" if is_price else source


def _on_lines(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    first = _line(state, line)
    closing = _BLOCKS.get(first[:2])
    if closing is None or state.is_code_block(line):
        return False
    last = _closing_line(state, line, end_line, closing)
    if last is None:
        return False
    if silent:
        return True
    token = Token("formula_block", "", 0, block=True, level=state.level, map=[line, last + 1])
    source = "\n".join(_line(state, number) for number in range(line, last + 1))
    is_open = not source[2:].endswith(closing)
    token.content = source[2:] if is_open else source[2:-2].strip()
    token.meta = {"source": source, "is_open": is_open}
    state.tokens.append(token)
    state.line = last + 1
    return True


def _closing_line(state: StateBlock, line: int, end_line: int, closing: str) -> int | None:
    """Return the line that ends with what closes a formula; None where none does, near enough.

    What was found to hold none is not looked at again: many openings take no more time than one. Of a text that is
    still coming, the last line may do.
    """
    unclosed: dict[str, int] = state.env.setdefault("unclosed", {})
    inside = _line(state, line)[2:]
    if closing in inside:
        return line if inside.index(closing) == len(inside) - 2 else None
    for number in range(max(line + 1, unclosed.get(closing, 0)), min(end_line, line + _MOST_LINES)):
        text = _line(state, number)
        if not text or state.sCount[number] < state.blkIndent:
            return None
        if closing in text:
            return number if text.index(closing) == len(text) - 2 else None
        unclosed[closing] = number + 1
    is_coming = state.env["is_open"] and state.level == 0 and end_line < line + _MOST_LINES
    return end_line - 1 if is_coming else None


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
