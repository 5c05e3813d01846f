"""Self-MoA-Seq: samples of one agent, merged a window at a time.

Calls: ``S + ceil((S - 1) / (w - 1))`` for ``S`` samples (6 unless told) and a window of ``w`` texts (3 unless told):
the first window merges ``w`` samples; each further one the text so far with the next ``w - 1``. So no prompt is longer
than ``w`` texts, however many samples there are. A window is a layer in the record.

Ours: all samples are asked for at once, and a window begins as soon as its own samples and the text before are there;
where a window has but one text, that goes on as it is; the rest is as in ``self_moa.py``.

Source: Li, Lin, Xia, Jin, "Rethinking Mixture-of-Agents: Is Mixing Different Large Language Models Beneficial?", arXiv
    2502.00674 (2025), Self-MoA-Seq.
"""

from __future__ import annotations

from collections.abc import Sequence

from attention_moa.baselines.answers import answers_of
from attention_moa.baselines.closing import close, end_run, going_on, last_verdict, merged_answers
from attention_moa.calls import Caller
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import Deadline
from attention_moa.planned_call import OUTPUT
from attention_moa.prompts import Desk
from attention_moa.records import Answer, Summary
from attention_moa.run_log import RunLog
from attention_moa.schedule import windows
from attention_moa.synthesis import Merged, nothing_new
from attention_moa.waiting import settled, together
from attention_moa.wording import answer_of, wording_of


async def run_self_moa_seq(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run ends whose samples are merged a window at a time.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
    """
    numbers = range(1, desk.spec.layers + 1)
    layers = [LayerRun(desk, caller, log, number=number, past=Past(), pairs=()) for number in numbers]
    deadline = Deadline(desk.spec.limits.deadline_s, caller, log)
    merged = await deadline.hold(layers[-1], _in_turn(layers), finished=lambda: _finished(layers))
    return end_run(layers[-1], merged)


async def _in_turn(layers: Sequence[LayerRun]) -> Merged:
    """Return the last window's end; those before it are closed here."""
    so_far: tuple[Answer, ...] = ()
    merged = Merged(None, going_on(layers[0], "nothing is there yet"))
    async with together() as group:
        samples = [
            group.create_task(answers_of(layer, window))
            for layer, window in zip(layers, windows(layers[0].spec), strict=True)
        ]
        for layer, sampled in zip(layers, samples, strict=True):
            (answers,) = await settled(sampled)
            merged = await _window(layer, (*so_far, *answers))
            if layer is not layers[-1]:
                close(layer, merged)
            if merged.output is not None:
                so_far = (answer_of(merged.output, OUTPUT),)
    return merged


async def _window(layer: LayerRun, texts: tuple[Answer, ...]) -> Merged:
    is_last = layer.number == layer.spec.layers
    verdict = (last_verdict if is_last else going_on)(layer, f"{len(texts)} texts in the window")
    if len(texts) > 1:
        return await merged_answers(layer, texts, verdict)
    if texts:
        return Merged(wording_of(texts[0]), verdict, (texts[0].call_id,))
    return nothing_new(layer) if is_last else Merged(None, verdict)


def _finished(layers: Sequence[LayerRun]) -> list[Answer | Summary]:
    """Return the latest merged text; where there is none, all samples."""
    summaries = [layer.board.summary for layer in layers if isinstance(layer.board.summary, Summary)]
    answers = [part for layer in layers for part in layer.board.answers.values() if isinstance(part, Answer)]
    return [*summaries[-1:]] if summaries else [*answers]
