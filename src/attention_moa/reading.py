"""A run in the order in which a person reads it: titles, texts, and what there is to say of each. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from attention_moa.messages import Conversation, Stage
from attention_moa.records import (
    Answer,
    CallRecord,
    Choice,
    Critique,
    Degradation,
    LayerRecord,
    Loss,
    Refinement,
    Residual,
    RunRecord,
    Selection,
    Summary,
    Verdict,
    layers_ran,
)
from attention_moa.wording import quoted


class Section(NamedTuple):
    """A piece of a run.

    Args:
        level: 1 for a part of the run, 2 for what is in it.
        title: Of our own words and names.
        text: What a person or a model wrote; None where there is none.
        remark: What is to be said of it; empty for nothing.
    """

    level: int
    title: str
    text: str | None = None
    remark: str = ""


_CUT = "cut at its token limit"

NOT_OVER = "not over"
"""How far a run is that has not come to its end, where it is not known whether somebody is at it."""


def sections(record: RunRecord, *, standing: str = NOT_OVER) -> Iterator[Section]:
    """Yield a run piece by piece: the conversation, its layers stage by stage, the answer.

    A run that did not get to the end of its record has no layers yet: then its calls come in the order in which they
    ended.

    Args:
        record: The run, over or not.
        standing: How far it is where it is not over.
    """
    yield Section(1, "Question")
    yield from _turns(record.conversation)
    for layer in record.layers:
        yield from _layer(layer)
    if not record.layers and record.calls:
        yield Section(1, "Calls so far")
        yield from map(_call, record.calls)
    text = None if record.text is None else quoted(record.text, record.tool_calls)
    yield Section(1, "Answer", text, _why_none(record, standing))
    yield from (_further(number, choice) for number, choice in enumerate(record.choices, 2))


def further_texts(record: RunRecord) -> Iterator[tuple[int, str]]:
    """Yield a run's further answers as a person reads them, each with its number from 2; what is lost is left out."""
    for number, choice in enumerate(record.choices, 2):
        if isinstance(choice, Choice):
            yield number, quoted(choice.text, choice.tool_calls)


def title_of(stage: Stage, agent: str, peer: str | None = None) -> str:
    """Return what a call's result is called: ``Critique of gemma by qwen``."""
    if stage is Stage.CRITIQUE and peer is not None:
        return f"Critique of {'itself' if peer == agent else peer} by {agent}"
    names = {
        Stage.ANSWER: "Answer",
        Stage.CRITIQUE: "Critiques",
        Stage.REFINE: "Refinement",
        Stage.SELECT: "Selection",
        Stage.EXTRACT: "Difference",
    }
    return f"{names.get(stage, stage.value.capitalize())} by {agent}"


def told_of(degraded: Degradation) -> str:
    """Return what stood in for what, and where: ``layer 1, refine, b: its own answer stands in for the refinement``."""
    begins_with_name = degraded.what.startswith(f"{degraded.agent}'s ")
    whose = "" if begins_with_name else f", {degraded.agent}"
    return f"layer {degraded.layer}, {degraded.stage.value}{whose}: {degraded.what}"


def degradations(record: RunRecord) -> list[str]:
    """Return all that stood in for something better, and why, in the order in which it came up; what is equal, once."""
    found = Counter(f"{told_of(degraded)} ({degraded.why})" for degraded in record.degraded)
    return [line if times == 1 else f"{line}, {times} times" for line, times in found.items()]


def _turns(conversation: Conversation) -> Iterator[Section]:
    for message in conversation:
        text = quoted(message.text, message.tool_calls)
        yield Section(2, message.role.capitalize(), text, "with images" if message.has_images else "")


def _further(number: int, choice: Choice | Loss) -> Section:
    if isinstance(choice, Loss):
        return Section(1, f"Answer {number}", None, f"lost: {choice.kind}: {choice.message}")
    remark = _CUT if choice.finish_reason == "length" else ""
    return Section(1, f"Answer {number}", quoted(choice.text, choice.tool_calls), remark)


def _layer(layer: LayerRecord) -> Iterator[Section]:
    yield Section(1, f"Layer {layer.layer}")
    for answer in layer.answers.values():
        yield _part(Stage.ANSWER, answer)
    for critique in layer.critique_list:
        yield _part(Stage.CRITIQUE, critique)
    for refinement in layer.refinements.values():
        yield _part(Stage.REFINE, refinement)
    if layer.selection is not None:
        yield _selected(layer.selection)
    closing = ((Stage.EXTRACT, layer.extract), (Stage.SUMMARY, layer.summary), (Stage.RESIDUAL, layer.residual))
    yield from (_part(stage, part) for stage, part in closing if part is not None)
    if layer.verdict is not None:
        yield Section(2, "Verdict", None, _decided(layer.verdict))


def is_of_only_layer(verdict: Verdict) -> bool:
    """Return whether a verdict says no more than that the run has one layer."""
    return verdict.rule == "last" and verdict.reason == layers_ran(1)


def reason_of(verdict: Verdict) -> str:
    """Return a verdict's reason in plain words.

    Args:
        verdict: As it is stored; its text stays as it was written, in records, events and journals.
    """
    return "the run has one layer, and ends with it" if is_of_only_layer(verdict) else verdict.reason


def _decided(verdict: Verdict) -> str:
    if is_of_only_layer(verdict):
        return reason_of(verdict)
    what = "stop" if verdict.is_stop else "the last layer" if verdict.rule == "last" else "go on"
    return f"{what}: {verdict.reason}"


def _selected(selection: Selection) -> Section:
    who = f" by {selection.agent}" if selection.agent else ""
    instead = f" (stands in: {selection.stands_in})" if selection.stands_in else ""
    return Section(2, f"Selection{who}", None, f"{', '.join(selection.chosen)}: {selection.reason}{instead}")


def _part(stage: Stage, part: Answer | Critique | Refinement | Summary | Residual | Loss) -> Section:
    if isinstance(part, Loss):
        return Section(2, title_of(stage, part.agent, part.peer), None, f"lost: {part.kind}: {part.message}")
    agent, peer = (part.critic, part.author) if isinstance(part, Critique) else (part.agent, None)
    remarks: list[str] = []
    if isinstance(part, (Refinement, Summary)) and part.stands_in is not None:
        remarks.append(f"stands in: {part.stands_in}")
    if part.is_truncated:
        remarks.append(_CUT)
    text = part.text if isinstance(part, (Critique, Refinement)) else quoted(part.text, part.tool_calls)
    if not text:
        remarks.append("no text, only a verdict")
    return Section(2, title_of(stage, agent, peer), text or None, "; ".join(remarks))


def _call(call: CallRecord) -> Section:
    title = f"Layer {call.layer}, {title_of(call.stage, call.agent, call.peer)}"
    remark = "" if call.state == "finished" else f"{call.state}: {call.error or 'ended from outside'}"
    text = None if call.text is None else quoted(call.text, call.tool_calls)
    return Section(2, title, text, f"{remark}: {call.message}" if call.message else remark)


def _why_none(record: RunRecord, standing: str) -> str:
    state = standing if record.state == "running" else record.state
    if record.text is not None:
        return "" if record.state == "finished" else f"the best so far: the run is {state}"
    if record.state == "cancelled":
        return "none: the run was cancelled"
    return f"none: {record.error}" if record.error else f"none yet: the run is {state}"
