"""What there is of a run that did not end."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from attention_moa.cli.results import best_so_far, print_outcome
from attention_moa.cli.running import Outcome
from attention_moa.cli.views import Form
from attention_moa.errors import ServerError
from attention_moa.messages import Stage, ToolCall
from attention_moa.records import Choice, LayerRecord, Loss, RunRecord
from tests.worlds import World, a_spec


def without(record: RunRecord, **fields: object) -> RunRecord:
    """Return a run's record without its text, its one layer changed."""
    from msgspec.structs import replace

    layer: LayerRecord = replace(record.layers[0], **fields)
    return replace(record, text=None, layers=(layer,))


def test_the_best_text_is_the_latest_stage_s() -> None:
    """An output, else a refined answer, else an answer, else nothing; each says what it is."""
    record = World(a_spec(2, layers=1)).run()
    assert best_so_far(record) == ("says 1.summary.a", "the best output so far")
    assert best_so_far(without(record)) == ("says 1.refine.a", "a's refined answer, the best so far")
    assert best_so_far(without(record, refinements={})) == ("says 1.answer.a", "a's own answer, the best so far")
    assert best_so_far(without(record, refinements={}, answers={})) is None


def test_an_answer_that_stands_in_for_a_refinement_is_called_an_answer() -> None:
    """And a lost answer is no text."""
    record = World(a_spec(2, layers=1), {"1.answer.a": ServerError("x"), "1.refine.b": ServerError("x")}).run()
    assert best_so_far(without(record)) == ("says 1.answer.b", "b's own answer, the best so far")


def test_an_answer_is_printed_with_its_tool_calls_and_further_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """As a server's run may have them that is taken up here; one that is lost stays out."""
    record = World(a_spec(2, layers=1)).run()
    lost = Loss(stage=Stage.SUMMARY, layer=1, agent="a", kind="ServerError", message="down")
    more = Choice(text="another", finish_reason="stop", call_id="1.summary.a#3")
    record = replace(record, text="", tool_calls=(ToolCall("c1", "look", "{}"),), choices=(lost, more))
    for form in (Form.QUIET, Form.ANSWER):
        print_outcome(Outcome(record), form=form, has_table=False)
        assert capsys.readouterr().out == "Call of the tool look: {}\n\n[answer 3]\n\nanother\n"
