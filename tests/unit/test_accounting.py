"""Usage adds up, and what is unknown stays unknown."""

from __future__ import annotations

import pytest

from attention_moa.accounting import CallCounts, add, attempt_usage, call_counts, call_usage, is_plausible, known_usd
from attention_moa.messages import ImagePart, Message, Sampling, Stage, ToolCall, Usage, user
from attention_moa.records import Attempt, CallRecord, Loss, UsageTotal
from tests.journals import a_call


def an_attempt(usage: Usage | None = None, error: str | None = None) -> Attempt:
    """Return an attempt of one second."""
    return Attempt(started_s=0.0, ended_s=1.0, error=error, usage=usage or Usage())


def test_all_counts_of_an_attempt_are_taken_over() -> None:
    """Cached, written and reasoning tokens stay apart."""
    usage = Usage(input_tokens=10, cached_tokens=4, cache_write_tokens=3, output_tokens=5, reasoning_tokens=2)
    assert attempt_usage(an_attempt(usage)) == UsageTotal(
        calls=1,
        input_tokens=10,
        cached_tokens=4,
        cache_write_tokens=3,
        output_tokens=5,
        reasoning_tokens=2,
        unpriced_calls=1,
    )


def test_costs_add_up_and_an_unknown_one_is_no_zero() -> None:
    """The sum says how many attempts are not in it."""
    usage = Usage(input_tokens=1, output_tokens=1)
    paid = [Attempt(started_s=0.0, ended_s=1.0, usage=usage, cost_usd=cost) for cost in (0.25, 0.5, 0.0, None)]
    total = add(map(attempt_usage, paid))
    assert (total.cost_usd, total.unpriced_calls, total.calls) == (0.75, 1, 4)


@pytest.mark.parametrize("usage", [Usage(), Usage(input_tokens=10), Usage(output_tokens=5), Usage(cached_tokens=1)])
def test_an_attempt_whose_tokens_nobody_counted_is_unknown(usage: Usage) -> None:
    """It adds what is known and says that this is not all."""
    assert attempt_usage(an_attempt(usage)).unknown_calls == 1


@pytest.mark.parametrize("error", ["RateLimitError", "AuthError", "RefusedError", "ContextTooLongError"])
def test_a_refused_attempt_used_nothing(error: str) -> None:
    """Nobody pays for a refusal, so nothing is unknown."""
    assert attempt_usage(an_attempt(error=error)) == UsageTotal(calls=1)


@pytest.mark.parametrize("error", ["ServerError", "CallTimeoutError", "Cancelled", "BadReplyError"])
def test_an_attempt_that_broke_may_have_used_something(error: str) -> None:
    """Its tokens are unknown, not zero."""
    assert attempt_usage(an_attempt(error=error)) == UsageTotal(calls=1, unknown_calls=1, unpriced_calls=1)


def test_a_refused_attempt_that_reports_tokens_is_booked_with_them() -> None:
    """What the endpoint counted holds."""
    usage = Usage(input_tokens=7, output_tokens=0)
    assert attempt_usage(an_attempt(usage, error="RefusedError")).input_tokens == 7


def test_totals_are_added_field_by_field() -> None:
    """Nothing added is nothing."""
    one = UsageTotal(calls=1, unknown_calls=1, input_tokens=2, output_tokens=3)
    two = UsageTotal(calls=2, input_tokens=5, cached_tokens=1, reasoning_tokens=4)
    assert add([one, two]) == UsageTotal(
        calls=3, unknown_calls=1, input_tokens=7, cached_tokens=1, output_tokens=3, reasoning_tokens=4
    )
    assert add([]) == UsageTotal()


def test_calls_count_all_of_their_attempts() -> None:
    """A failed attempt before a good one is paid too."""
    call = CallRecord(
        call_id="1.answer.a",
        stage=Stage.ANSWER,
        layer=1,
        agent="a",
        model="test:a",
        sampling=Sampling(),
        messages=(),
        state="finished",
        reads=(),
        queued_s=0.0,
        ended_s=2.0,
        attempts=(an_attempt(error="ServerError"), an_attempt(Usage(input_tokens=1, output_tokens=2))),
    )
    assert call_usage([call, call]) == UsageTotal(
        calls=4, unknown_calls=2, input_tokens=2, output_tokens=4, unpriced_calls=4
    )


@pytest.mark.parametrize(
    ("usage", "max_tokens", "is_so"),
    [
        (Usage(input_tokens=2_004, output_tokens=100), 100, True),
        (Usage(input_tokens=2_005, output_tokens=100), 100, False),
        (Usage(input_tokens=4, output_tokens=2_400), 100, True),
        (Usage(input_tokens=4, output_tokens=2_401), 100, False),
        (Usage(input_tokens=4, output_tokens=2_000_000), None, True),
        (Usage(input_tokens=4, output_tokens=2_000_001), None, False),
        (Usage(), None, True),
    ],
)
def test_counts_that_cannot_be_are_told_from_those_that_can(usage: Usage, max_tokens: int | None, is_so: bool) -> None:
    """A prompt has no more tokens than bytes and what is put around it, a reply not many more than were asked for."""
    assert is_plausible(usage, (user("why?"),), max_tokens) is is_so


def test_images_and_tool_calls_make_room_in_a_prompt() -> None:
    """Their tokens are not in its text."""
    called = Message("assistant", (), tool_calls=(ToolCall("1", "f", "{}"),))
    shown = Message("user", (ImagePart(media_type="image/png", data=b"x"),))
    assert is_plausible(Usage(input_tokens=22_002), (called, shown), None)
    assert not is_plausible(Usage(input_tokens=22_003), (called, shown), None)


@pytest.mark.parametrize(
    ("usd", "unpriced", "told"), [(0.0, 2, None), (0.25, 2, 0.25), (0.0, 0, 0.0)], ids=["unknown", "in part", "free"]
)
def test_money_that_nobody_knows_is_null(usd: float, unpriced: int, told: float | None) -> None:
    """A 0 would be a price."""
    assert known_usd(UsageTotal(calls=3, cost_usd=usd, unpriced_calls=unpriced)) == told


def test_calls_are_counted_as_sent_finished_broken_off_and_never_sent() -> None:
    """What was tried twice is one call; what a journal had was not sent; what is lost is sent alone."""
    tried = (an_attempt(error="ServerError"), an_attempt())
    calls = (
        a_call(attempts=tried),
        a_call(attempts=(), replayed_from="other"),
        a_call(state="lost", attempts=tried[:1]),
        a_call(state="cancelled", attempts=(an_attempt(error="Cancelled"),)),
        a_call(state="cancelled", attempts=()),
    )
    assert call_counts(calls) == CallCounts(sent=3, finished=2, broken_off=1, unsent=1, lost=1)
    assert call_counts(()) == CallCounts()
    with pytest.raises(TypeError):
        _ = CallCounts() + 1


def test_a_call_whose_reply_is_of_no_use_is_lost() -> None:
    """It is named in a loss; what is lost of a panel's reply, or was skipped, says nothing of a call as a whole."""
    call = a_call("1.summary.w", agent="w", stage=Stage.SUMMARY)

    def loss(kind: str, *, call_id: str | None = call.call_id, peer: str | None = None) -> Loss:
        return Loss(stage=Stage.SUMMARY, layer=1, agent="w", kind=kind, message="why", call_id=call_id, peer=peer)

    assert call_counts([call], [loss("BadReplyError")]) == CallCounts(sent=1, lost=1)
    for other in (loss("Skipped", call_id=None), loss("MissingSection", peer="b")):
        assert call_counts([call], [other]) == CallCounts(sent=1, finished=1)
