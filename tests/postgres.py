"""PostgreSQL servers for tests, and databases on them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.machine import missing

SCRIPT = Path(__file__).parents[1] / "scripts" / "postgres.sh"
VARIABLE = "ATTENTION_MOA_TEST_POSTGRES"


class Server(NamedTuple):
    """A server of a test's own: its URL, and the folder by which the script stops and starts it."""

    url: str
    folder: str


@contextmanager
def own_postgres() -> Iterator[Server]:
    """Lend a new server, to do anything to; skip the test, or fail it on CI, where PostgreSQL is not installed."""
    with tempfile.TemporaryDirectory(prefix="moa-postgres-", ignore_cleanup_errors=True) as folder:
        started = subprocess.run([SCRIPT, "start", folder], capture_output=True, text=True, timeout=120, check=False)
        if started.returncode == 3:
            missing(started.stderr.strip())
        assert started.returncode == 0, started.stderr
        try:
            yield Server(started.stdout.strip(), folder)
        finally:
            subprocess.run([SCRIPT, "stop", folder], capture_output=True, timeout=120, check=True)


@contextmanager
def any_postgres() -> Iterator[str]:
    """Lend a server's URL: the one that ATTENTION_MOA_TEST_POSTGRES names, else a new one's."""
    if named := os.environ.get(VARIABLE):  # noqa: TID251 - the tests' own
        yield named
        return
    with own_postgres() as server:
        yield server.url


async def a_database(server: str) -> str:
    """Return the URL of a new database on a server."""
    name = f"moa_{uuid4().hex}"
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
    finally:
        await engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)
