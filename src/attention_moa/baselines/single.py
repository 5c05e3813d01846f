"""One agent, asked once: what every ensemble has to beat.

Calls: 1. The prompt is the one of an agent's answer in the first layer of any strategy, so a journal can serve either.

Source: none needed; the label of a stand-in, the limits and the resumption are those of all strategies.
"""

from __future__ import annotations

from attention_moa.attention import answer
from attention_moa.baselines.closing import end_run, last_verdict
from attention_moa.calls import Caller
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import Deadline
from attention_moa.prompts import Desk
from attention_moa.records import Loss
from attention_moa.run_log import RunLog
from attention_moa.synthesis import Merged, nothing_new
from attention_moa.wording import wording_of


async def run_single(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run ends: with one agent's answer.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the call.
        log: Where everything is put down.
    """
    layer = LayerRun(desk, caller, log, number=1, past=Past(), pairs=())
    merged = await Deadline(desk.spec.limits.deadline_s, caller, log).hold(layer, _answered(layer))
    return end_run(layer, merged)


async def _answered(layer: LayerRun) -> Merged:
    written = await answer(layer, layer.spec.agents[0])
    if isinstance(written, Loss):
        return nothing_new(layer)
    return Merged(wording_of(written), last_verdict(layer, "one agent was asked once"), (written.call_id,))
