"""Watch a run while it happens: every event as it comes, and the record at the end."""

import asyncio
from contextlib import aclosing

from attention_moa import AgentSpec, Ensemble, EnsembleSpec, RunRecord, ScriptedProvider

SCRIPT = ScriptedProvider(lambda request: f"What {request.agent} says at {request.stage}.", first_token_s=0.05)
AGENTS = tuple(AgentSpec(name=name, model="scripted:any") for name in ("ann", "bob"))


async def main() -> None:
    """Print one line an event."""
    ensemble = Ensemble(EnsembleSpec(agents=AGENTS, layers=2), providers={"scripted": SCRIPT})
    async with aclosing(ensemble.stream("Why is the sky blue?")) as stream:
        async for item in stream:
            if isinstance(item, RunRecord):
                print(f"{item.state} after {item.wall_s:.2f} s: {item.text}")
            else:
                print(f"{item.at_s:6.2f} s  {type(item).__name__:15} {getattr(item, 'call_id', '')}")


asyncio.run(main())
