"""One question and its answer on a page: what happened so far, and what a browser has to draw anew. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from attention_moa.events import AnswerDelta, AnswerReset, RunFinished
from attention_moa.messages import Conversation
from attention_moa.plan import Plan
from attention_moa.records import RunRecord
from attention_moa.ui.components.answer import AnswerText
from attention_moa.ui.components.board import Board
from attention_moa.ui.html import render
from attention_moa.ui.ops import Op
from attention_moa.ui.ports import Heard, Standing

_TITLE = 60
_FEW = 24
"""Most calls of a stage that are shown one by one."""

_LISTED = 12
"""Most calls under way that are listed with their words."""

_SHOWN = 160
"""Most characters of a call's newest words that are shown."""


class Turn:
    """One question and its answer.

    Args:
        run_id: The run that answers; empty for a turn that an earlier run answered.
        question: What was asked.
        model: Who was asked.
        number: Of the turn on its page, from 0.
    """

    def __init__(self, run_id: str, question: str, *, model: str, number: int) -> None:
        """Start before the first event."""
        self.run_id = run_id
        self.question = question
        self.model = model
        self.number = number
        self.board = Board()
        self.answer = AnswerText()
        self.record: RunRecord | None = None
        self.plan: Plan | None = None
        self.began_s = 0.0
        self.is_own = True
        self._is_answer_changed = False
        self._is_board_changed = False
        self._sent: dict[str, Markup] = {}
        self._words: dict[int, str] = {}

    @staticmethod
    def all_of(standing: Standing) -> tuple[list[Turn], str]:
        """Return the turns of a run's conversation, the last of them the run's own, and the system prompt."""
        record = standing.record
        system = "\n\n".join(message.text for message in record.conversation if message.role == "system")
        said = [message for message in record.conversation if message.role in ("user", "assistant")]
        turns: list[Turn] = []
        for index, question in enumerate(said):
            if question.role != "user":
                continue
            turn = Turn("", question.text, model="", number=len(turns))
            answers = said[index + 1 : index + 2]
            if answers and answers[0].role == "assistant":
                turn.answer.set(answers[0].text)
            turns.append(turn)
        last = turns[-1] if turns else Turn("", _asked(record.conversation), model="", number=0)
        last.run_id, last.model = record.run_id, record.ensemble.name
        last.plan, last.is_own = standing.plan, standing.is_own
        return turns or [last], system

    @property
    def id(self) -> str:
        """The turn's id on its page."""
        return f"turn-{self.number}"

    @property
    def title(self) -> str:
        """What the browser's tab is called."""
        words = " ".join(self.question.split())
        return words if len(words) <= _TITLE else f"{words[:_TITLE]}…"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens in it."""
        return not self.run_id or self.board.state != "running"

    @property
    def may_resume(self) -> bool:
        """Whether it may be made to go on: it broke off, and is the visitor's own."""
        return self.is_own and self.board.state in ("failed", "cancelled")

    @property
    def last_words(self) -> str:
        """What somebody hears who does not see the page, once it is over."""
        said = {"finished": "The answer is there", "cancelled": "Cancelled"}.get(self.board.state, "There is no answer")
        return f"{said}."

    def hear(self, batch: Iterable[Heard]) -> None:
        """Take what happened."""
        for _, event in batch:
            if isinstance(event, AnswerDelta):
                if event.choice == 0:
                    self.answer.add(event.text)
                    self._is_answer_changed = True
            elif isinstance(event, AnswerReset):
                if event.choice == 0:
                    self.answer.set("")
                    self._is_answer_changed = True
            else:
                self._is_board_changed = True
                if isinstance(event, RunFinished) and event.text is not None and event.text != self.answer.text:
                    self.answer.set(event.text)
                    self._is_answer_changed = True
            self.board.hear(event)

    def settle(self, record: RunRecord) -> None:
        """Take the run's record, once it is over."""
        self.record = record
        if record.state != "running":
            self.board.state, self.board.error = record.state, record.error
        if record.text is not None and record.text != self.answer.text:
            self.answer.set(record.text)
            self._is_answer_changed = True
        self._is_board_changed = True

    def changes(self) -> list[Op]:
        """Return what has to be drawn anew since the last time."""
        ops: list[Op] = []
        if self._is_answer_changed:
            ops.append(["html", f"{self.id}-answer", self.answer.html()])
        if self._is_board_changed:
            ops += self._board_changes()
        self._is_answer_changed = self._is_board_changed = False
        return ops

    def _board_changes(self) -> list[Op]:
        """Return the parts of the board that are not as they were sent last, and then the words of calls under way."""
        ops: list[Op] = []
        parts = self._parts()
        for id_, html in parts.items():
            if self._sent.get(id_) != html:
                ops.append(["html", id_, html])
        if any(op[1] == self._list_id for op in ops):
            self._words.clear()  # the list is drawn without them
        self._sent = parts
        for line in self.board.under_way[:_LISTED]:
            if self._words.get(line.number) != line.newest:
                self._words[line.number] = line.newest
                ops.append(["text", f"{self.id}-words-{line.number}", line.newest[-_SHOWN:]])
        return ops

    @property
    def _list_id(self) -> str:
        return f"{self.id}-list"

    def _parts(self) -> dict[str, Markup]:
        """Return the parts of the board by their ids."""
        board, record = self.board, self.record
        under_way = board.under_way
        values: dict[str, object] = {"turn": self, "board": board, "record": record}
        return {
            f"{self.id}-state": render("state.html", **values),
            f"{self.id}-numbers": render("numbers.html", **values),
            f"{self.id}-rows": render("rows.html", rows=board.rows(), few=_FEW, **values),
            self._list_id: render(
                "list.html", lines=under_way[:_LISTED], more=max(0, len(under_way) - _LISTED), **values
            ),
            f"{self.id}-end": render("end.html", **values) if self.is_over else Markup(""),
        }

    def html(self) -> Markup:
        """Return the whole turn."""
        self._is_answer_changed = self._is_board_changed = False
        self.began_s = round(self.board.at_s, 1)
        self._sent = self._parts() if self.run_id else {}
        self._words.clear()
        return render("turn.html", turn=self, answer=self.answer.html(), parts=self._sent)


def _asked(conversation: Conversation) -> str:
    return conversation[-1].text if conversation else ""
