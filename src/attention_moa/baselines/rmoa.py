"""Residual Mixture-of-Agents: few but different answers go on, and what a layer adds is carried along.

Calls: ``L * (N + 2) - 1``, fewer where nothing new is found: an answer of each agent and an aggregation in layer 1;
from layer 2 on an answer of each agent, one call that extracts what this layer's answers have that those of the layer
before had not, and one that works them and that difference into the output so far. Layer 1 is aggregated by the summary
agent; extraction and aggregation of later layers are the residual agent's. Where the extraction finds no difference,
the run ends with the output so far.

Ours: of a layer's answers the ``keep`` least alike (2 unless told) are found greedily by words in order
(``stopping.most_diverse``), where the paper compares embeddings; an agent reads these answers of the layer before and
the output so far; the wording; the end counts only with a nonce in the first line, from layer ``early_stop.min_layers``
on. Where an extraction fails the answers are worked in without it, where an aggregation does the output so far stays,
both labelled.

Source: Xie, Han, Shi, Cui, Zhao, Wu, Zhao, "RMoA: Optimizing Mixture-of-Agents through Diversity Maximization and
    Residual Compensation", arXiv 2505.24442 (2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from attention_moa.baselines.answers import answers_of
from attention_moa.baselines.closing import going_on, in_layers, last_verdict, merged_answers
from attention_moa.calls import Caller
from attention_moa.config import keep_of, residual_chain
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import EVERYBODY, left_for_no_layer
from attention_moa.messages import Reply, Stage
from attention_moa.planned_call import OUTPUT
from attention_moa.prompts import Desk, render_compensate, render_extract
from attention_moa.records import Answer, Loss, Residual, Selection, Verdict, layers_ran
from attention_moa.run_log import RunLog
from attention_moa.stopping import is_garbled, most_diverse, parse_verdict
from attention_moa.synthesis import Merged, nothing_new
from attention_moa.wording import Wording, answer_of, wording_of


async def run_rmoa(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run ends that has layers until one adds nothing, or there are no more.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
    """
    return await in_layers(desk, caller, log, work=_layer, following=partial(_following, caller))


async def _following(caller: Caller, layer: LayerRun, merged: Merged) -> Past | Merged:
    """Return what the next layer begins with; where there is none, how the run ends."""
    if merged.output is None or merged.verdict.is_stop or layer.number == layer.spec.layers:
        return merged
    if (left := await left_for_no_layer(caller, layer.log, layer.number + 1)) is not None:
        return merged._replace(verdict=_too_little(layer, left))
    output = answer_of(merged.output, OUTPUT)
    return Past(output=merged.output, writers=merged.writers, answers=(*merged.answers, output))


async def _layer(layer: LayerRun) -> Merged:
    answers = await answers_of(layer, layer.spec.agents)
    if not answers:
        return nothing_new(layer)
    kept = _most_diverse(layer, answers)
    if layer.past.output is None:
        merged = await merged_answers(layer, answers, _going_on(layer, "nothing to compare with yet"))
        return merged._replace(answers=kept)
    return await _residual(layer, layer.past.output, kept)


def _most_diverse(layer: LayerRun, answers: Sequence[Answer]) -> tuple[Answer, ...]:
    kept = tuple(answers[place] for place in most_diverse([part.text for part in answers], keep_of(layer.spec)))
    reason = f"the {len(kept)} least alike of {len(answers)}"
    layer.board.selection = Selection(chosen=tuple(part.agent for part in kept), reason=reason)
    return kept


async def _residual(layer: LayerRun, output: Wording, kept: tuple[Answer, ...]) -> Merged:
    """Return the output so far with what a layer adds to it, or the end where it adds nothing."""
    found = await _extract(layer, kept)
    if found is None:
        reason = "nothing in this layer's answers is new"
        verdict = Verdict(layer=layer.number, is_stop=True, rule="verdict", reason=reason)
        return Merged(output, verdict, layer.past.writers)
    reads = [part.call_id for part in kept] + [*layer.past.writers]
    replies = {part.agent: part.text for part in kept}
    difference = found.text if isinstance(found, Residual) else ""
    done = await layer.ask_chain(
        residual_chain(layer.spec),
        Stage.RESIDUAL,
        lambda writer: render_compensate(
            layer.desk, writer, layer.number, output.quoted, replies=replies, difference=difference
        ),
        reads=[*reads, found.call_id] if isinstance(found, Residual) else reads,
        writing=layer.writing(is_final=layer.number == layer.spec.layers),
    )
    going_on = _going_on(layer, "this layer's answers add something")
    if isinstance(done, Loss):
        layer.board.residual = done
        _say(layer, f"the output of layer {layer.number - 1} stays", done)
        return Merged(output, going_on, layer.past.writers, kept)
    reply = done.finished.reply
    layer.board.residual = residual = Residual(
        agent=done.writer.name,
        text=reply.text,
        call_id=done.finished.call_id,
        is_truncated=reply.is_truncated,
        tool_calls=reply.tool_calls,
    )
    return Merged(wording_of(residual), going_on, (residual.call_id,), kept)


async def _extract(layer: LayerRun, kept: Sequence[Answer]) -> Residual | Loss | None:
    """Return what a layer's answers have that those before had not; None where that is nothing."""
    before = [part for part in layer.past.answers if part.agent != OUTPUT]
    stop = layer.spec.early_stop
    has_verdict = stop.rule == "verdict" and layer.number >= stop.min_layers
    nonce = layer.desk.seal.nonce(layer.number, Stage.EXTRACT)

    def is_usable(reply: Reply) -> bool:
        parsed = parse_verdict(reply.text, nonce)
        return (has_verdict and parsed.is_stop is True) or (bool(parsed.text) and not is_garbled(reply.text, nonce))

    done = await layer.ask_chain(
        residual_chain(layer.spec, writes=False),
        Stage.EXTRACT,
        lambda writer: render_extract(
            layer.desk,
            writer,
            layer.number,
            before=[part.text for part in before],
            now=[part.text for part in kept],
            has_verdict=has_verdict,
        ),
        reads=[part.call_id for part in (*before, *kept)],
        is_usable=is_usable,
    )
    if isinstance(done, Loss):
        layer.board.extract = done
        _say(layer, "the answers are worked in without what differs", done)
        return done
    parsed = parse_verdict(done.finished.reply.text, nonce)
    is_stop = has_verdict and parsed.is_stop is True
    layer.board.extract = found = Residual(
        agent=done.writer.name,
        text="" if is_stop else parsed.text,
        call_id=done.finished.call_id,
        is_truncated=done.finished.reply.is_truncated,
    )
    return None if is_stop else found


def _going_on(layer: LayerRun, reason: str) -> Verdict:
    if layer.number < layer.spec.layers:
        return going_on(layer, reason)
    return last_verdict(layer, layers_ran(layer.number))


def _too_little(layer: LayerRun, left: str) -> Verdict:
    why = f"too little for another layer: {left}"
    what = f"the output of layer {layer.number} is returned"
    layer.log.degrade(layer.number + 1, Stage.ANSWER, EVERYBODY, what=what, why=why)
    return Verdict(layer=layer.number, is_stop=True, rule="limit", reason=why)


def _say(layer: LayerRun, what: str, loss: Loss) -> None:
    layer.log.degrade(layer.number, loss.stage, loss.agent, what=what, why=loss.message)
