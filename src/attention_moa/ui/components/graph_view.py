"""The graph of a run as HTML: a box a call, a row a stage, a block a layer; what changes is told box by box.

An event costs what it touches and no more: a box's state is one change, its newest words another. Only a call that
nobody planned has the graph drawn anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from attention_moa.messages import Stage
from attention_moa.ui.call_story import CallStory, State
from attention_moa.ui.changes import Changed
from attention_moa.ui.graph import MOST_COLUMNS, Box, Graph, Row, layout
from attention_moa.ui.html import render
from attention_moa.ui.matrix import Matrix
from attention_moa.ui.ops import Op
from attention_moa.ui.story import RunStory
from attention_moa.ui.visible import visible
from attention_moa.ui.words import shown_name

_WORDS = 160
"""Most characters of a reply that stand in a box."""

_FOLDED_COLUMNS = 6
"""Boxes beside each other where lines are broken anyway: a name is to be read in each."""

_OF_AGENTS = (Stage.ANSWER, Stage.CRITIQUE, Stage.REFINE)
_WITH_REASON = (State.RETRIED, State.LOST, State.CANCELLED, State.NOT_MADE)


class Face(NamedTuple):
    """What a box says of its call's state.

    A class for its colour, a sign, a word, all of it for who sees none, and how often it was tried again.
    """

    kind: str
    sign: str
    word: str
    told: str
    again: str = ""


class BoxView(NamedTuple):
    """A box as it is drawn; ``moves`` are the ids of the boxes above, below, before and behind it."""

    id: str
    box: Box
    href: str
    face: Face
    words: str
    reads: str
    moves: tuple[str, str, str, str]


class CellView(NamedTuple):
    """A critique in a folded matrix."""

    id: str
    call_id: str
    face: Face


class MatrixView(NamedTuple):
    """A folded matrix: the names of its columns, and its rows by their names; None where nobody criticises."""

    id: str
    told: str
    authors: list[str]
    rows: list[tuple[str, list[CellView | None]]]
    moves: tuple[str, str, str, str]


class RowView(NamedTuple):
    """One stage of a layer: lines of boxes, with a matrix before them where critiques are folded."""

    title: str
    stage: str
    is_alone: bool
    matrix: MatrixView | None
    lines: list[list[BoxView]]


class LayerView(NamedTuple):
    """One layer."""

    id: str
    kind: str
    head: Markup
    rows: list[RowView]


class GraphView:
    """The graph of one run.

    Args:
        at: The id of the turn that it stands beside.
        story: The run.
        run_id: Its id.
    """

    def __init__(self, at: str, story: RunStory, run_id: str) -> None:
        """Draw nothing yet."""
        self._at = at
        self._story = story
        self._run_id = run_id
        self._unfolded: str | None = None
        self._graph: Graph = layout(())
        self._numbers: dict[str, int] = {}
        self._folded: set[str] = set()
        self._faces: dict[str, Face] = {}
        self._words: dict[str, str] = {}
        self._heads: dict[int, tuple[str, Markup]] = {}

    def html(self) -> Markup:
        """Return the whole graph as it is now."""
        return Markup('<div id="{}-graph" class="graph">{}</div>').format(self._at, self._inside())

    def changes(self, changed: Changed) -> list[Op]:
        """Return what has to be drawn anew.

        Args:
            changed: What changed in the story.
        """
        if changed.has_graph:
            return self._anew()
        ops: list[Op] = []
        for name in sorted(changed.calls, key=lambda call_id: self._numbers[call_id]):
            ops += self._call_ops(self._story.calls[name])
        for layer in sorted(changed.layers):
            ops += self._layer_ops(layer)
        return ops

    def unfold(self, agent: str) -> list[Op]:
        """Return what shows the critiques of an author one by one; of nobody, where there is no such agent."""
        names = {spec.name for spec in self._story.spec.agents}
        self._unfolded = agent if agent in names else None
        return self._anew()

    def box_id(self, call_id: str) -> str:
        """Return the id of what shows a call."""
        key = self._graph.nodes.get(call_id)
        if key == call_id:
            return self._id(call_id)
        return self._cell_id(call_id) if call_id in self._folded else f"{self._at}-graph"

    def _anew(self) -> list[Op]:
        return [["html", f"{self._at}-graph", self._inside()]]

    # --------------------------------------------------------------------------------------------------- all of it

    def _inside(self) -> Markup:
        calls = self._story.calls.values()
        columns = MOST_COLUMNS if len(self._story.spec.agents) <= MOST_COLUMNS else _FOLDED_COLUMNS
        self._graph = layout(calls, most_columns=columns, unfolded=self._unfolded)
        self._numbers = {name: number for number, name in enumerate(self._story.calls)}
        self._folded = {name for matrix in self._graph.matrices.values() for name in matrix.cells.values()}
        self._faces.clear()
        self._words.clear()
        return render(
            "graph.html",
            at=self._at,
            columns=self._graph.width // 2,
            layers=[self._layer_view(block.layer, block.rows) for block in self._graph.blocks],
            first=next(iter(self._graph.boxes), None),
            is_folded=bool(self._graph.matrices),
            agents=[agent.name for agent in self._story.spec.agents],
            unfolded=self._unfolded,
            shown=shown_name,
        )

    def _layer_view(self, layer: int, rows: tuple[Row, ...]) -> LayerView:
        kind, head = self._heads[layer] = self._head(layer)
        views = [self._row_view(row) for row in rows]
        return LayerView(self._layer_id(layer), kind, head, views)

    def _row_view(self, row: Row) -> RowView:
        matrix = next(
            (self._matrix_view(self._graph.matrices[key]) for key in row.keys[:1] if self._is_matrix(key)), None
        )
        boxes = [self._graph.boxes[key] for key in row.keys if not self._is_matrix(key)]
        lines = [[self._box_view(box) for box in line] for _, line in groupby(boxes, key=lambda box: box.line)]
        is_alone = len(boxes) == 1 and row.stage not in _OF_AGENTS
        return RowView(row.title, row.stage.value, is_alone, matrix, lines)

    def _box_view(self, box: Box) -> BoxView:
        call = self._story.calls[box.key]
        face, words = self._faces[self._id(box.key)], self._words[box.key] = _face(call), _words(call)
        return BoxView(
            id=self._id(box.key),
            box=box,
            href=self._href(box.key),
            face=face,
            words=words,
            reads=" ".join(self._id(key) for key in box.reads),
            moves=self._moves(box.key),
        )

    def _matrix_view(self, matrix: Matrix) -> MatrixView:
        def cell(critic: str, author: str) -> CellView | None:
            name = matrix.cells.get((critic, author))
            if name is None:
                return None
            face = self._faces[self._cell_id(name)] = _face(self._story.calls[name])
            return CellView(self._cell_id(name), name, face)

        return MatrixView(
            id=self._id(matrix.key),
            told=matrix.told(self._story.calls),
            authors=[shown_name(author) for author in matrix.authors],
            rows=[
                (shown_name(critic), [cell(critic, author) for author in matrix.authors]) for critic in matrix.critics
            ],
            moves=self._moves(matrix.key),
        )

    def _moves(self, key: str) -> tuple[str, str, str, str]:
        up, down, previous, following = (
            self._id(self._graph.move(key, move)) for move in ("up", "down", "previous", "next")
        )
        return up, down, previous, following

    def _head(self, layer: int) -> tuple[str, Markup]:
        """Return a layer's class, and its title."""
        told = self._story.layers[layer]
        is_interrupted = told.state is State.CANCELLED and self._story.head.state == "interrupted"
        word = "interrupted" if is_interrupted else told.state.value
        head = render("layer_head.html", layer=told, word=word, most=max(self._story.layers), run_id=self._run_id)
        return _kind(told.state), head

    # ------------------------------------------------------------------------------------------------- what changed

    def _call_ops(self, call: CallStory) -> Iterator[Op]:
        """Yield the changes of the box of a call, and of its cell."""
        name, face = call.call_id, _face(call)
        is_box = name in self._graph.boxes
        for place in (
            *((self._id(name),) if is_box else ()),
            *((self._cell_id(name),) if name in self._folded else ()),
        ):
            if self._faces.get(place) != face:
                self._faces[place] = face
                yield ["state", place, *face]
        words = _words(call)
        if is_box and self._words.get(name) != words:
            self._words[name] = words
            yield ["text", f"{self._id(name)}-words", words]

    def _layer_ops(self, layer: int) -> Iterator[Op]:
        matrix = self._graph.matrices.get(f"{layer}.critiques")
        if matrix is not None:
            yield ["attr", self._id(matrix.key), "aria-label", matrix.told(self._story.calls)]
        if layer not in self._heads:
            return  # it has no call
        before, after = self._heads[layer], self._head(layer)
        self._heads[layer] = after
        if before[0] != after[0]:
            yield ["attr", self._layer_id(layer), "class", f"layer {after[0]}"]
        if before[1] != after[1]:
            yield ["html", f"{self._layer_id(layer)}-head", after[1]]

    # --------------------------------------------------------------------------------------------------------- names

    def _is_matrix(self, key: str) -> bool:
        return key in self._graph.matrices

    def _id(self, key: str) -> str:
        """Return the id of a box: numbers alone, since names may hold anything."""
        matrix = self._graph.matrices.get(key)
        return f"{self._at}-matrix-{matrix.layer}" if matrix is not None else f"{self._at}-box-{self._numbers[key]}"

    def _cell_id(self, call_id: str) -> str:
        return f"{self._at}-cell-{self._numbers[call_id]}"

    def _layer_id(self, layer: int) -> str:
        return f"{self._at}-layer-{layer}"

    def _href(self, call_id: str) -> str:
        return f"/runs/{quote(self._run_id, safe='')}?call={quote(call_id, safe='')}"


def _kind(state: State) -> str:
    return f"is-{state.value.replace(' ', '-')}"


def _face(call: CallStory) -> Face:
    again = f"{State.RETRIED.sign}{call.retries}" if call.retries else ""
    return Face(_kind(call.state), call.state.sign, call.state.value, call.told, again)


def _words(call: CallStory) -> str:
    """Return what stands in a call's box: why it is as it is, else the newest words of its reply, or its first ones."""
    if call.state in _WITH_REASON and call.why:
        return visible(call.why[:_WORDS])
    if not call.words:
        return "thinks …" if call.thinks else ""
    return visible(call.words[:_WORDS] if call.state.is_over else call.words[-_WORDS:])
