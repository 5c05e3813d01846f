"""A run on the real embedded model that is interrupted: its slots are free at once, and the next run can begin."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, suppress

import aiohttp
from msgspec.structs import replace

from attention_moa.config import AttentionSpec, EnsembleSpec
from attention_moa.providers.embedded import EmbeddedProvider
from attention_moa.run_stream import RunStream
from attention_moa.runtime import Ensemble
from attention_moa.settings import load_spec

POINTS = 5


def a_short_ensemble() -> EnsembleSpec:
    """Return the shipped ensemble with replies of a few tokens."""
    spec = load_spec("embedded")
    agents = tuple(replace(agent, max_tokens=12) for agent in spec.agents)
    short = {"max_tokens": 12}
    return replace(
        spec,
        agents=agents,
        summary=replace(spec.summary, **short),
        residual=replace(spec.residual, **short),
        attention=AttentionSpec(max_tokens=8),
    )


async def watched(stream: RunStream) -> None:
    """Iterate a run to its end, or until cancelled."""
    async with aclosing(stream):
        async for _ in stream:
            pass


async def wait_idle(provider: EmbeddedProvider, timeout_s: float = 60.0) -> None:
    """Wait until no slot of the model works; raise ``TimeoutError`` if that never comes."""
    address = f"{provider.base_url.removesuffix('/v1')}/slots"
    headers = {"Authorization": f"Bearer {provider.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(timeout_s):
        while True:
            async with session.get(address) as response:
                slots = await response.json()
            if not any(slot["is_processing"] for slot in slots):
                return
            await asyncio.sleep(0.02)


def test_a_run_on_the_embedded_model_cancelled_at_any_time_leaves_nothing() -> None:
    """Five random moments: the tasks are gone, the slots free, every call booked; then the child process goes too."""
    spec = a_short_ensemble()
    chance = random.Random(5)

    async def scenario() -> None:
        provider = EmbeddedProvider("embedded:smollm2", agents=[agent.name for agent in spec.agents])
        ensemble = Ensemble(spec, providers={"embedded": provider})
        try:
            await provider.start()
            idle = asyncio.all_tasks()  # the child's watchers
            for _ in range(POINTS):
                stream = ensemble.stream("Why is the sky blue?")
                task = asyncio.get_running_loop().create_task(watched(stream))
                await asyncio.sleep(chance.uniform(0.05, 4.0))
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                assert asyncio.all_tasks() <= idle
                await wait_idle(provider)
                assert stream.record.state in ("cancelled", "finished")
                assert all(call.state in ("finished", "cancelled") for call in stream.record.calls)
        finally:
            await provider.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())
