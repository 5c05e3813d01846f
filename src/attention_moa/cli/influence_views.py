"""Who moved whom in a run, and what each agent was good for, as tables and words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attention_moa.cli.clean import one_line
from attention_moa.cli.layout import fitted, table
from attention_moa.influence import Cell, Influence, Measured
from attention_moa.money import amount
from attention_moa.usefulness import Spending, Usefulness, told

_SHADES = "·░▒▓█"
"""From nothing to all of it."""
_HEADINGS = (
    "agent",
    "hand",
    "author",
    "critic",
    "writer",
    "moved",
    "calls",
    "tokens",
    "USD",
    "seconds",
    "path",
    "saves",
)
_NOT_NARROW = ("path", "seconds", "tokens", "calls", "USD")
_LEGEND = (
    "nobody: traced to no critique; by chance: what critiques of another author, that it never read, would account for",
    "hand: percent of the final answer's words that went through its answers and refinements, or are its own",
    "author, critic, writer: percent of these words that are its own in answers and refinements, by critiques, in "
    "summaries and the like",
    "moved: percent of what the others changed that its critiques account for; path: seconds of its calls that "
    "everybody waited for",
    "saves: percent of the cost (where prices are not known, of the tokens) without it",
)


def influence_lines(measured: Measured, *, room: int | None = None) -> Iterator[str]:
    """Yield who moved whom in a layer: a table in percent, what of it may be chance, and why cells of it are empty.

    Args:
        measured: What is measured of the layer.
        room: Most columns; None for any number.
    """
    layer, chance = measured
    if not layer.authors:
        yield f"layer {layer.layer}: nobody moved anybody, since no answer was refined"
        yield from _reasons(layer)
        return
    yield f"layer {layer.layer}: percent of each author's changed words that each critique accounts for"
    rows = [(row[0].critic, *map(_cell, row)) for row in layer.rows]
    columns = [layer.authors.get(author) for author in layer.agents]
    rows.append(("nobody", *("-" if one is None else _percent(one.unattributed) for one in columns)))
    rows.append(("by chance", *("-" if author not in chance else _percent(chance[author]) for author in layer.agents)))
    rows.append(("changed words", *("-" if one is None else f"{one.size:,}" for one in columns)))
    yield from table(("critic \\ author", *layer.agents), rows, room=room)
    if doubted := [author for author in layer.agents if measured.is_by_chance(author)]:
        named = "every author" if len(doubted) == len(layer.authors) > 1 else ", ".join(doubted)
        yield one_line(f"no more than chance: what critiques account for in the column of {named}")
    yield from _reasons(layer)


def usefulness_lines(found: Sequence[Usefulness], *, room: int | None = None) -> Iterator[str]:
    """Yield what everybody in a run was good for: a table, what its columns mean, and the least useful agent in words.

    Args:
        found: Everybody.
        room: Most columns; None for any number.
    """
    cells = fitted([_HEADINGS, *map(_row, found)], room, gives_up=_NOT_NARROW, names=("agent",))
    yield from table(cells[0], cells[1:], room=room)
    yield from _LEGEND
    if (words := told(found, named=one_line)) is not None:
        yield ""
        yield words


def _cell(cell: Cell) -> str:
    if cell.share is None:
        return "-"
    shade = min(len(_SHADES) - 1, 1 + int(cell.share * (len(_SHADES) - 1))) if cell.share else 0
    return f"{_percent(cell.share)} {_SHADES[shade]}"


def _reasons(layer: Influence) -> Iterator[str]:
    """Yield why there is nothing to measure where there should be."""
    for row in layer.rows:
        yield from (
            one_line(f"- {cell.critic} of {cell.author}: {cell.why_none}")
            for cell in row
            if cell.why_none and cell.is_pair
        )


def _row(one: Usefulness) -> tuple[str, ...]:
    own = one.own
    return (
        one.agent,
        *(
            "?" if share is None else _percent(share)
            for share in (one.hand, one.as_author, one.as_critic, one.as_writer)
        ),
        "-" if one.moved is None else _percent(one.moved),
        f"{own.calls:,}",
        "?" if own.tokens is None else f"{own.tokens:,}",
        "?" if own.usd is None else amount(own.usd),
        f"{own.seconds:.1f}",
        f"{one.path_s:.1f}",
        _saves(one.saved) if one.is_agent else "-",
    )


def _saves(saved: Spending) -> str:
    share = saved.usd_share if saved.usd_share is not None else saved.tokens_share
    return "?" if share is None else _percent(share)


def _percent(share: float) -> str:
    """Return a share as a number of percent; one that is not nothing reads as a tenth at least."""
    return f"{max(0.1, 100 * share):.1f}" if 0 < share < 0.0095 else f"{100 * share:.0f}"
