"""The keys that a server knows, read again every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from attention_moa.errors import StoreError
from attention_moa.server.errors import ApiError
from attention_moa.server.key_ring import FRESH_S, UNKNOWN_S, KeyRing
from attention_moa.server.key_store import KeyStore, open_key_database
from attention_moa.server.keys import Key, KeyRules, new_secret
from tests import asking


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class CountedStore(KeyStore):
    """A store that counts how often it is read, and that can break."""

    reads = 0
    is_broken = False

    async def by_digest(self) -> dict[bytes, Key]:
        self.reads += 1
        if self.is_broken:
            raise StoreError("gone")
        return await super().by_digest()


def play(path: Path, scenario: Callable[[KeyRing, CountedStore, Clock], Awaitable[None]]) -> None:
    """Play a scenario with a server's ring on a new journal."""

    async def played() -> None:
        async with open_key_database(path / "journal.db") as database:
            store, clock = CountedStore(database), Clock()
            await scenario(KeyRing(store, clock), store, clock)

    asking.run(played)


async def refused(ring: KeyRing, authorization: str | None) -> str:
    """Return what is told of a request's key that is none."""
    with pytest.raises(ApiError) as error:
        await ring.find(authorization)
    assert (error.value.status, error.value.code) == (401, "invalid_api_key")
    assert error.value.headers["www-authenticate"] == "Bearer"
    return error.value.message


def test_a_key_is_found_by_its_secret(tmp_path: Path) -> None:
    """In the usual header, whatever its case."""

    async def scenario(ring: KeyRing, store: CountedStore, _: Clock) -> None:
        key, secret = await store.add("alice", KeyRules())
        await store.add("bob", KeyRules())
        assert await ring.find(f"Bearer {secret}") == key
        assert await ring.find(f"  bearer  {secret} ") == key
        assert await ring.named("alice") == key
        assert await ring.named("carol") is None

    play(tmp_path, scenario)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """Whatever it is, and nothing of it is repeated."""

    async def scenario(ring: KeyRing, store: CountedStore, _: Clock) -> None:
        secret = (await store.add("alice", KeyRules()))[1]
        for none in (None, "", secret, f"Basic {secret}", "Bearer", "Bearer "):
            assert "there is no key in the request" in await refused(ring, none)
        for wrong in (new_secret(), secret[:-1], secret + "x", secret.lower(), "\ud800"):
            told = await refused(ring, f"Bearer {wrong}")
            assert "not known here" in told
            assert "ask whoever runs this server" in told, "no command helps who is somewhere else"

    play(tmp_path, scenario)


def test_new_and_revoked_keys_are_known_after_some_seconds(tmp_path: Path) -> None:
    """Until then the server goes by what it read."""

    async def scenario(ring: KeyRing, store: CountedStore, clock: Clock) -> None:
        assert not await ring.has_keys()
        key, secret = await store.add("alice", KeyRules())
        assert not await ring.has_keys()
        clock.now_s += FRESH_S
        assert await ring.has_keys()
        await store.revoke("alice")
        assert (await ring.find(f"Bearer {secret}")).name == key.name
        clock.now_s += FRESH_S
        await refused(ring, f"Bearer {secret}")
        assert await ring.has_keys(), "a server whose last key was revoked is not an open one"

    play(tmp_path, scenario)


def test_a_new_key_is_known_soon_and_who_guesses_does_not_wear_the_database(tmp_path: Path) -> None:
    """A key that is not known is looked for again, but not for every request."""

    async def scenario(ring: KeyRing, store: CountedStore, clock: Clock) -> None:
        await store.add("alice", KeyRules())
        await refused(ring, f"Bearer {new_secret()}")
        bob, secret = await store.add("bob", KeyRules())
        for _ in range(20):
            await refused(ring, f"Bearer {secret}")
        assert store.reads == 1
        clock.now_s += UNKNOWN_S
        assert await ring.find(f"Bearer {secret}") == bob
        assert store.reads == 2

    play(tmp_path, scenario)


def test_many_requests_read_the_keys_once(tmp_path: Path) -> None:
    """Those that come while they are read wait for that."""

    async def scenario(ring: KeyRing, store: CountedStore, clock: Clock) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(ring.has_keys())
        assert store.reads == 1
        clock.now_s += FRESH_S
        await ring.has_keys()
        assert store.reads == 2

    play(tmp_path, scenario)


def test_keys_that_cannot_be_read_let_nobody_in(tmp_path: Path) -> None:
    """A server that lost its database does not become an open one."""

    async def scenario(ring: KeyRing, store: CountedStore, clock: Clock) -> None:
        await store.add("alice", KeyRules())
        store.is_broken = True
        for _again in range(2):
            with pytest.raises(StoreError):
                await ring.has_keys()
            clock.now_s += FRESH_S

    play(tmp_path, scenario)
