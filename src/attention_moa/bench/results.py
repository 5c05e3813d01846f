"""What a benchmark came to: ``scores.json``, every score with what it is of and what it cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from attention_moa.bench.answers import Answered
from attention_moa.bench.bootstrap import mean_interval, percentile
from attention_moa.bench.report_words import count
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.scores import Interval, Score
from attention_moa.bench.sums import NOTHING, Money, sum_of
from attention_moa.bench.systems import System
from attention_moa.schedule import count_calls

LOST = "what was under way then may have cost something that is in no sum here"
"""Of what is cut off by the end of a process."""
FORM = 1
"""Of ``scores.json``: another number has other fields."""


class Spread(Struct, frozen=True, kw_only=True):
    """How long runs took.

    Args:
        median: Seconds.
        p95: Seconds.
    """

    median: float
    p95: float


class SystemResult(Struct, frozen=True, kw_only=True):
    """What one system came to.

    Args:
        name: The system.
        strategy: How it works; None for what is no ensemble.
        agents: How many it has.
        planned_calls: Of one run.
        scores: As the benchmark has them.
        average_length: Unicode characters of its answers.
        average_length_interval: Its 95 % interval.
        questions: How many were asked of it.
        answered: Those with an answer to every turn.
        failed: Those where a run failed.
        not_reached: Those that it did not come to.
        truncated: Answers that hit a limit of tokens.
        degraded: Runs in which something stood in for something better.
        calls: Attempts that were sent.
        unknown_calls: Those of them whose tokens are not known.
        unpriced_calls: Those of them whose cost is not known.
        cut_off: Runs that a process's end cut off, and that went on: calls of then may be in no count and no sum.
        input_tokens: Of all prompts, cached ones included.
        cached_tokens: Those out of a cache.
        output_tokens: Generated.
        tokens_are_lower_bound: Whether more tokens belong to these counts that nobody told.
        usd: Money, as far as it is known; None where nothing is.
        usd_is_lower_bound: Whether more belongs to it that nobody told.
        seconds: Of one run; None where there is none.
        critical_path_s: Of one run.
        judge_usd: What judging it cost, as far as that is known; None where nobody judged, or nothing is known.
        judge_usd_is_lower_bound: Whether more belongs to it that nobody told.
        judgement: What there is to know of the judging.
        notes: What a reader has to know, a sentence each.
    """

    name: str
    strategy: str | None = None
    agents: int = 0
    planned_calls: int = 0
    scores: tuple[Score, ...] = ()
    average_length: float | None = None
    average_length_interval: Interval | None = None
    questions: int = 0
    answered: int = 0
    failed: int = 0
    not_reached: int = 0
    truncated: int = 0
    degraded: int = 0
    calls: int = 0
    unknown_calls: int = 0
    unpriced_calls: int = 0
    cut_off: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    tokens_are_lower_bound: bool = False
    usd: float | None = None
    usd_is_lower_bound: bool = False
    seconds: Spread | None = None
    critical_path_s: Spread | None = None
    judge_usd: float | None = None
    judge_usd_is_lower_bound: bool = False
    judgement: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Of prompts and replies, as far as they are known."""
        return self.input_tokens + self.output_tokens

    @property
    def money(self) -> Money:
        """What its own runs cost."""
        return Money(self.usd, self.usd_is_lower_bound)

    @property
    def judge_money(self) -> Money:
        """What judging it cost: nothing where nobody judged."""
        return NOTHING if self.judgement is None else Money(self.judge_usd, self.judge_usd_is_lower_bound)


class Results(Struct, frozen=True, kw_only=True):
    """What a whole benchmark came to.

    Args:
        task: The benchmark.
        data: The file of its questions.
        data_fingerprint: Of its content.
        total: Questions that the file has.
        asked: Questions that were chosen.
        limit: How many were wanted; None for all.
        seed: By which they were drawn; None for the first ones.
        max_tokens: The cap of every reply; None for none.
        judge: Who judged; None for nobody.
        date: When it ended, ISO 8601 in UTC.
        settings_hash: Of all that shapes the scores.
        versions: Of what made them.
        stopped: How the budget ended it; None where it did not.
        usd: All runs and judgements, as far as that is known; None where nothing is.
        usd_is_lower_bound: Whether more belongs to it that nobody told.
        systems: In the order in which they answered.
        warnings: What a reader has to know of the whole.
        headline: What came out, where that is more than who has the highest score: a verdict.
        form: Of this document.
    """

    task: str
    data: str
    data_fingerprint: str
    total: int
    asked: int
    limit: int | None
    seed: int | None
    max_tokens: int | None
    judge: str | None
    date: str
    settings_hash: str
    versions: Mapping[str, str]
    stopped: str | None
    usd: float | None
    systems: tuple[SystemResult, ...]
    usd_is_lower_bound: bool = False
    warnings: tuple[str, ...] = ()
    headline: str | None = None
    form: int = FORM


def result_of(system: System, found: Sequence[Answered]) -> SystemResult:
    """Return what a system's runs came to; the benchmark's scores are put in afterwards.

    Args:
        system: Who answered.
        found: What became of each question.
    """
    lines = [line for one in found for line in one.lines]
    lengths = [float(len(line.text)) for line in lines if line.text is not None]
    answered = sum(one.texts is not None for one in found)
    failed = sum(any(line.state == "failed" for line in one.lines) for one in found)
    made = [line for line in lines if line.calls]
    money = sum_of(line.money for line in lines)
    return SystemResult(
        name=system.name,
        strategy=system.spec.strategy,
        agents=len(system.spec.agents),
        planned_calls=count_calls(system.spec),
        average_length=statistics.fmean(lengths) if lengths else None,
        average_length_interval=mean_interval(lengths),
        questions=len(found),
        answered=answered,
        failed=failed,
        not_reached=len(found) - answered - failed,
        truncated=sum(line.is_truncated for line in lines),
        degraded=sum(line.degraded > 0 for line in lines),
        calls=sum(line.calls for line in lines),
        unknown_calls=sum(line.unknown_calls for line in lines),
        unpriced_calls=sum(line.unpriced_calls for line in lines),
        cut_off=sum(line.is_cut_off for line in lines),
        input_tokens=sum(line.input_tokens for line in lines),
        cached_tokens=sum(line.cached_tokens for line in lines),
        output_tokens=sum(line.output_tokens for line in lines),
        tokens_are_lower_bound=not all(line.has_all_tokens for line in lines),
        usd=money.usd,
        usd_is_lower_bound=money.is_lower_bound,
        seconds=_spread([line.seconds for line in made]),
        critical_path_s=_spread([line.critical_path_s for line in made]),
        notes=tuple(_notes(lines, failed, len(found) - answered - failed)),
    )


def told_notes(systems: Sequence[SystemResult]) -> Iterator[str]:
    """Yield what is to be said of systems, with whom it is said of; what holds for several of them, once.

    Args:
        systems: All of a benchmark.
    """
    names: dict[str, list[str]] = {}
    for one in systems:
        for note in one.notes:
            names.setdefault(note, []).append(one.name)
    for note, told in names.items():
        yield f"{'all systems' if 1 < len(told) == len(systems) else ', '.join(told)}: {note}"


def known_sum(parts: Sequence[float | None]) -> float | None:
    """Return a sum; None where a part is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _spread(seconds: Sequence[float]) -> Spread | None:
    if not seconds:
        return None
    return Spread(median=statistics.median(seconds), p95=percentile(sorted(seconds), 0.95))


def _notes(lines: Sequence[RunLine], failed: int, not_reached: int) -> list[str]:
    notes: list[str] = []
    if failed:
        first = next(line.error for line in lines if line.state == "failed")
        has = "has" if failed == 1 else "have"
        notes.append(f"{count(failed, 'question')} {has} no answer; the first one: {first}")
    if not_reached:
        notes.append(f"{count(not_reached, 'question')} {'was' if not_reached == 1 else 'were'} not reached")
    if cut_off := sum(line.is_cut_off for line in lines):
        notes.append(f"{cut_off} of {len(lines)} runs were cut off and went on: {LOST}")
    return notes
