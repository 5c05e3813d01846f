"""Where the boxes of a run's graph stand, who reads whom, and how a keyboard goes through them. Pure.

A block is a layer, a row in it a stage, a box a call. A column is an agent: its answer stands above the critiques that
it got, one line a critic, and these above its refinement. Where there are more agents than columns, lines are broken,
and the critiques of a layer fold into one box: a matrix, rows critics and columns authors. Units are abstract: a box is
two wide and two high, one of many critiques one high.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.call_plan import planned_calls
from attention_moa.config import EnsembleSpec
from attention_moa.messages import Stage
from attention_moa.ui.call_story import waiting
from attention_moa.ui.matrix import Matrix, Move
from attention_moa.ui.words import call_name, shown_name

MOST_COLUMNS = 8
_ORDER = (
    Stage.ANSWER,
    Stage.CRITIQUE,
    Stage.REFINE,
    Stage.SELECT,
    Stage.EXTRACT,
    Stage.SUMMARY,
    Stage.RESIDUAL,
    Stage.REPAIR,
)
_TITLES = {
    Stage.ANSWER: "answers",
    Stage.CRITIQUE: "critiques",
    Stage.REFINE: "refinements",
    Stage.SELECT: "selection",
    Stage.EXTRACT: "difference",
}
_OF_AGENTS = (Stage.ANSWER, Stage.CRITIQUE, Stage.REFINE)
_WIDE, _HIGH, _LOW = 2, 2, 1
_MATRIX_HIGH = 4
_GAP = 1


class Placed(Protocol):
    """A call that has a place in the graph: of a plan, of a run under way, of a record."""

    @property
    def call_id(self) -> str:
        """Its name."""
        ...

    @property
    def stage(self) -> Stage:
        """What it is for."""
        ...

    @property
    def layer(self) -> int:
        """From 1."""
        ...

    @property
    def agent(self) -> str:
        """Who speaks."""
        ...

    @property
    def peer(self) -> str | None:
        """The author, for a critique of one."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The calls that it waits for."""
        ...


class Box(Struct, frozen=True, kw_only=True):
    """A call, or all critiques of a layer, in its place.

    Args:
        key: The call's name; ``1.critiques`` for a matrix.
        stage: The row's.
        layer: From 1.
        name: What it is called in full, for those who do not see where it stands.
        label: What stands on it.
        x: Its left side.
        y: Its upper side, from the top of the graph.
        width: In the same units.
        height: In the same units.
        line: Which line of boxes it is in, from 0 at the top.
        reads: The boxes that it reads.
    """

    key: str
    stage: Stage
    layer: int
    name: str
    label: str
    x: int
    y: int
    width: int
    height: int
    line: int
    reads: tuple[str, ...] = ()


class Row(NamedTuple):
    """One stage of a layer: its title, and its place from the top of the graph."""

    stage: Stage
    title: str
    y: int
    height: int
    keys: tuple[str, ...]


class Block(NamedTuple):
    """One layer: its rows, and its place from the top of the graph."""

    layer: int
    y: int
    height: int
    rows: tuple[Row, ...]


class Graph(Struct, frozen=True, kw_only=True):
    """The whole graph.

    Args:
        width: Of the widest line.
        height: Of all.
        blocks: The layers, from the top.
        boxes: By key, in the order in which they are read.
        matrices: By key.
        lines: The keys of each line of boxes, from the top, each from the left.
        nodes: The box that shows a call, by the call's name.
    """

    width: int
    height: int
    blocks: tuple[Block, ...]
    boxes: dict[str, Box]
    matrices: dict[str, Matrix]
    lines: tuple[tuple[str, ...], ...]
    nodes: dict[str, str]

    def move(self, key: str, move: Move) -> str:
        """Return the box beside one: along the reading order, or the nearest one of the line above or below.

        Args:
            key: Where one is.
            move: Where to.

        Returns:
            The same one at the border.
        """
        box = self.boxes[key]
        if move in ("next", "previous"):
            order = list(self.boxes)
            place = order.index(key) + (1 if move == "next" else -1)
            return order[place] if 0 <= place < len(order) else key
        line = box.line + (1 if move == "down" else -1)
        if not 0 <= line < len(self.lines):
            return key
        return min(self.lines[line], key=lambda other: abs(_middle(self.boxes[other]) - _middle(box)))

    def readers(self, key: str) -> tuple[str, ...]:
        """Return the boxes that read one."""
        return tuple(box.key for box in self.boxes.values() if key in box.reads)


def layout_of(
    spec: EnsembleSpec, *, choices: int = 1, most_columns: int = MOST_COLUMNS, unfolded: str | None = None
) -> Graph:
    """Return the graph of an ensemble, as it stands before anything has begun.

    Args:
        spec: The ensemble.
        choices: How many answers are written.
        most_columns: As in ``layout``.
        unfolded: As in ``layout``.
    """
    return layout(map(waiting, planned_calls(spec, choices)), most_columns=most_columns, unfolded=unfolded)


def layout(calls: Iterable[Placed], *, most_columns: int = MOST_COLUMNS, unfolded: str | None = None) -> Graph:
    """Return the graph of some calls.

    Args:
        calls: Those of a plan, a story or a record, each once.
        most_columns: Boxes beside each other at most, from 1; with more agents lines are broken, and critiques fold.
        unfolded: The author whose critiques are shown one by one all the same; None for nobody's.
    """
    by_layer: dict[int, list[Placed]] = {}
    for call in calls:
        by_layer.setdefault(call.layer, []).append(call)
    widest = max((len(_agents(of_it)) for of_it in by_layer.values()), default=0)
    pen = _Pen(min(max(widest, 1), most_columns), unfolded)
    for layer in sorted(by_layer):
        pen.draw_layer(layer, by_layer[layer])
    return pen.graph()


def _agents(calls: Iterable[Placed]) -> tuple[str, ...]:
    """Return who answers in a layer, or, where nobody does, who speaks."""
    names = dict.fromkeys(call.agent for call in calls if call.stage is Stage.ANSWER and "#" not in call.call_id)
    return tuple(names)


def _middle(box: Box) -> float:
    return box.x + box.width / 2


class _Pen:
    """Draws blocks from the top down."""

    def __init__(self, columns: int, unfolded: str | None) -> None:
        self._columns = columns
        self._unfolded = unfolded
        self._y = 0
        self._blocks: list[Block] = []
        self._boxes: dict[str, Box] = {}
        self._reads: dict[str, tuple[str, ...]] = {}
        self._matrices: dict[str, Matrix] = {}
        self._lines: list[tuple[str, ...]] = []
        self._nodes: dict[str, str] = {}

    def draw_layer(self, layer: int, calls: Sequence[Placed]) -> None:
        top, agents = self._y, _agents(calls)
        rows: list[Row] = []
        for stage in _ORDER:
            of_stage = [call for call in calls if call.stage is stage]
            if of_stage:
                rows.append(self._draw_row(stage, of_stage, agents))
        self._blocks.append(Block(layer, top, self._y - top, tuple(rows)))
        self._y += _GAP

    def graph(self) -> Graph:
        boxes: dict[str, Box] = {}
        for key, box in self._boxes.items():
            nodes = (self._nodes.get(name) for name in self._reads[key])
            reads = tuple(dict.fromkeys(node for node in nodes if node is not None and node != key))
            boxes[key] = replace(box, reads=reads)
        return Graph(
            width=self._columns * _WIDE,
            height=max(self._y - _GAP, 0),
            blocks=tuple(self._blocks),
            boxes=boxes,
            matrices=self._matrices,
            lines=tuple(self._lines),
            nodes=self._nodes,
        )

    def _draw_row(self, stage: Stage, calls: Sequence[Placed], agents: tuple[str, ...]) -> Row:
        top, before = self._y, len(self._boxes)
        pairs = [call for call in calls if call.peer is not None]
        if not pairs:
            self._draw_calls(calls, agents if stage in _OF_AGENTS else ())
        elif len(agents) > self._columns:
            self._draw_matrix(pairs, agents)
        else:
            for critic in dict.fromkeys((*agents, *(call.agent for call in pairs))):
                self._draw_critic([call for call in pairs if call.agent == critic], agents)
        keys = tuple(self._boxes)[before:]
        return Row(stage, _TITLES.get(stage, stage.value), top, self._y - top, keys)

    def _draw_calls(self, calls: Sequence[Placed], agents: tuple[str, ...]) -> None:
        """Draw calls of agents each in its agent's column, and all others in the middle."""
        places = {name: place for place, name in enumerate(agents)}
        own = {call.call_id: places[call.agent] for call in calls if call.agent in places and "#" not in call.call_id}
        for line in range(-(-len(agents) // self._columns)):
            placed = [
                (call, (own[call.call_id] % self._columns) * _WIDE)
                for call in calls
                if own.get(call.call_id, -1) // self._columns == line
            ]
            self._draw_line(placed, _HIGH)
        self._draw_packed([call for call in calls if call.call_id not in own], _HIGH)

    def _draw_packed(self, calls: Sequence[Placed], height: int) -> None:
        """Draw calls beside each other in the middle, as many lines as it takes."""
        for start in range(0, len(calls), self._columns):
            line = calls[start : start + self._columns]
            left = (self._columns - len(line)) * _WIDE // 2
            self._draw_line([(call, left + place * _WIDE) for place, call in enumerate(line)], height)

    def _draw_critic(self, calls: Sequence[Placed], agents: tuple[str, ...]) -> None:
        """Draw the critiques of one critic, each in its author's column; of an author without one, in the middle."""
        places = {name: place for place, name in enumerate(agents)}
        placed = [(call, places[call.peer] * _WIDE) for call in calls if call.peer in places]
        self._draw_line(placed, _LOW)
        self._draw_packed([call for call in calls if call.peer not in places], _LOW)

    def _draw_matrix(self, calls: Sequence[Placed], agents: tuple[str, ...]) -> None:
        layer = calls[0].layer
        key = f"{layer}.critiques"
        cells = {(call.agent, call.peer or ""): call.call_id for call in calls}
        self._matrices[key] = Matrix(
            key=key,
            layer=layer,
            critics=tuple(dict.fromkeys((*agents, *(critic for critic, _ in cells)))),
            authors=tuple(dict.fromkeys((*agents, *(author for _, author in cells)))),
            cells=cells,
        )
        self._nodes |= dict.fromkeys(cells.values(), key)
        name = f"layer {layer}, {len(cells)} critiques"
        width = self._columns * _WIDE
        self._place(key, Stage.CRITIQUE, layer, (name, "critiques"), size=(0, width, _MATRIX_HIGH))
        self._reads[key] = tuple(dict.fromkeys(read for call in calls for read in call.reads))
        self._close_line((key,), _MATRIX_HIGH)
        self._draw_packed([call for call in calls if call.peer == self._unfolded], _LOW)

    def _draw_line(self, placed: Iterable[tuple[Placed, int]], height: int) -> None:
        """Draw one line of boxes, each with its left side."""
        placed = sorted(placed, key=lambda one: one[1])
        for call, x in placed:
            self._nodes[call.call_id] = call.call_id
            self._reads[call.call_id] = call.reads
            name = call_name(call.layer, call.stage, call.agent, call.peer)
            number = call.call_id.partition("#")[2]
            label = shown_name(call.agent)
            words = (f"{name}, answer {number}", f"{label} #{number}") if number else (name, label)
            self._place(call.call_id, call.stage, call.layer, words, size=(x, _WIDE, height))
        if placed:
            self._close_line(tuple(call.call_id for call, _ in placed), height)

    def _place(self, key: str, stage: Stage, layer: int, words: tuple[str, str], *, size: tuple[int, int, int]) -> None:
        name, label = words
        x, width, height = size
        self._boxes[key] = Box(
            key=key,
            stage=stage,
            layer=layer,
            name=name,
            label=label,
            x=x,
            y=self._y,
            width=width,
            height=height,
            line=len(self._lines),
        )

    def _close_line(self, keys: tuple[str, ...], height: int) -> None:
        self._lines.append(keys)
        self._y += height
