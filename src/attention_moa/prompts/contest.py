"""The prompts that only baselines have: choosing among answers, and what differs between two layers of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from attention_moa.agents import AgentSpec
from attention_moa.choosing import choice_line
from attention_moa.messages import Stage
from attention_moa.prompts.fit import Render
from attention_moa.prompts.seats import Desk, Seat, closing
from attention_moa.stopping import verdict_line


class Ballot(NamedTuple):
    """A prompt that asks for a choice: how it is rendered, who stands behind each number from 1 on, and the nonce."""

    render: Render
    names: tuple[str, ...]
    nonce: str


def render_select(
    desk: Desk, writer: AgentSpec, layer: int, replies: Mapping[str, str], *, count: int, may_stop: bool
) -> Ballot:
    """Return the prompt in which a writer chooses among answers.

    Args:
        desk: The run.
        writer: Who chooses.
        layer: From 1.
        replies: The answers by author.
        count: How many are to be chosen.
        may_stop: Whether the writer may also end the work.

    Source: ours.
    """
    nonce = desk.seal.nonce(layer, Stage.SELECT)
    order = tuple(desk.seal.order(replies, Stage.SELECT, layer, writer.name))
    values = {
        "replies": _shown(desk, replies, order),
        "count": count,
        "choice_line": choice_line(nonce, count, is_stop=False if may_stop else None),
        "stop_line": choice_line(nonce, count, is_stop=True) if may_stop else None,
    }
    return Ballot(closing(Seat(desk, writer, layer), "select", values), order, nonce)


def render_extract(
    desk: Desk, writer: AgentSpec, layer: int, *, before: Sequence[str], now: Sequence[str], has_verdict: bool
) -> Render:
    """Return the prompt that asks what one layer's answers have that those of the layer before had not.

    Args:
        desk: The run.
        writer: The residual agent.
        layer: From 2.
        before: Answers of the layer before.
        now: Answers of this layer.
        has_verdict: Whether the writer may say that nothing differs, and so stop the run.

    Source: ours; what is asked is the Residual Extraction Agent's task (RMoA, arXiv 2505.24442).
    """
    nonce = desk.seal.nonce(layer, Stage.EXTRACT)
    values = {
        "before": list(before),
        "now": list(now),
        "stop_line": verdict_line(nonce, is_stop=True) if has_verdict else None,
        "continue_line": verdict_line(nonce, is_stop=False) if has_verdict else None,
    }
    return closing(Seat(desk, writer, layer), "extract", values)


def render_compensate(
    desk: Desk, writer: AgentSpec, layer: int, previous: str, *, replies: Mapping[str, str], difference: str
) -> Render:
    """Return the prompt that works a layer's answers and what differs in them into the output so far.

    Args:
        desk: The run.
        writer: The residual agent.
        layer: From 2.
        previous: ``o[l-1]``.
        replies: The answers by author.
        difference: What the extraction found.

    Source: ours; what is asked is the Residual Aggregation Agent's task (RMoA, arXiv 2505.24442).
    """
    order = desk.seal.order(replies, Stage.RESIDUAL, layer, writer.name)
    values = {"previous": previous, "replies": _shown(desk, replies, order), "difference": difference}
    return closing(Seat(desk, writer, layer, writes=True), "compensate", values)


def _shown(desk: Desk, replies: Mapping[str, str], order: Sequence[str]) -> list[dict[str, str | None]]:
    return [{"text": replies[name], "label": name if desk.spec.attention.labels else None} for name in order]
