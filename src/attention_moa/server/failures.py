"""What the log says of requests that failed, whichever way the client was told."""

from __future__ import annotations

import logging
import re

from attention_moa.errors import ConfigError, StoreError, describe
from attention_moa.server.errors import ApiError, api_error
from attention_moa.telemetry.lines import FIELDS

_LOG = logging.getLogger("attention_moa.server")
_FIELD = re.compile(r"[a-z][a-z0-9_]*(?:\[\d+\])*(?:\.[a-z][a-z0-9_]*(?:\[\d+\])*)*")
_MOST = 80
_OF_CLIENTS = ("metadata.", "logit_bias.")
"""Tables whose names are the client's own."""

_OVERLOADED = 503


def told_of(error: Exception, *, is_operator: bool, **about: object) -> ApiError:
    """Return what a client is told of an error; the log says it too, but for how a run ended, which it has already.

    The server's own error is logged with what it says, a refused request without, since that quotes it.

    Args:
        error: Any.
        is_operator: Whether the client is who runs the server, and is told all of it.
        about: The request or its run, for the log.
    """
    told = api_error(error, is_operator=is_operator)
    error.__cause__ = error.__context__ = error.__traceback__ = None  # these hold the run, and the run holds its error
    fields = {**about, "status": told.status, "code": told.code, "param": _field(told.param)}
    if isinstance(error, (ConfigError, StoreError)) and told.status >= 500:
        _LOG.error("server.request_failed", extra={FIELDS: {**fields, "why": describe(error)}})
    elif told.status < 500 or told.status == _OVERLOADED:
        why = describe(error) if _LOG.isEnabledFor(logging.DEBUG) else None
        _LOG.info("server.request_refused", extra={FIELDS: {**fields, "why": why}})
    return told


def _field(param: str | None) -> str | None:
    """Return the field at fault, as far as its name is no text of the client's own."""
    if param is None or param.startswith(_OF_CLIENTS):
        return param and param.partition(".")[0]
    if len(param) <= _MOST and _FIELD.fullmatch(param):
        return param
    known = _FIELD.match(param[:_MOST].rpartition(".")[0])
    return f"{known[0]}.…" if known else "…"
