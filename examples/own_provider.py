"""Build an ensemble in code, with a provider of one's own: anything that yields chunks of text can be an agent."""

import asyncio
from collections.abc import AsyncGenerator

from attention_moa import AgentSpec, CallRequest, Chunk, Ensemble, EnsembleSpec


class Echo:
    """Says who was asked what; a real one would call a model here."""

    async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the reply in pieces; the last one says why it ended."""
        yield Chunk(text=f"{request.agent} at stage {request.stage}: ")
        yield Chunk(text=request.messages[-1].text.splitlines()[0])
        yield Chunk(finish_reason="stop")

    async def aclose(self) -> None:
        """Hold nothing open."""


agents = (AgentSpec(name="ann", model="echo:any"), AgentSpec(name="bob", model="echo:any", role="You doubt."))
ensemble = Ensemble(EnsembleSpec(agents=agents, layers=2), providers={"echo": Echo()})
result = asyncio.run(ensemble.run("Why is the sky blue?"))
print(result.text)
print(result.layers[0].critiques["ann", "bob"])
