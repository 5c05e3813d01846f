"""What a proof came to, as sentences and tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attention_moa.bench.prove_frontier import Point
from attention_moa.bench.prove_result import Best, Proof, SystemProof
from attention_moa.bench.prove_verdict import Comparison
from attention_moa.bench.scores import Interval
from attention_moa.cli.layout import table
from attention_moa.money import amount

_AGAINST = ("against", "win rate", "95 % interval", "wins", "ties", "losses", "missing", "p", "cost ratio")
_FRONTIER = (
    "system",
    "quality",
    "95 % interval",
    "cost",
    "cost interval",
    "frontier",
    "answered",
    "median s",
    "length",
)
_HOW = {
    "told": "as you said",
    "only-one": "the only one",
    "judge": "by the judge, on a pilot of {n} prompts",
    "right-answers": "by right answers, on a pilot of {n} prompts",
    "judge-and-right-answers": "by judge and right answers, on a pilot of {n} prompts",
}


def proof_lines(proof: Proof, *, room: int | None = None) -> Iterator[str]:
    """Yield the verdict, what it rests on, and what a reader has to know.

    Args:
        proof: The proof.
        room: Most columns; None for any number.
    """
    yield " ".join(proof.words)
    yield ""
    yield f"{proof.ensemble} against what the same money buys, {proof.prompts:,} prompts:"
    yield from table(_AGAINST, [_against(one) for one in proof.comparisons], room=room)
    for kind, rows in proof.by_kind.items():
        yield ""
        yield f"{kind}:"
        yield from table(_AGAINST, [_against(one) for one in rows], room=room)
    yield ""
    quality = "share of right answers" if proof.quality_is == "right" else f"win rate against {proof.ensemble}"
    unit = "US dollars" if proof.unit == "usd" else "tokens read and four times those written"
    yield f"quality ({quality}) against cost (a prompt, in {unit}):"
    systems = {one.name: one for one in proof.systems}
    yield from table(_FRONTIER, [_point(one, systems[one.system], proof) for one in proof.frontier], room=room)
    for line in _remarks(proof):
        yield ""
        yield line


def _against(row: Comparison) -> tuple[str, ...]:
    counts = row.counts
    return (
        row.system,
        _share(row.rate),
        _interval(row.interval),
        f"{counts.wins:,}",
        f"{counts.ties:,}",
        f"{counts.losses:,}",
        f"{counts.missing:,}",
        f"{row.p:.3f}",
        "?" if row.cost_ratio is None else f"{row.cost_ratio:.2f}",
    )


def _point(one: Point, system: SystemProof, proof: Proof) -> tuple[str, ...]:
    interval = one.cost_interval
    return (
        one.system,
        _share(one.quality),
        _interval(one.quality_interval),
        "?" if one.cost is None else _cost(one.cost, proof),
        "-" if interval is None else f"{_cost(interval.low, proof)} to {_cost(interval.high, proof)}",
        "yes" if one.is_on_frontier else "no",
        f"{system.answered:,}/{system.answered + system.failed:,}",
        "-" if system.median_s is None else f"{system.median_s:,.1f}",
        "-" if system.average_length is None else f"{system.average_length:,.0f}",
    )


def _cost(value: float, proof: Proof) -> str:
    return amount(value) if proof.unit == "usd" else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _remarks(proof: Proof) -> Iterator[str]:
    yield f"best agent: {proof.best.agent}, {_HOW[proof.best.how].format(n=len(proof.best.prompts))}"
    if proof.best.tied:
        yield _tie(proof.best)
    yield from _sizes(proof.systems)
    if proof.judge is not None:
        yield _judge(proof)
    yield f"spent in all: {_spent(proof)}"
    if proof.stopped is not None:
        yield proof.stopped
    yield from proof.warnings


def _tie(best: Best) -> str:
    """Return who did equally well in the pilot, and why one of them was taken."""
    rate = best.rates.get(best.agent)
    at = "" if rate is None else f" at {_share(rate)}"
    cheap = "cheaper" if len(best.tied) == 1 else "cheapest"
    why = f"is the {cheap} one" if best.is_cheaper else "comes first"
    return f"in the pilot {', '.join((best.agent, *best.tied))} tied{at}: {best.agent} {why}"


def _spent(proof: Proof) -> str:
    if not proof.unpriced:
        return f"${amount(proof.usd)}"
    cut_off = f", and {proof.cut_off:,} of the runs were cut off" if proof.cut_off else ""
    return f"at least ${amount(proof.usd)}: of {proof.unpriced:,} runs and judgements not all is known{cut_off}"


def _sizes(systems: Sequence[SystemProof]) -> Iterator[str]:
    for one in systems:
        if one.size is not None:
            selector = f", chosen from by {one.size.selector}, its calls counted" if one.size.selector else ""
            yield f"{one.name}: {one.size.size} {one.size.what}{selector}"


def _judge(proof: Proof) -> str:
    one = proof.judge
    if one is None or not one.comparisons:
        return "judge: asked nothing"
    agreed = "" if one.agreed is None else f", both orders agree on {one.agreed:.0%}"
    first = "" if one.first is None else f", what is read first is preferred {one.first:.0%} of the time"
    missing = f", {one.missing:,} missing" if one.missing else ""
    return f"judge: {one.judge}, {one.comparisons:,} pairs in both orders{agreed}{first}{missing}"
