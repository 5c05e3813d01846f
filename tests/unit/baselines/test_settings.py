"""Which settings a strategy takes: what it has no use for is an error that names the field and the mend."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.config import AttentionSpec, EnsembleSpec, QuorumSpec, StopRule, voices, with_layers
from attention_moa.errors import ConfigError
from attention_moa.settings import parse_spec
from attention_moa.strategies import STRATEGIES
from tests.baseline_world import a_baseline
from tests.worlds import a_spec

AGENT = '[[agents]]\nname = "a"\nmodel = "openai:m"\n'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strategy": "mao"}, "strategy: 'mao' is none: known are attention-moa, single, best-of-n"),
        ({"samples": 3}, "samples: strategy 'attention-moa' has no use for it: leave it out"),
        ({"strategy": "moa", "attention": AttentionSpec(peers=1)}, "attention.peers: strategy 'moa' has no use for it"),
        ({"strategy": "moa", "attention": AttentionSpec(own=False)}, "attention.self: strategy 'moa'"),
        ({"strategy": "moa", "quorum": QuorumSpec(critiques=1)}, "quorum.critiques: strategy 'moa'"),
        ({"strategy": "moa", "residual": ResidualSpec(fallback=("b",))}, "residual.fallback: strategy 'moa'"),
        ({"strategy": "moa", "early_stop": StopRule(rule="none")}, "early_stop.rule: strategy 'moa'"),
        ({"strategy": "moa", "keep": 2}, "keep: strategy 'moa'"),
        ({"strategy": "moa", "seed": 2}, "seed: strategy 'moa'"),
        ({"strategy": "moa", "layout": "paper"}, 'layout: strategy \'moa\' has no layout "paper": write "continue"'),
        ({"strategy": "majority", "summary": WriterSpec(model="a")}, "summary.model: strategy 'majority'"),
        ({"strategy": "majority", "layout": "compact"}, "layout: strategy 'majority' has no use for it"),
        ({"strategy": "self-moa"}, "agents: 2 agents: strategy 'self-moa' asks one agent; leave out the others"),
        ({"strategy": "best-of-n", "layers": 2}, "layers: 2 is not 1, as strategy 'best-of-n' has it: leave it out"),
        ({"strategy": "best-of-n", "samples": 0}, "samples: 0 is not 1 or more"),
        ({"strategy": "best-of-n", "samples": 40}, "samples: 80 answers in all: strategy 'best-of-n' takes from 2 to"),
        ({"strategy": "smoa", "keep": 3}, r"keep: 3 is not from 1 to 2 \(agents\)"),
        ({"strategy": "rmoa", "keep": 0}, r"keep: 0 is not from 1 to 2 \(agents\)"),
        ({"strategy": "rmoa", "residual": ResidualSpec(history="summaries")}, "residual.history: strategy 'rmoa'"),
        ({"strategy": "smoa", "early_stop": StopRule(rule="similarity")}, "early_stop.rule: strategy 'smoa' does not"),
        ({"strategy": "smoa", "early_stop": StopRule(returns="previous")}, "early_stop.returns: strategy 'smoa'"),
    ],
)
def test_what_a_strategy_has_no_use_for_is_refused(fields: dict[str, Any], message: str) -> None:
    """Nothing is accepted and then ignored."""
    with pytest.raises(ConfigError, match=message):
        a_spec(2, **({"layers": 3} | fields))


def test_a_window_of_one_merges_nothing() -> None:
    """So it is refused."""
    with pytest.raises(ConfigError, match="window: 1 is not 2 or more"):
        a_baseline("self-moa-seq", window=1)


def test_a_sample_cannot_have_the_name_of_an_agent() -> None:
    """The two would be one in the journal."""
    agents = [AgentSpec(name=name, model="test:m") for name in ("a", "a-1")]
    with pytest.raises(ConfigError, match="agents: 'a-1' would be a sample's name too: rename that agent"):
        a_spec(agents, strategy="best-of-n", layers=1, samples=2)
    assert len(voices(a_spec(agents, strategy="best-of-n", layers=1))) == 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_reads_back_equal(strategy: str) -> None:
    """With the number of layers that it made of itself."""
    spec = a_spec(2, strategy=strategy) if strategy == "attention-moa" else a_baseline(strategy)
    assert msgspec.json.decode(msgspec.json.encode(spec), type=EnsembleSpec) == spec


def test_layers_that_a_file_asks_for_in_vain_are_refused() -> None:
    """Also where it is the number that others have unless told."""
    assert parse_spec(f'strategy = "single"\n{AGENT}', name="x", folder=None).layers == 1
    with pytest.raises(ConfigError, match="layers: 3 layers: strategy 'single' always has 1"):
        parse_spec(f'strategy = "single"\nlayers = 3\n{AGENT}', name="x", folder=None)
    with pytest.raises(ConfigError, match="layers: 2 layers: strategy 'majority' always has 1"):
        with_layers(a_baseline("majority"), 2)
    assert with_layers(a_baseline("moa"), 5).layers == 5
