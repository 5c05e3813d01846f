"""Log lines of runs: what happens at INFO, every call at DEBUG.

What people asked and models said is in no line above DEBUG, nor is what endpoints say of errors: they may quote it.
Where none could be reached, whoever runs the server is told which and why.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from logging import DEBUG, INFO, WARNING
from operator import attrgetter
from typing import NamedTuple, TextIO

from attention_moa.events import (
    AnswerReset,
    CallCancelled,
    CallFinished,
    CallFirstToken,
    CallHappening,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
    Degraded,
    Event,
    Happening,
    LayerFinished,
    ResultLost,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.telemetry.lines import FIELDS, Lines, LogForm

LOGGER = "attention_moa"

_UNREACHED = ("cannot connect to ", "the host of ", "the certificate of ")
"""What providers say where a connection cannot be opened begins so."""


def log_to(stream: TextIO, *, form: LogForm = "text", level: int = INFO, also: Sequence[str] = ()) -> logging.Logger:
    """Return this package's logger, which from here on writes to a stream and nowhere else.

    Args:
        stream: Where to: standard error, for a server.
        form: ``json`` or ``text``.
        level: The least that is told; texts of conversations are at ``logging.DEBUG``.
        also: Names of other libraries' loggers that write there too, warnings and above: below that they may tell
            texts, and what they tell of their ordinary life the server tells itself.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(form, has_texts=level <= DEBUG))
    for name in (LOGGER, *also):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(level if name == LOGGER else max(level, WARNING))
    return logging.getLogger(LOGGER)


def say(logger: logging.Logger, level: int, name: str, /, **fields: object) -> None:
    """Write a line.

    Args:
        logger: This package's, or one below it.
        level: As ``logging`` has them.
        name: Constant, lower case, with dots: ``server.started``.
        fields: What is to be told; None is left out. No text of a conversation above DEBUG.
    """
    if logger.isEnabledFor(level):
        logger.log(level, name, extra={FIELDS: fields})


class EventLog:
    """An observer that logs.

    Args:
        logger: Where to.
        key: The name of the key by which the run was asked for; None where there is none.
    """

    def __init__(self, logger: logging.Logger, *, key: str | None = None) -> None:
        """Keep both."""
        self._logger = logger
        self._key = key

    def __call__(self, event: Event, /) -> None:
        """Write an event's line; pieces of replies have none."""
        line = _LINES.get(type(event))
        if line is None:
            return
        level = WARNING if isinstance(event, RunFinished) and event.state == "failed" else line.level
        if not self._logger.isEnabledFor(level):
            return
        of_call = _OF_CALL if isinstance(event, CallHappening) else ()
        texts = line.texts if self._logger.isEnabledFor(DEBUG) or _is_unreached(event) else ()
        told = _told(event, ("run_id", "at_s", *of_call, *line.fields, *texts))
        say(self._logger, level, line.name, key=self._key, **told)


def _is_unreached(event: Event) -> bool:
    """Return whether an event's text is our own: no connection was opened, so that no endpoint said anything."""
    return isinstance(event, (CallLost, CallRetried)) and event.message.startswith(_UNREACHED)


class _Line(NamedTuple):
    """How an event is logged.

    Args:
        name: Of the line.
        level: Of the line.
        fields: What it tells: names and numbers. ``loss.kind`` is told under the name ``kind``.
        texts: What it tells beside them at DEBUG. ``why=message`` tells the message under the name ``why``.
    """

    name: str
    level: int
    fields: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def _told(event: Event, places: Iterable[str]) -> dict[str, object]:
    """Return what stands at some places of an event, by name."""
    told: dict[str, object] = {}
    for place in places:
        name, _, path = place.rpartition("=")
        told[name or path.rpartition(".")[2]] = attrgetter(path)(event)
    return told


_OF_CALL = ("call_id", "stage", "layer", "agent", "peer")
_USAGE = ("usage.input_tokens", "usage.cached_tokens", "usage.output_tokens", "usage.reasoning_tokens")
_TOTAL = ("usage.calls", *_USAGE, "usage.cost_usd", "usage.unknown_calls", "usage.unpriced_calls")
_WHOSE = ("layer", "stage", "agent")

_LINES: dict[type[Happening], _Line] = {
    RunStarted: _Line("run.started", INFO, ("ensemble", "layers", "planned_calls", "is_resumed")),
    CallQueued: _Line("call.queued", DEBUG),
    CallStarted: _Line("call.started", DEBUG, ("attempt",)),
    CallFirstToken: _Line("call.first_token", DEBUG),
    CallRetried: _Line("call.retried", INFO, ("attempt", "kind", "wait_s"), ("why=message",)),
    CallFinished: _Line(
        "call.finished", DEBUG, ("finish_reason", "elapsed_s", *_USAGE), ("text", "notes", "tool_calls")
    ),
    CallReplayed: _Line("call.replayed", DEBUG, ("finish_reason", "source", *_USAGE), ("text", "tool_calls")),
    CallLost: _Line("call.lost", WARNING, ("kind", "attempts"), ("why=message",)),
    CallCancelled: _Line("call.cancelled", DEBUG),
    ResultLost: _Line(
        "result.lost", INFO, (*(f"loss.{name}" for name in _WHOSE), "loss.peer", "loss.kind"), ("why=loss.message",)
    ),
    Degraded: _Line(
        "run.degraded",
        WARNING,
        tuple(f"degradation.{name}" for name in _WHOSE),
        ("degradation.what", "degradation.why"),
    ),
    LayerFinished: _Line("layer.finished", INFO, ("layer", *_TOTAL), ("text=output",)),
    VerdictReached: _Line(
        "layer.verdict",
        INFO,
        ("verdict.layer", "verdict.is_stop", "verdict.rule", "verdict.score"),
        ("why=verdict.reason",),
    ),
    AnswerReset: _Line("answer.reset", INFO, ("choice",), ("why=message",)),
    RunFinished: _Line("run.finished", INFO, ("state", *_TOTAL), ("text", "why=error")),
}
"""By event; pieces of text have no line at all."""
