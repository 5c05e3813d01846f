"""No key reaches the journal, an event, a record, a log or an error, wherever a key can stand."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from attention_moa import AgentSpec, Ensemble, EnsembleSpec
from attention_moa.codec import event_to_json, record_to_json
from attention_moa.config import CallPolicy
from attention_moa.errors import CallError, ConfigError, MoaError, StoreError
from attention_moa.events import Event
from attention_moa.ports import Provider
from attention_moa.providers.scripted import ScriptedProvider
from attention_moa.records import RunRecord
from attention_moa.settings import parse_spec
from attention_moa.store import open_journal
from attention_moa.store.journal import SqlJournal
from attention_moa.store.packing import plain_json
from tests.asking import run
from tests.fake_openai import Behaviour, FakeOpenAI, chunk, fails, says, whole

KEY = "sk-marked-0123456789abcdefghij"
OPAQUE = "swordfish.0123456789.swordfish"
"""A key that does not look like one."""


@pytest.fixture(autouse=True)
def every_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, no logger of any library says a key, not even at DEBUG."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        said = f"{record.getMessage()} {record.__dict__}"
        assert KEY not in said, record.name
        assert OPAQUE not in said, record.name


def cells(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield every cell of every table but the journal's own secret, unpacked."""
    for table in ("moa_runs", "moa_calls", "moa_decisions", "moa_events"):
        for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - the names are here
            for cell in row:
                yield plain_json(cell) if isinstance(cell, bytes) else str(cell).encode()


def everything(path: Path) -> bytes:
    """Return all that an open journal has on disk: every cell unpacked, and the raw files, the log of SQLite too."""
    raw = [file.read_bytes() for file in path.parent.rglob("*") if file.is_file()]
    with sqlite3.connect(path) as connection:
        unpacked = list(cells(connection))
    connection.close()
    return b"\n".join((*unpacked, *raw))


async def exported(journal: SqlJournal) -> bytes:
    """Return all that can be read of a journal's runs."""
    rows = await journal.rows()
    records = [await journal.record(row.run_id) for row in rows]
    return b"\n".join((repr(rows).encode(), *(record_to_json(record) + repr(record).encode() for record in records)))


async def all_of_a_run(
    spec: EnsembleSpec, path: Path, *, providers: Mapping[str, Provider] | None = None
) -> tuple[bytes, str]:
    """Run an ensemble twice on a journal; return all that is left of it anywhere, and all that was said of errors."""
    events: list[Event] = []
    left: list[bytes] = []
    said = ""
    async with open_journal(path) as journal:
        for _ in range(2):  # the second one takes up the first, if that came to no good end
            ensemble = Ensemble(spec, journal=journal, providers=providers)
            try:
                record = await ensemble.run("Why is the sky blue?", observers=[events.append])
            except MoaError as error:
                said += f"{error!r} {error} {error.args}"
                partial = getattr(error, "partial", None)
                if isinstance(partial, RunRecord):
                    left.append(record_to_json(partial))
            else:
                left.append(record_to_json(record))
        left += [await exported(journal), everything(path)]
    left += [repr(events).encode(), *map(event_to_json, events), repr(spec).encode()]
    return b"\n".join((*left, said.encode())), said


def two(**fields: Any) -> EnsembleSpec:
    """Return two equal agents in one layer, with little patience."""
    agents = tuple(AgentSpec(name=name, **fields) for name in ("a", "b"))
    return EnsembleSpec(agents=agents, layers=1, calls=CallPolicy(attempts=2, retry_wait_s=0.0, retry_wait_max_s=0.02))


def repeats_in_pieces(secret: str) -> Behaviour:
    """Return a behaviour that streams the key as its reply, in pieces, and names itself after it."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        said = f"Your key is {secret}. The sky."
        if not body.get("stream"):
            return await says(said)(request, body)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Echo": "no"})
        await response.prepare(request)
        for place in range(0, len(said), 5):
            event = chunk({"content": said[place : place + 5]}, model=f"fake {secret}")
            await response.write(f"data: {web.json_response(event).text}\n\n".encode())
        end = chunk(finish=f"because of {secret}", model=f"fake {secret}")
        await response.write(f"data: {web.json_response(end).text}\n\ndata: [DONE]\n\n".encode())
        return response

    return behave


def repeats_whole(secret: str) -> Behaviour:
    """Return a behaviour that sends the key as its reply, in one piece."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        del request, body
        return web.json_response(whole({"content": f"Your key is {secret}."}, model=f"fake {secret}"))

    return behave


@pytest.mark.parametrize("key", [KEY, OPAQUE])
@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("status", "echo"),
    [
        (401, "Incorrect API key provided: {}."),
        (400, "Bad header Authorization: Bearer {}"),
        (429, "limit reached for {}"),
        (500, "upstream failed for key={}"),
        (200, ""),
    ],
)
def test_an_endpoint_that_repeats_the_key_spreads_it_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, status: int, echo: str, is_streamed: bool, key: str
) -> None:
    """Not in an error, in a lost call, in a reply, in the name of its model or in why it ended."""
    monkeypatch.setenv("MARKED_KEY", key)
    bad = fails(status, echo.format(key)) if echo else (repeats_in_pieces(key) if is_streamed else repeats_whole(key))

    async def scenario() -> tuple[bytes, str]:
        async with FakeOpenAI(says("The sky."), bad) as server:
            spec = two(
                model="openai:fake", base_url=server.base_url, api_key_env="MARKED_KEY", stream=is_streamed or False
            )
            left = await all_of_a_run(spec, tmp_path / "journal.db")
            assert {seen.headers["Authorization"] for seen in server.requests} == {f"Bearer {key}"}
            assert len(server.requests) > 2
            return left

    left, _ = run(scenario)
    assert key.encode() not in left
    assert b"MARKED_KEY" in left
    assert b"***" in left


FAILS = "import os, sys; sys.exit('cannot log in with ' + os.environ['MARKED_KEY'])"


def raises(messages: object) -> str:
    """Be an agent that says its key in an exception."""
    del messages
    raise ValueError(f"cannot log in with {os.environ['MARKED_KEY']}")  # noqa: TID251 - as a user's function may


def test_programs_functions_and_providers_of_ones_own_spread_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they say of an error is cleaned of all that looks like a key."""
    monkeypatch.setenv("MARKED_KEY", KEY)
    script = tmp_path / "log_in.py"
    script.write_text(FAILS, encoding="utf-8")
    own = ScriptedProvider(lambda _: CallError(f"cannot log in with {KEY}", retryable=True))
    models = f"command:{sys.executable} {script}", f"python:{__name__}:raises", "mine:talkative"
    for number, model in enumerate(models):
        path = tmp_path / str(number) / "journal.db"
        left, said = run(partial(all_of_a_run, two(model=model), path, providers={"mine": own}))
        assert KEY.encode() not in left
        assert "cannot log in with ***" in said


@pytest.mark.parametrize(
    "line",
    [
        f'base_url = "https://user:{KEY}@host/v1"',
        f'base_url = "https://host/v1?key={KEY}"',
        f'base_url = "https://host/v1#{KEY}"',
        f'base_url = "https://host/{KEY}/v1"',
        f'base_url = "{KEY}"',
        f'api_key_env = "{KEY}"',
        'api_key_env = "AIzaSyD0123456789abcdefghij0123456789"',
        f'api_key = "{KEY}"',
        f'headers = {{ Authorization = "Bearer {KEY}" }}',
        f'extra_body = {{ api_key = "{OPAQUE}" }}',
        f'extra_body = {{ headers = {{ Authorization = "{OPAQUE}" }} }}',
        f'extra_body = {{ user = "{KEY}" }}',
        f'extra_headers = "{KEY}"',
    ],
)
def test_a_key_in_an_ensemble_s_file_is_refused_and_not_repeated(line: str) -> None:
    """Settings are kept with every run, so no key may stand there: neither as one of ours nor as an unknown field."""
    text = f'[[agents]]\nname = "a"\nmodel = "openai:m"\n{line}\n'
    with pytest.raises(ConfigError) as caught:
        parse_spec(text, name="mine", folder=None)
    assert caught.value.key
    assert caught.value.key.startswith("agents[0].")
    for secret in (KEY, OPAQUE, "AIzaSyD"):
        assert secret not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize("field", ["agents", "summary", "fallback"])
def test_a_key_in_a_model_is_refused_and_not_repeated(field: str) -> None:
    """A program's options are a part of its name."""
    model = f"command:ask --key {KEY}"
    more = {"summary": f'[summary]\nmodel = "{model}"\n', "fallback": f'[summary]\nfallback = ["{model}"]\n'}
    own = model if field == "agents" else "openai:m"
    with pytest.raises(ConfigError, match="looks like a key") as caught:
        parse_spec(f'[[agents]]\nname = "a"\nmodel = "{own}"\n' + more.get(field, ""), name="mine", folder=None)
    assert KEY not in f"{caught.value!r} {caught.value}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_proxy_s_password_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where connecting to it fails, too."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, f"http://user:{OPAQUE}@127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    spec = two(model="openai:fake", base_url="http://models.invalid/v1")
    left, said = run(lambda: all_of_a_run(spec, tmp_path / "journal.db"))
    assert "TransportError" in left.decode(errors="replace")
    assert "cannot connect to" in said
    assert OPAQUE.encode() not in left


def test_the_journal_s_password_is_said_nowhere(database: str) -> None:
    """Neither while it works nor when it fails: by its tables, in events, in logs, in errors."""
    url = make_url(database).set(password=OPAQUE).render_as_string(hide_password=False)

    async def scenario() -> None:
        async with FakeOpenAI(says("The sky.")) as endpoint:
            assert OPAQUE in url
            events: list[Event] = []
            ensemble = Ensemble(two(model="openai:fake", base_url=endpoint.base_url), journal=url)
            record = await ensemble.run("Why is the sky blue?", observers=[events.append])
            async with open_journal(url) as journal:
                left = await exported(journal) + repr(journal).encode() + journal.name.encode()
            left += repr(ensemble).encode() + record_to_json(record) + b"".join(map(event_to_json, events))
            assert OPAQUE.encode() not in left
            for broken in (f"{url}x", f"{url}?nonsense={OPAQUE}", url.replace("127.0.0.1", "127.0.0.1:1:"), f"no{url}"):
                with pytest.raises((StoreError, ConfigError)) as caught:
                    await Ensemble(ensemble.spec, journal=broken).run("Why?")
                assert OPAQUE not in f"{caught.value!r} {caught.value}"
            dump = [cell async for cell in _everything_on(url)]
            assert dump
            assert not any(OPAQUE.encode() in cell for cell in dump)

    asyncio.run(scenario())


async def _everything_on(url: str) -> AsyncIterator[bytes]:
    """Yield every cell of a journal on a server, unpacked."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        for table in ("moa_runs", "moa_calls", "moa_decisions", "moa_events"):
            for row in await connection.execute(text(f"SELECT * FROM {table}")):  # noqa: S608 - the names are here
                for cell in row:
                    yield plain_json(cell) if isinstance(cell, bytes) else str(cell).encode()
    await engine.dispose()
