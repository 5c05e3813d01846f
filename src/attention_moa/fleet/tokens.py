"""Tokens as the fleet counts them: an estimate of ours, four bytes a token, fast and always the same.

No tokenizer is asked, so counts differ from any real model's; what matters here is that equal text has equal counts,
that longer text has more, and that a conversation which goes on begins with the very bytes of what came before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Protocol

BYTES_A_TOKEN = 4
BLOCK_TOKENS = 16
_BLOCK_BYTES = BYTES_A_TOKEN * BLOCK_TOKENS
_IMAGE_REPEATS = 16


class Turn(Protocol):
    """A message as far as it is counted."""

    @property
    def role(self) -> str:
        """Who speaks."""
        ...

    @property
    def text(self) -> str:
        """What it says, other parts in their place."""
        ...


def count_tokens(text: bytes) -> int:
    """Return how many tokens a text has: one for each four bytes begun."""
    return -(-len(text) // BYTES_A_TOKEN)


def write_out(turns: Iterable[Turn]) -> bytes:
    """Return a prompt as the bytes that a model would read, ready for its reply.

    A prompt that continues a conversation begins with the bytes of the conversation and of the replies in it.
    """
    return b"".join(f"<{turn.role}>{turn.text}\n".encode(errors="replace") for turn in turns) + b"<assistant>"


def image_text(url: str) -> str:
    """Return what an image counts as: 256 tokens, the same for the same image and for no other."""
    return hashlib.sha256(url.encode(errors="replace")).hexdigest() * _IMAGE_REPEATS


def block_keys(text: bytes) -> list[int]:
    """Return a key for each whole block of 16 tokens: equal exactly where all that comes before is equal too.

    The keys hold within one process only.
    """
    keys: list[int] = []
    key = 0
    for start in range(0, len(text) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
        key = hash((key, text[start : start + _BLOCK_BYTES]))
        keys.append(key)
    return keys
