"""Every fault of an endpoint, on the real SDK over real HTTP, as the error that it is. One attempt is one request."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from pydantic_ai import exceptions as foreign

from attention_moa.agents import ModelSettings
from attention_moa.errors import (
    AuthError,
    BadReplyError,
    CallError,
    CallTimeoutError,
    ContextTooLongError,
    RateLimitError,
    RefusedError,
    ServerError,
    TransportError,
)
from attention_moa.messages import Chunk
from attention_moa.providers.remote import RemoteProvider
from attention_moa.providers.remote_errors import as_call_error
from tests.asking import a_request, chunks_of, run
from tests.fake_openai import Behaviour, FakeOpenAI, breaks, chunk, fails, hangs, redirects, says, sends, streams

KEY = "sk-a-very-secret-key-0123456789"


async def attempt(behaviour: Behaviour, *, is_streamed: bool = True) -> list[Chunk]:
    """Return the chunks of one attempt; make sure that it was one request and that nothing is left of it."""
    async with FakeOpenAI(behaviour) as server:
        provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url), api_key=KEY)
        try:
            return await chunks_of(provider, a_request(is_streamed=is_streamed))
        finally:
            await provider.aclose()
            await server.wait_idle()
            assert len(server.requests) == 1


def _error_of(behaviour: Behaviour, *, is_streamed: bool = True) -> CallError:
    with pytest.raises(CallError) as caught:
        run(lambda: attempt(behaviour, is_streamed=is_streamed))
    error = caught.value
    assert (error.agent, error.stage, error.model, error.attempts) == (None, None, None, 0)
    assert "\n" not in str(error)
    assert 0 < len(str(error)) <= 300
    return error


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("behaviour", "kind", "is_retryable", "says_so"),
    [
        (fails(401, f"Incorrect API key provided: {KEY}"), AuthError, False, "Incorrect API key provided: ***"),
        (fails(403, "not for you"), AuthError, False, "HTTP 403: not for you"),
        (fails(403, "flagged", metadata={"reasons": ["x"], "flagged_input": "y"}), RefusedError, False, "flagged"),
        (fails(402, "no credit left"), RefusedError, False, "HTTP 402: no credit left"),
        (fails(404, "no model m", code="model_not_found"), RefusedError, False, "HTTP 404: no model m"),
        (fails(400, "temperature is odd"), RefusedError, False, "HTTP 400: temperature is odd"),
        (fails(422, "no such field"), RefusedError, False, "HTTP 422: no such field"),
        (sends("<h1>Too\nlarge</h1>", status=413, content_type="text/html"), RefusedError, False, "413: Too large"),
        (sends("", status=400), RefusedError, False, "HTTP 400: the endpoint gave no reason"),
        (fails(408, "slow client"), CallTimeoutError, True, "HTTP 408"),
        (fails(429, "slow down"), RateLimitError, True, "HTTP 429: slow down"),
        (
            fails(429, "no credit", code="insufficient_quota", type="insufficient_quota"),
            RateLimitError,
            False,
            "credit",
        ),
        (fails(500, "oops"), ServerError, True, "HTTP 500: oops"),
        (fails(503, "x" * 1000), ServerError, True, "xxx…"),
        (fails(400, "too much", code="context_length_exceeded"), ContextTooLongError, False, "too much"),
        (fails(400, "too much", type="exceed_context_size_error"), ContextTooLongError, False, "too much"),
        (fails(400, "the maximum context length is 8192 tokens"), ContextTooLongError, False, "8192"),
        (fails(413, "prompt is too long: 200001 tokens > 200000"), ContextTooLongError, False, "too long"),
        (fails(500, "the request exceeds the available context size"), ContextTooLongError, False, "context size"),
        (sends('{"detail": "not here"}', status=404), RefusedError, False, "HTTP 404: not here"),
        (redirects("http://127.0.0.1:1/v1"), RefusedError, False, "redirect: set base_url to where it leads"),
        (breaks(), TransportError, True, "the connection to http://127.0.0.1"),
        (sends("{nope"), BadReplyError, True, "not what the protocol asks"),
        (sends("<html>please log in</html>", content_type="text/html"), BadReplyError, True, "protocol"),
        (sends(""), BadReplyError, True, "protocol"),
        (sends("null"), BadReplyError, True, "protocol"),
        (sends("{}"), BadReplyError, True, "protocol"),
        (says("x", finish="abort"), ServerError, True, "broke off its reply: abort"),
    ],
)
def test_a_faulty_endpoint_gives_the_error_that_it_is(
    behaviour: Behaviour, kind: type[CallError], is_retryable: bool, says_so: str, *, is_streamed: bool
) -> None:
    """Of the very class, in one line, without the key."""
    error = _error_of(behaviour, is_streamed=is_streamed)
    assert type(error) is kind
    assert error.retryable is is_retryable
    assert says_so in str(error)
    assert KEY not in str(error)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (breaks(chunk({"content": "He"})), TransportError),
        (streams("{nope"), BadReplyError),
        (streams("null"), BadReplyError),
        (streams("[1]"), BadReplyError),
        (streams(chunk(choices=["x"])), BadReplyError),
        (streams("[DONE]"), BadReplyError),
        (streams(chunk({"content": "He"}), '{"error": {"message": "boom", "code": 500}}'), ServerError),
        (streams(chunk({"content": "He"}), '{"error": {"message": "busy", "type": "overloaded_error"}}'), ServerError),
        (streams(chunk({"content": "He"}), '{"error": {"message": "who knows"}}'), ServerError),
        (streams('{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'), RateLimitError),
    ],
)
def test_a_stream_that_goes_wrong_gives_the_error_that_it_is(behaviour: Behaviour, kind: type[CallError]) -> None:
    """Whatever part of the reply has already come."""
    assert type(_error_of(behaviour)) is kind


@pytest.mark.parametrize(
    "behaviour",
    [
        streams(chunk({"content": "He"})),
        says("He", finish=None),
        streams(chunk(choices=[]), "[DONE]"),
        streams(chunk(choices=None), "[DONE]"),
    ],
)
def test_a_stream_that_ends_without_a_finish_reason_claims_none(behaviour: Behaviour) -> None:
    """The library makes up a stop here; a reply without an end is for the caller to refuse."""
    chunks = run(lambda: attempt(behaviour))
    assert chunks
    assert all(chunk.finish_reason is None for chunk in chunks)


def test_a_reply_without_choices_is_a_bad_reply() -> None:
    """The SDK's own error for it is a bare IndexError."""
    body = '{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}'
    error = _error_of(sends(body), is_streamed=False)
    assert type(error) is BadReplyError
    assert str(error) == "the reply has no choices"


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7.0, 7.0),
        ("in an hour", 3500.0, 3600.0),
        ("soon", None, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_an_endpoint_asks_for_is_kept(
    value: str, low: float | None, high: float | None, status: int
) -> None:
    """In seconds, whether it is written as seconds or as a date; None where it says neither."""
    if value == "in an hour":
        value = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    error = _error_of(fails(status, headers={"Retry-After": value}))
    assert isinstance(error, (RateLimitError, ServerError))
    if low is None or high is None:
        assert error.retry_after_s is None
    else:
        assert error.retry_after_s is not None
        assert low <= error.retry_after_s <= high


@pytest.mark.parametrize("behaviour", [hangs(), hangs(chunk({"content": "He"}))])
def test_a_hanging_endpoint_is_left_when_the_caller_says_so(behaviour: Behaviour) -> None:
    """A timeout around the call closes the connection, before the headers as well as in mid-stream."""

    async def scenario() -> None:
        async with FakeOpenAI(behaviour) as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url))
            patience = asyncio.timeout(None)

            async def ask() -> None:
                with pytest.raises(TimeoutError):
                    async with patience:
                        await chunks_of(provider)

            async with asyncio.TaskGroup() as group:
                group.create_task(ask())
                while not server.requests:
                    await asyncio.sleep(0.005)
                patience.reschedule(asyncio.get_running_loop().time() + 0.2)
            await server.wait_idle()
            assert len(server.requests) == 1
            await provider.aclose()

    run(scenario)


def test_a_slow_drip_is_no_error() -> None:
    """Every piece arrives."""
    chunks = run(lambda: attempt(says(list("drip"), delay_s=0.02)))
    assert "".join(chunk.text for chunk in chunks) == "drip"


def _failure_at(base_url: str, *, connect_timeout_s: float = 60.0) -> CallError:
    async def scenario() -> None:
        provider = RemoteProvider(ModelSettings(model="openai:m", base_url=base_url))
        try:
            await chunks_of(provider, a_request(connect_timeout_s=connect_timeout_s))
        finally:
            await provider.aclose()

    with pytest.raises(CallError) as caught:
        run(scenario)
    return caught.value


@pytest.fixture
def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refused_connection_names_the_address_and_the_mend(free_port: int, scheme: str) -> None:
    """It is no timeout, though the HTTP library calls it one."""
    error = _failure_at(f"{scheme}://127.0.0.1:{free_port}/v1")
    assert type(error) is TransportError
    assert f"cannot connect to {scheme}://127.0.0.1:{free_port}/v1" in str(error)
    assert "is the server running, is base_url right?" in str(error)


def test_a_connection_that_does_not_open_is_a_timeout() -> None:
    """After the seconds that the request allows for it, not those of the whole call."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        error = _failure_at(f"http://127.0.0.1:{port}/v1", connect_timeout_s=0.3)
        for each in waiting:
            each.close()
    assert type(error) is CallTimeoutError
    assert f"http://127.0.0.1:{port}/v1/ took too long" in str(error)


def test_a_server_that_does_not_speak_http_is_a_bad_reply() -> None:
    """It is there, so another try may help, but it is no endpoint."""

    async def scenario() -> str:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"220 mail.example ESMTP\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        provider = RemoteProvider(ModelSettings(model="openai:m", base_url=f"http://127.0.0.1:{port}/v1"))
        async with server:
            with pytest.raises(BadReplyError) as caught:
                await chunks_of(provider)
            await provider.aclose()
        return str(caught.value)

    assert "does not speak HTTP" in run(scenario)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (foreign.ModelContextWindowExceededError("m", "long"), ContextTooLongError),
        (foreign.ModelAuthenticationError("m", "who"), AuthError),
        (foreign.ModelQuotaExceededError("m", "spent"), RefusedError),
        (foreign.ModelRateLimitError("m", "slow", body={"error": {"message": "slow"}}), RateLimitError),
        (foreign.ModelOverloadedError("m", "busy"), ServerError),
        (foreign.ModelTimeoutError("m", "late"), CallTimeoutError),
        (foreign.ModelConnectionError("m", "gone"), TransportError),
        (foreign.ContentFilterError("filtered"), RefusedError),
        (foreign.UserError("no images here"), RefusedError),
        (foreign.UnexpectedModelBehavior("odd"), BadReplyError),
        (TimeoutError("late"), CallTimeoutError),
        (ConnectionResetError("gone"), TransportError),
        (KeyError("delta"), BadReplyError),
        (aiohttp.ClientPayloadError("half"), TransportError),
    ],
)
def test_an_error_without_a_status_is_told_by_its_kind(error: Exception, kind: type[CallError]) -> None:
    """As SDKs raise it that do not speak HTTP, or in a stream."""
    assert type(as_call_error(error, address="http://a/v1")) is kind


def test_an_unknown_host_and_a_bad_certificate_are_named() -> None:
    """The one may pass, the other will not."""
    key = aiohttp.client_reqrep.ConnectionKey("h", 443, True, True, None, None, None)
    lost = as_call_error(aiohttp.ClientConnectorDNSError(key, OSError("no")), address="http://h/v1")
    assert type(lost) is TransportError
    assert "the host of http://h/v1 is not known" in str(lost)
    bad = as_call_error(aiohttp.ClientConnectorCertificateError(key, Exception("self-signed")), address="https://h/v1")
    assert "is not trusted" in str(bad)
    assert not bad.retryable


@pytest.mark.parametrize("leak", ["sk-proj-abcdefghijklmnop", "Bearer abc123def456ghi789", "gsk_abcdefghijklmnop1234"])
def test_what_looks_like_a_key_is_masked_even_where_it_is_not_ours(leak: str) -> None:
    """An endpoint may print a key of its own."""
    text = str(as_call_error(foreign.UnexpectedModelBehavior(f"got {leak} there"), address="http://a"))
    assert leak not in text
    assert "***" in text


def test_a_cause_that_was_hidden_on_purpose_is_not_read() -> None:
    """``raise … from None`` says that the context is of no matter."""
    error = ValueError("the real one")
    error.__context__ = ConnectionResetError("old news")
    assert type(as_call_error(error, address="http://a")) is TransportError
    error.__suppress_context__ = True
    assert type(as_call_error(error, address="http://a")) is BadReplyError


def test_a_password_in_an_address_is_not_shown() -> None:
    """The address is, without it."""
    text = str(as_call_error(TimeoutError(), address="http://me:hunter2@host/v1"))
    assert text == "http://host/v1 took too long"
