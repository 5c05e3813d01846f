"""A key that an endpoint repeats in its reply is taken out of it: what a model says is kept and shown."""

from __future__ import annotations

from msgspec.structs import replace

from attention_moa.keys import MASK
from attention_moa.messages import Chunk, ToolCallDelta

_LEAST = 16
"""Shorter keys, such as ``EMPTY`` for a server of one's own, are words that a reply may well hold."""


class Echoes:
    """Takes a key out of one reply, also where it comes in pieces.

    Args:
        secret: The key that was sent; None, or one that is too short to be secret, changes nothing.
    """

    def __init__(self, secret: str | None) -> None:
        """Start with nothing held back."""
        self._secret = secret if secret and len(secret) >= _LEAST else None
        self._text = self._thinking = ""
        self._arguments: dict[int, str] = {}

    def clean(self, chunk: Chunk, *, is_last: bool = False) -> Chunk:
        """Return a chunk without the key; what may be its beginning is held back for the next one.

        Args:
            chunk: As it came.
            is_last: Whether none follows.
        """
        if self._secret is None:
            return chunk
        text, self._text = _split(self._text + chunk.text, self._secret, is_last=is_last)
        thinking, self._thinking = _split(self._thinking + chunk.thinking, self._secret, is_last=is_last)
        model = chunk.model and chunk.model.replace(self._secret, MASK)
        notes = tuple(note.replace(self._secret, MASK) for note in chunk.notes)
        calls = tuple(self._call(piece, self._secret) for piece in chunk.tool_calls)
        if is_last:
            calls += tuple(ToolCallDelta(index, arguments=rest) for index, rest in self._arguments.items() if rest)
        return replace(chunk, text=text, thinking=thinking, model=model, notes=notes, tool_calls=calls)

    def _call(self, piece: ToolCallDelta, secret: str) -> ToolCallDelta:
        held = self._arguments.get(piece.index, "")
        arguments, self._arguments[piece.index] = _split(held + piece.arguments, secret, is_last=False)
        return replace(piece, name=piece.name.replace(secret, MASK), arguments=arguments)


def _split(text: str, secret: str, *, is_last: bool) -> tuple[str, str]:
    """Return what can be said of a text, and its end where that may be the beginning of the secret."""
    text = text.replace(secret, MASK)
    if is_last:
        return text, ""
    at = text.find(secret[0], max(0, len(text) - len(secret) + 1))
    while at != -1:
        if secret.startswith(text[at:]):
            return text[:at], text[at:]
        at = text.find(secret[0], at + 1)
    return text, ""
