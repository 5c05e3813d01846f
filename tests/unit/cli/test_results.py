"""What there is of a run that did not end."""

from __future__ import annotations

from attention_moa.cli.results import best_so_far
from attention_moa.errors import ServerError
from attention_moa.records import LayerRecord, RunRecord
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
