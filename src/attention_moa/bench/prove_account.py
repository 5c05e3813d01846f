"""What a proof cost, part by part, and what there is to know of its judge. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attention_moa.bench.judges import judge_name
from attention_moa.bench.pairwise import Comparison as Compared
from attention_moa.bench.pairwise import tally as tally_of
from attention_moa.bench.prove_evidence import Evidence
from attention_moa.bench.prove_result import JudgeAccount, Spent
from attention_moa.bench.prove_spend import Cost, least_cost, least_mean
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.sums import Money, sum_of

_UNKNOWN = Money(None, is_lower_bound=True)


def judge_account(found: Evidence) -> JudgeAccount | None:
    """Return what there is to know of the judging; None where nobody judges.

    Args:
        found: All that was answered and judged.
    """
    if found.judge is None:
        return None
    pairs = [*_pairs(found.said), *_pairs(found.pilot_said)]
    asked = [pair for pair in pairs if _is_asked(pair)]
    counts, spent = tally_of(asked), tally_of(pairs)
    judged = counts.consistent + counts.inconsistent
    return JudgeAccount(
        judge=judge_name(found.judge),
        comparisons=len(asked),
        agreed=counts.consistent / judged if judged else None,
        first=counts.position_bias,
        missing=counts.missing,
        usd=spent.usd,
        is_lower_bound=spent.is_lower_bound,
        reply_models=counts.reply_models,
    )


def all_runs(found: Evidence) -> list[RunLine]:
    """Return every run once.

    Args:
        found: All that was answered and judged.
    """
    return _once(*(of_it.values() for of_it in found.lines.values()), found.piloted, found.trials)


def all_costs(found: Evidence) -> list[Money]:
    """Return what every run and every judgement cost.

    Args:
        found: All that was answered and judged.
    """
    pairs = [*_pairs(found.said), *_pairs(found.pilot_said)]
    return [*(line.money for line in all_runs(found)), *(pair.money for pair in pairs)]


def spent_parts(found: Evidence) -> Iterator[Spent]:
    """Yield what each part cost: systems, trials, pilot, judge; no run and no judgement is in two of them.

    Args:
        found: All that was answered and judged.
    """
    for system in found.systems:
        lines = found.lines[system.name].values()
        yield _spent(f"answers of {system.name}", [line.money for line in lines])
    kept = {line.run_id for of_it in found.lines.values() for line in of_it.values()}
    tried = [line.money for line in _once(found.trials) if line.run_id not in kept]
    aside = {"trials at sizes that were not kept": tried, "answers of the pilot": [one.money for one in found.piloted]}
    judged = {
        "judge, pilot": [pair.money for pair in _pairs(found.pilot_said)],
        "judge": [pair.money for pair in _pairs(found.said)],
    }
    for what, costs in (aside | judged).items():
        if costs:
            yield _spent(what, costs)


def usd_each(found: Evidence) -> Money:
    """Return what one more prompt costs, of all systems and the judge.

    Args:
        found: All that was answered and judged.
    """
    parts: list[list[Cost]] = [
        *([least_cost(line, "usd") for line in of_it.values()] for of_it in found.lines.values()),
        *([_cost(pair.money) for pair in of_it] for of_it in found.said.values()),
    ]
    means = [least_mean(part) for part in parts if part]
    return sum_of(_UNKNOWN if mean is None else Money(*mean) for mean in means)


def _spent(what: str, costs: Sequence[Money]) -> Spent:
    money = sum_of(costs)
    return Spent(what=what, count=len(costs), usd=money.usd, is_lower_bound=money.is_lower_bound)


def _cost(money: Money) -> Cost:
    return Cost(money.usd or 0.0, money.is_lower_bound)


def _is_asked(pair: Compared) -> bool:
    return not any(one.state == "unasked" for one in pair.judgements)


def _pairs(said: Mapping[str, Sequence[Compared]]) -> list[Compared]:
    return [pair for of_it in said.values() for pair in of_it]


def _once(*parts: Iterable[RunLine]) -> list[RunLine]:
    return list({line.run_id: line for part in parts for line in part}.values())  # a trial may be what was then wanted
