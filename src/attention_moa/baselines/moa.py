"""Mixture-of-Agents: layers of agents that all read the answers of the layer before, and an aggregator.

Calls: ``N * (L - 1) + 1``. Layers 1 to ``L - 1`` have an answer of every agent; layer ``L`` is the aggregator alone,
the summary agent. From layer 2 on an agent gets the task of an aggregator: the best reply out of those before.

Ours: the wording; anonymous answers in an order of each reader's own; an agent that fails is out for its layer only;
where the money does not reach for another layer the aggregator follows at once; where the aggregator fails, the answer
that is most like all others stands in, labelled. Agents answer side by side, but a layer waits for the layer before as
the method asks.

Source: Wang, Wang, Athiwaratkun, Zhang, Zou, "Mixture-of-Agents Enhances Large Language Model Capabilities", arXiv
    2406.04692 (2024), section 2.
"""

from __future__ import annotations

from attention_moa.baselines.answers import answers_of
from attention_moa.baselines.closing import close, end_run, going_on, last_verdict, merged_answers, too_little
from attention_moa.calls import Caller
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import EVERYBODY, Deadline, left_for_no_layer
from attention_moa.messages import Stage
from attention_moa.prompts import Desk
from attention_moa.run_log import RunLog
from attention_moa.synthesis import Merged, nothing_new


async def run_moa(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run of ``L - 1`` layers of answers and their aggregation ends.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
    """
    spec = desk.spec
    deadline = Deadline(spec.limits.deadline_s, caller, log)
    past = Past()
    number, left = 1, None
    while number < spec.layers:
        if (left := await left_for_no_layer(caller, log, number, more=1 / len(spec.agents))) is not None:
            break
        layer = LayerRun(desk, caller, log, number=number, past=past, pairs=())
        merged = await deadline.hold(layer, _proposed(layer))
        if merged.verdict.is_stop:
            return end_run(layer, merged)
        close(layer, merged)
        past = Past(answers=merged.answers)
        number += 1
    layer = LayerRun(desk, caller, log, number=number, past=past, pairs=())
    verdict = last_verdict(layer, f"all {number} layers ran") if left is None else too_little(layer, left)
    return end_run(layer, await deadline.hold(layer, merged_answers(layer, past.answers, verdict)))


async def _proposed(layer: LayerRun) -> Merged:
    """Return what a layer hands on: answers, without an output of its own."""
    answers = await answers_of(layer, layer.spec.agents)
    if not answers and not layer.past.answers:
        return nothing_new(layer)
    if not answers:
        what = f"the answers of layer {layer.number - 1} are passed on once more"
        layer.log.degrade(layer.number, Stage.ANSWER, EVERYBODY, what=what, why="no agent gave an answer")
    reason = f"{len(answers) or 'no'} new answers go to the next layer"
    return Merged(None, going_on(layer, reason), answers=answers or layer.past.answers)
