"""Errors as the OpenAI API tells them: one table from an error of ours to a status and a body.

Nothing here ever shows a stack trace. An error that is none of ours is told as one line without its text; what it was
stands in the server's log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any, NamedTuple

import msgspec

from attention_moa.errors import (
    BudgetError,
    ConfigError,
    DeadlineError,
    FormatError,
    MoaError,
    QuorumError,
    RunBusyError,
    RunError,
    RunNotFoundError,
    StoreError,
    describe,
)
from attention_moa.records import Loss
from attention_moa.server.for_clients import told_of_call, without_addresses

RETRY_S = 5
_IN_VAIN = {"budget_exceeded", "misconfigured", "run_cancelled", "insufficient_quota"}
"""Codes of errors that official clients would try again for by their status, and should not, but after a short wait."""
_SOON_S = 60.0
"""The longest wait that official clients keep to: a longer one they cut short."""


_OF_REQUEST = "messages["
"""What the key of a setting begins with that is none, but a part of the request that turned out wrong in the run."""


class ApiError(Exception):
    """What a client is told in the place of an answer.

    Args:
        status: HTTP's.
        message: One line for a person.
        type: OpenAI's word for the kind of error.
        code: What exactly is wrong, for programs.
        param: The field of the request that is at fault; None where none is.
        retry_after_s: Seconds after which it may go better; None where that is not known.
        run_id: The run that failed; None where none began.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str,  # noqa: A002 - the API's own name
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        run_id: str | None = None,
    ) -> None:
        """Keep all of it."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s
        self.run_id = run_id

    @property
    def body(self) -> dict[str, Any]:
        """The body in OpenAI's shape."""
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": told if self.run_id is None else {**told, "run_id": self.run_id}}

    @property
    def json(self) -> bytes:
        """The body as JSON."""
        return msgspec.json.encode(self.body)

    @property
    def headers(self) -> dict[str, str]:
        """``Retry-After`` where a wait is known, the key's challenge where one is missing, the run's id."""
        told: dict[str, str] = {}
        if self.retry_after_s is not None:
            told["retry-after"] = str(max(1, ceil(self.retry_after_s)))
        if self.code in _IN_VAIN and (self.retry_after_s is None or self.retry_after_s > _SOON_S):
            told["x-should-retry"] = "false"
        if self.status == 401:
            told["www-authenticate"] = "Bearer"
        if self.run_id is not None:
            told["x-attention-moa-run-id"] = self.run_id
        return told


def bad_request(message: str, *, param: str | None, code: str = "invalid_value") -> ApiError:
    """Return the error of a request whose field ``param`` is wrong."""
    return ApiError(400, message, type="invalid_request_error", code=code, param=param)


def not_found(message: str, *, code: str, param: str | None = None) -> ApiError:
    """Return the error of something that is not there, or not there for this key."""
    return ApiError(404, message, type="not_found_error", code=code, param=param)


class _Row(NamedTuple):
    """What an error of ours is for a client."""

    status: int
    type: str
    code: str
    retry_after_s: float | None = None


# From the most special to the most general: the first that fits counts.
_TABLE: Mapping[type[Exception], _Row] = {
    DeadlineError: _Row(504, "timeout_error", "deadline_exceeded"),
    BudgetError: _Row(429, "insufficient_quota", "budget_exceeded"),
    FormatError: _Row(502, "upstream_error", "invalid_output"),
    RunError: _Row(502, "upstream_error", "no_answer"),
    RunNotFoundError: _Row(404, "not_found_error", "run_not_found"),
    RunBusyError: _Row(409, "conflict_error", "run_busy", RETRY_S),
    StoreError: _Row(503, "overloaded_error", "journal_unavailable", RETRY_S),
    ConfigError: _Row(500, "server_error", "misconfigured"),
}
_REFUSED = {"RefusedError": "refused", "ContextTooLongError": "context_length_exceeded"}


def api_error(error: BaseException, *, is_operator: bool = False) -> ApiError:
    """Return what a client is told of an error.

    Args:
        error: Any; one that is none of ours is told without its text.
        is_operator: Whether the client is who runs the server: others are told no address of it or its models.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ConfigError) and (error.key or "").startswith(_OF_REQUEST):
        return bad_request(describe(error), param=error.key)
    run_id = error.run_id if isinstance(error, RunError) else None
    why = _why(error) if is_operator else _why_for_clients(error)
    if isinstance(error, QuorumError) and (code := _refused_for_good(error)) is not None:
        return ApiError(422, why, type="invalid_request_error", code=code, run_id=run_id)
    for kind, row in _TABLE.items():
        if isinstance(error, kind):
            return ApiError(
                row.status, why, type=row.type, code=row.code, retry_after_s=row.retry_after_s, run_id=run_id
            )
    what = why if isinstance(error, MoaError) else "the server met an error of its own: its log says which"
    return ApiError(500, what, type="server_error", code="internal_error")


def _why(error: BaseException) -> str:
    """Return why there is no answer: for a run without agents, what each of them met with."""
    return _of_agents(f"{loss.agent}: {loss.kind}: {loss.message}" for loss in _lost(error)) or describe(error)


def _why_for_clients(error: BaseException) -> str:
    """Return the same for who does not run the server."""
    if isinstance(error, RunNotFoundError):
        return f"there is no run {error.run_id[:100]!r}"
    if isinstance(error, RunBusyError):
        return f"run {error.run_id} is under way: wait for it"
    if isinstance(error, StoreError):
        return "the server's journal cannot be had now: its log says why"
    if isinstance(error, ConfigError):
        return "the server lacks what this needs: its log says what"
    causes = (f"{loss.agent}: {told_of_call(loss.kind, loss.message)}" for loss in _lost(error))
    return _of_agents(causes) or without_addresses(describe(error))


def _of_agents(causes: Iterable[str]) -> str | None:
    first = list(dict.fromkeys(causes))[:3]
    return f"no agent gave an answer: {'; '.join(first)}" if first else None


def _lost(error: BaseException) -> list[Loss]:
    """Return what the agents met with of whom none is left; nothing for other errors."""
    return [loss for loss in error.partial.losses if not loss.is_skipped] if isinstance(error, QuorumError) else []


def _refused_for_good(error: QuorumError) -> str | None:
    """Return the code where every agent's endpoint refused the request for good; None where any did not."""
    kinds = {loss.kind for loss in _lost(error)}
    if not kinds or not kinds <= set(_REFUSED):
        return None
    return _REFUSED["ContextTooLongError" if kinds == {"ContextTooLongError"} else "RefusedError"]
