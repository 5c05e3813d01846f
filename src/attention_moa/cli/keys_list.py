"""``attention-moa keys list``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from attention_moa.cli.keeping import journal_option
from attention_moa.cli.printing import json_option

if TYPE_CHECKING:
    from attention_moa.server.keys import Key, KeyRules
    from attention_moa.server.spending import Spent
    from attention_moa.store.database import Database

_HEADINGS = ("name", "key", "made", "USD today", "USD in all", "USD held", "a minute", "at once", "what it may")


class _Line(NamedTuple):
    """A key, what its runs cost, and what those under way hold."""

    key: Key
    spent: Spent
    held_usd: float


@click.command("list")
@journal_option
@click.option("--revoked", "has_revoked", is_flag=True, help="Those that were revoked too.")
@json_option("Print one JSON document.")
def list_keys(*, journal: str | None, has_revoked: bool, is_json: bool) -> int:
    """List the good keys of a journal, the oldest first: what each may, and what its runs cost.

    What runs under way may still cost is held of a key's budgets until they end.
    """
    from attention_moa.cli.keys_opened import with_keys
    from attention_moa.cli.layout import table
    from attention_moa.cli.output import room_of, say, say_json, tell
    from attention_moa.server.key_store import KeyStore
    from attention_moa.server.spending import Spending, Spent

    async def read(database: Database) -> list[_Line]:
        spending = Spending(database, lambda: datetime.now(UTC))
        spent, held = await spending.spent(), await spending.held_usd()
        keys = await KeyStore(database).keys()
        return [_Line(key, spent.get(key.owner, Spent()), held.get(key.owner, 0.0)) for key in keys]

    every = with_keys(journal, read, is_only_read=True)
    found = [line for line in every if has_revoked or line.key.revoked_at is None]
    if is_json:
        say_json(_document(found))
        return 0
    if not found:
        tell(_why_none(len(every)))
        return 0
    for line in table(_HEADINGS, [_cells(*one) for one in found], room=room_of(sys.stdout)):
        say(line)
    return 0


def _why_none(revoked: int) -> str:
    if not revoked:
        return "no keys: a server with this journal lets everybody in"
    return "no good keys: a server with this journal lets nobody in; --revoked lists those that were"


def _cells(key: Key, spent: Spent, held_usd: float) -> tuple[str, ...]:
    from attention_moa.money import amount

    rules = key.rules
    return (
        key.name,
        f"{key.hint}…",
        f"{datetime.fromisoformat(key.created_at).astimezone():%Y-%m-%d}",
        _of(spent.today, rules.usd_per_day),
        _of(spent.in_all, rules.usd),
        amount(held_usd) if held_usd else "-",
        _limit(rules.rpm),
        _limit(rules.concurrency),
        "; ".join(_may(key)),
    )


def _of(spent: float, limit: float | None) -> str:
    """Return money spent, and of how much where that is limited."""
    from attention_moa.money import amount, as_written

    return amount(spent) if limit is None else f"{amount(spent)}/{as_written(limit)}"


def _limit(most: int | None) -> str:
    return "-" if most is None else f"{most:,}"


def _may(key: Key) -> list[str]:
    if key.revoked_at is not None:
        return [f"revoked {datetime.fromisoformat(key.revoked_at).astimezone():%Y-%m-%d}"]
    return ["admin"] * key.rules.is_admin + _narrowed(key.rules)


def _narrowed(rules: KeyRules) -> list[str]:
    told = [f"asks {', '.join(rules.ensembles)}"] if rules.ensembles else []
    if rules.may_set is not None:
        told.append(f"sets {', '.join(rules.may_set) or 'nothing'}")
    if rules.isolate_caches is not None:
        told.append("own caches" if rules.isolate_caches else "shared caches")
    return told


def _document(found: list[_Line]) -> bytes:
    import msgspec

    lines = [
        {
            **msgspec.to_builtins(key),
            "spent_today_usd": spent.today,
            "spent_usd": spent.in_all,
            "held_usd": held_usd,
        }
        for key, spent, held_usd in found
    ]
    return msgspec.json.encode(lines)
