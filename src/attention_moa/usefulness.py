"""What each agent of a run was good for, beside what it took: its part in the answer, what it moved, money, time. Pure.

A part in the answer is overlap of words followed back through all layers (``tracing.py``): it does not show what a
critique prevented, nor what was said in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import fsum

from msgspec import Struct

from attention_moa.accounting import call_usage
from attention_moa.config import voices
from attention_moa.critical_path import critical_path
from attention_moa.influence import Influence, Measured, measure
from attention_moa.messages import Stage
from attention_moa.records import CallRecord, RunRecord
from attention_moa.tracing import Role, traced

_OF_AGENTS = frozenset({Stage.ANSWER, Stage.CRITIQUE, Stage.REFINE})
"""What an agent does as one of many; a writer's work somebody else would have to do."""


class Spending(Struct, frozen=True):
    """What some of a run's calls took.

    Args:
        calls: How many they are.
        usd: Their cost; None where not all of it is known.
        usd_share: Their share of the run's cost, from 0 to 1; None where that is not known, or nothing was paid.
        tokens: Prompt and reply; None where not all of them were told.
        tokens_share: Their share of the run's tokens; None where that is not known, or there were none.
        seconds: From when each could begin to when it ended, summed up.
        seconds_share: Their share of the seconds of all calls; None where those took no time.
    """

    calls: int
    usd: float | None
    usd_share: float | None
    tokens: int | None
    tokens_share: float | None
    seconds: float
    seconds_share: float | None


class Usefulness(Struct, frozen=True):
    """What somebody in a run was good for.

    Args:
        agent: Who.
        is_agent: Whether it is one of those that answer, so that it could be left out of the ensemble.
        as_author: The share of the answer's words traced to its answers and refinements; None where there is no answer
            to trace. All of these shares, of all who spoke, add up to 1.
        as_critic: The share traced to its critiques.
        as_writer: The share that it has as the writer of summaries, residuals and the like.
        hand: The share of the answer's words that it had a hand in: they were in its answers or refinements on their
            way, whoever they come from, or are its own as critic or writer. None where there is no answer to trace.
        moved: The share of the other authors' changed words, in all layers, that its critiques account for; None where
            it criticised nobody.
        own: What its calls took.
        saved: What those calls took that would not have been made without it: its answers, critiques and refinements,
            and the critiques of its answers. Its work as a writer is not in it: somebody would have to do that.
        path_s: Seconds of its calls on the critical path, which all others waited for.
        is_by_chance: Whether its critiques, and those of others beside them, account for no more than chance may, of
            whatever author; None where nothing is traced to critiques of authors that it criticised.
    """

    agent: str
    is_agent: bool
    as_author: float | None
    as_critic: float | None
    as_writer: float | None
    hand: float | None
    moved: float | None
    own: Spending
    saved: Spending
    path_s: float
    is_by_chance: bool | None = None


_ROLES: tuple[Role, Role, Role] = ("author", "critic", "writer")
_NOTHING_TOLD = (
    "Nothing can be told of who was useful: what is traced to critiques is no more than chance, the words that texts "
    "on one subject share."
)
_NOTHING = 1e-6
"""A share below it is none: what calculating in fractions leaves."""


def usefulness(record: RunRecord, layers: Sequence[Measured] | None = None) -> tuple[Usefulness, ...]:
    """Return what everybody who spoke in a run was good for: the agents in the ensemble's order, then other writers.

    Args:
        record: The run, over or not.
        layers: Who moved whom, layer by layer, where that is known already.

    Source: ours.
    """
    if layers is None:
        layers = [measure(layer) for layer in record.layers]
    shares = [layer.influence for layer in layers]
    trace = traced(record, shares)
    parts: dict[tuple[str, Role], float] = {(part.agent, part.role): part.share for part in trace.parts}
    names = [agent.name for agent in voices(record.ensemble)]
    spoke = dict.fromkeys((*names, *(call.agent for call in record.calls)))
    path = set(critical_path(record.calls).call_ids)
    found: list[Usefulness] = []
    for agent in spoke:
        own = [call for call in record.calls if call.agent == agent]
        author, critic, writer = (parts.get((agent, role), 0.0) if parts else None for role in _ROLES)
        found.append(
            Usefulness(
                agent=agent,
                is_agent=agent in names,
                as_author=author,
                as_critic=critic,
                as_writer=writer,
                hand=trace.hands.get(agent, 0.0) if parts else None,
                moved=_moved(agent, shares),
                own=_spending(own, record),
                saved=_spending([call for call in record.calls if _is_needless(call, agent)], record),
                path_s=fsum(_seconds(call) for call in own if call.call_id in path),
                is_by_chance=_is_by_chance(agent, layers),
            )
        )
    return tuple(found)


def least_useful(found: Iterable[Usefulness]) -> Usefulness | None:
    """Return the agent that had a hand in least of the answer; of several the one whose critiques moved least.

    Of those the one without which most would have been saved.

    None where there is no answer to trace, or nobody who could be left out.

    Args:
        found: Everybody in a run.
    """
    agents = [one for one in found if one.is_agent]
    if len(agents) < 2 or any(one.hand is None for one in agents):
        return None
    return min(agents, key=_usefulness)


def _usefulness(one: Usefulness) -> tuple[float, ...]:
    """Return what agents are ranked by, the least useful first: hand, what it moved, and what it would have saved."""
    saved = one.saved
    return (
        round(one.hand or 0.0, 6),
        round(one.moved or 0.0, 6),
        *(-(share or 0.0) for share in (saved.usd_share, saved.tokens_share, saved.seconds_share)),
    )


def told(found: Iterable[Usefulness], *, named: Callable[[str], str] = str) -> str | None:
    """Return in words who was the least useful agent, and what would have been saved without it.

    None where ``least_useful`` is. Where all that is traced to critiques may be chance, that nothing can be told.

    Args:
        found: Everybody in a run.
        named: How a name is written; as it is where nothing else is said. Names come from files.
    """
    everybody = tuple(found)
    least = least_useful(everybody)
    if least is None:
        return None
    if is_all_by_chance(everybody):
        return _NOTHING_TOLD
    idle = [named(one.agent) for one in everybody if one.is_agent and (one.hand or 0.0) < _NOTHING]
    return " ".join(_sentences(named(least.agent), least, idle))


def is_all_by_chance(found: Iterable[Usefulness]) -> bool:
    """Return whether all that is traced to critiques in a run may be chance, so that no share of it tells anything.

    Args:
        found: Everybody in the run.
    """
    doubts = {one.is_by_chance for one in found} - {None}
    return doubts == {True}


def _sentences(name: str, least: Usefulness, idle: Sequence[str]) -> Iterator[str]:
    if len(idle) > 1:
        named = f"{', '.join(idle[:-1])} and {idle[-1]}"
        yield f"{named} are the least useful agents: no word of the final answer is traced to them."
    elif idle:
        yield f"{name} is the least useful agent: no word of the final answer is traced to it."
    else:
        hand = percent(least.hand or 0.0)
        yield f"{name} is the least useful agent: it had a hand in {hand} of the final answer."
    if least.moved:
        doubt = ", which may be chance" if least.is_by_chance else ""
        yield f"The critiques of {name} account for {percent(least.moved)} of what the others changed{doubt}."
    yield f"Removing {name} would have saved {_saving(least.saved)}."


def percent(share: float) -> str:
    """Return a share in words: ``21%``; one that is not 0 never reads as 0."""
    return "less than 1%" if 0 < share < 0.01 else f"{share:.0%}"


def _saving(saved: Spending) -> str:
    if saved.usd_share is not None:
        return f"{percent(saved.usd_share)} of the cost"
    if saved.tokens_share is not None:
        return f"{percent(saved.tokens_share)} of the tokens"
    return f"{saved.calls:,} call{'' if saved.calls == 1 else 's'}"


def _moved(agent: str, layers: Sequence[Influence]) -> float | None:
    """Return the share of all other authors' changed words that an agent's critiques account for."""
    columns = [
        (cell.share, layer.authors[cell.author].size)
        for layer in layers
        for row in layer.rows
        for cell in row
        if cell.critic == agent and cell.author != agent and cell.share is not None
    ]
    if not columns:
        return None
    return fsum(share * size for share, size in columns) / max(sum(size for _, size in columns), 1)


def _is_by_chance(agent: str, layers: Sequence[Measured]) -> bool | None:
    """Return whether nothing that is traced to critiques of the authors that an agent criticised is beyond chance."""
    doubts = [
        layer.is_by_chance(cell.author)
        for layer in layers
        for row in layer.influence.rows
        for cell in row
        if cell.critic == agent and cell.share is not None and any(layer.influence.authors[cell.author].shares.values())
    ]
    return all(doubts) if doubts else None


def _is_needless(call: CallRecord, agent: str) -> bool:
    return call.stage in _OF_AGENTS and agent in (call.agent, call.peer)


def _seconds(call: CallRecord) -> float:
    return call.ended_s - call.queued_s


def _spending(calls: Sequence[CallRecord], record: RunRecord) -> Spending:
    used, everything = call_usage(calls), call_usage(record.calls)
    tokens, of_all = (total.input_tokens + total.output_tokens for total in (used, everything))
    seconds, all_s = (fsum(map(_seconds, some)) for some in (calls, record.calls))
    has_all_prices, has_all_tokens = everything.unpriced_calls == 0, everything.unknown_calls == 0
    return Spending(
        calls=len(calls),
        usd=None if used.unpriced_calls else used.cost_usd,
        usd_share=used.cost_usd / everything.cost_usd if has_all_prices and everything.cost_usd else None,
        tokens=None if used.unknown_calls else tokens,
        tokens_share=tokens / of_all if has_all_tokens and of_all else None,
        seconds=seconds,
        seconds_share=seconds / all_s if all_s else None,
    )
