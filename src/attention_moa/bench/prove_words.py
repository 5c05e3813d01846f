"""The verdict in plain words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import ceil, floor, log10

from attention_moa.bench.prove_verdict import LEAST_RATIO, MOST_MISSING, WORTH, Comparison, Doubt, Verdict
from attention_moa.bench.sums import Money
from attention_moa.money import dollars

LEAST_AGREED = 0.6
"""A judge whose two orders agree on fewer of the pairs tells little: most ties are then its own doubt."""

_DOUBTS: Mapping[Doubt, str] = {
    "nothing-compared": "No prompt could be compared.",
    "missing": f"More than {100 * MOST_MISSING:.0f} % of the comparisons with a baseline are missing.",
    "no-equal-spend": f"No baseline cost {100 * LEAST_RATIO:.0f} % of what the ensemble does, as far as is known.",
    "too-few-prompts": "",
}


_UNKNOWN = Money(None, is_lower_bound=True)


def verdict_words(
    verdict: Verdict,
    rows: Sequence[Comparison],
    *,
    ensemble: str,
    usd_each: Money = _UNKNOWN,
    agreed: float | None = None,
    sized: Collection[str] = (),
) -> tuple[str, ...]:
    """Return what to do and why, a sentence each.

    Args:
        verdict: The verdict.
        rows: The ensemble against each baseline, over all prompts.
        ensemble: Its name.
        usd_each: What another prompt would cost.
        agreed: On what share of the pairs the judge's two orders agree; None without any.
        sized: The baselines that should have cost what the ensemble does.
    """
    sentences = [_head(verdict, ensemble), *_because(verdict, rows)]
    sentences += _misses([row for row in rows if row.system in sized], ensemble)
    if is_fickle(agreed):
        sentences.append(
            f"The judge gave the same verdict in both orders on only {percent(agreed)} of the pairs: most ties are "
            "then its own doubt, and not answers that are equally good."
        )
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
    score = f"{percent(row.rate)} against {row.system}"
    what = f"({standing(row)}){_costing(row)}"
    if verdict.decision == "use":
        return [f"It scores {score}, its strongest rival {what}."]
    if verdict.decision == "do-not-use" and verdict.is_worse:
        return [f"It scores only {score} {what}."]
    if verdict.decision == "do-not-use":
        return [f"It scores {score} {what}: not better by {100 * WORTH:.0f} points, if at all."]
    return [f"Over all prompts it scores {score}, its strongest rival {what}."]


def standing(row: Comparison) -> str:
    """Return what a score is made of: wins, ties, losses, its interval.

    Args:
        row: The ensemble against a baseline.
    """
    counts, interval = row.counts, row.interval
    parts = [
        f"{_count(counts.wins, 'win')}, {_count(counts.ties, 'tie')}, {_count(counts.losses, 'loss', 'losses')}",
        "a tie counts half",
    ]
    if interval is not None:
        parts.append(f"95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f}")
    return "; ".join(parts)


def ratio_words(row: Comparison) -> str:
    """Return a ratio of costs: ``1.29``, ``at least 1.29`` where the baseline's cost is a lower bound; ``?``."""
    if row.cost_ratio is None:
        return "?"
    known = {"whole": "", "at-least": "at least ", "at-most": "at most ", "about": "about "}[row.ratio_is]
    return f"{known}{row.cost_ratio:.2f}"


def equal_spend_words(row: Comparison, ensemble: str) -> str | None:
    """Return what it means that a baseline did not cost what the ensemble did; None where it did.

    Args:
        row: The ensemble against it.
        ensemble: Its name.
    """
    if row.cost_ratio is None:
        return f"What {row.system} cost is not known: {ensemble} has to beat it, but that is no proof at equal spend."
    cost = f"{row.system} cost {ratio_words(row)} times as much as {ensemble}"
    if not row.is_held_against:
        return f"{cost}: to beat it proves no less, but to lose to it is not held against {ensemble}."
    if not row.has_equal_spend:
        return f"{cost}: it has to be beaten, but that is no proof at equal spend."
    return None


def is_fickle(agreed: float | None) -> bool:
    """Return whether a judge changes its mind with the order too often to tell much.

    Args:
        agreed: On what share of the pairs its two orders agree; None without any.
    """
    return agreed is not None and agreed < LEAST_AGREED


def percent(share: float | None) -> str:
    """Return a share in per cent, without digits behind the point; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.0f} %"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _misses(rows: Sequence[Comparison], ensemble: str) -> Iterator[str]:
    for row in rows:
        said = equal_spend_words(row, ensemble) if row.counts.n else None
        if said is not None:
            yield said


def _costing(row: Comparison) -> str:
    return "" if row.cost_ratio is None else f" at {ratio_words(row)} times its cost"


def _what_would_tell(verdict: Verdict, usd_each: Money) -> list[str]:
    if verdict.doubt != "too-few-prompts":
        return [_DOUBTS[verdict.doubt or "nothing-compared"]]
    more = verdict.more_prompts
    if more is None:
        return ["More prompts are not likely to tell: it does too nearly as well."]
    rounded = rounded_up(more)
    more_usd = " or more" if usd_each.is_lower_bound else ""
    price = f", for about {dollars(usd_each.usd * rounded)}{more_usd}" if usd_each.usd else ""
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
