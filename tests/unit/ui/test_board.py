"""The board beside an answer: numbers, limits, lost calls; its graph has tests of its own."""

from __future__ import annotations

from msgspec.structs import replace

from attention_moa.events import CallCancelled, CallLost, RunFinished
from attention_moa.messages import Stage
from attention_moa.records import UsageTotal
from attention_moa.rules import LimitSpec
from attention_moa.ui.components.board import Board
from attention_moa.ui.ops import Op
from attention_moa.ui.story import RunStory
from tests.graph_world import STARTED, about, begun, finished
from tests.journals import a_call
from tests.worlds import a_spec


def a_board(limits: LimitSpec | None = None) -> tuple[Board, RunStory]:
    """Return a board that was drawn once."""
    story = RunStory(replace(a_spec(2, layers=1), limits=limits or LimitSpec()))
    board = Board("t", story, None)
    story.hear(STARTED)
    board.html()
    return board, story


def told(board: Board, story: RunStory, *events: object) -> list[Op]:
    """Return what is drawn anew after some events."""
    return board.changes(story.hear_all((None, event) for event in events))  # type: ignore[misc]  # any events


def test_counts_of_states_have_a_sign_and_a_word() -> None:
    """Nothing is told by a colour alone, and a state without a call is not there."""
    board, story = a_board()
    (numbers,) = [str(op[2]) for op in told(board, story, *begun("a")) if op[1] == "t-numbers"]
    assert "◔</span> 1 running" in numbers
    assert "◌</span> 8 waiting" in numbers
    assert "lost" not in numbers


def test_calls_that_were_broken_off_are_no_finished_ones() -> None:
    """What was sent and what never was are told apart, as the command line does."""
    board, story = a_board()
    ended = CallCancelled(**about("a"))  # type: ignore[arg-type]  # by name
    never = CallCancelled(**about("b"))  # type: ignore[arg-type]  # as above
    numbers = next(str(op[2]) for op in told(board, story, *begun("a"), ended, never) if op[1] == "t-numbers")
    assert "<dd>0 <small>of 9</small></dd>" in numbers
    assert "⊘</span> 1 broken off" in numbers
    assert "⊘</span> 1 not sent" in numbers


def test_a_part_that_reads_as_before_is_not_sent_again() -> None:
    """The same event told twice draws nothing."""
    board, story = a_board()
    told(board, story, STARTED)
    assert told(board, story, STARTED) == []


def test_limits_are_told_with_how_far_the_run_is() -> None:
    """In words, and as a bar whose width is an attribute."""
    board, story = a_board(LimitSpec(tokens=100))
    ops = told(board, story, *begun("a"), finished("a", input_tokens=60, output_tokens=25))
    numbers = next(str(op[2]) for op in ops if op[1] == "t-numbers")
    assert "85 of 100 tokens (85%), near its limit" in numbers
    assert 'class="fill" width="85.0"' in numbers
    assert "style=" not in numbers


def test_a_lost_call_is_listed_with_its_reason_as_text() -> None:
    """Whatever is in it."""
    board, story = a_board()
    lost = CallLost(**about("a"), kind="ServerError", message="<script>", attempts=2)  # type: ignore[arg-type]  # by name
    html = " ".join(str(op[2]) for op in told(board, story, *begun("a"), lost) if op[1] == "t-lost")
    assert "lost: ServerError: &lt;script&gt;" in html
    assert "✕" in html


def test_of_many_lost_calls_the_first_are_listed() -> None:
    """And the rest is counted."""
    board, story = a_board()
    events = [
        CallLost(**about(agent, stage=stage), kind="ServerError", message="m", attempts=1)  # type: ignore[arg-type]  # by name
        for agent in ("a", "b", "c", "d")
        for stage in (Stage.ANSWER, Stage.REFINE)
    ]
    html = next(str(op[2]) for op in told(board, story, *events) if op[1] == "t-lost")
    assert html.count('class="is-lost"') == 6
    assert "and 2 more" in html


def test_calls_whose_end_came_after_the_runs_are_as_the_record_has_them() -> None:
    """Whoever cancels a run is not told of replies that were whole just then: they are paid for, and kept."""
    board, story = a_board()
    over = RunFinished(run_id="r", at_s=3.0, state="cancelled", text=None, usage=UsageTotal())
    ops = told(board, story, *begun("a"), *begun("b"), over)
    assert "⊘</span> 2 broken off" in next(str(op[2]) for op in ops if op[1] == "t-numbers")
    ended = (
        a_call("1.answer.a", text="It scatters."),
        a_call("1.answer.b", agent="b", state="cancelled"),
        a_call("9.answer.x"),
    )
    numbers = next(str(op[2]) for op in board.changes(story.settle(ended)) if op[1] == "t-numbers")
    assert "⊘</span> 1 broken off" in numbers
    assert "<dd>1 <small>of 9</small></dd>" in numbers
    assert story.calls["1.answer.a"].words == "It scatters."
    assert not story.settle((a_call("1.answer.b", agent="b", state="lost"),))
