"""``/compare?run=A&run=B``: two runs side by side: texts, who moved whom, costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias
from urllib.parse import urlencode

from markupsafe import Markup

from attention_moa.comparing import RunDifference
from attention_moa.ui.components.overlaid import are_unlike, overlaid_html
from attention_moa.ui.differences import sign_of
from attention_moa.ui.figures import number
from attention_moa.ui.html import render
from attention_moa.ui.markdown import to_html
from attention_moa.ui.names import isolated, name_html
from attention_moa.ui.pages.run_head import state_of
from attention_moa.ui.pairs import CallPair, CellPair, MatrixPair, RunPair, matrices, pair
from attention_moa.ui.ports import RefusedError, RunFilter, Standing
from attention_moa.ui.spending import Spent, by_agent, by_stage
from attention_moa.ui.still import Look, Shown
from attention_moa.ui.words import percent

_QUESTION = 200
_SETTING = 300
_LISTED = 30
_MOST_KEPT = 16
_FEW = 8
"""Most agents whose names stand over the columns of a matrix; of more their signs do."""
_LEAST_MORE = 0.005


class _Pair(NamedTuple):
    shown: RunPair
    answer: Markup
    is_unlike: bool
    matrices: tuple[MatrixPair, ...]


class _Cell(NamedTuple):
    a: str
    b: str
    more: str
    shade: str
    about: str


_Name: TypeAlias = tuple[str, str, int, bool]

_kept: dict[tuple[_Name, _Name], _Pair] = {}
"""What takes long to be found out about pairs of runs that are over; whoever is shown it was shown both records, as far
as those were whom it was found out for: settings that are hidden from some differ for others.
"""


async def show(look: Look) -> Shown:
    """Return two runs side by side; where fewer are named, a choice of others."""
    names = [name for name in dict.fromkeys(look.fields.get("run", ())) if name]
    if len(names) != 2:
        return await _choice(look, names)
    a, b = [await look.outside.standing(look.key, name) for name in names]
    found = await _pair(a, b)
    call = next((one for one in found.shown.calls if one.call_id == look.field("call")), None)
    body = render(
        "compare.html",
        heads=[_head(letter, standing) for letter, standing in (("A", a), ("B", b))],
        swapped=_address(names[::-1]),
        difference=found.shown.difference,
        fields=_fields(found.shown.difference),
        lines=found.shown.lines,
        answer=found.answer,
        overlay=_address(names, overlay="1") if found.is_unlike and not look.field("overlay") else None,
        whole=[to_html(run.record.text or "") for run in (a, b)],
        matrices=[_matrix(one) for one in found.matrices],
        groups=[
            ("agent", _beside(by_agent(a.record), by_agent(b.record))),
            ("stage", _beside(by_stage(a.record), by_stage(b.record))),
        ],
        calls=[_call(one, names) for one in found.shown.calls if not one.is_same],
        opened=call,
        opened_html=None if call is None else await asyncio.to_thread(lambda: overlaid_html(call.pieces())),
    )
    return Shown(title="Two runs", body=body)


async def _choice(look: Look, names: Sequence[str]) -> Shown:
    """Return a choice of runs to be compared with the one that is named, if any."""
    if len(names) > 2:
        raise RefusedError("two runs are compared, not more: tick two", code="wrong_field")
    chosen = None
    if names:
        chosen = _head("A", await look.outside.standing(look.key, names[0]))
    rows = await look.outside.rows(look.key, RunFilter(limit=_LISTED))
    others = [
        {
            "id": row.run_id,
            "question": name_html(row.question, _QUESTION),
            "ensemble": name_html(row.ensemble),
            "at": row.created_at,
        }
        for row in rows
        if row.run_id not in names
    ]
    return Shown(title="Compare", body=render("compare-choice.html", chosen=chosen, others=others))


async def _pair(one: Standing, other: Standing) -> _Pair:
    a, b = one.record, other.record
    name = (_name(one), _name(other))
    known = _kept.get(name)
    if known is not None:
        return known

    def find() -> _Pair:
        shown = pair(a, b)
        pieces = tuple(shown.difference.answer)
        return _Pair(shown, overlaid_html(pieces), are_unlike(pieces), tuple(matrices(a, b)))

    found = await asyncio.to_thread(find)
    if "running" not in (a.state, b.state):
        _kept[name] = found
        while len(_kept) > _MOST_KEPT:
            del _kept[next(iter(_kept))]
    return found


def _name(standing: Standing) -> _Name:
    record = standing.record
    return record.run_id, record.state, len(record.calls), standing.is_whole


def _address(names: Sequence[str], **more: str) -> str:
    return f"/compare?{urlencode([*(('run', name) for name in names), *more.items()])}"


def _head(letter: str, standing: Standing) -> dict[str, object]:
    record = standing.record
    asked = next((turn.text for turn in reversed(record.conversation) if turn.role == "user"), "")
    return {
        "letter": letter,
        "id": record.run_id,
        "question": name_html(asked, _QUESTION),
        "ensemble": name_html(record.ensemble.name),
        "state": state_of(standing),
        "at": record.created_at,
    }


def _fields(difference: RunDifference) -> list[tuple[Markup, Markup | None, Markup | None]]:
    """Return the settings that differ."""
    return [(name_html(one.path), _setting(one.a), _setting(one.b)) for one in difference.fields]


def _setting(value: str | None) -> Markup | None:
    return None if value is None else name_html(value, _SETTING)


def _matrix(one: MatrixPair) -> dict[str, object]:
    """Return a layer's shares in both runs, cell by cell."""
    is_small = len(one.agents) <= _FEW
    signs = [sign_of(place) for place in range(len(one.agents))]
    rows = [
        (signs[place], name_html(critic, 24), [_cell(cell) for cell in row])
        for place, (critic, row) in enumerate(zip(one.agents, one.rows, strict=True))
    ]
    columns = [name_html(name, 16) if is_small else signs[place] for place, name in enumerate(one.agents)]
    return {"layer": one.layer, "columns": columns, "rows": rows, "is_small": is_small}


def _cell(cell: CellPair) -> _Cell:
    a, b = ("\N{EN DASH}" if share is None else percent(share) for share in (cell.a, cell.b))
    more = cell.more
    about = f"{isolated(cell.critic)} on {isolated(cell.author)}: {a} in A, {b} in B"
    if more is None or abs(more) < _LEAST_MORE:
        return _Cell(a, b, "", "", about)
    step = min(int(abs(more) * 10), 3) + 1
    sign_of_more = "+" if more > 0 else "\N{MINUS SIGN}"
    return _Cell(a, b, f"{sign_of_more}{abs(more) * 100:.0f}", f"{'more' if more > 0 else 'less'}-{step}", about)


def _beside(a: Sequence[Spent], b: Sequence[Spent]) -> Iterator[tuple[Markup, list[str], list[str]]]:
    """Yield what each took in both runs, in the order of A, then those that only B has."""
    of_a, of_b = ({one.name: one for one in spent} for spent in (a, b))
    for name in dict.fromkeys((*of_a, *of_b)):
        yield name_html(name, 40), _took(of_a.get(name)), _took(of_b.get(name))


def _took(one: Spent | None) -> list[str]:
    """Return calls, tokens and cost."""
    if one is None or not one.counts.sent:
        return ["\N{EN DASH}"] * 3
    tokens = one.tokens
    count = number(tokens.cached + tokens.prefilled + tokens.written)
    least = f"\N{GREATER-THAN OR EQUAL TO} {count}" if tokens.is_least else count
    return [str(one.counts.sent), least if tokens.is_known else "unknown", one.cost]


def _call(one: CallPair, names: Sequence[str]) -> dict[str, object]:
    return {
        "name": one.name,
        "causes": ", ".join(one.causes),
        "at": _address(names, call=one.call_id),
        "id": one.call_id,
    }
