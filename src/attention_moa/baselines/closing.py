"""How a baseline's layers end, and its run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from attention_moa.calls import Caller
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import EVERYBODY, Deadline
from attention_moa.messages import Stage
from attention_moa.prompts import Desk
from attention_moa.records import Answer, Verdict
from attention_moa.run_log import RunLog
from attention_moa.synthesis import Merged, write_summary
from attention_moa.wording import wording_of


def last_verdict(layer: LayerRun, reason: str) -> Verdict:
    """Return the verdict after the last layer that there is."""
    return Verdict(layer=layer.number, is_stop=False, rule="last", reason=reason)


def going_on(layer: LayerRun, reason: str) -> Verdict:
    """Return the verdict after a layer behind which another comes."""
    return Verdict(layer=layer.number, is_stop=False, rule="none", reason=reason)


def too_little(layer: LayerRun, left: str) -> Verdict:
    """Return the verdict where the aggregator comes before its time, put down as what it is.

    Args:
        layer: The aggregator's.
        left: What is left, for a person.
    """
    why = f"too little for another layer of answers: {left}"
    layer.log.degrade(layer.number, Stage.ANSWER, EVERYBODY, what="the aggregator follows at once", why=why)
    return Verdict(layer=layer.number, is_stop=True, rule="limit", reason=why)


async def merged_answers(
    layer: LayerRun, answers: Sequence[Answer], verdict: Verdict, *, waited_for: Sequence[str] = ()
) -> Merged:
    """Return a layer's end in the text that the summary agent makes of some answers, or that stands in for it.

    Args:
        layer: The layer.
        answers: At least one.
        verdict: Why the run ends, or goes on, after it.
        waited_for: Calls that decided which answers these are.
    """
    is_final = verdict.is_stop or verdict.rule == "last"
    summary = await write_summary(layer, answers, waited_for=waited_for, is_final=is_final)
    return Merged(wording_of(summary), verdict, (summary.call_id,))


async def in_layers(
    desk: Desk,
    caller: Caller,
    log: RunLog,
    *,
    work: Callable[[LayerRun], Coroutine[Any, Any, Merged]],
    following: Callable[[LayerRun, Merged], Awaitable[Past | Merged]],
) -> Merged:
    """Return how a run ends that takes one layer after the other, all within its time.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
        work: Runs a layer.
        following: Returns what the next layer begins with; how the run ends where there is none.
    """
    deadline = Deadline(desk.spec.limits.deadline_s, caller, log)
    past, number = Past(), 1
    while True:
        layer = LayerRun(desk, caller, log, number=number, past=past, pairs=())
        merged = await deadline.hold(layer, work(layer))
        found = await following(layer, merged)
        if isinstance(found, Merged):
            return end_run(layer, found)
        close(layer, merged)
        past, number = found, number + 1


def close(layer: LayerRun, merged: Merged) -> None:
    """Put down what a layer ended with."""
    output = None if merged.output is None else merged.output.quoted
    layer.log.close_layer(layer.board, output, merged.verdict)


def end_run(layer: LayerRun, merged: Merged) -> Merged:
    """Return what the last layer of a run ended with, put down.

    Args:
        layer: The last layer.
        merged: What it ended with; without an output the run has failed.
    """
    close(layer, merged)
    return merged
