"""What a simulated model answers in the place of a reply."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from attention_moa.fleet.log import Visit
from attention_moa.fleet.replies import error_document, page
from attention_moa.fleet.sending import HTML, Sender
from attention_moa.fleet.spec import Fault
from attention_moa.fleet.texts import FAULTYTEXT

if TYPE_CHECKING:
    from aiohttp.web import Response

_STATUS: dict[Fault, tuple[int, str]] = {
    "server_error": (500, "the model stumbled"),
    "unavailable": (503, "the model is overloaded"),
}


def gave_up() -> str:
    """Return what a model says that gives up in the middle of a reply."""
    return f"{FAULTYTEXT}: the model gave up"


def too_long(sender: Sender, visit: Visit, prompt_tokens: int, most: int) -> Response:
    """Return the refusal of a prompt of so many tokens, which is longer than the context window, ``most``."""
    visit.status = 400
    message = f"{FAULTYTEXT}: the context length is {most} tokens, the messages have {prompt_tokens}"
    kind, code = "invalid_request_error", "context_length_exceeded"
    return sender.whole(error_document(message, kind=kind, code=code, param="messages"), status=400)


def too_many(sender: Sender, visit: Visit, why: str, wait_s: float) -> Response:
    """Return a 429.

    Args:
        sender: The way to the client.
        visit: The log's entry.
        why: What was too much.
        wait_s: Real seconds that the client is asked to wait.
    """
    visit.status = 429
    headers = {"retry-after": str(ceil(wait_s)), "retry-after-ms": str(ceil(wait_s * 1000))}
    body = error_document(f"{FAULTYTEXT}: {why}", kind="requests", code="rate_limit_exceeded")
    return sender.whole(body, status=429, headers=headers)


def failure(sender: Sender, visit: Visit, fault: Fault | None) -> Response | None:
    """Return the answer of a fault that comes with a status of its own; None for any other."""
    if fault == "bad_gateway":
        visit.fault, visit.status = fault, 502
        return sender.whole(page("502 Bad Gateway", FAULTYTEXT), status=502, kind=HTML)
    if fault is None or fault not in _STATUS:
        return None
    visit.fault, (visit.status, why) = fault, _STATUS[fault]
    body = error_document(f"{FAULTYTEXT}: {why}", kind="server_error", code="server_error")
    return sender.whole(body, status=visit.status)
