"""Majority vote: several answers, and the one that most of them agree on.

Calls: ``N`` (six samples of a lone agent, one of each of several, unless told); counting costs none.

Ours: only final values are compared, where an answer has one (``final_answers.py`` says which), of answers that call
tools their calls; of groups of equal size the one counts that holds the answer with the most agreement in words, and of
a group that answer is returned. Where no two answers have the same final value, nothing can be counted: the answer that
is most like all others is taken, labelled.

Source: Wang, Wei, Schuurmans, Le, Chi, Narang, Chowdhery, Zhou, "Self-Consistency Improves Chain of Thought Reasoning
    in Language Models", arXiv 2203.11171 (2022).
"""

from __future__ import annotations

from collections.abc import Sequence

from attention_moa.baselines.answers import answers_of
from attention_moa.baselines.closing import end_run, last_verdict
from attention_moa.baselines.selecting import take_most_alike
from attention_moa.calls import Caller
from attention_moa.config import voices
from attention_moa.final_answers import final_answer
from attention_moa.layer_run import LayerRun, Past
from attention_moa.limits import Deadline
from attention_moa.prompts import Desk
from attention_moa.records import Answer, Selection
from attention_moa.run_log import RunLog
from attention_moa.stopping import by_agreement
from attention_moa.synthesis import Merged, nothing_new
from attention_moa.wording import quoted, wording_of


async def run_majority(desk: Desk, caller: Caller, log: RunLog) -> Merged:
    """Return how a run ends: with the answer that most agree on.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
    """
    layer = LayerRun(desk, caller, log, number=1, past=Past(), pairs=())
    return end_run(layer, await Deadline(desk.spec.limits.deadline_s, caller, log).hold(layer, _voted(layer)))


async def _voted(layer: LayerRun) -> Merged:
    answers = await answers_of(layer, voices(layer.spec))
    if not answers:
        return nothing_new(layer)
    best, reason = _count(layer, answers)
    return Merged(wording_of(best), last_verdict(layer, reason), (best.call_id,))


def _count(layer: LayerRun, answers: Sequence[Answer]) -> tuple[Answer, str]:
    """Return the answer that stands for the majority, and what the majority is."""
    groups: dict[str, list[int]] = {}
    texts = [wording_of(answer).quoted for answer in answers]
    for place in by_agreement(texts):
        calls = answers[place].tool_calls
        value = quoted("", calls) if calls else final_answer(texts[place])
        if value is not None:
            groups.setdefault(value, []).append(place)
    value = max(groups, key=lambda value: len(groups[value]), default="")
    group = groups.get(value, [])
    if len(group) < 2:
        why = f"no two of {len(answers)} answers have the same final value"
        chosen = take_most_alike(layer, answers, 1, why=why)
        return chosen.answers[0], why
    reason = f"{len(group)} of {len(answers)} answers agree on {value}"
    layer.board.selection = Selection(chosen=tuple(answers[place].agent for place in group), reason=reason)
    return answers[group[0]], reason
