"""A page on which somebody asks: its turns, what is under way, and what its buttons do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol
from urllib.parse import quote

from markupsafe import Markup

from attention_moa.messages import Message, TextPart
from attention_moa.plan import Plan
from attention_moa.stored_runs import RunRow
from attention_moa.ui.files import Files
from attention_moa.ui.html import render
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.drawer import Drawer
from attention_moa.ui.pages.form import LABELS, SETTINGS, in_the_form, question_of
from attention_moa.ui.pages.images import Images
from attention_moa.ui.pages.turn import Turn, turns_of
from attention_moa.ui.ports import Heard, Offer, Outside, RefusedError, RunFilter, Visitor
from attention_moa.ui.tasks import Tasks

_BATCH_S = 0.03
"""Least seconds between two messages to a browser: the first goes at once, what happens meanwhile goes together."""

_MOST_NAME = 80
_LATELY = 8
"""Most runs that the first page lists."""


class Sender(Protocol):
    """Sends changes to a browser."""

    def send(self, ops: list[Op]) -> None:
        """Send some."""
        ...


class Drawing(Sender, Protocol):
    """Knows also how far the browser is."""

    async def drawn(self) -> None:
        """Wait until the browser has drawn what it was sent; not for long."""
        ...


class Screen:
    """A page that is open in some browser.

    Args:
        outside: The world outside.
        key: The visitor's; None where there are none. It is held here and nowhere else.
        tasks: Holds what goes on while the page is open.
    """

    def __init__(self, outside: Outside, key: str | None, tasks: Tasks) -> None:
        """Start with an empty page."""
        self.link: Drawing | None = None
        self.title = "attention-moa"
        self._outside = outside
        self._key = key
        self._tasks = tasks
        self._visitor = Visitor(name="", is_admin=False)
        self._offers: Sequence[Offer] = ()
        self._chosen = ""
        self._system = ""
        self._turns: list[Turn] = []
        self._watching: asyncio.Task[None] | None = None
        self._batches: AsyncGenerator[Sequence[Heard], None] | None = None
        self._lately: Sequence[RunRow] = ()
        self._is_asking = False
        self._elapsed_s: float | None = None
        self._made: Markup | None = None
        self._faulty = ""
        self._remark = ""
        self._drawer = Drawer(outside, key)
        self._images = Images()

    @property
    def _turn(self) -> Turn | None:
        """The newest turn; None before the first."""
        return self._turns[-1] if self._turns else None

    async def open(self, run_id: str | None, call_id: str | None = None) -> None:
        """Look up who this is, what they may ask, and the run that they want to see.

        Args:
            run_id: The run; None for none yet.
            call_id: The call of it that is to be open; of one that it has not, that is said.

        Raises:
            RefusedError: The run is not there.
        """
        self._visitor = await self._outside.enter(self._key)
        self._images.most_bytes = self._visitor.most_bytes
        self._offers = await self._outside.offers(self._key)
        self._chosen = self._offers[0].name if self._offers else ""
        if run_id is not None:
            await self._open_run(run_id)
            if call_id is not None and not await self._drawer.open(self._turns[-1], call_id):
                self._remark = f"This run has no call {call_id[:_MOST_NAME]!r}."
        else:
            self._lately = await self._outside.rows(self._key, RunFilter(limit=_LATELY))
        self._made = await asyncio.to_thread(self._page)  # a run may have thousands of calls

    async def _open_run(self, run_id: str) -> None:
        standing = await self._outside.standing(self._key, run_id)
        record = standing.record
        if any(offer.name == record.ensemble.name for offer in self._offers):
            self._chosen = record.ensemble.name
        self._turns, self._system = await asyncio.to_thread(turns_of, standing)  # with all their answers
        turn = self._turns[-1]
        self.title = turn.title
        self._elapsed_s = record.wall_s
        batches = self._outside.watch(self._key, run_id)
        await turn.hear(await anext(batches, ()))
        if turn.is_over or not standing.is_under_way:
            await batches.aclose()
            await turn.settle(record)
        else:
            self._batches = batches

    def html(self) -> Markup:
        """Return the page as it is now."""
        made, self._made = self._made, None
        return self._page() if made is None else made

    def _page(self) -> Markup:
        turn = self._turn
        return render(
            "talk.html",
            files=Files.address,
            visitor=self._visitor,
            offers=self._offers,
            chosen=self._chosen,
            system=self._system,
            lately=self._lately,
            turns=[one.html(now_s=self._elapsed_s) for one in self._turns],
            drawer=self._drawer.html,
            notice=render("notice.html", message=self._remark) if self._remark else "",
            images=self._images.html(),
            is_busy=turn is not None and not turn.is_over,
        )

    def begin(self) -> None:
        """Watch on where something is under way."""
        if self._batches is not None and self._turn is not None:
            self._watch(self._batches, self._turn)

    def close(self) -> None:
        """Let go of what goes on; runs belong to the server and go on."""
        if self._watching is not None:
            self._watching.cancel()

    async def act(self, what: str, fields: Mapping[str, str]) -> None:
        """Do what a button or a key says; whoever may do it no more is sent to the form."""
        deeds = {
            "ask": self._ask,
            "plan": self._plan,
            "cancel": self._cancel,
            "resume": self._resume,
            "copy": self._copy,
            "call": self._call,
            "close": self._close,
            "unfold": self._unfold,
            "image": self._image,
            "image-drop": self._drop_image,
        }
        deed = deeds.get(what)
        if deed is None:
            return
        try:
            await deed(fields)
        except RefusedError as refused:
            self._refuse(in_the_form(refused), is_sent=what == "ask")

    async def _ask(self, fields: Mapping[str, str]) -> None:
        turn = self._turn
        if self._is_asking or (turn is not None and not turn.is_over):
            return
        if not fields.get("question", "").strip():
            self._refuse(RefusedError("Write a question first.", field="question"), is_sent=True)
            return
        self._is_asking = True
        try:
            await self._begin(fields)
        finally:
            self._is_asking = False

    async def _begin(self, fields: Mapping[str, str]) -> None:
        question = question_of(fields, self._history(), self._images.parts)
        run_id, batches = await self._outside.ask(self._key, question)
        standing = await self._outside.standing(self._key, run_id)
        images = self._images.parts
        turn = Turn(fields["question"].strip(), number=len(self._turns), standing=standing, images=images)
        self._images.clear()
        self._turns.append(turn)
        self._system = fields.get("system", "")
        self._send([
            *self._sound(),
            ["html", "plan", ""],
            ["drop", "welcome"],
            ["drop", "lately"],
            ["put", "turns", turn.id, turn.html()],
            ["attr", "question", "placeholder", "Go on …"],
            ["value", "question", ""],
            ["html", "images", ""],
            ["attr", "talk", "data-busy", ""],
            ["path", f"/runs/{run_id}", turn.title],
            ["bottom"],
        ])  # fmt: skip
        self._watch(batches, turn)

    def _history(self) -> list[Message]:
        """Return what was said so far; turns without an answer are left out."""
        said: list[Message] = []
        for turn in self._turns:
            if turn.answer.text:
                said.append(Message("user", (TextPart(turn.question), *turn.images)))
                said.append(Message("assistant", (TextPart(turn.answer.text),)))
        return said

    async def _plan(self, fields: Mapping[str, str]) -> None:
        """Say what the question would take; what is wrong with it is said when it is sent."""
        if not fields.get("question", "").strip():
            self._send([["html", "plan", ""]])
            return
        plan: Plan = await self._outside.plan(self._key, question_of(fields, self._history(), self._images.parts))
        self._send([["html", "plan", render("plan.html", plan=plan)], *self._sound()])

    async def _cancel(self, fields: Mapping[str, str]) -> None:  # noqa: ARG002 - all deeds are told their fields
        if self._turn is not None:
            await self._outside.cancel(self._key, self._turn.run_id)

    async def _resume(self, fields: Mapping[str, str]) -> None:  # noqa: ARG002 - all deeds are told their fields
        turn = self._turn
        if turn is None or not turn.is_over:
            return
        await self._outside.resume(self._key, turn.run_id)
        standing = await self._outside.standing(self._key, turn.run_id)
        again = Turn(turn.question, number=turn.number, standing=standing, images=turn.images)
        self._turns[-1] = again
        self._send(
            [["put", "turns", again.id, again.html()], ["attr", "talk", "data-busy", ""], ["html", "notice", ""]]
        )
        self._watch(self._outside.watch(self._key, turn.run_id), again)

    def _turn_of(self, fields: Mapping[str, str]) -> Turn | None:
        """Return the turn that something was done in; None where it is not there."""
        return next((turn for turn in self._turns if turn.id == fields.get("turn")), None)

    async def _call(self, fields: Mapping[str, str]) -> None:
        turn = self._turn_of(fields)
        if turn is not None:
            call_id = fields.get("call", "")
            ops = await self._drawer.open(turn, call_id)
            if ops and turn is self._turn:
                ops.append(["place", f"/runs/{turn.run_id}?call={quote(call_id)}"])
            self._send(ops)

    async def _close(self, fields: Mapping[str, str]) -> None:  # noqa: ARG002 - all deeds are told their fields
        turn = self._turn
        ops = self._drawer.shut()
        if turn is not None:
            ops.append(["place", f"/runs/{turn.run_id}"])
        self._send(ops)

    async def _image(self, fields: Mapping[str, str]) -> None:
        """Take a piece of an image that stands beside the question."""
        await self._outside.enter(self._key)
        if self._images.take(fields):
            self._send([["html", "images", self._images.html()], ["html", "notice", ""]])

    async def _drop_image(self, fields: Mapping[str, str]) -> None:
        self._images.drop(fields.get("file", ""))
        self._send([["html", "images", self._images.html()], ["focus", "attach"]])

    async def _unfold(self, fields: Mapping[str, str]) -> None:
        await self._outside.enter(self._key)
        turn = self._turn_of(fields)
        if turn is not None:
            self._send(turn.unfold(fields.get("agent", "")))

    async def _copy(self, fields: Mapping[str, str]) -> None:
        found = self._turn_of(fields)
        if found is not None:
            await self._outside.enter(self._key)
            self._send([["copy", found.answer.text]])

    def _watch(self, batches: AsyncGenerator[Sequence[Heard], None], turn: Turn) -> None:
        self._watching = self._tasks.start(self._follow(batches, turn))

    async def _follow(self, batches: AsyncGenerator[Sequence[Heard], None], turn: Turn) -> None:
        """Tell the browser what happens in a run until it is over, or the visitor's key is good no more."""
        try:
            async with aclosing(batches):
                async for batch in batches:
                    await self._outside.enter(self._key)
                    await turn.hear(batch)
                    self._send([*turn.changes(), *await self._drawer.follow()])
                    await asyncio.sleep(_BATCH_S)
                    if self.link is not None:
                        await self.link.drawn()
            standing = await self._outside.standing(self._key, turn.run_id)
            await turn.settle(standing.record)
            self._send([*turn.changes(), ["attr", "talk", "data-busy", None], ["say", turn.last_words]])
        except RefusedError as refused:
            self._refuse(refused)

    def _refuse(self, refused: RefusedError, *, is_sent: bool = False) -> None:
        """Say what is wrong, and mark the field that is at fault; the keyboard goes there once something was sent."""
        if refused.is_key_bad:
            self._send([["go", "/login"]])
            return
        ops: list[Op] = [*self._sound(), ["html", "notice", render("notice.html", message=refused.message)]]
        if refused.field in LABELS:
            self._faulty = refused.field
            ops.append(["attr", refused.field, "aria-invalid", "true"])
            ops.append(["attr", refused.field, "aria-describedby", "notice"])
            if refused.field in SETTINGS:
                ops.append(["attr", "settings", "open", ""])
            if is_sent:
                ops.append(["focus", refused.field])
        self._send(ops)

    def _sound(self) -> list[Op]:
        """Return what takes off what was said of a fault, and the mark of its field."""
        faulty, self._faulty = self._faulty, ""
        ops: list[Op] = [["html", "notice", ""]]
        ops += [["attr", faulty, name, None] for name in ("aria-invalid", "aria-describedby") if faulty]
        return ops

    def _send(self, ops: list[Op]) -> None:
        self._made = None
        if self.link is not None:
            self.link.send(ops)
