"""Formulas of LaTeX as MathML, made of elements that may stand in a text; what cannot be read stays text. Pure.

latex2mathml reads them. It is made for authors, not for strangers: its own output holds tags that a text brought, and
its macros can grow without end. So formulas with commands that define, hide, colour or link are not read, long and
deep ones neither, and the elements that it makes are written here, one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

from attention_moa.ui.safe_html import TAGS, is_bounded
from attention_moa.ui.visible import attribute, shown

MOST_CHARACTERS = 2_000
"""The longest formula that is read."""
_MOST_DEEP = 40
_REFUSED = re.compile(
    r"\\(?:def|gdef|edef|xdef|let|newcommand|renewcommand|providecommand|DeclareMathOperator|newenvironment"
    r"|renewenvironment|href|url|class|style|cssId|sideset|includegraphics|[hv]?phantom|(?:math)?strut|rule|require|unicode)(?![a-zA-Z])"
)
_REFERENCE = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
# What would begin a comment, and so hide the rest of the line, is a percent sign to whoever writes to a reader.
_PERCENT = re.compile(r"(\\.)|%", re.DOTALL)
_ENVIRONMENT = re.compile(r"(\\(?:begin|end))\s*\{([a-zA-Z]+)(\*?)\}")
_ENVIRONMENTS = {
    **dict.fromkeys(("align", "aligned", "alignedat", "split", "eqnarray"), "align*"),
    **dict.fromkeys(("gather", "gathered", "equation", "multline"), "matrix"),
    **{
        name: name for name in ("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array")
    },
    "cases": "cases",
    "dcases": "cases",
}
_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_UNKNOWN = re.compile(r"\\[a-zA-Z]")
_UNDER = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
_WITH_LIMITS = frozenset(("lim", "max", "min", "sup", "inf"))
_LEAVES = frozenset(("mi", "mn", "mo", "ms", "mspace", "mtext"))
_SPACES = {"thinmathspace": "0.167em", "mediummathspace": "0.222em", "thickmathspace": "0.278em"}
_KEPT = {
    "mo": ("stretchy", "fence", "form", "movablelimits", "largeop", "accent", "minsize", "maxsize", "lspace", "rspace"),
    "mspace": ("width",),
    "mfrac": ("linethickness",),
    "mover": ("accent",),
    "munder": ("accentunder",),
    "mstyle": ("displaystyle", "scriptlevel"),
    "mtable": ("displaystyle",),
}
_CLASSES = {
    ("mathvariant", "bold"): "t-bold",
    ("mathvariant", "bold-italic"): "t-bold",
    ("mathvariant", "italic"): "t-italic",
    ("mathvariant", "monospace"): "t-mono",
    ("columnalign", "left"): "t-left",
    ("columnalign", "right"): "t-right",
    ("notation", "box"): "t-box",
    ("notation", "updiagonalstrike"): "t-struck",
    ("notation", "downdiagonalstrike"): "t-struck",
    ("notation", "horizontalstrike"): "t-struck",
    ("notation", "updiagonalstrike downdiagonalstrike"): "t-struck",
}


class _UnreadableError(ValueError):
    """A formula whose elements cannot be written."""


@lru_cache(maxsize=2_000)
def to_mathml(source: str, *, is_block: bool) -> str | None:
    """Return a formula as MathML, with its source as its alternative text; None where it cannot be read.

    Args:
        source: LaTeX without its dollars.
        is_block: Whether it stands on lines of its own.
    """
    if len(source) > MOST_CHARACTERS or not source.strip() or _REFUSED.search(source):
        return None
    display = "block" if is_block else "inline"
    try:
        root = convert_to_element(_readable(source), display=display)
        inside = "".join(part for child in root for part in _written(child, 1))
    except Exception:  # noqa: BLE001 - the library tells of bad formulas by its own errors, and by nearly any of Python's
        return None
    return f'<math display="{display}" alttext="{attribute(source)}">{inside}</math>'


def _readable(source: str) -> str:
    """Return a formula in words that the library knows.

    Raises:
        KeyError: It has an environment that the library does not know.
    """
    named = _ENVIRONMENT.sub(lambda found: f"{found[1]}{{{_ENVIRONMENTS[found[2]]}}}", source)
    return _PERCENT.sub(lambda found: found[1] or "\\%", named)


def _written(element: Element, depth: int) -> Iterator[str]:
    """Yield an element's MathML.

    Args:
        element: Of the library.
        depth: How deep it stands.
    """
    tag = _tag(element)
    text = _REFERENCE.sub(_character, element.text or "")
    is_whole = len(element) == _CHILDREN.get(tag, len(element))
    if depth > _MOST_DEEP or tag not in TAGS or _UNKNOWN.match(text) or not is_whole:
        raise _UnreadableError(tag)
    if tag in _LEAVES and len(element):  # no browser takes an element within one of these
        tag, text = "mrow", f"<mo>{shown(text)}</mo>" if text else ""
    else:
        text = shown(text)
    yield f"<{tag}{''.join(_attributes(element, tag))}>{text}"
    for child in element:
        yield from _written(child, depth + 1)
    yield f"</{tag}>"


def _tag(element: Element) -> str:
    """Return what an element becomes; what stands at ``lim`` stands below it, where there is room."""
    if element.tag == "menclose":
        return "mrow"
    if element.tag in _UNDER and len(element) and _has_limits(element[0]):
        return _UNDER[element.tag]
    return element.tag


def _has_limits(element: Element) -> bool:
    return element.tag == "mo" and element.text in _WITH_LIMITS


def _attributes(element: Element, tag: str) -> Iterator[str]:
    classes = dict.fromkeys(_CLASSES[item] for item in element.items() if item in _CLASSES)
    if classes:
        yield f' class="{" ".join(classes)}"'
    if tag == "mi" and element.get("mathvariant") == "normal":
        yield ' mathvariant="normal"'
    if _has_limits(element):
        element.set("movablelimits", "true")
    for name in _KEPT.get(tag, ()):
        value = element.get(name)
        value = _SPACES.get(value or "", value)
        if value is not None and is_bounded(tag, name, value):
            yield f' {name}="{attribute(value)}"'


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code <= 0x10FFFF else found[0]
