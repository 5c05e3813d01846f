"""What the runs of keys cost, in the journal's database: so that several servers, and restarts, agree on what is left.

Every run of a key with a budget holds money before it begins, and counts with what it cost once it is over. What a
server that died held is let go of by the others, or by itself when it comes back; ``leftovers.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from attention_moa.server.errors import ApiError
from attention_moa.server.key_tables import CHARGES, KEYS, SPENT, has_tables
from attention_moa.server.keys import Key
from attention_moa.server.money_left import Sums, require_left
from attention_moa.store.database import Database


class Held(NamedTuple):
    """Money held for a run that is under way, or was when its server died.

    Args:
        charge_id: Unique.
        run_id: The run; None where it had not begun.
        created: When it was held, seconds since 1970.
        usd: How much.
        call_usd: What the plan expected of one of the run's calls.
    """

    charge_id: str
    run_id: str | None
    created: float
    usd: float
    call_usd: float


class Spent(NamedTuple):
    """What a key spent, in US dollars: on this day of UTC, and ever."""

    today: float = 0.0
    in_all: float = 0.0


class Spending:
    """What keys spent, and what their runs under way hold.

    Args:
        database: As ``open_key_database`` lends it.
        now: The time, in UTC.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        """Keep the database."""
        self._database = database
        self._now = now
        insert = postgresql.insert if database.is_server else sqlite.insert
        spent = insert(SPENT)
        self._add = spent.on_conflict_do_update(
            index_elements=[SPENT.c.owner, SPENT.c.day], set_={"usd": SPENT.c.usd + spent.excluded.usd}
        )

    async def hold(self, key: Key, usd: float, *, call_usd: float) -> Held:
        """Return money held for a run that is about to begin.

        Args:
            key: Whose.
            usd: The most that the run is expected to cost.
            call_usd: What a call of it is expected to cost.

        Raises:
            ApiError: 429: the key has less left; 401: it was revoked meanwhile.
            StoreError: The database cannot be written.
        """
        now = self._now()
        held = Held(uuid4().hex, None, now.timestamp(), usd, call_usd)
        async with self._database.write() as connection:
            await _alone(connection, key)
            require_left(key, await _sums(connection, key.owner, _day(now)), usd, now)
            await connection.execute(CHARGES.insert(), [_row(held, key.owner, _day(now))])
        return held

    async def begin(self, held: Held, run_id: str) -> None:
        """Write down which run it is for: what becomes of it is then known even where this server dies."""
        begun = update(CHARGES).where(CHARGES.c.charge_id == held.charge_id).values(run_id=run_id)
        async with self._database.write() as connection:
            await connection.execute(begun)

    async def settle(self, held: Held, run_id: str | None, usd: float) -> None:
        """Let go of what a run held, and count what it cost; once, however often it is called.

        Args:
            held: What was held.
            run_id: The run; None where none began.
            usd: What the run cost in all, with what it cost before it was interrupted: that counts once.
        """
        freed = (
            update(CHARGES)
            .where(CHARGES.c.charge_id == held.charge_id, CHARGES.c.reserved_usd.is_not(None))
            .values(reserved_usd=None, run_id=run_id)
            .returning(CHARGES.c.owner, CHARGES.c.day)
        )
        async with self._database.write() as connection:
            charge = (await connection.execute(freed)).first()
            if charge is None:
                return
            of_run = select(func.coalesce(func.sum(CHARGES.c.charged_usd), 0.0)).where(CHARGES.c.run_id == run_id)
            before: float = (await connection.execute(of_run)).scalar_one()
            more = max(usd - before, 0.0)
            counted = update(CHARGES).where(CHARGES.c.charge_id == held.charge_id).values(charged_usd=more)
            await connection.execute(counted)
            await connection.execute(self._add, [{"owner": charge.owner, "day": charge.day, "usd": more}])

    async def count(self, key: Key, run_id: str, usd: float) -> None:
        """Count what a run cost that held nothing, since its key has no budget."""
        now = self._now()
        held = Held(uuid4().hex, None, now.timestamp(), 0.0, 0.0)
        async with self._database.write() as connection:
            await connection.execute(CHARGES.insert(), [_row(held, key.owner, _day(now))])
        await self.settle(held, run_id, usd)

    async def held(self) -> list[Held]:
        """Return what runs under way hold, of this server and of others, and what runs of servers that died do."""
        found = select(
            CHARGES.c.charge_id, CHARGES.c.run_id, CHARGES.c.created, CHARGES.c.reserved_usd, CHARGES.c.call_usd
        ).where(CHARGES.c.reserved_usd.is_not(None))
        async with self._database.read() as connection:
            return [Held(*row) for row in (await connection.execute(found)).all()]

    async def held_usd(self) -> dict[str, float]:
        """Return what the runs of each key hold, in US dollars; keys whose runs hold nothing are not in it."""
        held = func.sum(CHARGES.c.reserved_usd)
        found = select(CHARGES.c.owner, held).where(CHARGES.c.reserved_usd.is_not(None)).group_by(CHARGES.c.owner)
        async with self._database.read() as connection:
            if not await connection.run_sync(has_tables):
                return {}
            return {row.owner: row[1] for row in (await connection.execute(found)).all() if row[1]}

    async def spent(self) -> dict[str, Spent]:
        """Return what each key spent; those that spent nothing are not in it."""
        day = _day(self._now())
        async with self._database.read() as connection:
            if not await connection.run_sync(has_tables):
                return {}
            rows = (await connection.execute(select(SPENT.c.owner, SPENT.c.day, SPENT.c.usd))).all()
        found: dict[str, Spent] = {}
        for row in rows:
            sofar = found.get(row.owner, Spent())
            found[row.owner] = Spent(sofar.today + row.usd * (row.day == day), sofar.in_all + row.usd)
        return found


async def _alone(connection: AsyncConnection, key: Key) -> None:
    """Keep everybody else from holding money of a key until the transaction ends; see that the key is still good."""
    # A write, although it changes nothing: it locks the key's row on a server, and the whole file in SQLite.
    locked = update(KEYS).where(KEYS.c.name == key.name, KEYS.c.revoked_at.is_(None)).values(name=key.name)
    if not (await connection.execute(locked)).rowcount:
        raise ApiError(401, f"the key {key.name} was revoked", type="authentication_error", code="invalid_api_key")


async def _sums(connection: AsyncConnection, owner: str, day: str) -> Sums:
    spent = func.coalesce(func.sum(SPENT.c.usd), 0.0)
    held = func.coalesce(func.sum(CHARGES.c.reserved_usd), 0.0)
    of_owner = select(held).where(CHARGES.c.owner == owner, CHARGES.c.reserved_usd.is_not(None))

    async def sum_of(asked: Select[float]) -> float:
        return (await connection.execute(asked)).scalar_one()

    return Sums(
        today=await sum_of(select(spent).where(SPENT.c.owner == owner, SPENT.c.day == day)),
        in_all=await sum_of(select(spent).where(SPENT.c.owner == owner)),
        held_today=await sum_of(of_owner.where(CHARGES.c.day == day)),
        held=await sum_of(of_owner),
    )


def _row(held: Held, owner: str, day: str) -> dict[str, object]:
    return {
        "charge_id": held.charge_id,
        "owner": owner,
        "day": day,
        "created": held.created,
        "reserved_usd": held.usd,
        "call_usd": held.call_usd,
        "charged_usd": 0.0,
    }


def _day(now: datetime) -> str:
    return now.date().isoformat()
