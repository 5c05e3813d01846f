"""``attention-moa keys revoke``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option

if TYPE_CHECKING:
    from attention_moa.server.keys import Key
    from attention_moa.store.database import Database


@click.command("revoke")
@click.argument("name")
@journal_option
def revoke_key(*, name: str, journal: str | None) -> int:
    """Make the key of NAME good for nothing, for good. Its runs stay; those under way go on.

    A server that runs lets nobody in with it after some seconds.
    """
    from attention_moa.cli.keys_opened import with_keys
    from attention_moa.cli.output import tell
    from attention_moa.server.key_store import KeyStore

    async def revoke(database: Database) -> Key:
        return await KeyStore(database).revoke(name)

    tell(f"revoked: {with_keys(journal, revoke).name}")
    return 0
