"""``attention-moa runs show``: a run as a person reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import click

from attention_moa.cli.keeping import journal_option, named, where_is
from attention_moa.cli.printing import json_option, require_one

if TYPE_CHECKING:
    from attention_moa.records import CallRecord, RunRecord
    from attention_moa.store.journal import SqlJournal

_BRIEF = 160


class _Found(NamedTuple):
    """A run out of the journal: its record, what was decided in it, and who is at it; None for nobody."""

    record: RunRecord
    decisions: Mapping[str, object]
    holder: str | None

    @property
    def standing(self) -> str:
        """How far it is where it is not over: what nobody is at any more was interrupted."""
        return "interrupted" if self.holder is None else "running"

    def remark(self, journal: str | None) -> str:
        """Return who is at a run that is not over, or how to go on with it; nothing for one that is."""
        if self.record.state != "running":
            return ""
        if self.holder is not None:
            return f"{self.holder} is at it"
        resume = f"attention-moa runs resume {self.record.run_id}{named(where_is(journal))}"
        return f"it was cut off and nobody is at it: {resume} goes on with it"


@click.command("show")
@click.argument("run", default="last")
@journal_option
@click.option("--brief", "is_brief", is_flag=True, help="Only the first words of each text.")
@click.option("--calls", "is_calls", is_flag=True, help="List the calls with their attempts, tokens, money and times.")
@click.option("--call", "call_id", metavar="CALL", help="Show one call whole: prompt, reply, attempts.")
@json_option("Print the whole record: one JSON document.")
def show_run(
    *, run: str, journal: str | None, is_brief: bool, is_calls: bool, call_id: str | None, is_json: bool
) -> int:
    """Show RUN: what was asked, every text of every layer, the verdicts, losses, tokens, money, and the plan beside it.

    RUN is an id, its beginning or its end; without it, the newest run.
    """
    from attention_moa.cli.opened import find_run, with_journal
    from attention_moa.cli.output import room_of, say, say_json

    require_one({"--json": is_json, "--calls": is_calls, "--call": call_id is not None, "--brief": is_brief})

    async def read(opened: SqlJournal) -> _Found:
        run_id = await find_run(opened, run)
        holder = await opened.holder(run_id)  # first: who lets go of it meanwhile has put its record down before
        return _Found(await opened.record(run_id), await opened.decisions(run_id), holder)

    found = with_journal(journal, read)
    record = found.record
    if is_json:
        from attention_moa.codec import record_to_json

        say_json(record_to_json(record))
        return 0
    from attention_moa.cli.run_pages import call_page, calls_page, run_page

    room = room_of(sys.stdout)
    if call_id is not None:
        for call in _calls_named(record, call_id):
            _print(call_page(call))
    elif is_calls:
        for line in calls_page(record, room=room):
            say(line)
    else:
        most = _BRIEF if is_brief else None
        _print(run_page(record, most=most, standing=found.standing, remark=found.remark(journal)))
        for line in _account(found, room):
            say(line)
    return 0


def _calls_named(record: RunRecord, call_id: str) -> list[CallRecord]:
    from difflib import get_close_matches

    from attention_moa.errors import ConfigError

    found = [call for call in record.calls if call.call_id == call_id]
    if not found:
        near = get_close_matches(call_id, {call.call_id for call in record.calls}, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(
            f"the run has no call {call_id!r}: {hint}runs show {record.run_id} --calls lists them", key="--call"
        )
    return found


def _account(found: _Found, room: int | None) -> Iterator[str]:
    from attention_moa.cli.account import account, by_agent, by_layer_and_stage
    from attention_moa.cli.plan_views import account_lines
    from attention_moa.plan import DECISION
    from attention_moa.plan_account import plan_account, stored_plan

    record = found.record
    yield from account(record, has_table=False, standing=found.standing)
    if record.calls:
        yield from ("", *by_layer_and_stage(record, room=room), "", *by_agent(record, room=room))
    planned = stored_plan(found.decisions.get(DECISION))
    if planned is not None and record.calls:
        yield from ("", *account_lines(plan_account(planned, record), room=room))


def _print(parts: Iterator[tuple[str, str, int]]) -> None:
    """Print styled, indented texts: folded and coloured on a terminal, as they are elsewhere."""
    from attention_moa.cli.output import say, say_answer
    from attention_moa.cli.run_pages import indented

    if not sys.stdout.isatty():
        for text, _, indent in parts:
            say_answer(indented(text, indent))
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from attention_moa.cli.clean import clean

    console = Console(highlight=False, markup=False, emoji=False)
    for text, style, indent in parts:
        if text:
            console.print(Padding(Text(clean(text), style), (0, 0, 0, indent)))
        else:
            say("")
