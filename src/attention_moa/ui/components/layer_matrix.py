"""Who moved whom, as a table with numbers: rows critics, columns authors, a shade beside each number. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from attention_moa.ui.components.layer_look import LayerLook, Received
from attention_moa.ui.components.layer_measures import Measured
from attention_moa.ui.differences import colour_of, sign_of
from attention_moa.ui.figures import number
from attention_moa.ui.html import render
from attention_moa.ui.names import isolated, name_html, plain_name

_SHADES = (0.0001, 0.05, 0.1, 0.2, 0.35, 0.5)
"""The least share of each shade but the first."""
NONE = "-"
FEW = 8
"""Most agents whose names stand over the columns; of more the signs do."""


class Shown(NamedTuple):
    """A cell: its id, its class, what it says, its address, its name in words, and whether it is open."""

    id: str
    shade: str
    text: str
    href: str
    about: str
    is_open: bool


class Heading(NamedTuple):
    """A row's or a column's name: sign, colour, name, the name as plain text, address."""

    sign: str
    colour: str
    name: Markup
    plain: str
    href: str


def matrix_html(
    look: LayerLook,
    measured: Measured,
    rows: Sequence[Sequence[Received | None]],
    opened: tuple[str, str] | None,
    *,
    cell: Callable[[str, str], str],
    page: Callable[[str], str],
) -> Markup:
    """Return the table.

    Args:
        look: The layer.
        measured: What is measured of it.
        rows: What each critique came to: a row for each critic, a column for each author; None for no such pair.
        opened: The critic and the author of the cell that is open; None for none.
        cell: The address of a cell.
        page: The address of an agent.
    """
    agents = look.agents
    heads = [
        Heading(sign_of(place), colour_of(place), name_html(agent, 20), plain_name(agent), page(agent))
        for place, agent in enumerate(agents)
    ]
    columns = [measured.authors.get(agent) for agent in agents]
    return render(
        "layer-table.html",
        heads=heads,
        is_wide=len(agents) > FEW,
        rows=[
            [_shown(f"cell-{row}-{column}", one, opened, cell) for column, one in enumerate(received)]
            for row, received in enumerate(rows)
        ],
        nobody=[NONE if one is None or not one.size else share_of(one.unattributed) for one in columns],
        chance=[NONE if agent not in measured.chance else share_of(measured.chance[agent]) for agent in agents],
        sizes=[NONE if one is None else number(one.size) for one in columns],
    )


def share_of(share: float) -> str:
    """Return a share as a number of percent: little that is not nothing reads ``<1``."""
    return "<1" if 0 < share < 0.005 else f"{100 * share:.0f}"


def shade_of(share: float) -> int:
    """Return how dark a share's cell is, from 0 for nothing to 6."""
    return bisect_right(_SHADES, share)


def _shown(
    name: str, one: Received | None, opened: tuple[str, str] | None, cell: Callable[[str, str], str]
) -> Shown | None:
    if one is None:
        return None
    about = f"{isolated(one.critic)} on {isolated(one.author)}: {one.about}"
    is_open = (one.critic, one.author) == opened
    if one.share is None or one.fate == "unchanged":
        return Shown(name, f"is-{one.fate.replace(' ', '-')}", one.sign, cell(one.critic, one.author), about, is_open)
    text = share_of(one.share)
    if one.is_by_chance:
        return Shown(name, "is-by-chance", f"{one.sign} {text}", cell(one.critic, one.author), about, is_open)
    return Shown(name, f"h{shade_of(one.share)}", text, cell(one.critic, one.author), about, is_open)
