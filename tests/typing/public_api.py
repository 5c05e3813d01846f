"""A user's program: an ensemble in code, a provider of one's own, a run that is watched. It only has to type-check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from attention_moa import (
    AgentSpec,
    AttentionSpec,
    CallPolicy,
    CallRequest,
    Chunk,
    Ensemble,
    EnsembleSpec,
    Message,
    Observer,
    Provider,
    QuorumError,
    ResidualSpec,
    RunRecord,
    ScriptedProvider,
    StopRule,
    TextPart,
    Usage,
    WriterSpec,
    record_from_json,
    record_to_json,
)


class Echo:
    """A provider of one's own: it says what it was asked."""

    async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Say the last message's text."""
        yield Chunk(text=request.messages[-1].text)
        yield Chunk(finish_reason="stop", usage=Usage(input_tokens=1, output_tokens=1))

    async def aclose(self) -> None:
        """Hold nothing, let go of nothing."""


ECHO: Provider = Echo()
SPEC = EnsembleSpec(
    name="echoes",
    agents=(AgentSpec(name="a", model="echo:a", temperature=0.2), AgentSpec(name="b", model="script:b", role="Doubt.")),
    layers=2,
    layout="compact",
    summary=WriterSpec(model="a", fallback=("b",)),
    residual=ResidualSpec(history="summaries"),
    attention=AttentionSpec(peers=1, mode="panel"),
    early_stop=StopRule(rule="similarity", threshold=0.8),
    calls=CallPolicy(attempts=2, concurrency=4),
)


async def watch(ensemble: Ensemble) -> RunRecord | None:
    """Return the record of a run whose events are printed as they happen."""
    question = (Message("user", (TextPart("Why?"),)),)
    async with ensemble, aclosing(ensemble.stream(question, system="Be brief.", deltas=True)) as stream:
        async for item in stream:
            if isinstance(item, RunRecord):
                return item
            seconds: float = item.at_s
            assert seconds >= 0
        return stream.record


def ask(observer: Observer) -> str:
    """Return an answer, or what is known of why there is none."""
    ensemble = Ensemble(SPEC, providers={"echo": ECHO, "script": ScriptedProvider(["one", "two"])})
    assert ensemble.planned_calls > 0
    try:
        record = ensemble.run_sync("Why?", observers=[observer])
    except QuorumError as error:
        return error.partial.error or str(error)
    same: RunRecord = record_from_json(record_to_json(record))
    tokens: int = same.usage.input_tokens + same.usage.output_tokens
    return f"{same.text} for {tokens} tokens, after {len(same.layers)} layers, {len(same.losses)} losses"


if __name__ == "__main__":
    ensemble = Ensemble(SPEC, providers={"echo": ECHO, "script": ECHO})
    watched = asyncio.run(watch(ensemble))
    assert watched is not None
    assert watched.state == "finished"
    assert ask(lambda _: None)
