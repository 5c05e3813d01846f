"""What an endpoint's headers say about its limits, read from tables and over real HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from attention_moa.agents import ModelSettings
from attention_moa.errors import RateLimitError
from attention_moa.messages import RateHint
from attention_moa.providers.http import SharedHttp, listening
from attention_moa.providers.rate_headers import rate_hint
from attention_moa.providers.remote import RemoteProvider
from tests.asking import a_request, chunks_of, run
from tests.fake_openai import FakeOpenAI, fails, says

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def openai(**limits: str) -> dict[str, str]:
    """Return OpenAI's headers from ``remaining_requests="3"`` and the like."""
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in limits.items()}


def anthropic(**limits: str) -> dict[str, str]:
    """Return Anthropic's headers from ``requests_remaining="3"`` and the like."""
    return {f"anthropic-ratelimit-{name.replace('_', '-')}": value for name, value in limits.items()}


DURATIONS = [
    ("6m0s", 360.0),
    ("1s", 1.0),
    ("20ms", 0.02),
    ("1h2m3.5s", 3723.5),
    ("1d", 86400.0),
    ("7.66s", 7.66),
    ("120µs", 120e-6),
    ("350us", 350e-6),
    ("5ns", 5e-9),
    ("0s", 0.0),
    ("12", 12.0),
    ("0.5", 0.5),
    (" 3s ", 3.0),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_reset_is_read_as_a_duration(text: str, seconds: float) -> None:
    """Every form of a duration that endpoints send is read."""
    hint = rate_hint(openai(remaining_requests="0", reset_requests=text), NOW)
    assert hint is not None
    assert hint.reset_s == pytest.approx(seconds)


HINTS: list[tuple[dict[str, str], RateHint]] = [
    (openai(remaining_requests="7"), RateHint(remaining_requests=7)),
    (openai(remaining_tokens="0"), RateHint(remaining_tokens=0)),
    (
        openai(remaining_requests="9", reset_requests="1s", remaining_tokens="5", reset_tokens="6m0s"),
        RateHint(remaining_requests=9, remaining_tokens=5, reset_s=360.0),
    ),
    (  # the wait is for what is used up
        openai(remaining_requests="0", reset_requests="2s", remaining_tokens="5", reset_tokens="6m0s"),
        RateHint(remaining_requests=0, remaining_tokens=5, reset_s=2.0),
    ),
    (
        openai(remaining_requests="0", reset_requests="2s", remaining_tokens="0", reset_tokens="4s"),
        RateHint(remaining_requests=0, remaining_tokens=0, reset_s=4.0),
    ),
    (
        anthropic(requests_remaining="0", requests_reset="2026-03-01T12:00:09Z"),
        RateHint(remaining_requests=0, reset_s=9.0),
    ),
    (  # a time that is past
        anthropic(tokens_remaining="0", tokens_reset="2026-03-01T12:59:00+01:00"),
        RateHint(remaining_tokens=0, reset_s=0.0),
    ),
    (  # the least of the three counts of tokens
        anthropic(
            tokens_remaining="1000",
            tokens_reset="2026-03-01T12:00:01Z",
            input_tokens_remaining="0",
            input_tokens_reset="2026-03-01T12:00:30.5Z",
            output_tokens_remaining="500",
            output_tokens_reset="2026-03-01T12:00:59Z",
        ),
        RateHint(remaining_tokens=0, reset_s=30.5),
    ),
    (  # told by the endpoint's own clock, which is ten seconds behind ours
        {"date": "Sun, 01 Mar 2026 11:59:50 GMT"}
        | anthropic(tokens_remaining="0", tokens_reset="2026-03-01T12:00:00Z"),
        RateHint(remaining_tokens=0, reset_s=10.0),
    ),
    (  # a clock that knows no zone means UTC
        {"date": "Sun, 01 Mar 2026 11:59:50 -0000"}
        | anthropic(tokens_remaining="0", tokens_reset="2026-03-01T12:00:00Z"),
        RateHint(remaining_tokens=0, reset_s=10.0),
    ),
    (
        {"date": "yesterday"} | anthropic(tokens_remaining="0", tokens_reset="2026-03-01T12:00:05Z"),
        RateHint(remaining_tokens=0, reset_s=5.0),
    ),
    (  # what is garbled counts for nothing; the other limit still counts
        openai(remaining_requests="many", reset_requests="1s", remaining_tokens="0", reset_tokens="3s"),
        RateHint(remaining_tokens=0, reset_s=3.0),
    ),
]


@pytest.mark.parametrize(("headers", "hint"), HINTS)
def test_headers_become_a_hint(headers: dict[str, str], hint: RateHint) -> None:
    """What is left is read, and when the used-up part is there again."""
    assert rate_hint(headers, NOW) == hint


GARBAGE: list[dict[str, str]] = [
    {},
    {"x-ratelimit-limit-requests": "60"},
    openai(reset_requests="1s"),
    openai(remaining_requests=""),
    openai(remaining_requests="-1", reset_requests="1s"),
    openai(remaining_requests="3.5"),
    openai(remaining_requests="٣"),
    openai(remaining_requests="9" * 40),
    openai(remaining_requests="0", reset_requests="soon"),
    openai(remaining_requests="0", reset_requests="-5s"),
    openai(remaining_requests="0", reset_requests="1.2.3s"),
    openai(remaining_requests="0", reset_requests="nan"),
    openai(remaining_requests="0", reset_requests="1735689600"),
    openai(remaining_requests="0", reset_requests="5 s"),
    anthropic(tokens_remaining="0", tokens_reset="12:00"),
    anthropic(tokens_remaining="0", tokens_reset="2026-03-01T12:00:05"),
    anthropic(tokens_remaining="0", tokens_reset="5s"),
]


@pytest.mark.parametrize("headers", GARBAGE)
def test_garbage_is_no_hint(headers: dict[str, str]) -> None:
    """Headers that make no sense tell nothing."""
    assert rate_hint(headers, NOW) is None


SENT = openai(remaining_requests="0", reset_requests="2s", remaining_tokens="90", reset_tokens="6m0s")
HEARD = RateHint(remaining_requests=0, remaining_tokens=90, reset_s=2.0)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_reply_carries_the_hint_of_its_own_response(is_streamed: bool) -> None:
    """The hint comes with the first chunk, before any text; a response without such headers brings none."""

    async def scenario() -> None:
        async with FakeOpenAI(says("Hello.", headers=SENT), says("Hello.")) as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url), api_key="k")
            first = await chunks_of(provider, a_request(is_streamed=is_streamed))
            second = await chunks_of(provider, a_request(is_streamed=is_streamed))
            await provider.aclose()
        assert first[0].rate == HEARD
        assert [piece.rate for piece in first[1:]] == [None] * (len(first) - 1)
        assert not any(piece.rate for piece in second)
        assert ["".join(piece.text for piece in reply) for reply in (first, second)] == ["Hello.", "Hello."]

    run(scenario)


def test_hints_of_calls_at_once_do_not_mix() -> None:
    """Thirty calls over one client: each hears the headers of its own response."""
    behaviours = [says("Hello.", delay_s=0.01, headers=openai(remaining_requests=str(left))) for left in range(30)]

    async def scenario() -> None:
        heard: list[Any] = []

        async def one(provider: RemoteProvider) -> None:
            chunks = await chunks_of(provider, a_request())
            heard.append([piece.rate.remaining_requests for piece in chunks if piece.rate])

        http = SharedHttp()
        async with FakeOpenAI(*behaviours) as server:
            settings = ModelSettings(model="openai:m", base_url=server.base_url)
            provider = RemoteProvider(settings, api_key="k", http=http)
            async with asyncio.TaskGroup() as group:
                for _ in behaviours:
                    group.create_task(one(provider))
            await provider.aclose()
            await http.aclose()
        assert sorted(heard) == [[left] for left in range(30)]

    run(scenario)


WAITS = [
    ({"retry-after": "7"} | SENT, 7.0),
    (SENT, 2.0),
    (openai(remaining_requests="5", reset_requests="2s"), None),
    ({}, None),
]


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(("headers", "wait_s"), WAITS)
def test_a_refusal_takes_its_wait_from_the_rate_headers_where_it_names_none(
    headers: dict[str, str],
    wait_s: float | None,
    is_streamed: bool,
) -> None:
    """Retry-After counts first; without one it is the reset of what is used up."""

    async def scenario() -> None:
        async with FakeOpenAI(fails(429, headers=headers)) as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url), api_key="k")
            with pytest.raises(RateLimitError) as caught:
                await chunks_of(provider, a_request(is_streamed=is_streamed))
            await provider.aclose()
        assert caught.value.retry_after_s == wait_s

    run(scenario)


def test_closing_a_stream_at_its_hint_closes_the_connection() -> None:
    """A caller that leaves right after the headers leaves nothing open."""

    async def scenario() -> None:
        async with FakeOpenAI(says(["Hel", "lo."], delay_s=5.0, headers=SENT)) as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url), api_key="k")
            stream = provider.stream(a_request())
            assert (await anext(stream)).rate == HEARD
            await stream.aclose()
            await server.wait_idle()
            await provider.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(scenario)


def test_nobody_hears_what_nobody_listens_to() -> None:
    """A request outside of ``listening`` goes as ever, and a listener hears nothing of before."""

    async def scenario() -> None:
        http = SharedHttp()
        async with FakeOpenAI(says("Hello.", headers=SENT)) as server:
            body = {"model": "m", "messages": []}
            await http.client().post(f"{server.base_url}/chat/completions", json=body)
            with listening() as heard:
                assert heard == []
                await http.client().post(f"{server.base_url}/chat/completions", json=body)
            assert heard == [HEARD]
        await http.aclose()

    run(scenario)
