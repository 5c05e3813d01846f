"""What is known of a JSON text before anything is made of it: how deep it is, and of how many parts. Pure."""

from __future__ import annotations

import re

from attention_moa.server.errors import ApiError, bad_request

MOST_LEVELS = 100
MOST_PARTS = 1_000_000

# A text counts as one part, whatever stands in it; so does each bracket and each comma.
_PARTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)


def require_plain(content: bytes) -> None:
    """Make sure that a JSON text can be read without harm, whatever is in it. Whether it is JSON is not asked.

    Args:
        content: As it came.

    Raises:
        ApiError: 400: it is nested too deep; 413: it has too many parts.
    """
    if content.count(b"[") + content.count(b"{") <= MOST_LEVELS and len(content) <= MOST_PARTS:
        return
    level = 0
    for parts, found in enumerate(_PARTS.finditer(content)):
        mark = found[0][0]
        if mark in b"[{":
            level += 1
        elif mark in b"]}":
            level -= 1
        if level > MOST_LEVELS:
            raise bad_request(f"the body is nested deeper than {MOST_LEVELS} levels", param=None, code="invalid_json")
        if parts > MOST_PARTS:
            message = f"the body has more than {MOST_PARTS:,} parts"
            raise ApiError(413, message, type="invalid_request_error", code="request_too_large")
