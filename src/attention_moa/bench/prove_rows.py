"""The tables and sentences of a proof, as text: the console and the report show the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attention_moa.bench.prove_frontier import Point
from attention_moa.bench.prove_result import Best, JudgeAccount, Proof, Size, Spent
from attention_moa.bench.prove_verdict import LEAST_RATIO, MOST_RATIO, Comparison
from attention_moa.bench.prove_words import LEAST_AGREED, is_fickle, percent, ratio_words
from attention_moa.bench.report_words import at_least
from attention_moa.bench.scores import Interval
from attention_moa.money import amount

AGAINST = ("against", "score", "95 % interval", "wins", "ties", "losses", "missing", "p", "cost ratio", "counts")
FRONTIER = (
    "system", "quality", "95 % interval", "cost", "cost interval", "frontier", "answered", "median s", "length",
)  # fmt: skip
MONEY = ("what", "number", "US dollars")
_HOW = {
    "told": "as you said",
    "only-one": "the only one",
    "judge": "by the judge, on a pilot of {n} prompts",
    "right-answers": "by right answers, on a pilot of {n} prompts",
    "judge-and-right-answers": "by judge and right answers, on a pilot of {n} prompts",
}
_COUNTS = {
    "yes": "",
    "yes, cheaper": f"cost less than {LEAST_RATIO} times as much: it has to be beaten, but that is no proof at equal "
    "spend",
    "no, dearer": f"cost more than {MOST_RATIO} times as much: to beat it proves no less, to lose to it is not held "
    "against the ensemble",
    "yes, cost unknown": "it has to be beaten, but that is no proof at equal spend",
}


def against_row(row: Comparison) -> tuple[str, ...]:
    """Return the cells of a comparison; the score is the ensemble's.

    Args:
        row: The ensemble against a baseline.
    """
    counts = row.counts
    return (
        row.system,
        share(row.rate),
        interval_text(row.interval),
        f"{counts.wins:,}",
        f"{counts.ties:,}",
        f"{counts.losses:,}",
        f"{counts.missing:,}",
        f"{row.p:.3f}",
        f"{row.cost_ratio:.2f}+" if row.cost_ratio is not None and row.ratio_is == "at-least" else ratio_words(row),
        counts_as(row),
    )


def counts_as(row: Comparison) -> str:
    """Return whether a baseline is held against the ensemble, in two words.

    Args:
        row: The ensemble against it.
    """
    if not row.is_held_against:
        return "no, dearer"
    if row.has_equal_spend:
        return "yes"
    is_known = row.cost_ratio is not None and row.cost_ratio < LEAST_RATIO and row.ratio_is != "at-least"
    return "yes, cheaper" if is_known else "yes, cost unknown"


def against_notes(rows: Sequence[Comparison]) -> Iterator[str]:
    """Yield what a reader of comparisons has to know: what a score is, and which baselines are held against it.

    Args:
        rows: The ensemble against each baseline.
    """
    yield "score: the ensemble's, where a win counts 1, a tie half and a loss 0; 50 % is as good as the other"
    said: dict[str, list[str]] = {}
    for row in rows:
        said.setdefault(counts_as(row), []).append(row.system)
    for word, names in said.items():
        if _COUNTS[word]:
            yield f"{word} ({', '.join(names)}): {_COUNTS[word]}"
    if any(row.ratio_is != "whole" for row in rows):
        yield "a cost ratio that is marked with + or in words is of costs that are not all known"


def frontier_row(one: Point, proof: Proof) -> tuple[str, ...]:
    """Return the cells of a system by its quality and its cost.

    Args:
        one: The system's.
        proof: The whole.
    """
    system = next(system for system in proof.systems if system.name == one.system)
    is_reference = proof.quality_is == "score" and one.system == proof.ensemble
    between = one.cost_interval
    return (
        one.system,
        "-" if is_reference else share(one.quality),
        interval_text(one.quality_interval),
        "?" if one.cost is None else at_least(_cost(one.cost, proof), is_lower_bound=one.is_cost_lower_bound),
        "-" if between is None else f"{_cost(between.low, proof)} to {_cost(between.high, proof)}",
        "yes" if one.is_on_frontier else "no",
        f"{system.answered:,}/{system.answered + system.failed:,}",
        "-" if system.median_s is None else f"{system.median_s:,.1f}",
        "-" if system.average_length is None else f"{system.average_length:,.0f}",
    )


def frontier_title(proof: Proof) -> str:
    """Return what quality and cost are."""
    right = "share of right answers"
    scores = f"each one's own score against {proof.ensemble}, whose own would be 50 %"
    unit = "US dollars" if proof.unit == "usd" else "tokens read and four times those written"
    return f"quality ({right if proof.quality_is == 'right' else scores}) against cost (a prompt, in {unit})"


def frontier_notes(proof: Proof) -> Iterator[str]:
    """Yield what a reader of quality against cost has to know."""
    bounds = [one.system for one in proof.frontier if one.is_cost_lower_bound]
    if bounds:
        yield f"a cost with a + is a lower bound ({', '.join(bounds)}): the frontier is by what is known"


def money_rows(proof: Proof) -> list[tuple[str, ...]]:
    """Return what each part cost, and the sum."""
    parts = [(one.what, f"{one.count:,}", _usd(one)) for one in proof.spent]
    whole = Spent(what="", count=0, usd=proof.usd, is_lower_bound=proof.unpriced > 0)
    return [*parts, ("in all", "", _usd(whole))]


def money_notes(proof: Proof) -> Iterator[str]:
    """Yield how much of the money is not known; nothing where all is."""
    if proof.unpriced:
        cut_off = f", and {proof.cut_off:,} of the runs were cut off" if proof.cut_off else ""
        yield (
            f"spent in all: at least ${amount(proof.usd)}: of {proof.unpriced:,} runs and judgements not all is "
            f"known{cut_off}"
        )


def method_lines(proof: Proof) -> Iterator[str]:
    """Yield how it was found out: the best agent, the pilot's ties, the baselines' sizes, the judge."""
    yield f"best agent: {proof.best.agent}, {_HOW[proof.best.how].format(n=len(proof.best.prompts))}"
    if proof.best.rates:
        told = ", ".join(f"{name} {share(rate)}" for name, rate in proof.best.rates.items())
        yield f"scores in the pilot, against the other agents: {told}"
    if proof.best.tied:
        yield _tie(proof.best)
    for one in proof.systems:
        if one.size is not None:
            yield f"{one.name}: {_size(one.size)}"
    if proof.judge is not None:
        yield _judge(proof.judge)


def share(value: float | None) -> str:
    """Return a share in per cent; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.1f} %"


def interval_text(interval: Interval | None) -> str:
    """Return an interval in per cent; a dash where there is none."""
    return "-" if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _usd(one: Spent) -> str:
    return "?" if one.usd is None else at_least(amount(one.usd), is_lower_bound=one.is_lower_bound)


def _cost(value: float, proof: Proof) -> str:
    return amount(value) if proof.unit == "usd" else f"{value:,.0f}"


def _tie(best: Best) -> str:
    """Return who did equally well in the pilot, and why one of them was taken."""
    rate = best.rates.get(best.agent)
    at = "" if rate is None else f" at {share(rate)}"
    cheap = "cheaper" if len(best.tied) == 1 else "cheapest"
    why = f"is the {cheap} one" if best.is_cheaper else "comes first"
    return f"in the pilot {', '.join((best.agent, *best.tied))} tied{at}: {best.agent} {why}"


def _size(size: Size) -> str:
    selector = f", chosen from by {size.selector}, its calls counted" if size.selector else ""
    tried = ", ".join(
        f"{one.size} cost {one.cost_ratio:.2f} times as much as the ensemble on {one.prompts:,} prompts"
        for one in size.tried
        if one.cost_ratio is not None
    )
    return f"{size.size} {size.what}{selector}{f'; tried: {tried}' if tried else ''}"


def _judge(one: JudgeAccount) -> str:
    if not one.comparisons:
        return "judge: asked nothing"
    low = f", which is low: fewer than {percent(LEAST_AGREED)}" if is_fickle(one.agreed) else ""
    agreed = "" if one.agreed is None else f", both orders agree on {percent(one.agreed)}{low}"
    first = "" if one.first is None else f", what is read first is preferred {percent(one.first)} of the time"
    missing = f", {one.missing:,} missing" if one.missing else ""
    return f"judge: {one.judge}, {one.comparisons:,} pairs in both orders{agreed}{first}{missing}"
