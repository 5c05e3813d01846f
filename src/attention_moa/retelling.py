"""The events of a run made anew from its record, for runs whose events nobody kept. Pure.

All that a record holds is told with the times that it holds. Of a missing result and of a stand-in it holds no time:
they are told when the call ended that they come from, or when what should have read them went on. What no record holds
is not told: the pieces of replies, which calls a resumed run took out of the journal, a verdict that another overruled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from attention_moa.accounting import call_usage
from attention_moa.config import voices
from attention_moa.events import (
    CallCancelled,
    CallFinished,
    CallFirstToken,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
    Degraded,
    Event,
    LayerFinished,
    ResultLost,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import Stage, Usage
from attention_moa.moments import Moments
from attention_moa.records import Attempt, CallRecord, LayerRecord, RunRecord
from attention_moa.schedule import count_calls

_ENDED_FROM_OUTSIDE = "Cancelled"


class _Timed(NamedTuple):
    at_s: float
    event: Event


def events_of(record: RunRecord) -> tuple[Event, ...]:
    """Return what was told of a run, in the order of the times.

    Args:
        record: The run, whole or in part; one that has not ended has no ``RunFinished``.
    """
    told = [_started(record)]
    begun = {call.layer for call in record.calls} | {layer.layer for layer in record.layers}
    planned = {loss.layer for loss in record.losses} | {stand_in.layer for stand_in in record.degraded}
    for number in sorted(begun | planned):
        told += _layer(record, number)
    if record.state != "running":
        ended = RunFinished(
            run_id=record.run_id,
            at_s=record.wall_s,
            state=record.state,
            text=record.text,
            usage=record.usage,
            error=record.error,
        )
        told.append(_Timed(record.wall_s, ended))
    return tuple(timed.event for timed in sorted(told, key=lambda timed: timed.at_s))


def _started(record: RunRecord) -> _Timed:
    spec = record.ensemble
    started = RunStarted(
        run_id=record.run_id,
        at_s=0.0,
        ensemble=spec.name,
        agents=tuple(agent.name for agent in voices(spec)),
        layers=spec.layers,
        planned_calls=count_calls(spec, record.wanted.choices),
    )
    return _Timed(0.0, started)


def _layer(record: RunRecord, number: int) -> list[_Timed]:
    """Return what was told of a layer; what has one time is in the order of cause and effect."""
    calls = [call for call in record.calls if call.layer == number]
    layer = next((layer for layer in record.layers if layer.layer == number), None)
    has_panels = record.ensemble.attention.mode == "panel"
    when = Moments(calls, layer, ended_s=_end_of_layer(record, number), has_panels=has_panels)
    losses = when.of_losses([loss for loss in record.losses if loss.layer == number])
    told = [timed for call in calls for timed in _call(record, call)]
    told += [_Timed(at_s, ResultLost(run_id=record.run_id, at_s=at_s, loss=loss)) for at_s, loss in losses]
    for at_s, stand_in in when.of_stand_ins([one for one in record.degraded if one.layer == number], losses):
        told.append(_Timed(at_s, Degraded(run_id=record.run_id, at_s=at_s, degradation=stand_in)))
    used = call_usage(call for call in calls if call.ended_s <= when.ended_s and not _is_behind(call, when.ended_s))
    return told if layer is None else told + list(_end(record.run_id, replace(layer, usage=used), when.ended_s))


def _end(run_id: str, layer: LayerRecord, at_s: float) -> Iterator[_Timed]:
    """Yield the end of a layer, where the run came to it."""
    if layer.verdict is not None:
        output, usage = layer.output, layer.usage
        finished = LayerFinished(run_id=run_id, at_s=at_s, layer=layer.layer, output=output, usage=usage)
        yield _Timed(at_s, finished)
        yield _Timed(at_s, VerdictReached(run_id=run_id, at_s=at_s, verdict=layer.verdict))


def _end_of_layer(record: RunRecord, number: int) -> float:
    """Return when a layer was over: its last call had ended; further answers and repairs may come behind it."""
    calls = (call for call in record.calls if call.layer <= number and not _is_behind(call, 0.0))
    return max((call.ended_s for call in calls), default=0.0)


def _is_behind(call: CallRecord, end_s: float) -> bool:
    """Return whether a call mended the answer's form, or wrote a further answer that was not begun before a time.

    A further answer's name ends with its number behind a ``#``, which no agent's name has.
    """
    return call.stage is Stage.REPAIR or ("#" in call.call_id and call.queued_s >= end_s)


# ------------------------------------------------------------------------------------------------------------ one call


def _call(record: RunRecord, call: CallRecord) -> Iterator[_Timed]:
    """Yield what was told of a call."""
    about: dict[str, Any] = {
        "run_id": record.run_id,
        "call_id": call.call_id,
        "stage": call.stage,
        "layer": call.layer,
        "agent": call.agent,
        "peer": call.peer,
    }
    yield _Timed(call.queued_s, CallQueued(**about, at_s=call.queued_s))
    tries = sorted(call.attempts, key=lambda attempt: attempt.started_s)
    for number, attempt in enumerate(tries, 1):
        if (failed := _failed_before(tries[: number - 1], attempt.started_s)) is not None:
            until_s = attempt.started_s - attempt.waited_s
            yield _Timed(failed.ended_s, _retried(about, number - 1, failed, until_s))
        at_s = attempt.started_s
        yield _Timed(at_s, CallStarted(**about, at_s=at_s, attempt=number))
        if attempt.first_token_s is not None:
            yield _Timed(attempt.first_token_s, CallFirstToken(**about, at_s=attempt.first_token_s))
    failed = _failed_before(tries, call.ended_s)
    is_alone = record.ensemble.calls.hedge_s is None  # else a second attempt may have been about to begin
    if failed is not None and is_alone and call.state != "finished" and call.error != failed.error:
        yield _Timed(failed.ended_s, _retried(about, len(tries), failed, call.ended_s))  # it ended while it waited
    yield _Timed(call.ended_s, _ending(about | {"at_s": call.ended_s}, call))


def _failed_before(tries: Sequence[Attempt], at_s: float) -> Attempt | None:
    """Return the attempt whose failure was followed by what came then; None where none was, or one was under way."""
    if not tries or any(attempt.ended_s > at_s for attempt in tries):
        return None
    last = max(tries, key=lambda attempt: attempt.ended_s)
    return last if last.error not in {None, _ENDED_FROM_OUTSIDE} else None


def _retried(about: dict[str, Any], number: int, failed: Attempt, until_s: float) -> CallRetried:
    """Return that another attempt was to follow.

    Args:
        about: What all events of the call have.
        number: So many attempts had been made.
        failed: The last of them.
        until_s: How long it waited then, on the run's clock.
    """
    return CallRetried(
        **about,
        at_s=failed.ended_s,
        attempt=number,
        kind=failed.error or "",
        message=failed.message or "",
        wait_s=max(until_s - failed.ended_s, 0.0),
    )


def _ending(about: dict[str, Any], call: CallRecord) -> Event:
    if call.state == "cancelled":
        return CallCancelled(**about)
    if call.state == "lost" or call.text is None or call.finish_reason is None:
        return CallLost(**about, kind=call.error or "", message=call.message or "", attempts=len(call.attempts))
    usage = next((attempt.usage for attempt in call.attempts if attempt.error is None), Usage())
    said: dict[str, Any] = {
        **about,
        "text": call.text,
        "finish_reason": call.finish_reason,
        "usage": usage,
        "tool_calls": call.tool_calls,
    }
    if call.replayed_from is not None:
        return CallReplayed(**said, source=call.replayed_from)
    return CallFinished(**said, elapsed_s=call.ended_s - call.queued_s, notes=call.notes)
