"""What becomes of judgements: each by itself, all of a system's together, and the files that keep them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from attention_moa.bench.sums import Money, sum_of
from attention_moa.messages import TokenChances
from attention_moa.records import CallRecord, RunRecord

T = TypeVar("T")

State: TypeAlias = Literal["judged", "unreadable", "failed", "unasked"]
"""What became of a judgement: ``failed`` where the judge gave no reply, ``unasked`` where the money was at its end."""


class Judgement(NamedTuple, Generic[T]):
    """What became of a case.

    Args:
        key: The case.
        state: How it ended.
        value: What the judge says; None unless judged.
        reply: The judge's last words; None where there are none.
        chances: How likely its tokens were, where that was told.
        tries: How often the judge was asked.
        run_ids: Of these runs.
        usd: What they cost, as far as that is known; None where nothing is.
        is_lower_bound: Whether more belongs to it that nobody told.
        models: What the endpoints say they used, each once.
        created_at: When the last run began, ISO 8601 in UTC; empty where there is none.
        error: Why there is no reply; None where there is one.
    """

    key: str
    state: State
    value: T | None
    reply: str | None = None
    chances: tuple[TokenChances, ...] = ()
    tries: int = 0
    run_ids: tuple[str, ...] = ()
    usd: float | None = 0.0
    is_lower_bound: bool = False
    models: tuple[str, ...] = ()
    created_at: str = ""
    error: str | None = None

    @property
    def money(self) -> Money:
        """What it cost, and whether more belongs to that."""
        return Money(self.usd, self.is_lower_bound)


class Judged(Struct, frozen=True, kw_only=True):
    """What judging one system's answers came to.

    Args:
        task: The benchmark.
        system: Whose answers.
        judge: Who judged.
        file: The judgements in the benchmark's own form: what its scoring reads.
        details: A line of JSON for each judgement: runs, reply, value, tries, money.
        n: How many judgements there should be.
        missing: How many of them there are not.
        unreadable: Those of the missing that the judge wrote and nobody can read.
        unasked: Those of the missing that the money did not reach.
        retried: How many took more than one try.
        usd: What it cost, as far as that is known; None where nothing is.
        is_lower_bound: Whether more belongs to it that nobody told.
        position_bias: How often the judge prefers what it reads first, 0 to 1: 0.5 is none. None where nothing has a
            place, or too little was judged.
        reply_models: What the endpoints say they used, each once.
        notes: What a reader has to know, a sentence each.
    """

    task: str
    system: str
    judge: str
    file: Path
    details: Path
    n: int
    missing: int
    unreadable: int
    retried: int
    unasked: int = 0
    usd: float | None
    is_lower_bound: bool = False
    position_bias: float | None = None
    reply_models: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def last_call(record: RunRecord) -> CallRecord | None:
    """Return the call that a run is, where it is a single one: its reply is the run's, log-probabilities and all."""
    finished = [call for call in record.calls if call.state == "finished"]
    return finished[0] if len(finished) == 1 else None


def judged_of(
    task: str,
    judge: str,
    judgements: Sequence[Judgement[Any]],
    *,
    system: str,
    files: tuple[Path, Path],
    position_bias: float | None = None,
    notes: Sequence[str] = (),
) -> Judged:
    """Return what judging came to.

    Args:
        task: The benchmark.
        judge: Who judged.
        judgements: All.
        system: Whose answers.
        files: Of judgements and of details.
        position_bias: As ``Judged`` has it.
        notes: Of the benchmark; what holds for all is added.
    """
    money = sum_of(one.money for one in judgements)
    return Judged(
        task=task,
        system=system,
        judge=judge,
        file=files[0],
        details=files[1],
        n=len(judgements),
        missing=sum(one.state != "judged" for one in judgements),
        unreadable=sum(one.state == "unreadable" for one in judgements),
        unasked=sum(one.state == "unasked" for one in judgements),
        retried=sum(one.tries > 1 for one in judgements),
        usd=money.usd,
        is_lower_bound=money.is_lower_bound,
        position_bias=position_bias,
        reply_models=tuple(dict.fromkeys(model for one in judgements for model in one.models)),
        notes=(*notes, *_notes(judgements)),
    )


def _notes(judgements: Sequence[Judgement[Any]]) -> list[str]:
    count = len(judgements)
    unreadable, failed, unasked = (
        [one for one in judgements if one.state == state] for state in ("unreadable", "failed", "unasked")
    )
    notes: list[str] = []
    if unreadable:
        tries = max(one.tries for one in unreadable)
        notes.append(f"of {count} judgements, {len(unreadable)} could not be read in {tries} tries: missing, no number")
    if failed:
        notes.append(f"of {count} judgements, {len(failed)} failed ({failed[0].error}): missing, no number")
    if unasked:
        notes.append(f"of {count} judgements, {len(unasked)} were not reached: the money was at its end")
    return notes


def write_lines(path: Path, rows: Iterable[object]) -> Path:
    """Write rows as lines of JSON; return the file. Its folder is made.

    Args:
        path: Where.
        rows: Whatever JSON can say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def write_array(path: Path, rows: Sequence[object]) -> Path:
    """Write rows as a JSON array; return the file. Its folder is made.

    Args:
        path: Where.
        rows: Whatever JSON can say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    return path


def write_details(path: Path, judgements: Iterable[Judgement[Any]]) -> Path:
    """Write a line for each judgement; return the file.

    Args:
        path: Where.
        judgements: In the order to be written.
    """
    return write_lines(path, map(_details, judgements))


def _details(judgement: Judgement[Any]) -> dict[str, Any]:
    fields = judgement._asdict()
    del fields["chances"]  # of long judgements they would be most of the file, and the journal has them
    value: Any = judgement.value
    return {**fields, "value": value._asdict() if hasattr(value, "_asdict") else value}
