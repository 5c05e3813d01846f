"""A pydantic-ai agent on an ensemble: all agents see its tool described, those who write the answer call it.

Run as ``python examples/agent.py [ENSEMBLE]``: a shipped name or a file.
"""

import sys

from pydantic_ai import Agent

from attention_moa.frameworks.pydantic_ai import EnsembleModel

agent = Agent(EnsembleModel(sys.argv[1] if len(sys.argv) > 1 else "embedded"), instructions="Answer in one sentence.")


@agent.tool_plain
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"rain in {city}"


result = agent.run_sync("Do I need an umbrella in Oslo?")
print(result.output)
print(f"{result.usage.requests} runs")
