"""Keys and what they spent, in a file and on a real PostgreSQL server alike."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from attention_moa.errors import ConfigError, SchemaVersionError
from attention_moa.server.errors import ApiError
from attention_moa.server.key_store import KeyStore, open_key_database
from attention_moa.server.keys import Key, KeyRules, digest_of
from attention_moa.server.spending import Spent
from attention_moa.store import open_journal
from tests import asking
from tests.journals import a_head
from tests.key_world import Till, a_till

Play = Callable[[Callable[[Till, Till], Awaitable[None]]], None]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Return where a new journal is."""
    if request.param == "sqlite":
        return tmp_path / "journal.db"
    url: str = request.getfixturevalue("database")
    return url


@pytest.fixture
def play(place: str | Path) -> Play:
    """Return what plays a scenario with two servers on one journal."""

    def played(scenario: Callable[[Till, Till], Awaitable[None]]) -> None:
        async def both() -> None:
            async with a_till(place) as one, a_till(place, one.day) as other:
                await scenario(one, other)

        asking.run(both)

    return played


def test_a_key_is_known_by_its_secret_and_another_server_knows_it_too(play: Play) -> None:
    """Of the secret, only a hash is kept."""
    rules = KeyRules(usd=5, rpm=3, ensembles=("paper-small",), may_set=(), isolate_caches=True)

    async def scenario(one: Till, other: Till) -> None:
        key, secret = await one.store.add("alice", rules)
        assert secret.startswith(key.hint)
        assert await other.store.by_digest() == {digest_of(secret): key}
        assert await other.store.get("alice") == key
        assert key.rules == rules

    play(scenario)


def test_a_revoked_key_is_good_no_more_and_its_name_is_not_given_again(play: Play) -> None:
    """Its runs are its own for good; revoking it once more changes nothing."""

    async def scenario(one: Till, other: Till) -> None:
        await one.key("alice")
        await one.key("bob")
        revoked = await other.store.revoke("alice")
        assert revoked.revoked_at is not None
        assert await one.store.revoke("alice") == revoked
        assert [key.name for key in await one.store.keys()] == ["alice", "bob"]
        with pytest.raises(ConfigError, match="is or was a key 'alice'"):
            await one.key("alice")

    play(scenario)


def test_a_key_that_is_not_there_is_told_with_those_that_are(play: Play) -> None:
    """As is a name that can be none."""

    async def scenario(one: Till, _: Till) -> None:
        with pytest.raises(ConfigError, match="there are none yet"):
            await one.store.revoke("nobody")
        await one.key("alice")
        with pytest.raises(ConfigError, match="there are alice"):
            await one.store.get("nobody")
        with pytest.raises(ConfigError, match="is no name"):
            await one.key("no name")

    play(scenario)


async def refused(till: Till, key: Key, usd: float) -> ApiError:
    """Return what a run is refused with."""
    with pytest.raises(ApiError) as error:
        await till.spending.hold(key, usd, call_usd=0)
    return error.value


def test_two_servers_agree_on_what_is_left(play: Play) -> None:
    """What the one holds the other cannot have; what a run did not need is there again."""

    async def scenario(one: Till, other: Till) -> None:
        key = await one.key(rules=KeyRules(usd=1))
        held = await one.spending.hold(key, 0.7, call_usd=0)
        assert (await refused(other, key, 0.4)).code == "budget_exceeded"
        await one.spending.begin(held, "run-1")
        assert [(each.run_id, each.usd) for each in await other.spending.held()] == [("run-1", 0.7)]
        await one.spending.settle(held, "run-1", 0.5)
        assert await other.spending.held() == []
        assert await other.spending.spent() == {"alice": Spent(0.5, 0.5)}
        await other.spending.hold(key, 0.5, call_usd=0)
        assert (await refused(one, key, 0.01)).code == "budget_exceeded"

    play(scenario)


def test_of_many_runs_that_begin_at_once_no_more_do_than_there_is_money_for(play: Play) -> None:
    """Whichever server they come to."""

    async def scenario(one: Till, other: Till) -> None:
        key = await one.key(rules=KeyRules(usd_per_day=1))
        begun: list[object] = []

        async def begin(till: Till) -> None:
            try:
                begun.append(await till.spending.hold(key, 0.25, call_usd=0))
            except ApiError as error:
                assert error.code == "budget_exceeded"  # noqa: PT017 - one of ten, not all of them

        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(begin((one, other)[number % 2]))
        assert len(begun) == 4

    play(scenario)


def test_a_new_day_has_its_own_money(play: Play) -> None:
    """What was spent before counts in all, and what began yesterday counts for yesterday."""

    async def scenario(one: Till, _: Till) -> None:
        key = await one.key(rules=KeyRules(usd_per_day=1, usd=2.5))
        late = await one.spending.hold(key, 1, call_usd=0)
        one.day.now += timedelta(days=1)
        await one.spending.settle(late, "run-1", 1)
        await one.spending.settle(await one.spending.hold(key, 1, call_usd=0), "run-2", 1)
        assert await one.spending.spent() == {"alice": Spent(1, 2)}
        one.day.now += timedelta(days=1)
        assert (await refused(one, key, 0.6)).retry_after_s is None
        await one.spending.hold(key, 0.5, call_usd=0)

    play(scenario)


def test_a_run_is_settled_once_and_its_earlier_life_counts_once(play: Play) -> None:
    """A run that goes on tells what it cost in all."""

    async def scenario(one: Till, other: Till) -> None:
        key = await one.key(rules=KeyRules(usd=10))
        first = await one.spending.hold(key, 2, call_usd=0)
        await one.spending.settle(first, "run-1", 1.5)
        await other.spending.settle(first, "run-1", 2)
        later = await other.spending.hold(key, 2, call_usd=0)
        await other.spending.settle(later, "run-1", 2.5)
        assert await one.spending.spent() == {"alice": Spent(2.5, 2.5)}

    play(scenario)


def test_a_run_that_never_began_costs_nothing(play: Play) -> None:
    """Two of them neither: they are not taken for one run."""

    async def scenario(one: Till, _: Till) -> None:
        key = await one.key(rules=KeyRules(usd=1))
        for _again in range(2):
            await one.spending.settle(await one.spending.hold(key, 1, call_usd=0), None, 0)
        assert await one.spending.spent() == {"alice": Spent(0, 0)}

    play(scenario)


def test_a_key_that_was_revoked_meanwhile_holds_nothing(play: Play) -> None:
    """Although the server knew it as good a moment ago."""

    async def scenario(one: Till, other: Till) -> None:
        key = await one.key(rules=KeyRules(usd=1))
        await other.store.revoke("alice")
        assert (await refused(one, key, 0.5)).status == 401
        assert await one.spending.held() == []

    play(scenario)


def test_runs_of_a_key_without_a_budget_are_counted_when_they_are_over(play: Play) -> None:
    """A list of keys shows what each spent."""

    async def scenario(one: Till, other: Till) -> None:
        key = await one.key()
        await one.spending.count(key, "run-1", 0.25)
        await one.spending.count(key, "run-1", 0.75)
        await one.spending.count(await one.key("bob"), "run-2", 0.5)
        assert await other.spending.spent() == {"alice": Spent(0.75, 0.75), "bob": Spent(0.5, 0.5)}

    play(scenario)


def test_a_journal_of_before_gets_keys_and_keeps_its_runs(place: str | Path) -> None:
    """Also where nobody but keys opens it."""

    async def scenario() -> None:
        async with open_journal(place) as journal:
            await (await journal.begin(a_head())).release()
        async with a_till(place) as till:
            await till.key()
        async with a_till(place) as till, open_journal(place) as journal:
            assert [key.name for key in await till.store.keys()] == ["alice"]
            assert [row.run_id for row in await journal.rows()] == ["run-1"]

    asking.run(scenario)


def test_tables_of_a_later_version_are_left_alone(tmp_path: Path) -> None:
    """Its keys may have limits that this version does not know."""
    file = tmp_path / "journal.db"

    async def opened() -> None:
        async with a_till(file):
            pass

    asking.run(opened)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE moa_meta SET value = ? WHERE key = 'keys_version'", (b"99",))
    with pytest.raises(SchemaVersionError):
        asking.run(opened)


def test_a_journal_that_is_only_read_and_has_no_keys_gets_no_tables(tmp_path: Path) -> None:
    """A list of none is a list."""
    file = tmp_path / "journal.db"

    async def made() -> None:
        async with open_journal(file) as journal:
            await journal.secret()

    async def listed() -> None:
        async with open_key_database(file, is_only_read=True) as database:
            assert await KeyStore(database).keys() == []

    asking.run(made)
    asking.run(listed)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'moa_keys'").fetchone() == (0,)
