"""Who moved whom in a layer, and where its summary comes from: measured once for each state of a layer, in a thread."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from weakref import WeakValueDictionary

import msgspec
from msgspec import Struct

from attention_moa import influence
from attention_moa.influence import Attribution, Cell, Influence
from attention_moa.records import LayerRecord, Summary
from attention_moa.sources import SentenceSource, sources
from attention_moa.ui.components.layer_look import LayerLook

_MOST_KEPT = 24


class Measured(Struct, frozen=True, kw_only=True):
    """What is measured of a layer.

    Args:
        influence: Who moved whom.
        chance: How much critiques that it never read would account for, by author.
        sources: Where the summary's sentences come from; empty where there is none.
        is_there: Whether it is measured; else nothing of it is known yet.
    """

    influence: Influence
    chance: dict[str, float]
    sources: tuple[SentenceSource, ...]
    is_there: bool = True

    @property
    def cells(self) -> dict[tuple[str, str], Cell]:
        """The cells by critic and author."""
        return {(cell.critic, cell.author): cell for row in self.influence.rows for cell in row}

    def is_by_chance(self, author: str) -> bool:
        """Return whether critiques account for no more of an author's changes than chance may."""
        return influence.Measured(self.influence, self.chance).is_by_chance(author)

    @property
    def authors(self) -> dict[str, Attribution]:
        """Whom the changes come from, by author."""
        return self.influence.authors


def measure(layer: LayerRecord, read: dict[str, str], question: str) -> Measured:
    """Return what there is to measure of a layer.

    Args:
        layer: What each stage gave, as far as it is.
        read: The texts that its summary was made of, by agent.
        question: What everybody had read.
    """
    summary = layer.summary
    found = influence.measure(layer)
    return Measured(
        influence=found.influence,
        chance=found.by_chance,
        sources=sources(summary.text, read, known=question) if isinstance(summary, Summary) else (),
    )


def not_yet(look: LayerLook) -> Measured:
    """Return what stands for a layer that is still being measured."""
    nothing = Influence(look.number, look.agents, (), {})
    return Measured(influence=nothing, chance={}, sources=(), is_there=False)


class Measures:
    """What was measured lately, by what was measured: a layer that reads the same is not measured again."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept: OrderedDict[bytes, Measured] = OrderedDict()
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def of(self, look: LayerLook) -> Measured:
        """Return what is measured of a layer; who asks for the same while it is measured waits for that."""
        read = look.read_by_summary()
        question = "\n".join(message.text for message in look.record.conversation)
        key = await asyncio.to_thread(_digest, look.layer, read, question)
        async with self._locks.setdefault(key, asyncio.Lock()):
            found = self._kept.get(key)
            if found is None:
                found = await asyncio.to_thread(measure, look.layer, read, question)
                self._kept[key] = found
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    async def begin(self, look: LayerLook) -> None:
        """Measure a layer, to be asked for it later."""
        await self.of(look)


def _digest(layer: LayerRecord, read: dict[str, str], question: str) -> bytes:
    parts = (layer.layer, layer.answers, layer.critique_list, layer.refinements, layer.summary, read, question)
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()
