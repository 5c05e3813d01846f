"""The graph of any ensemble: every call has its place, no two boxes lie over each other, and keys reach all of them."""

from __future__ import annotations

import random
from typing import Literal

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.call_plan import planned_calls
from attention_moa.config import AttentionSpec, EnsembleSpec
from attention_moa.ui.graph import Graph, layout, layout_of
from attention_moa.ui.matrix import Move
from attention_moa.ui.story import RunStory
from tests.baseline_world import STRATEGIES, a_baseline
from tests.property.test_retelling import a_story
from tests.worlds import a_spec

SEEDS = range(12)


def an_ensemble(seed: int) -> EnsembleSpec:
    """Return Attention-MoA in some form, with few agents or many."""
    draw = random.Random(seed)
    size = draw.choice([1, 2, 3, 8, 9, 20])
    agents = [AgentSpec(name=f"agent-{number}", model="test:m") for number in range(size)]
    peers: Literal["all"] | int = "all" if draw.random() < 0.5 else min(size - 1, 2)
    attention = AttentionSpec(own=draw.random() < 0.7, peers=peers, mode=draw.choice(["pairwise", "panel"]))
    return a_spec(agents, layers=draw.randint(1, 3), attention=attention)


def require_sound(graph: Graph, calls: set[str]) -> None:
    """Fail unless a graph can be drawn and walked."""
    assert graph.nodes.keys() == calls
    assert set(graph.nodes.values()) <= graph.boxes.keys()
    taken: set[tuple[int, int]] = set()
    for box in graph.boxes.values():
        squares = {(x, y) for x in range(box.x, box.x + box.width) for y in range(box.y, box.y + box.height)}
        assert not squares & taken, box
        taken |= squares
        assert box.x >= 0
        assert box.x + box.width <= graph.width
        assert box.y + box.height <= graph.height
    for box in graph.boxes.values():
        assert all(graph.boxes[read].y < box.y for read in box.reads if "#" not in box.key), box
    assert [key for line in graph.lines for key in line] == list(graph.boxes)
    assert [key for block in graph.blocks for row in block.rows for key in row.keys] == list(graph.boxes)
    assert len({box.name for box in graph.boxes.values()}) == len(graph.boxes)


def require_reached(graph: Graph) -> None:
    """Fail unless each key leads on: to all boxes along the order and back, and line by line."""
    order = list(graph.boxes)
    assert walk(graph, order[0], "next") == order
    assert walk(graph, order[-1], "previous") == order[::-1]
    for key in order:
        box = graph.boxes[key]
        below = graph.boxes[graph.move(key, "down")]
        assert below.line == min(box.line + 1, len(graph.lines) - 1)
        assert graph.boxes[graph.move(key, "up")].line == max(box.line - 1, 0)
        assert all(key in graph.boxes[reader].reads for reader in graph.readers(key))


def walk(graph: Graph, key: str, move: Move) -> list[str]:
    """Return the boxes that one comes to until nothing follows."""
    found = [key]
    while (after := graph.move(found[-1], move)) != found[-1]:
        found.append(after)
    return found


@pytest.mark.parametrize("columns", [1, 3, 8])
def test_every_call_of_an_ensemble_has_its_place(columns: int) -> None:
    """Folded or not, on a narrow screen and a wide one, with one author's critiques unfolded or none."""
    for seed in SEEDS:
        spec = an_ensemble(seed)
        calls = {call.call_id for call in planned_calls(spec)}
        for unfolded in (None, "agent-0", "nobody"):
            graph = layout_of(spec, most_columns=columns, unfolded=unfolded)
            require_sound(graph, calls)
            require_reached(graph)
            assert graph.width <= columns * 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_call_of_a_baseline_has_its_place(strategy: str) -> None:
    """Further answers too."""
    for choices in (1, 3):
        spec = a_baseline(strategy, agents=4)
        graph = layout_of(spec, choices=choices, most_columns=3)
        require_sound(graph, {call.call_id for call in planned_calls(spec, choices)})
        require_reached(graph)


@pytest.mark.parametrize("strategy", ["attention-moa", *STRATEGIES])
def test_calls_that_nobody_planned_find_their_place_too(strategy: str) -> None:
    """Fallbacks, and whoever writes the answer of a run that stopped early."""
    for seed in SEEDS:
        story, cut = a_story(strategy, seed)
        story.live(cut)
        heard = RunStory(story.spec)
        heard.hear_all([(None, event) for event in story.events])
        graph = layout(heard.calls.values())
        require_sound(graph, set(heard.calls))
        require_reached(graph)
