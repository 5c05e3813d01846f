"""One call as its events tell it: each state with its reason, its words, and what it used."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.events import (
    CallCancelled,
    CallDelta,
    CallFinished,
    CallFirstToken,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
)
from attention_moa.messages import Stage, Usage
from attention_moa.money import Price
from attention_moa.records import Loss, UsageTotal
from attention_moa.ui.call_story import CallStory, State, close, hear, miss, take_up

PRICE = Price(input=1.0, output=2.0)
USED = Usage(input_tokens=1_000_000, cached_tokens=10, output_tokens=1_000_000)


def a_call(stage: Stage = Stage.ANSWER) -> CallStory:
    """Return a call that waits."""
    return CallStory(call_id="1.x.a", stage=stage, layer=1, agent="a")


def about(at_s: float, stage: Stage = Stage.ANSWER) -> dict[str, Any]:
    """Return what every event of it has."""
    return {"run_id": "run", "at_s": at_s, "call_id": "1.x.a", "stage": stage, "layer": 1, "agent": "a"}


def queued(at_s: float = 0.0) -> CallQueued:
    """Return that it is ready."""
    return CallQueued(**about(at_s))


def started(at_s: float, attempt: int = 1) -> CallStarted:
    """Return that an attempt goes out."""
    return CallStarted(**about(at_s), attempt=attempt)


def delta(text: str = "", thinking: str = "") -> CallDelta:
    """Return a piece of its reply."""
    return CallDelta(**about(3.0), text=text, thinking=thinking)


def retried(at_s: float, kind: str = "ServerError", attempt: int = 1) -> CallRetried:
    """Return that an attempt failed."""
    return CallRetried(**about(at_s), attempt=attempt, kind=kind, message="down\nagain", wait_s=2.0)


def finished(at_s: float, text: str = "Blue.", **fields: Any) -> CallFinished:
    """Return its reply."""
    told: dict[str, Any] = {"finish_reason": "stop", "usage": USED, "elapsed_s": 3.0} | fields
    return CallFinished(**about(at_s), text=text, **told)


def after(call: CallStory, *events: Any) -> CallStory:
    """Return a call after some events."""
    for event in events:
        call = hear(call, event, PRICE)
    return call


def test_every_state_has_a_sign_of_its_own() -> None:
    """So that none is told by its colour alone."""
    signs = [state.sign for state in State]
    assert len(set(signs)) == len(signs) == 8
    assert [state for state in State if not state.is_over] == [State.WAITING, State.RUNNING, State.RETRIED]


def test_a_call_goes_from_waiting_to_done() -> None:
    """With its times, its tokens, what they cost, and the beginning of its reply."""
    call = a_call()
    assert (call.state, call.seconds(5.0), call.told) == (State.WAITING, None, "layer 1, answer by a: waiting")
    call = after(call, queued(1.0))
    assert (call.state, call.why, call.seconds(5.0)) == (State.WAITING, "waits for its turn", 4.0)
    call = after(call, started(2.0))
    assert (call.state, call.why, call.open_tries) == (State.RUNNING, "", 1)
    call = after(call, CallFirstToken(**about(2.5)), delta("Bl"), delta("ue."))
    assert (call.words, call.tries[0].first_token_s) == ("Blue.", 2.5)
    call = after(call, finished(4.0, "Blue. " * 100))
    assert (call.state, call.words, call.seconds(99.0), call.open_tries) == (
        State.DONE, ("Blue. " * 100)[:200], 3.0, 0,
    )  # fmt: skip
    assert call.used == UsageTotal(
        calls=1, input_tokens=1_000_000, cached_tokens=10, output_tokens=1_000_000, cost_usd=3.0
    )


def test_a_reply_under_way_shows_its_newest_words() -> None:
    """Two hundred characters and no more; while it only thinks, that."""
    call = after(a_call(), queued(), started(1.0), delta(thinking="hm"))
    assert (call.thinks, call.words) == (True, "")
    assert after(call, delta(thinking="hm")) is call
    call = after(call, delta("a" * 500), delta("end"))
    assert (call.thinks, len(call.words), call.words[-4:]) == (False, 200, "aend")
    assert after(call, delta(thinking="more")) is call


@pytest.mark.parametrize("stage", [Stage.RESIDUAL, Stage.SELECT, Stage.EXTRACT])
def test_a_line_that_decides_is_not_shown(stage: Stage) -> None:
    """Neither while it comes nor in the whole reply; what is none is shown once that is sure."""
    call = after(a_call(stage), queued(), started(1.0), delta("VERDICT 0123 "))
    assert call.words == ""
    assert after(call, delta("CONTINUE\nBlue."), delta(" Very.")).words == "Blue. Very."
    assert after(call, finished(2.0, "VERDICT 0123 CONTINUE\nBlue.")).words == "Blue."
    other = after(a_call(stage), queued(), started(1.0), delta("The sky "))
    assert other.words == "The sky "
    assert after(other, delta("x" * 300), delta("y")).words == "x" * 199 + "y"


def test_a_failed_attempt_is_told_with_why_and_its_tokens_are_unknown() -> None:
    """Until the next one goes out; one that was refused used nothing."""
    call = after(a_call(), queued(), started(1.0), delta("Bl"), retried(2.0))
    assert (call.state, call.words, call.open_tries) == (State.RETRIED, "", 0)
    assert call.why == "ServerError: down again; again after 2.0 s"
    assert call.used == UsageTotal(calls=1, unknown_calls=1, unpriced_calls=1)
    assert after(call, retried(2.0)) is call
    again = after(call, started(4.0, 2))
    assert (again.state, again.attempt, again.why) == (State.RUNNING, 2, call.why)
    assert after(again, started(4.0, 2)) is again
    refused = after(again, retried(5.0, "RateLimitError", 2))
    assert refused.used == UsageTotal(calls=2, unknown_calls=1, unpriced_calls=1)
    assert after(refused, started(6.0, 3), finished(7.0)).used.calls == 3


def test_a_second_attempt_beside_the_first_is_told() -> None:
    """One gives the reply; what the other used nobody knows."""
    call = after(a_call(), queued(), started(1.0), started(3.0, 2))
    assert call.open_tries == 2
    assert call.why == "a second attempt beside one that has not begun its reply"
    done = after(call, finished(4.0))
    assert (done.why, done.used.calls, done.used.unknown_calls) == ("", 2, 1)
    assert after(call, retried(5.0, attempt=2)).used.calls == 2


def test_a_lost_call_says_why() -> None:
    """Heard from its start or only at its end."""
    lost = CallLost(**about(5.0), kind="ServerError", message="down", attempts=2)
    whole = after(a_call(), queued(), started(1.0), retried(2.0), started(3.0, 2), lost)
    late = after(a_call(), lost)
    assert (whole.state, whole.why, whole.used.calls) == (State.LOST, "ServerError: down", 2)
    assert (late.state, late.used.calls, late.queued_s) == (State.LOST, 2, 5.0)
    never = CallLost(**about(5.0), kind="OverLimitError", message="no money", attempts=0)
    assert after(a_call(), queued(), never).used == UsageTotal()


def test_a_cancelled_call_may_have_used_something() -> None:
    """Where it was out; nothing where it waited."""
    cancelled = CallCancelled(**about(5.0))
    out = after(a_call(), queued(), started(1.0), cancelled)
    assert (out.state, out.why, out.used.unknown_calls) == (State.CANCELLED, "ended from outside", 1)
    assert after(a_call(), queued(), cancelled).used == UsageTotal()


@pytest.mark.parametrize(
    ("source", "why"), [("run", "from the journal"), ("run-0", "from the journal: run run-0 paid for it")]
)
def test_a_replayed_call_costs_nothing(source: str, why: str) -> None:
    """It says who paid, and the tokens that were paid for."""
    event = CallReplayed(**about(1.0), text="Blue.", finish_reason="length", usage=USED, source=source)
    call = after(a_call(), queued(1.0), event)
    assert (call.state, call.why, call.usage, call.used) == (State.REPLAYED, why, USED, UsageTotal())
    assert call.told == f"layer 1, answer by a: replayed, cut at its token limit, {why}"
    assert after(call, event) is call
    assert after(a_call(), event).queued_s == 1.0


def test_what_is_over_stays_so_until_a_new_life_takes_it_up() -> None:
    """An event that is told twice says nothing new."""
    call = after(a_call(), queued(1.0), started(2.0), finished(4.0))
    for event in (queued(1.0), started(2.0), delta("x"), finished(4.0), CallFirstToken(**about(2.5)), retried(3.0)):
        assert after(call, event) is call
    again = after(call, queued(9.0))
    assert (again.state, again.tries, again.used.calls) == (State.WAITING, (), 1)
    assert take_up(call) is call


def test_a_call_that_was_under_way_is_taken_up() -> None:
    """It waits anew; one that is not made then was cancelled, and one that nobody had begun was not made."""
    taken = take_up(after(a_call(), queued(1.0), started(2.0)))
    assert (taken.state, taken.queued_s, taken.was_begun) == (State.WAITING, None, True)
    assert close(taken, 9.0, "the run ended before").state is State.CANCELLED
    assert close(take_up(a_call()), 9.0, "the run ended before").state is State.NOT_MADE


def test_a_reply_heard_from_the_middle_says_how_long_it_took() -> None:
    """Whatever was not heard: the events that follow say what it does."""
    assert after(a_call(), finished(4.0)).queued_s == 1.0
    assert after(a_call(), CallFirstToken(**about(2.5))).tries[0].started_s == 2.5
    assert after(a_call(), delta("Blue.")).state is State.RUNNING
    assert after(a_call(), retried(3.0)).used.calls == 1


def a_loss(kind: str, call_id: str | None = None, **fields: Any) -> Loss:
    """Return that its result is missing."""
    told: dict[str, Any] = {"stage": Stage.ANSWER, "layer": 1, "agent": "a", "message": "why\nso"} | fields
    return Loss(kind=kind, call_id=call_id, **told)


def test_a_result_may_be_missing_without_any_call() -> None:
    """Skipped: it is not made. Late: nobody waits for it any more, made or not."""
    assert (miss(a_call(), a_loss("Skipped")).state, miss(a_call(), a_loss("Skipped")).why) == (
        State.NOT_MADE, "why so",
    )  # fmt: skip
    late = miss(a_call(), a_loss("Late"))
    assert (late.state, late.why, late.left_out) == (State.NOT_MADE, "", "why so")
    out = miss(after(a_call(), queued(), started(1.0)), a_loss("Late"))
    assert (out.state, out.left_out) == (State.RUNNING, "why so")
    assert out.told == "layer 1, answer by a: running, why so"
    done = after(a_call(), queued(), started(1.0), finished(4.0))
    assert miss(done, a_loss("Late")).left_out == "why so"
    assert miss(done, a_loss("Skipped")) is done
    lost = after(a_call(), CallLost(**about(5.0), kind="ServerError", message="down", attempts=1))
    assert miss(lost, a_loss("Late")) is lost


def test_a_reply_that_will_not_do_is_lost() -> None:
    """A section of a panel, or an answer's form, says nothing of the call."""
    done = after(a_call(), queued(), started(1.0), finished(4.0))
    bad = miss(done, a_loss("BadReplyError", "1.x.a"))
    assert (bad.state, bad.why) == (State.LOST, "BadReplyError: why so")
    assert miss(bad, a_loss("BadReplyError", "1.x.a")) is bad
    assert miss(done, a_loss("MissingSection", "1.x.a", peer="b")) is done
    assert miss(done, a_loss("FormatError", "1.x.a", stage=Stage.REPAIR)) is done


def test_the_end_of_a_run_ends_its_calls() -> None:
    """One under way was cancelled, one that waited was not made, and one that is over stays."""
    assert close(a_call(), 9.0, "the run ended before").state is State.NOT_MADE
    out = close(after(a_call(), queued(), started(1.0)), 9.0, "the run ended before")
    assert (out.state, out.why, out.ended_s) == (State.CANCELLED, "the run ended before", 9.0)
    assert close(out, 10.0, "") is out
