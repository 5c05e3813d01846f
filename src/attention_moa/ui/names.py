"""Names of agents, ensembles, labels and runs, and errors of one line: plain text that stays in its place. Pure.

Where a name stands in a sentence or an attribute it is ``isolated``: its own direction does not turn what stands beside
it. As HTML it stands in a ``bdi``, which does the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from attention_moa.ui.visible import attribute, shown, visible

_MOST_NAME = 60
_MOST_ERROR = 300
_MOST_FULL = 1_000
_FIRST_STRONG, _END = "\u2068", "\u2069"


def plain_name(name: str, most: int = _MOST_NAME) -> str:
    """Return a name as text in one line, with signs for what could not be seen; ``(no name)`` for none.

    Args:
        name: Of anybody.
        most: Most characters; a longer one is cut and ends in ``…``.
    """
    beginning = name[: most + _MOST_FULL]
    line = visible(" ".join(beginning.split()))
    if len(line) > most or len(beginning) < len(name):
        return f"{line[: most - 1].rstrip()}…"
    return line or "(no name)"


def isolated(name: str, most: int = _MOST_NAME) -> str:
    """Return what ``plain_name`` does, between marks that keep its direction in: for sentences and attributes."""
    return f"{_FIRST_STRONG}{plain_name(name, most)}{_END}"


def name_html(name: str, most: int = _MOST_NAME) -> Markup:
    """Return a name as HTML; the whole of one that was cut stands in its title.

    Args:
        name: Of anybody.
        most: Most characters.
    """
    said = plain_name(name, most)
    whole = plain_name(name, _MOST_FULL)
    title = "" if whole == said else f' title="{attribute(whole)}"'
    return Markup(f'<bdi class="t-name"{title}>{shown(said)}</bdi>')  # noqa: S704 - escaped, both


def names_html(names: Iterable[str], most: int = _MOST_NAME) -> Markup:
    """Return names as HTML, with commas between them."""
    return Markup(", ").join(name_html(name, most) for name in names)


def error_html(message: str) -> Markup:
    """Return an error's message as HTML: one line, however many it has."""
    return name_html(message, _MOST_ERROR)
