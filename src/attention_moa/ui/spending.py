"""What a run took: tokens as cached, prefilled and written, money by agent and by stage, beside plan and limits. Pure.

What nobody told stays unknown: a sum with a part missing is a lower bound, and says so; one of nothing known is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from attention_moa.accounting import CallCounts, add, call_counts, call_usage, known_usd
from attention_moa.messages import Stage
from attention_moa.money import dollars
from attention_moa.plan import Plan
from attention_moa.plan_account import AccountRow, plan_account
from attention_moa.records import RunRecord, UsageTotal
from attention_moa.rules import LimitSpec
from attention_moa.sums import has_lower_bound, told_tokens
from attention_moa.ui.call_story import CallStory, State
from attention_moa.ui.story import RunStory
from attention_moa.ui.words import percent, seconds

Level: TypeAlias = Literal["fine", "near", "reached"]
"""How near a limit is: from four fifths on it is near."""

_NEAR = 0.8


class Tokens(NamedTuple):
    """Tokens by what became of them.

    Args:
        cached: Prompt tokens out of a cache.
        prefilled: Prompt tokens that were read anew.
        written: Generated ones, thinking included.
        is_least: Whether there may be more: some calls told nothing.
        is_known: Whether anything is known at all.
    """

    cached: int
    prefilled: int
    written: int
    is_least: bool
    is_known: bool


class Spent(NamedTuple):
    """What some calls took.

    Args:
        name: Whose, or for what.
        counts: How many were sent, finished, and broken off.
        tokens: Theirs.
        usd: What they cost as far as that is known; None where nothing is.
        is_least: Whether the cost is a lower bound.
        share: Their part of all known cost, or of all known tokens where nothing has a price; None where nothing is
            known of them.
        attempts: How often they were sent, all attempts of a call counted.
    """

    name: str
    counts: CallCounts
    tokens: Tokens
    usd: float | None
    is_least: bool
    share: float | None
    attempts: int = 0

    @property
    def cost(self) -> str:
        """The cost in words."""
        return told_cost(self.usd, is_least=self.is_least)


class LimitState(NamedTuple):
    """How far a run is towards one of its limits.

    Args:
        what: ``money``, ``tokens`` or ``time``.
        share: From 0 to 1 and above; of what is known.
        level: In three steps.
        told: In words.
    """

    what: str
    share: float
    level: Level
    told: str


def tokens_of(usage: UsageTotal) -> Tokens:
    """Return tokens by what became of them."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    prefilled = usage.input_tokens - cached
    is_known = not usage.unknown_calls or has_lower_bound(usage)
    return Tokens(cached, prefilled, usage.output_tokens, bool(usage.unknown_calls), is_known)


def told_cost(usd: float | None, *, is_least: bool) -> str:
    """Return a cost in words: ``$0.12``, ``at least $0.12``, ``unknown``.

    Args:
        usd: None for not known.
        is_least: Whether there may be more to it.
    """
    if usd is None or (is_least and not usd):
        return "unknown"
    return f"at least {dollars(usd)}" if is_least else dollars(usd)


def by_agent(run: RunStory | RunRecord) -> tuple[Spent, ...]:
    """Return what each agent took, in the ensemble's order, other writers behind."""
    parts = list(_parts(run))
    spec = run.spec if isinstance(run, RunStory) else run.ensemble
    names = dict.fromkeys((*(agent.name for agent in spec.agents), *(part.agent for part in parts)))
    return _grouped(names, ((part.agent, part) for part in parts))


def by_stage(run: RunStory | RunRecord) -> tuple[Spent, ...]:
    """Return what each stage took, in their order."""
    parts = ((part.stage.value, part) for part in _parts(run))
    return _grouped([stage.value for stage in Stage], parts)


class _Part(NamedTuple):
    agent: str
    stage: Stage
    usage: UsageTotal
    counts: CallCounts


def _parts(run: RunStory | RunRecord) -> Iterator[_Part]:
    """Yield what calls took that were sent, or were lost before."""
    if isinstance(run, RunRecord):
        for call in run.calls:
            if call.attempts or call.state == "lost":
                yield _Part(call.agent, call.stage, call_usage((call,)), call_counts((call,), run.losses))
    else:
        for told in run.calls.values():
            if told.used.calls or told.state is State.LOST:
                yield _Part(told.agent, told.stage, told.used, counts_of(told))


def counts_of(call: CallStory) -> CallCounts:
    """Return what became of one call that is watched, in the very numbers that its record will give."""
    is_cancelled, is_sent = call.state is State.CANCELLED, bool(call.used.calls)
    return CallCounts(
        sent=int(is_sent),
        finished=int(call.state in (State.DONE, State.REPLAYED)),
        broken_off=int(is_cancelled and is_sent),
        unsent=int(is_cancelled and not is_sent),
        lost=int(call.state is State.LOST),
    )


def _grouped(names: Iterable[str], parts: Iterable[tuple[str, _Part]]) -> tuple[Spent, ...]:
    """Return sums by name; of a name without any call there is none."""
    groups: dict[str, list[_Part]] = {name: [] for name in names}
    for name, part in parts:
        groups[name].append(part)
    sums = {name: add(part.usage for part in of_it) for name, of_it in groups.items() if of_it}
    whole = add(sums.values())
    counts = {name: sum((part.counts for part in groups[name]), CallCounts()) for name in sums}
    return tuple(_spent(name, usage, whole, counts[name]) for name, usage in sums.items())


def _spent(name: str, usage: UsageTotal, whole: UsageTotal, counts: CallCounts) -> Spent:
    return Spent(
        name=name,
        counts=counts,
        tokens=tokens_of(usage),
        usd=known_usd(usage),
        is_least=bool(usage.unpriced_calls),
        share=_share(usage, whole),
        attempts=usage.calls,
    )


def _share(usage: UsageTotal, whole: UsageTotal) -> float | None:
    if whole.cost_usd:
        return None if usage.unpriced_calls and not usage.cost_usd else usage.cost_usd / whole.cost_usd
    tokens, of_it = whole.input_tokens + whole.output_tokens, usage.input_tokens + usage.output_tokens
    return None if not tokens or (usage.unknown_calls and not of_it) else of_it / tokens


def share_is_of(run: RunStory | RunRecord) -> str:
    """Return in words what shares are of: ``cost``, ``known cost``, ``tokens``, ``known tokens``; empty for nothing."""
    whole = add(part.usage for part in _parts(run))
    if whole.cost_usd:
        return "known cost" if whole.unpriced_calls else "cost"
    if has_lower_bound(whole):
        return "known tokens" if whole.unknown_calls else "tokens"
    return ""


def beside_plan(run: RunStory | RunRecord, plan: Plan | None) -> tuple[AccountRow, ...]:
    """Return what a run takes beside what was planned for it.

    Of a run that is watched it is what events tell so far, beside the whole plan.

    Args:
        run: The run.
        plan: As it was made before the run; None where none was.
    """
    if isinstance(run, RunRecord):
        return () if plan is None else plan_account(plan, run).rows
    used, is_open = run.used, run.head.state in {None, "running"}
    tokens, total = tokens_of(used), None if plan is None else plan.total
    is_least = is_open or bool(used.unknown_calls)

    def of_tokens(what: str, planned: int | None, count: int) -> AccountRow:
        return AccountRow(what, "tokens", planned, count if tokens.is_known else None, is_least)

    calls = used.calls + run.counts[State.REPLAYED]
    is_least_usd = is_open or bool(used.unpriced_calls)
    return (
        AccountRow("calls", "calls", run.head.planned_calls, calls, is_open),
        of_tokens("prompt tokens", None if total is None else total.prompt_tokens, tokens.cached + tokens.prefilled),
        of_tokens("of them cached", None if total is None else total.cached_tokens, tokens.cached),
        of_tokens("written tokens", None if total is None else total.written_tokens, tokens.written),
        AccountRow("US dollars", "usd", None if total is None else total.usd, known_usd(used), is_least_usd),
        AccountRow("seconds", "seconds", None if total is None else total.seconds, run.head.now_s, is_open),
    )


def limits_of(story: RunStory) -> tuple[LimitState, ...]:
    """Return how far a watched run is towards each limit that it has."""
    head = story.head
    return tuple(limit_states(story.spec.limits, story.used, head.now_s - head.life_s))


def limit_states(limits: LimitSpec, used: UsageTotal, seconds_s: float) -> Iterator[LimitState]:
    """Yield how far a run is towards each of its limits.

    Args:
        limits: Its limits; one that it has not is not told.
        used: What it used.
        seconds_s: Since this life of it began.
    """
    if limits.usd is not None:
        usd = told_cost(known_usd(used), is_least=bool(used.unpriced_calls))
        yield _limit("money", used.cost_usd / limits.usd, f"{usd} of {dollars(limits.usd)}")
    if limits.tokens is not None:
        count = used.input_tokens + used.output_tokens
        told = told_tokens(used, count).replace("?", "unknown")
        yield _limit("tokens", count / limits.tokens, f"{told} of {limits.tokens:,} tokens")
    if limits.deadline_s is not None:
        of_it = f"{seconds(seconds_s)} of {seconds(limits.deadline_s)}"
        yield _limit("time", seconds_s / limits.deadline_s, of_it)


def _limit(what: str, share: float, told: str) -> LimitState:
    level: Level = "reached" if share >= 1 else "near" if share >= _NEAR else "fine"
    ends = {"fine": "", "near": ", near its limit", "reached": ", its limit is reached"}
    return LimitState(what, share, level, f"{told} ({percent(share)}){ends[level]}")
