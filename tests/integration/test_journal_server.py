"""A PostgreSQL journal when things go wrong: addresses, rights, lost connections."""

from __future__ import annotations

import asyncio
import socket

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from attention_moa.errors import ConfigError, RunBusyError, SchemaVersionError, StoreError
from attention_moa.store import open_journal
from tests.asking import run
from tests.journals import a_call, a_head


@pytest.fixture
def url(database: str) -> str:
    """Return a new database's URL."""
    return database


async def execute(url: str, statement: str) -> None:
    """Do something to a database behind the journal's back."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'attention-moa' AND datname = current_database()
"""


def refused(url: str, words: str) -> None:
    """Assert that a journal cannot be opened, in one line that holds no password."""

    async def scenario() -> None:
        async with open_journal(url):
            pass

    with pytest.raises(StoreError, match=words) as caught:
        run(scenario)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_named() -> None:
    """By host, port and database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused(f"postgresql://someone:hunter2@127.0.0.1:{port}/db", f"postgresql://127.0.0.1:{port}/db .*server runs")


def test_a_database_that_is_not_there_is_named(postgres_server: str) -> None:
    """With how to make it."""
    missing = make_url(postgres_server).set(database="missing", password="hunter2")
    refused(missing.render_as_string(hide_password=False), "createdb")


def test_an_unknown_user_is_named(postgres_server: str) -> None:
    """With the mend."""
    stranger = make_url(postgres_server).set(username="stranger", password="hunter2")
    refused(stranger.render_as_string(hide_password=False), "mend the URL")


def test_a_setting_that_the_driver_does_not_know_is_refused(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError, match=r"asyncpg does not take.*'nonsense'") as caught:
        run(lambda: open_journal(f"{url}?nonsense=hunter2").__aenter__())
    assert caught.value.key == "journal"
    assert "hunter2" not in str(caught.value)


def test_a_later_schema_is_refused(url: str) -> None:
    """And left as it is."""

    async def scenario() -> None:
        async with open_journal(url):
            pass
        await execute(url, "UPDATE moa_meta SET value = '99' WHERE key = 'schema_version'")
        with pytest.raises(SchemaVersionError):
            await open_journal(url)

    run(scenario)


def test_a_user_without_rights_is_told(url: str) -> None:
    """What to grant."""

    async def scenario() -> None:
        await execute(url, "DROP ROLE IF EXISTS reader")
        await execute(url, "CREATE ROLE reader LOGIN")

    run(scenario)
    refused(make_url(url).set(username="reader").render_as_string(), "grant")


def test_a_cancelled_look_at_a_run_lets_go_of_none(url: str) -> None:
    """Whoever is cancelled while he asks for a run, the others are still held."""

    async def scenario() -> None:
        async with open_journal(url) as journal, open_journal(url) as other:
            await journal.begin(a_head())
            for wait_s in (0.0, 0.0005, 0.001, 0.002, 0.004):
                asking = asyncio.create_task(journal.begin(a_head(f"run {wait_s}")))  # noqa: TID251 - cancelled by hand
                await asyncio.sleep(wait_s)
                asking.cancel()
                await asyncio.wait((asking,))
            await journal.begin(a_head("run-2"))
            for run_id in ("run-1", "run-2"):
                with pytest.raises(RunBusyError):
                    await other.resume(run_id)

    run(scenario)


def test_a_lost_connection_is_made_anew(url: str) -> None:
    """The run goes on, and is still held by the one who had it."""

    async def scenario() -> None:
        async with open_journal(url) as journal, open_journal(url) as other:
            place = await journal.begin(a_head())
            await place.put("key", a_call())
            await execute(url, CUT)
            await place.put("key", a_call("1.answer.b"))
            another = await journal.begin(a_head("run-2"))
            with pytest.raises(RunBusyError):
                await other.resume("run-1")
            assert [row.calls for row in await journal.rows()] == [0, 2]
            await execute(url, CUT)
            await place.release()
            await another.release()
            await (await other.resume("run-1")).release()

    run(scenario)
