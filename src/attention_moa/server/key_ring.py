"""The keys of a server as they were a moment ago: read from the database again every few seconds."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

from attention_moa.server.errors import ApiError
from attention_moa.server.key_store import KeyStore
from attention_moa.server.keys import Key, digest_of

FRESH_S = 2.0
"""Seconds after which keys are read again: so long may a revoked one be good."""

UNKNOWN_S = 0.25
"""Seconds after which they are read again for a key that is not known: who guesses keys does not wear the database."""

_BEARER = "bearer "
_INDEX_BYTES = 8


class KeyRing:
    """The keys of a journal.

    Args:
        store: Where they are.
        now: Seconds on a clock that never goes back.
    """

    def __init__(self, store: KeyStore, now: Callable[[], float]) -> None:
        """Know no key; the first question reads them."""
        self._store = store
        self._now = now
        self._read_s: float | None = None
        self._reading = asyncio.Lock()
        self._has_keys = False
        self._by_index: dict[bytes, tuple[bytes, Key]] = {}
        self._by_name: dict[str, Key] = {}

    async def has_keys(self) -> bool:
        """Return whether there is, or ever was, a key: without one everybody is let in.

        Whose last key was revoked has a server that lets nobody in, not an open one.

        Raises:
            StoreError: The keys cannot be read.
        """
        await self._refresh()
        return self._has_keys

    async def count(self) -> int:
        """Return how many good keys there are."""
        await self._refresh()
        return len(self._by_name)

    async def named(self, name: str) -> Key | None:
        """Return the good key of a name; None where there is none, or none any more."""
        await self._refresh()
        return self._by_name.get(name)

    async def find(self, authorization: str | None) -> Key:
        """Return the key that a request brings.

        Args:
            authorization: Its header ``Authorization``; None where it has none.

        Raises:
            ApiError: 401: it brings none, or none that is good.
            StoreError: The keys cannot be read.
        """
        await self._refresh()
        brought = (authorization or "").strip()
        if brought[: len(_BEARER)].lower() != _BEARER:
            raise _unknown("there is no key in the request: send the one you were given as Authorization: Bearer moa-…")
        digest = digest_of(brought[len(_BEARER) :].strip())
        key = self._of(digest)
        if key is None:
            await self._refresh(UNKNOWN_S)
            key = self._of(digest)
        if key is None:
            raise _unknown(
                "the key is not known here, or was revoked: ask whoever runs this server for one that is good"
            )
        return key

    def _of(self, digest: bytes) -> Key | None:
        # What is looked up is a part of a hash of what was sent, and the rest takes the same time whatever it is: how
        # long an answer takes tells nothing of any key.
        known, key = self._by_index.get(digest[:_INDEX_BYTES], (bytes(len(digest)), None))
        return key if hmac.compare_digest(known, digest) else None

    async def _refresh(self, most_s: float = FRESH_S) -> None:
        """Read the keys, where that was longer ago than so many seconds."""
        if self._is_younger(most_s):
            return
        async with self._reading:  # one reads for all who ask meanwhile
            if self._is_younger(most_s):
                return
            now = self._now()
            known = await self._store.by_digest()
            good = {digest: key for digest, key in known.items() if key.revoked_at is None}
            self._has_keys = bool(known)
            self._by_index = {digest[:_INDEX_BYTES]: (digest, key) for digest, key in good.items()}
            self._by_name = {key.name: key for key in good.values()}
            self._read_s = now

    def _is_younger(self, most_s: float) -> bool:
        return self._read_s is not None and self._now() - self._read_s < most_s


def _unknown(message: str) -> ApiError:
    return ApiError(401, message, type="authentication_error", code="invalid_api_key")
