"""The embedded model: llama.cpp in a child process of ours, a slot for each agent, nothing to install beside.

The child starts at the first call. A slot keeps the cache of the last prompt, and an agent's calls continue its own
conversation: pinned to its slot, an agent reads again only what is new.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec
from zlib import crc32

import aiohttp

from attention_moa.agents import EMBEDDED_CONTEXT_TOKENS
from attention_moa.errors import CallTimeoutError, ConfigError, TransportError, describe
from attention_moa.messages import CallRequest, Chunk
from attention_moa.providers.embedded_process import ServerProcess
from attention_moa.providers.embedded_server import ServerSettings
from attention_moa.providers.embedded_tools import Wishes, render_for
from attention_moa.providers.embedded_wire import (
    ReplyReader,
    is_of_grammar,
    parse_error,
    parse_has_tools,
    render_body,
)
from attention_moa.providers.sse import DataLines
from attention_moa.providers.weights import find_weights

_PREFIX = "embedded:"
_START_TIMEOUT_S = 120.0
# The caller times first token and whole reply; this is for a server that has come to a stop.
_SILENCE_S = 900.0
# A cancelled call frees its slot after two batches at most: 0.9 s at 90 tokens a second, the slowest machine looked at.
# Batches of 256 tokens would read a prompt 8 % faster.
_BATCH_TOKENS = 40
# Connections break a moment before the process that held them is gone.
_DYING_S = 0.5


class EmbeddedProvider:
    """One model file, served by a child process.

    Args:
        model: ``embedded:smollm2`` or ``embedded:/path/model.gguf``; the prefix may be left out.
        agents: Who speaks through it: each has a slot of its own. Other names share these slots.
        context_tokens: Context window of each slot; None for 4,096.
        key: The dotted name of the field that holds the model, for errors.
        command: The program that serves, with its arguments; None for our own.
        start_timeout_s: Most seconds until the model is loaded.

    Raises:
        ConfigError: There is no such model file, or it is none; or llama.cpp is not installed.
    """

    def __init__(
        self,
        model: str,
        *,
        agents: Sequence[str],
        context_tokens: int | None = None,
        key: str = "model",
        command: Sequence[str] | None = None,
        start_timeout_s: float = _START_TIMEOUT_S,
    ) -> None:
        """Find the model file; nothing runs yet."""
        self._weights = find_weights(model.removeprefix(_PREFIX), key=key)
        if command is None and find_spec("xllamacpp") is None:
            message = "llama.cpp is not installed: pip install 'attention-moa[embedded]', or in a clone make install"
            raise ConfigError(message, key=key)
        names = tuple(dict.fromkeys(agents)) or ("",)
        self._slots = {name: slot for slot, name in enumerate(names)}
        self._context_tokens = context_tokens or EMBEDDED_CONTEXT_TOKENS
        self._key = key
        self._command = command or (sys.executable, "-m", "attention_moa.providers.embedded_server")
        self._start_timeout_s = start_timeout_s
        self._server: ServerProcess | None = None
        self._has_tools: bool | None = None

    def slot_of(self, agent: str) -> int:
        """Return the slot of an agent, from 0; names that were not announced share the slots, always the same way."""
        slot = self._slots.get(agent)
        return crc32(agent.encode()) % len(self._slots) if slot is None else slot

    @property
    def base_url(self) -> str:
        """Address of the child's server, an OpenAI-compatible one: ``http://127.0.0.1:port/v1``; known once started."""
        return f"{self._started().address}/v1"

    @property
    def api_key(self) -> str:
        """The key that the child's server asks for; known once started."""
        return self._started().api_key

    @property
    def pid(self) -> int:
        """Process id of the child; known once started."""
        return self._started().pid

    async def start(self) -> None:
        """Start the child process if it does not run, and wait until it listens. Calls do that by themselves.

        Raises:
            ConfigError: The model cannot be loaded.
            TransportError: The child process did not start.
        """
        if self._server is None or not self._server.is_running:
            await self.aclose()
        # From here to the next await nothing else runs: callers at the same time share one child.
        server = self._server = self._server or self._spawn()
        await server.ready(self._start_timeout_s)

    async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the reply of the model, as ``Provider.stream`` says."""
        render_body(request, slot=0)  # what cannot be sent is refused before anything is started
        await self.start()
        lines = DataLines()
        timeout = aiohttp.ClientTimeout(sock_connect=request.connect_timeout_s, sock_read=_SILENCE_S)
        try:
            # The server closes a connection after each reply, so there is none to keep; and a session for each call
            # belongs to whichever event loop makes the call.
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(force_close=True),
                    headers={"Authorization": f"Bearer {self.api_key}"},
                    timeout=timeout,
                ) as session,
                AsyncExitStack() as stack,
            ):
                response, wishes = await self._opened(session, stack, request)
                reply = ReplyReader(wishes)
                async for data in response.content.iter_any():
                    for payload in lines.feed(data):
                        if (chunk := reply.take(payload)) is not None:
                            yield chunk
        except TimeoutError as error:
            raise CallTimeoutError(f"the embedded model does not answer: {describe(error)}") from error
        except aiohttp.ClientError as error:
            raise TransportError(f"the connection to the embedded model broke: {await self._why(error)}") from error
        if (last := reply.last()) is not None:
            yield last

    async def aclose(self) -> None:
        """End the child process; idempotent. A later call starts a new one."""
        server, self._server = self._server, None
        if server is not None:
            await server.aclose()

    async def _opened(
        self, session: aiohttp.ClientSession, stack: AsyncExitStack, request: CallRequest
    ) -> tuple[aiohttp.ClientResponse, Wishes]:
        """Return the response to a request, and what was sent of its tools and format."""
        has_tools = request.tools is not None and await self._knows_tools(session)
        slot = self.slot_of(request.agent)
        wishes = render_for(request, has_tools=has_tools)
        for fallback in (render_for(request, has_tools=has_tools, is_loose=True), None):
            posted = session.post(
                f"{self.base_url}/chat/completions", json=render_body(request, slot=slot, wishes=wishes)
            )
            response = await stack.enter_async_context(posted)
            if response.status == 200:
                return response, wishes
            error = parse_error(response.status, await response.read())
            if fallback is None or "response_format" not in wishes.body or not is_of_grammar(error):
                raise error
            wishes = fallback
        raise AssertionError("unreachable")

    async def _knows_tools(self, session: aiohttp.ClientSession) -> bool:
        """Return whether the model's template knows tools; asked once."""
        if self._has_tools is None:
            async with session.get(f"{self._started().address}/props") as response:
                self._has_tools = parse_has_tools(await response.read())
        return self._has_tools

    def _started(self) -> ServerProcess:
        if self._server is None:
            raise TransportError("the embedded model is not started")
        return self._server

    def _spawn(self) -> ServerProcess:
        settings = ServerSettings(
            path=str(self._weights.path),
            name=self._weights.name,
            sha256=self._weights.sha256,
            api_key=secrets.token_urlsafe(32),
            slots=len(self._slots),
            context_tokens=self._context_tokens,
            batch_tokens=max(_BATCH_TOKENS, 2 * len(self._slots)),
        )
        return ServerProcess(settings, self._command, key=self._key)

    async def _why(self, error: aiohttp.ClientError) -> str:
        """Return why a connection broke: where the child is ending, what it said last."""
        server = self._server
        if server is not None and await server.has_ended(_DYING_S):
            return server.complaint()
        return describe(error)
