"""Rows of the journal's tables, made of what is kept and turned back into it. Pure but for who this process is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Row

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.events import Event
from attention_moa.experience import CallFacts, ModelExperience, learn
from attention_moa.messages import Conversation
from attention_moa.records import CallRecord, RunRecord, UsageTotal
from attention_moa.store.holds import this_process
from attention_moa.store.packing import pack, unpack
from attention_moa.store.redaction import redacted
from attention_moa.store.results import unpack_result
from attention_moa.store.views import CallKey, Numbered, partial_record, preview, question
from attention_moa.stored_runs import RunHead, RunRow

AnyRow: TypeAlias = Row[*tuple[Any, ...]]


def run_row(head: RunHead, redact: Callable[[str], str] | None) -> dict[str, Any]:
    """Return the row of a run that begins.

    Args:
        head: What runs.
        redact: Rewrites every text; None for none.
    """
    stored = redacted(head, redact)
    asked = ((head.ensemble, stored.ensemble), (head.conversation, stored.conversation), (head.wanted, stored.wanted))
    return {
        "run_id": head.run_id,
        "created_at": head.created_at,
        "state": "running",
        "ensemble": preview(head.ensemble.name),
        "request_key": head.request_key,
        "sample": head.sample,
        "is_redacted": any(before is not after for before, after in asked),
        "holder": this_process(),
        "question": question(stored.conversation),
        "spec": pack(stored.ensemble),
        "conversation": pack(stored.conversation),
        "owner": head.owner,
        "labels": pack(stored.labels),
        "wanted": pack(stored.wanted),
        "salt": pack(head.salt),
    }


def head_of(row: AnyRow) -> RunHead:
    """Return what a run's row says that it is; those of older versions have no labels, no salt, and want any answer."""
    return RunHead(
        run_id=row.run_id,
        created_at=row.created_at,
        ensemble=unpack(row.spec, EnsembleSpec),
        conversation=unpack(row.conversation, Conversation),
        request_key=row.request_key,
        sample=row.sample,
        wanted=unpack(row.wanted, AnswerSpec) if row.wanted is not None else PLAIN,
        owner=row.owner,
        labels=_labels(row),
        salt=unpack(row.salt, str) if row.salt is not None else "",
    )


def record_of(row: AnyRow, packed: Mapping[CallKey, bytes]) -> RunRecord:
    """Return a run's record: the final one, or what is finished.

    Args:
        row: The run's.
        packed: Its calls.
    """
    if row.record is not None and row.state != "running":
        return unpack_result(row.record, packed)
    return partial_record(head_of(row), [unpack(call, CallRecord) for call in packed.values()])


def _labels(row: AnyRow) -> dict[str, str]:
    return unpack(row.labels, dict[str, str]) if row.labels is not None else {}


def line_of(line: AnyRow, *, is_held: bool) -> RunRow:
    """Return a run's line in a list."""
    has_ended = line.state != "running"
    return RunRow(
        run_id=line.run_id,
        created_at=line.created_at,
        ensemble=line.ensemble,
        question=line.question,
        state=line.state,
        is_held=is_held,
        calls=line.calls,
        usage=unpack(line.usage, UsageTotal) if has_ended and line.usage is not None else None,
        wall_s=line.wall_s if has_ended else None,
        text=line.text if has_ended else None,
        owner=line.owner,
        labels=_labels(line),
    )


def learnt(found: Mapping[str, Sequence[AnyRow]]) -> dict[str, ModelExperience]:
    """Return what calls teach of models; a model without any is not in it."""
    known = {
        model: learn(model, [(row.run_id, unpack(row.facts, CallFacts)) for row in rows])
        for model, rows in found.items()
    }
    return {model: experience for model, experience in known.items() if experience is not None}


def event_row(run_id: str, events: Sequence[Numbered], redact: Callable[[str], str] | None) -> dict[str, Any]:
    """Return the row that holds some of a run's events: together they take far less room than apart.

    Args:
        run_id: Whose.
        events: At least one, in the order of their numbers.
        redact: Rewrites every text; None for none.
    """
    return {"run_id": run_id, "seq": events[-1][0], "body": pack(redacted(events, redact))}


def events_of(bodies: Iterable[bytes], *, after: int) -> list[Numbered]:
    """Return the events of packed bodies that come after a number, in their order; of a number the first one holds."""
    kept: dict[int, Event] = {}
    for body in bodies:
        for number, event in unpack(body, list[Numbered]):
            kept.setdefault(number, event)
    return sorted((number, event) for number, event in kept.items() if number > after)


def size_of_events(events: Iterable[Numbered]) -> int:
    """Return about how many bytes events take."""
    texts = (getattr(event, field, None) or "" for _, event in events for field in ("text", "output"))
    return sum(map(len, texts))
