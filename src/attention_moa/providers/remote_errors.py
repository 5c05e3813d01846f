"""The one map from what an SDK or its HTTP client raises to our own errors.

What the SDKs raise is not always what happened: a refused connection arrives as a timeout, a reply without choices as a
bare ``IndexError``. So the whole chain of causes is read, and the innermost fact wins.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, cast

import aiohttp
from pydantic import ValidationError
from pydantic_ai import exceptions as foreign

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
    describe,
)
from attention_moa.keys import masked

_LONGEST = 300
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|context_window_exceeded|context (size|window|length)"
    r"|prompt is too long|too many (input )?tokens|input (is|token count|length).{0,40}(too long|exceed)"
    r"|reduce the length",
    re.IGNORECASE,
)


def as_call_error(error: BaseException, *, address: str, secret: str | None = None) -> CallError:
    """Return our error for a foreign one: one line of at most 300 characters, without the key.

    Args:
        error: What the SDK raised.
        address: The endpoint's address, to name it where it cannot be reached.
        secret: The key that was sent; it is taken out of the text.

    Source: ours; found by trying each fault on the real SDK (design.md, section 7).
    """
    address = re.sub(r"//[^/@]*@", "//", address)  # an address may hold a name and a password
    chain = list(_causes(error))
    for link in chain:
        if 300 <= getattr(link, "status_code", 0) < 400:
            return _cleaned(RefusedError(f"{address} answers with a redirect: set base_url to where it leads"), secret)
        found = _from_status(link) if isinstance(link, foreign.ModelHTTPError) else _from_transport(link, address)
        if found is not None:
            return _cleaned(found, secret)
    found = next(filter(None, map(_from_category, chain)), None) or _bad_reply(error)
    return _cleaned(found, secret)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _cleaned(error: CallError, secret: str | None) -> CallError:
    text = masked(describe(error), secret)
    error.args = (text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…",)
    return error


def _from_status(error: foreign.ModelHTTPError) -> CallError:
    """Map an HTTP status, or an error in a stream that stands for one."""
    status, said = error.status_code, _said(error)
    text = f"HTTP {status}: {said}"
    if isinstance(error, foreign.ModelContextWindowExceededError) or (
        status not in {401, 402, 403, 429} and _TOO_LONG.search(f"{error.provider_error_type} {said}")
    ):
        return ContextTooLongError(text)
    if status == 429:
        is_spent = isinstance(error, foreign.ModelQuotaExceededError)
        return RateLimitError(text, retry_after_s=error.retry_after, retryable=not is_spent)
    if status >= 500:
        return ServerError(text, retry_after_s=error.retry_after)
    if status == 408:
        return CallTimeoutError(text)
    is_flagged = status == 403 and not isinstance(error, foreign.ModelAuthenticationError)
    if status == 401 or (status == 403 and not (is_flagged and isinstance(error, foreign.ModelRequestRejectedError))):
        return AuthError(text)
    return RefusedError(text)


def _said(error: foreign.ModelAPIError) -> str:
    """Return the endpoint's own words out of an error body, whatever its form."""
    body: object = error.body
    for _ in range(3):
        if not isinstance(body, Mapping):
            break
        fields = cast("Mapping[str, Any]", body)
        body = next((fields[name] for name in ("error", "message", "detail", "msg") if fields.get(name)), None)
    text = body if isinstance(body, str) else error.provider_error_code
    return " ".join(re.sub(r"<[^>]*>", " ", text or "the endpoint gave no reason").split())


def _from_transport(error: BaseException, address: str) -> CallError | None:
    """Map what went wrong below HTTP; None where the error is of another kind, or where its cause says more."""
    if isinstance(error.__cause__, aiohttp.ClientError):
        # A refused or broken connection arrives dressed as a timeout: the truth is further down the chain.
        return None
    if (refused := _from_connecting(error, address)) is not None:
        return refused
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)) or _is_httpx(error, "TimeoutException"):
        return CallTimeoutError(f"{address} took too long")
    if isinstance(error, aiohttp.ClientResponseError):
        return BadReplyError(f"{address} does not speak HTTP as it should: {error.message}")
    is_broken = isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError))
    if is_broken or _is_httpx(error, "TransportError"):
        # A cut body's text is the client's own, with a number that looks like a status.
        how = "before the reply was whole" if isinstance(error, aiohttp.ClientPayloadError) else describe(error)
        return TransportError(f"the connection to {address} broke: {how}")
    return None


def _from_connecting(error: BaseException, address: str) -> CallError | None:
    """Map a connection that did not open."""
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
        return TransportError(f"the certificate of {address} is not trusted: {describe(error)}", retryable=False)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return TransportError(f"the host of {address} is not known: check base_url and the network")
    if isinstance(error, aiohttp.ClientConnectorError):
        why = error.os_error.strerror or describe(error)
        return TransportError(f"cannot connect to {address} ({why}): is the server running, is base_url right?")
    return None


def _is_httpx(error: BaseException, name: str) -> bool:
    """Return whether an error is httpx's of that name, in either of the two generations that SDKs are built on."""
    return any(kind.__name__ == name and kind.__module__.startswith("httpx") for kind in type(error).__mro__)


_CATEGORIES: tuple[tuple[type[Exception], type[CallError]], ...] = (
    (foreign.ModelContextWindowExceededError, ContextTooLongError),
    (foreign.ModelAuthenticationError, AuthError),
    (foreign.ModelRequestRejectedError, RefusedError),
    (foreign.ModelQuotaExceededError, RefusedError),
    (foreign.ModelRateLimitError, RateLimitError),
    (foreign.ModelUnavailableError, ServerError),
    (foreign.ModelServerError, ServerError),
    (foreign.ModelTimeoutError, CallTimeoutError),
    (foreign.ModelConnectionError, TransportError),
    (foreign.ContentFilterError, RefusedError),
    (foreign.UserError, RefusedError),
)


def _from_category(error: BaseException) -> CallError | None:
    """Map an error that says what it is without a status: inside a stream, or from an SDK that is not HTTP."""
    for kind, ours in _CATEGORIES:
        if isinstance(error, kind):
            text = _said(error) if isinstance(error, foreign.ModelAPIError) and error.body else describe(error)
            return ours(text)
    if isinstance(error, foreign.ModelAPIError) and error.in_stream:
        return ServerError(f"the endpoint broke off its reply: {_said(error)}")
    return None


def _wrong_fields(error: BaseException) -> str | None:
    """Return which fields of a reply are missing or wrong, in our words; None for an error that names none."""
    if not isinstance(error, ValidationError):
        return None
    fields = dict.fromkeys(".".join(map(str, fault["loc"])) for fault in error.errors(include_url=False))
    return f"missing or wrong: {', '.join(fields)}"


def _bad_reply(error: BaseException) -> BadReplyError:
    if isinstance(error, IndexError):
        return BadReplyError("the reply has no choices")
    if isinstance(error, foreign.AgentRunError):
        wrong = next(filter(None, map(_wrong_fields, _causes(error))), error.message)
        return BadReplyError(f"the reply is not what the protocol asks: {wrong}")
    return BadReplyError(f"the reply is not what the protocol asks: {type(error).__name__}: {describe(error)}")
