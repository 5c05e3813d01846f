"""``/runs``: the runs, searched, filtered, page by page; a run taken as a file, deleted, resumed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import cast, get_args
from urllib.parse import quote

from attention_moa.accounting import known_usd
from attention_moa.exporting import Form, export
from attention_moa.stored_runs import RunRow
from attention_moa.sums import told_tokens
from attention_moa.ui.html import render
from attention_moa.ui.names import name_html, plain_name
from attention_moa.ui.pages.run_search import STATES, find, search_of
from attention_moa.ui.ports import RefusedError
from attention_moa.ui.run_states import MAY_RESUME
from attention_moa.ui.spending import told_cost
from attention_moa.ui.still import Look, Shown
from attention_moa.ui.words import seconds

_QUESTION = 200
_FILES: Mapping[Form, tuple[str, str]] = {
    "json": ("json", "application/json"),
    "jsonl": ("jsonl", "application/jsonl"),
    "markdown": ("md", "text/markdown; charset=utf-8"),
}


async def show_list(look: Look) -> Shown:
    """Return the list of runs."""
    wanted = search_of({name: values[-1] for name, values in look.fields.items() if values})
    found = await find(look.outside, look.key, wanted)
    offers = await look.outside.offers(look.key)
    body = render(
        "runs.html",
        wanted=wanted,
        found=found,
        lines=[_line(row) for row in found.rows],
        states=STATES,
        ensembles=[plain_name(name) for name in dict.fromkeys(offer.ensemble for offer in offers)],
        visitor=look.visitor,
    )
    return Shown(title="Runs", body=body, keys="runs")


async def show_file(look: Look) -> Shown:
    """Return a run as a file."""
    form = look.field("as") or "json"
    if form not in get_args(Form):
        raise RefusedError(f"there is no form {form[:40]!r}: json, jsonl, markdown", code="wrong_field")
    standing = await look.outside.standing(look.key, look.run_id)
    text = await asyncio.to_thread(export, standing.record, cast("Form", form))
    ending, kind = _FILES[cast("Form", form)]
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", look.run_id)[:100]
    return Shown(file=(f"{safe}.{ending}", kind, text))


async def show_deletion(look: Look) -> Shown:
    """Return the page that asks whether a run is meant to be deleted."""
    standing = await look.outside.standing(look.key, look.run_id)
    record = standing.record
    asked = next((turn.text for turn in reversed(record.conversation) if turn.role == "user"), "")
    body = render(
        "delete.html",
        run_id=record.run_id,
        question=name_html(asked, _QUESTION),
        calls=len(record.calls),
        cost=told_cost(known_usd(record.usage), is_least=bool(record.usage.unpriced_calls)),
        is_under_way=standing.is_under_way or record.state == "running",
        is_here=standing.is_under_way,
    )
    return Shown(title="Delete a run", body=body)


async def delete(look: Look) -> Shown:
    """Delete a run; return the list."""
    await look.outside.delete(look.key, look.run_id)
    return Shown(goes_to="/runs")


async def resume(look: Look) -> Shown:
    """Let a run go on; return its page."""
    await look.outside.resume(look.key, look.run_id)
    return Shown(goes_to=f"/runs/{quote(look.run_id, safe='')}")


def _line(row: RunRow) -> dict[str, object]:
    """Return what stands in a line, of a run whose texts may hold anything."""
    usage = row.usage
    return {
        "id": row.run_id,
        "state": row.state,
        "question": name_html(row.question, _QUESTION),
        "text": name_html(row.text, _QUESTION) if row.text else None,
        "ensemble": name_html(row.ensemble, 40),
        "labels": [(f"{name}={value}", name_html(f"{name}={value}", 40)) for name, value in row.labels.items()],
        "owner": name_html(row.owner, 30) if row.owner else None,
        "day": row.created_at[:10],
        "minute": row.created_at[11:16],
        "at": row.created_at,
        "seconds": None if row.wall_s is None else seconds(row.wall_s),
        "calls": row.calls,
        "tokens": None
        if usage is None
        else told_tokens(usage, usage.input_tokens + usage.output_tokens).replace("?", "unknown"),
        "cost": None if usage is None else told_cost(known_usd(usage), is_least=bool(usage.unpriced_calls)),
        "may_resume": row.state in MAY_RESUME,
    }
