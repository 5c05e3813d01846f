"""Sparse Mixture-of-Agents: of each layer's answers a judge passes on the best few, and may end the work.

Calls: ``L * (N + 1) + 1``, fewer where the work is ended early: in every layer an answer of each agent and one call
that judges and moderates; at the end the aggregator. Judge, moderator and aggregator are the summary agent.

Every agent has its own part in it where the ensemble gives it one (``role``); ``keep`` answers go on (2 unless told),
as many as in the authors' runs. The moderator is heard from layer ``early_stop.min_layers`` on.

Ours: the wording; judgement and moderation are one line that counts only with a nonce (the authors ask for both in one
reply, too); without such a line the answers that are most like all others go on, labelled, and so does the work. Roles
are the user's, not a model's. Where the money does not reach for another layer, the aggregator follows at once.

Source: Li, Tan, Qian, Li, Chaudhary, Hu, Shen, "SMoA: Improving Multi-agent Large Language Models with Sparse
    Mixture-of-Agents", arXiv 2411.03284 (2024), and the authors' code.
"""

from __future__ import annotations

from functools import partial

from attention_moa.baselines.answers import answers_of
from attention_moa.baselines.closing import going_on, in_layers, last_verdict, merged_answers, too_little
from attention_moa.baselines.selecting import Chosen, choose
from attention_moa.calls import Caller
from attention_moa.config import keep_of
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import EVERYBODY, left_for_no_layer
from attention_moa.messages import Stage
from attention_moa.prompts import Desk
from attention_moa.records import Verdict, layers_ran
from attention_moa.run_log import RunLog
from attention_moa.synthesis import Merged, nothing_new


async def run_smoa(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run ends that has layers until the moderator ends them, and an aggregation.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
    """
    return await in_layers(desk, caller, log, work=partial(_layer, caller), following=_following)


async def _following(layer: LayerRun, merged: Merged) -> Past | Merged:
    """Return what the next layer begins with; where there is none, how the run ends."""
    del layer
    return Past(answers=merged.answers, writers=merged.writers) if merged.answers else merged


async def _layer(caller: Caller, layer: LayerRun) -> Merged:
    """Return the answers that go on, or, where the work is over, what the aggregator makes of them."""
    answers = await answers_of(layer, layer.spec.agents)
    if answers:
        may_stop = layer.number < layer.spec.layers and _is_moderated(layer)
        chosen = await choose(layer, answers, count=keep_of(layer.spec), may_stop=may_stop)
    elif layer.past.answers:
        why = "no agent gave an answer"
        what = f"the answers that layer {layer.number - 1} passed on go on once more"
        layer.log.degrade(layer.number, Stage.ANSWER, EVERYBODY, what=what, why=why)
        chosen = Chosen(layer.past.answers, why, is_stop=False, writers=layer.past.writers)
    else:
        return nothing_new(layer)
    verdict = await _end(layer, caller, chosen)
    if verdict is not None:
        return await merged_answers(layer, chosen.answers, verdict, waited_for=chosen.writers)
    return Merged(None, going_on(layer, chosen.reason), chosen.writers, chosen.answers)


async def _end(layer: LayerRun, caller: Caller, chosen: Chosen) -> Verdict | None:
    """Return why the work is over; None where it goes on."""
    if chosen.is_stop:
        reason = "the moderator finds another layer not worth it"
        return Verdict(layer=layer.number, is_stop=True, rule="verdict", reason=reason)
    if layer.number == layer.spec.layers:
        return last_verdict(layer, layers_ran(layer.number))
    left = await left_for_no_layer(caller, layer.log, layer.number + 1, more=1 / len(layer.spec.agents))
    return None if left is None else too_little(layer, left)


def _is_moderated(layer: LayerRun) -> bool:
    stop = layer.spec.early_stop
    return stop.rule == "verdict" and layer.number >= stop.min_layers
