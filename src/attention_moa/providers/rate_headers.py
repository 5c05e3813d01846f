"""What an endpoint says in its headers about its limits. Pure; a limit that it garbles is one that it did not tell.

Source: the rate-limit headers of the OpenAI and Anthropic APIs; many others send OpenAI's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from attention_moa.messages import RateHint

_COUNT = re.compile(r"[0-9]{1,15}")
_SECONDS = re.compile(r"[0-9]{1,5}(?:\.[0-9]+)?")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]+)?(?:ms|us|µs|ns|d|h|m|s))+")
_PART = re.compile(r"([0-9.]+)(ms|us|µs|ns|d|h|m|s)")
_UNIT_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

_OPENAI = "x-ratelimit-remaining-{0}", "x-ratelimit-reset-{0}"
_ANTHROPIC = "anthropic-ratelimit-{0}-remaining", "anthropic-ratelimit-{0}-reset"
_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")


class _Limit(NamedTuple):
    """What is left of one limit, and in how many seconds it is whole again."""

    remaining: int
    reset_s: float | None


def rate_hint(headers: Mapping[str, str], now: datetime) -> RateHint | None:
    """Return what the headers of a response say is left; None where they say nothing that can be used.

    Args:
        headers: By name; names in small letters, or a mapping that does not mind.
        now: The time, with its zone; the response's own ``Date`` is taken where there is one, since the resets are told
            by the same clock.
    """
    clock = _date(headers.get("date")) or now
    limits = {kind: limit for kind in _KINDS if (limit := _limit(headers, kind, clock)) is not None}
    if not limits:
        return None
    requests = limits.get("requests")
    tokens = [limit.remaining for kind, limit in limits.items() if kind != "requests"]
    spent = [limit for limit in limits.values() if not limit.remaining]
    resets = [limit.reset_s for limit in spent or limits.values() if limit.reset_s is not None]
    return RateHint(
        remaining_requests=requests.remaining if requests else None,
        remaining_tokens=min(tokens, default=None),
        reset_s=max(resets, default=None),
    )


def _limit(headers: Mapping[str, str], kind: str, clock: datetime) -> _Limit | None:
    for remaining_name, reset_name in (_OPENAI, _ANTHROPIC):
        remaining = headers.get(remaining_name.format(kind), "").strip()
        reset = headers.get(reset_name.format(kind), "").strip()
        if not _COUNT.fullmatch(remaining):
            continue
        reset_s = _duration_s(reset) if reset_name is _OPENAI[1] else _until_s(reset, clock)
        if reset_s is not None or not reset:
            return _Limit(int(remaining), reset_s)
    return None


def _duration_s(text: str) -> float | None:
    """Return the seconds of ``6m0s``, ``20ms`` or ``1.5``; None where it is no duration."""
    if _SECONDS.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))


def _until_s(text: str, clock: datetime) -> float | None:
    """Return the seconds until a time as RFC 3339 writes it, 0 for a past one; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else max((moment - clock).total_seconds(), 0.0)


def _date(text: str | None) -> datetime | None:
    """Return the time of a ``Date`` header; None where it is none."""
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
