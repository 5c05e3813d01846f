"""Agents that are Python functions, named by ``python_agent.toml``: they need no model at all."""

from typing import Any

Messages = list[dict[str, Any]]


def count(messages: Messages) -> str:
    """Say how long the last turn is: any function from a conversation to a text is an agent."""
    return f"The last turn has {len(messages[-1]['content'].split())} words."


async def shout(messages: Messages) -> str:
    """Say it loudly; an async function is awaited."""
    return str(messages[0]["content"]).upper()
