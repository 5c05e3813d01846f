"""How a baseline's layers end, and its run."""

from __future__ import annotations

from collections.abc import Sequence

from attention_moa.layer_run import LayerRun
from attention_moa.limits import EVERYBODY
from attention_moa.messages import Stage
from attention_moa.records import Answer, RunRecord, Verdict
from attention_moa.synthesis import Merged, why_no_answer, write_summary


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
    summary = await write_summary(layer, answers, waited_for=waited_for)
    return Merged(summary.text, verdict, (summary.call_id,))


def close(layer: LayerRun, merged: Merged) -> None:
    """Put down what a layer ended with."""
    layer.log.close_layer(layer.board, merged.output, merged.verdict)


def end_run(layer: LayerRun, merged: Merged) -> RunRecord:
    """Return the record of a run whose last layer ended so.

    Args:
        layer: The last layer.
        merged: What it ended with; without an output the run has failed.
    """
    close(layer, merged)
    if merged.output is None:
        return layer.log.end("failed", None, why_no_answer(layer.log, merged))
    return layer.log.end("finished", merged.output)
