"""Who criticises whom: the ring of sparse attention is fair, and what is planned is what is counted."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

from hypothesis import assume, example, given
from hypothesis import strategies as st

from attention_moa.agents import AgentSpec
from attention_moa.config import AttentionSpec, EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.schedule import count_calls, count_layer_calls, pairs
from tests.worlds import a_spec

names = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True), min_size=1, max_size=12, unique=True).map(
    lambda found: [f"x{name}" for name in found]
)
layers = st.integers(1, 40)


@st.composite
def ensembles(draw: st.DrawFn) -> EnsembleSpec:
    """Return ensembles of any size with any attention."""
    agents = [AgentSpec(name=name, model="test:m") for name in draw(names)]
    attention = AttentionSpec(
        own=draw(st.booleans()),
        peers=draw(st.integers(0, len(agents) - 1)) if draw(st.booleans()) else "all",
        mode=draw(st.sampled_from(("pairwise", "panel"))),
    )
    return a_spec(agents, layers=draw(st.integers(1, 6)), attention=attention, seed=draw(st.integers(0, 10**9)))


@given(ensembles(), layers)
def test_every_author_gets_and_every_critic_gives_as_many_critiques(spec: EnsembleSpec, layer: int) -> None:
    """With ``peers = k`` each agent gives and gets exactly ``k`` critiques of others, and its own where that is on."""
    peers = spec.attention.peers
    each = len(spec.agents) - 1 if peers == "all" else peers
    found = pairs(spec, layer)
    cross = [pair for pair in found if pair.critic != pair.author]
    everybody = {agent.name: each for agent in spec.agents if each}
    assert len(set(found)) == len(found)
    assert Counter(pair.critic for pair in cross) == everybody
    assert Counter(pair.author for pair in cross) == everybody
    assert len(found) - len(cross) == (len(spec.agents) if spec.attention.own else 0)


@given(ensembles(), layers)
def test_in_time_everybody_criticises_everybody(spec: EnsembleSpec, first: int) -> None:
    """Over as many layers as it takes at ``k`` a layer, each agent has criticised each other one."""
    peers = spec.attention.peers
    assume(peers != 0)
    others = len(spec.agents) - 1
    needed = 1 if peers == "all" else math.ceil(others / peers)
    found = {pair for layer in range(first, first + needed) for pair in pairs(spec, layer)}
    assert len({pair for pair in found if pair.critic != pair.author}) == len(spec.agents) * others


@given(ensembles(), layers, st.randoms(use_true_random=False))
def test_the_ring_depends_on_names_and_seed_alone(spec: EnsembleSpec, layer: int, chance: Random) -> None:
    """Agents in another order, with other models, are paired the same."""
    shuffled = chance.sample(spec.agents, len(spec.agents))
    other = a_spec(
        [AgentSpec(name=agent.name, model="test:other") for agent in shuffled],
        attention=spec.attention,
        seed=spec.seed,
    )
    assert set(pairs(spec, layer)) == set(pairs(other, layer))


dotted = st.from_regex(r"x[ab.]{0,4}", fullmatch=True)


@given(st.lists(dotted, min_size=1, max_size=5, unique=True))
@example(["x", "x.x", "x.x.x"])
def test_every_critique_has_a_name_of_its_own(agents: list[str]) -> None:
    """Names with dots in them either make distinct call ids, or no ensemble."""
    try:
        spec = a_spec([AgentSpec(name=name, model="test:m") for name in agents])
    except ConfigError:
        assert any("." in name for name in agents)
    else:
        found = [".".join(pair) for pair in pairs(spec, 1)]
        assert len(set(found)) == len(found)


@given(ensembles())
def test_the_count_is_the_number_of_pairs_and_the_rest(spec: EnsembleSpec) -> None:
    """Answers, critiques or panels, refinements where there are critiques, a summary, a residual from layer 2 on."""
    agents = len(spec.agents)
    for layer in range(1, spec.layers + 1):
        found = pairs(spec, layer)
        critics = len({pair.critic for pair in found})
        critiques = critics if spec.attention.mode == "panel" else len(found)
        authors = len({pair.author for pair in found})
        assert count_layer_calls(spec, layer) == agents + critiques + authors + 1 + (layer > 1)
    assert count_calls(spec) == sum(count_layer_calls(spec, layer) for layer in range(1, spec.layers + 1))
