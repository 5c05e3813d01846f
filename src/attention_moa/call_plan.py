"""Every call of a run in which nothing fails and nothing stops early: who is asked what for, and what each one reads.

The same dataflow as the engine's, told beforehand and without any text. A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.baseline_calls import BASELINE_CALLS
from attention_moa.config import EnsembleSpec, summary_chain
from attention_moa.messages import Stage
from attention_moa.planned_call import PlannedCall, planned_call
from attention_moa.schedule import Pair, pairs, residual_writers
from attention_moa.strategies import WITHOUT_WRITERS


def critic_of(spec: EnsembleSpec, name: str, sections: int = 1) -> AgentSpec:
    """Return the agent with the reply length of its critiques; several may take half of its window at most."""
    agent, most = spec.agent(name), spec.attention.max_tokens
    if most is None:
        return agent
    window = agent.window_tokens
    total = most * sections if window is None else max(most, min(most * sections, window // 2))
    return replace(agent, max_tokens=total)


def planned_calls(spec: EnsembleSpec, choices: int = 1) -> tuple[PlannedCall, ...]:
    """Return every call, each behind those that it reads.

    Args:
        spec: The ensemble.
        choices: How many answers are written; the call of the first one is made again for each further one.
    """
    of_baseline = BASELINE_CALLS.get(spec.strategy)
    calls = _attention_moa(spec) if of_baseline is None else tuple(of_baseline(spec))
    return (*calls, *(_again(spec, calls, choice) for choice in range(1, choices)))


def _again(spec: EnsembleSpec, calls: Sequence[PlannedCall], choice: int) -> PlannedCall:
    """Return the call of a further answer: where one of the agents' answers is chosen, the first agent stands in."""
    is_chosen = spec.strategy in WITHOUT_WRITERS and len(calls) > 1
    wrote = calls[0] if is_chosen else calls[-1]
    reads = tuple(call.call_id for call in calls) if is_chosen else wrote.reads
    return replace(wrote, call_id=f"{wrote.call_id}#{choice + 1}", reads=reads, choice=choice)


def _attention_moa(spec: EnsembleSpec) -> tuple[PlannedCall, ...]:
    calls: list[PlannedCall] = []
    outputs: list[str] = []
    previous: str | None = None
    for layer in range(1, spec.layers + 1):
        calls += _layer(spec, layer, previous)
        summary = calls[-1].call_id
        if layer == 1 or not spec.residual.enabled:
            outputs.append(summary)
            previous = summary
            continue
        reads = (*outputs, summary)
        quoted = {str(number): name for number, name in enumerate(reads, 1)}
        residual = planned_call(residual_writers(spec, layer)[0], Stage.RESIDUAL, layer, quoted=quoted, reads=reads)
        calls.append(residual)
        outputs.append(summary if spec.residual.history == "summaries" else residual.call_id)
        previous = residual.call_id
    return tuple(calls)


def _layer(spec: EnsembleSpec, layer: int, previous: str | None) -> Iterator[PlannedCall]:
    """Yield the calls of a layer up to its summary, which is the last."""
    after = (previous,) if previous is not None else ()
    answers = {
        agent.name: planned_call(agent, Stage.ANSWER, layer, previous=previous, reads=after) for agent in spec.agents
    }
    yield from answers.values()
    found = pairs(spec, layer)
    own = {name: call.call_id for name, call in answers.items()}
    criticise = _panels if spec.attention.mode == "panel" else _pairwise
    critiques = criticise(spec, layer, own, previous)
    yield from {call.call_id: call for call in critiques.values()}.values()
    refined: dict[str, str] = {}
    for agent in spec.agents:
        mine = own[agent.name]
        quoted = {pair.critic: critiques[pair].call_id for pair in found if pair.author == agent.name}
        refined[agent.name] = mine
        if quoted:
            reads = (mine, *quoted.values())
            call = planned_call(agent, Stage.REFINE, layer, own=mine, quoted=quoted, previous=previous, reads=reads)
            refined[agent.name] = call.call_id
            yield call
    yield planned_call(summary_chain(spec)[0], Stage.SUMMARY, layer, quoted=refined, reads=tuple(refined.values()))


def _pairwise(spec: EnsembleSpec, layer: int, own: Mapping[str, str], previous: str | None) -> dict[Pair, PlannedCall]:
    return {
        pair: planned_call(
            critic_of(spec, pair.critic),
            Stage.CRITIQUE,
            layer,
            peer=pair.author,
            own=own[pair.critic],
            quoted={} if pair.critic == pair.author else {pair.author: own[pair.author]},
            previous=previous,
            reads=(own[pair.critic], own[pair.author]),
        )
        for pair in pairs(spec, layer)
    }


def _panels(spec: EnsembleSpec, layer: int, own: Mapping[str, str], previous: str | None) -> dict[Pair, PlannedCall]:
    critiques: dict[Pair, PlannedCall] = {}
    found = pairs(spec, layer)
    for critic in dict.fromkeys(pair.critic for pair in found):
        authors = tuple(pair.author for pair in found if pair.critic == critic)
        call = planned_call(
            critic_of(spec, critic, len(authors)),
            Stage.CRITIQUE,
            layer,
            authors=authors,
            own=own[critic],
            quoted={author: own[author] for author in authors if author != critic},
            previous=previous,
            reads=(own[critic], *(own[author] for author in authors)),
        )
        critiques |= {Pair(critic, author): call for author in authors}
    return critiques
