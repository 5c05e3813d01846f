"""What calls used, added up so that a run is the sum of its layers and a layer the sum of its calls.

Unknown stays unknown: an attempt whose tokens nobody counted adds nothing to the sums and one to ``unknown_calls``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from attention_moa.messages import Conversation, ImagePart, TextPart, Usage
from attention_moa.records import Attempt, CallRecord, Loss, UsageTotal

_TEMPLATE_TOKENS = 2_000
_IMAGE_TOKENS = 20_000
_RENDERED = 4
"""How many times its JSON a rendered tool may take at most."""
_MOST_OUTPUT_TOKENS = 2_000_000
_NOTHING_GENERATED = frozenset({"RateLimitError", "AuthError", "RefusedError", "ContextTooLongError"})


class CallCounts(NamedTuple):
    """Calls by what became of them; attempts of one call are one.

    Args:
        sent: How many were sent.
        finished: How many have a reply that could be used, also one that a journal had.
        broken_off: How many were sent and ended from outside before their reply was whole: it is paid for, and lost.
        unsent: How many were given up before they were sent.
        lost: How many gave nothing that could be used: every attempt failed, there was no money for one, or the reply
            was of no use.
    """

    sent: int = 0
    finished: int = 0
    broken_off: int = 0
    unsent: int = 0
    lost: int = 0

    def __add__(self, other: object) -> CallCounts:
        """Return both together."""
        if not isinstance(other, CallCounts):
            return NotImplemented
        return CallCounts(*(one + more for one, more in zip(self, other, strict=True)))


def call_counts(calls: Iterable[CallRecord], losses: Iterable[Loss] = ()) -> CallCounts:
    """Return how many calls were sent, finished, broken off, never sent and lost.

    Args:
        calls: Of a run.
        losses: Of the run: a reply that was of no use is named there.
    """
    useless = {(loss.call_id, loss.stage, loss.peer) for loss in losses if loss.call_id is not None}
    counts = CallCounts()
    for call in calls:
        is_cancelled, is_sent = call.state == "cancelled", bool(call.attempts)
        is_useless = (call.call_id, call.stage, call.peer) in useless
        counts += CallCounts(
            sent=int(is_sent),
            finished=int(call.state == "finished" and not is_useless),
            broken_off=int(is_cancelled and is_sent),
            unsent=int(is_cancelled and not is_sent),
            lost=int(call.state == "lost" or (call.state == "finished" and is_useless)),
        )
    return counts


def attempt_usage(attempt: Attempt) -> UsageTotal:
    """Return one attempt's tokens as a sum of one.

    An attempt that the endpoint refused used no tokens. Any other whose prompt or reply tokens are missing is unknown.
    """
    usage = attempt.usage
    if usage == Usage() and was_refused(attempt.error):
        return UsageTotal(calls=1)
    return UsageTotal(
        calls=1,
        unknown_calls=int(usage.input_tokens is None or usage.output_tokens is None),
        input_tokens=usage.input_tokens or 0,
        cached_tokens=usage.cached_tokens or 0,
        cache_write_tokens=usage.cache_write_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        reasoning_tokens=usage.reasoning_tokens or 0,
        cost_usd=attempt.cost_usd or 0.0,
        unpriced_calls=int(attempt.cost_usd is None),
    )


def is_plausible(usage: Usage, messages: Conversation, max_tokens: int | None, *, more_bytes: int = 0) -> bool:
    """Return whether an endpoint's token counts can be true of a request; some report nonsense.

    Args:
        usage: As the endpoint told it.
        messages: The prompt as it was sent.
        max_tokens: The most tokens that were asked for; None where that was not said.
        more_bytes: Of what else was sent for the model to read: tools, a schema.

    Source: ours. No tokenizer makes more tokens than bytes; templates, tools and images come on top. A reply may run
        beyond its limit where thinking is counted apart, but not by far.
    """
    images = sum(isinstance(part, ImagePart) for message in messages for part in message.content)
    told = sum(
        len(part.text.encode()) for message in messages for part in message.content if isinstance(part, TextPart)
    )
    told += sum(len(call.arguments.encode()) for message in messages for call in message.tool_calls)
    most_in = told + more_bytes * _RENDERED + _TEMPLATE_TOKENS + _IMAGE_TOKENS * images
    most_out = _MOST_OUTPUT_TOKENS if max_tokens is None else 4 * max_tokens + _TEMPLATE_TOKENS
    return (usage.input_tokens or 0) <= most_in and (usage.output_tokens or 0) <= most_out


def was_refused(error: str | None) -> bool:
    """Return whether an attempt that failed so was refused, so that it used nothing.

    Args:
        error: The error's class name; None for an attempt that did not fail.
    """
    return error in _NOTHING_GENERATED


def add(totals: Iterable[UsageTotal]) -> UsageTotal:
    """Return the sum of many totals, field by field."""
    sums: dict[str, Any] = dict.fromkeys(UsageTotal.__struct_fields__, 0)
    for total in totals:
        for field in sums:
            sums[field] += getattr(total, field)
    return UsageTotal(**sums)


def known_usd(usage: UsageTotal) -> float | None:
    """Return what calls cost as far as it is known; None where nothing is.

    Args:
        usage: Of the calls.
    """
    return None if usage.unpriced_calls and not usage.cost_usd else round(usage.cost_usd, 9)


def call_usage(calls: Iterable[CallRecord]) -> UsageTotal:
    """Return the tokens of all attempts of many calls."""
    return add(attempt_usage(attempt) for call in calls for attempt in call.attempts)
