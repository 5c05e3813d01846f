"""``attention-moa keys``: who may use a server, and for how much."""

from __future__ import annotations

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.lazy import LazyGroup

_COMMANDS = {
    "add": ("attention_moa.cli.keys_add:add_key", "Make a key, and print it once."),
    "list": ("attention_moa.cli.keys_list:list_keys", "List the keys: what they may, and what they spent."),
    "revoke": ("attention_moa.cli.keys_revoke:revoke_key", "Make a key good for nothing; its runs stay."),
    "delete-runs": ("attention_moa.cli.keys_delete_runs:delete_runs", "Delete all runs of a key for good."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, epilog=EXIT_CODES)
def keys() -> None:
    """Make, list and revoke the keys of a server, which are kept in its journal.

    A server without any key is open to whoever reaches it. One that runs sees what changes here within some seconds.
    """
