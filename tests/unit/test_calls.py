"""One call: retries, timeouts, unusable replies, providers that break, places, and what is booked of it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.config import AttentionSpec, CallPolicy
from attention_moa.errors import (
    AuthError,
    CallError,
    ConfigError,
    ContextTooLongError,
    QuorumError,
    RateLimitError,
    RefusedError,
    ServerError,
    TransportError,
)
from attention_moa.events import CallFinished, CallRetried, CallStarted, Event
from attention_moa.messages import CallRequest, Chunk, FinishReason, Reply, Usage, assistant, user
from attention_moa.providers.scripted import Line
from attention_moa.records import CallRecord, UsageTotal
from tests import virtual_time
from tests.worlds import USAGE, Says, World, a_spec, call, in_turn, texts

OFF = AttentionSpec(own=False, peers=0)
POLICY = CallPolicy(attempts=3, retry_wait_s=1.0, first_token_timeout_s=10.0, timeout_s=30.0)


def a_world(answer: Says | None = None, *, policy: CallPolicy = POLICY, **options: Any) -> World:
    """Return a world of one agent, one layer and two calls: ``1.answer.a``, then ``1.summary.a``."""
    agent = AgentSpec(**({"name": "a", "model": "test:a"} | options.pop("agent", {})))
    spec = a_spec([agent], layers=1, attention=OFF, calls=policy)
    return World(spec, {} if answer is None else {"1.answer.a": answer}, **options)


def answered(world: World) -> CallRecord:
    """Return the record of the answer's call after a run that went well."""
    return call(world.run(), "1.answer.a")


def lost(world: World) -> CallRecord:
    """Return the record of the answer's call after a run that failed by it."""
    with pytest.raises(QuorumError):
        world.run()
    return call(world.record, "1.answer.a")


def kinds(events: list[Event], call_id: str = "1.answer.a") -> list[str]:
    """Return the kinds of one call's events."""
    return [type(event).__name__ for event in events if getattr(event, "call_id", None) == call_id]


def test_a_call_that_goes_well_is_booked_whole() -> None:
    """Prompt, reply, thinking, times, tokens, the model that answered."""
    said = [
        Chunk(thinking="hm", model="test-model-7"),
        Chunk(text="Because", notes=("seed was dropped",)),
        Chunk(text=" air."),
        Chunk(finish_reason="stop", usage=USAGE),
    ]
    world = a_world(said, agent={"temperature": 0.5})
    booked = answered(world)
    assert (booked.text, booked.thinking, booked.finish_reason) == ("Because air.", "hm", "stop")
    assert (booked.state, booked.model, booked.reply_model) == ("finished", "test:a", "test-model-7")
    assert booked.sampling.temperature == 0.5
    assert booked.messages == world.requests[0].messages
    assert booked.notes == ("seed was dropped",)
    (attempt,) = booked.attempts
    assert (attempt.usage, attempt.error, attempt.first_token_s) == (USAGE, None, 0.0)


def test_a_request_says_all_that_a_provider_needs() -> None:
    """Who speaks, for what, how it is drawn, whether to stream, how long to wait for a connection."""
    policy = CallPolicy(connect_timeout_s=3.0)
    world = a_world(policy=policy, agent={"stream": False, "max_tokens": 9})
    world.run()
    request = world.requests[0]
    assert (request.agent, request.model, request.stage.value, request.layer) == ("a", "test:a", "answer", 1)
    assert (request.is_streamed, request.connect_timeout_s, request.sampling.max_tokens) == (False, 3.0, 9)
    assert request.shared_messages == 1


def test_notes_of_the_prompt_stand_before_those_of_the_reply() -> None:
    """Both are in the record of the call, the event and, by agent, of the run."""
    said = [Chunk(text="Yes.", notes=("from the provider",)), Chunk(finish_reason="stop")]
    images = (user("Look."),)
    world = a_world(said, agent={"has_system_role": False, "role": "You doubt."}, conversation=images)
    booked = answered(world)
    assert [note.partition(" ")[0] for note in booked.notes] == ["the", "from"]
    (finished,) = [e for e in world.events if isinstance(e, CallFinished) and e.call_id == "1.answer.a"]
    assert finished.notes == booked.notes
    assert f"a: {booked.notes[0]}" in world.record.notes


def test_a_failed_attempt_is_tried_again_after_a_wait_that_doubles() -> None:
    """The waits are told before they begin, and every attempt is booked with its times."""
    world = a_world(in_turn(TransportError("cut off"), ServerError("down"), "Because."))
    booked = answered(world)
    assert [attempt.error for attempt in booked.attempts] == ["TransportError", "ServerError", None]
    assert [attempt.started_s for attempt in booked.attempts] == pytest.approx([0.0, 1.0, 3.0])
    retried = [event for event in world.events if isinstance(event, CallRetried)]
    assert [(e.attempt, e.kind, e.message, e.wait_s, e.at_s) for e in retried] == [
        (1, "TransportError", "cut off", 1.0, 0.0),
        (2, "ServerError", "down", 2.0, pytest.approx(1.0)),
    ]
    started = [e.attempt for e in world.events if isinstance(e, CallStarted) and e.call_id == "1.answer.a"]
    assert started == [1, 2, 3]


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_an_endpoint_is_left_alone_for_exactly_as_long_as_it_asks(jitter: float) -> None:
    """Retry-After, and a random share of the policy's wait more."""
    world = a_world(in_turn(RateLimitError("slow down", retry_after_s=7.5), "Because."), jitter=jitter)
    assert answered(world).attempts[1].started_s == pytest.approx(7.5 + jitter)


def test_a_wait_that_is_too_long_ends_the_call_at_once() -> None:
    """No run hangs for an hour because an endpoint says so."""
    booked = lost(a_world(RateLimitError("slow down", retry_after_s=3600.0)))
    assert (len(booked.attempts), booked.ended_s) == (1, 0.0)


def test_a_call_gives_up_after_its_attempts() -> None:
    """The record says after how many, and with what."""
    world = a_world(ServerError("down"))
    booked = lost(world)
    assert booked.state == "lost"
    assert [(attempt.error, attempt.message) for attempt in booked.attempts] == [("ServerError", "down")] * 3
    assert kinds(world.events) == ["CallQueued", *["CallStarted", "CallRetried"] * 2, "CallStarted", "CallLost"]


@pytest.mark.parametrize("error", [AuthError("no key"), RefusedError("no"), CallError("broken")])
def test_what_cannot_change_is_not_tried_again(error: CallError) -> None:
    """One attempt, one loss."""
    world = a_world(error)
    assert len(lost(world).attempts) == 1
    assert kinds(world.events) == ["CallQueued", "CallStarted", "CallLost"]


def test_the_error_of_a_lost_call_says_who_failed_at_what() -> None:
    """The context is attached here, once."""
    error = ServerError("down")

    class Failing:
        """A provider that fails, always with the very same error."""

        async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
            if request.agent == "a":
                raise error
            yield Chunk(text="never said")

        async def aclose(self) -> None: ...

    lost_world = a_world(provider=Failing())
    with pytest.raises(QuorumError):
        lost_world.run()
    assert (error.agent, error.stage, error.model, error.attempts) == ("a", "answer", "test:a", 3)


@pytest.mark.parametrize(
    ("said", "ended_s", "message"),
    [
        (Line(text="Late.", first_token_s=10.5), 10.0, "no first token within 10 s"),
        (Line(text=["A", "B"], first_token_s=9.0, piece_s=25.0), 30.0, "no whole reply within 30 s"),
        (Line(text=["x"] * 100, piece_s=1.0), 30.0, "no whole reply within 30 s"),
    ],
)
def test_a_reply_that_takes_too_long_is_a_timeout(said: Line, ended_s: float, message: str) -> None:
    """The first token has its limit, the whole reply another; either attempt is booked and closed."""
    world = a_world(said, policy=CallPolicy(attempts=1, first_token_timeout_s=10.0, timeout_s=30.0))
    booked = lost(world)
    (attempt,) = booked.attempts
    assert (attempt.error, attempt.message) == ("CallTimeoutError", message)
    assert attempt.ended_s == pytest.approx(ended_s)
    assert world.scripted.open_streams == 0


def test_a_slow_reply_within_both_limits_is_no_timeout() -> None:
    """The first token stops the first clock."""
    assert answered(a_world(Line(text=["A", "B"], first_token_s=9.0, piece_s=20.0))).text == "AB"


def test_thinking_counts_as_a_first_token() -> None:
    """A model that thinks is not dead."""
    booked = answered(a_world(Line(thinking="hm", text="Yes.", first_token_s=9.0, piece_s=15.0)))
    assert booked.attempts[0].first_token_s == pytest.approx(9.0)


def test_a_reply_that_is_not_streamed_has_only_the_limit_for_the_whole() -> None:
    """Its first token is its last."""
    agent = {"stream": False}
    assert answered(a_world(Line(text="Late.", first_token_s=25.0), agent=agent)).text == "Late."
    booked = lost(a_world(Line(text="Late.", first_token_s=35.0), agent=agent))
    assert booked.attempts[0].message == "no whole reply within 30 s"


def test_an_agent_may_have_a_time_limit_of_its_own() -> None:
    """It holds for the first token too."""
    booked = lost(a_world(Line(text="Late.", first_token_s=6.0), agent={"timeout_s": 5.0}))
    assert booked.attempts[0].message == "no whole reply within 5 s"


def test_a_timeout_is_tried_again() -> None:
    """The next attempt may be faster."""
    booked = answered(a_world(in_turn(Line(text="Late.", first_token_s=99.0), "Because.")))
    assert [attempt.error for attempt in booked.attempts] == ["CallTimeoutError", None]
    assert booked.attempts[1].started_s == pytest.approx(11.0)


def test_a_timeout_of_the_providers_own_is_told_from_ours() -> None:
    """It is one, and says that nothing of ours ran out."""
    booked = lost(a_world(TimeoutError("read timed out")))
    assert (booked.attempts[0].error, booked.attempts[0].message) == (
        "CallTimeoutError",
        "the provider timed out: read timed out",
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Line(text="half a rep", finish_reason=None), "the stream ended without a finish reason: the reply is cut"),
        ((), "the stream ended without a finish reason: the reply is cut"),
        (Line(text=""), "the reply is empty"),
        (Line(text="<think>hm</think>"), "the reply is only thinking"),
        (Line(thinking="hm"), "the reply is only thinking"),
        (Line(text="some", finish_reason="content_filter"), "a content filter withheld the reply"),
    ],
)
def test_a_reply_that_cannot_be_used_is_a_typed_loss(said: Says, message: str) -> None:
    """Never text, never empty text."""
    booked = lost(a_world(said))
    assert (booked.attempts[-1].error, booked.attempts[-1].message) == ("BadReplyError", message)
    assert booked.text is None


def test_an_unusable_reply_is_tried_again_and_paid_twice() -> None:
    """The tokens of both attempts count."""
    booked = answered(a_world(in_turn(Line(text="", usage=USAGE), "Because.")))
    assert [attempt.usage for attempt in booked.attempts] == [USAGE, USAGE]


@pytest.mark.parametrize("reason", ["length", "stop"])
def test_why_a_reply_ended_is_kept_and_shown(reason: FinishReason) -> None:
    """A truncated text is used, labelled."""
    record = a_world(Reply(text="Becau", finish_reason=reason)).run()
    assert call(record, "1.answer.a").finish_reason == reason
    answer = record.layers[0].answers["a"]
    assert getattr(answer, "is_truncated", None) is (reason == "length")


def test_a_providers_bug_is_a_loss_that_names_the_bug() -> None:
    """It takes nobody else's paid work with it, and is not tried again."""
    world = a_world(ValueError("no\nsuch thing"))
    booked = lost(world)
    (attempt,) = booked.attempts
    assert (attempt.error, attempt.message) == (
        "CallError",
        "the provider broke: ValueError: no such thing (stream)",
    )


def test_a_provider_that_cancels_its_own_call_is_a_loss() -> None:
    """Only a cancellation from outside ends the run."""

    def cancels(_: CallRequest) -> str:
        raise asyncio.CancelledError

    booked = lost(a_world(cancels))
    assert (booked.attempts[0].error, booked.attempts[0].message) == (
        "CallError",
        "the provider cancelled its own call",
    )


def test_a_provider_that_is_none_is_a_loss_too() -> None:
    """What does not even stream breaks in our hands, and is labelled alike."""

    class Nothing:
        """A provider whose stream is no generator."""

        def stream(self, request: CallRequest) -> Any:
            return [request]

        async def aclose(self) -> None: ...

    assert "the provider broke: AttributeError" in (lost(a_world(provider=Nothing())).attempts[0].message or "")


def test_a_wrong_setting_ends_the_run_ungrouped_and_is_booked() -> None:
    """A ``ConfigError`` is no loss: no other call would do better."""
    world = a_world(ConfigError("set a key", key="agents[0].api_key_env"))
    with pytest.raises(ConfigError, match="set a key") as caught:
        world.run()
    assert caught.value.key == "agents[0].api_key_env"
    assert (world.record.state, world.record.error) == ("failed", "agents[0].api_key_env: set a key")
    booked = call(world.record, "1.answer.a")
    assert (booked.state, booked.attempts[0].error) == ("lost", "ConfigError")
    assert kinds(world.events) == ["CallQueued", "CallStarted", "CallLost"]


def test_a_prompt_that_cannot_fit_is_lost_before_any_attempt() -> None:
    """Nothing is sent, nothing is paid."""
    world = a_world(agent={"context_tokens": 100}, conversation=(user("Why? " * 1000),))
    booked = lost(world)
    assert (booked.attempts, booked.messages, booked.state) == ((), (), "lost")
    assert world.requests == []
    assert world.record.usage == UsageTotal()
    assert world.record.losses[0].kind == ContextTooLongError.__name__
    assert kinds(world.events) == ["CallQueued", "CallLost"]


def test_a_prompt_that_the_model_refuses_as_too_long_is_shortened_and_sent_again() -> None:
    """At once, with a note; every refusal is an attempt that is booked."""
    earlier = (user("Why? " * 400), assistant("Because. " * 400), user("And now?"))
    too_long = ContextTooLongError("HTTP 400: 900 tokens are more than 512")
    world = a_world(in_turn(too_long, "Because."), conversation=earlier)
    booked = answered(world)
    assert [attempt.error for attempt in booked.attempts] == ["ContextTooLongError", None]
    assert booked.attempts[1].started_s == 0.0
    assert texts(booked.messages) == [("user", "And now?")]
    assert booked.notes == ("the 2 oldest messages were left out: the model refused a longer prompt",)
    assert "CallRetried" in kinds(world.events)


def test_a_refused_prompt_in_which_nothing_can_give_way_is_lost() -> None:
    """The loss is in the model's own words; the question is never cut."""
    too_long = ContextTooLongError("HTTP 400: 900 tokens are more than 512")
    booked = lost(a_world(in_turn(too_long, "Because."), conversation=(user("Why? " * 400),)))
    assert [attempt.message for attempt in booked.attempts] == ["HTTP 400: 900 tokens are more than 512"]


def test_a_prompt_is_not_shortened_beyond_the_last_attempt() -> None:
    """``calls.attempts`` counts these attempts too."""
    earlier = (user("Why? " * 400), assistant("Because. " * 400), user("And now?"))
    world = a_world(ContextTooLongError("too long"), conversation=earlier, policy=CallPolicy(attempts=1))
    assert len(lost(world).attempts) == 1


def test_pieces_are_told_where_they_are_asked_for() -> None:
    """As they arrive, raw; the first token is told once."""
    world = a_world("Because air.", pieces=3, has_deltas=True)
    world.run()
    assert kinds(world.events) == ["CallQueued", "CallStarted", "CallFirstToken", *["CallDelta"] * 3, "CallFinished"]
    deltas = [e for e in world.events if getattr(e, "call_id", "") == "1.answer.a" and type(e).__name__ == "CallDelta"]
    assert "".join(getattr(delta, "text", "") for delta in deltas) == "Because air."


def test_pieces_are_not_told_where_nobody_asked() -> None:
    """A run of a hundred calls would drown in them."""
    world = a_world("Because air.", pieces=3)
    world.run()
    assert kinds(world.events) == ["CallQueued", "CallStarted", "CallFirstToken", "CallFinished"]


def three(policy: CallPolicy, models: str, **options: Any) -> World:
    """Return a world of three agents with these models, one letter each, whose calls take a second."""
    agents = [AgentSpec(name=f"n{n}", model=f"test:{model}", **options) for n, model in enumerate(models)]
    spec = a_spec(agents, layers=1, attention=OFF, calls=policy)
    return World(spec, latency_s=lambda _: 1.0)


@pytest.mark.parametrize(
    ("most", "models", "starts"),
    [
        (None, "xxx", [0, 0, 0]),
        (1, "xxx", [0, 1, 2]),
        (2, "xxx", [0, 0, 1]),
        (1, "xyz", [0, 0, 0]),
        (1, "xyx", [0, 0, 1]),
    ],
)
def test_calls_to_one_model_wait_for_a_free_place(most: int | None, models: str, starts: list[int]) -> None:
    """Each model has its own places; a call that waits is queued, not started."""
    record = three(CallPolicy(concurrency=most), models).run()
    answers = [call(record, f"1.answer.n{n}") for n in range(3)]
    assert sorted(booked.attempts[0].started_s for booked in answers) == pytest.approx(starts)
    assert all(booked.queued_s == 0.0 for booked in answers)


def test_a_call_that_waits_for_another_try_gives_its_place_away() -> None:
    """A refused call must not hold up the others."""
    spec = three(CallPolicy(concurrency=1, retry_wait_s=10.0), "xxx").spec
    script: dict[str, Says] = {"1.answer.n0": in_turn(ServerError("down"), "Because.")}
    record = World(spec, script, latency_s=lambda _: 1.0).run()
    starts = {name: call(record, f"1.answer.{name}").attempts[-1].started_s for name in ("n0", "n1", "n2")}
    assert starts == pytest.approx({"n0": 11.0, "n1": 1.0, "n2": 2.0})


async def cancelled_at(world: World, seconds: float) -> None:
    """Cancel a world's run after some seconds; the cancellation comes out of it."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await world.play()


@pytest.mark.parametrize(
    ("said", "cancel_s", "attempts", "events"),
    [
        (
            Line(text=["A", "B"], first_token_s=1.0, piece_s=5.0),
            3.0,
            ["Cancelled"],
            ["CallQueued", "CallStarted", "CallFirstToken", "CallCancelled"],
        ),
        (Line(text="A", first_token_s=5.0), 3.0, ["Cancelled"], ["CallQueued", "CallStarted", "CallCancelled"]),
        (
            RateLimitError("slow down", retry_after_s=9.0),
            3.0,
            ["RateLimitError"],
            ["CallQueued", "CallStarted", "CallRetried", "CallCancelled"],
        ),
    ],
)
def test_a_cancelled_call_is_booked(said: Says, cancel_s: float, attempts: list[str], events: list[str]) -> None:
    """In mid-reply, before the first token, while it waits for another try: its attempts may cost money."""
    world = a_world(said)
    virtual_time.run(cancelled_at(world, cancel_s))
    booked = call(world.record, "1.answer.a")
    assert (booked.state, booked.text) == ("cancelled", None)
    assert booked.ended_s == pytest.approx(cancel_s)
    assert [attempt.error for attempt in booked.attempts] == attempts
    assert kinds(world.events) == events
    assert world.scripted.open_streams == 0


def test_a_call_that_is_cancelled_while_it_waits_for_a_place_was_never_sent() -> None:
    """It is booked without attempts."""
    world = three(CallPolicy(concurrency=1), "xx")
    virtual_time.run(cancelled_at(world, 0.5))
    assert {c.agent: len(c.attempts) for c in world.record.calls} == {"n0": 1, "n1": 0}
    assert {c.state for c in world.record.calls} == {"cancelled"}


def test_what_an_attempt_used_is_booked_however_it_ended() -> None:
    """Failed, cancelled and good attempts: tokens that were told count, others are unknown."""
    told = [Chunk(text="A", usage=Usage(input_tokens=3, output_tokens=1))]
    world = a_world(in_turn(told, ServerError("down"), "Because."))
    world.run()
    assert world.record.usage == UsageTotal(
        calls=4,
        unknown_calls=1,
        input_tokens=3 + 20,
        cached_tokens=8,
        output_tokens=1 + 10,
        reasoning_tokens=2,
        unpriced_calls=4,
    )


@pytest.mark.parametrize("is_whole", [True, False])
def test_token_counts_that_cannot_be_count_as_unknown(is_whole: bool) -> None:
    """Nonsense is neither billed nor learned from, whether the attempt gave a reply or broke off; a note says so."""
    usage = Usage(input_tokens=307_000, output_tokens=1)
    nonsense = [Chunk(text="Because.", usage=usage, finish_reason="stop" if is_whole else None)]
    booked = answered(a_world(in_turn(nonsense, "Because.")))
    assert booked.text == "Because."
    assert booked.attempts[0].usage == Usage()
    told = "the endpoint told 307,000 prompt and 1 written tokens, which cannot be: they count as unknown"
    assert (told in booked.notes) is is_whole
