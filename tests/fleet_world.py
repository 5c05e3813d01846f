"""What tests of the simulated fleet share: small fleets, and raw requests to them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import msgspec

from attention_moa.fleet import Fault, FaultSpec, Fleet, FleetSpec, ModelSpec


def a_fleet(*models: ModelSpec, faults: Mapping[Fault, float] | None = None, **fields: Any) -> FleetSpec:
    """Return a fleet that does not wait, by default of one model ``m`` of short replies.

    Args:
        models: Its models.
        faults: Rates by fault.
        fields: Of ``FleetSpec``.
    """
    rates: dict[str, float] = {name: rate for name, rate in (faults or {}).items()}  # noqa: C416 - its keys are strings
    return FleetSpec(
        models=models or (ModelSpec(name="m", output_tokens=40),),
        faults=FaultSpec(**rates),
        **({"time_scale": 0.0} | fields),
    )


class Answer(NamedTuple):
    """A response as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        """The text of a reply, streamed or not."""
        if not self.is_stream:
            return str(self.json["choices"][0]["message"]["content"])
        deltas = [choice["delta"] for event in self.events for choice in event["choices"]]
        return "".join(delta.get("content", "") for delta in deltas)

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream of events."""
        return self.headers["Content-Type"] == "text/event-stream"

    @property
    def events(self) -> list[Any]:
        """The events of a stream, the closing one apart."""
        parts = self.body.decode().split("\n\n")
        assert parts[-2:] == ["data: [DONE]", ""]
        return [msgspec.json.decode(part.removeprefix("data: ")) for part in parts[:-2]]


class Client:
    """Raw requests to a fleet."""

    def __init__(self, fleet: Fleet, session: aiohttp.ClientSession) -> None:
        self.fleet = fleet
        self.session = session

    async def chat(self, *turns: str, key: str | None = None, **fields: Any) -> Answer:
        """Ask model ``m``; turns alternate between user and assistant."""
        messages = [
            {"role": "assistant" if place % 2 else "user", "content": turn}
            for place, turn in enumerate(turns or ("Why?",))
        ]
        return await self.post({"model": "m", "messages": messages} | fields, key=key)

    async def post(self, body: Any, *, path: str = "/v1/chat/completions", key: str | None = None) -> Answer:
        """Send a body, as JSON unless it is bytes."""
        sent = io.BytesIO(body if isinstance(body, bytes) else msgspec.json.encode(body))
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self.session.post(self._address(path), data=sent, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, *, key: str | None = None) -> Answer:
        """Get something."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self.session.get(self._address(path), headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    def _address(self, path: str) -> str:
        return self.fleet.base_url.removesuffix("/v1") + path


@asynccontextmanager
async def running(spec: FleetSpec | None = None, **options: Any) -> AsyncIterator[Client]:
    """Yield a client of a running fleet."""
    async with (
        Fleet(spec or a_fleet(), **({"has_messages": True} | options)) as fleet,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
    ):
        yield Client(fleet, session)


async def until(is_so: Any, timeout_s: float = 60.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not is_so():
            await asyncio.sleep(0.005)
