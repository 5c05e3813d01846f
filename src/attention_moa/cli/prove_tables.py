"""What a proof came to, as sentences and tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from attention_moa.bench.prove_result import Proof
from attention_moa.bench.prove_rows import (
    AGAINST,
    FRONTIER,
    MONEY,
    against_notes,
    against_row,
    frontier_notes,
    frontier_row,
    frontier_title,
    method_lines,
    money_notes,
    money_rows,
)
from attention_moa.cli.layout import table


def proof_lines(proof: Proof, *, room: int | None = None) -> Iterator[str]:
    """Yield the verdict, what it rests on, and what a reader has to know.

    Args:
        proof: The proof.
        room: Most columns; None for any number.
    """
    yield " ".join(proof.words)
    yield ""
    yield f"{proof.ensemble} against what the same money buys, {proof.prompts:,} prompts:"
    yield from table(AGAINST, [against_row(one) for one in proof.comparisons], room=room)
    yield from against_notes(proof.comparisons)
    for kind, rows in proof.by_kind.items():
        yield ""
        yield f"{kind}:"
        yield from table(AGAINST, [against_row(one) for one in rows], room=room)
    yield ""
    yield f"{frontier_title(proof)}:"
    yield from table(FRONTIER, [frontier_row(one, proof) for one in proof.frontier], room=room)
    yield from frontier_notes(proof)
    yield ""
    yield "money:"
    yield from table(MONEY, money_rows(proof), room=room)
    yield from money_notes(proof)
    for line in _remarks(proof):
        yield ""
        yield line


def _remarks(proof: Proof) -> Iterator[str]:
    yield from method_lines(proof)
    if proof.stopped is not None:
        yield proof.stopped
    yield from proof.warnings
