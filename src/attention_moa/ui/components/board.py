"""What the calls of a run do, as it stands beside an answer: parts of HTML by their ids, each drawn when it changed.

A part is drawn anew only where an event touched what it shows, and sent only where it then reads otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from markupsafe import Markup
from msgspec import Struct

from attention_moa.accounting import known_usd
from attention_moa.messages import Stage
from attention_moa.plan import Plan
from attention_moa.ui.call_story import CallStory, State
from attention_moa.ui.changes import Changed
from attention_moa.ui.html import render
from attention_moa.ui.ops import Op
from attention_moa.ui.story import RunStory
from attention_moa.ui.words import shown_name

_FEW = 25
"""Most calls of a stage that are shown one by one."""

_LISTED = 10
"""Most calls under way that are listed with their words."""

_LOST_LISTED = 6


class Row(Struct, frozen=True, kw_only=True):
    """One stage of a layer.

    Args:
        stage: Which.
        calls: Its calls.
        counts: How many are in each state.
        over: How many have ended.
        is_folded: Whether there are too many to show one by one.
    """

    stage: Stage
    calls: tuple[CallStory, ...]
    counts: Mapping[State, int]
    over: int
    is_folded: bool


class Board:
    """The board of one run.

    Args:
        at: The id of the turn that it stands beside.
        story: The run.
        plan: What it was expected to take; None where that is not known.
    """

    def __init__(self, at: str, story: RunStory, plan: Plan | None) -> None:
        """Draw nothing yet."""
        self._at = at
        self._story = story
        self._plan = plan
        self._sent: dict[str, Markup] = {}
        self._words: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._layers: dict[int, list[str]] = {}
        self._known = 0

    def html(self) -> Markup:
        """Return the whole board as it is now."""
        self._words.clear()
        self._sent = {name: self._part(name) for name in self._names()}
        return render("board.html", parts=self._sent, at=self._at)

    def changes(self, changed: Changed) -> list[Op]:
        """Return what has to be drawn anew.

        Args:
            changed: What changed in the story.
        """
        ops: list[Op] = []
        for name in self._touched(changed):
            html = self._part(name)
            if self._sent.get(name) == html:
                continue
            if name not in self._sent:
                ops.append(["put", f"{self._at}-layers", name, render("layer.html", id=name, inside=html)])
            else:
                ops.append(["html", name, html])
            self._sent[name] = html
            if name == f"{self._at}-list":
                self._words.clear()  # the list is drawn without them
        return [*ops, *self._words_of(self._listed())]

    def words(self) -> list[Op]:
        """Return the newest words of the calls that are listed; the board's HTML leaves them out."""
        return self._words_of(self._listed())

    def _touched(self, changed: Changed) -> list[str]:
        if not (changed.has_numbers or changed.has_run or changed.layers or changed.has_graph):
            return []
        layers = {self._story.calls[name].layer for name in changed.calls} | changed.layers
        return [f"{self._at}-numbers", *(f"{self._at}-layer-{layer}" for layer in sorted(layers)), f"{self._at}-list"]

    def _names(self) -> list[str]:
        layers = (f"{self._at}-layer-{layer}" for layer in sorted(self._by_layer()))
        return [f"{self._at}-numbers", *layers, f"{self._at}-list"]

    def _part(self, name: str) -> Markup:
        what = name.removeprefix(f"{self._at}-")
        if what == "numbers":
            return self._numbers_html()
        if what == "list":
            return self._list_html()
        return self._layer_html(int(what.removeprefix("layer-")))

    def _numbers_html(self) -> Markup:
        used = self._story.used
        return render(
            "numbers.html",
            over=sum(
                count for state, count in self._story.counts.items() if state.is_over and state is not State.NOT_MADE
            ),
            planned=self._story.head.planned_calls,
            tokens=used.input_tokens + used.output_tokens,
            is_least=used.unknown_calls > 0,
            usd=known_usd(used),
            is_unpriced=used.unpriced_calls > 0,
            plan=self._plan,
        )

    def _layer_html(self, layer: int) -> Markup:
        calls = [self._story.calls[name] for name in self._by_layer().get(layer, ())]
        rows = [_row(stage, [call for call in calls if call.stage is stage]) for stage in Stage]
        return render(
            "rows.html",
            layer=self._story.layers[layer],
            most=max(self._story.layers),
            rows=[row for row in rows if row.calls],
            named=_named,
        )

    def _list_html(self) -> Markup:
        under_way = self._story.under_way
        lost = [call for call in self._story.calls.values() if call.state is State.LOST]
        return render(
            "list.html",
            calls=under_way[:_LISTED],
            more=max(0, len(under_way) - _LISTED),
            lost=lost[:_LOST_LISTED],
            more_lost=max(0, len(lost) - _LOST_LISTED),
            id_of=self._words_id,
            shown=shown_name,
        )

    def _by_layer(self) -> dict[int, list[str]]:
        """Return the names of the calls of each layer; calls only ever come to it."""
        if self._known != len(self._story.calls):
            self._layers.clear()
            for name, call in self._story.calls.items():
                self._layers.setdefault(call.layer, []).append(name)
            self._known = len(self._story.calls)
        return self._layers

    def _listed(self) -> list[CallStory]:
        return self._story.under_way[:_LISTED]

    def _words_of(self, calls: list[CallStory]) -> list[Op]:
        ops: list[Op] = []
        for call in calls:
            words = call.words or ("thinks …" if call.thinks else "")
            if self._words.get(call.call_id, "") != words:
                self._words[call.call_id] = words
                ops.append(["text", self._words_id(call), words])
        return ops

    def _words_id(self, call: CallStory) -> str:
        """Return the id of a call's words: numbers alone, since names may hold anything."""
        number = self._numbers.setdefault(call.call_id, len(self._numbers))
        return f"{self._at}-words-{number}"


def _row(stage: Stage, calls: list[CallStory]) -> Row:
    counts = Counter(call.state for call in calls)
    over = sum(count for state, count in counts.items() if state.is_over and state is not State.NOT_MADE)
    return Row(stage=stage, calls=tuple(calls), counts=counts, over=over, is_folded=len(calls) > _FEW)


def _named(call: CallStory) -> str:
    """Return whose call it is, in its own row."""
    return shown_name(call.agent) if call.peer is None else f"{shown_name(call.agent)} on {shown_name(call.peer)}"
