"""Every error that this package raises, as one tree.

    MoaError
    ├── ConfigError(key)                 a file, an option or an argument is wrong
    ├── CallError(agent, stage, model, attempts, retryable)
    │   ├── TransportError               no connection, or it broke
    │   ├── CallTimeoutError             connect, first token or whole call took too long
    │   ├── RateLimitError(retry_after_s)
    │   ├── ServerError                  the endpoint says that the fault is its own
    │   ├── RefusedError                 the endpoint will not take this request
    │   │   ├── AuthError
    │   │   └── ContextTooLongError
    │   ├── BadReplyError                empty, only thinking, not what the protocol asks
    │   └── OverLimitError               not sent: too little is left of the run's limit
    ├── RunError(run_id, partial)
    │   ├── QuorumError                  too few agents are left to go on
    │   ├── BudgetError                  the money or the tokens ran out before anything was finished
    │   ├── DeadlineError                the time ran out before anything was finished
    │   └── FormatError                  the answer has not the form that was asked for, mended or not
    └── StoreError                       something stored cannot be read or written
        ├── SchemaVersionError(found, known)
        ├── RunNotFoundError(run_id)
        ├── NotJournaledError(call_id)   a replay needs a call that the journal does not have
        └── RunBusyError(run_id)         another process is at it

A provider raises a bare ``CallError`` subclass; ``calls.py`` alone attaches agent, stage, model and attempts.
A failed call never flows on as text: it becomes a ``Loss`` in the record, or one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attention_moa.records import RunRecord


class MoaError(Exception):
    """Root of all errors of this package: one ``except`` catches them all."""


class ConfigError(MoaError):
    """A setting, a file or an argument is wrong; the text names the field, the value and the mend.

    Args:
        message: What is wrong and what to do about it, one line.
        key: The dotted name of the field (``agents[1].model``), or None where no single field is at fault.
    """

    def __init__(self, message: str, *, key: str | None = None) -> None:
        """Keep the field's name beside the message; the text opens with it."""
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key


class CallError(MoaError):
    """One model call failed.

    Args:
        message: What happened, one line, without secrets.
        retryable: Whether the same request may succeed later; None takes the class's default.
    """

    default_retryable = False

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        """Start without context; ``calls.py`` fills in agent, stage, model and attempts."""
        super().__init__(message)
        self.retryable = self.default_retryable if retryable is None else retryable
        self.agent: str | None = None
        self.stage: str | None = None
        self.model: str | None = None
        self.attempts = 0


class TransportError(CallError):
    """No connection to the endpoint, or the connection broke in mid-reply."""

    default_retryable = True


class CallTimeoutError(CallError):
    """The connection, the first token or the whole reply took longer than allowed."""

    default_retryable = True


class RateLimitError(CallError):
    """The endpoint asks to slow down (HTTP 429).

    Args:
        message: What the endpoint said.
        retry_after_s: Seconds that it asks to wait, None where it does not say.
    """

    default_retryable = True

    def __init__(self, message: str, *, retry_after_s: float | None = None, retryable: bool | None = None) -> None:
        """Keep the wait that the endpoint asks for."""
        super().__init__(message, retryable=retryable)
        self.retry_after_s = retry_after_s


class ServerError(CallError):
    """The endpoint failed on its own side (HTTP 5xx).

    Args:
        message: What the endpoint said.
        retry_after_s: Seconds that it asks to wait, None where it does not say.
    """

    default_retryable = True

    def __init__(self, message: str, *, retry_after_s: float | None = None, retryable: bool | None = None) -> None:
        """Keep the wait that the endpoint asks for."""
        super().__init__(message, retryable=retryable)
        self.retry_after_s = retry_after_s


class RefusedError(CallError):
    """The endpoint will not take this request, now or later (HTTP 4xx, a content filter)."""


class AuthError(RefusedError):
    """The key is missing, wrong, or not allowed to use the model."""


class ContextTooLongError(RefusedError):
    """The prompt does not fit the model's context window, even after trimming."""


class BadReplyError(CallError):
    """The endpoint answered, but with nothing usable: empty, only thinking, malformed."""

    default_retryable = True


class OverLimitError(CallError):
    """The call was not sent: too little is left of the run's limit of money or tokens."""


class RunError(MoaError):
    """A run ended without an answer.

    Args:
        message: Why, one line.
        run_id: The run's id.
        partial: The record of all that was finished; it stays readable.
    """

    def __init__(self, message: str, *, run_id: str, partial: RunRecord) -> None:
        """Keep the record of what was finished."""
        super().__init__(message)
        self.run_id = run_id
        self.partial = partial


class QuorumError(RunError):
    """Too few agents are left for the run to go on."""


class BudgetError(RunError):
    """The run's limit of money or tokens was reached before there was anything to return."""


class DeadlineError(RunError):
    """The run's deadline passed before there was anything to return."""


class FormatError(RunError):
    """The answer has not the form that was asked for, and could not be mended; ``partial.text`` is what there is."""


class StoreError(MoaError):
    """Something that was stored cannot be read or written."""


class SchemaVersionError(StoreError):
    """A stored record has a form that this version does not know.

    Args:
        found: The schema version in the record.
        known: The newest schema version that this version reads.
    """

    def __init__(self, found: object, known: int) -> None:
        """Name both versions and the mend."""
        super().__init__(f"record has schema version {found}, this version reads up to {known}: upgrade attention-moa")
        self.found = found
        self.known = known


class RunNotFoundError(StoreError):
    """The journal has no such run.

    Args:
        run_id: What was asked for.
    """

    def __init__(self, run_id: str) -> None:
        """Name the run and the mend."""
        super().__init__(f"the journal has no run {run_id!r}: attention-moa runs list shows what it has")
        self.run_id = run_id


class NotJournaledError(StoreError):
    """A replay, which makes no new call, came to a call that the journal does not have.

    Args:
        call_id: The call.
    """

    def __init__(self, call_id: str) -> None:
        """Name the call, why it has no reply, and the mends."""
        super().__init__(
            f"the journal has no reply to the call {call_id}: none like it has finished, it was lost or never made. A "
            "replay sends nothing: see the run as it was with runs show, or send what is missing without --replay"
        )
        self.call_id = call_id


class RunBusyError(StoreError):
    """Somebody else is at the run.

    Args:
        run_id: The run.
        holder: Who holds it, for a person.
    """

    def __init__(self, run_id: str, holder: str) -> None:
        """Name the run and who holds it."""
        super().__init__(f"run {run_id} is under way in {holder}: wait for it, or end it there")
        self.run_id = run_id


def call_error(kind: str, message: str) -> CallError:
    """Return the error that a lost call was journaled with.

    Args:
        kind: Its class name; an unknown one gives a plain ``CallError``.
        message: Its text.
    """
    found = {error.__name__: error for error in _subclasses(CallError)}.get(kind, CallError)
    return found(message)


def _subclasses(error: type[CallError]) -> list[type[CallError]]:
    return [error, *(deeper for known in error.__subclasses__() for deeper in _subclasses(known))]


def describe(error: BaseException) -> str:
    """Return an error's text in one line, or its class name where it has no text.

    Args:
        error: Any exception.

    Returns:
        A single line for a person, never empty.

    Source: ours.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text.encode(errors="replace").decode()  # what an endpoint said may hold halves of characters
