"""Two runs side by side."""

from __future__ import annotations

from attention_moa.messages import Stage
from attention_moa.records import RunRecord
from attention_moa.ui.pairs import matrices, pair
from tests.worlds import Says, World, a_spec


def a_run(script: dict[str, Says] | None = None, *, agents: int = 2, layers: int = 1) -> RunRecord:
    """Return a run in which some stages say something else."""
    return World(a_spec(agents, layers=layers), script).run()


def test_two_equal_runs_are_equal_in_all() -> None:
    """Every call, every quantity."""
    shown = pair(a_run(), a_run())
    assert all(line.is_same for line in shown.lines)
    assert all(call.is_same for call in shown.calls)
    assert len(shown.calls) == 9
    assert shown.difference.has_same_answer
    assert [line.what for line in shown.lines][:4] == ["ensemble", "state", "layers", "calls"]


def test_what_differs_is_told_call_by_call() -> None:
    """With both texts, and why."""
    shown = pair(a_run(), a_run({"summary": "The sky is blue."}))
    (call,) = (call for call in shown.calls if not call.is_same)
    assert (call.call_id, call.stage, call.layer, call.causes) == ("1.summary.a", Stage.SUMMARY, 1, ("reply",))
    assert (call.name, call.text_a, call.text_b) == ("layer 1, summary by a", "says 1.summary.a", "The sky is blue.")
    assert "".join(piece.text for piece in call.pieces() if piece.side != "A") == "The sky is blue."


def test_a_call_that_only_one_of_them_has_is_there() -> None:
    """Those of B behind those of A."""
    shown = pair(a_run(), a_run(agents=3))
    assert [call.call_id for call in shown.calls][-7:] == [
        "1.answer.c", "1.critique.a.c", "1.critique.b.c", "1.critique.c.a", "1.critique.c.b", "1.critique.c.c",
        "1.refine.c",
    ]  # fmt: skip
    assert (shown.calls[-1].text_a, shown.calls[-1].causes) == (None, ("only in B",))
    assert "".join(piece.text for piece in shown.calls[-1].pieces()) == "says 1.refine.c"
    assert next(line for line in shown.lines if line.what == "calls")[1:] == ("9", "16", False)
    other_way = pair(a_run(agents=3), a_run())
    assert {call.text_b for call in other_way.calls if call.call_id.endswith("refine.c")} == {None}


def test_quantities_are_told_in_words() -> None:
    """What is unknown is said to be."""
    told = {line.what: line.a for line in pair(a_run(), a_run()).lines}
    assert (told["cost"], told["prompt tokens"], told["time"], told["state"]) == ("unknown", "90", "0 s", "finished")


def test_who_moved_whom_is_shown_cell_by_cell() -> None:
    """In both runs, and by how much more in B; what only one has is unknown of the other."""
    said: dict[str, Says] = {
        "answer": "The sky is blue.", "critique.a": "Mention Rayleigh scattering.", "critique.b": "Good.",
        "refine": "The sky is blue. Rayleigh scattering.",
    }  # fmt: skip
    (shown,) = matrices(a_run(said), a_run(said | {"critique.a": "Good."}))
    assert (shown.layer, shown.agents) == (1, ("a", "b"))
    cell = shown.rows[0][1]
    assert (cell.critic, cell.author, cell.a, cell.b) == ("a", "b", 1.0, 0.0)
    assert cell.more == -1.0
    first, second = matrices(a_run(), a_run(agents=3, layers=2))
    assert first.agents == ("a", "b", "c")
    assert first.rows[0][2].a is None
    assert first.rows[0][2].more is None
    assert second.layer == 2
    assert second.rows[0][0].a is None
