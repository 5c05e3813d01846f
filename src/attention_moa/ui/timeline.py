"""When the calls of a run happened, in lanes by agent, and which of them the run waited for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.critical_path import critical_path
from attention_moa.messages import Stage
from attention_moa.records import CallRecord, RunRecord
from attention_moa.ui.call_story import CallStory, State
from attention_moa.ui.story import RunStory
from attention_moa.ui.tries import Try
from attention_moa.ui.words import call_name, percent, seconds, shown_name

PartKind: TypeAlias = Literal["turn", "reading", "writing", "failed", "broken", "pause"]
"""What a call did: waited for its turn; was sent and had no reply yet; wrote; tried in vain; was ended from outside;
waited to try again."""

_WORDS: dict[PartKind, str] = {
    "turn": "for its turn",
    "reading": "until its reply began",
    "writing": "for its reply",
    "failed": "in attempts that failed",
    "broken": "in attempts that were broken off",
    "pause": "between attempts",
}
_LEAST_S = 0.05
_BROKEN_OFF = "Cancelled"
"""The error of an attempt that was ended from outside."""
_HAVE_TEXT = frozenset({State.DONE, State.REPLAYED})
_STATES: dict[str, State] = {"finished": State.DONE, "lost": State.LOST, "cancelled": State.CANCELLED}


class Part(NamedTuple):
    """A stretch of a call, in seconds of the run."""

    kind: PartKind
    start_s: float
    end_s: float


class Bar(Struct, frozen=True, kw_only=True):
    """One call in time.

    Args:
        call_id: Its name.
        stage: What it was for.
        layer: From 1.
        agent: Who spoke.
        peer: The author, for a critique of one.
        state: How it ended, or what it does.
        reads: The calls that it waited for.
        queued_s: When all that it reads was there, in seconds of the run.
        ended_s: When it ended; of one under way, now.
        parts: What it did in between, without gaps.
        is_open: Whether it is under way.
    """

    call_id: str
    stage: Stage
    layer: int
    agent: str
    peer: str | None
    state: State
    reads: tuple[str, ...]
    queued_s: float
    ended_s: float
    parts: tuple[Part, ...] = ()
    is_open: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return call_name(self.layer, self.stage, self.agent, self.peer)

    @property
    def start_s(self) -> float:
        """Where it begins: an earlier life of the run may have tried it before."""
        return min((self.queued_s, *(part.start_s for part in self.parts)))

    def spent_s(self, kind: PartKind) -> float:
        """Return how long it did something."""
        return sum(part.end_s - part.start_s for part in self.parts if part.kind == kind)


class Placed(NamedTuple):
    """A bar in its lane: in which line of it, from 0, so that no two lie over each other."""

    bar: Bar
    line: int


class Lane(NamedTuple):
    """The calls of one agent: who, how many lines they take, and each in its place, by start."""

    agent: str
    lines: int
    bars: tuple[Placed, ...]


class Step(NamedTuple):
    """A call that the run waited for: which, for how long, and in words what it waited for."""

    call_id: str
    seconds: float
    told: str


class Slowest(NamedTuple):
    """The agent that the run waited for most: who, for how long, its share of the path, and that in words."""

    agent: str
    seconds: float
    share: float
    told: str


class Timeline(Struct, frozen=True, kw_only=True):
    """All calls of a run in time.

    Args:
        seconds: The run's, from its start to its end, or until now.
        lanes: By agent, in the ensemble's order, other writers behind.
        path: The longest chain of calls that waited for each other, from the first.
        path_s: How long these took together.
        slowest: Who the run waited for most; None where nothing took any time.
    """

    seconds: float
    lanes: tuple[Lane, ...]
    path: tuple[Step, ...]
    path_s: float
    slowest: Slowest | None

    @property
    def critical(self) -> frozenset[str]:
        """The names of the calls on the path."""
        return frozenset(step.call_id for step in self.path)


def timeline_of_story(story: RunStory) -> Timeline:
    """Return the timeline of a run that is watched or replayed, up to the newest event."""
    now_s = story.head.now_s
    bars = [_of_story(call, story) for call in story.calls.values() if call.queued_s is not None]
    return timeline(bars, [agent.name for agent in story.spec.agents], now_s)


def timeline_of_record(record: RunRecord) -> Timeline:
    """Return the timeline of a run by its record."""
    bars = [_of_record(call) for call in record.calls]
    return timeline(bars, [agent.name for agent in record.ensemble.agents], record.wall_s)


def timeline(bars: Sequence[Bar], agents: Sequence[str], ended_s: float) -> Timeline:
    """Return bars in lanes, and what was waited for.

    Args:
        bars: The calls; what has one end is in the order of cause and effect.
        agents: In the order of their lanes; whoever else speaks comes behind.
        ended_s: The end of the run, or now, in seconds of the run.
    """
    in_order = sorted(bars, key=lambda bar: (bar.ended_s, bar.queued_s))
    path = critical_path(in_order)
    by_name = {bar.call_id: bar for bar in in_order}
    chain = [by_name[name] for name in path.call_ids]
    speakers = dict.fromkeys((*agents, *(bar.agent for bar in bars)))
    by_agent: dict[str, list[Bar]] = {agent: [] for agent in speakers}
    for bar in bars:
        by_agent[bar.agent].append(bar)
    return Timeline(
        seconds=max((ended_s, *(bar.ended_s for bar in bars))),
        lanes=tuple(_lane(agent, of_it) for agent, of_it in by_agent.items() if of_it),
        path=tuple(Step(bar.call_id, bar.ended_s - bar.queued_s, _told(bar)) for bar in chain),
        path_s=path.seconds,
        slowest=_slowest(chain, bars, path.seconds),
    )


def _of_story(call: CallStory, story: RunStory) -> Bar:
    queued_s = call.queued_s or 0.0
    ended_s = max(story.head.now_s if call.ended_s is None else call.ended_s, queued_s)
    is_replayed = call.state is State.REPLAYED
    return Bar(
        call_id=call.call_id,
        stage=call.stage,
        layer=call.layer,
        agent=call.agent,
        peer=call.peer,
        state=call.state,
        reads=tuple(read for name in call.reads for read in _read(name, story, queued_s)),
        queued_s=queued_s,
        ended_s=ended_s,
        parts=() if is_replayed else tuple(_parts(queued_s, ended_s, _tries(call, ended_s))),
        is_open=call.ended_s is None,
    )


def _tries(call: CallStory, ended_s: float) -> Iterator[Try]:
    """Yield the attempts of a call: those that were under way when it was ended from outside were broken off."""
    for one in call.tries:
        is_broken = call.state is State.CANCELLED and one.failed_s is None
        yield replace(one, failed_s=ended_s, is_broken=True) if is_broken else one


def _read(name: str, story: RunStory, at_s: float) -> Iterator[str]:
    """Yield what was read where a call was planned to be: itself, the own answer that stands in for it, or nothing."""
    call = story.calls.get(name)
    if call is not None and call.stage is Stage.REFINE and call.state not in _HAVE_TEXT:
        name = f"{call.layer}.{Stage.ANSWER.value}.{call.agent}"
        call = story.calls.get(name)
    if call is None or call.state not in _HAVE_TEXT or call.ended_s is None:
        return
    if call.ended_s <= at_s:  # else its reader went on without it
        yield name


def _of_record(call: CallRecord) -> Bar:
    tries = [
        Try(
            started_s=attempt.started_s,
            first_token_s=attempt.first_token_s,
            failed_s=None if attempt.error is None else attempt.ended_s,
            is_broken=attempt.error == _BROKEN_OFF,
        )
        for attempt in sorted(call.attempts, key=lambda attempt: attempt.started_s)
    ]
    begun_s = min((call.queued_s, *(one.started_s for one in tries)))
    return Bar(
        call_id=call.call_id,
        stage=call.stage,
        layer=call.layer,
        agent=call.agent,
        peer=call.peer,
        state=State.REPLAYED if call.replayed_from is not None else _STATES[call.state],
        reads=call.reads,
        queued_s=call.queued_s,
        ended_s=call.ended_s,
        parts=tuple(_parts(begun_s, call.ended_s, tries)),
    )


def _parts(queued_s: float, ended_s: float, tries: Iterable[Try]) -> Iterator[Part]:
    """Yield what a call did, from when it was ready to its end; of attempts beside each other the later one counts."""
    begins: list[tuple[PartKind, float]] = []
    waits: PartKind = "turn"
    waits_s = queued_s
    is_open = False
    for one in tries:
        if waits_s <= one.started_s and not is_open:
            begins.append((waits, waits_s))
        begins.append((_kind(one), one.started_s))
        if one.failed_s is not None:
            waits, waits_s = "pause", one.failed_s
            continue
        is_open = True
        if one.first_token_s is not None:
            begins.append(("writing", one.first_token_s))
    if not is_open:
        begins.append((waits, waits_s))
    found = sorted(begins, key=lambda begin: begin[1])
    ends = [*(start_s for _, start_s in found[1:]), ended_s]
    for (kind, start_s), end_s in zip(found, ends, strict=True):
        if min(end_s, ended_s) > start_s:
            yield Part(kind, start_s, min(end_s, ended_s))


def _kind(one: Try) -> PartKind:
    """Return what an attempt was from its start."""
    if one.failed_s is None:
        return "reading"
    return "broken" if one.is_broken else "failed"


def _lane(agent: str, bars: Iterable[Bar]) -> Lane:
    """Return an agent's bars, each in the first line that is free when it begins."""
    free_s: list[float] = []
    placed: list[Placed] = []
    for bar in sorted(bars, key=lambda bar: bar.start_s):
        line = next((line for line, end_s in enumerate(free_s) if end_s <= bar.start_s), len(free_s))
        if line == len(free_s):
            free_s.append(0.0)
        free_s[line] = bar.ended_s
        placed.append(Placed(bar, line))
    return Lane(agent, len(free_s), tuple(placed))


def _told(bar: Bar) -> str:
    """Return what was waited for with a call, in words."""
    spent = [(words, bar.spent_s(kind)) for kind, words in _WORDS.items()]
    parts = [f"{seconds(took_s)} {words}" for words, took_s in spent if took_s >= _LEAST_S]
    whole = f"{seconds(bar.ended_s - bar.queued_s)} for {bar.name}"
    return f"{whole}: {', '.join(parts)}" if len(parts) > 1 else whole


def _slowest(chain: Sequence[Bar], bars: Sequence[Bar], path_s: float) -> Slowest | None:
    if path_s <= 0:
        return None
    took_s: dict[str, float] = {}
    for bar in chain:
        took_s[bar.agent] = took_s.get(bar.agent, 0.0) + bar.ended_s - bar.queued_s
    agent = max(took_s, key=took_s.__getitem__)
    share = took_s[agent] / path_s
    often, calls = sum(bar.agent == agent for bar in chain), sum(bar.agent == agent for bar in bars)
    told = (
        f"the run waited longest for {shown_name(agent)}: {seconds(took_s[agent])} of {seconds(path_s)} "
        f"({percent(share)}), in {often} of its {calls} {'call' if calls == 1 else 'calls'}"
    )
    return Slowest(agent, took_s[agent], share, told)
