"""THE ALGORITHM: Attention-MoA, top to bottom.

``run_ensemble`` is the paper's loop over layers, ``run_layer`` its table of five stages. Every coroutine of a layer
receives the *tasks* that it reads and waits for these alone: a critique starts when its two answers exist, a
refinement when its critiques do, and nothing waits for a stage to be over. A call that fails becomes a ``Loss`` in
the place of its result, and whoever reads it decides what that means.
"""

from __future__ import annotations

import asyncio

from attention_moa.attention import answer, critique, panel, refine
from attention_moa.calls import Caller
from attention_moa.errors import BudgetError, DeadlineError, QuorumError, RunError
from attention_moa.events import RunFinished, RunStarted
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import Deadline, affordable
from attention_moa.prompts import Desk
from attention_moa.records import RunRecord
from attention_moa.run_log import RunLog
from attention_moa.schedule import count_calls, pairs
from attention_moa.synthesis import Merged, add_to_past, merge, summarise


async def run_ensemble(desk: Desk, caller: Caller, log: RunLog) -> RunRecord:
    """Return the record of one run: layers until a verdict stops it or there are no more.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down; it holds the partial record where the run is cancelled.

    Raises:
        QuorumError: No agent gave an answer in the first layer, so that there is nothing to return.
        BudgetError: What is left of a limit was too little for any answer.
        DeadlineError: The deadline passed before anything was finished.
        ConfigError: A provider or a template turned out to be misconfigured.

    Source: paper, section 3.
    """
    _tell_start(desk, log)
    try:
        record = await _run_layers(desk, caller, log)
    except asyncio.CancelledError:
        _tell_end(log, log.cancel())
        raise
    except Exception as error:  # a bug of ours too: whatever ends a run, its record says so
        _tell_end(log, log.fail(error))
        raise
    _tell_end(log, record)
    if record.text is None:
        raise _why_nothing(record)(record.error or "no answer", run_id=log.run_id, partial=record)
    return record


def _why_nothing(record: RunRecord) -> type[RunError]:
    if record.verdict is not None and record.verdict.rule == "deadline":
        return DeadlineError
    return BudgetError if any(loss.kind == "OverLimitError" for loss in record.losses) else QuorumError


async def _run_layers(desk: Desk, caller: Caller, log: RunLog) -> RunRecord:
    past = Past()
    deadline = Deadline(desk.spec.limits.deadline_s, caller, log)
    spec = desk.spec
    for number in range(1, desk.spec.layers + 1):
        affordable_spec = await affordable(spec, caller, log, number)
        if affordable_spec is None:
            break
        spec = affordable_spec
        layer = LayerRun(desk, caller, log, number=number, past=past, pairs=pairs(spec, number))
        merged = await deadline.hold(layer, run_layer(layer))
        log.close_layer(layer.board, merged.output, merged.verdict)
        if merged.output is None:
            return log.end("failed", None, _why_no_answer(log, merged))
        past = add_to_past(layer, merged, merged.output)
        if merged.verdict.is_stop:
            break
    return log.end("finished", past.output)


def _why_no_answer(log: RunLog, merged: Merged) -> str:
    if merged.verdict.rule == "deadline":
        return f"{merged.verdict.reason} before any answer was there"
    by_message: dict[str, dict[str, None]] = {}
    for loss in log.record().losses:
        if not loss.is_skipped:
            by_message.setdefault(loss.message, {})[loss.agent] = None
    why = "; ".join(f"{', '.join(agents)}: {message}" for message, agents in by_message.items())
    return f"no agent gave an answer ({why})"


async def run_layer(layer: LayerRun) -> Merged:
    """Return what one layer ends with: the paper's table, each stage waiting for what it reads and for nothing else.

    Args:
        layer: The layer, its agents and pairs.

    Source: paper, section 3, stages 1 to 5.
    """
    agents = layer.spec.agents
    critics = dict.fromkeys(pair.critic for pair in layer.pairs) if layer.spec.attention.mode == "panel" else ()
    try:
        async with asyncio.TaskGroup() as group:
            start = group.create_task
            answers = {agent.name: start(answer(layer, agent)) for agent in agents}
            panels = {critic: start(panel(layer, critic, answers)) for critic in critics}
            critiques = {pair: start(critique(layer, pair, answers, panels)) for pair in layer.pairs}
            refinements = {agent.name: start(refine(layer, agent, answers, critiques)) for agent in agents}
            summary = start(summarise(layer, refinements))
            merged = start(merge(layer, summary))
            await asyncio.wait({merged})
            started = (*answers.values(), *panels.values(), *critiques.values(), *refinements.values())
            late = [task for task in started if not task.done()]  # with a quorum some may still run
            if late:
                await layer.close()
            for task in late:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors  # one cause says more than a group of them
    layer.lose_unread()
    return merged.result()


def _tell_start(desk: Desk, log: RunLog) -> None:
    spec = desk.spec
    started = RunStarted(
        run_id=log.run_id,
        at_s=log.seconds(),
        ensemble=spec.name,
        agents=tuple(agent.name for agent in spec.agents),
        layers=spec.layers,
        planned_calls=count_calls(spec),
        is_resumed=log.is_resumed,
    )
    log.tell(started)


def _tell_end(log: RunLog, record: RunRecord) -> None:
    ended = RunFinished(
        run_id=log.run_id,
        at_s=log.seconds(),
        state=record.state,
        text=record.text,
        usage=record.usage,
        error=record.error,
    )
    log.tell(ended)
