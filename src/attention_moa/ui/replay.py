"""A recorded run played again: at any speed, step by step, forwards and back. Pure.

The same story hears the same events in the same order, so what is shown is what was to be seen. To jump is fast: a copy
of the story is kept every so often, and what lies between is heard again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attention_moa.call_costs import PriceOf
from attention_moa.config import EnsembleSpec
from attention_moa.events import Event
from attention_moa.records import RunRecord
from attention_moa.retelling import events_of
from attention_moa.ui.call_story import CallStory
from attention_moa.ui.changes import Changed, together
from attention_moa.ui.story import RunStory

_EVERY = 256
"""Steps between two copies of a story."""


class Moment(NamedTuple):
    """An event in its place: its step, from 1, when it is shown, in seconds of the replay, and itself."""

    step: int
    at_s: float
    event: Event


class Replay:
    """A run to be played again; ``story`` is the same one wherever it goes, so that who shows it can go on doing so.

    Args:
        spec: What ran.
        events: All that was told of it, in order.
        choices: How many answers were written.
        price_of: What a model's tokens cost; None asks the ensemble's own file alone.
    """

    def __init__(
        self, spec: EnsembleSpec, events: Sequence[Event], *, choices: int = 1, price_of: PriceOf | None = None
    ) -> None:
        """Stand before the first event."""
        self.moments = tuple(_moments(events))
        self.step = 0
        self.story: RunStory = RunStory(spec, choices=choices, price_of=price_of)
        self._times = [moment.at_s for moment in self.moments]
        self._kept: list[RunStory] = [self.story.copy()]

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.moments)

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return self._times[-1] if self._times else 0.0

    @property
    def at_s(self) -> float:
        """When the newest event that was heard is shown; 0 before the first."""
        return self._times[self.step - 1] if self.step else 0.0

    @property
    def next_s(self) -> float | None:
        """When the next event is shown; None behind the last."""
        return self._times[self.step] if self.step < self.steps else None

    def step_at(self, at_s: float) -> int:
        """Return the step at a time: that of the last event that is shown by then."""
        return bisect_right(self._times, at_s)

    def to_step(self, step: int) -> Changed:
        """Go to a step, forwards or back; return what has to be drawn anew.

        Args:
            step: 0 stands before the first event; what is out of range is the nearest step.
        """
        step = min(max(step, 0), self.steps)
        kept = min(step // _EVERY, len(self._kept) - 1)
        if self.step <= step and kept * _EVERY <= self.step:
            changed = together(self._tell(self.story, self.step, step))
        else:
            other = self._kept[kept].copy()
            list(self._tell(other, kept * _EVERY, step))
            changed = difference(self.story, other)
            self.story.become(other)
        self.step = step
        return changed

    def _tell(self, story: RunStory, start: int, step: int) -> Iterator[Changed]:
        """Let a story hear what lies between two steps; yield what changed."""
        for moment in self.moments[start:step]:
            yield story.hear(moment.event)
            if moment.step == len(self._kept) * _EVERY:
                self._kept.append(story.copy())


def replay_of(record: RunRecord, events: Sequence[Event] = (), *, price_of: PriceOf | None = None) -> Replay:
    """Return a recorded run to be played again.

    Args:
        record: The run.
        events: As they were kept when it went on; where nobody kept them they are made of the record.
        price_of: What a model's tokens cost.
    """
    told = events or events_of(record)
    return Replay(record.ensemble, told, choices=record.wanted.choices, price_of=price_of)


def difference(before: RunStory, after: RunStory) -> Changed:
    """Return what has to be drawn anew where one moment of a run takes the place of another."""
    names = before.calls.keys() | after.calls.keys()
    layers = before.layers.keys() | after.layers.keys()
    answers_before, answers = (
        {choice: answer.shown for choice, answer in one.answers.items()} for one in (before, after)
    )
    choices = answers.keys() | answers_before.keys()
    return Changed(
        calls=frozenset(name for name in names if _is_other(before.calls.get(name), after.calls.get(name))),
        layers=frozenset(number for number in layers if before.layers.get(number) != after.layers.get(number)),
        answers=frozenset(choice for choice in choices if answers_before.get(choice) != answers.get(choice)),
        has_numbers=before.counts != after.counts or before.used != after.used,
        has_notices=len(before.notices) != len(after.notices) or len(before.notes) != len(after.notes),
        has_run=before.head != after.head,
        has_graph=before.calls.keys() != after.calls.keys(),
    )


def _is_other(before: CallStory | None, after: CallStory | None) -> bool:
    return before is not after and before != after


def _moments(events: Sequence[Event]) -> list[Moment]:
    """Return events with their times; none goes back, so that a player need not."""
    found: list[Moment] = []
    for step, event in enumerate(events, 1):
        before_s = found[-1].at_s if found else 0.0
        found.append(Moment(step, max(event.at_s, before_s), event))
    return found
