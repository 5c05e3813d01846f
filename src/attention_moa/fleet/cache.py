"""The prefix cache of one simulated model: blocks of 16 tokens, the least recently used given up first."""

from __future__ import annotations

from collections import OrderedDict

from attention_moa.fleet.tokens import BLOCK_TOKENS, block_keys, count_tokens


class PrefixCache:
    """What a model has read or written before and need not read again.

    Args:
        capacity_tokens: Most tokens held; 0 for no cache.
    """

    def __init__(self, capacity_tokens: int) -> None:
        """Start empty."""
        self._most = capacity_tokens // BLOCK_TOKENS
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        """Return how many blocks are held."""
        return len(self._blocks)

    def cached_tokens(self, prompt: bytes) -> int:
        """Return how many tokens at the beginning of a prompt are held: whole blocks, and never the last token.

        A model has to read at least one token to write the next one.
        """
        if not self._blocks:
            return 0
        found = 0
        for key in block_keys(prompt):
            if key not in self._blocks:
                break
            found += BLOCK_TOKENS
        most = (count_tokens(prompt) - 1) // BLOCK_TOKENS * BLOCK_TOKENS
        return min(found, most)

    def keep(self, text: bytes) -> None:
        """Hold a text from its beginning on, as the most recently used one.

        Its end is the first of it to be given up again: a block is of use only with all those before it.
        """
        if not self._most:
            return
        blocks = self._blocks
        for key in reversed(block_keys(text)[: self._most]):
            blocks[key] = None
            blocks.move_to_end(key)
        while len(blocks) > self._most:
            blocks.popitem(last=False)
