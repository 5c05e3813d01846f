"""Keys over real HTTP, with the official client: who is let in, for what, how often, and for how much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openai import (
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

from attention_moa.agents import AgentSpec
from attention_moa.errors import BadReplyError
from attention_moa.messages import CallRequest
from attention_moa.money import Price
from attention_moa.providers.scripted import ScriptedProvider
from attention_moa.server.config import ServerConfig
from attention_moa.server.keys import KeyRules
from attention_moa.server.pricing import expected_cost
from attention_moa.store import open_journal
from tests.journals import QUESTION
from tests.key_world import Day, Till, a_till
from tests.server_world import ASKED, DUO, SOON_S, ServerWorld, a_server, run, scripted
from tests.worlds import Says, a_spec

PRICE = Price(input=1.0, output=1.0)
PRICED = a_spec(
    [AgentSpec(name=name, model=f"test:{name}", price=PRICE, max_tokens=100) for name in "ab"], name="priced", layers=1
)


class Keyed:
    """A server whose journal has keys.

    Args:
        world: The server.
        till: Its keys, and what they spent, as another process has them.
        stack: Closes the clients.
    """

    def __init__(self, world: ServerWorld, till: Till, stack: AsyncExitStack) -> None:
        self.world = world
        self.till = till
        self._stack = stack

    async def client(self, name: str, **rules: Any) -> AsyncOpenAI:
        """Return a client with a new key, which the server knows."""
        client = await self.with_secret((await self.till.store.add(name, KeyRules(**rules)))[1])
        async with asyncio.timeout(SOON_S):
            while (await self.world.http.get("/v1/models", headers=client.auth_headers)).status_code == 401:
                await asyncio.sleep(0.02)
        return client

    async def with_secret(self, secret: str) -> AsyncOpenAI:
        """Return a client with a key."""
        client = AsyncOpenAI(base_url=f"{self.world.url}/v1", api_key=secret, max_retries=0, timeout=SOON_S)
        return await self._stack.enter_async_context(client)


@asynccontextmanager
async def a_keyed_server(
    path: Path, *, models: Mapping[str, Says] | ScriptedProvider | None = None
) -> AsyncGenerator[Keyed]:
    """Lend a server whose journal has a key of nobody's, so that it is no open one."""
    journal = path / "journal.db"
    config = ServerConfig(journal=str(journal))
    async with a_till(journal, Day(datetime.now(UTC))) as till:
        await till.key("nobody")
        async with a_server(models, config=config, specs=(DUO, PRICED)) as world, AsyncExitStack() as stack:
            yield Keyed(world, till, stack)


async def asked(client: AsyncOpenAI, model: str = "duo", **fields: Any) -> str:
    """Return an answer."""
    completion = await client.chat.completions.create(model=model, messages=ASKED, extra_body=fields or None)
    return completion.choices[0].message.content or ""


def test_only_who_has_a_key_is_let_in(tmp_path: Path) -> None:
    """All of the API is behind it, but for whether the server lives."""

    async def test() -> None:
        async with a_keyed_server(tmp_path) as keyed:
            assert "summary" in await asked(await keyed.client("alice"))
            with pytest.raises(AuthenticationError) as refused:
                await asked(await keyed.with_secret("moa-wrong"))
            assert refused.value.code == "invalid_api_key"
            http = keyed.world.http
            for path in ("/v1/models", "/v1/models/duo", "/v1/runs", "/v1/runs/x", "/metrics"):
                response = await http.get(path)
                assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer"), path
            for path in ("/v1/chat/completions", "/v1/responses", "/v1/runs/x/cancel", "/v1/runs/x/resume"):
                assert (await http.post(path, content=b"\xff{")).status_code == 401, "its body is not looked at"
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            assert (await http.get("/readyz")).json() == {"status": "ok"}

    run(test)


def test_a_server_sees_new_and_revoked_keys_while_it_runs(tmp_path: Path) -> None:
    """Nobody tells it to look; without a key at the beginning it was open."""

    async def test() -> None:
        place = tmp_path / "journal.db"
        config = ServerConfig(journal=str(place))
        async with a_till(place) as till, a_server(config=config) as world, AsyncExitStack() as stack:
            keyed = Keyed(world, till, stack)
            assert (await world.post()).status_code == 200
            alice = await keyed.client("alice")
            async with asyncio.timeout(SOON_S):
                while (await world.http.get("/v1/models")).status_code != 401:
                    await asyncio.sleep(0.1)
            await asked(alice)
            await till.store.revoke("alice")
            async with asyncio.timeout(SOON_S):
                with pytest.raises(AuthenticationError):
                    while True:
                        await asked(alice)
                        await asyncio.sleep(0.1)

    run(test)


def test_a_key_asks_the_ensembles_that_are_its_own(tmp_path: Path) -> None:
    """Others are not there for it, nor are their agents."""

    async def test() -> None:
        async with a_keyed_server(tmp_path) as keyed:
            alice = await keyed.client("alice", ensembles=("duo",))
            assert [model.id async for model in alice.models.list()] == ["duo", "duo/a", "duo/b"]
            await asked(alice, "duo/a")
            for model in ("priced", "priced/a"):
                with pytest.raises(NotFoundError) as refused:
                    await asked(alice, model)
                assert refused.value.code == "model_not_found"
                assert "priced," not in str(refused.value)

    run(test)


def test_a_key_sets_what_it_may(tmp_path: Path) -> None:
    """The field that it may not is named."""

    async def test() -> None:
        async with a_keyed_server(tmp_path) as keyed:
            alice = await keyed.client("alice", may_set=("layers",))
            await asked(alice, attention_moa={"layers": 1})
            with pytest.raises(PermissionDeniedError) as refused:
                await asked(alice, attention_moa={"layers": 1, "tokens": 3})
            assert (refused.value.code, refused.value.param) == ("setting_not_allowed", "attention_moa.tokens")
            with pytest.raises(BadRequestError):
                await asked(alice, attention_moa={"unknown": 1})

    run(test)


def test_a_key_asks_so_often_a_minute(tmp_path: Path) -> None:
    """Then it is told how long to wait; others are not kept waiting."""

    async def test() -> None:
        async with a_keyed_server(tmp_path) as keyed:
            alice = await keyed.client("alice", rpm=2)
            await asked(alice)
            await asked(alice)
            with pytest.raises(RateLimitError) as refused:
                await asked(alice)
            assert refused.value.code == "rate_limit_exceeded"
            assert 0 < int(refused.value.response.headers["retry-after"]) <= 60
            await asked(await keyed.client("bob"))

    run(test)


def test_a_request_that_begins_no_run_costs_none_of_a_keys_minute(tmp_path: Path) -> None:
    """Wrong fields, other models, runs that are not there, and one that is over: the next request is answered."""

    async def test() -> None:
        async with a_keyed_server(tmp_path) as keyed:
            alice = await keyed.client("alice", rpm=1)
            headers = alice.auth_headers
            for _ in range(3):
                for body in ({"model": "duo"}, {"model": "nosuch", "messages": ASKED}):
                    response = await keyed.world.http.post("/v1/chat/completions", headers=headers, json=body)
                    assert response.status_code in (400, 404)
                assert (await keyed.world.http.post("/v1/runs/x/resume", headers=headers)).status_code == 404
            await asked(alice)
            with pytest.raises(RateLimitError):
                await asked(alice)

    run(test)


def test_a_key_has_so_many_runs_at_once(tmp_path: Path) -> None:
    """Streams too; a client that leaves makes room."""
    go = asyncio.Event()

    async def wait(_: CallRequest) -> None:
        await go.wait()

    async def test() -> None:
        async with a_keyed_server(tmp_path, models=scripted(wait=wait)) as keyed:
            alice = await keyed.client("alice", concurrency=1)
            stream = await alice.chat.completions.create(model="duo", messages=ASKED, stream=True)
            with pytest.raises(RateLimitError) as refused:
                await asked(alice)
            assert refused.value.code == "concurrency_exceeded"
            assert refused.value.response.headers["retry-after"]
            await stream.close()
            go.set()
            async with asyncio.timeout(SOON_S):
                while keyed.world.service.hub.running:
                    await asyncio.sleep(0.01)
            await asked(alice)

    run(test)


async def plan_usd(path: Path) -> float:
    """Return what a run is expected to cost at most by a journal that is new."""
    async with open_journal(path / "empty.db") as journal:
        return (await expected_cost(PRICED, QUESTION, journal)).usd


def test_a_key_spends_what_it_has(tmp_path: Path) -> None:
    """What a run cost is counted, streamed or not; what is left decides on the next one."""

    async def test() -> None:
        usd = await plan_usd(tmp_path)
        async with a_keyed_server(tmp_path) as keyed:
            alice = await keyed.client("alice", usd_per_day=usd * 1.2)
            completion = await alice.chat.completions.create(model="priced", messages=ASKED)
            cost: float = (completion.model_extra or {})["attention_moa"]["cost_usd"]
            assert cost > 0
            assert (await keyed.till.spending.spent())["alice"].in_all == pytest.approx(cost)
            await keyed.till.spending.count(await keyed.till.store.get("alice"), "another", usd * 1.2)
            with pytest.raises(RateLimitError) as refused:
                await asked(alice, "priced")
            assert (refused.value.code, refused.value.type) == ("budget_exceeded", "insufficient_quota")
            assert 0 < int(refused.value.response.headers["retry-after"]) <= 86_400
            with pytest.raises(PermissionDeniedError) as unpriced:
                await asked(alice, "duo")
            assert unpriced.value.code == "price_unknown"

    run(test)


def test_a_failed_run_counts_and_a_refused_one_does_not(tmp_path: Path) -> None:
    """Nothing is held for long that is not needed."""

    async def test() -> None:
        async with a_keyed_server(tmp_path, models={"answer": BadReplyError("empty", retryable=False)}) as keyed:
            alice = await keyed.client("alice", usd=100.0)
            with pytest.raises(Exception, match="no agent gave an answer"):
                await asked(alice, "priced")
            with pytest.raises(BadRequestError):
                await asked(alice, "priced", attention_moa={"layers": 0})
            assert await keyed.till.spending.held() == []
            assert (await keyed.till.spending.spent())["alice"].in_all > 0

    run(test)


def test_metrics_are_an_admin_s(tmp_path: Path) -> None:
    """They tell of everybody's runs."""

    async def test() -> None:
        async with a_keyed_server(tmp_path) as keyed:
            alice, root = await keyed.client("alice"), await keyed.client("root", is_admin=True)
            await asked(alice)
            http = keyed.world.http
            refused = await http.get("/metrics", headers={"authorization": f"Bearer {alice.api_key}"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "admin_only")
            response = await http.get("/metrics", headers={"authorization": f"Bearer {root.api_key}"})
            assert 'attention_moa_runs_total{ensemble="duo",state="finished"} 1.0' in response.text

    run(test)
