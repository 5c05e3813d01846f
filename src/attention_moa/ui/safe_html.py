"""The last gate for HTML made of texts: only tags, attributes and values of a short list pass, whoever made it. Pure.

What is made of texts escapes them already. This is a second wall, by another hand (nh3, a browser's parser in Rust): a
slip in the first is no hole.
"""

from __future__ import annotations

import re
from functools import cache

import nh3
from markupsafe import Markup, escape

CRITICS = 8
"""How many critics have a colour of their own; then the colours come again, the signs do not."""

_LINES = {"p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "li", "div", "details", "summary"}
_WORDS = {"a", "strong", "em", "del", "ins", "mark", "code", "span", "bdi", "small", "sup"}
_TABLES = {"table", "thead", "tbody", "tr", "th", "td"}
_FORMULAS = {
    "math", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mroot", "mrow", "ms", "mspace", "msqrt",
    "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
TAGS = frozenset(_LINES | _WORDS | _TABLES | _FORMULAS)
"""The tags that pass."""

_LENGTH = re.compile(r"(?:\d|\d?\.\d{1,4}|[1-3]\.\d{1,4})em")
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title", "target"},
    "bdi": {"title"},
    "code": {"title"},
    "span": {"title"},
    "ol": {"start"},
    "ins": {"data-critic", "title"},
    "del": {"data-critic", "title"},
    "mark": {"data-critic", "title"},
    "math": {"alttext"},
    "mo": {"minsize", "maxsize", "lspace", "rspace"},
    "mspace": {"width", "height"},
    "mfrac": {"linethickness"},
    "div": {"aria-label"},
    "pre": {"aria-label"},
}
_DIRECTED = (
    "p", "h3", "h4", "h5", "h6", "blockquote", "li", "th", "td", "a", "code", "span", "div", "ins", "del", "mark",
)  # fmt: skip
_SWITCH = {"true", "false"}
_VALUES: dict[str, dict[str, set[str]]] = {
    **{tag: {"dir": {"auto", "ltr"}} for tag in _DIRECTED},
    "pre": {"dir": {"auto", "ltr"}, "tabindex": {"0"}, "role": {"group"}},
    "div": {"dir": {"auto"}, "tabindex": {"0"}, "role": {"group"}},
    "span": {"dir": {"auto"}, "aria-hidden": {"true"}},
    "sup": {"aria-hidden": {"true"}},
    "small": {"dir": {"ltr"}},
    "math": {"display": {"inline", "block"}},
    "mi": {"mathvariant": {"normal"}},
    "mo": dict.fromkeys(("stretchy", "fence", "movablelimits", "largeop", "accent"), _SWITCH)
    | {"form": {"prefix", "infix", "postfix"}},
    "mstyle": {"displaystyle": _SWITCH, "scriptlevel": {"0", "1", "2", "+1"}},
    "mtable": {"displaystyle": _SWITCH},
    "mover": {"accent": _SWITCH},
    "munder": {"accentunder": _SWITCH},
}  # fmt: skip
_COLOURS = {"t-none", *(f"t-c{index}" for index in range(CRITICS))}
_CLASSES: dict[str, set[str]] = {
    "p": {"t-note", "t-definition"},
    "pre": {"t-plain", "t-code"},
    "code": {"t-source"},
    "div": {"t-wide", "t-formula", "t-language", "t-lines"},
    "ul": {"t-legend"},
    "bdi": {"t-sign", "t-name"},
    "small": {"t-where"},
    "sup": {"t-critic", *_COLOURS},
    "ins": _COLOURS,
    "del": _COLOURS,
    "mark": _COLOURS,
    "details": {"t-fold"},
    "th": {"t-right", "t-center"},
    "td": {"t-right", "t-center"},
    "mtd": {"t-right", "t-left"},
    "mrow": {"t-box", "t-struck", "t-bold"},
    "mi": {"t-bold", "t-mono", "t-italic"},
    "mn": {"t-bold", "t-mono", "t-italic"},
    "mo": {"t-bold", "t-mono", "t-italic"},
    "mtext": {"t-bold", "t-mono", "t-italic"},
    "span": {
        "t-image", "t-dead", "t-heard", "t-key", *_COLOURS,
        "t-comment", "t-string", "t-number", "t-keyword", "t-call", "t-tag", "t-added", "t-removed", "t-place",
    },
}  # fmt: skip


def clean(html: str) -> Markup:
    """Return HTML without anything that is not on the list: safe to stand in a page.

    Args:
        html: Any HTML.
    """
    return Markup(_cleaner().clean(html))  # noqa: S704 - this is the place that makes it safe


def is_address(text: str) -> bool:
    """Return whether a text is an address that a link may have, and that a browser can follow."""
    return " href=" in clean(f'<a href="{escape(text)}">')


def classes() -> dict[str, set[str]]:
    """Return the classes that pass, by tag: those that the style sheet for texts has."""
    return {tag: set(names) for tag, names in _CLASSES.items()}


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        attributes=_ATTRIBUTES,
        tag_attribute_values=_VALUES,
        allowed_classes=_CLASSES,
        attribute_filter=_bounded,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        generic_attribute_prefixes=set(),
    )


def is_bounded(tag: str, name: str, value: str) -> bool:
    """Return whether a formula's attribute leaves it in its place: no length moves it over what stands beside it.

    Args:
        tag: The element's.
        name: The attribute's.
        value: The attribute's.
    """
    if tag in {"mo", "mspace"} and name in {"minsize", "maxsize", "lspace", "rspace", "width", "height"}:
        return _LENGTH.fullmatch(value) is not None
    return name != "linethickness" or value == "0"


def _bounded(tag: str, name: str, value: str) -> str | None:
    return value if is_bounded(tag, name, value) else None
