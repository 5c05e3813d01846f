"""The gate of a server that may have keys: who is let in, and what a run of theirs may take."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import HTTPConnection

from attention_moa.errors import StoreError
from attention_moa.records import RunRecord
from attention_moa.server.errors import ApiError
from attention_moa.server.gate import Pass, Visitor
from attention_moa.server.job import Job
from attention_moa.server.key_ring import KeyRing
from attention_moa.server.key_store import KeyStore, open_key_database
from attention_moa.server.keys import Key
from attention_moa.server.leftovers import EVERY_S, settle_leftovers
from attention_moa.server.money_left import counted_usd
from attention_moa.server.pricing import Expected, expected_cost
from attention_moa.server.rates import Rates
from attention_moa.server.spending import Held, Spending
from attention_moa.store.journal import SqlJournal
from attention_moa.telemetry.lines import FIELDS
from attention_moa.waiting import together

_LOG = logging.getLogger("attention_moa.server")


@asynccontextmanager
async def open_key_gate(
    place: str | Path,
    journal: SqlJournal,
    *,
    has_isolated_caches: bool = False,
    may_be_open: bool = True,
    monotonic: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncGenerator[KeyGate]:
    """Lend the gate of a journal's keys.

    Args:
        place: The journal's path or URL.
        journal: The journal itself, open.
        has_isolated_caches: Whether keys share no provider's cache, where a key says nothing else.
        may_be_open: Whether everybody is let in while there is no key; else nobody is.
        monotonic: Seconds on a clock that never goes back.
        now: The time, in UTC.

    Raises:
        StoreError: The keys cannot be had.
    """
    async with open_key_database(place) as database:
        ring = KeyRing(KeyStore(database), monotonic)
        spending = Spending(database, now)
        gate = KeyGate(
            ring,
            Rates(monotonic),
            spending,
            journal,
            has_isolated_caches=has_isolated_caches,
            may_be_open=may_be_open,
        )
        async with together() as group:
            sweeping = group.create_task(sweep(gate, spending, journal, now))
            try:
                yield gate
            finally:
                sweeping.cancel()


class KeyGate:
    """Lets in whoever has a good key; without any key in the journal, everybody.

    Args:
        ring: The keys.
        rates: How often and how much at once.
        spending: What they spent.
        journal: What plans learn from, and whose secret makes the keys' lines.
        has_isolated_caches: Whether keys share no provider's cache, where a key says nothing else.
        may_be_open: Whether everybody is let in while there is no key; else nobody is.
    """

    def __init__(
        self,
        ring: KeyRing,
        rates: Rates,
        spending: Spending,
        journal: SqlJournal,
        *,
        has_isolated_caches: bool,
        may_be_open: bool = True,
    ) -> None:
        """Keep all."""
        self.ring = ring
        self.charges: set[str] = set()
        self._rates = rates
        self._spending = spending
        self._journal = journal
        self._has_isolated_caches = has_isolated_caches
        self._may_be_open = may_be_open

    async def has_keys(self) -> bool:
        """Return whether there is a good key.

        Raises:
            StoreError: The keys cannot be read.
        """
        return await self.ring.has_keys()

    async def enter(self, connection: HTTPConnection) -> Visitor:
        """Return who asks.

        Raises:
            ApiError: 401: it brings no key that is good.
            StoreError: The keys cannot be read.
        """
        if self._may_be_open and not await self.has_keys():
            return Visitor(is_admin=True)
        key = await self.ring.find(connection.headers.get("authorization"))
        return Visitor(
            owner=key.owner,
            is_admin=key.rules.is_admin,
            ensembles=frozenset(key.rules.ensembles) or None,
            salt=await self._salt(key),
        )

    async def admit(self, visitor: Visitor, job: Job, *, sample: int = 0) -> Pass:
        """Return leave to make a run, with what it may cost held.

        Args:
            visitor: Who asks.
            job: What they ask.
            sample: Which run of the request it is, from 0; the request itself counts with the first.

        Raises:
            ApiError: 401: the key was revoked; 403: the ensemble, a setting, or a model without a price is not
                for this key; 429: it asks too often, has too many runs at once, or too little money left.
            StoreError: The database fails.
        """
        if not visitor.owner:
            return _Uncounted()
        key = await self.ring.named(visitor.owner)
        if key is None:
            raise ApiError(401, "the key was revoked", type="authentication_error", code="invalid_api_key")
        _require_allowed(key, visitor, job)
        asked_at = None if sample else self._rates.ask(key)  # at once: of two that come together both count
        try:
            held = await self._placed(key, job)
        except BaseException:  # cancelled too: no run began
            self._rates.take_back(key, asked_at)
            raise
        return _Counted(self, key, held, asked_at)

    async def _placed(self, key: Key, job: Job) -> Held | None:
        """Return the money held for a run that has its place among the key's from here on."""
        self._rates.begin(key)
        try:
            return await self._held(key, job)
        except BaseException:  # cancelled too: the place is given back
            self._rates.end(key)
            raise

    async def _held(self, key: Key, job: Job) -> Held | None:
        """Return the money held for a run; None for a key without a budget."""
        if not key.rules.has_budget:
            return None
        cost: Expected = await expected_cost(job.spec, job.conversation, self._journal, wanted=job.wanted)
        held = await self._spending.hold(key, cost.usd, call_usd=cost.call_usd)
        self.charges.add(held.charge_id)
        return held

    async def begun(self, held: Held | None, run_id: str) -> None:
        """Note which run money is held for."""
        if held is not None:
            await self._spending.begin(held, run_id)

    def take_back(self, key: Key, asked_at: float | None) -> None:
        """Count a request no more that began no run."""
        self._rates.take_back(key, asked_at)

    async def settle(self, key: Key, held: Held | None, record: RunRecord | None) -> None:
        """Let a run's place and money go, and count what it cost.

        A database that fails keeps no answer back: what is held then is settled from the journal later.
        """
        self._rates.end(key)
        try:
            await self._count(key, held, record)
        except StoreError:
            run_id = record.run_id if record is not None else None
            _LOG.exception("server.run_not_settled", extra={FIELDS: {"run_id": run_id}})
        finally:
            if held is not None:
                self.charges.discard(held.charge_id)

    async def _count(self, key: Key, held: Held | None, record: RunRecord | None) -> None:
        if record is None:
            if held is not None:
                await self._spending.settle(held, None, 0.0)
            return
        held_usd, call_usd = (held.usd, held.call_usd) if held is not None else (0.0, 0.0)
        usd = counted_usd(record, held_usd=held_usd, call_usd=call_usd)
        if held is not None:
            await self._spending.settle(held, record.run_id, usd)
        elif usd:
            await self._spending.count(key, record.run_id, usd)

    async def _salt(self, key: Key) -> str:
        """Return the line that begins every prompt of a key; empty where caches are shared."""
        own = key.rules.isolate_caches
        if not (self._has_isolated_caches if own is None else own):
            return ""
        return hmac.new(await self._journal.secret(), b"salt of " + key.owner.encode(), hashlib.sha256).hexdigest()


class _Uncounted:
    """Leave of who has no key, where none is needed."""

    async def begun(self, run_id: str) -> None:
        """Note nothing."""

    async def settle(self, record: RunRecord | None) -> None:
        """Count nothing."""


class _Counted:
    """Leave of a key's holder."""

    def __init__(self, gate: KeyGate, key: Key, held: Held | None, asked_at: float | None) -> None:
        """Keep what is to be given back."""
        self._gate = gate
        self._key = key
        self._held = held
        self._asked_at = asked_at
        self._is_settled = False

    async def begun(self, run_id: str) -> None:
        """Note which run it is."""
        await self._gate.begun(self._held, run_id)

    async def settle(self, record: RunRecord | None) -> None:
        """Give back what was held, and count what the run took; once. What never began is no request of the rate's."""
        if not self._is_settled:
            self._is_settled = True
            if record is None:
                self._gate.take_back(self._key, self._asked_at)
            await self._gate.settle(self._key, self._held, record)


def _require_allowed(key: Key, visitor: Visitor, job: Job) -> None:
    if not visitor.may_use(job.ensemble):
        allowed = ", ".join(key.rules.ensembles)
        message = f"the key {key.name} may not ask {job.ensemble}: it may ask {allowed}"
        raise ApiError(403, message, type="permission_error", code="model_not_allowed", param="model")
    if refused := key.not_set(job.settings):
        allowed = ", ".join(key.rules.may_set or ()) or "none"
        message = f"the key {key.name} may not set {refused[0]}: of the fields of attention_moa it may set {allowed}"
        param = f"attention_moa.{refused[0]}"
        raise ApiError(403, message, type="permission_error", code="setting_not_allowed", param=param)


async def sweep(gate: KeyGate, spending: Spending, journal: SqlJournal, now: Callable[[], datetime]) -> None:
    """Settle what servers left that died, from time to time."""
    while True:
        try:
            await settle_leftovers(spending, journal, own=lambda: gate.charges, now=now)
        except StoreError:
            _LOG.exception("server.leftovers_not_settled")
        await asyncio.sleep(EVERY_S)
