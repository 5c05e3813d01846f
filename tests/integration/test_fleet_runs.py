"""The package itself against the simulated fleet: every fault is a typed error, and no faulty text goes any further."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from openai import AsyncOpenAI, RateLimitError

import attention_moa.errors as ours
from attention_moa.agents import ModelSettings
from attention_moa.codec import record_to_json
from attention_moa.config import AttentionSpec, CallPolicy, EnsembleSpec
from attention_moa.fleet import FAULTS, FAULTYTEXT, Fault, FaultSpec, Fleet, FleetSpec, ModelSpec, render_ensemble
from attention_moa.providers.remote import RemoteProvider
from attention_moa.records import RunRecord
from attention_moa.replies import require_usable
from attention_moa.runtime import Ensemble
from attention_moa.settings import parse_spec
from tests.asking import a_request, chunks_of, run
from tests.fleet_world import a_fleet, until

ERRORS: dict[Fault, tuple[type[ours.CallError], ...]] = {
    "rate_limit": (ours.RateLimitError,),
    "server_error": (ours.ServerError,),
    "unavailable": (ours.ServerError,),
    "reset": (ours.TransportError,),
    "malformed": (ours.BadReplyError,),
    "cut": (ours.BadReplyError, ours.TransportError),
    "empty": (ours.BadReplyError,),
    "wrong_type": (ours.BadReplyError,),
    "bad_gateway": (ours.ServerError,),
    "error_in_reply": (ours.ServerError, ours.BadReplyError),
    "no_choices": (ours.BadReplyError,),
}
"""What each fault is to our own provider; ``hang`` is the caller's timeout, the other two are no errors."""
HARMLESS: tuple[Fault, ...] = ("drip", "wrong_usage")


async def ask(fleet: Fleet, *, is_streamed: bool, timeout_s: float = 60.0) -> str:
    """Return the usable text of one reply."""
    provider = RemoteProvider(ModelSettings(model="openai:m", base_url=fleet.base_url))
    try:
        chunks = await chunks_of(provider, a_request(is_streamed=is_streamed), timeout_s=timeout_s)
    finally:
        await provider.aclose()
    text, thinking = "".join(chunk.text for chunk in chunks), "".join(chunk.thinking for chunk in chunks)
    return require_usable(text, thinking, chunks[-1].finish_reason).text


def test_every_fault_is_in_the_tables_here() -> None:
    """Or it would not be tested."""
    assert {*ERRORS, *HARMLESS, "hang"} == set(FAULTS)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("fault", sorted(ERRORS))
def test_a_fault_is_a_typed_error(fault: Fault, is_streamed: bool, seed: int) -> None:
    """That may be tried again, since the next draw may be better; seeds differ in where a reply breaks off."""

    async def scenario() -> None:
        async with Fleet(a_fleet(seed=seed, faults={fault: 1.0})) as fleet:
            with pytest.raises(ERRORS[fault]) as caught:
                await ask(fleet, is_streamed=is_streamed)
            assert caught.value.retryable
            await until(lambda: fleet.stats["m"].requests == 1)
            assert fleet.stats["m"].faults == {fault: 1}

    run(scenario)


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("fault", HARMLESS)
def test_a_harmless_fault_gives_the_right_text(fault: Fault, is_streamed: bool) -> None:
    """The same as without it."""

    async def scenario() -> None:
        texts = []
        for rate in (0.0, 1.0):
            async with Fleet(a_fleet(faults={fault: rate})) as fleet:
                texts.append(await ask(fleet, is_streamed=is_streamed))
        assert texts[0] == texts[1]
        assert FAULTYTEXT not in texts[0]

    run(scenario)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_hanging_request_ends_with_the_caller_s_patience(is_streamed: bool) -> None:
    """And the fleet sees that the caller has left."""

    async def scenario() -> None:
        async with Fleet(a_fleet(faults={"hang": 1.0})) as fleet:
            asking = asyncio.ensure_future(ask(fleet, is_streamed=is_streamed))  # noqa: TID251 - it is given up here
            await until(lambda: fleet.stats["m"].working == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await until(lambda: fleet.stats["m"].left == 1)

    run(scenario)


def test_a_429_s_patience_reaches_the_error() -> None:
    """To the millisecond, where the endpoint says so."""

    async def scenario() -> None:
        faults = FaultSpec(rate_limit=1.0, retry_after_s=2.5)
        spec = replace(a_fleet(time_scale=0.1), faults=faults)
        async with Fleet(spec) as fleet:
            with pytest.raises(ours.RateLimitError) as caught:
                await ask(fleet, is_streamed=True)
            assert caught.value.retry_after_s == 0.25

    run(scenario)


def test_the_official_client_is_content() -> None:
    """Models, a reply, a stream, an error."""

    async def scenario() -> None:
        spec = a_fleet(ModelSpec(name="m"), ModelSpec(name="full", faults=FaultSpec(rate_limit=1.0)))
        async with (
            Fleet(spec, key="k") as fleet,
            AsyncOpenAI(base_url=fleet.base_url, api_key="k", max_retries=0) as client,
        ):
            assert [model.id async for model in client.models.list()] == ["m", "full"]
            reply = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi."}])
            assert reply.choices[0].message.content
            assert reply.usage
            assert reply.usage.prompt_tokens_details
            assert reply.usage.prompt_tokens_details.cached_tokens == 0
            stream = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": "Hi."}],
                stream=True,
                stream_options={"include_usage": True},
            )
            events = [event async for event in stream]
            assert "".join(event.choices[0].delta.content or "" for event in events if event.choices)
            assert events[-1].usage
            with pytest.raises(RateLimitError):
                await client.chat.completions.create(model="full", messages=[{"role": "user", "content": "Hi."}])

    run(scenario)


class Ended(NamedTuple):
    """How a run ended, and what the fleet saw of it."""

    record: RunRecord
    error: ours.MoaError | None
    prompts: list[str]
    fleet: Fleet


def three_models(**fields: Any) -> FleetSpec:
    """Return a fleet of three models of short replies."""
    models = tuple(
        ModelSpec(name=f"sim-{name}", output_tokens=30, reasoning_tokens=20 if name == "c" else 0) for name in "abc"
    )
    return a_fleet(*models, **fields)


async def run_on(
    spec: FleetSpec, *, secret: bytes = b"s" * 32, first_token_timeout_s: float = 60.0, **fields: object
) -> Ended:
    """Run N=3, L=2 on a fleet."""
    async with Fleet(spec, has_messages=True) as fleet:
        ensemble = parse_spec(render_ensemble(spec, fleet.base_url), name="fleet", folder=None)
        policy = CallPolicy(attempts=5, retry_wait_s=0.01, first_token_timeout_s=first_token_timeout_s)
        ensemble = _changed(ensemble, calls=policy, **fields)
        error: ours.MoaError | None = None
        async with Ensemble(ensemble, secret=secret) as loaded:
            try:
                async with asyncio.timeout(150):
                    record = await loaded.run("Why is the sky blue?")
            except ours.RunError as failure:
                record, error = failure.partial, failure
        await until(lambda: not any(stats.working or stats.waiting for stats in fleet.stats.values()))
        return Ended(record, error, [visit.text for visit in fleet.log], fleet)


def _changed(spec: EnsembleSpec, **fields: object) -> EnsembleSpec:
    return replace(spec, **fields)


def test_an_ensemble_runs_on_the_fleet() -> None:
    """33 calls, as the plan says, each of them one request; twice the same answer."""

    async def scenario() -> None:
        ended = await run_on(three_models(stop_rate=0.0))
        record = ended.record
        assert (ended.error, record.state, record.losses, record.degraded) == (None, "finished", (), ())
        assert record.text
        assert len(record.layers) == 2
        assert len(record.calls) == len(ended.prompts) == 33
        stats = ended.fleet.stats
        assert sum(each.whole for each in stats.values()) == 33
        assert record.usage.input_tokens == sum(each.prompt_tokens for each in stats.values())
        assert record.usage.output_tokens == sum(each.output_tokens for each in stats.values())
        assert record.usage.cached_tokens == sum(each.cached_tokens for each in stats.values()) > 0
        assert record.usage.reasoning_tokens == sum(each.reasoning_tokens for each in stats.values()) > 0

    run(scenario)


def test_the_counts_of_a_fleet_that_refuses_are_those_of_the_account() -> None:
    """Calls that were tried again have used what they were told, and nothing for what was refused."""

    async def scenario() -> None:
        ended = await run_on(three_models(faults={"rate_limit": 0.1, "server_error": 0.05, "wrong_type": 0.05}))
        record, stats = ended.record, ended.fleet.stats
        assert (ended.error, record.losses) == (None, ())
        assert sum(sum(each.faults.values()) for each in stats.values()) == len(ended.prompts) - len(record.calls) > 0
        assert record.usage.input_tokens == sum(each.prompt_tokens for each in stats.values())
        assert record.usage.output_tokens == sum(each.output_tokens for each in stats.values())

    run(scenario)


def test_equal_runs_have_equal_answers_and_a_stop_is_obeyed() -> None:
    """The fleet's texts depend on the prompts, and these on the secret; addresses do not matter."""

    async def scenario() -> None:
        first, again = [await run_on(three_models(stop_rate=0.0)) for _ in range(2)]
        assert first.record.text == again.record.text
        stopped = await run_on(three_models(stop_rate=1.0), layers=4)
        assert len(stopped.record.layers) == 2
        assert stopped.record.verdict is not None
        assert stopped.record.verdict.is_stop

    run(scenario)


def test_a_panel_s_sections_are_all_there() -> None:
    """One call a critic, and no critique is missing."""

    async def scenario() -> None:
        spec = three_models()
        ended = await run_on(spec, attention=AttentionSpec(mode="panel"))
        assert (ended.record.state, ended.record.losses) == ("finished", ())
        assert len(ended.record.layers[0].critiques) == 9

    run(scenario)


def test_no_faulty_text_reaches_a_prompt_or_an_answer() -> None:
    """Ten faults at 5 % each: an answer or a typed error, and no mark anywhere but in errors."""

    async def scenario() -> None:
        faults = replace(FaultSpec.of_each(0.05), retry_after_s=0.01)
        ended = await run_on(replace(three_models(seed=1, time_scale=0.001), faults=faults), first_token_timeout_s=0.3)
        assert ended.record.text or isinstance(ended.error, ours.RunError)
        assert not any(FAULTYTEXT in prompt for prompt in ended.prompts)
        texts = replace(ended.record, calls=(), losses=(), degraded=(), error=None)
        assert FAULTYTEXT.encode() not in record_to_json(texts)
        assert sum(sum(stats.faults.values()) for stats in ended.fleet.stats.values()) > 5

    run(scenario)
