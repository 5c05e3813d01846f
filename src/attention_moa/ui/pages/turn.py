"""One question and its answer on a page: what happened so far, and what a browser has to draw anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from attention_moa.messages import ImagePart, Message
from attention_moa.prices import known_price
from attention_moa.records import RunRecord
from attention_moa.ui.changes import NOTHING, Changed, together
from attention_moa.ui.components.answer import AnswerText
from attention_moa.ui.components.board import Board
from attention_moa.ui.components.so_far import SoFar
from attention_moa.ui.html import render
from attention_moa.ui.ops import Op
from attention_moa.ui.ports import Heard, Standing
from attention_moa.ui.run_states import MAY_RESUME, ShownState, shown_state
from attention_moa.ui.story import RunStory
from attention_moa.ui.words import one_line

_TITLE = 60


class Turn:
    """One question and its answer.

    Args:
        question: What was asked.
        number: Of the turn on its page, from 0.
        standing: The run that answers; None for a turn of an earlier run, of which the texts alone are known.
        images: Those that stood beside the question.
    """

    def __init__(
        self, question: str, *, number: int, standing: Standing | None = None, images: tuple[ImagePart, ...] = ()
    ) -> None:
        """Start before the first event."""
        self.question = question
        self.images = images
        self.number = number
        self.answer = AnswerText(f"{self.id}-answer")
        self._so_far = SoFar()
        self.record: RunRecord | None = None
        self.began_s = 0.0
        self.run_id = ""
        self.model = ""
        self.is_own = False
        self._settled: ShownState | None = None
        self.story: RunStory | None = None
        self.plan = None if standing is None else standing.plan
        self._board: Board | None = None
        self._changed = NOTHING
        self._sent: dict[str, Markup] = {}
        if standing is not None:
            record = standing.record
            self.run_id, self.model, self.is_own = record.run_id, record.ensemble.name, standing.is_own
            self.story = RunStory(record.ensemble, choices=record.wanted.choices, price_of=known_price)
            self._board = Board(self.id, self.story, standing.plan, run_id=record.run_id)

    @property
    def id(self) -> str:
        """The turn's id on its page."""
        return f"turn-{self.number}"

    @property
    def title(self) -> str:
        """What the browser's tab is called."""
        return one_line(self.question, _TITLE)

    @property
    def state(self) -> ShownState:
        """How far the run is: as its events tell, until its record does."""
        if self._settled is not None:
            return self._settled
        return (self.story.head.state if self.story is not None else None) or "running"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens in it."""
        return self.story is None or self.state != "running"

    @property
    def may_resume(self) -> bool:
        """Whether it may be made to go on: it broke off, and is the visitor's own."""
        return self.is_own and self.state in MAY_RESUME

    @property
    def error(self) -> str | None:
        """Why there is no answer."""
        return None if self.story is None else self.story.head.error

    @property
    def now_s(self) -> float:
        """The run's clock, as it was told last."""
        if self.record is not None:
            return self.record.wall_s
        return 0.0 if self.story is None else self.story.head.now_s

    @property
    def last_words(self) -> str:
        """What somebody hears who does not see the page, once it is over."""
        said = {"finished": "The answer is there", "cancelled": "Cancelled"}.get(self.state, "There is no answer")
        return f"{said}."

    async def hear(self, batch: Iterable[Heard]) -> None:
        """Take what happened; until that is done nobody else may ask what changed."""
        if self.story is not None:
            changed = self.story.hear_all((number, event) for number, event in batch)
            self._changed = together((self._changed, changed))
            if 0 in changed.answers:
                answer = self.story.answers[0]
                await self.answer.follow(answer.text, is_over=self.is_over)
            if changed.layers:
                await self._so_far.follow(self.story)

    async def settle(self, record: RunRecord) -> None:
        """Take the run's record, once nothing more is heard of it."""
        self.record = record
        self._settled = shown_state(record.state, is_here=False)
        await self.answer.follow(record.text or self.answer.text, is_over=True)
        changed = NOTHING if self.story is None else self.story.settle(record.calls)
        self._changed = together((self._changed, changed, Changed(has_run=True, answers=frozenset({0}))))

    def changes(self) -> list[Op]:
        """Return what has to be drawn anew since the last time."""
        changed, self._changed = self._changed, NOTHING
        ops: list[Op] = []
        if 0 in changed.answers:
            ops += self.answer.changes()
        if self._board is not None and changed:
            ops += self._board.changes(changed)
        parts = self._parts() if changed.has_run else self._so_far_part()
        for name, html in parts.items():
            if self._sent.get(name) != html:
                self._sent[name] = html
                ops.append(["html", name, html])
        return ops

    def html(self, *, now_s: float | None = None) -> Markup:
        """Return the whole turn.

        Args:
            now_s: The run's clock at this moment; None for what was told last.
        """
        self._changed = NOTHING
        self.began_s = round(self.now_s if now_s is None else now_s, 1)
        self._sent = self._parts()
        board = Markup("") if self._board is None else self._board.html()
        return render("turn.html", turn=self, answer=self.answer.html(), board=board, parts=self._sent)

    def unfold(self, agent: str) -> list[Op]:
        """Return what shows the critiques of an author one by one."""
        return [] if self._board is None else self._board.graph.unfold(agent)

    def box_id(self, call_id: str) -> str:
        """Return the id of what shows a call."""
        return self.id if self._board is None else self._board.graph.box_id(call_id)

    def _parts(self) -> dict[str, Markup]:
        """Return the parts beside the board, by their ids."""
        if self.story is None:
            return {}
        return {
            f"{self.id}-state": render("state.html", turn=self, record=self.record, plan=self.plan),
            f"{self.id}-end": render("end.html", turn=self, record=self.record) if self.is_over else Markup(""),
            **self._so_far_part(),
        }

    def _so_far_part(self) -> dict[str, Markup]:
        """Return what stands in for an answer of which there is nothing yet."""
        is_wanted = not self.answer.text and not self.is_over
        return {f"{self.id}-so-far": self._so_far.html(is_wanted=is_wanted)}


def turns_of(standing: Standing) -> tuple[list[Turn], str]:
    """Return the turns of a run's conversation, the last of them the run's own, and the system prompt.

    Args:
        standing: The run.
    """
    conversation = standing.record.conversation
    system = "\n\n".join(message.text for message in conversation if message.role == "system")
    said = [message for message in conversation if message.role in ("user", "assistant")]
    asked = [index for index, message in enumerate(said) if message.role == "user"]
    turns: list[Turn] = []
    for index in asked[:-1]:
        turn = Turn(said[index].text, number=len(turns), images=_images_of(said[index]))
        turn.answer.set(_answer_after(said, index), is_over=True)
        turns.append(turn)
    question, images = (said[asked[-1]].text, _images_of(said[asked[-1]])) if asked else ("", ())
    return [*turns, Turn(question, number=len(turns), standing=standing, images=images)], system


def _images_of(message: Message) -> tuple[ImagePart, ...]:
    return tuple(part for part in message.content if isinstance(part, ImagePart))


def _answer_after(said: Sequence[Message], index: int) -> str:
    """Return the answer to a question; empty where none follows."""
    after = said[index + 1]
    return after.text if after.role == "assistant" else ""
