"""The verdict in plain words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

from attention_moa.bench.prove_verdict import LEAST_RATIO, MOST_MISSING, WORTH, Comparison, Doubt, Verdict
from attention_moa.money import dollars

_DOUBTS: Mapping[Doubt, str] = {
    "nothing-compared": "No prompt could be compared.",
    "missing": f"More than {MOST_MISSING:.0%} of the comparisons with a baseline are missing.",
    "no-equal-spend": f"No baseline cost {LEAST_RATIO:.0%} of what the ensemble does, as far as is known.",
    "too-few-prompts": "",
}


def verdict_words(
    verdict: Verdict, rows: Sequence[Comparison], *, ensemble: str, usd_each: float | None = None
) -> tuple[str, ...]:
    """Return what to do and why, a sentence each.

    Args:
        verdict: The verdict.
        rows: The ensemble against each baseline, over all prompts.
        ensemble: Its name.
        usd_each: What another prompt would cost; None where that is not known.
    """
    sentences = [_head(verdict, ensemble), *_because(verdict, rows)]
    if verdict.decision == "cannot-tell":
        sentences += _what_would_tell(verdict, usd_each)
    if verdict.not_for and verdict.decision != "do-not-use":
        sentences.append(f"Do not use it for {_listed(verdict.not_for)}: there it is no better than a baseline.")
    return tuple(sentence for sentence in sentences if sentence)


def _head(verdict: Verdict, ensemble: str) -> str:
    return {
        "use": f"Use {ensemble}.",
        "use-for-kinds": f"Use {ensemble} for {_listed(verdict.kinds)}.",
        "do-not-use": f"Do not use {ensemble}.",
        "cannot-tell": f"Cannot tell whether {ensemble} is worth it.",
    }[verdict.decision]


def _because(verdict: Verdict, rows: Sequence[Comparison]) -> list[str]:
    row = next((one for one in rows if one.system == verdict.strongest), None)
    if row is None or row.rate is None or row.interval is None:
        return []
    wins = f"{row.rate:.0%} of the time ({row.interval.low:.0%} to {row.interval.high:.0%}, {row.counts.n:,} prompts)"
    against = f"{row.system}{_costing(row)}"
    if verdict.decision == "use":
        return [f"It wins {wins} against {against}, its strongest rival."]
    if verdict.decision == "do-not-use" and verdict.is_worse:
        return [f"It wins only {wins} against {against}."]
    if verdict.decision == "do-not-use":
        return [f"It wins {wins} against {against}: not better by {WORTH:.0%} of the prompts, if at all."]
    return [f"Over all prompts it wins {wins} against {against}, its strongest rival."]


def _costing(row: Comparison) -> str:
    return "" if row.cost_ratio is None else f" at {row.cost_ratio:.2f} of its cost"


def _what_would_tell(verdict: Verdict, usd_each: float | None) -> list[str]:
    if verdict.doubt != "too-few-prompts":
        return [_DOUBTS[verdict.doubt or "nothing-compared"]]
    more = verdict.more_prompts
    if more is None:
        return ["More prompts are not likely to tell: it does too nearly as well."]
    rounded = rounded_up(more)
    price = "" if usd_each is None else f", for about {dollars(usd_each * rounded)}"
    return [f"About {rounded:,} more prompts would tell{price}."]


def rounded_up(count: int) -> int:
    """Return a number with two digits that say something, never less than it is.

    Args:
        count: At least 1.
    """
    unit = int(10 ** max(floor(log10(count)) - 1, 0))
    return ceil(count / unit) * unit


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
