"""Which runs somebody looks for, and the runs that fit: the newest first, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, get_args
from urllib.parse import urlencode

from msgspec import Struct

from attention_moa.records import RunState
from attention_moa.stored_runs import RunRow
from attention_moa.ui.ports import Outside, RefusedError, RunFilter

PAGE = 40
"""Runs on a page of the list."""

_BATCH = 200
_MOST_LOOKED_AT = 5_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
STATES: Mapping[str, RunState] = {state: state for state in get_args(RunState)}
"""How far runs may be, by what stands in an address."""


class Search(Struct, frozen=True, kw_only=True):
    """What somebody looks for; what is empty is not asked.

    Args:
        words: All of them stand in the question, the answer's beginning, the ensemble's name, a label or the id.
        state: How far it is.
        ensemble: Its name.
        label: ``name`` or ``name=value``.
        since: The first day, as ``2026-11-21``.
        until: The last day.
        before: The run behind which the page begins.
    """

    words: str = ""
    state: str = ""
    ensemble: str = ""
    label: str = ""
    since: str = ""
    until: str = ""
    before: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked that the journal does not find by itself."""
        return any((self.words, self.label, self.since, self.until))

    @property
    def has_any(self) -> bool:
        """Whether anything is asked at all."""
        return self.is_narrow or bool(self.state or self.ensemble)

    def address(self, before: str = "") -> str:
        """Return where these runs are listed.

        Args:
            before: The run behind which the page begins; empty for the newest.
        """
        told = {name: getattr(self, name) for name in self.__struct_fields__ if name != "before"}
        asked = {**told, "before": before}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/runs?{query}" if query else "/runs"


class Found(NamedTuple):
    """A page of runs.

    Args:
        rows: The runs.
        next: The run behind which older ones are; None where there are none.
        is_cut: Whether it stopped looking before it had a whole page.
    """

    rows: Sequence[RunRow]
    next: str | None
    is_cut: bool = False


def search_of(fields: Mapping[str, str]) -> Search:
    """Return what an address asks for.

    Raises:
        RefusedError: There is no such state, or a day is none.
    """
    told = {name: fields.get(name, "").strip()[:200] for name in Search.__struct_fields__}
    if told["state"] and told["state"] not in STATES:
        raise RefusedError(f"there is no state {told['state'][:40]!r}", code="wrong_field")
    for name in ("since", "until"):
        if told[name] and not _is_day(told[name]):
            raise RefusedError(f"{told[name][:40]!r} is no day: write it as 2026-11-21", code="wrong_field")
    return Search(**told)


def _is_day(told: str) -> bool:
    """Return whether it is a day that a calendar has."""
    try:
        return _DAY.fullmatch(told) is not None and bool(date.fromisoformat(told))
    except ValueError:
        return False


async def find(outside: Outside, key: str | None, wanted: Search) -> Found:
    """Return the runs that somebody looks for, and where older ones are.

    Words, labels and days are looked for line by line, in the newest runs first, and in so many at once.
    """
    rows: list[RunRow] = []
    before = wanted.before or None
    for _ in range(0, _MOST_LOOKED_AT, _BATCH):
        limit = _BATCH if wanted.is_narrow else PAGE + 1
        batch = await outside.rows(
            key,
            RunFilter(limit=limit, before=before, state=STATES.get(wanted.state), ensemble=wanted.ensemble or None),
        )
        rows += [row for row in batch if fits(row, wanted)]
        if len(rows) > PAGE:
            return Found(rows[:PAGE], rows[PAGE - 1].run_id)
        if len(batch) < limit or (wanted.since and batch[-1].created_at[:10] < wanted.since):
            return Found(rows, None)
        before = batch[-1].run_id
    return Found(rows, before, is_cut=True)


def fits(row: RunRow, wanted: Search) -> bool:
    """Return whether a run is one that somebody looks for."""
    day = row.created_at[:10]
    if (wanted.since and day < wanted.since) or (wanted.until and day > wanted.until):
        return False
    if wanted.label and not _has_label(row, wanted.label):
        return False
    if not wanted.words:
        return True
    labels = (f"{name}={value}" for name, value in row.labels.items())
    said = "\n".join((row.question, row.text or "", row.ensemble, row.run_id, row.owner, *labels)).casefold()
    return all(word in said for word in wanted.words.casefold().split())


def _has_label(row: RunRow, label: str) -> bool:
    name, is_valued, value = label.partition("=")
    return name in row.labels and (not is_valued or row.labels[name] == value)
