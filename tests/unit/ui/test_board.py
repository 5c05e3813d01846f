"""The board beside an answer: what is drawn anew, and what folds."""

from __future__ import annotations

from collections.abc import Sequence

from attention_moa.agents import AgentSpec
from attention_moa.events import CallDelta, CallEvent, CallLost, CallQueued, CallStarted, RunStarted
from attention_moa.messages import Stage
from attention_moa.ui.components.board import Board
from attention_moa.ui.ops import Op
from attention_moa.ui.story import RunStory
from tests.worlds import a_spec

STARTED = RunStarted(run_id="r", at_s=0.0, ensemble="e", agents=("a", "b"), layers=1, planned_calls=9)


def about(agent: str, *, stage: Stage = Stage.ANSWER, at_s: float = 1.0) -> dict[str, object]:
    """Return the fields of an event of a call in the first layer."""
    return {
        "run_id": "r", "at_s": at_s, "call_id": f"1.{stage.value}.{agent}", "stage": stage, "layer": 1, "agent": agent,
    }  # fmt: skip


def a_board(agents: int | Sequence[AgentSpec] = 2, layers: int = 1) -> tuple[Board, RunStory]:
    """Return a board that was drawn once."""
    story = RunStory(a_spec(agents, layers=layers))
    board = Board("t", story, None)
    story.hear(STARTED)
    board.html()
    return board, story


def told(board: Board, story: RunStory, *events: CallEvent) -> list[Op]:
    """Return what is drawn anew after some events."""
    return board.changes(story.hear_all((None, event) for event in events))


def begun(agent: str) -> list[CallEvent]:
    """Return the events of an answer that was asked for."""
    return [CallQueued(**about(agent)), CallStarted(**about(agent), attempt=1)]  # type: ignore[arg-type]  # by name


def test_all_that_is_planned_stands_before_anything_begins() -> None:
    """Waiting, each call with a sign and a word."""
    board, _ = a_board()
    html = board.html()
    assert html.count("◌") == 9
    assert "a on b: waiting" in html


def test_only_what_an_event_touches_is_drawn_anew() -> None:
    """Another layer stays as it is."""
    board, story = a_board(layers=2)
    changed = {op[1] for op in told(board, story, *begun("a"))}
    assert "t-list" in changed
    assert "t-layer-1" in changed
    assert "t-layer-2" not in changed


def test_words_are_sent_as_text_and_alone() -> None:
    """A piece of a reply draws no part anew; names of agents are in no id."""
    board, story = a_board()
    told(board, story, *begun("a"))
    piece = CallDelta(**about("a"), text="<b>so")  # type: ignore[arg-type]  # by name
    assert told(board, story, piece) == [["text", "t-words-0", "<b>so"]]
    assert told(board, story, *begun("b"))[-1] == ["text", "t-words-0", "<b>so"]  # the list was drawn without them
    board.html()
    assert board.words() == [["text", "t-words-0", "<b>so"]]


def test_thinking_is_said_to_be_thinking() -> None:
    """What a model thinks is not shown."""
    board, story = a_board()
    piece = CallDelta(**about("a"), thinking="hm")  # type: ignore[arg-type]  # by name
    assert told(board, story, *begun("a"), piece)[-1] == ["text", "t-words-0", "thinks …"]


def test_a_lost_call_is_listed_with_its_reason_as_text() -> None:
    """Whatever is in it."""
    board, story = a_board()
    lost = CallLost(**about("a"), kind="ServerError", message="<script>", attempts=2)  # type: ignore[arg-type]  # by name
    html = " ".join(str(op[2]) for op in told(board, story, *begun("a"), lost))
    assert "lost: ServerError: &lt;script&gt;" in html
    assert "✕" in html


def test_a_stage_of_many_calls_is_told_in_numbers() -> None:
    """And of many calls under way the first ones are listed."""
    board, story = a_board([AgentSpec(name=f"n{number}", model="test:n") for number in range(30)])
    assert "900 waiting" in board.html()
    events = [event for number in range(30) for event in begun(f"n{number}")]
    ops = told(board, story, *events)
    listed = next(str(op[2]) for op in ops if op[1] == "t-list")
    assert listed.count("<li class=") == 11
    assert "and 20 more" in listed


def test_a_layer_that_nobody_planned_is_put_below() -> None:
    """As a run may tell that goes on elsewhere."""
    board, story = a_board()
    queued = CallQueued(**{**about("a"), "call_id": "2.answer.a", "layer": 2})  # type: ignore[arg-type]  # by name
    (op,) = [op for op in told(board, story, queued) if op[0] == "put"]
    assert op[:3] == ["put", "t-layers", "t-layer-2"]
    assert 'id="t-layer-2"' in str(op[3])
