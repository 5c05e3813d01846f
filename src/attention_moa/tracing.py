"""Whose words the final answer is made of, followed back through all layers, word by word. Pure.

The final answer was written by a call that read others; each word of it goes back to the texts that have it
(``sources.py``), a refinement's word to the answer or to the critiques that the change is traced to (``influence.py``),
and so on until it is in no text that its writer had read: then it is that writer's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from math import fsum
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from attention_moa.attribution import Caused
from attention_moa.changes import compare_texts
from attention_moa.influence import Influence, influence
from attention_moa.messages import Stage
from attention_moa.records import Answer, CallRecord, Refinement, Residual, RunRecord, Summary
from attention_moa.sources import Traced
from attention_moa.words import Word, words

Role: TypeAlias = Literal["author", "critic", "writer"]
"""As what somebody has a part: by answers and refinements, by critiques, by summaries and what else is written."""

_Whose: TypeAlias = tuple[str, Role]

_Own: TypeAlias = "tuple[_Whose, _Load, float]"
"""Whose a word is, what it carries, and which part of that."""

_AUTHORS = frozenset({Stage.ANSWER, Stage.REFINE})
_NOT_READ = frozenset({Stage.CRITIQUE, Stage.SELECT})
"""Calls whose texts nobody takes words from but an author from its critiques."""


class Part(Struct, frozen=True):
    """What somebody has of the final answer.

    Args:
        agent: Who.
        role: As what.
        share: Of the answer's words that are no plain ones, above 0 and at most 1.
    """

    agent: str
    role: Role
    share: float


class Trace(Struct, frozen=True):
    """Whose an answer is.

    Args:
        parts: Whose words it is made of, the largest part first; they add up to 1. Empty where there is nothing to
            trace.
        hands: Of each agent, the share of the answer's words that it had a hand in: they are in its answers or
            refinements on their way, whoever they come from, or they are its own as critic or writer. They add up to
            more than 1.
    """

    parts: tuple[Part, ...] = ()
    hands: dict[str, float] = {}


class _Load:
    """What of the answer a word of a text carries, and how much of that each agent had a hand in."""

    __slots__ = ("hands", "weight")

    def __init__(self, weight: float = 0.0) -> None:
        """Begin with nobody's hand in it."""
        self.weight = weight
        self.hands: dict[str, float] = {}

    def take(self, other: _Load, part: float) -> None:
        """Take over a part of what another word carries."""
        self.weight += other.weight * part
        for agent, weight in other.hands.items():
            self.hands[agent] = self.hands.get(agent, 0.0) + weight * part

    def goes_through(self, agent: str) -> None:
        """Note that an agent had a hand in all of it."""
        self.hands[agent] = self.weight


class _Text(NamedTuple):
    """What a call wrote, as others read it, and its words."""

    text: str
    words: tuple[Word, ...]


def traced(record: RunRecord, layers: Sequence[Influence] | None = None) -> Trace:
    """Return whose words a run's answer is made of, and who had a hand in them.

    Args:
        record: The run, over or not.
        layers: Who moved whom, layer by layer, where that is known already.

    Returns:
        Nothing where there is no answer, or it has no words, or nobody wrote it.

    Source: ours.
    """
    if layers is None:
        layers = [influence(layer) for layer in record.layers]
    found = _Trace(record, layers)
    final = None if record.text is None else found.final(record.text)
    if final is None:
        return Trace()
    found.begin(*final)
    loads = found.followed()
    everything = _Load()
    for load in loads.values():
        everything.take(load, 1.0)
    shares = {whose: load.weight / everything.weight for whose, load in loads.items() if load.weight}
    ranked = sorted(shares.items(), key=lambda one: (-one[1], one[0]))
    hands = {agent: weight / everything.weight for agent, weight in sorted(everything.hands.items())}
    return Trace(tuple(Part(agent, role, share) for (agent, role), share in ranked), hands)


class _Trace:
    """The words of a run's texts, and how much of the final answer each carries.

    Args:
        record: The run.
        layers: Who moved whom.
    """

    def __init__(self, record: RunRecord, layers: Sequence[Influence]) -> None:
        """Take the texts apart that others may have read."""
        written = _written(record)
        self._record = record
        self._calls = [call for call in record.calls if call.text is not None and call.stage not in _NOT_READ]
        self._texts = {
            call.call_id: _Text(text, words(text))
            for call in self._calls
            for text in [written.get(call.call_id, call.text or "")]
        }
        self._asked = words("\n".join(message.text for message in record.conversation))
        self._answers = {
            (layer.layer, answer.agent): answer
            for layer in record.layers
            for answer in layer.answers.values()
            if isinstance(answer, Answer)
        }
        self._moved = {(layer.layer, author): found for layer in layers for author, found in layer.authors.items()}
        self._carried: dict[str, dict[int, _Load]] = defaultdict(lambda: defaultdict(_Load))

    def final(self, text: str) -> tuple[str, range] | None:
        """Return which call wrote the answer, and the places of its words there; None where none has it whole."""
        texts = [(call.call_id, self._texts[call.call_id]) for call in reversed(self._calls)]
        equal = (one for one in texts if one[1].text == text)
        containing = (one for one in texts if text in one[1].text)  # it may have been cut, or freed of a fence
        for call_id, found in chain(equal, containing):
            start = found.text.index(text)
            end = start + len(text)
            places = [place for place, word in enumerate(found.words) if start <= word.start and word.end <= end]
            return (call_id, range(places[0], places[-1] + 1)) if places else None
        return None

    def begin(self, call_id: str, places: range) -> None:
        """Let the words of the answer carry it, those that are no plain ones, if there are any.

        Args:
            call_id: Who wrote it.
            places: Its words.
        """
        parts = self._texts[call_id].words
        chosen = [place for place in places if not parts[place].is_plain] or list(places)
        self._carried[call_id].update({place: _Load(parts[place].weight) for place in chosen})

    def followed(self) -> Mapping[_Whose, _Load]:
        """Return what each has of the answer, by whom and as what."""
        loads: dict[_Whose, _Load] = defaultdict(_Load)
        for call in reversed(self._calls):  # what a call reads ended before it
            carried = self._carried.pop(call.call_id, None)
            if carried is None:
                continue
            if call.stage in _AUTHORS:
                for load in carried.values():
                    load.goes_through(call.agent)
            follow = self._through_refinement if call.stage is Stage.REFINE else self._through_reading
            for (agent, role), load, part in follow(call, carried):
                own = _Load()
                own.take(load, part)
                own.goes_through(agent)
                loads[agent, role].take(own, 1.0)
        return loads

    def _through_reading(self, call: CallRecord, carried: Mapping[int, _Load]) -> Iterator[_Own]:
        """Hand on what the words of a text carry to the texts that they come from; yield what is the writer's own."""
        reads = {read: self._texts[read].words for read in call.reads if read in self._texts}
        found = Traced(self._texts[call.call_id].words, reads, known=self._asked)
        role: Role = "author" if call.stage in _AUTHORS else "writer"
        for place, load in carried.items():
            origins = found.origins(place)
            for read, (part, hit) in origins.items():
                self._carried[read][hit.place].take(load, part)
            if not origins:
                yield (call.agent, role), load, 1.0

    def _through_refinement(self, call: CallRecord, carried: Mapping[int, _Load]) -> Iterator[_Own]:
        """Hand on what an author kept of its answer; yield what it changed, as the critiques' or its own."""
        answer = self._answers.get((call.layer, call.agent))
        moved = self._moved.get((call.layer, call.agent))
        if answer is None or moved is None:
            yield from self._through_reading(call, carried)
            return
        difference = compare_texts(answer.text, self._texts[call.call_id].text)
        for block in (*difference.kept, *difference.moved):
            for offset in range(block.length):
                if load := carried.get(block.after + offset):
                    self._carried[answer.call_id][block.before + offset].take(load, 1.0)
        for edit, caused in zip(difference.edits, moved.changes, strict=True):
            loads = [] if edit.change.is_move else [carried[place] for place in edit.inserted if place in carried]
            shares = _shares(call.agent, caused)
            yield from ((whose, load, part) for load in loads for whose, part in shares)


def _shares(author: str, caused: Caused) -> list[tuple[_Whose, float]]:
    """Return whose a change is: the critics', as far as it is traced to them, and the author's."""
    size = max(caused.change.size, 1)
    shares: list[tuple[_Whose, float]] = [((one.critic, "critic"), one.words / size) for one in caused.credits]
    return [*shares, ((author, "author"), max(0.0, 1.0 - fsum(share for _, share in shares)))]


def _written(record: RunRecord) -> dict[str, str]:
    """Return the texts of a run's layers as others read them, by the calls that wrote them."""
    parts = (
        part
        for layer in record.layers
        for part in (*layer.answers.values(), *layer.refinements.values(), layer.summary, layer.residual, layer.extract)
    )
    return {part.call_id: part.text for part in parts if isinstance(part, (Answer, Refinement, Summary, Residual))}
