"""How a baseline ends."""

from __future__ import annotations

from attention_moa.layer_run import LayerRun
from attention_moa.records import RunRecord, Verdict
from attention_moa.synthesis import Merged, why_no_answer


def last_verdict(layer: LayerRun, reason: str) -> Verdict:
    """Return the verdict after the last layer that there is."""
    return Verdict(layer=layer.number, is_stop=False, rule="last", reason=reason)


def end_run(layer: LayerRun, merged: Merged) -> RunRecord:
    """Return the record of a run whose last layer ended so.

    Args:
        layer: The last layer.
        merged: What it ended with; without an output the run has failed.
    """
    log = layer.log
    log.close_layer(layer.board, merged.output, merged.verdict)
    if merged.output is None:
        return log.end("failed", None, why_no_answer(log, merged))
    return log.end("finished", merged.output)
