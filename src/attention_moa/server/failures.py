"""What the log says of requests that failed, whichever way the client was told."""

from __future__ import annotations

import logging

from attention_moa.errors import ConfigError, StoreError, describe
from attention_moa.server.errors import ApiError, api_error
from attention_moa.telemetry.lines import FIELDS

_LOG = logging.getLogger("attention_moa.server")


def told_of(error: Exception, **about: object) -> ApiError:
    """Return what a client is told of an error; the log says it too where more than this request is at fault.

    The server's own error is logged with what it says, a client's without, since that quotes the request.

    Args:
        error: Any.
        about: The request or its run, for the log.
    """
    told = api_error(error)
    error.__cause__ = error.__context__ = error.__traceback__ = None  # these hold the run, and the run holds its error
    if not isinstance(error, (ConfigError, StoreError)):
        return told
    fields = {**about, "status": told.status, "code": told.code, "param": told.param}
    if told.status >= 500:
        _LOG.error("server.request_failed", extra={FIELDS: {**fields, "why": describe(error)}})
    else:
        why = describe(error) if _LOG.isEnabledFor(logging.DEBUG) else None
        _LOG.info("server.request_refused", extra={FIELDS: {**fields, "why": why}})
    return told
