"""The graph as it is drawn: boxes and cells, what an event changes of them, what folds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attention_moa.agents import AgentSpec
from attention_moa.events import CallDelta, CallEvent, CallQueued, CallRetried, CallStarted, LayerFinished, RunStarted
from attention_moa.messages import Stage
from attention_moa.ui.components.board import Board
from attention_moa.ui.components.graph_view import GraphView
from attention_moa.ui.ops import Op
from attention_moa.ui.story import RunStory
from tests.graph_world import STARTED, about, begun, finished
from tests.worlds import a_spec

MANY = [AgentSpec(name=f"n{number}", model="test:n") for number in range(30)]


def a_graph(agents: int | Sequence[AgentSpec] = 2, layers: int = 1) -> tuple[GraphView, RunStory]:
    """Return a graph that was drawn once."""
    story = RunStory(a_spec(agents, layers=layers))
    graph = GraphView("t", story, "run 1")
    story.hear(STARTED)
    graph.html()
    return graph, story


def told(graph: GraphView, story: RunStory, *events: CallEvent | LayerFinished | RunStarted) -> list[Op]:
    """Return what is drawn anew after some events."""
    return graph.changes(story.hear_all((None, event) for event in events))


def test_all_that_is_planned_stands_before_anything_begins() -> None:
    """Waiting, each call with a sign, a word, and what it is in full; an address leads to each."""
    graph, _ = a_graph()
    html = graph.html()
    assert len(re.findall(r'class="box ', html)) == 9
    assert html.count('class="sign">◌') == 9
    assert ">layer 1, critique of b by a: waiting</span>" in html
    assert 'href="/runs/run%201?call=1.critique.a.b"' in html
    assert "style=" not in html


def test_a_call_that_begins_changes_its_box_and_its_layers_head_alone() -> None:
    """The box is told its class, its sign, its word, and all of it in words."""
    graph, story = a_graph(layers=2)
    box, layer, head = told(graph, story, *begun("a"))
    assert box == ["state", "t-box-0", "is-running", "◔", "running", "layer 1, answer by a: running", ""]
    assert layer == ["attr", "t-layer-1", "class", "layer is-running"]
    assert head[:2] == ["html", "t-layer-1-head"]


def test_words_come_as_text_and_alone() -> None:
    """A piece of a reply changes nothing else, and what would not be seen in it has a sign."""
    graph, story = a_graph()
    told(graph, story, *begun("a"))
    piece = CallDelta(**about("a"), text="<b>so\u202e")  # type: ignore[arg-type]  # by name
    assert told(graph, story, piece) == [["text", "t-box-0-words", "<b>so⟦RLO⟧"]]
    assert "&lt;b&gt;so⟦RLO⟧" in graph.html()


def test_thinking_is_said_to_be_thinking() -> None:
    """What a model thinks is not shown."""
    graph, story = a_graph()
    piece = CallDelta(**about("a"), thinking="hm")  # type: ignore[arg-type]  # by name
    assert ["text", "t-box-0-words", "thinks …"] in told(graph, story, *begun("a"), piece)


def test_a_finished_box_shows_the_first_words_and_one_under_way_the_last_ones() -> None:
    """So that a box that is done reads from its start."""
    graph, story = a_graph()
    text = "first " + 100 * "word " + "last"
    piece = CallDelta(**about("a"), text=text)  # type: ignore[arg-type]  # by name
    words = next(str(op[2]) for op in told(graph, story, *begun("a"), piece) if op[1] == "t-box-0-words")
    assert words.endswith("last")
    words = next(str(op[2]) for op in told(graph, story, finished("a", text=text)) if op[1] == "t-box-0-words")
    assert words.startswith("first")


def test_a_retried_call_says_why_in_its_box() -> None:
    """In the place of words that do not stand any more."""
    graph, story = a_graph()
    retried = CallRetried(**about("a"), attempt=1, kind="RateLimitError", message="slow down", wait_s=2.0)  # type: ignore[arg-type]  # by name
    ops = told(graph, story, *begun("a"), retried)
    assert ["text", "t-box-0-words", "RateLimitError: slow down; again after 2.0 s"] in ops


def test_a_finished_call_still_says_that_it_was_tried_again() -> None:
    """A small sign with how often, in words for who does not see it; and the counts of the board have it."""
    graph, story = a_graph()
    fields = about("a", at_s=1.5)
    retried = CallRetried(**fields, attempt=1, kind="ServerError", message="down", wait_s=0.1)  # type: ignore[arg-type]  # by name
    again = CallStarted(**about("a", at_s=1.7), attempt=2)  # type: ignore[arg-type]  # as above
    ops = told(graph, story, *begun("a"), retried, again, finished("a"))
    assert ["state", "t-box-0", "is-done", "●", "done", "layer 1, answer by a: done, after 1 retry", "↻1"] in ops
    assert '<span class="again">↻1</span>' in graph.html()
    assert story.after_retry == 1
    told(graph, story, *begun("b"), finished("b"))
    assert (story.after_retry, story.calls["1.answer.b"].told) == (1, "layer 1, answer by b: done")
    numbers = Board("t", story, None).html()
    assert "2 done, 1 of them after a retry" in numbers


def test_an_event_that_says_nothing_new_draws_nothing() -> None:
    """Neither box nor head."""
    graph, story = a_graph()
    told(graph, story, *begun("a"))
    assert told(graph, story, *begun("a")) == []


def test_boxes_know_what_they_read_and_what_stands_beside_them() -> None:
    """By ids, for the pointer and for the arrows of a keyboard."""
    graph, _ = a_graph()
    html = str(graph.html())
    refine = next(tag for tag in re.findall(r"<a [^>]*>", html) if 'data-call="1.refine.a"' in tag)
    assert {"t-box-0"} <= set(re.findall(r"t-box-\d+", refine.partition("data-reads")[2].partition("data-up")[0]))
    assert re.search(r'data-up="t-box-\d+" data-down="t-box-\d+" data-left="t-box-\d+" data-right="t-box-\d+"', refine)


def test_one_box_is_in_the_way_of_the_tab_key() -> None:
    """The others are reached by arrows."""
    graph, _ = a_graph()
    boxes = re.findall(r'<a class="box [^>]*>', graph.html())
    assert sum('tabindex="-1"' not in box for box in boxes) == 1


def test_critiques_of_many_agents_fold_into_a_matrix() -> None:
    """A cell is told its state as a box is; the matrix counts them; an agent's can be unfolded."""
    graph, story = a_graph(MANY)
    html = graph.html()
    assert html.count('class="cell is-waiting"') == 900
    assert 'aria-label="critiques of layer 1: 900 waiting"' in html
    ops = told(graph, story, *begun("n0", "n1", stage=Stage.CRITIQUE))
    cell = next(op for op in ops if op[0] == "state")
    assert str(cell[1]).startswith("t-cell-")
    assert cell[2:] == ["is-running", "◔", "running", "layer 1, critique of n1 by n0: running", ""]
    assert any(op[2] == "aria-label" and "1 running" in str(op[3]) for op in ops)
    assert graph.box_id("1.critique.n0.n1") == cell[1]


def test_unfolded_critiques_stand_in_boxes_beside_their_cells() -> None:
    """Both are told what happens; unfolding nobody folds them again."""
    graph, story = a_graph(MANY)
    ((verb, place, html),) = graph.unfold("n1")
    assert (verb, place) == ("html", "t-graph")
    assert str(html).count('class="box ') == 30 + 30 + 30 + 1 + (1 if "1.residual" in str(html) else 0)
    ops = [op for op in told(graph, story, *begun("n0", "n1", stage=Stage.CRITIQUE)) if op[0] == "state"]
    assert {str(op[1]).rpartition("-")[0] for op in ops} == {"t-box", "t-cell"}
    assert graph.box_id("1.critique.n0.n1").startswith("t-box-")
    assert "1.critique.n0.n1" not in re.findall(r'<a [^>]*data-call="([^"]*)"', str(graph.unfold("nobody")[0][2]))


def test_a_call_that_nobody_planned_has_the_graph_drawn_anew() -> None:
    """As a fallback's, or one of a run that goes on elsewhere."""
    graph, story = a_graph()
    queued = CallQueued(**{**about("z"), "call_id": "2.answer.z", "layer": 2})  # type: ignore[arg-type]  # by name
    ((verb, place, html),) = told(graph, story, queued)
    assert (verb, place) == ("html", "t-graph")
    assert 'id="t-layer-2"' in str(html)


def test_a_call_that_is_not_drawn_is_shown_by_the_graph_as_a_whole() -> None:
    """So that the keyboard has somewhere to go back to."""
    graph, _ = a_graph()
    assert graph.box_id("never") == "t-graph"


def test_a_layer_without_a_call_changes_nothing() -> None:
    """It has no place in the graph."""
    graph, story = a_graph()
    over = LayerFinished(run_id="r", at_s=1.0, layer=7, output=None, usage=story.used)
    assert told(graph, story, over) == []


def test_names_are_text_whatever_is_in_them() -> None:
    """No name is in an id, and none can close a tag."""
    graph, story = a_graph()
    names = 'a"><b>', "\u05d0\u05d1"
    queued = (CallQueued(**{**about(name), "call_id": f"1.answer.{name}"}) for name in names)  # type: ignore[arg-type]  # by name
    ((_, _, html),) = told(graph, story, *queued)
    assert "<b>" not in str(html)
    assert "a&#34;&gt;&lt;b&gt;" in str(html)
    assert "\u2068\u05d0\u05d1\u2069" in str(html)
