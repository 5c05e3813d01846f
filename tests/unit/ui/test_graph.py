"""Where the boxes stand, who reads whom, and where the keys lead."""

from __future__ import annotations

from attention_moa.agents import AgentSpec
from attention_moa.config import EnsembleSpec
from attention_moa.messages import Stage
from attention_moa.ui.call_story import CallStory, State
from attention_moa.ui.graph import Graph, layout, layout_of
from tests.worlds import a_spec


def many(count: int) -> EnsembleSpec:
    """Return an ensemble of so many agents."""
    return a_spec([AgentSpec(name=f"agent-{number}", model="test:m") for number in range(count)], layers=1)


def place(graph: Graph, key: str) -> tuple[int, int]:
    """Return where a box stands."""
    return graph.boxes[key].x, graph.boxes[key].y


def test_an_agent_has_a_column() -> None:
    """Its answer, the critiques that it got, and its refinement; each critic has a line; writers are in the middle."""
    graph = layout_of(a_spec(3, layers=1))
    assert [place(graph, f"1.{kind}.b") for kind in ("answer", "critique.a", "critique.c", "refine")] == [
        (2, 0), (2, 2), (2, 4), (2, 5),
    ]  # fmt: skip
    assert place(graph, "1.summary.a") == (2, 7)
    assert (graph.width, graph.height) == (6, 9)
    (block,) = graph.blocks
    assert [(row.title, row.y, row.height) for row in block.rows] == [
        ("answers", 0, 2), ("critiques", 2, 3), ("refinements", 5, 2), ("summary", 7, 2),
    ]  # fmt: skip


def test_a_box_says_what_it_is_and_what_it_reads() -> None:
    """In full for those who do not see it."""
    graph = layout_of(a_spec(2))
    box = graph.boxes["2.critique.a.b"]
    assert (box.name, box.label) == ("layer 2, critique of b by a", "a")
    assert box.reads == ("2.answer.a", "2.answer.b")
    assert graph.readers("2.critique.a.b") == ("2.refine.b",)
    assert graph.boxes["2.residual.a"].reads == ("1.summary.a", "2.summary.a")


def test_many_critiques_fold_into_a_matrix() -> None:
    """It reads all answers and is read by all refinements; those of one author may be shown one by one."""
    folded = layout_of(many(10))
    matrix = folded.matrices["1.critiques"]
    assert (len(matrix.critics), len(matrix.authors), len(matrix.cells)) == (10, 10, 100)
    assert len(folded.boxes["1.critiques"].reads) == 10
    assert folded.boxes["1.critiques"].name == "layer 1, 100 critiques"
    assert folded.boxes["1.refine.agent-3"].reads == ("1.answer.agent-3", "1.critiques")
    assert folded.nodes["1.critique.agent-1.agent-3"] == "1.critiques"
    assert not layout_of(many(8)).matrices
    shown = layout_of(many(10), unfolded="agent-3")
    assert len(shown.boxes) == len(folded.boxes) + 10
    assert shown.nodes["1.critique.agent-1.agent-3"] == "1.critique.agent-1.agent-3"
    assert "1.critiques" not in shown.boxes["1.refine.agent-3"].reads


def test_keys_lead_along_the_order_and_to_the_nearest_box_above_and_below() -> None:
    """At the border one stays where one is."""
    graph = layout_of(a_spec(3, layers=1))
    assert graph.move("1.answer.a", "previous") == "1.answer.a"
    assert graph.move("1.answer.a", "next") == "1.answer.b"
    assert graph.move("1.answer.c", "next") == "1.critique.a.a"
    assert graph.move("1.answer.c", "down") == "1.critique.a.c"
    assert graph.move("1.refine.c", "down") == "1.summary.a"
    assert graph.move("1.summary.a", "up") == "1.refine.b"
    assert graph.move("1.summary.a", "down") == graph.move("1.summary.a", "next") == "1.summary.a"
    assert graph.move("1.answer.b", "up") == "1.answer.b"


def test_further_answers_stand_beside_the_first() -> None:
    """With their numbers."""
    graph = layout_of(a_spec(2, layers=1), choices=2)
    box = graph.boxes["1.summary.a#2"]
    assert (box.name, box.label) == ("layer 1, summary by a, answer 2", "a #2")
    assert box.y == graph.boxes["1.summary.a"].y


def test_calls_of_nobody_known_stand_in_the_middle() -> None:
    """A critique of an author who gave no answer, say."""
    critique = CallStory(call_id="1.critique.x.y", stage=Stage.CRITIQUE, layer=1, agent="x", peer="y")
    answer = CallStory(call_id="1.answer.a", stage=Stage.ANSWER, layer=1, agent="a")
    graph = layout([answer, critique])
    assert place(graph, "1.critique.x.y") == (0, 2)
    assert layout([]).boxes == {}
    assert layout([]).height == 0


def test_one_walks_through_a_matrix_cell_by_cell() -> None:
    """Where there is no critique there is nothing to stop at."""
    spec = many(10)
    matrix = layout_of(spec).matrices["1.critiques"]
    cell = ("agent-4", "agent-4")
    assert matrix.move(cell, "next") == ("agent-4", "agent-5")
    assert matrix.move(cell, "previous") == ("agent-4", "agent-3")
    assert matrix.move(cell, "up") == ("agent-3", "agent-4")
    assert matrix.move(cell, "down") == ("agent-5", "agent-4")
    assert matrix.move(("agent-0", "agent-9"), "next") == ("agent-0", "agent-9")
    assert matrix.cell_name(("agent-0", "agent-9")) == "layer 1, critique of agent-9 by agent-0"
    del matrix.cells["agent-4", "agent-5"]
    assert matrix.move(cell, "next") == ("agent-4", "agent-6")


def test_a_matrix_says_how_far_it_is() -> None:
    """In words; a call that nobody has heard of waits."""
    matrix = layout_of(many(9)).matrices["1.critiques"]
    calls = {
        name: CallStory(call_id=name, stage=Stage.CRITIQUE, layer=1, agent="x", state=State.DONE)
        for name in list(matrix.cells.values())[:80]
    }
    assert matrix.told(calls) == "critiques of layer 1: 1 waiting, 80 done"
