"""What a proof came to: ``prove.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.bench.prove_frontier import Point
from attention_moa.bench.prove_spend import Unit
from attention_moa.bench.prove_verdict import Comparison, Verdict

FORM = 2
"""Of ``prove.json``: another number has other fields."""

How: TypeAlias = Literal["told", "only-one", "judge", "right-answers", "judge-and-right-answers"]


class Best(Struct, frozen=True, kw_only=True):
    """Which agent is taken for the best one.

    Args:
        agent: Its name.
        how: Who said so.
        prompts: Of the pilot: no verdict rests on them.
        rates: By agent: its score against the others in the pilot, ties counting half; None where nothing was compared.
        tied: Agents that did equally well.
        is_cheaper: Whether it was taken before these since it costs less; else since it comes first.
    """

    agent: str
    how: How
    prompts: tuple[str, ...] = ()
    rates: Mapping[str, float | None] = {}
    tied: tuple[str, ...] = ()
    is_cheaper: bool = False


class Tried(Struct, frozen=True, kw_only=True):
    """What a size of a baseline came to on the first prompts.

    Args:
        size: Samples or layers.
        cost_ratio: What it cost, as a multiple of what the ensemble did on the same prompts; None for unknown.
        prompts: How many.
    """

    size: int
    cost_ratio: float | None
    prompts: int


class Size(Struct, frozen=True, kw_only=True):
    """The size at which a baseline is expected to cost what the ensemble costs.

    Args:
        what: ``samples`` or ``layers``.
        size: How many.
        expected: Cost of a prompt, in the unit of the spend.
        target: What the ensemble cost.
        selector: The model that chooses among samples, its calls counted; None where nobody chooses.
        tried: Every size that was tried, in order: of these it is the one that came nearest.
    """

    what: Literal["samples", "layers"]
    size: int
    expected: float
    target: float
    selector: str | None = None
    tried: tuple[Tried, ...] = ()


class JudgeAccount(Struct, frozen=True, kw_only=True):
    """What there is to know of the judging.

    Args:
        judge: Who.
        comparisons: Pairs that were judged, in both orders.
        agreed: The share of them in which both orders gave the same; None without any.
        first: The share of clear preferences that went to what was read first: 0.5 is none. None without any.
        missing: Pairs without a judgement that can be read.
        usd: What it cost, the pilot included, as far as that is known; None where nothing is.
        is_lower_bound: Whether more belongs to it that nobody told.
        reply_models: What the endpoints say they used, each once.
    """

    judge: str
    comparisons: int
    agreed: float | None
    first: float | None
    missing: int
    usd: float | None
    is_lower_bound: bool = False
    reply_models: tuple[str, ...] = ()


class SystemProof(Struct, frozen=True, kw_only=True):
    """One system in the proof.

    Args:
        name: The system.
        strategy: How it works.
        answered: Prompts with an answer.
        failed: Prompts whose run failed.
        average_length: Unicode characters of its answers.
        median_s: Seconds of a run; None where there is none.
        usd: Money of all its runs, the pilot left out, as far as that is known; None where nothing is.
        is_lower_bound: Whether more belongs to it that nobody told.
        size: Of a baseline that has one.
    """

    name: str
    strategy: str
    answered: int
    failed: int
    average_length: float | None
    median_s: float | None
    usd: float | None
    is_lower_bound: bool = False
    size: Size | None = None


class Spent(Struct, frozen=True, kw_only=True):
    """What a part of a proof cost: the parts add up to all of it.

    Args:
        what: The part, in words.
        count: Runs, or pairs that were judged.
        usd: As far as it is known; None where nothing is.
        is_lower_bound: Whether more belongs to it that nobody told.
    """

    what: str
    count: int
    usd: float | None
    is_lower_bound: bool = False


class Proof(Struct, frozen=True, kw_only=True):
    """All of it.

    Args:
        ensemble: The system that is to be proven.
        verdict: What to do.
        words: The same in words, a sentence each.
        prompts: Prompts that could be compared with every baseline that took part.
        asked: Prompts that were chosen, the pilot included.
        unit: In what spend is compared.
        best: Which agent is the best one, and who says so.
        comparisons: The ensemble against each baseline.
        by_kind: The same by kind of prompt; empty where prompts have no kinds.
        quality_is: What the frontier's quality is: the share of right answers, or each one's own score against the
            ensemble, whose own is 1/2 by definition.
        frontier: Every system by cost and quality.
        systems: Every system, the ensemble first.
        judge: What there is to know of the judging; None where right answers said it all.
        spent: Every part of what it cost, which adds up to ``usd``.
        usd: Everything whose price is known, pilot, trials and judge included.
        unpriced: Runs and judgements whose cost is not known whole: ``usd`` is then a lower bound.
        cut_off: Those of the runs that a process's end cut off, and that went on.
        usd_each: What another prompt would cost, all systems and the judge; None where nothing is known of it.
        usd_each_is_lower_bound: Whether more belongs to it that nobody told.
        stopped: How the budget ended it; None where it did not.
        warnings: What a reader has to know.
        data: The file of the prompts.
        data_fingerprint: Of its content.
        seed: By which the pilot was drawn.
        date: When it ended, ISO 8601 in UTC.
        settings_hash: Of all that shapes it.
        versions: Of what made it.
        form: Of this document.
    """

    ensemble: str
    verdict: Verdict
    words: tuple[str, ...]
    prompts: int
    asked: int
    unit: Unit
    best: Best
    comparisons: tuple[Comparison, ...]
    by_kind: Mapping[str, tuple[Comparison, ...]]
    quality_is: Literal["right", "score"]
    frontier: tuple[Point, ...]
    systems: tuple[SystemProof, ...]
    judge: JudgeAccount | None
    spent: tuple[Spent, ...]
    usd: float
    unpriced: int
    cut_off: int
    usd_each: float | None
    stopped: str | None
    warnings: tuple[str, ...]
    data: str
    data_fingerprint: str
    seed: int
    date: str
    settings_hash: str
    versions: Mapping[str, str]
    usd_each_is_lower_bound: bool = False
    form: int = FORM
