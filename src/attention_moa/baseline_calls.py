"""Every call of a baseline's run in which nothing fails and nothing stops early; the counterpart of ``call_plan.py``.

Where a baseline chooses whose answers go on, nobody knows beforehand whose these will be: the first agents stand in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from attention_moa.agents import AgentSpec
from attention_moa.config import EnsembleSpec, keep_of, residual_chain, summary_chain, voices
from attention_moa.messages import Stage
from attention_moa.planned_call import DIFFERENCE, OUTPUT, PlannedCall, planned_call
from attention_moa.schedule import windows

BEFORE: Final = "before "
"""In front of who wrote an answer of the layer before."""


def _single(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    yield from _answers(spec.agents, 1)


def _majority(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    yield from _answers(voices(spec), 1)


def _best_of_n(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    answers = _answers(voices(spec), 1)
    yield from answers
    yield _closing(summary_chain(spec, writes=False)[0], Stage.SELECT, 1, _by_agent(answers))


def _self_moa(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    answers = _answers(voices(spec), 1)
    yield from answers
    yield _closing(summary_chain(spec)[0], Stage.SUMMARY, 1, _by_agent(answers))


def _self_moa_seq(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    merged: dict[str, str] = {}
    for layer, samples in enumerate(windows(spec), 1):
        answers = _answers(samples, layer)
        yield from answers
        summary = _closing(summary_chain(spec)[0], Stage.SUMMARY, layer, {**merged, **_by_agent(answers)})
        yield summary
        merged = {OUTPUT: summary.call_id}


def _moa(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    given: dict[str, str] = {}
    for layer in range(1, spec.layers):
        answers = _answers(spec.agents, layer, given)
        yield from answers
        given = _by_agent(answers)
    yield _closing(summary_chain(spec)[0], Stage.SUMMARY, spec.layers, given)


def _smoa(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    chooser, writer = summary_chain(spec, writes=False)[0], summary_chain(spec)[0]
    given: dict[str, str] = {}
    waits: tuple[str, ...] = ()
    for layer in range(1, spec.layers + 1):
        answers = _answers(spec.agents, layer, given, waits)
        yield from answers
        choice = _closing(chooser, Stage.SELECT, layer, _by_agent(answers))
        yield choice
        given, waits = _by_agent(answers[: keep_of(spec)]), (choice.call_id,)
    yield _closing(writer, Stage.SUMMARY, spec.layers, given, waits=waits)


def _rmoa(spec: EnsembleSpec) -> Iterator[PlannedCall]:
    kept = _answers(spec.agents, 1)
    yield from kept
    output = _closing(summary_chain(spec)[0], Stage.SUMMARY, 1, _by_agent(kept))
    yield output
    reader, writer = residual_chain(spec, writes=False)[0], residual_chain(spec)[0]
    kept = kept[: keep_of(spec)]
    for layer in range(2, spec.layers + 1):
        answers = _answers(spec.agents, layer, {**_by_agent(kept), OUTPUT: output.call_id})
        yield from answers
        now = answers[: keep_of(spec)]
        before = {f"{BEFORE}{name}": call_id for name, call_id in _by_agent(kept).items()}
        found = _closing(reader, Stage.EXTRACT, layer, {**before, **_by_agent(now)})
        yield found
        quoted = {**_by_agent(now), DIFFERENCE: found.call_id}
        output = _closing(writer, Stage.RESIDUAL, layer, quoted, previous=output.call_id)
        yield output
        kept = now


BASELINE_CALLS: Mapping[str, Callable[[EnsembleSpec], Iterator[PlannedCall]]] = {
    "single": _single,
    "best-of-n": _best_of_n,
    "majority": _majority,
    "moa": _moa,
    "self-moa": _self_moa,
    "self-moa-seq": _self_moa_seq,
    "smoa": _smoa,
    "rmoa": _rmoa,
}
"""The calls of every strategy but Attention-MoA's own."""


def _answers(
    agents: Sequence[AgentSpec], layer: int, given: Mapping[str, str] | None = None, waits: Sequence[str] = ()
) -> list[PlannedCall]:
    quoted = given or {}
    reads = (*quoted.values(), *waits)
    return [planned_call(agent, Stage.ANSWER, layer, quoted=quoted, reads=reads) for agent in agents]


def _closing(
    writer: AgentSpec,
    stage: Stage,
    layer: int,
    quoted: Mapping[str, str],
    *,
    waits: Sequence[str] = (),
    previous: str | None = None,
) -> PlannedCall:
    reads = (*quoted.values(), *waits, *((previous,) if previous is not None else ()))
    return planned_call(writer, stage, layer, quoted=quoted, previous=previous, reads=reads)


def _by_agent(calls: Sequence[PlannedCall]) -> dict[str, str]:
    return {call.agent.name: call.call_id for call in calls}
