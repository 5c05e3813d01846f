"""A layer of a run as somebody looks at it: who is in it, what each critique came to, what was read by whom. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from attention_moa.call_plan import planned_calls
from attention_moa.config import voices
from attention_moa.influence import Attribution, Cell
from attention_moa.messages import Stage
from attention_moa.reading import title_of
from attention_moa.records import (
    Answer,
    CallRecord,
    Critique,
    LayerRecord,
    Loss,
    Refinement,
    Residual,
    RunRecord,
    Summary,
)
from attention_moa.schedule import pairs
from attention_moa.strategies import WITHOUT_WRITERS
from attention_moa.ui.names import isolated, plain_name
from attention_moa.ui.words import percent

Fate: TypeAlias = Literal[
    "followed",
    "by chance",
    "not followed",
    "unchanged",
    "measuring",
    "read",
    "waiting",
    "late",
    "not made",
    "lost",
    "unknown",
]
"""What a critique came to."""

SIGNS: Mapping[Fate, str] = {
    "followed": "●",
    "by chance": "≈",
    "not followed": "○",
    "unchanged": "○",
    "measuring": "…",
    "read": "◔",
    "waiting": "◌",
    "late": "⊘",
    "not made": "∅",
    "lost": "✕",
    "unknown": "-",
}

UNMEASURED: Mapping[Fate, str] = {
    "waiting": "not there yet",
    "measuring": "being measured",
    "read": "no refinement yet",
    "by chance": "no more than chance",
    "unchanged": "nothing was changed",
    "late": "came too late",
    "not made": "not made",
    "lost": "lost",
    "unknown": "nothing to measure",
}
"""What there is to say where nothing is measured."""

_MOST_SAID = 300


class Received(NamedTuple):
    """A critique that an author got, or should have got.

    Args:
        critic: Who wrote it.
        author: Whose answer it is about.
        fate: What it came to.
        about: That in words, one line.
        share: Of the author's changed words; None where that is not measured.
        critique: Its text; None where there is none.
    """

    critic: str
    author: str
    fate: Fate
    about: str
    share: float | None = None
    critique: Critique | None = None

    @property
    def sign(self) -> str:
        """Its fate as a sign."""
        return SIGNS[self.fate]

    @property
    def is_by_chance(self) -> bool:
        """Whether its share tells nothing."""
        return self.fate == "by chance"

    @property
    def word(self) -> str:
        """Its fate in a word or two."""
        return UNMEASURED.get(self.fate, self.fate)


class Read(NamedTuple):
    """A text that a writer had before it: what it is called, and the text."""

    title: str
    text: str


class LayerLook:
    """A layer of a run.

    Args:
        record: The run, as far as it is.
        number: Of the layer, from 1.
        is_under_way: Whether somebody is at the run now.
    """

    def __init__(self, record: RunRecord, number: int, *, is_under_way: bool) -> None:
        """Look at it; nothing is measured yet."""
        self.record = record
        self.number = number
        self.is_under_way = is_under_way
        nothing = LayerRecord(layer=number, answers={})
        self.layer = next((layer for layer in record.layers if layer.layer == number), nothing)
        known = (agent.name for agent in voices(record.ensemble))
        self.agents = tuple(dict.fromkeys((*known, *self.layer.answers)))

    @cached_property
    def numbers(self) -> range:
        """The layers that there are, and those that may still come."""
        found = [layer.layer for layer in self.record.layers] + [call.layer for call in self.record.calls]
        if self.is_under_way:
            found += [call.layer for call in planned_calls(self.record.ensemble)]
        return range(1, max(found, default=0) + 1)

    @property
    def is_there(self) -> bool:
        """Whether there is anything of it, or may still be; one that the run ended before is not."""
        return self.number in self.numbers

    @property
    def is_elsewhere(self) -> bool:
        """Whether another server is at the run: nothing of it is heard here before it is in the journal."""
        return self.record.state == "running" and not self.is_under_way

    @property
    def speakers(self) -> tuple[str, ...]:
        """The agents that had something to say here, or still may."""
        return tuple(agent for agent in self.agents if self.is_open or agent in self.layer.answers)

    @property
    def is_open(self) -> bool:
        """Whether more of it may come."""
        return self.is_under_way and self.layer.verdict is None

    @property
    def has_critiques(self) -> bool:
        """Whether agents criticise each other here at all: baselines' do not."""
        return bool(self.layer.critique_list) or bool(self._pairs)

    @property
    def has_writers(self) -> bool:
        """Whether somebody makes one text of the agents' texts."""
        return self.record.ensemble.strategy not in WITHOUT_WRITERS

    @property
    def loose_calls(self) -> list[CallRecord]:
        """The layer's calls where no layer was made of them: the run broke off."""
        return [] if self.record.layers else [call for call in self.record.calls if call.layer == self.number]

    @cached_property
    def _pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((pair.critic, pair.author) for pair in pairs(self.record.ensemble, self.number))

    @cached_property
    def _calls(self) -> Mapping[str, CallRecord]:
        return {call.call_id: call for call in self.record.calls}

    @cached_property
    def _critiques(self) -> Mapping[tuple[str, str], Critique | Loss]:
        return self.layer.critiques

    def model_of(self, agent: str) -> str:
        """Return the model of an agent; empty where it is not known."""
        return next((one.model for one in voices(self.record.ensemble) if one.name == agent), "")

    # --------------------------------------------------------------------------------------------------- critiques

    def received(self, critic: str, author: str, cell: Cell | None, column: Attribution | None) -> Received | None:
        """Return what a critique came to; None where this critic does not criticise this author.

        Args:
            critic: The row.
            author: The column.
            cell: What is measured of it; None where nothing is.
            column: What is measured of the author; None where nothing is.
        """
        found = self._critiques.get((critic, author))
        if found is None:
            if self.is_open and (critic, author) in self._pairs:
                return Received(critic, author, "waiting", "not there yet")
            return None
        if isinstance(found, Loss):
            return _missing(critic, author, found)
        fate, about, share = self._fate(author, cell, column)
        return Received(critic, author, fate, about, share, found)

    def _fate(self, author: str, cell: Cell | None, column: Attribution | None) -> tuple[Fate, str, float | None]:
        if cell is None or cell.share is None or column is None:
            if self.is_open and author not in self.layer.refinements:
                return "read", "the refinement is not there yet", None
            return "unknown", "nothing to measure: there is no refinement", None
        if column.size == 0:
            return "unchanged", f"{isolated(author)} changed nothing", 0.0
        if cell.share == 0:
            return "not followed", "read, not followed: no change is traced to it", 0.0
        return "followed", f"followed: {percent(cell.share)} of what {isolated(author)} changed", cell.share

    # ---------------------------------------------------------------------------------------------------- readings

    def read_by_summary(self) -> dict[str, str]:
        """Return the texts that the summary was made of, by agent: refinements, or answers, of an earlier layer too."""
        summary = self.layer.summary
        call = self._calls.get(summary.call_id or "") if summary is not None else None
        reads = () if call is None or call.stage is not Stage.SUMMARY else call.reads
        found = {part.agent: part.text for part in self._agents_texts() if part.call_id in reads}
        return found or {part.agent: part.text for part in _texts_of(self.layer)}

    def _agents_texts(self) -> Iterator[Answer | Refinement]:
        for layer in self.record.layers[: self.number]:
            yield from _texts_of(layer)

    def read_by(self, part: Residual | Loss) -> list[Read]:
        """Return the texts that a writer had before it, the latest one last.

        Args:
            part: What it wrote, or that it is lost.
        """
        call = self._calls.get(part.call_id or "")
        reads = () if call is None else call.reads
        written = dict(_written(self.record))
        found = ((self._calls.get(name), written.get(name)) for name in reads)
        return [
            Read(f"Layer {one.layer}: {title_of(one.stage, isolated(one.agent), one.peer)}", text or one.text or "")
            for one, text in found
            if one is not None
        ]


def _texts_of(layer: LayerRecord) -> Sequence[Answer | Refinement]:
    """Return what a layer's agents have to say in the end: refinements, or answers where there are none."""
    return [*layer.refinements.values()] or [part for part in layer.answers.values() if isinstance(part, Answer)]


def _missing(critic: str, author: str, loss: Loss) -> Received:
    if loss.kind == "Late":
        return Received(critic, author, "late", "came too late: not read")
    if loss.is_skipped:
        return Received(critic, author, "not made", f"not made: {plain_name(loss.message, _MOST_SAID)}")
    return Received(critic, author, "lost", f"lost: {plain_name(loss.message, _MOST_SAID)}")


def _written(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield the texts of a run's layers as others read them, by the calls that wrote them."""
    for layer in record.layers:
        parts = (*layer.answers.values(), *layer.refinements.values(), layer.extract, layer.summary, layer.residual)
        for part in parts:
            if isinstance(part, (Answer, Refinement, Summary, Residual)) and not getattr(part, "stands_in", None):
                yield part.call_id, part.text
