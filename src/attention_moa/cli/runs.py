"""``attention-moa runs``: what the journal has, and what can be done with it."""

from __future__ import annotations

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.lazy import LazyGroup

_COMMANDS = {
    "list": ("attention_moa.cli.runs_list:list_runs", "List the runs, the newest first."),
    "show": ("attention_moa.cli.runs_show:show_run", "Show a run: texts, critiques, verdict, losses, costs."),
    "influence": ("attention_moa.cli.runs_influence:show_influence", "Show who moved whom, and who was of use."),
    "resume": ("attention_moa.cli.runs_resume:resume_run", "Go on with a run that was interrupted."),
    "export": ("attention_moa.cli.runs_export:export_run", "Write a run as JSON, JSON lines or Markdown."),
    "diff": ("attention_moa.cli.runs_diff:diff_runs", "Show which calls of two runs differ, and why."),
    "delete": ("attention_moa.cli.runs_delete:delete_runs", "Delete runs for good."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, epilog=EXIT_CODES)
def runs() -> None:
    """List, show, explain, resume, export, compare and delete the runs in the journal."""
