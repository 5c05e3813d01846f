"""``attention-moa keys add``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option, named, where_is
from attention_moa.cli.numbers import Number, Whole
from attention_moa.cli.printing import json_option

if TYPE_CHECKING:
    from attention_moa.server.keys import Key, KeyRules
    from attention_moa.store.database import Database

NOTHING = "nothing"
"""The field that stands for no field at all."""

_USD = Number(min=0, min_open=True)


@click.command("add")
@click.argument("name")
@journal_option
@click.option("--usd-per-day", type=_USD, metavar="USD", help="Spend at most so much on a day (UTC).")
@click.option("--usd", type=_USD, metavar="USD", help="Spend at most so much in all.")
@click.option("--rpm", type=Whole(min=1), metavar="N", help="Begin at most N requests a minute.")
@click.option("--concurrency", type=Whole(min=1), metavar="N", help="Have at most N runs at once.")
@click.option("-e", "--ensemble", "ensembles", multiple=True, metavar="NAME", help="Ask only this; again for more.")
@click.option(
    "--may-set",
    multiple=True,
    metavar="FIELD",
    help=f"Set only this field of attention_moa in requests; again for more, or {NOTHING!r}.",
)
@click.option("--admin", "is_admin", is_flag=True, help="See all runs, and the metrics.")
@click.option(
    "--isolate-caches/--share-caches",
    "isolate_caches",
    default=None,
    help="Begin every prompt with a line of the key's own, or not; else as the server says.",
)
@click.option("--to", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the key into this new file, for this user's eyes alone.")  # fmt: skip
@json_option("Print one JSON document.")
def add_key(  # one argument an option, as click calls it
    *,
    name: str,
    journal: str | None,
    usd_per_day: float | None,
    usd: float | None,
    rpm: int | None,
    concurrency: int | None,
    ensembles: tuple[str, ...],
    may_set: tuple[str, ...],
    is_admin: bool,
    isolate_caches: bool | None,
    to: Path | None,
    is_json: bool,
) -> int:
    """Make a key for NAME, and print it: it is shown this once, and only its hash is kept.

    Whoever has the key sees, cancels and resumes the runs that were made with it. NAME is theirs for good.
    """
    if to is not None and is_json:
        raise click.UsageError("--to and --json exclude each other: --to writes the key alone")
    from attention_moa.cli.keys_file import key_written
    from attention_moa.cli.keys_opened import with_keys
    from attention_moa.cli.output import say_json, tell
    from attention_moa.server.key_store import KeyStore
    from attention_moa.server.keys import KeyRules

    rules = KeyRules(
        is_admin=is_admin,
        usd_per_day=usd_per_day,
        usd=usd,
        rpm=rpm,
        concurrency=concurrency,
        ensembles=ensembles,
        may_set=_fields(may_set),
        isolate_caches=isolate_caches,
    )

    async def add(database: Database) -> tuple[Key, str]:
        return await KeyStore(database).add(name, rules)

    if is_json:
        say_json(_document(name, with_keys(journal, add, is_made=True)[1], rules))
        return 0
    with key_written(to) as write:
        write(with_keys(journal, add, is_made=True)[1])
    once = "is shown once" if to is None else f"is in {to} alone"
    tell(f"this key of {name} {once}; revoke it with: attention-moa keys revoke {name}{_of(journal)}")
    return 0


def _fields(may_set: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the fields that requests may have; None for all."""
    if not may_set:
        return None
    if may_set == (NOTHING,):
        return ()
    if NOTHING in may_set:
        raise click.UsageError(f"--may-set {NOTHING} stands alone: leave it out, or the other fields")
    return tuple(dict.fromkeys(may_set))


def _document(name: str, secret: str, rules: KeyRules) -> bytes:
    import msgspec

    return msgspec.json.encode({"name": name, "key": secret, "rules": rules})


def _of(journal: str | None) -> str:
    return named(where_is(journal))
