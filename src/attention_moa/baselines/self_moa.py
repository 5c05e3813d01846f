"""Self-MoA: several samples of one agent, and an aggregator.

Calls: ``S + 1`` for ``S`` samples (6 unless told). Every sample is an agent of its own in the record and in the
journal; the summary agent, unless told the sampled agent itself, merges them.

Ours: the wording; anonymous samples in an order that says nothing; a lost sample is left out; where the aggregator
fails, the sample that is most like all others stands in, labelled.

Source: Li, Lin, Xia, Jin, "Rethinking Mixture-of-Agents: Is Mixing Different Large Language Models Beneficial?", arXiv
    2502.00674 (2025), Self-MoA.
"""

from __future__ import annotations

from attention_moa.baselines.answers import answers_of
from attention_moa.baselines.closing import end_run, last_verdict, merged_answers
from attention_moa.calls import Caller
from attention_moa.config import voices
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import Deadline
from attention_moa.prompts import Desk
from attention_moa.run_log import RunLog
from attention_moa.synthesis import Merged, nothing_new


async def run_self_moa(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run ends: with several samples of one agent, merged.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
    """
    layer = LayerRun(desk, caller, log, number=1, past=Past(), pairs=())
    return end_run(layer, await Deadline(desk.spec.limits.deadline_s, caller, log).hold(layer, _merged(layer)))


async def _merged(layer: LayerRun) -> Merged:
    answers = await answers_of(layer, voices(layer.spec))
    if not answers:
        return nothing_new(layer)
    return await merged_answers(layer, answers, last_verdict(layer, f"{len(answers)} samples were merged"))
