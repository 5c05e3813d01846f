"""``attention-moa ensemble``: list, show, check and write ensembles."""

from __future__ import annotations

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.lazy import LazyGroup

_COMMANDS = {
    "list": ("attention_moa.cli.shelf:list_ensembles", "List the shipped ensembles and those in this folder."),
    "show": ("attention_moa.cli.shelf:show_ensemble", "Show one ensemble, as a table or as its file."),
    "check": ("attention_moa.cli.check:check", "Reach every model, for a few tokens each."),
    "new": ("attention_moa.cli.new:new", "Write an ensemble from the keys and servers that are here."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, epilog=EXIT_CODES)
def ensemble() -> None:
    """List, show, check and write ensembles."""
