"""THE ALGORITHM: Attention-MoA, top to bottom.

``run_layers`` is the paper's loop over layers, ``run_layer`` its table of five stages; ``run_ensemble`` begins and ends
every run, a baseline's too. Every coroutine of a layer receives the *tasks* that it reads and waits for these alone: a
critique starts when its two answers exist, a refinement when its critiques do, and nothing waits for a stage to be
over. A call that fails becomes a ``Loss`` in the place of its result, and whoever reads it decides what that means.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from attention_moa.accounting import call_usage
from attention_moa.attention import answer, critique, panel, refine
from attention_moa.baselines import COURSES
from attention_moa.baselines.closing import close
from attention_moa.calls import Caller
from attention_moa.config import voices
from attention_moa.errors import BudgetError, DeadlineError, FormatError, QuorumError, RunError
from attention_moa.events import RunFinished, RunStarted
from attention_moa.finishing import Finishing
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import Deadline, affordable
from attention_moa.prompts import Desk
from attention_moa.records import RunRecord
from attention_moa.run_log import RunLog
from attention_moa.schedule import count_calls, pairs
from attention_moa.synthesis import Merged, add_to_past, merge, summarise
from attention_moa.waiting import together


async def run_ensemble(desk: Desk, caller: Caller, log: RunLog) -> RunRecord:
    """Return the record of one run, by Attention-MoA or by the baseline that the ensemble's strategy names.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down; it holds the partial record where the run is cancelled.

    Raises:
        QuorumError: No agent gave an answer in the first layer, so that there is nothing to return.
        BudgetError: What is left of a limit was too little for any answer.
        DeadlineError: The deadline passed before anything was finished.
        FormatError: The answer has not the form that was asked for.
        ConfigError: A provider or a template turned out to be misconfigured.
    """
    _tell_start(desk, log)
    course = COURSES.get(desk.spec.strategy, run_layers)
    seconds = desk.spec.limits.deadline_s
    finishing = Finishing(desk, caller, log, end_s=None if seconds is None else log.seconds() + seconds)
    try:
        async with AsyncExitStack() as stack:
            if desk.wanted.choices > 1:
                finishing.write_more(await stack.enter_async_context(together()))
            record = await finishing.end(await course(desk, caller, log))
    except asyncio.CancelledError:
        _tell_end(log, log.cancel())
        raise
    except Exception as error:  # a bug of ours too: whatever ends a run, its record says so
        _tell_end(log, log.fail(error))
        raise
    _tell_end(log, record)
    if record.state == "failed":
        raise _why_failed(record)(record.error or "no answer", run_id=log.run_id, partial=record)
    return record


def _why_failed(record: RunRecord) -> type[RunError]:
    if record.text is not None:
        return FormatError
    if record.verdict is not None and record.verdict.rule == "deadline":
        return DeadlineError
    return BudgetError if any(loss.kind == "OverLimitError" for loss in record.losses) else QuorumError


async def run_layers(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return what the last layer ends with: a verdict stops the run, or there are no more.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.

    Source: paper, section 3.
    """
    past, number = Past(), 1
    deadline = Deadline(desk.spec.limits.deadline_s, caller, log)
    spec = desk.spec
    while True:
        layer = LayerRun(desk, caller, log, number=number, past=past, pairs=pairs(spec, number))
        merged = await deadline.hold(layer, run_layer(layer))
        close(layer, merged)
        if merged.output is None or merged.verdict.is_stop or number == desk.spec.layers:
            return merged
        past, number = add_to_past(layer, merged, merged.output), number + 1
        affordable_spec = await affordable(spec, caller, log, number)
        if affordable_spec is None:
            return merged
        spec = affordable_spec


async def run_layer(layer: LayerRun) -> Merged:
    """Return what one layer ends with: the paper's table, each stage waiting for what it reads and for nothing else.

    Args:
        layer: The layer, its agents and pairs.

    Source: paper, section 3, stages 1 to 5.
    """
    agents = layer.spec.agents
    critics = dict.fromkeys(pair.critic for pair in layer.pairs) if layer.spec.attention.mode == "panel" else ()
    async with together() as group:
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
    layer.lose_unread()
    return merged.result()


def _tell_start(desk: Desk, log: RunLog) -> None:
    spec = desk.spec
    started = RunStarted(
        run_id=log.run_id,
        at_s=log.seconds(),
        ensemble=spec.name,
        agents=tuple(agent.name for agent in voices(spec)),
        layers=spec.layers,
        planned_calls=count_calls(spec, desk.wanted.choices),
        is_resumed=log.is_resumed,
        used_before=call_usage(log.all_calls),
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
