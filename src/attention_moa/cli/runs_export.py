"""``attention-moa runs export``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from attention_moa.cli.keeping import journal_option

if TYPE_CHECKING:
    from attention_moa.exporting import Form
    from attention_moa.records import RunRecord
    from attention_moa.store.journal import SqlJournal

_ENDINGS = {".json": "json", ".jsonl": "jsonl", ".md": "markdown", ".markdown": "markdown"}


@click.command("export")
@click.argument("run", default="last")
@journal_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "jsonl", "markdown"]),
    help="json: the whole record; jsonl: one call a line; markdown: to be read. Else as FILE ends; json without FILE.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to FILE, and not to standard output.",
)
@click.option("--force", "is_forced", is_flag=True, help="Write over a file that is there; its mode stays.")
def export_run(*, run: str, journal: str | None, form: str | None, output: Path | None, is_forced: bool) -> int:
    """Print RUN as JSON (reads back equal), JSON lines or Markdown, or write it to a file that you alone can read.

    RUN is an id, its beginning or its end; without it, the newest run.
    """
    from attention_moa.cli.opened import find_run, with_journal
    from attention_moa.cli.output import say_file, tell
    from attention_moa.exporting import export

    chosen = form or _form_of(output)

    async def read(opened: SqlJournal) -> RunRecord:
        return await opened.record(await find_run(opened, run))

    record = with_journal(journal, read)
    text = export(record, cast("Form", chosen))
    if output is None:
        say_file(text)
        return 0
    _write(output, text, is_forced=is_forced)
    tell(f"{output}: run {record.run_id} as {chosen}")
    return 0


def _form_of(output: Path | None) -> str:
    """Return the form that a file's name asks for; JSON without a file."""
    if output is None:
        return "json"
    form = _ENDINGS.get(output.suffix.lower())
    if form is None:
        raise click.UsageError(
            f"{output.name!r} does not say as what: write one that ends in {', '.join(_ENDINGS)}, "
            "or add --format json, jsonl or markdown"
        )
    return form


def _write(path: Path, text: str, *, is_forced: bool) -> None:
    from attention_moa.errors import ConfigError

    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if is_forced else os.O_EXCL), 0o600)
        with os.fdopen(opened, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{str(path)!r} is there already: --force writes over it", key="--output") from error
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be written: {error.strerror}", key="--output") from error
