"""IFEval's instructions on the form of an answer: its paragraphs, lists, titles, marks, beginning and end."""

from __future__ import annotations

import json
import re
from itertools import takewhile

from attention_moa.bench.ifeval.arguments import Arguments
from attention_moa.bench.ifeval.tools import Check, Tools

_STARRED_BULLET = re.compile(r"^\s*\*[^*].*$", re.MULTILINE)
_DASHED_BULLET = re.compile(r"^\s*-.*$", re.MULTILINE)
_HIGHLIGHT = re.compile(r"\*[^\n*]*\*")
_DOUBLE_HIGHLIGHT = re.compile(r"\*\*([^\n*]*)\*\*")
_PARAGRAPH_BREAK = re.compile(r"\s?\*\*\*\s?")
_PLACEHOLDER = re.compile(r"\[.*?\]")
_FENCES = ("```json", "```Json", "```JSON", "```")
_CHOICES = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
# A postscript begins with its mark and has no other condition; of the two usual ones, blanks may be inside.
_POSTSCRIPTS = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
_ENDS_OF_A_WORD = frozenset(".,?!'\"")


def number_paragraphs(given: Arguments, _tools: Tools) -> Check:
    """Return whether there are so many paragraphs between lines of ``***``, none empty but the outermost."""
    wanted = given.count("num_paragraphs")

    def check(answer: str) -> bool:
        first, *rest = (part.strip() for part in _PARAGRAPH_BREAK.split(answer))
        inner, last = rest[:-1], rest[-1:]
        return all(inner) and len(inner) + sum(map(bool, [first, *last])) == wanted

    return check


def nth_paragraph_first_word(given: Arguments, _tools: Tools) -> Check:
    """Return whether there are so many paragraphs between empty lines, and one of them begins with a word."""
    wanted, nth = given.count("num_paragraphs"), given.count("nth_paragraph")
    first_word = given.text("first_word").lower()

    def check(answer: str) -> bool:
        parts = [part.strip() for part in answer.split("\n\n")]
        count = sum(map(bool, parts))
        if count != wanted or not 1 <= nth <= count or not parts[nth - 1]:
            return False
        return _bare_word(parts[nth - 1]) == first_word

    return check


def number_placeholders(given: Arguments, _tools: Tools) -> Check:
    """Return whether there are enough placeholders in square brackets."""
    wanted = given.count("num_placeholders")
    return lambda answer: len(_PLACEHOLDER.findall(answer)) >= wanted


def postscript(given: Arguments, _tools: Tools) -> Check:
    """Return whether there is a postscript, begun by its mark."""
    marker = given.text("postscript_marker")
    mark = re.compile(_POSTSCRIPTS.get(marker.strip(), re.escape(marker.strip().lower())))
    return lambda answer: mark.search(answer.lower()) is not None


def number_bullet_lists(given: Arguments, _tools: Tools) -> Check:
    """Return whether there are exactly so many bullets: lines that begin with one ``*`` or with ``-``."""
    wanted = given.count("num_bullets")
    return lambda answer: len(_STARRED_BULLET.findall(answer)) + len(_DASHED_BULLET.findall(answer)) == wanted


def constrained_response(_given: Arguments, _tools: Tools) -> Check:
    """Return whether one of the three allowed answers is there."""
    return lambda answer: any(choice in answer for choice in _CHOICES)


def number_highlighted_sections(given: Arguments, _tools: Tools) -> Check:
    """Return whether enough pieces stand between ``*`` or between ``**``."""
    wanted = given.count("num_highlights")

    def check(answer: str) -> bool:
        single = sum(1 for piece in _HIGHLIGHT.findall(answer) if piece.strip("*").strip())
        double = sum(1 for piece in _DOUBLE_HIGHLIGHT.findall(answer) if piece.strip())
        return single + double >= wanted

    return check


def multiple_sections(given: Arguments, _tools: Tools) -> Check:
    """Return whether there are enough sections, each begun by a word and a number (``SECTION 1``)."""
    wanted = given.count("num_sections")
    heading = re.compile(rf"\s?{re.escape(given.text('section_spliter'))}\s?\d+\s?")
    return lambda answer: sum(1 for _ in heading.finditer(answer)) >= wanted


def json_format(_given: Arguments, _tools: Tools) -> Check:
    """Return whether the answer is one JSON value, fenced as Markdown or not."""
    return _is_json


def title(_given: Arguments, _tools: Tools) -> Check:
    """Return whether there is a title ``<<so>>``."""
    return lambda answer: any(map(_has_title, answer.split("\n")))


def two_responses(_given: Arguments, _tools: Tools) -> Check:
    """Return whether there are two different answers with ``******`` between them."""

    def check(answer: str) -> bool:
        parts = [part.strip() for part in answer.split("******")]
        kept = list(filter(None, parts))
        return all(parts[1:-1]) and len(kept) == 2 and kept[0] != kept[1]

    return check


def repeat_prompt(given: Arguments, _tools: Tools) -> Check:
    """Return whether the answer begins with the request, in letters of any case."""
    wanted = given.text("prompt_to_repeat").strip().lower()
    return lambda answer: answer.strip().lower().startswith(wanted)


def end_checker(given: Arguments, _tools: Tools) -> Check:
    """Return whether the answer ends with a phrase, in letters of any case; quotation marks around it all are none."""
    wanted = given.text("end_phrase").strip().lower()
    return lambda answer: answer.strip().strip('"').lower().endswith(wanted)


def quotation(_given: Arguments, _tools: Tools) -> Check:
    """Return whether the whole answer stands in double quotation marks."""

    def check(answer: str) -> bool:
        text = answer.strip()
        return len(text) > 1 and text.startswith('"') and text.endswith('"')

    return check


def no_comma(_given: Arguments, _tools: Tools) -> Check:
    """Return whether there is no comma."""
    return lambda answer: "," not in answer


def _bare_word(paragraph: str) -> str:
    word = paragraph.split(maxsplit=1)[0].lstrip("'").lstrip('"').lower()
    return "".join(takewhile(lambda letter: letter not in _ENDS_OF_A_WORD, word))


def _has_title(line: str) -> bool:
    begin, end = line.find("<<"), line.rfind(">>")
    return 0 <= begin < end and bool(line[begin:end].lstrip("<").rstrip(">").strip())


def _is_json(answer: str) -> bool:
    text = answer.strip()
    for fence in _FENCES:
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True
