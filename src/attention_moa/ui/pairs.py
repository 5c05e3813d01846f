"""Two runs side by side: what is equal, their texts, who moved whom in each, and what each took. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct

from attention_moa.accounting import call_counts, known_usd
from attention_moa.comparing import Cause, Piece, RunDifference, calls_by_id, compare, overlay
from attention_moa.influence import influence
from attention_moa.messages import Stage
from attention_moa.reading import NOT_OVER
from attention_moa.records import CallRecord, LayerRecord, RunRecord
from attention_moa.sums import told_tokens
from attention_moa.ui.spending import told_cost
from attention_moa.ui.words import call_name, seconds


class Line(NamedTuple):
    """One quantity of both runs, in words, and whether it is equal."""

    what: str
    a: str
    b: str
    is_same: bool


class CallPair(Struct, frozen=True, kw_only=True):
    """One call in both runs.

    Args:
        call_id: Its name in both.
        name: In words.
        stage: What for.
        layer: From 1.
        text_a: Its reply in A; None where there is none.
        text_b: Its reply in B.
        causes: Why it differs; none where it is equal, the reply included.
    """

    call_id: str
    name: str
    stage: Stage
    layer: int
    text_a: str | None
    text_b: str | None
    causes: tuple[Cause, ...]

    @property
    def is_same(self) -> bool:
        """Whether it is equal in all."""
        return not self.causes

    def pieces(self) -> tuple[Piece, ...]:
        """Return its replies laid over each other, word by word."""
        return tuple(overlay(self.text_a or "", self.text_b or ""))


class CellPair(NamedTuple):
    """One critic and one author of a layer in both runs: the shares, None for nothing to measure."""

    critic: str
    author: str
    a: float | None
    b: float | None

    @property
    def more(self) -> float | None:
        """How much more the critic moved the author in B; None where that is not known of both."""
        return None if self.a is None or self.b is None else self.b - self.a


class MatrixPair(Struct, frozen=True, kw_only=True):
    """Who moved whom in a layer of both runs.

    Args:
        layer: From 1.
        agents: Of both, in the order of A, then those that only B has.
        rows: A row for each critic with a cell for each author, both in the order of ``agents``.
    """

    layer: int
    agents: tuple[str, ...]
    rows: tuple[tuple[CellPair, ...], ...]


class RunPair(Struct, frozen=True, kw_only=True):
    """Two runs side by side.

    Args:
        difference: Question, settings, calls and answer, as the command tells them.
        lines: How each ended, and what it took.
        calls: All calls of both, in the order of A, then those that only B has.
    """

    difference: RunDifference
    lines: tuple[Line, ...]
    calls: tuple[CallPair, ...]


def pair(a: RunRecord, b: RunRecord) -> RunPair:
    """Return two runs side by side.

    Args:
        a: The one.
        b: The other.
    """
    difference = compare(a, b)
    causes = {call.call_id: call.causes for call in difference.calls}
    in_a, in_b = calls_by_id(a), calls_by_id(b)
    names = dict.fromkeys((*in_a, *in_b))
    calls = tuple(_call(in_a.get(name), in_b.get(name), causes.get(name, ())) for name in names)
    return RunPair(difference=difference, lines=tuple(_lines(a, b)), calls=calls)


def matrices(a: RunRecord, b: RunRecord) -> Iterator[MatrixPair]:
    """Yield who moved whom in each layer of two runs; apart, since it takes its time where texts are long.

    Args:
        a: The one.
        b: The other.
    """
    in_a, in_b = ({layer.layer: layer for layer in run.layers} for run in (a, b))
    for number in sorted(in_a.keys() | in_b.keys()):
        of_a, of_b = _shares(in_a.get(number)), _shares(in_b.get(number))
        agents = tuple(dict.fromkeys(name for shares in (of_a, of_b) for cell in shares for name in cell))
        rows = tuple(
            tuple(CellPair(critic, author, of_a.get((critic, author)), of_b.get((critic, author))) for author in agents)
            for critic in agents
        )
        yield MatrixPair(layer=number, agents=agents, rows=rows)


def _call(a: CallRecord | None, b: CallRecord | None, causes: tuple[Cause, ...]) -> CallPair:
    (call, *_) = (one for one in (a, b) if one is not None)
    return CallPair(
        call_id=call.call_id,
        name=call_name(call.layer, call.stage, call.agent, call.peer),
        stage=call.stage,
        layer=call.layer,
        text_a=None if a is None else a.text,
        text_b=None if b is None else b.text,
        causes=causes,
    )


def _shares(layer: LayerRecord | None) -> dict[tuple[str, str], float | None]:
    if layer is None:
        return {}
    return {(cell.critic, cell.author): cell.share for row in influence(layer).rows for cell in row}


def _lines(a: RunRecord, b: RunRecord) -> Iterator[Line]:
    for what, told in _QUANTITIES.items():
        of_a, of_b = told(a), told(b)
        yield Line(what, of_a, of_b, of_a == of_b)


def _cost(run: RunRecord) -> str:
    return told_cost(known_usd(run.usage), is_least=bool(run.usage.unpriced_calls))


_QUANTITIES: dict[str, Callable[[RunRecord], str]] = {
    "ensemble": lambda run: run.ensemble.name,
    "state": lambda run: NOT_OVER if run.state == "running" else run.state,
    "layers": lambda run: str(len(run.layers)),
    "calls": lambda run: str(len(run.calls)),
    "lost": lambda run: str(call_counts(run.calls, run.losses).lost),
    "prompt tokens": lambda run: told_tokens(run.usage, run.usage.input_tokens),
    "of them cached": lambda run: told_tokens(run.usage, run.usage.cached_tokens),
    "written tokens": lambda run: told_tokens(run.usage, run.usage.output_tokens),
    "cost": _cost,
    "time": lambda run: seconds(run.wall_s),
    "critical path": lambda run: seconds(run.critical_path_s),
}
"""What is told of each run, in words, in this order."""
