"""Which model servers run on this machine, what an OpenAI-compatible address says about its models, what is installed.

Only what the user named, or a loopback port, is asked; nothing is paid for.
"""

from __future__ import annotations

import asyncio
import re
from importlib.util import find_spec
from typing import Any, cast

import aiohttp
from msgspec import Struct

LOCAL_SERVERS = {
    "ollama": ("Ollama", 11434),
    "lmstudio": ("LM Studio", 1234),
    "vllm": ("vLLM", 8000),
    "llamacpp": ("llama.cpp", 8080),
}
"""By the prefix of the model string: what a server is called, and the port where it usually listens."""

PACKAGES = {
    "anthropic": "anthropic",
    "cohere": "cohere",
    "google": "google.genai",
    "groq": "groq",
    "huggingface": "huggingface_hub",
    "mistral": "mistralai",
}
"""By provider with an API of its own: the package that speaks it, which comes with the extra of the provider's name."""

_MOST_BYTES = 8 * 2**20
_NO_CHAT = re.compile(r"embed|rerank|whisper|tts|clip", re.IGNORECASE)


class Listed(Struct, frozen=True, kw_only=True):
    """A model as its server lists it.

    Args:
        name: What requests call it.
        context_tokens: Its context window; None where the server does not say.
        max_tokens: The longest reply; None where the server does not say.
    """

    name: str
    context_tokens: int | None = None
    max_tokens: int | None = None


class LocalServer(Struct, frozen=True, kw_only=True):
    """A model server on this machine.

    Args:
        provider: The prefix of its models' strings.
        title: What it is called.
        address: Its base URL.
        models: What it can chat with, in its order.
    """

    provider: str
    title: str
    address: str
    models: tuple[Listed, ...]


def is_installed(provider: str) -> bool:
    """Return whether the package that speaks a provider's API is here; nothing is loaded for it.

    Args:
        provider: The prefix of a model string. One that speaks OpenAI's API needs no package of its own.
    """
    package = PACKAGES.get(provider)
    try:
        return package is None or find_spec(package) is not None
    except ImportError:  # what the package would be in is not here either
        return False


async def find_servers(ports: dict[str, int] | None = None, *, timeout_s: float = 1.0) -> list[LocalServer]:
    """Return the model servers that answer on loopback.

    Args:
        ports: Where to look, by provider; None for the usual ports.
        timeout_s: Most seconds for each of them; they are asked at once.
    """
    places = ports if ports is not None else {provider: port for provider, (_, port) in LOCAL_SERVERS.items()}
    async with asyncio.TaskGroup() as group:
        tasks = {provider: group.create_task(_server(provider, port, timeout_s)) for provider, port in places.items()}
    return [server for task in tasks.values() if (server := task.result()) is not None]


async def list_models(address: str, *, key: str | None = None, timeout_s: float = 5.0) -> tuple[Listed, ...] | None:
    """Return what ``GET {address}/models`` lists; None where that gives nothing usable.

    Args:
        address: A base URL.
        key: Sent as a bearer token; None sends none.
        timeout_s: Most seconds for all of it.

    Source: OpenAI's API; the limits come from fields that vLLM, llama.cpp and OpenRouter add to it.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"{address.rstrip('/')}/models"
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(headers=headers) as session,
            # A redirect would carry the key to an address that the user did not name.
            session.get(url, allow_redirects=False) as reply,
        ):
            if reply.status != 200:
                return None
            body = bytearray()
            async for piece in reply.content.iter_chunked(65536):
                body += piece
                if len(body) > _MOST_BYTES:
                    return None
            document: Any = _parsed(bytes(body))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError):
        return None
    return _models(document)


async def _server(provider: str, port: int, timeout_s: float) -> LocalServer | None:
    address = f"http://127.0.0.1:{port}/v1"
    models = await list_models(address, timeout_s=timeout_s)
    if not models:
        return None
    title = LOCAL_SERVERS[provider][0]
    chatty = tuple(model for model in models if not _NO_CHAT.search(model.name))
    return LocalServer(provider=provider, title=title, address=address, models=chatty) if chatty else None


def _parsed(content: bytes) -> object:
    import json

    return json.loads(content)


def _models(document: object) -> tuple[Listed, ...] | None:
    listed = _table(document).get("data")
    if not isinstance(listed, list):
        return None
    entries = map(_table, cast("list[object]", listed))
    return tuple(_listed(entry) for entry in entries if isinstance(entry.get("id"), str))


def _listed(entry: dict[str, object]) -> Listed:
    meta, top = _table(entry.get("meta")), _table(entry.get("top_provider"))
    return Listed(
        name=str(entry["id"]),
        context_tokens=_first_count(entry.get("max_model_len"), entry.get("context_length"), meta.get("n_ctx")),
        max_tokens=_first_count(top.get("max_completion_tokens")),
    )


def _first_count(*values: object) -> int | None:
    return next((value for value in values if isinstance(value, int) and value > 0), None)


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
