"""What is printed when a run is over: the answer, or what there is of it, and the account."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from attention_moa.cli.account import account
from attention_moa.cli.clean import clean
from attention_moa.cli.failures import explain
from attention_moa.cli.output import complain, room_of, say, say_answer, tell
from attention_moa.cli.running import Outcome
from attention_moa.cli.views import Form
from attention_moa.codec import record_to_json
from attention_moa.errors import ConfigError, StoreError
from attention_moa.reading import further_texts
from attention_moa.records import Answer, RunRecord
from attention_moa.wording import quoted

_MARKDOWN = {
    "markdown.block_quote": "italic",
    "markdown.code": "bold",
    "markdown.item.number": "default",
    "markdown.link": "underline",
    "markdown.link_url": "underline",
    "markdown.table.border": "dim",
    "markdown.table.header": "bold",
}
"""No colours of the terminal's own: what is bright on black cannot be read on white, and the other way round."""


def print_outcome(outcome: Outcome, *, form: Form, has_table: bool) -> None:
    """Print the answer and the account of a run, or why there is none.

    Args:
        outcome: How the run ended.
        form: ``ANSWER``: the text, and the account on standard error; ``QUIET``: the text alone; for the other two the
            text is printed elsewhere.
        has_table: Whether the account lists the calls by layer and stage; that of a partial run does anyway.
    """
    record = outcome.record
    is_partial = outcome.signum is not None
    if form is Form.ANSWER and outcome.error is None and (record.calls or not is_partial):
        _print_text(record, is_partial=is_partial)
        tell("")
        has_table, room = is_partial or has_table, room_of(sys.stderr)
        for line in account(record, has_table=has_table, replayed_calls=outcome.replayed_calls, room=room):
            tell(line)
    elif form is Form.QUIET and outcome.error is None and not is_partial and record.text is not None:
        say_answer(_whole_answer(record, record.text))
    if outcome.error is not None:
        complain(explain(outcome.error))
    elif outcome.signum is not None:
        complain("terminated" if outcome.signum == signal.SIGTERM else "interrupted")


def print_answer(text: str) -> None:
    """Print an answer: as Markdown on a terminal, as it is elsewhere."""
    if not sys.stdout.isatty():
        say_answer(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    console = Console(highlight=False, markup=False, emoji=False, theme=Theme(_MARKDOWN))
    # No hyperlinks: an address that a model wrote is shown as it is, not hidden behind a word.
    console.print(Markdown(clean(text), hyperlinks=False))


def best_so_far(record: RunRecord) -> tuple[str, str] | None:
    """Return the best text of a run that did not end, and what it is; None where nothing is finished.

    Source: ours. A layer's output is better than a summary, a summary than a refinement, a refinement than an answer.
    """
    if record.text is not None:
        return record.text, "the best output so far"
    for layer in reversed(record.layers):
        for refinement in layer.refinements.values():
            if refinement.stands_in is None:
                return refinement.text, f"{refinement.agent}'s refined answer, the best so far"
        for answer in layer.answers.values():
            if isinstance(answer, Answer):
                return answer.text, f"{answer.agent}'s own answer, the best so far"
    return None


def write_trace(record: RunRecord, path: Path) -> StoreError | None:
    """Write the whole record to a file, as JSON; return what went wrong, to be raised when the answer is out."""
    try:
        with _for_this_user(path, os.O_TRUNC) as file:
            file.write(record_to_json(record, indent=2) + b"\n")
    except OSError as error:
        return StoreError(f"--trace: {str(path)!r} cannot be written: {error.strerror}")
    return None


def require_writable(path: Path) -> None:
    """Raise a ``ConfigError`` where a file cannot be written, before anything is paid for it."""
    try:
        _for_this_user(path).close()
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be written: {error.strerror}", key="--trace") from error


def _for_this_user(path: Path, flags: int = 0) -> BinaryIO:
    """Return a file opened to be written, one that is made for this user's eyes alone: a trace holds every text."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600), "wb")


def _whole_answer(record: RunRecord, text: str) -> str:
    """Return an answer with its tool calls, and further ones under their numbers: a server's run may have these."""
    more = (f"[answer {number}]\n\n{further}" for number, further in further_texts(record))
    return "\n\n".join((quoted(text, record.tool_calls), *more))


def _print_text(record: RunRecord, *, is_partial: bool) -> None:
    if not is_partial and record.text is not None:
        print_answer(_whole_answer(record, record.text))
        return
    best = best_so_far(record)
    if best is None:
        return
    text, what = best
    say(f"[partial: {what}]")
    say("")
    print_answer(text)
