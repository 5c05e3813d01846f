"""Who criticises whom in a layer, and how many calls that makes.

Pure arithmetic over an ensemble: nothing here knows of time, calls or texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import ATTENTION_MOA, AttentionSpec, EnsembleSpec, residual_chain, voices, window_of

VERDICT_TOKENS = 32
"""Room for a verdict line beside an answer: 12 characters of a nonce, at most a token each, two words, a line's end;
and some for the stars or quotes that models put around it."""


class Pair(NamedTuple):
    """One critique ``a[i->j]``: the critic ``i`` and the author ``j``."""

    critic: str
    author: str


def pairs(spec: EnsembleSpec, layer: int) -> tuple[Pair, ...]:
    """Return every critique of a layer, in the order of critics and, within a critic, of authors.

    With ``attention.peers = k`` the agents sit in a ring whose order comes from the seed, and each criticises ``k``
    others at distances that move on with every layer: so each author gets exactly ``k`` peer critiques in each layer,
    and in time from everybody.

    Args:
        spec: The ensemble.
        layer: From 1.

    Returns:
        Pairs without repeats, none for a baseline; cross-attention where critic and author differ, self-attention where
        they do not.

    Source: paper, section 3 (all pairs and self); the ring is ours.
    """
    if spec.strategy != ATTENTION_MOA:
        return ()
    names = tuple(agent.name for agent in spec.agents)
    attention = spec.attention
    chosen = _all_peers(names) if attention.peers == "all" else _ring(names, attention.peers, layer, spec.seed)
    return tuple(
        Pair(critic, author)
        for critic in names
        for author in names
        if (attention.own if critic == author else Pair(critic, author) in chosen)
    )


def has_verdict(spec: EnsembleSpec, layer: int, wanted: AnswerSpec = PLAIN) -> bool:
    """Return whether a writer may end the run after a layer, by a line at the head of its reply.

    Where the answer must have a form, must call a tool, or is written more than once, the residual of the last layer is
    the answer and nothing else: a line at its head would be in the way, and there is nothing left to end.

    Args:
        spec: The ensemble.
        layer: From 1.
        wanted: What the answer is to be.

    Source: ours.
    """
    must_call = wanted.tools is not None and wanted.tools.choice == "required"
    is_bare = must_call or wanted.reply_format is not None or wanted.choices > 1
    if is_bare and layer == spec.layers and spec.strategy == ATTENTION_MOA:
        return False
    return spec.early_stop.rule == "verdict" and layer >= spec.early_stop.min_layers


def residual_writers(spec: EnsembleSpec, layer: int, wanted: AnswerSpec = PLAIN) -> tuple[AgentSpec, ...]:
    """Return who may write the residual of a layer: the residual agent and its fallbacks, in order.

    What a request allows for its answer is the answer's alone: a verdict line has ``VERDICT_TOKENS`` on top. Limits
    that the ensemble's own file sets stay what they are.

    Args:
        spec: The ensemble.
        layer: From 2.
        wanted: What the answer is to be.

    Source: ours.
    """
    chain = residual_chain(spec)
    if spec.drawn.max_tokens is None or not has_verdict(spec, layer, wanted):
        return chain
    return tuple(map(_with_line, chain))


def _with_line(writer: AgentSpec) -> AgentSpec:
    most, window = writer.max_tokens, writer.window_tokens
    if most is None or (window is not None and most + VERDICT_TOKENS >= window):
        return writer
    return replace(writer, max_tokens=most + VERDICT_TOKENS)


def count_layer_calls(spec: EnsembleSpec, layer: int) -> int:
    """Return the calls of one layer where nothing fails: ``N + N*N + N + 1``, and one more from layer 2 on.

    That is Attention-MoA's number; a baseline's stands in its module. Sparse attention with ``k`` peers makes it
    ``N*(k+3) + 1``, panel critiques ``3N + 1``, no attention ``N + 1``.

    Args:
        spec: The ensemble.
        layer: From 1.

    Source: paper, section 3; the sparse and panel formulas are ours.
    """
    count = _OF_BASELINES.get(spec.strategy)
    if count is not None:
        return count(spec, layer)
    agents = len(spec.agents)
    critiques, refinements = _count_attention(spec.attention, agents)
    return agents + critiques + refinements + 1 + (1 if layer > 1 and spec.residual.enabled else 0)


def count_calls(spec: EnsembleSpec, choices: int = 1) -> int:
    """Return the calls of a whole run where nothing fails and nothing stops early.

    Args:
        spec: The ensemble.
        choices: How many answers are written: each further one is a call more.
    """
    return sum(count_layer_calls(spec, layer) for layer in range(1, spec.layers + 1)) + choices - 1


def windows(spec: EnsembleSpec) -> tuple[tuple[AgentSpec, ...], ...]:
    """Return whose samples each aggregation of Self-MoA-Seq takes in, in order.

    The first takes as many as the window is wide; each further one has a place less, which the text before takes.

    Args:
        spec: The ensemble.
    """
    samples, wide = voices(spec), window_of(spec)
    starts = range(wide, len(samples), wide - 1)
    return (samples[:wide], *(samples[start : start + wide - 1] for start in starts))


def _writer_at_the_end(spec: EnsembleSpec, layer: int) -> int:
    return 1 if layer == spec.layers else 0


_OF_BASELINES: Mapping[str, Callable[[EnsembleSpec, int], int]] = {
    "single": lambda _spec, _layer: 1,
    "majority": lambda spec, _layer: len(voices(spec)),
    "best-of-n": lambda spec, _layer: len(voices(spec)) + 1,
    "moa": lambda spec, layer: _writer_at_the_end(spec, layer) or len(spec.agents),
    "self-moa": lambda spec, _layer: len(voices(spec)) + 1,
    "self-moa-seq": lambda spec, layer: len(windows(spec)[layer - 1]) + 1,
    "smoa": lambda spec, layer: len(spec.agents) + 1 + _writer_at_the_end(spec, layer),
    "rmoa": lambda spec, layer: len(spec.agents) + (2 if layer > 1 else 1),
}
"""The calls of a layer of each baseline; how they come about stands in the baseline's module."""


def _count_attention(attention: AttentionSpec, agents: int) -> tuple[int, int]:
    peers = agents - 1 if attention.peers == "all" else attention.peers
    sections = peers + (1 if attention.own else 0)
    if sections == 0:
        return 0, 0
    return agents * (1 if attention.mode == "panel" else sections), agents


def _all_peers(names: tuple[str, ...]) -> frozenset[Pair]:
    return frozenset(Pair(critic, author) for critic in names for author in names if critic != author)


def _ring(names: tuple[str, ...], peers: int, layer: int, seed: int) -> frozenset[Pair]:
    ring = sorted(names, key=lambda name: hashlib.sha256(f"{seed}\0{name}".encode()).digest())
    others = len(ring) - 1
    distances = [1 + ((layer - 1) * peers + turn) % others for turn in range(peers)] if others else []
    return frozenset(
        Pair(critic, ring[(place + distance) % len(ring)])
        for place, critic in enumerate(ring)
        for distance in distances
    )
