"""The models of the server's benchmarks: functions that cost next to nothing, and never wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

TEXT = "What speaks for it is weighed against what speaks against it, and both are said in plain words. " * 3
TOKENS = 500


async def whole(messages: list[dict[str, Any]]) -> str:
    """Reply at once, in one piece."""
    return f"{TEXT}({len(messages)} turns)"


async def token_by_token(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
    """Reply in small pieces, and let others work between them."""
    for number in range(TOKENS):
        await asyncio.sleep(0)
        yield f"word{number % 10} " if messages else ""
