"""A turn while its run goes on: what the layers came to, until the answer comes."""

from __future__ import annotations

import asyncio
import re

import pytest
from msgspec.structs import replace

from attention_moa.cli.account import account
from attention_moa.errors import ServerError
from attention_moa.events import AnswerDelta, AnswerReset, Event, LayerFinished, RunFinished
from attention_moa.messages import user
from attention_moa.records import UsageTotal
from attention_moa.ui.pages.turn import Turn, turns_of
from attention_moa.ui.pairs import pair
from attention_moa.ui.ports import Heard, Standing
from tests.page_shelf import RunShelf, a_priced_run, look
from tests.worlds import Says, World, a_spec, verdict


def a_turn() -> Turn:
    """Return a turn that was drawn once, of which nothing was heard."""
    standing = Standing(record=a_priced_run(), is_under_way=True, is_own=True, plan=None)
    turn = Turn("Why?", number=0, standing=standing)
    turn.html()
    return turn


def over(layer: int, output: str | None) -> LayerFinished:
    """Return the event of a layer's end."""
    return LayerFinished(run_id="run", at_s=float(layer), layer=layer, output=output, usage=UsageTotal())


def told(turn: Turn, *events: Event) -> dict[str, str]:
    """Return what is drawn anew after some events, by the ids of the parts."""
    asyncio.run(turn.hear([Heard(None, event) for event in events]))  # type: ignore[arg-type]  # without numbers
    return {str(op[1]): str(op[2]) for op in turn.changes() if op[0] == "html"}


def test_what_a_layer_came_to_is_shown_until_the_answer_comes() -> None:
    """As Markdown that does nothing; the newest layer's alone, with its number, and once."""
    turn = a_turn()
    shown = told(turn, over(1, "It is **blue** <script>."))["turn-0-so-far"]
    assert "After layer 1 of" in shown
    assert "<strong>blue</strong> &lt;script&gt;" in shown
    assert shown in turn.html()
    assert "turn-0-so-far" not in told(turn, over(1, "It is **blue** <script>."))
    assert "It was red" in told(turn, over(2, "It was red. " * 1000))["turn-0-so-far"]
    assert told(turn, AnswerDelta(run_id="run", at_s=3.0, text="It"))["turn-0-so-far"] == ""


def test_it_comes_back_where_what_was_told_of_the_answer_does_not_stand() -> None:
    """And is gone for good once the run is over, also where it has no answer."""
    turn = a_turn()
    told(turn, over(1, "Blue."), AnswerDelta(run_id="run", at_s=3.0, text="It"))
    assert "Blue." in told(turn, AnswerReset(run_id="run", at_s=3.5, message="broke off"))["turn-0-so-far"]
    end = RunFinished(run_id="run", at_s=4.0, state="failed", text=None, error="no answer", usage=UsageTotal())
    assert told(turn, end)["turn-0-so-far"] == ""


def test_a_layer_that_came_to_nothing_shows_nothing() -> None:
    """What the layer before it came to stays."""
    turn = a_turn()
    assert "turn-0-so-far" not in told(turn, over(1, None))
    assert "Blue." in told(turn, over(1, "Blue."))["turn-0-so-far"]
    assert "turn-0-so-far" not in told(turn, over(2, None))


def counted(board: str, word: str) -> int:
    """Return how many calls a board, or a line of an account, says are in a state."""
    found = re.search(rf"(\d+) {word}", board)
    return int(found[1]) if found else 0


WORLDS: dict[str, dict[str, Says]] = {
    "lost and not made": {"1.answer.a": ServerError("down")},
    "a critique": {"1.critique.a.b": ServerError("down"), "2.critique.b.c": ServerError("down")},
    "a reply of no use": {"residual": lambda request: verdict(request, is_stop=False) or ""},
    "nothing": {},
}


@pytest.mark.parametrize("script", WORLDS.values(), ids=WORLDS)
def test_what_is_lost_and_not_made_is_one_number_everywhere(script: dict[str, Says]) -> None:
    """On the board, under the answer, on the page of money, beside another run, and in the command line's account."""
    world = World(a_spec(3), script)
    record = world.run()
    standing = Standing(record=record, is_under_way=False, is_own=True, plan=None)
    turn = Turn("Why?", number=0, standing=standing)
    asyncio.run(turn.hear([Heard(number, event) for number, event in enumerate(world.events, 1)]))
    asyncio.run(turn.settle(record))
    board, end = (re.sub(r"<[^>]*>", " ", part) for part in turn.html().split("<footer"))
    told = "\n".join(account(record, has_table=False))
    calls, _, unmade = told.partition("not made: ")
    money = look(RunShelf([record]), "/runs/run/money").text
    by_stage = re.sub(r"<[^>]*>", " ", money[money.index('id="money-stage"') : money.index('id="money-useful"')])
    beside = {line.what: line.a for line in pair(record, record).lines}
    lost = counted(calls.partition("calls: ")[2], "lost")
    assert [counted(part, "lost\\b") for part in (board, end)] == [lost, lost]
    assert sum(map(int, re.findall(r"(\d+) lost", by_stage))) == lost == int(beside["lost"])
    assert [counted(part, "not made") for part in (board, end)] == [counted(unmade, "call")] * 2


@pytest.mark.parametrize("where", ["/runs", "/runs/run/money", "/compare?run=run&run=more", "turn"])
def test_a_question_turns_nothing(where: str) -> None:
    """What would turn the direction stands as a sign in every heading, as it does in an answer."""
    asked = "Is this \u202eexe.txt safe? <b>"
    record = replace(a_priced_run(), conversation=(user(asked),))
    if where == "turn":
        (turn,), _ = turns_of(Standing(record=record, is_under_way=False, is_own=True, plan=None))
        page = str(turn.html())
    else:
        page = look(RunShelf([record, replace(record, run_id="more")]), where).text
    assert "\u202e" not in page
    assert "⟦RLO⟧exe.txt safe? &lt;b&gt;" in re.sub(r"</?bdi[^>]*>", "", page)
