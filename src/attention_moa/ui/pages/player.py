"""A run played again on a page: at any speed, step by step, forwards and back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from attention_moa.ui.components.answer import AnswerText
from attention_moa.ui.components.board import Board
from attention_moa.ui.events_told import told
from attention_moa.ui.figures import clock
from attention_moa.ui.files import Files
from attention_moa.ui.html import render
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.run_head import run_head
from attention_moa.ui.pages.screen import Sender
from attention_moa.ui.ports import Outside, RefusedError, Standing, Visitor
from attention_moa.ui.replay import Replay
from attention_moa.ui.tasks import Tasks

_LEAST_S, _MOST_S = 0.05, 0.25
"""Seconds between two messages while it plays: fewer events go together, and the clock is not left standing."""

_STEP_S = 0.7
"""Seconds for an event where a run is played step by step."""

SPEEDS = {
    "steps": "step by step",
    "0.25": "a quarter of its speed",
    "0.5": "half its speed",
    "1": "in real time",
    "2": "2 times",
    "5": "5 times",
    "20": "20 times",
    "100": "100 times",
}
"""How fast it is played, in words."""

_AT = "replay"


class Player:
    """A run played again on a page that is open in some browser.

    Args:
        outside: The world outside: asked whether the key is still good, for as long as it plays.
        key: The visitor's; None where there are none.
        tasks: Holds the player while it plays.
        standing: The run.
        replay: It, to be played again.
    """

    def __init__(self, outside: Outside, key: str | None, tasks: Tasks, *, standing: Standing, replay: Replay) -> None:
        """Stand where the replay stands, and be silent."""
        self.link: Sender | None = None
        self._outside = outside
        self._key = key
        self._tasks = tasks
        self._standing = standing
        self._replay = replay
        self._speed = "1"
        self._at_s = replay.at_s
        self._slider = replay.step
        self._sought: Mapping[str, str] = {}
        self._playing: asyncio.Task[None] | None = None
        self._answer = AnswerText(f"{_AT}-answer")
        self._board = Board(_AT, replay.story, standing.plan, run_id=standing.record.run_id)

    def html(self, visitor: Visitor) -> Markup:
        """Return the page as it is now.

        Args:
            visitor: Whose page it is.
        """
        self._set_answer()
        return render(
            "replay.html",
            files=Files.address,
            visitor=visitor,
            head=run_head(self._standing, "replay"),
            is_under_way=self._standing.is_under_way,
            run_id=self._standing.record.run_id,
            board=self._board.html(),
            answer=self._answer.html(),
            instead=self._none(),
            where=self._where(),
            steps=self._replay.steps,
            step=self._replay.step,
            jumps=self._jumps(),
            speeds=SPEEDS,
            speed=self._speed,
            state=self._state(),
        )

    def close(self) -> None:
        """Play no more."""
        if self._playing is not None:
            self._playing.cancel()
            self._playing = None

    async def act(self, what: str, fields: Mapping[str, str]) -> None:
        """Do what a button or a key says; whoever may do it no more is sent to the form."""
        deeds = {
            "play": self._play,
            "step": self._step,
            "seek": self._seek,
            "speed": self._set_speed,
            "unfold": self._unfold,
            "call": self._call,
        }
        deed = deeds.get(what)
        if deed is None:
            return
        if what == "seek":
            self._sought = fields
        try:
            await self._outside.standing(self._key, self._standing.record.run_id)
            if what != "seek" or fields is self._sought:  # a slider that is drawn on is followed to its newest place
                deed(fields)
        except RefusedError as refused:
            self._refuse(refused)

    def _play(self, fields: Mapping[str, str]) -> None:  # noqa: ARG002 - all deeds are told their fields
        if self._playing is not None:
            self._stop()
            return
        if self._replay.step >= self._replay.steps:
            self._go_to(0)
        self._playing = self._tasks.start(self._go_on())
        self._send(self._told_playing())

    def _step(self, fields: Mapping[str, str]) -> None:
        """Go to a step, or some steps on or back: ``by`` is told with a sign."""
        self._stop()
        by = whole(fields.get("by", ""))
        step = whole(fields.get("to", "")) if by is None else self._replay.step + by
        if step is not None:
            self._go_to(step)
            self._send([["place", self._address()]])

    def _seek(self, fields: Mapping[str, str]) -> None:
        """Go where the slider stands; where it plays it goes on from there."""
        step = whole(fields.get("step", ""))
        if step is not None:
            self._slider = step
            self._go_to(step)
            self._send([["place", self._address()]])

    def _set_speed(self, fields: Mapping[str, str]) -> None:
        """Play at another speed from here on."""
        speed = fields.get("speed", "")
        if speed in SPEEDS:
            self._speed = speed

    def _unfold(self, fields: Mapping[str, str]) -> None:
        """Show the critiques of an author one by one, as far as the graph folds them."""
        self._send(self._board.graph.unfold(fields.get("agent", "")))

    def _call(self, fields: Mapping[str, str]) -> None:
        """Open a call on the run's own page."""
        run_id, call = (quote(name, safe="") for name in (self._standing.record.run_id, fields.get("call", "")))
        self._send([["go", f"/runs/{run_id}?call={call}"]])

    async def _go_on(self) -> None:
        """Play until the end, or until whoever watches may do so no more."""
        clock_s = asyncio.get_running_loop().time
        try:
            while self._replay.next_s is not None:
                began_s = clock_s()
                await asyncio.sleep(self._pause_s())
                await self._outside.enter(self._key)
                if self._speed == "steps":
                    self._go_to(self._replay.step + 1)
                else:
                    self._at_s += (clock_s() - began_s) * float(self._speed)
                    self._go_to(self._replay.step_at(self._at_s), at_s=self._at_s)
            self._playing = None
            self._send([*self._told_playing(), ["say", "The end of the replay"]])
        except RefusedError as refused:
            self._playing = None
            self._refuse(refused)

    def _pause_s(self) -> float:
        """Return how long to wait: for the next event, but so long that the clock goes on."""
        next_s = self._replay.next_s
        if self._speed == "steps" or next_s is None:
            return _STEP_S
        return min(max((next_s - self._at_s) / float(self._speed), _LEAST_S), _MOST_S)

    def _stop(self) -> None:
        """Play no more, and say so."""
        if self._playing is not None:
            self.close()
            self._send([*self._told_playing(), ["place", self._address()]])

    def _go_to(self, step: int, *, at_s: float | None = None) -> None:
        """Go to a step, and tell the browser what is new there.

        Args:
            step: It.
            at_s: The time, in seconds of the run; None for that of the step's event.
        """
        before = self._replay.step
        changed = self._replay.to_step(step)
        self._at_s = self._replay.at_s if at_s is None else at_s
        ops: list[Op] = [["html", f"{_AT}-where", self._where()]]
        if self._replay.step != before:
            self._set_answer()
            ops += [*self._board.changes(changed), *self._answer.changes()]
            ops.append(["text", f"{_AT}-none", self._none()])
            ops += [["html", f"{_AT}-state", self._state()], ["html", f"{_AT}-jumps", self._jumps()]]
        if self._replay.step != self._slider:
            self._slider = self._replay.step
            ops.append(["value", f"{_AT}-slider", str(self._slider)])
        self._send(ops)

    def _set_answer(self) -> None:
        story = self._replay.story
        answer = story.answers.get(0)
        self._answer.set("" if answer is None else answer.text, is_over=story.head.state not in {None, "running"})

    def _none(self) -> str:
        """Return what stands in the place of an answer of which there is no text."""
        story = self._replay.story
        answer = story.answers.get(0)
        if answer is not None and (answer.text or answer.tool_calls):
            return "" if answer.text else "The answer calls tools."
        return "The answer is written last." if story.head.state in {None, "running"} else "There is no answer."

    def _where(self) -> Markup:
        """Return which moment it is: the clock, and the newest event in words."""
        replay = self._replay
        moment = replay.moments[replay.step - 1] if replay.step else None
        return render(
            "replay-where.html",
            clock=clock(min(self._at_s, replay.seconds)),
            whole=clock(replay.seconds),
            event="Nothing has begun." if moment is None else told(moment.event),
            step=replay.step,
            steps=replay.steps,
        )

    def _state(self) -> Markup:
        state = self._replay.story.head.state
        return render("replay-state.html", state=state)

    def _jumps(self) -> Markup:
        """Return the ways to other steps, which are addresses too."""
        return render(
            "replay-jumps.html",
            step=self._replay.step,
            steps=self._replay.steps,
            at=f"/runs/{quote(self._standing.record.run_id, safe='')}/replay",
        )

    def _address(self) -> str:
        return f"/runs/{quote(self._standing.record.run_id, safe='')}/replay?step={self._replay.step}"

    def _told_playing(self) -> list[Op]:
        is_playing = self._playing is not None
        return [
            ["text", f"{_AT}-play", "Pause" if is_playing else "Play"],
            ["attr", f"{_AT}-play", "aria-pressed", "true" if is_playing else "false"],
        ]

    def _refuse(self, refused: RefusedError) -> None:
        if refused.is_key_bad:
            self._send([["go", "/login"]])
        else:
            self._send([["html", "notice", render("notice.html", message=refused.message)]])

    def _send(self, ops: list[Op]) -> None:
        if self.link is not None:
            self.link.send(ops)


def whole(told_number: str) -> int | None:
    """Return a whole number, with a sign or without; None for anything else."""
    digits = told_number.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        return None
    return -int(digits) if told_number.startswith("-") else int(digits)
