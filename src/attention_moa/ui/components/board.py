"""What a run does, as it stands beside an answer: its numbers, its graph, what was lost; drawn anew where it changed.

A part is drawn anew only where an event touched what it shows, and sent only where it then reads otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from attention_moa.accounting import CallCounts, known_usd
from attention_moa.plan import Plan
from attention_moa.ui.call_story import State
from attention_moa.ui.changes import Changed
from attention_moa.ui.components.graph_view import GraphView
from attention_moa.ui.html import render
from attention_moa.ui.ops import Op
from attention_moa.ui.spending import counts_of, limits_of
from attention_moa.ui.story import RunStory
from attention_moa.ui.words import shown_name

_LOST_LISTED = 6


class Board:
    """The board of one run.

    Args:
        at: The id of the turn that it stands beside.
        story: The run.
        plan: What it was expected to take; None where that is not known.
        run_id: The run's id; None takes that which its events tell.
    """

    def __init__(self, at: str, story: RunStory, plan: Plan | None, *, run_id: str | None = None) -> None:
        """Draw nothing yet."""
        self._at = at
        self._story = story
        self._plan = plan
        self._sent: dict[str, Markup] = {}
        self.graph = GraphView(at, story, story.head.run_id if run_id is None else run_id)

    def html(self) -> Markup:
        """Return the whole board as it is now."""
        self._sent = self._parts()
        return render("board.html", parts=self._sent, at=self._at, graph=self.graph.html())

    def changes(self, changed: Changed) -> list[Op]:
        """Return what has to be drawn anew.

        Args:
            changed: What changed in the story.
        """
        ops: list[Op] = []
        for name, html in self._parts().items() if changed.has_numbers or changed.has_run else ():
            if self._sent.get(name) != html:
                self._sent[name] = html
                ops.append(["html", name, html])
        return [*ops, *self.graph.changes(changed)]

    def _parts(self) -> dict[str, Markup]:
        """Return the parts beside the graph, by their ids."""
        return {f"{self._at}-numbers": self._numbers_html(), f"{self._at}-lost": self._lost_html()}

    def _numbers_html(self) -> Markup:
        counts, used = self._story.counts, self._story.used
        return render(
            "numbers.html",
            finished=counts[State.DONE] + counts[State.REPLAYED],
            planned=self._story.head.planned_calls,
            counts=list(self._counts()),
            tokens=used.input_tokens + used.output_tokens,
            is_least=used.unknown_calls > 0,
            usd=known_usd(used),
            is_unpriced=used.unpriced_calls > 0,
            plan=self._plan,
            limits=limits_of(self._story),
        )

    def _counts(self) -> Iterator[tuple[State, int, str]]:
        """Yield how many calls are in each state, in words; of cancelled ones apart how many had been sent."""
        for state in State:
            if state is State.CANCELLED:
                ended = sum(map(counts_of, self._story.calls_in(state)), CallCounts())
                told = ((ended.broken_off, "broken off"), (ended.unsent, "not sent"))
                yield from ((state, count, word) for count, word in told if count)
            elif self._story.counts[state]:
                yield state, self._story.counts[state], self._word(state)

    def _word(self, state: State) -> str:
        """Return what is said of all calls in a state: of the finished ones also how many were tried again."""
        again = self._story.after_retry if state is State.DONE else 0
        return f"{state.value}, {again} of them after a retry" if again else state.value

    def _lost_html(self) -> Markup:
        lost = self._story.calls_in(State.LOST)
        more = max(0, len(lost) - _LOST_LISTED)
        return render("lost.html", lost=lost[:_LOST_LISTED], more=more, shown=shown_name)
