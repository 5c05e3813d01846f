"""What an ensemble is: frozen specs, and the checks that no type can express.

``settings.py`` turns TOML into these; code may build them directly. Making a spec checks it, so a spec that exists is a
spec that can run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import inf

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields, force_setattr, replace

from attention_moa.agents import (
    AgentSpec,
    ModelSettings,
    ResidualSpec,
    WriterSpec,
    drawn_as,
    each_once,
    require,
    require_model,
)
from attention_moa.messages import Sampling
from attention_moa.rules import (
    AttentionMode,
    AttentionSpec,
    CallPolicy,
    Layout,
    LimitSpec,
    PromptSpec,
    PromptStyle,
    QuorumSpec,
    StopMethod,
    StopRule,
    check_calls,
)
from attention_moa.strategies import STRATEGIES, StrategyName

__all__ = [
    "ATTENTION_MOA",
    "AttentionMode",
    "AttentionSpec",
    "CallPolicy",
    "EnsembleSpec",
    "Layout",
    "LimitSpec",
    "PromptSpec",
    "PromptStyle",
    "QuorumSpec",
    "StopMethod",
    "StopRule",
    "all_agents",
    "keep_of",
    "residual_chain",
    "sample_count",
    "summary_chain",
    "voices",
    "window_of",
    "with_layers",
    "writers",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_AGENTS = 64
MOST_LAYERS = 64
_LAYERS = 3
_WINDOW = 3
_KEEP = 2

ATTENTION_MOA = "attention-moa"


class EnsembleSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole ensemble, as its file says it.

    Args:
        agents: The ``N`` agents, in order.
        name: What it is called.
        description: One line for lists.
        strategy: How it works: Attention-MoA, or one of the baselines that it is measured against.
        layers: ``L``, from 1. Where the strategy leaves no choice it is what the strategy makes it.
        layout: How prompts are laid out: ``continue`` (each stage continues the agent's own conversation), ``paper``
            (the authors' inputs), ``compact`` (the fewest prompt tokens sent).
        seed: Seeds whom sparse attention pairs.
        summary: The summary agent.
        residual: The residual agent.
        attention: Who criticises whom.
        early_stop: When to stop early.
        calls: Attempts, waits, timeouts.
        quorum: When readers go on without those that are late.
        limits: What one run may use.
        prompts: Templates.
        samples: How many answers each agent gives (best-of-n, majority, self-moa, self-moa-seq); None for 6 of a lone
            agent, and 1 of each of several.
        window: How many texts are merged at a time (self-moa-seq); None for 3.
        keep: How many answers of a layer are passed on (smoa, rmoa); None for 2.
        drawn: How one request wants its answer drawn: on whoever writes it, fallbacks too, in the place of their own
            settings. No file sets it (``sampled.py`` does).
    """

    agents: tuple[AgentSpec, ...]
    name: str = "ensemble"
    description: str = ""
    strategy: StrategyName = "attention-moa"
    layers: int = _LAYERS
    layout: Layout = "continue"
    seed: int = 0
    summary: WriterSpec = WriterSpec()
    residual: ResidualSpec = ResidualSpec()
    attention: AttentionSpec = AttentionSpec()
    early_stop: StopRule = StopRule()
    calls: CallPolicy = CallPolicy()
    quorum: QuorumSpec = QuorumSpec()
    limits: LimitSpec = LimitSpec()
    prompts: PromptSpec = PromptSpec()
    samples: int | None = None
    window: int | None = None
    keep: int | None = None
    drawn: Sampling = Sampling()

    def __post_init__(self) -> None:
        """Check all that types cannot say; raise a ``ConfigError`` that names the field."""
        require(bool(self.agents), "agents", "no agent: add at least one [[agents]] table with a name and a model")
        require(len(self.agents) <= _MOST_AGENTS, "agents", f"{len(self.agents)} agents: at most {_MOST_AGENTS}")
        require(1 <= self.layers <= MOST_LAYERS, "layers", f"{self.layers} is not from 1 to {MOST_LAYERS}")
        _check_agents(self.agents)
        _check_strategy(self)
        for at, writer in (("summary", self.summary), ("residual", self.residual)):
            _check_writer(at, writer, {agent.name for agent in self.agents})
        for at, chain in (("summary", summary_chain(self)), ("residual", residual_chain(self))):
            chain[0].check_ranges(at)  # with what it takes over from an agent
        _check_rules(self)
        _check_limits(self)

    def agent(self, name: str) -> AgentSpec:
        """Return the agent of that name; raise ``KeyError`` where there is none."""
        for agent in self.agents:
            if agent.name == name:
                return agent
        raise KeyError(name)


def _check_strategy(spec: EnsembleSpec) -> None:
    known = ", ".join(STRATEGIES)
    require(spec.strategy in STRATEGIES, "strategy", f"{spec.strategy!r} is none: known are {known}")
    strategy, mine = STRATEGIES[spec.strategy], f"strategy {spec.strategy!r}"
    size, most = len(spec.agents), strategy.most_agents
    for name, value, default in _choices(spec):
        require(value == default or strategy.reads(name), name, f"{mine} has no use for it: leave it out")
    require(most is None or size <= most, "agents", f"{size} agents: {mine} asks one agent; leave out the others")
    is_paper = spec.layout == "paper" and spec.strategy != ATTENTION_MOA
    require(not is_paper, "layout", f'{mine} has no layout "paper": write "continue" or "compact"')
    is_alike = spec.early_stop.rule == "similarity" and spec.strategy != ATTENTION_MOA
    require(not is_alike, "early_stop.rule", f'{mine} does not stop by similarity: write "verdict" or "none"')
    _check_numbers(spec, strategy.least_answers)
    _settle_layers(spec, strategy.least_layers)


def _check_numbers(spec: EnsembleSpec, least_answers: int) -> None:
    """Check samples, window and keep."""
    samples, size = sample_count(spec), len(spec.agents)
    answers = samples * size
    require(samples >= 1, "samples", f"{samples} is not 1 or more")
    require(
        least_answers <= answers <= _MOST_AGENTS,
        "samples",
        f"{answers} answers in all: strategy {spec.strategy!r} takes from {least_answers} to {_MOST_AGENTS}",
    )
    window = spec.window
    require(window is None or window >= 2, "window", f"{window} is not 2 or more: a window of 1 merges nothing")
    keep = spec.keep
    require(keep is None or 1 <= keep <= size, "keep", f"{keep} is not from 1 to {size} (agents)")
    names = [agent.name for agent in (*spec.agents, *(voices(spec) if samples > 1 else ()))]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    require(twice is None, "agents", f"{twice!r} would be a sample's name too: rename that agent")


def _settle_layers(spec: EnsembleSpec, least: int | None) -> None:
    """Check the number of layers; put down the only one that there can be where the user has no say in it."""
    if least is not None:
        require(spec.layers >= least, "layers", f"{spec.layers}: strategy {spec.strategy!r} takes {least} or more")
        return
    windows = -(-(len(voices(spec)) - 1) // (window_of(spec) - 1))
    layers = windows if spec.strategy == "self-moa-seq" else 1
    require(
        spec.layers in {layers, _LAYERS},
        "layers",
        f"{spec.layers} is not {layers}, as strategy {spec.strategy!r} has it: leave it out",
    )
    force_setattr(spec, "layers", layers)


_COMMON = {"agents", "name", "description", "strategy", "layers", "calls", "limits", "prompts", "drawn"}


def _choices(spec: EnsembleSpec) -> Iterator[tuple[str, object, object]]:
    """Yield the settings that only some strategies read: dotted name, value, default."""
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name in _COMMON:
            continue
        if not isinstance(value, Struct):
            yield field.encode_name, value, field.default
            continue
        for part in fields(value):
            yield f"{field.encode_name}.{part.encode_name}", getattr(value, part.name), _default(part)


def _default(field: FieldInfo) -> object:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def _check_agents(agents: tuple[AgentSpec, ...]) -> None:
    seen: set[str] = set()
    for index, agent in enumerate(agents):
        at = f"agents[{index}]"
        require(
            _NAME.fullmatch(agent.name) is not None,
            f"{at}.name",
            f"{agent.name!r} is no name: up to 64 letters, digits, '.', '_' and '-', a letter or digit first",
        )
        require(
            not agent.name.startswith(("summary", "residual")),
            f"{at}.name",
            f"{agent.name!r} is kept for the summary and residual agents: choose another name",
        )
        require(agent.name not in seen, f"{at}.name", f"{agent.name!r} is taken: every agent needs a name of its own")
        seen.add(agent.name)
        require_model(f"{at}.model", agent.model)
        agent.check_ranges(at)
    ids = Counter(f"{critic.name}.{author.name}" for critic in agents for author in agents)
    twice = next((name for name, count in ids.items() if count > 1), None)
    require(twice is None, "agents", f"two critiques would be called {twice!r}: rename an agent with a '.' in its name")


def _check_writer(at: str, writer: WriterSpec, names: set[str]) -> None:
    if writer.model:
        require_model(f"{at}.model", writer.model, names)
    for index, fallback in enumerate(writer.fallback):
        require_model(f"{at}.fallback[{index}]", fallback, names)
    writer.check_ranges(at)


def _check_rules(spec: EnsembleSpec) -> None:
    peers, stop = spec.attention.peers, spec.early_stop
    require(
        peers == "all" or 0 <= peers < max(len(spec.agents), 1),
        "attention.peers",
        f'{peers} is not "all" or from 0 to {len(spec.agents) - 1} (agents less one)',
    )
    require(
        spec.residual.enabled or stop.rule != "verdict",
        "early_stop.rule",
        'without a residual agent nobody gives a verdict: write "none" or "similarity"',
    )
    require(
        spec.residual.enabled or spec.residual == ResidualSpec(enabled=False),
        "residual.enabled",
        "false, yet other fields of [residual] are set: leave them out",
    )
    tokens = spec.attention.max_tokens
    require(tokens is None or tokens > 0, "attention.max_tokens", f"{tokens} is not above 0")
    windows = [agent.window_tokens for agent in spec.agents if agent.window_tokens is not None]
    require(
        tokens is None or all(tokens < window for window in windows),
        "attention.max_tokens",
        f"{tokens} leaves no room for a prompt in a context window of {min(windows, default=0)} tokens: lower it",
    )
    require(0.0 <= stop.threshold <= 1.0, "early_stop.threshold", f"{stop.threshold} is not from 0 to 1")
    require(stop.min_layers >= 1, "early_stop.min_layers", f"{stop.min_layers} is not 1 or more")
    check_calls(spec.calls)


def _check_limits(spec: EnsembleSpec) -> None:
    for field in ("critiques", "refinements"):
        count = getattr(spec.quorum, field)
        require(
            count is None or 1 <= count <= len(spec.agents),
            f"quorum.{field}",
            f"{count} is not from 1 to {len(spec.agents)} (agents)",
        )
    grace_s = spec.quorum.grace_s
    require(0 <= grace_s < inf, "quorum.grace_s", f"{grace_s} is not a number of seconds from 0 up")
    for field in ("usd", "tokens", "deadline_s"):
        limit = getattr(spec.limits, field)
        what = "is not above 0" if limit is not None and limit <= 0 else "is not a finite number"
        require(limit is None or 0 < limit < inf, f"limits.{field}", f"{limit} {what}: leave it out for no limit")


def summary_chain(spec: EnsembleSpec, *, writes: bool = True) -> tuple[AgentSpec, ...]:
    """Return the summary agent and its fallbacks, in order, as full agents.

    Args:
        spec: The ensemble.
        writes: Whether what they say may be the answer, so that ``drawn`` holds; not where they choose or compare.

    Returns:
        At least one agent, each name once. A writer that names an agent takes that agent's settings, with its own set
        ones on top.

    Source: ours (the paper names one aggregator; the fallbacks are what users of peers ask for).
    """
    chain = _chain(spec, spec.summary, "summary", primary=spec.agents[0])
    return drawn_as(chain, spec.drawn) if writes else chain


def residual_chain(spec: EnsembleSpec, *, writes: bool = True) -> tuple[AgentSpec, ...]:
    """Return the residual agent and its fallbacks, in order; unset, it is the summary agent, as in the paper's runs.

    Args:
        spec: The ensemble.
        writes: As in ``summary_chain``.
    """
    inherited = summary_chain(spec, writes=False)
    chain = _chain(spec, spec.residual, "residual", primary=inherited[0])
    chain = chain if spec.residual.fallback else each_once((*chain, *inherited[1:]))
    return drawn_as(chain, spec.drawn) if writes else chain


def _chain(spec: EnsembleSpec, writer: WriterSpec, stage: str, *, primary: AgentSpec) -> tuple[AgentSpec, ...]:
    fields = (*ModelSettings.__struct_fields__, "role")
    own = {field: value for field in fields if field != "model" and (value := getattr(writer, field)) is not None}
    names = {agent.name: agent for agent in spec.agents}
    if not writer.model:
        first = replace(primary, **own)
    elif writer.model in names:
        first = replace(names[writer.model], **own)
    else:
        first = AgentSpec(name=stage, model=writer.model, **own)
    rest = (names.get(f) or AgentSpec(name=f"{stage}-fallback-{n}", model=f) for n, f in enumerate(writer.fallback, 1))
    return each_once((first, *rest))


def with_layers(spec: EnsembleSpec, layers: int) -> EnsembleSpec:
    """Return the ensemble with another number of layers.

    Raises:
        ConfigError: There are too many, or its strategy leaves no choice.
    """
    require(
        STRATEGIES[spec.strategy].least_layers is not None or layers == spec.layers,
        "layers",
        f"{layers} layers: strategy {spec.strategy!r} always has {spec.layers}",
    )
    return replace(spec, layers=layers)


def sample_count(spec: EnsembleSpec) -> int:
    """Return how many answers each agent gives in a layer."""
    alone, together = STRATEGIES[spec.strategy].samples
    return spec.samples if spec.samples is not None else alone if len(spec.agents) == 1 else together


def window_of(spec: EnsembleSpec) -> int:
    """Return how many texts are merged at a time."""
    return spec.window if spec.window is not None else _WINDOW


def keep_of(spec: EnsembleSpec) -> int:
    """Return how many answers of a layer are passed on."""
    return spec.keep if spec.keep is not None else min(_KEEP, len(spec.agents))


def voices(spec: EnsembleSpec) -> tuple[AgentSpec, ...]:
    """Return who answers in a run: the agents, each as often as it is sampled.

    Samples are agents of their own (``qwen-1``, ``qwen-2`` …), so that a journal gives each a reply of its own; where
    an agent has a seed, each sample has the next.
    """
    samples = sample_count(spec)
    if samples == 1:
        return spec.agents
    return tuple(_sample(agent, number) for agent in spec.agents for number in range(1, samples + 1))


def _sample(agent: AgentSpec, number: int) -> AgentSpec:
    seed = None if agent.seed is None else agent.seed + number - 1
    return replace(agent, name=f"{agent.name}-{number}", seed=seed)


def writers(spec: EnsembleSpec) -> tuple[tuple[str, tuple[AgentSpec, ...]], ...]:
    """Return the writers that the ensemble's strategy has, each with its fallbacks, by ``summary`` and ``residual``."""
    uses = STRATEGIES[spec.strategy].uses
    chains = (("summary", summary_chain), ("residual", residual_chain))
    is_off = {"residual"} if not spec.residual.enabled else set[str]()
    return tuple((name, chain(spec)) for name, chain in chains if name in uses - is_off)


def all_agents(spec: EnsembleSpec) -> tuple[AgentSpec, ...]:
    """Return everybody who may be asked: the agents, the writers and their fallbacks."""
    return (*voices(spec), *(agent for _, chain in writers(spec) for agent in chain))
