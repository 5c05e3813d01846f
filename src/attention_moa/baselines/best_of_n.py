"""Best of N: several answers, and a selector that takes one of them as it is.

Calls: ``N + 1``: the answers (six samples of a lone agent, one of each of several, unless told) and one choice, by the
summary agent or its fallbacks. Where one answer alone is left there is nothing to choose, and the selector is not
asked.

Ours: the choice counts only as the first line of the selector's reply and with a nonce that its prompt alone holds, so
no answer can choose itself; the answers are anonymous and in an order that says nothing. Where no selector gives a
choice, the answer that is most like all others is taken, labelled.

Source: the method is older than any paper on agents; with a language model as the selector, ours.
"""

from __future__ import annotations

from attention_moa.baselines.answers import answers_of
from attention_moa.baselines.closing import end_run, last_verdict
from attention_moa.baselines.selecting import choose
from attention_moa.calls import Caller
from attention_moa.config import voices
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import Deadline
from attention_moa.prompts import Desk
from attention_moa.run_log import RunLog
from attention_moa.synthesis import Merged, nothing_new
from attention_moa.wording import wording_of


async def run_best_of_n(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run ends: with the best of several answers.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
    """
    layer = LayerRun(desk, caller, log, number=1, past=Past(), pairs=())
    return end_run(layer, await Deadline(desk.spec.limits.deadline_s, caller, log).hold(layer, _chosen(layer)))


async def _chosen(layer: LayerRun) -> Merged:
    answers = await answers_of(layer, voices(layer.spec))
    if not answers:
        return nothing_new(layer)
    if len(answers) == 1:
        return Merged(wording_of(answers[0]), last_verdict(layer, "one answer alone was there"), (answers[0].call_id,))
    chosen = await choose(layer, answers, count=1, may_stop=False)
    best = chosen.answers[0]
    return Merged(wording_of(best), last_verdict(layer, f"{best.agent}: {chosen.reason}"), (best.call_id,))
