"""Time and money of a run under way: what its browser is sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise

from msgspec.structs import replace

from attention_moa.records import RunRecord
from attention_moa.retelling import events_of
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.money_parts import money_parts
from attention_moa.ui.pages.money_screen import MoneyScreen
from attention_moa.ui.ports import Heard, RefusedError, Standing
from attention_moa.ui.tasks import Tasks
from attention_moa.ui.timeline import timeline_of_record
from attention_moa.usefulness import usefulness
from tests import virtual_time
from tests.page_shelf import RunShelf, a_plan, a_priced_run, look
from tests.screen_dom import ScreenDom

PARTS = ("run", "words", "time", "path", "plan", "agent", "stage", "useful", "count", "calls")


class LiveShelf(RunShelf):
    """A run that goes on while it is watched.

    Args:
        record: How it ends.
        batches: What is heard of it, of all its events: how many at a time, and an empty one between them.
        ends: Whether it is over then.
    """

    def __init__(self, record: RunRecord, batches: Sequence[int], *, ends: bool = True) -> None:
        begun = replace(record, state="running", layers=(), calls=(), text=None)
        super().__init__([begun], under_way=["run"])
        self.plan = a_plan(record)
        self._over = record
        self._batches = batches
        self._ends = ends

    async def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
        await self.standing(key, run_id)
        events = [Heard(number, event) for number, event in enumerate(events_of(self._over), 1)]
        yield events[after : self._batches[0]]
        for start, end in pairwise(self._batches):
            yield []
            yield events[start:end]
        if self._ends:
            self.records["run"] = self._over
            self.under_way.clear()


class Told:
    """A link that keeps what it sends, and when."""

    def __init__(self) -> None:
        self.messages: list[tuple[float, list[Op]]] = []

    def send(self, ops: list[Op]) -> None:
        if ops:
            self.messages.append((asyncio.get_running_loop().time(), ops))

    @property
    def ops(self) -> list[Op]:
        """All of them."""
        return [op for _, ops in self.messages for op in ops]


def watched(shelf: RunShelf) -> tuple[ScreenDom, Told]:
    """Return a page after all that happens to it, and what it was sent."""

    async def watch() -> tuple[ScreenDom, Told]:
        told = Told()
        async with Tasks() as tasks:
            screen = MoneyScreen(shelf, None, tasks, "/runs/run/money")  # type: ignore[arg-type]  # runs alone
            assert await screen.open("run")
            page = ScreenDom(screen.html())
            screen.link = told
            await screen.act("dance", {})
            screen.begin()
            await screen._watching  # type: ignore[misc]  # noqa: SLF001 - nothing else says when it is over
            screen.close()
        page.change(told.ops)
        return page, told

    return virtual_time.run(watch())


def test_it_goes_on_by_itself_and_ends_as_the_page_of_a_run_that_is_over() -> None:
    """In its place, and at its address; nothing is left that says it is under way."""
    record = a_priced_run()
    shelf = LiveShelf(record, [4, 9, 20, 30])
    page, told = watched(shelf)
    over = ScreenDom(look(shelf, "/runs/run/money").text)
    for part in PARTS:
        assert page.inside(f"money-{part}") == over.inside(f"money-{part}"), part
    assert page.words("money-live") == ""
    assert told.ops[-1] == ["place", "/runs/run/money"]


def test_while_it_is_under_way_it_says_so_and_shows_how_it_stands() -> None:
    """Calls, tokens and money so far; a run that goes on after the page lost sight of it is not called over."""
    page, told = watched(LiveShelf(a_priced_run(), [1, 9], ends=False))
    assert "It is under way" in page.words("money-live")
    assert "under way" in page.words("money-run")
    assert "at least" in page.words("money-plan")
    assert page.words("money-count") == "All 3 calls"
    assert page.words("money-useful") == ""
    assert [op for op in told.ops if op[0] == "place"] == []


def test_only_what_changed_is_sent_and_not_all_the_time() -> None:
    """A call that ended keeps its row; between two messages there is at least a second."""
    _, told = watched(LiveShelf(a_priced_run(), [20, 21, 22, 23], ends=False))
    rows = [[op[2] for op in ops if op[0] == "put"] for _, ops in told.messages]
    assert max(map(len, rows)) <= 4
    times = [at_s for at_s, _ in told.messages]
    assert all(later - sooner >= 1 for sooner, later in pairwise(times))


def test_time_goes_on_where_nothing_is_heard() -> None:
    """Calls that are out grow longer, and the next thing that is heard sets the clock right."""

    class Quiet(LiveShelf):
        async def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
            async for batch in super().watch(key, run_id, after=after):
                yield batch
                await asyncio.sleep(10 if not batch else 0)

    _, told = watched(Quiet(a_priced_run(), [4, 4, 5], ends=False))
    figures = [str(op[-1]) for op in told.ops if op[1] == "money-time"]
    lengths = [found for figure in figures for found in re.findall(r'aria-label="0 to ([^"]+)"', figure)]
    assert lengths[:2] == ["11 s", "22 s"]
    assert lengths[-1] == "0 s"


def test_whoever_may_see_it_no_more_is_sent_to_the_form() -> None:
    """As soon as something happens; where the run is gone nothing more is sent."""

    class Revoked(LiveShelf):
        async def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
            async for batch in super().watch(key, run_id, after=after):
                yield batch
                self.is_key_good = not after

    class Gone(LiveShelf):
        async def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
            async for batch in super().watch(key, run_id, after=after):
                yield batch
                if after:
                    raise RefusedError("there is no such run", code="run_not_found")

    assert watched(Revoked(a_priced_run(), [4, 9]))[1].ops[-1] == ["go", "/login"]
    assert [op for op in watched(Gone(a_priced_run(), [4, 9]))[1].ops if op[0] in ("go", "place")] == []


def test_names_stay_in_their_place_in_sentences() -> None:
    """Of whatever letters, marks and tags they are: records may be older than what names may be."""
    record = a_priced_run()
    standing = Standing(record=record, is_under_way=False, is_own=True, plan=None)
    useful = [replace(one, agent=f"\u202e{one.agent}\n<b>") for one in usefulness(record)]
    parts = money_parts(standing, record, timeline_of_record(record), useful)
    said = str(parts["money-words"])
    assert "\u2068⟦RLO⟧b &lt;b&gt;\u2069 is the least useful agent" in said
    assert "Removing \u2068⟦RLO⟧b &lt;b&gt;\u2069 would have saved" in said
    assert "\u202e" not in said + parts["money-useful"]


def test_a_run_that_is_over_has_nothing_to_show_there() -> None:
    """Whoever opens its address is sent on."""
    shelf = RunShelf([a_priced_run()])

    async def open_it() -> bool:
        screen = MoneyScreen(shelf, None, Tasks(), "/runs/run/money")  # type: ignore[arg-type]  # as above
        return await screen.open("run")

    assert not asyncio.run(open_it())
