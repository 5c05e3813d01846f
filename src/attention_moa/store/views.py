"""What a stored run looks like: its line in a list, and its record where it did not get to its end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

from attention_moa.accounting import call_usage
from attention_moa.critical_path import critical_path
from attention_moa.errors import StoreError
from attention_moa.events import Event
from attention_moa.messages import Conversation
from attention_moa.records import CallRecord, RunRecord, RunState
from attention_moa.stored_runs import RunHead

PREVIEW_CHARACTERS = 200

CallKey: TypeAlias = tuple[str, str]
"""What a call is stored under in its run: fingerprint and call id."""

Numbered: TypeAlias = tuple[int, Event]
"""An event and its number in the run, from 1."""

UNFINISHED: frozenset[RunState] = frozenset({"running", "failed", "cancelled"})
"""States that a run can be taken up from."""

TRIES_AGAIN: frozenset[RunState] = frozenset({"failed", "cancelled"})
"""States of a run whose lost calls are sent once more when it is taken up: it had come to its end, and badly."""


def question(conversation: Conversation) -> str:
    """Return the last user turn, as far as a list shows it."""
    asked = next((message.text for message in reversed(conversation) if message.role == "user"), "")
    return preview(asked)


def preview(text: str) -> str:
    """Return a text's first characters, those that no database takes left out."""
    return text[:PREVIEW_CHARACTERS].replace("\0", "")


def partial_record(head: RunHead, calls: Iterable[CallRecord]) -> RunRecord:
    """Return the record of a run that has not come to its end: what it is, and its calls in the order they ended."""
    ended = tuple(sorted(calls, key=lambda call: call.ended_s))
    return RunRecord(
        run_id=head.run_id,
        created_at=head.created_at,
        ensemble=head.ensemble,
        conversation=head.conversation,
        state="running",
        calls=ended,
        usage=call_usage(ended),
        wall_s=ended[-1].ended_s if ended else 0.0,
        critical_path_s=critical_path(ended).seconds,
        wanted=head.wanted,
        owner=head.owner,
        labels=head.labels,
    )


def require_in_order(events: Sequence[Numbered]) -> None:
    """Raise a ``StoreError`` where the numbers of events do not grow from 1."""
    numbers = [0, *(number for number, _ in events)]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise StoreError("events are kept in the order of their numbers, from 1, each once")
