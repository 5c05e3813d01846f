"""What servers on this machine say about their models, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import socket
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from attention_moa.cli.discovery import PACKAGES, Listed, find_servers, is_installed, list_models
from attention_moa.settings import KEY_VARIABLES
from tests.cli_world import ROOT


@asynccontextmanager
async def serving(
    body: str, *, status: int = 200, delay_s: float = 0.0, piece: int = 2**20
) -> AsyncIterator[tuple[int, list[str | None]]]:
    """Yield the port of a server that gives this body in pieces, and the keys that it was sent."""
    keys: list[str | None] = []

    async def models(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers.get("Authorization"))
        await asyncio.sleep(delay_s)
        headers = {"Location": "/v1/models"} if status == 302 else {}
        reply = web.StreamResponse(status=status, headers=headers)
        await reply.prepare(request)
        content = body.encode()
        with suppress(ConnectionError):  # who has read enough hangs up
            for start in range(0, len(content), piece):
                await reply.write(content[start : start + piece])
        return reply

    app = web.Application()
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1], keys
    finally:
        await runner.cleanup()


def listed(body: str, *, status: int = 200, key: str | None = None, piece: int = 2**20) -> tuple[Listed, ...] | None:
    """Return what a server with this body lists."""

    async def scenario() -> tuple[Listed, ...] | None:
        async with serving(body, status=status, piece=piece) as (port, keys):
            found = await list_models(f"http://127.0.0.1:{port}/v1/", key=key)
            assert keys == ([f"Bearer {key}"] if key else [None])
            return found

    return asyncio.run(scenario())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_models_and_their_limits_are_read() -> None:
    """As vLLM, OpenRouter and llama.cpp name them; a server that names none is fine too."""
    body = """{"data": [
        {"id": "a", "max_model_len": 4096},
        {"id": "b", "context_length": 8192, "top_provider": {"max_completion_tokens": 1024}},
        {"id": "c", "meta": {"n_ctx": 2048}},
        {"id": "d", "context_length": "many", "top_provider": null},
        {"name": "no id"}, 3]}"""
    assert listed(body, key="k") == (
        Listed(name="a", context_tokens=4096),
        Listed(name="b", context_tokens=8192, max_tokens=1024),
        Listed(name="c", context_tokens=2048),
        Listed(name="d"),
    )


def test_a_list_that_comes_in_pieces_is_read_to_its_end() -> None:
    """However small they are."""
    assert listed('{"data": [{"id": "a"}, {"id": "é"}]}', piece=1) == (Listed(name="a"), Listed(name="é"))


@pytest.mark.parametrize(("mib", "found"), [(7, (Listed(name="a"),)), (9, None)])
def test_more_than_eight_mebibytes_are_no_list(mib: int, found: tuple[Listed, ...] | None) -> None:
    """Whatever else is in them: nobody fills the memory from a port."""
    assert listed('{"data": [{"id": "a"}]}' + " " * (mib * 2**20)) == found


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"data": {}}', "", "\xff", "[" * 200_000])
def test_what_is_no_list_of_models_is_nothing(body: str) -> None:
    """Another program may listen on the port."""
    assert listed(body) is None


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_an_error_or_a_redirect_is_nothing(status: int) -> None:
    """A redirect is not followed: it could lead the key elsewhere."""
    assert listed('{"data": [{"id": "a"}]}', status=status, key="k") is None


def test_the_servers_that_answer_are_found() -> None:
    """Those that are silent, broken or have no model to talk with are left out; embeddings are no chat models."""

    async def scenario() -> None:
        async with (
            serving('{"data": [{"id": "nomic-embed-text"}, {"id": "qwen3:8b"}]}') as (ollama, _),
            serving('{"data": [{"id": "bge-reranker"}]}') as (lmstudio, _),
            serving('{"data": []}', delay_s=600.0) as (vllm, _),
        ):
            ports = {"ollama": ollama, "lmstudio": lmstudio, "vllm": vllm, "llamacpp": free_port()}
            (found,) = await find_servers(ports, timeout_s=3.0)
            assert (found.provider, found.title, found.address) == ("ollama", "Ollama", f"http://127.0.0.1:{ollama}/v1")
            assert [model.name for model in found.models] == ["qwen3:8b"]

    asyncio.run(scenario())


def test_every_api_of_its_own_has_its_package_named() -> None:
    """The extras of the project and the packages that are looked for are of the same providers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    vendors = {
        extra for extra, needs in project["optional-dependencies"].items() if "pydantic-ai-slim" in "".join(needs)
    }
    assert set(PACKAGES) == vendors & set(KEY_VARIABLES)


def test_a_provider_is_usable_where_its_package_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that speaks OpenAI's API always; a package in a package that is missing too is no crash."""
    for name in [name for name in sys.modules if name.startswith(("mistralai.", "google."))]:
        monkeypatch.delitem(sys.modules, name)  # what another test had loaded
    monkeypatch.setitem(sys.modules, "mistralai", None)
    monkeypatch.setitem(sys.modules, "google", None)
    assert not is_installed("mistral")
    assert not is_installed("google")
    assert is_installed("openrouter")
