"""A run played again on a page: what its browser is sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from attention_moa.records import RunRecord
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.player import Player
from attention_moa.ui.ports import Visitor
from attention_moa.ui.replay import replay_of
from attention_moa.ui.tasks import Tasks
from tests import virtual_time
from tests.page_shelf import RunShelf, a_priced_run
from tests.screen_dom import ScreenDom
from tests.worlds import World, a_spec


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


NOBODY = Visitor(name="", is_admin=False)


def play(
    scene: Callable[[Player, Sent, RunShelf], Awaitable[None]], *, step: int = 0, record: RunRecord | None = None
) -> None:
    """Play a scene with an open page, in virtual time."""
    shelf = RunShelf([a_priced_run() if record is None else replace(record, run_id="run")])

    async def whole() -> None:
        standing = await shelf.standing(None, "run")
        replay = replay_of(standing.record)
        replay.to_step(step)
        async with Tasks() as tasks:
            player = Player(shelf, None, tasks, standing=standing, replay=replay)  # type: ignore[arg-type]  # runs alone
            player.html(NOBODY)
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
        assert sent.last("value", "replay-slider") == "", "it stands there already"
        await player.act("seek", {"step": ""})
        await asyncio.sleep(1.2)
        assert sent.step > 30
        assert sent.last("value", "replay-slider") == str(sent.step)
        player.close()

    play(scene)


def test_a_call_is_opened_on_the_runs_own_page() -> None:
    """By its name, whatever that holds."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene's signature
        await player.act("call", {"call": "1.answer.a/b"})
        assert sent.last("go") == "/runs/run?call=1.answer.a%2Fb"

    play(scene)


def test_a_slider_that_is_drawn_on_is_followed_to_its_newest_place() -> None:
    """What it passed on the way, while the key was looked at, is not drawn."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:
        shelf.takes_s = 0.5
        async with asyncio.TaskGroup() as group:
            for step in ("5", "30", "12"):
                group.create_task(player.act("seek", {"step": step}))
        assert [op[1] for op in sent.ops if op[0] == "place"] == ["/runs/run/replay?step=12"]

    play(scene)


def test_on_the_way_back_only_what_differs_is_sent() -> None:
    """Neither the graph nor the board is drawn anew; and what then stands there is what stands there on the way on."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:
        standing = await shelf.standing(None, "run")
        for step in (40, 41, 38, 3, 2, 39, 10, 0, 7):
            page = ScreenDom(player.html(NOBODY))
            del sent.ops[:]
            await player.act("seek", {"step": str(step)})
            assert {op[1] for op in sent.ops}.isdisjoint({"replay-board", "replay-graph"})
            page.change(sent.ops)
            replay = replay_of(standing.record)
            replay.to_step(step)
            fresh = Player(shelf, None, Tasks(), standing=standing, replay=replay)  # type: ignore[arg-type]  # as above
            other = ScreenDom(fresh.html(NOBODY))
            for part in ("replay-board", "replay-state", "replay-jumps", "replay-where"):
                assert page.inside(part) == other.inside(part)
            assert page.words("replay-answer") == other.words("replay-answer")

    play(scene)


def test_a_step_back_of_a_run_of_many_calls_sends_little() -> None:
    """As much as the step on had sent: what one event changed."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene's signature
        await player.act("step", {"to": "200"})
        del sent.ops[:]
        await player.act("step", {"by": "1"})
        on = len(str(sent.ops))
        del sent.ops[:]
        await player.act("step", {"by": "-1"})
        assert len(str(sent.ops)) < 1.5 * on

    play(scene, record=World(a_spec(10, layers=1)).run())


def test_critiques_stay_unfolded_on_the_way_back() -> None:
    """As somebody chose."""

    async def scene(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene's signature
        await player.act("unfold", {"agent": "a"})
        page = ScreenDom(player.html(NOBODY))
        unfolded = sent.last("html", "replay-graph").count('class="box')
        del sent.ops[:]
        await player.act("step", {"by": "-1"})
        page.change(sent.ops)
        assert str(page.inside("replay-graph")).count("box x-") == unfolded > 12

    play(scene, step=200, record=World(a_spec(10, layers=1)).run())


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


def test_what_stands_in_the_place_of_an_answer_is_true_at_each_step() -> None:
    """That it is written last, until the run is over; then that there is none, or nothing beside it."""

    async def to_the_end(player: Player, sent: Sent, shelf: RunShelf) -> None:  # noqa: ARG001 - a scene
        await player.act("step", {"by": "+1"})
        assert sent.last("text", "replay-none") == "The answer is written last."
        await player.act("seek", {"step": "999"})

    async def without(player: Player, sent: Sent, shelf: RunShelf) -> None:
        await to_the_end(player, sent, shelf)
        assert sent.last("text", "replay-none") == "There is no answer."
        assert "There is no answer." in player.html(NOBODY)

    async def with_one(player: Player, sent: Sent, shelf: RunShelf) -> None:
        await to_the_end(player, sent, shelf)
        assert sent.last("text", "replay-none") == ""

    play(without, record=a_priced_run(state="interrupted", text=None, layers=()))
    play(with_one)
