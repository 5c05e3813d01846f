"""A run that is over leaves nothing in the memory that only a look for garbage could take away."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Generator
from typing import Any

import pytest

from attention_moa.run_log import RunLog
from attention_moa.server.live import LiveRun
from attention_moa.store.memory import MemoryJournal
from tests.server_world import a_server, run, until

SCHEMA = {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}}
FORMAT: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA}}


@pytest.fixture
def without_looks() -> Generator[None]:
    """Let nothing be found by a look."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def there() -> dict[int, str]:
    """Return what is there of runs: their objects' addresses and kinds."""
    return {id(thing): type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, (RunLog, LiveRun))}


@pytest.mark.usefixtures("without_looks")
@pytest.mark.parametrize(
    ("body", "is_stream", "status"),
    [
        ({}, False, 200),
        ({}, True, 200),
        ({"response_format": FORMAT}, False, 502),
        ({"messages": [{"role": "user", "content": ""}]}, False, 400),
    ],
    ids=["an answer", "a stream", "a failure", "a refusal"],
)
def test_a_run_that_is_over_is_gone_without_a_look(body: dict[str, Any], *, is_stream: bool, status: int) -> None:
    """Its prompts may be megabytes; a failure's error would hold them by the frames that it passed."""

    async def within() -> None:
        async with a_server(journal=MemoryJournal()) as world:
            if is_stream:
                assert any("[DONE]" in line for line in await world.stream(**body))
            else:
                assert (await world.post(**body)).status_code == status
            await until(lambda: not world.service.hub.running)
            await asyncio.sleep(0)
            await until(lambda: not there().keys() - before)

    before = there().keys()  # of other tests, in whose tracebacks and caches they may be held
    run(within)
