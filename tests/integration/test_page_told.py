"""What a page shows to whom: the whole of an error to who runs the server, and to others what the API tells them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.cli.page_outside import ServedOutside
from attention_moa.cli.page_shelf import ServedShelf
from attention_moa.codec import event_to_json, record_to_json
from attention_moa.errors import TransportError
from attention_moa.events import AnswerDelta, AnswerReset, CallDelta
from attention_moa.messages import CallRequest, Message, TextPart
from attention_moa.rules import PromptSpec
from attention_moa.server.config import ServerConfig
from attention_moa.server.keys import KeyRules
from attention_moa.ui.front import PageFront
from attention_moa.ui.login import kept
from attention_moa.ui.ports import Heard, Question, RefusedError
from tests.key_world import a_till
from tests.server_world import DUO, ServerWorld, a_server, run, scripted
from tests.worlds import a_spec

HOST = "10.9.8.7"
WHY = f"cannot connect to http://{HOST}:8999/v1/ (no): is the server running, is base_url right?"
KEY_NAME = "MY_PRIVATE_KEY"
SECRETS = (HOST, KEY_NAME, "hush-hush", "base_url right")
REACHED = {"base_url": f"http://{HOST}/v1", "api_key_env": KEY_NAME, "extra_body": {"x": "hush-hush"}}
TWIN = a_spec(
    [AgentSpec(name="a", model="test:a", **REACHED), AgentSpec(name="b", model="test:b")],  # type: ignore[arg-type]  # a table of settings
    name="twin",
    layers=1,
)


class World(NamedTuple):
    """A server with an admin's key and another's; the first agent of every run is not reached.

    Args:
        server: The server.
        outside: What the page sees of it.
        shelf: What it sees of the ensembles.
        root: The admin's key.
        alice: The other.
    """

    server: ServerWorld
    outside: ServedOutside
    shelf: ServedShelf
    root: str
    alice: str

    async def asked(self, key: str, model: str = "twin") -> tuple[str, list[Heard]]:
        """Return a run that is over, and what was heard of it."""
        run_id, batches = await self.outside.ask(key, question(model))
        async with aclosing(batches):
            return run_id, [heard for batch in [batch async for batch in batches] for heard in batch]

    async def api(self, path: str, key: str) -> str:
        """Return what the API answers."""
        headers = {"authorization": f"Bearer {key}"}
        return (await self.server.http.get(f"/v1/{path}", headers=headers)).text

    async def events(self, run_id: str, key: str) -> list[Any]:
        """Return the events that the API tells of a run."""
        return told_in(await self.api(f"runs/{run_id}/events", key))

    async def page(self, path: str, key: str) -> str:
        """Return a page that stands still."""
        front = PageFront(_nothing, self.outside)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await front({**scope, "state": {}}, receive, send)

        host = "127.0.0.1:8000"
        cookie = kept(key, host=host, origin=f"http://{host}").partition(";")[0]
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=f"http://{host}") as client:
            response = await client.get(path, headers={"cookie": cookie})
            assert response.status_code == 200, (path, response.status_code)
            return response.text


async def _nothing(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - an application's signature
    raise AssertionError(scope["path"])


def question(model: str = "twin") -> Question:
    """Return a question."""
    return Question(model=model, conversation=(Message("user", (TextPart("Why?"),)),))


def told_in(stream: str) -> list[Any]:
    """Return the events of a stream."""
    return [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: ")]


def as_told(heard: Sequence[Heard]) -> list[Any]:
    """Return events that a page heard as the API tells them; pieces are left out."""
    pieces = (AnswerDelta, AnswerReset, CallDelta)
    return [json.loads(event_to_json(event)) for _, event in heard if not isinstance(event, pieces)]


def has_secret(text: object) -> bool:
    """Whether a text holds what is for whoever runs the server alone."""
    return any(secret in str(text) for secret in SECRETS)


def unreached(request: CallRequest) -> str:
    """Fail as a provider does where nobody listens, for the first agent; the other one answers."""
    if request.agent == "a":
        raise TransportError(WHY, retryable=False)
    return "here"


@asynccontextmanager
async def a_world(
    path: Path, script: Mapping[str, Any] | None = None, folder: Path | None = None, **models: Any
) -> AsyncGenerator[World, None]:
    """Lend one.

    Args:
        path: Where its journal goes.
        script: What models say; None for one that is not reached.
        folder: Templates of the ensemble ``twin``; None for ours.
        models: As ``scripted`` takes it.
    """
    config = ServerConfig(journal=str(path / "j.db"))
    spec = TWIN if folder is None else replace(TWIN, prompts=PromptSpec(folder=str(folder)))
    async with a_till(path / "j.db") as till:
        root, alice = [(await till.store.add(name, KeyRules(is_admin=name == "root")))[1] for name in ("root", "alice")]
    said = {"answer": unreached} if script is None else script
    async with a_server(scripted(said, **models), config=config, specs=(DUO, spec)) as server:
        yield World(server, ServedOutside(server.service), ServedShelf(server.service), root, alice)


def test_a_run_is_shown_as_the_api_shows_it(tmp_path: Path) -> None:
    """Its record and its events, to an admin whole, to its own key without addresses, names of keys and fields."""

    async def body() -> None:
        async with a_world(tmp_path) as world:
            run_id, _ = await world.asked(world.alice)
            for key, is_whole in ((world.root, True), (world.alice, False)):
                standing = await world.outside.standing(key, run_id)
                assert record_to_json(standing.record).decode() == await world.api(f"runs/{run_id}", key)
                assert standing.record.losses
                assert has_secret(standing.record) == is_whole == standing.is_whole
                async with aclosing(world.outside.watch(key, run_id)) as batches:
                    heard = [one for batch in [batch async for batch in batches] for one in batch]
                assert as_told(heard) == await world.events(run_id, key)
                assert has_secret(heard) == is_whole

    run(body)


def test_a_run_under_way_is_told_as_the_api_tells_it(tmp_path: Path) -> None:
    """To who asks, and to who watches."""

    async def body() -> None:
        held = asyncio.Event()

        async def wait(request: CallRequest) -> None:
            if request.stage == "summary":
                await held.wait()

        async with a_world(tmp_path, wait=wait) as world:
            run_id, asked = await world.outside.ask(world.alice, question())
            watched = {key: world.outside.watch(key, run_id) for key in (world.root, world.alice)}
            begun = {key: [*await anext(batches)] for key, batches in watched.items()}  # they listen
            held.set()
            async with aclosing(asked):
                heard = [one for batch in [batch async for batch in asked] for one in batch]
            assert not has_secret(heard)
            assert as_told(heard) == await world.events(run_id, world.alice)
            for key, batches in watched.items():
                async with aclosing(batches):
                    rest = [one for batch in [batch async for batch in batches] for one in batch]
                assert as_told([*begun[key], *rest]) == await world.events(run_id, key)
                assert has_secret([*begun[key], *rest]) == (key == world.root)

    run(body)


def test_why_there_is_no_answer_is_told_as_the_api_tells_it(tmp_path: Path) -> None:
    """An admin is told the whole of it, who asked not; nobody's page of it says another thing."""

    async def body() -> None:
        async with a_world(tmp_path, {"answer": TransportError(WHY, retryable=False)}) as world:
            run_id, heard = await world.asked(world.alice)
            assert not has_secret(heard)
            for key in (world.root, world.alice):
                error = (await world.outside.standing(key, run_id)).record.error
                assert error == json.loads(await world.api(f"runs/{run_id}", key))["error"]
                assert has_secret(error) == (key == world.root)

    run(body)


def test_a_refusal_is_told_as_the_api_tells_it(tmp_path: Path) -> None:
    """What is wrong with the server itself is told to who runs it."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "extract.md").write_text("?", encoding="utf-8")

    async def body() -> None:
        async with a_world(tmp_path, folder=folder) as world:
            (folder / "nonsense.md").write_text("?", encoding="utf-8")
            deeds: list[Callable[[str], Awaitable[object]]] = [
                lambda key: world.outside.plan(key, question()),
                lambda key: world.shelf.plan(key, "twin", None, "Why?"),
            ]
            for deed in deeds:
                with pytest.raises(RefusedError, match=r"prompts\.folder: .*nonsense"):
                    await deed(world.root)
                with pytest.raises(RefusedError, match=r"^the server lacks what this needs: its log says what$"):
                    await deed(world.alice)

    run(body)


def test_no_page_shows_what_is_for_who_runs_the_server(tmp_path: Path) -> None:
    """Also where somebody who runs it has looked at the same before."""

    async def body() -> None:
        async with a_world(tmp_path) as world:
            run_id, _ = await world.asked(world.alice)
            other, _ = await world.asked(world.alice, "duo")
            pages = [f"/runs/{run_id}/export?form={form}" for form in ("json", "jsonl", "markdown")]
            pages += [f"/compare?run={run_id}&run={other}", f"/runs/{run_id}/money", "/runs", f"/compare?run={other}"]
            of_root = {page: await world.page(page, world.root) for page in pages}
            of_alice = {page: await world.page(page, world.alice) for page in pages}
            assert [page for page in pages if has_secret(of_root[page])] == pages[:4]
            assert not [page for page in pages if has_secret(of_alice[page])]
            assert "hidden.invalid" in of_alice[pages[0]]
            assert "hidden.invalid" in of_alice[pages[3]]

    run(body)


def test_ensembles_are_offered_without_how_their_models_are_reached(tmp_path: Path) -> None:
    """Neither their file nor a trial tells it."""

    async def body() -> None:
        async with a_world(tmp_path) as world:
            for key in (world.root, world.alice):
                offers = await world.outside.offers(key)
                assert [offer.name for offer in offers] == ["duo", "duo/a", "duo/b", "twin", "twin/a", "twin/b"]
                file, record = await world.shelf.file(key, "twin"), await world.shelf.try_out(key, "twin", None, "Why?")
                assert has_secret(offers) == has_secret(file) == (key == world.root)
                assert ("127.0.0.1" in str(record)) == (key == world.root)
                assert record.text

    run(body)
