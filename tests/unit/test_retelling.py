"""The events of a record: what only some records hold."""

from __future__ import annotations

from typing import Any

from attention_moa.answer_spec import AnswerSpec
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
from attention_moa.messages import Stage, ToolCall, Usage
from attention_moa.records import Attempt, CallRecord, Choice, Degradation, LayerRecord, Loss, RunRecord, Verdict
from attention_moa.retelling import events_of
from tests.journals import a_call, a_head, a_record

LAST = Verdict(layer=1, is_stop=False, rule="last", reason="the one layer ran")


def a_layer(**fields: Any) -> LayerRecord:
    """Return a layer that came to its end."""
    told: dict[str, Any] = {"layer": 1, "answers": {}, "verdict": LAST, "output": "It scatters."}
    return LayerRecord(**(told | fields))


def told_of(*calls: CallRecord, **fields: Any) -> list[Event]:
    """Return the events of a run with these calls."""
    told: dict[str, Any] = {"wall_s": max((2.0, *(call.ended_s for call in calls)))}
    return list(events_of(a_record(a_head(), *calls, **(told | fields))))


def kinds(events: list[Event]) -> list[type[Event]]:
    """Return what happened."""
    return [type(event) for event in events]


def tried(*errors: str | None, **fields: Any) -> tuple[Attempt, ...]:
    """Return attempts of a second each, a second apart, that ended so."""
    return tuple(
        Attempt(started_s=2.0 * number, ended_s=2.0 * number + 1, error=error, message=error, **fields)
        for number, error in enumerate(errors)
    )


def test_a_finished_run_is_told_from_its_start_to_its_end() -> None:
    """With the times that its record has."""
    call = a_call(attempts=(Attempt(started_s=0.5, first_token_s=1.0, ended_s=1.5, usage=Usage(output_tokens=5)),))
    events = told_of(call, layers=(a_layer(),), wanted=AnswerSpec(choices=3))
    assert kinds(events) == [
        RunStarted, CallQueued, CallStarted, CallFirstToken, CallFinished, LayerFinished, VerdictReached, RunFinished,
    ]  # fmt: skip
    assert [event.at_s for event in events] == [0.0, 0.0, 0.5, 1.0, 1.5, 1.5, 1.5, 2.0]
    started, finished, ended = events[0], events[4], events[-1]
    assert isinstance(started, RunStarted)
    assert isinstance(finished, CallFinished)
    assert isinstance(ended, RunFinished)
    assert started.agents == ("a", "b")
    assert started.planned_calls == 21
    assert (finished.text, finished.usage.output_tokens, finished.elapsed_s) == ("It scatters.", 5, 1.5)
    assert (ended.state, ended.text) == ("finished", "It scatters.")


def test_a_run_that_is_not_over_has_no_end() -> None:
    """Nor has a layer that it has not come to the end of."""
    events = told_of(a_call(), state="running", layers=(a_layer(verdict=None),))
    assert kinds(events) == [RunStarted, CallQueued, CallStarted, CallFinished]


def test_a_run_without_any_call_is_told_too() -> None:
    """It failed before the first one."""
    events = told_of(state="failed", error="a key is missing")
    assert kinds(events) == [RunStarted, RunFinished]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].error == "a key is missing"


def test_a_borrowed_reply_names_its_run() -> None:
    """Nothing was sent for it; its tokens are in another record."""
    events = told_of(a_call(attempts=(), replayed_from="run-0", tool_calls=(ToolCall("1", "search", "{}"),)))
    assert kinds(events) == [RunStarted, CallQueued, CallReplayed, RunFinished]
    replayed = events[2]
    assert isinstance(replayed, CallReplayed)
    assert (replayed.source, replayed.usage, replayed.tool_calls) == (
        "run-0",
        Usage(),
        (ToolCall("1", "search", "{}"),),
    )


def test_attempts_that_failed_are_retried_or_lost() -> None:
    """One that was ended from outside is neither, and one beside another waits for nobody."""
    lost = a_call(state="lost", attempts=tried("ServerError", "ServerError"), ended_s=3.0, message=None)
    events = told_of(lost)
    assert kinds(events)[1:-1] == [CallQueued, CallStarted, CallRetried, CallStarted, CallLost]
    retried, gone = events[3], events[5]
    assert isinstance(retried, CallRetried)
    assert isinstance(gone, CallLost)
    assert (retried.attempt, retried.kind, retried.at_s, retried.wait_s) == (1, "ServerError", 1.0, 1.0)
    assert (gone.kind, gone.message, gone.attempts) == ("ServerError", "", 2)
    taken_up = told_of(a_call(attempts=tried("Cancelled", None), ended_s=3.0))
    assert CallRetried not in kinds(taken_up)
    beside = (Attempt(started_s=0.0, ended_s=5.0, error="ServerError"), Attempt(started_s=2.0, ended_s=4.0))
    assert CallRetried not in kinds(told_of(a_call(attempts=beside, ended_s=5.0)))


def test_a_call_that_ended_while_it_waited_was_to_be_tried_again() -> None:
    """Cancelled, or refused by the run's limit before it could be."""
    cancelled = a_call(state="cancelled", attempts=tried("ServerError"), ended_s=1.5, error=None, message=None)
    assert kinds(told_of(cancelled, state="cancelled"))[1:-1] == [CallQueued, CallStarted, CallRetried, CallCancelled]
    over = a_call(state="lost", attempts=tried("ServerError"), ended_s=1.5, error="OverLimitError")
    assert kinds(told_of(over))[1:-1] == [CallQueued, CallStarted, CallRetried, CallLost]
    waiting = a_call(state="cancelled", attempts=(), error=None, message=None)
    assert kinds(told_of(waiting, state="cancelled"))[1:-1] == [CallQueued, CallCancelled]


def test_what_comes_behind_the_last_layer_does_not_prolong_it() -> None:
    """Further answers, and a repair of the answer's form."""
    further = a_call("1.answer.a#2", queued_s=1.5, ended_s=4.0)
    repair = a_call("1.repair.a", stage=Stage.REPAIR, queued_s=1.5, ended_s=5.0)
    choice = Choice(text="It scatters.", finish_reason="stop", call_id="1.answer.a#2")
    events = told_of(a_call(), further, repair, layers=(a_layer(),), choices=(choice,), wall_s=5.0)
    (layer,) = (event for event in events if isinstance(event, LayerFinished))
    assert layer.at_s == 1.5
    assert kinds(events)[-2:] == [CallFinished, RunFinished]


def test_a_loss_without_a_call_is_told_when_its_cause_was_known() -> None:
    """And what stands in for it at once; a layer that was never begun has its stand-in too."""
    answer = a_call(state="lost", ended_s=2.0)
    loss = Loss(stage=Stage.ANSWER, layer=1, agent="a", kind="ServerError", message="down", call_id="1.answer.a")
    skipped = Loss(
        stage=Stage.CRITIQUE, layer=1, agent="b", peer="a", kind="Skipped", message="the answer of a is lost"
    )
    of_loss = Degradation(layer=1, stage=Stage.ANSWER, agent="a", what="nothing", why="down")
    of_all = Degradation(layer=2, stage=Stage.ANSWER, agent="all agents", what="less", why="no money")
    events = told_of(answer, losses=(loss, skipped), degraded=(of_loss, of_all), wall_s=2.0)
    assert kinds(events)[-5:] == [ResultLost, ResultLost, Degraded, Degraded, RunFinished]
    assert [event.at_s for event in events[-5:]] == [2.0] * 5


def test_a_record_that_was_saved_and_read_tells_the_same() -> None:
    """As one from a file does."""
    from attention_moa.codec import record_from_json, record_to_json

    record: RunRecord = a_record(a_head(), a_call(), layers=(a_layer(),))
    assert events_of(record_from_json(record_to_json(record))) == events_of(record)
