"""Whether a run on a fleet with faults left out, made up or let through anything: its record beside the fleet's log."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from attention_moa import EnsembleSpec, RunRecord
from attention_moa.config import residual_chain, summary_chain
from attention_moa.fleet import FAULTYTEXT, Fault, Visit
from attention_moa.messages import Stage
from attention_moa.records import Answer, Attempt, CallRecord, LayerRecord, Loss, Refinement, Residual, Summary

Errors: TypeAlias = frozenset[str | None]
SHOWN_AS: dict[Fault | None, Errors] = {
    None: frozenset({None}),
    "rate_limit": frozenset({"RateLimitError"}),
    "server_error": frozenset({"ServerError"}),
    "unavailable": frozenset({"ServerError"}),
    "hang": frozenset(),
    "reset": frozenset({"TransportError"}),
    "malformed": frozenset({"BadReplyError"}),
    "cut": frozenset({"BadReplyError", "TransportError"}),
    "empty": frozenset({"BadReplyError"}),
    "wrong_type": frozenset({"BadReplyError"}),
    "drip": frozenset({None}),
    "bad_gateway": frozenset({"ServerError"}),
    "error_in_reply": frozenset({"ServerError", "BadReplyError"}),
    "no_choices": frozenset({"BadReplyError"}),
    "wrong_usage": frozenset({None}),
}
"""What an attempt ends with that meets a fault, unless it was given up before."""
HARMLESS = (None, "drip", "wrong_usage")
GIVEN_UP: Errors = frozenset({"CallTimeoutError", "Cancelled"})
NEVER_SAID = re.compile(r"\bNone\b|Traceback|\w+Error\b|HTTP [1-5]\d\d|<html|" + FAULTYTEXT)


def text_of(message: Mapping[str, object]) -> str:
    """Return what a message says that went over the wire."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)  # type: ignore[attr-defined]  # the form of OpenAI's requests


def prompt_of(visit: Visit) -> tuple[tuple[str, str], ...]:
    """Return the prompt of a request as turns."""
    turns = msgspec.json.decode(visit.messages or b"[]")
    return tuple((turn["role"], text_of(turn)) for turn in turns)


def has_met(visit: Visit, attempt: Attempt, call: CallRecord) -> bool:
    """Return whether an attempt may be what became of a request."""
    if attempt.error in GIVEN_UP:
        return True
    if attempt.error is None:
        reply, text = visit.reply or "", call.text
        if text is None:  # the call was ended from outside in the moment in which the reply was there
            return visit.fault in HARMLESS and call.state == "cancelled"
        return visit.fault in HARMLESS and (reply == text or (call.finish_reason == "cut" and reply.startswith(text)))
    if visit.fault is None:  # a full line, or so few tokens that only thinking came
        return (attempt.error, visit.status) == ("RateLimitError", 429) or not visit.reply
    return attempt.error in SHOWN_AS[visit.fault]


def is_accounted(visits: Sequence[Visit], attempts: Sequence[tuple[Attempt, CallRecord]]) -> bool:
    """Return whether every request has its attempt, and every attempt without one never left."""
    if not visits:
        return all(attempt.error in GIVEN_UP for attempt, _ in attempts)
    first, *rest = visits
    return any(
        has_met(first, *attempts[place]) and is_accounted(rest, [*attempts[:place], *attempts[place + 1 :]])
        for place in range(len(attempts))
    )


def unaccounted(record: RunRecord, visits: Iterable[Visit]) -> Iterator[str]:
    """Yield what the record does not say of the requests."""
    sent: dict[object, list[Visit]] = defaultdict(list)
    made: dict[object, list[tuple[Attempt, CallRecord]]] = defaultdict(list)
    for visit in visits:
        sent[visit.model, prompt_of(visit)].append(visit)
    for call in record.calls:
        turns = tuple((message.role, message.text) for message in call.messages)
        model = call.model.partition(":")[2]
        made[model, turns] += [(attempt, call) for attempt in call.attempts]
    for key in sent.keys() | made.keys():
        if not is_accounted(sent[key], made[key]):
            faults = [visit.fault or "none" for visit in sent[key]]
            tried = [f"{call.call_id}: {attempt.error} ({attempt.message})" for attempt, call in made[key]]
            yield f"requests with the faults {faults} are in the record as {tried}"


def said(record: RunRecord, visits: Iterable[Visit]) -> Iterator[str]:
    """Yield faulty texts and errors that stand in a prompt, a text of the record or the answer."""
    texts = {text for visit in visits for _, text in prompt_of(visit)}
    texts |= {call.text or "" for call in record.calls} | {record.text or ""}
    errors = {attempt.message for call in record.calls for attempt in call.attempts if attempt.message}
    errors |= {loss.message for loss in record.losses} | {degraded.why for degraded in record.degraded}
    for text in texts:
        if found := NEVER_SAID.search(text):
            yield f"a prompt or a text says {found[0]!r}"
        yield from (f"a prompt or a text says {error!r}" for error in errors if error in text)


def unlabelled(record: RunRecord) -> Iterator[str]:
    """Yield what is missing from a run without a word in its record."""
    labels = {(degraded.layer, degraded.stage) for degraded in record.degraded}
    for layer in record.layers:
        for stage in stood_in(record.ensemble, layer):
            if (layer.layer, stage) not in labels:
                yield f"something stands in at {stage} of layer {layer.layer}"
        if layer.verdict is None or layer.verdict.rule != "deadline":
            yield from gaps(record, layer)
    yield from unlabelled_end(record)


def unlabelled_end(record: RunRecord) -> Iterator[str]:
    """Yield what is wrong with the end of a run and its answer."""
    rule = record.verdict.rule if record.verdict else None
    is_early = record.state == "finished" and len(record.layers) < record.ensemble.layers
    if is_early and rule != "verdict" and not record.degraded:
        yield "layers are missing"
    if rule == "deadline" and record.text and not record.degraded:
        yield "the deadline passed"
    texts = {part.text for layer in record.layers for part in parts_of(layer) if not isinstance(part, Loss)}
    if record.text is not None and record.text not in texts:
        yield "the answer is nobody's text"


def parts_of(layer: LayerRecord) -> Iterator[Answer | Refinement | Summary | Residual | Loss]:
    """Yield what may be an answer."""
    yield from layer.answers.values()
    yield from layer.refinements.values()
    yield from (part for part in (layer.summary, layer.residual) if part is not None)


def stood_in(spec: EnsembleSpec, layer: LayerRecord) -> Iterator[Stage]:
    """Yield the stages in which something less than planned was used."""
    yield from (Stage.REFINE for refined in layer.refinements.values() if refined.stands_in is not None)
    summary, residual = layer.summary, layer.residual
    if isinstance(summary, Summary) and (summary.stands_in or summary.agent != summary_chain(spec)[0].name):
        yield Stage.SUMMARY
    if isinstance(residual, Loss) or (
        isinstance(residual, Residual) and residual.agent != residual_chain(spec)[0].name
    ):
        yield Stage.RESIDUAL


def gaps(record: RunRecord, layer: LayerRecord) -> Iterator[str]:
    """Yield the places of a layer that hold neither a result nor a loss, and calls that ended without one."""
    names = {agent.name for agent in record.ensemble.agents}
    late = {(loss.stage, loss.agent) for loss in record.losses if loss.layer == layer.layer and loss.kind == "Late"}
    ended = [call.call_id for call in record.calls if call.layer == layer.layer and call.state == "cancelled"]
    if ended and not late:
        yield f"{ended} were ended and nobody says why"
    losses = {(loss.layer, loss.stage, loss.agent, loss.peer) for loss in record.losses}
    lost = [call for call in record.calls if call.layer == layer.layer and call.state == "lost"]
    is_panel = record.ensemble.attention.mode == "panel"
    for call in lost:
        peers = {*names, call.peer} if is_panel and call.stage is Stage.CRITIQUE else {call.peer}
        if losses.isdisjoint((call.layer, call.stage, call.agent, peer) for peer in peers):
            yield f"{call.call_id} is lost without a loss"
    answered = {name for name, answer in layer.answers.items() if isinstance(answer, Answer)}
    if missing := {name for name in names - layer.answers.keys() if (Stage.REFINE, name) not in late}:
        yield f"answers of {missing} are missing from layer {layer.layer}"
    if missing := {name for name in answered - layer.refinements.keys() if (Stage.REFINE, name) not in late}:
        yield f"refinements of {missing} are missing from layer {layer.layer}"
    is_cut = any(degraded.stage is Stage.CRITIQUE and degraded.layer == layer.layer for degraded in record.degraded)
    read = [author for author in names if (Stage.REFINE, author) not in late]
    if (gone := {(critic, author) for critic in names for author in read} - layer.critiques.keys()) and not is_cut:
        yield f"critiques {gone} are missing from layer {layer.layer}"
