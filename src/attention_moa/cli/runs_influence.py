"""``attention-moa runs influence``: who moved whom in a run, and what each agent was good for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option
from attention_moa.cli.printing import json_option

if TYPE_CHECKING:
    from attention_moa.records import RunRecord
    from attention_moa.store.journal import SqlJournal


@click.command("influence")
@click.argument("run", default="last")
@journal_option
@json_option("Print one JSON document, with every change and where it comes from.")
def show_influence(*, run: str, journal: str | None, is_json: bool) -> int:
    """Show whose critiques moved whom in RUN, layer by layer, and what each agent was good for.

    RUN is an id, its beginning or its end; without it, the newest run. What is measured is the overlap of words.
    """
    from attention_moa.cli.opened import find_run, with_journal
    from attention_moa.cli.output import room_of, say, say_json
    from attention_moa.influence import measure
    from attention_moa.usefulness import told, usefulness

    async def read(opened: SqlJournal) -> RunRecord:
        return await opened.record(await find_run(opened, run))

    record = with_journal(journal, read)
    measured = [measure(layer) for layer in record.layers]
    layers = [one.influence for one in measured]
    chances = [one.by_chance for one in measured]
    found = usefulness(record, measured)
    if is_json:
        import msgspec

        document = {
            "run_id": record.run_id,
            "layers": layers,
            "by_chance": chances,
            "no_more_than_chance": [[name for name in one.by_chance if one.is_by_chance(name)] for one in measured],
            "usefulness": found,
            "least_useful": told(found),
        }
        say_json(msgspec.json.encode(document))
        return 0
    from attention_moa.cli.influence_views import influence_lines, usefulness_lines

    room = room_of(sys.stdout)
    say(f"Run {record.run_id}")
    if not layers:
        say("no layer of it is over: nobody moved anybody yet")
        return 0
    for layer in measured:
        say("")
        for line in influence_lines(layer, room=room):
            say(line)
    say("")
    for line in usefulness_lines(found, room=room):
        say(line)
    return 0
