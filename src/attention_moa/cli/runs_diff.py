"""``attention-moa runs diff``: which calls of two runs differ, why, and how the answers differ."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option
from attention_moa.cli.printing import json_option

if TYPE_CHECKING:
    from attention_moa.comparing import CallDifference, Piece, RunDifference
    from attention_moa.records import RunRecord
    from attention_moa.store.journal import SqlJournal

_WHY = {
    "only in A": "only in A",
    "only in B": "only in B",
    "model": "another model",
    "settings": "other settings",
    "prompt": "another prompt",
    "outcome": "another outcome",
    "reply": "the same was asked, another reply came",
}
_MOST_NAMED = 2


@click.command("diff")
@click.argument("a")
@click.argument("b")
@journal_option
@json_option("Print one JSON document.")
def diff_runs(*, a: str, b: str, journal: str | None, is_json: bool) -> int:
    """Show how runs A and B differ: settings, calls and why each is another one, and the answers word by word.

    A and B are ids, their beginnings or ends, or last.
    """
    from attention_moa.cli.opened import find_run, with_journal
    from attention_moa.cli.output import room_of, say, say_json
    from attention_moa.comparing import compare

    async def read(opened: SqlJournal) -> tuple[RunRecord, RunRecord]:
        return await opened.record(await find_run(opened, a)), await opened.record(await find_run(opened, b))

    one, other = with_journal(journal, read)
    difference = compare(one, other)
    if is_json:
        import msgspec

        say_json(msgspec.json.encode({"a": one.run_id, "b": other.run_id, **msgspec.structs.asdict(difference)}))
        return 0
    for line in diff_lines(one, other, difference, room=room_of(sys.stdout)):
        say(line)
    _print_answers(difference.answer)
    return 0


def diff_lines(a: RunRecord, b: RunRecord, difference: RunDifference, *, room: int | None = None) -> Iterator[str]:
    """Yield how two runs differ, line by line, up to their answers.

    Args:
        a: The one.
        b: The other.
        difference: How they differ.
        room: Most columns; None for any number.
    """
    from attention_moa.cli.account import cost, count
    from attention_moa.cli.layout import table

    rows = [
        (name, run.run_id, run.state, f"{run.wall_s:.1f}", _tokens(run), cost(run))
        for name, run in (("A", a), ("B", b))
    ]
    yield from table(("", "run", "state", "seconds", "tokens", "cost"), rows, room=room)
    yield ""
    if not difference.has_same_question:
        yield "they were asked different things"
    if difference.fields:
        yield "settings:"
        fields = [(one.path, one.a or "-", one.b or "-") for one in difference.fields]
        yield from table(("field", "A", "B"), fields, room=room)
    else:
        yield "the ensembles are equal"
    yield ""
    if not difference.calls:
        yield f"all calls are equal ({difference.same_calls:,})"
    else:
        yield f"{count(len(difference.calls), 'call')} of {len(difference.calls) + difference.same_calls} differ:"
        yield from table(("call", "why"), [(one.call_id, _why(one)) for one in difference.calls], room=room)
    yield ""


def _tokens(run: RunRecord) -> str:
    from attention_moa.sums import told_tokens

    return told_tokens(run.usage, run.usage.input_tokens, run.usage.output_tokens)


def _why(call: CallDifference) -> str:
    why = ", ".join(_WHY[cause] for cause in call.causes)
    if not call.after:
        return why
    named = ", ".join(call.after[:_MOST_NAMED])
    more = f" and {len(call.after) - _MOST_NAMED} more" if len(call.after) > _MOST_NAMED else ""
    return f"{why}: it quotes {named}{more}"


def _print_answers(pieces: Sequence[Piece]) -> None:
    """Print the answers laid over each other: what only A has struck, what only B has underlined."""
    from attention_moa.cli.clean import clean
    from attention_moa.cli.output import say, say_answer

    if all(piece.side == "both" for piece in pieces):
        say("the answers are equal")
        return
    say("answers, [-only in A-] {+only in B+}:")
    say("")
    if not sys.stdout.isatty():
        marks = {"both": ("", ""), "A": ("[-", "-]"), "B": ("{+", "+}")}
        say_answer("".join(f"{marks[piece.side][0]}{piece.text}{marks[piece.side][1]}" for piece in pieces))
        return
    from rich.console import Console
    from rich.text import Text

    styles = {"both": ("", "", ""), "A": ("[-", "-]", "bold red"), "B": ("{+", "+}", "bold green")}
    text = Text()
    for piece in pieces:
        begin, end, style = styles[piece.side]
        text.append(f"{begin}{clean(piece.text)}{end}", style)
    Console(highlight=False, markup=False, emoji=False).print(text)
