"""Who criticises whom, and how many calls that makes."""

from __future__ import annotations

from collections import Counter

import pytest

from attention_moa.config import AttentionSpec
from attention_moa.schedule import Pair, count_calls, count_layer_calls, pairs
from tests.worlds import World, a_spec

ATTENTION = {
    "all": AttentionSpec(),
    "self only": AttentionSpec(peers=0),
    "cross only": AttentionSpec(own=False),
    "off": AttentionSpec(own=False, peers=0),
}


def paper_formula(agents: int, layer: int, kind: str) -> int:
    """Return a layer's calls as the paper counts them, by hand for each kind of attention."""
    critiques = {"all": agents**2, "self only": agents, "cross only": agents * (agents - 1), "off": 0}[kind]
    refinements = agents if critiques else 0
    return agents + critiques + refinements + 1 + (layer > 1)


@pytest.mark.parametrize("kind", ATTENTION)
@pytest.mark.parametrize("layers", range(1, 6))
@pytest.mark.parametrize("agents", range(1, 9))
def test_the_calls_are_those_of_the_paper(agents: int, layers: int, kind: str) -> None:
    """``N + N*N + N + 1`` for layer 1 and one more from layer 2 on, counted and really made."""
    spec = a_spec(agents, layers=layers, attention=ATTENTION[kind])
    expected = sum(paper_formula(agents, layer, kind) for layer in range(1, layers + 1))
    assert count_calls(spec) == expected
    world = World(spec)
    record = world.run()
    assert len(world.requests) == len(record.calls) == len({call.call_id for call in record.calls}) == expected
    assert not record.losses


def test_the_papers_own_example_has_36_calls_then_37() -> None:
    """N=5: 36 calls for layer 1, 37 for each later one."""
    assert [count_layer_calls(a_spec(5), layer) for layer in (1, 2, 3)] == [36, 37, 37]


@pytest.mark.parametrize("peers", [1, 2, 3])
def test_sparse_attention_makes_n_times_k_plus_3_calls(peers: int) -> None:
    """``N*(k+3) + 1`` in layer 1, one more in layer 2, really made."""
    spec = a_spec(4, attention=AttentionSpec(peers=peers))
    assert count_layer_calls(spec, 1) == 4 * (peers + 3) + 1
    assert len(World(spec).run().calls) == 2 * (4 * (peers + 3) + 1) + 1


@pytest.mark.parametrize("peers", ["all", 2])
def test_panels_make_three_calls_an_agent(peers: int) -> None:
    """``3N + 1`` in layer 1, one more in layer 2."""
    spec = a_spec(5, attention=AttentionSpec(mode="panel", peers=peers))
    assert [count_layer_calls(spec, layer) for layer in (1, 2)] == [16, 17]


def test_panels_with_nobody_to_criticise_make_no_calls() -> None:
    """Attention is off in panel mode too."""
    assert count_layer_calls(a_spec(5, attention=AttentionSpec(mode="panel", peers=0, own=False)), 1) == 6


def test_all_pairs_come_in_the_order_of_critics_and_authors() -> None:
    """The record's critiques are in this order."""
    assert pairs(a_spec(2), 1) == (Pair("a", "a"), Pair("a", "b"), Pair("b", "a"), Pair("b", "b"))


@pytest.mark.parametrize("layer", range(1, 6))
@pytest.mark.parametrize(("agents", "peers"), [(n, k) for n in range(1, 9) for k in range(n)])
def test_every_author_gets_exactly_k_peers_and_itself(agents: int, peers: int, layer: int) -> None:
    """So does every critic: the work is shared evenly."""
    found = pairs(a_spec(agents, attention=AttentionSpec(peers=peers)), layer)
    assert len(set(found)) == len(found)
    assert sum(pair.critic == pair.author for pair in found) == agents
    names = [agent.name for agent in a_spec(agents).agents]
    cross = [pair for pair in found if pair.critic != pair.author]
    assert Counter(pair.author for pair in cross) == Counter({name: peers for name in names if peers})
    assert Counter(pair.critic for pair in cross) == Counter({name: peers for name in names if peers})


def test_the_ring_turns_with_the_layers() -> None:
    """After N-1 layers of one peer each, everybody has criticised everybody once."""
    spec = a_spec(5, attention=AttentionSpec(peers=1, own=False))
    layers = [set(pairs(spec, layer)) for layer in range(1, 5)]
    everybody = set(pairs(a_spec(5, attention=AttentionSpec(own=False)), 1))
    assert set.union(*layers) == everybody
    assert sum(map(len, layers)) == len(everybody)


def test_the_ring_is_drawn_from_the_seed() -> None:
    """One seed pairs alike, others in other ways."""

    def drawn(seed: int) -> tuple[Pair, ...]:
        return pairs(a_spec(6, seed=seed, attention=AttentionSpec(peers=1)), 1)

    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(10)}) > 5
