"""How two runs differ: in what they are, call by call, and in what they answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal, TypeAlias, cast

import msgspec
from msgspec import Struct

from attention_moa.blocks import MOST_PAIRS, Block, shared_blocks
from attention_moa.config import EnsembleSpec
from attention_moa.records import CallRecord, RunRecord

Cause: TypeAlias = Literal["only in A", "only in B", "model", "settings", "prompt", "outcome", "reply"]
"""Why a call is another one, the first of these that holds; ``reply``: all else is equal, the model wrote otherwise."""

Side: TypeAlias = Literal["both", "A", "B"]

_SENTENCES = re.compile(r"[^.!?\n]*[.!?\n]+\s*|[^.!?\n]+\Z")
_MOST_PAIRS = 400_000
_UNSET = "null"
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class CallDifference(Struct, frozen=True):
    """A call that differs.

    Args:
        call_id: Its name in both runs.
        causes: Why; at least one.
        after: The calls that its prompt quotes and that differ themselves: there the difference comes from.
    """

    call_id: str
    causes: tuple[Cause, ...]
    after: tuple[str, ...] = ()


class FieldDifference(Struct, frozen=True):
    """A field of the ensemble that differs.

    Args:
        path: Dotted.
        a: Its value in A as text; None where it is not there.
        b: Its value in B.
    """

    path: str
    a: str | None
    b: str | None


class Piece(Struct, frozen=True):
    """A piece of text of two texts laid over each other.

    Args:
        text: The piece.
        side: Whose it is.
    """

    text: str
    side: Side


class RunDifference(Struct, frozen=True):
    """How two runs differ.

    Args:
        has_same_question: Whether they were asked the same.
        fields: Settings of the ensembles that differ.
        calls: Calls that differ, in the order of A, then those that only B has.
        same_calls: How many calls are equal in all, the reply included.
        answer: The answers laid over each other, word by word.
    """

    has_same_question: bool
    fields: tuple[FieldDifference, ...]
    calls: tuple[CallDifference, ...]
    same_calls: int
    answer: tuple[Piece, ...]

    @property
    def has_same_answer(self) -> bool:
        """Whether both answers are the same text."""
        return all(piece.side == "both" for piece in self.answer)


def compare(a: RunRecord, b: RunRecord) -> RunDifference:
    """Return how two runs differ.

    Calls are compared by their names, which are equal in every run of an ensemble: ``1.critique.qwen.gemma``.

    Args:
        a: The one.
        b: The other.
    """
    in_a, in_b = calls_by_id(a), calls_by_id(b)
    differing: dict[str, tuple[Cause, ...]] = {}
    for call_id in (*in_a, *(other for other in in_b if other not in in_a)):
        if causes := _causes(in_a.get(call_id), in_b.get(call_id)):
            differing[call_id] = causes
    calls = [
        CallDifference(call_id, causes, _after(in_a.get(call_id), in_b.get(call_id), differing))
        for call_id, causes in differing.items()
    ]
    return RunDifference(
        has_same_question=a.conversation == b.conversation,
        fields=tuple(compare_specs(a.ensemble, b.ensemble)),
        calls=tuple(calls),
        same_calls=len(in_a.keys() | in_b.keys()) - len(calls),
        answer=tuple(overlay(a.text or "", b.text or "")),
    )


def compare_specs(a: EnsembleSpec, b: EnsembleSpec) -> Iterator[FieldDifference]:
    """Yield the settings of two ensembles that differ; agents are compared by name; unset is not there."""
    in_a, in_b = dict(_fields(_named(a))), dict(_fields(_named(b)))
    for path in dict.fromkeys((*in_a, *in_b)):
        if in_a.get(path, _UNSET) != in_b.get(path, _UNSET):
            yield FieldDifference(path, in_a.get(path), in_b.get(path))


def overlay(a: str, b: str) -> Iterator[Piece]:
    """Yield two texts laid over each other: sentence by sentence, and word by word where sentences differ.

    Where many words differ at a stretch they are not compared among themselves: that would take a time that grows with
    their square.
    """
    for side, pieces in groupby(_overlaid(a, b), key=_side):
        yield Piece("".join(piece.text for piece in pieces), side)


def _side(piece: Piece) -> Side:
    return piece.side


def _overlaid(a: str, b: str) -> Iterator[Piece]:
    for piece in _matched(_SENTENCES.findall(a), _SENTENCES.findall(b)):
        if isinstance(piece, Piece):
            yield piece
            continue
        words_a, words_b = (_WORDS.findall(text) for text in piece)
        for part in _matched(words_a, words_b, most=_MOST_PAIRS):
            yield from (part,) if isinstance(part, Piece) else _both(part)


def _matched(
    parts_a: Sequence[str], parts_b: Sequence[str], *, most: int = MOST_PAIRS
) -> Iterator[Piece | tuple[str, str]]:
    """Yield what two sequences share as pieces, and in between what each has alone, as texts of A and B."""
    ends = Block(len(parts_a), len(parts_b), 0)
    at_a = at_b = 0
    for block in (*shared_blocks(parts_a, parts_b, most=most), ends):
        alone = "".join(parts_a[at_a : block.before]), "".join(parts_b[at_b : block.after])
        if any(alone):
            yield alone
        at_a, at_b = block.before + block.length, block.after + block.length
        if block.length:
            yield Piece("".join(parts_a[block.before : at_a]), "both")


def _both(texts: tuple[str, str]) -> Iterator[Piece]:
    a, b = texts
    if a:
        yield Piece(a, "A")
    if b:
        yield Piece(b, "B")


def calls_by_id(record: RunRecord) -> dict[str, CallRecord]:
    """Return a run's calls by name; where one was made twice, the one that gave a reply."""
    found: dict[str, CallRecord] = {}
    for call in record.calls:
        known = found.get(call.call_id)
        if known is None or known.text is None:
            found[call.call_id] = call
    return found


def _causes(a: CallRecord | None, b: CallRecord | None) -> tuple[Cause, ...]:
    if a is None or b is None:
        return ("only in B",) if a is None else ("only in A",)
    checks: tuple[tuple[Cause, bool], ...] = (
        ("model", a.model != b.model),
        ("settings", a.sampling != b.sampling),
        ("prompt", a.messages != b.messages),
        ("outcome", a.state != b.state),
    )
    causes: tuple[Cause, ...] = tuple(cause for cause, is_so in checks if is_so)
    if causes or a.text == b.text:
        return causes
    return ("reply",)


def _after(a: CallRecord | None, b: CallRecord | None, differing: Mapping[str, object]) -> tuple[str, ...]:
    if a is None or b is None:
        return ()
    return tuple(read for read in dict.fromkeys((*a.reads, *b.reads)) if read in differing)


def _named(spec: EnsembleSpec) -> dict[str, object]:
    return {**msgspec.structs.asdict(spec), "agents": {agent.name: agent for agent in spec.agents}}


def _fields(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    inside = msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else value
    if isinstance(inside, dict) and inside:
        for name, inner in cast("dict[str, object]", inside).items():
            yield from _fields(inner, f"{path}.{name}" if path else name)
    else:
        yield path, msgspec.json.encode(value).decode()
