"""A run played again on a page: what its browser is sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from attention_moa.ui.ops import Op
from attention_moa.ui.pages.player import Player
from attention_moa.ui.ports import Visitor
from attention_moa.ui.replay import replay_of
from attention_moa.ui.tasks import Tasks
from tests import virtual_time
from tests.page_shelf import RunShelf, a_priced_run


class Sent:
    """A browser that notes what it is sent, and when."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.at_s: list[float] = []

    def send(self, ops: list[Op]) -> None:
        self.ops += ops
        self.at_s.append(asyncio.get_running_loop().time())

    def last(self, *start: str) -> str:
        """Return the last part of the newest change that begins so."""
        found = [op for op in self.ops if op[: len(start)] == list(start)]
        return str(found[-1][-1]) if found else ""

    @property
    def step(self) -> int:
        """The step that the browser was told last."""
        found = re.search(r"step (\d+)", self.last("html", "replay-where"))
        return int(found[1]) if found else 0


def play(scene: Callable[[Player, Sent, RunShelf], Awaitable[None]], *, step: int = 0) -> None:
    """Play a scene with an open page, in virtual time."""
    shelf = RunShelf([a_priced_run()])

    async def whole() -> None:
        standing = await shelf.standing(None, "run")
        replay = replay_of(standing.record)
        replay.to_step(step)
        async with Tasks() as tasks:
            player = Player(shelf, None, tasks, standing=standing, replay=replay)  # type: ignore[arg-type]  # runs alone
            player.html(Visitor(name="", is_admin=False))
            sent = Sent()
            player.link = sent
            await scene(player, sent, shelf)

    virtual_time.run(whole())


def test_it_is_played_in_real_time_to_its_end() -> None:
    """It takes as long as the run took; then it stands still, and the next press begins anew."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:
        seconds = shelf.records["run"].wall_s
        await player.act("play", {})
        assert sent.last("text", "replay-play") == "Pause"
        while sent.last("text", "replay-play") == "Pause":
            await asyncio.sleep(0.1)
        assert abs(sent.at_s[-1] - seconds) < 0.3
        assert "The run is finished." in sent.last("html", "replay-where")
        assert sent.last("say") == "The end of the replay"
        assert "finished" in sent.last("html", "replay-state")
        await player.act("play", {})
        assert sent.step == 0

    play(scene)


def test_a_speed_is_chosen() -> None:
    """Faster, and an event at a time; one that there is not changes nothing."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:
        await player.act("speed", {"speed": "20"})
        await player.act("play", {})
        while sent.last("text", "replay-play") == "Pause":
            await asyncio.sleep(0.05)
        assert sent.at_s[-1] < shelf.records["run"].wall_s / 3
        await player.act("step", {"to": "0"})
        await player.act("speed", {"speed": "steps"})
        await player.act("speed", {"speed": "light"})
        began_s = asyncio.get_running_loop().time()
        await player.act("play", {})
        await asyncio.sleep(0.75)
        assert sent.step == 1
        await asyncio.sleep(0.7)
        assert sent.step == 2
        assert asyncio.get_running_loop().time() - began_s < 2

    play(scene)


def test_steps_go_on_and_back() -> None:
    """Each has an address; playing stops; what is out of range is the nearest, what is no number nothing."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:
        await player.act("play", {})
        await player.act("step", {"to": "5"})
        assert (sent.step, sent.last("place")) == (5, "/runs/run/replay?step=5")
        assert sent.last("text", "replay-play") == "Play"
        await player.act("step", {"to": "6"})
        there = sent.last("html", "replay-where")
        await player.act("step", {"by": "-4"})
        assert sent.step == 2
        assert sent.last("html", "replay-board")
        await player.act("step", {"by": "+4"})
        assert sent.last("html", "replay-where") == there
        await player.act("step", {"to": "999999"})
        steps = sent.step
        assert "The run is finished." in sent.last("html", "replay-where")
        await player.act("step", {"to": "six"})
        await player.act("dance", {})
        assert sent.step == steps
        assert len(shelf.records) == 1

    play(scene)


def test_the_slider_goes_anywhere_and_playing_goes_on_from_there() -> None:
    """To a step; nothing where it says none."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene's signature
        await player.act("play", {})
        await player.act("seek", {"step": "30"})
        assert sent.step == 30
        assert sent.last("value", "replay-slider") == "30"
        await player.act("seek", {"step": ""})
        await asyncio.sleep(1.2)
        assert sent.step > 30
        player.close()

    play(scene)


def test_a_call_is_opened_on_the_runs_own_page() -> None:
    """By its name, whatever that holds."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene's signature
        await player.act("call", {"call": "1.answer.a/b"})
        assert sent.last("go") == "/runs/run?call=1.answer.a%2Fb"

    play(scene)


def test_critiques_stay_unfolded_on_the_way_back() -> None:
    """As somebody chose."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene's signature
        await player.act("unfold", {"agent": "a"})
        assert sent.last("html", "replay-graph")
        await player.act("step", {"by": "-1"})
        assert "critiques" in sent.last("html", "replay-board")

    play(scene, step=20)


def test_whoever_may_see_it_no_more_is_sent_away() -> None:
    """While it plays, and with the next press; where the run is gone the page says so."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:
        await player.act("play", {})
        shelf.is_key_good = False
        await asyncio.sleep(1)
        assert sent.last("go") == "/login"
        shelf.is_key_good = True
        shelf.records.clear()
        await player.act("step", {"by": "1"})
        assert "there is no run" in sent.last("html", "notice")

    play(scene)


def test_where_nobody_listens_nothing_is_sent() -> None:
    """A page that is not linked yet."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene's signature
        player.link = None
        await player.act("step", {"by": "1"})
        assert sent.ops == []

    play(scene)
