"""What nobody can guess and everybody gets again: tags, nonces and orders out of one secret.

Each is an HMAC over the conversation, the layer and the stage, over the caller's tools and format where there are any,
and over nothing else: not over the run, so that equal work renders equal prompts, and not over the ensemble, so that
changing one agent leaves the others' prompts as they were.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from attention_moa.messages import Conversation, Stage


class Seal:
    """The secret side of one conversation's prompts.

    Args:
        secret: At least 16 random bytes, known to no model and no user.
        conversation: What the run is about.
        beside: What else of the caller's stands in the prompts: tools, a format, a salt. Nothing for nothing.
    """

    def __init__(self, secret: bytes, conversation: Conversation, *beside: Struct | str | None) -> None:
        """Derive the conversation's own key, so that a tag of one is of no use in another."""
        more = [part for part in beside if part]
        what = msgspec.json.encode(conversation) + (msgspec.json.encode(more) if more else b"")
        self._key = hmac.digest(secret, what, "sha256")

    def __repr__(self) -> str:
        """Keep the key out of every log."""
        return "Seal(…)"

    def tag(self, stage: Stage, layer: int) -> str:
        """Return the word that fences quoted text in a stage's prompts: no quoted text can hold it."""
        return f"text-{self._word('tag', stage, layer)[:8]}"

    def section(self, stage: Stage, layer: int, *who: str) -> str:
        """Return the word that fences one section of a panel reply."""
        return f"critique-{self._word('section', stage, layer, *who)[:8]}"

    def nonce(self, layer: int, stage: Stage = Stage.RESIDUAL) -> str:
        """Return the word that makes a writer's verdict or choice valid; it stands in no other prompt."""
        return self._word("nonce", stage, layer)

    def order(self, names: Iterable[str], stage: Stage, layer: int, reader: str) -> list[str]:
        """Return the names in an order that says nothing of who they are, and is another for every reader."""
        return sorted(names, key=lambda name: self._word("order", stage, layer, reader, name))

    def _word(self, *what: str | int) -> str:
        return hmac.digest(self._key, "\0".join(map(str, what)).encode(), "sha256").hex()[:12]
