"""What an ensemble is: frozen specs, and the checks that no type can express.

``settings.py`` turns TOML into these; code may build them directly. Making a spec checks it, so a spec that exists is a
spec that can run.
"""

from __future__ import annotations

import re
from collections import Counter
from math import inf, isfinite
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.errors import ConfigError
from attention_moa.messages import Sampling

Layout: TypeAlias = Literal["continue", "paper", "compact"]
AttentionMode: TypeAlias = Literal["pairwise", "panel"]
PromptStyle: TypeAlias = Literal["full", "small"]
StopMethod: TypeAlias = Literal["verdict", "similarity", "none"]

EMBEDDED_CONTEXT_TOKENS = 4096
"""Context window of an embedded model whose settings name none."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_AGENTS = 64
_MOST_LAYERS = 64


def _require(is_right: bool, key: str, message: str) -> None:
    """Raise a ``ConfigError`` that names ``key`` unless ``is_right``."""
    if not is_right:
        raise ConfigError(message, key=key)


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one model is reached and sampled; None means the provider's own default.

    Args:
        model: ``provider:model`` (``openai:gpt-4.1``, ``openrouter:qwen/qwen3-32b``, ``embedded:smollm2``,
            ``python:package.module:function``, ``command:program --flag``).
        base_url: Address of an OpenAI-compatible endpoint, for ``openai:`` models that live elsewhere.
        api_key_env: Name of the environment variable that holds the key.
        temperature: See ``Sampling``; so are the six that follow.
        top_p: Nucleus mass.
        max_tokens: Most tokens of a reply.
        seed: For endpoints that draw reproducibly.
        stop: Texts that end a reply.
        presence_penalty: -2 to 2.
        frequency_penalty: -2 to 2.
        thinking: Switches thinking on or off, or sets its effort.
        extra_body: Fields that go into the request's body as they are.
        timeout_s: Most seconds of one attempt; None takes the ensemble's.
        context_tokens: The model's context window. None: not known, and nothing is trimmed before a call; of an
            embedded model it is then 4,096.
        has_system_role: False for models without one: the text goes into the first user turn.
        has_images: False for models that cannot see: an image becomes a labelled gap.
        stream: False for endpoints that cannot stream.
    """

    model: str = ""
    base_url: str | None = None
    api_key_env: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    thinking: bool | Literal["low", "medium", "high"] | None = None
    extra_body: dict[str, object] | None = None
    timeout_s: float | None = None
    context_tokens: int | None = None
    has_system_role: bool = True
    has_images: bool = True
    stream: bool = True

    @property
    def window_tokens(self) -> int | None:
        """The context window that prompts are fitted to; None where it is not known."""
        is_embedded = self.model.startswith("embedded:")
        return self.context_tokens or (EMBEDDED_CONTEXT_TOKENS if is_embedded else None)

    @property
    def sees_images(self) -> bool:
        """Whether images are sent; the embedded model takes text alone."""
        return self.has_images and not self.model.startswith("embedded:")

    @property
    def sampling(self) -> Sampling:
        """The settings that shape how a reply is drawn."""
        return Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.seed,
            stop=self.stop,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            thinking=self.thinking,
            extra_body=self.extra_body,
        )

    def check_ranges(self, at: str) -> None:
        """Raise a ``ConfigError`` that names the field under ``at`` if a number is out of its range."""
        dot = f"{at}." if at else ""
        for field, low, high in (
            ("temperature", 0.0, 10.0),
            ("top_p", 0.0, 1.0),
            ("presence_penalty", -2.0, 2.0),
            ("frequency_penalty", -2.0, 2.0),
        ):
            value = getattr(self, field)
            _require(value is None or low <= value <= high, dot + field, f"{value} is not from {low:g} to {high:g}")
        for field in ("max_tokens", "context_tokens", "timeout_s"):
            value = getattr(self, field)
            _require(value is None or value > 0, dot + field, f"{value} is not above 0")
        _require(self.timeout_s is None or isfinite(self.timeout_s), dot + "timeout_s", "not a number of seconds")
        _check_address(dot, self.base_url, self.api_key_env)


class AgentSpec(ModelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One agent of the ensemble.

    Args:
        name: Unique; letters, digits, ``.``, ``_`` and ``-``.
        role: A sentence or more on who the agent is and what it looks at; goes into its system prompt. None for none.
    """

    name: str
    role: str | None = None


class WriterSpec(ModelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The summary agent or the residual agent.

    Args:
        model: An agent's name, or a ``provider:model``. Empty: the first agent (summary), the summary agent (residual).
        role: As an agent's.
        fallback: Agents' names or models that take over, in order, when the writer fails.
    """

    role: str | None = None
    fallback: tuple[str, ...] = ()


class ResidualSpec(WriterSpec, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The residual agent.

    Args:
        history: ``outputs``: it reads ``o[1] … o[l-1]`` and ``s[l]``; ``summaries``: ``s[1] … s[l]``.
    """

    history: Literal["outputs", "summaries"] = "outputs"


class AttentionSpec(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"own": "self"}
):
    """Who criticises whom.

    Args:
        own: Whether each agent reassesses its own answer (``self`` in TOML).
        peers: ``all``, or how many peers criticise each answer; 0 switches cross-attention off.
        mode: ``pairwise``: one call a pair; ``panel``: one call a critic for its own and all peers' answers.
        max_tokens: Most tokens of one critique; None takes the agent's. A panel reply may take as much for each
            section.
        labels: Whether peers are shown by name; otherwise they are anonymous.
    """

    own: bool = True
    peers: Literal["all"] | int = "all"
    mode: AttentionMode = "pairwise"
    max_tokens: int | None = None
    labels: bool = False


class StopRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a run ends before its last layer.

    Args:
        rule: ``verdict``: the residual agent says so; ``similarity``: ``s[l]`` hardly differs from ``o[l-1]``;
            ``none``.
        threshold: For ``similarity``: stop at this share of common words in order or above, 0 to 1.
        min_layers: No stop before this layer.
        returns: ``latest``: a stopped run returns ``s[l]`` (as the authors' code); ``previous``: ``o[l-1]``.
    """

    rule: StopMethod = "verdict"
    threshold: float = 0.9
    min_layers: int = 2
    returns: Literal["latest", "previous"] = "latest"


class CallPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a call is made, whoever makes it.

    Args:
        attempts: Most attempts of one call, the first included.
        retry_wait_s: Wait before the second attempt; doubles with each further one, with full jitter.
        retry_wait_max_s: Longest wait of our own; a longer Retry-After ends the call.
        connect_timeout_s: Most seconds for a connection to open.
        first_token_timeout_s: Most seconds until the first token of a streamed reply.
        timeout_s: Most seconds of one attempt.
        concurrency: Most calls under way at once to one model; None for no limit.
    """

    attempts: int = 4
    retry_wait_s: float = 1.0
    retry_wait_max_s: float = 60.0
    connect_timeout_s: float = 10.0
    first_token_timeout_s: float = 300.0
    timeout_s: float = 900.0
    concurrency: int | None = None


class PromptSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the prompt templates come from.

    Args:
        style: ``full``, or ``small``: shorter ones that end with the question, for models that would forget it.
        folder: A folder whose ``*.md`` files replace ours of the same name; relative to the ensemble's file.
    """

    style: PromptStyle = "full"
    folder: str | None = None


class EnsembleSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole ensemble, as its file says it.

    Args:
        agents: The ``N`` agents, in order.
        name: What it is called.
        description: One line for lists.
        layers: ``L``, from 1.
        layout: How prompts are laid out: ``continue`` (each stage continues the agent's own conversation), ``paper``
            (the authors' inputs), ``compact`` (the fewest prompt tokens sent).
        seed: Seeds whom sparse attention pairs.
        summary: The summary agent.
        residual: The residual agent.
        attention: Who criticises whom.
        early_stop: When to stop early.
        calls: Attempts, waits, timeouts.
        prompts: Templates.
    """

    agents: tuple[AgentSpec, ...]
    name: str = "ensemble"
    description: str = ""
    layers: int = 3
    layout: Layout = "continue"
    seed: int = 0
    summary: WriterSpec = WriterSpec()
    residual: ResidualSpec = ResidualSpec()
    attention: AttentionSpec = AttentionSpec()
    early_stop: StopRule = StopRule()
    calls: CallPolicy = CallPolicy()
    prompts: PromptSpec = PromptSpec()

    def __post_init__(self) -> None:
        """Check all that types cannot say; raise a ``ConfigError`` that names the field."""
        _require(bool(self.agents), "agents", "no agent: add at least one [[agents]] table with a name and a model")
        _require(len(self.agents) <= _MOST_AGENTS, "agents", f"{len(self.agents)} agents: at most {_MOST_AGENTS}")
        _require(1 <= self.layers <= _MOST_LAYERS, "layers", f"{self.layers} is not from 1 to {_MOST_LAYERS}")
        _check_agents(self.agents)
        for at, writer in (("summary", self.summary), ("residual", self.residual)):
            _check_writer(at, writer, {agent.name for agent in self.agents})
        _check_rules(self)

    def agent(self, name: str) -> AgentSpec:
        """Return the agent of that name; raise ``KeyError`` where there is none."""
        for agent in self.agents:
            if agent.name == name:
                return agent
        raise KeyError(name)


def _check_address(dot: str, base_url: str | None, api_key_env: str | None) -> None:
    """Check address and key name; neither is repeated in an error, since a secret may have slipped into it."""
    _require(
        base_url is None or base_url.startswith(("http://", "https://")),
        dot + "base_url",
        "no address: write http://host:port/v1",
    )
    _require(
        base_url is None or not set("@?#") & set(base_url),
        dot + "base_url",
        "holds a user, a password or a query: write the bare address, and name the key's variable in api_key_env",
    )
    _require(
        api_key_env is None or _VARIABLE.fullmatch(api_key_env) is not None,
        dot + "api_key_env",
        "not the name of an environment variable: write its name, never the key itself",
    )


def _check_agents(agents: tuple[AgentSpec, ...]) -> None:
    seen: set[str] = set()
    for index, agent in enumerate(agents):
        at = f"agents[{index}]"
        _require(
            _NAME.fullmatch(agent.name) is not None,
            f"{at}.name",
            f"{agent.name!r} is no name: up to 64 letters, digits, '.', '_' and '-', a letter or digit first",
        )
        _require(
            not agent.name.startswith(("summary", "residual")),
            f"{at}.name",
            f"{agent.name!r} is kept for the summary and residual agents: choose another name",
        )
        _require(agent.name not in seen, f"{at}.name", f"{agent.name!r} is taken: every agent needs a name of its own")
        seen.add(agent.name)
        _require_model(f"{at}.model", agent.model)
        agent.check_ranges(at)
    ids = Counter(f"{critic.name}.{author.name}" for critic in agents for author in agents)
    twice = next((name for name, count in ids.items() if count > 1), None)
    _require(
        twice is None, "agents", f"two critiques would be called {twice!r}: rename an agent with a '.' in its name"
    )


def _require_model(key: str, model: str, names: frozenset[str] | set[str] = frozenset()) -> None:
    provider, colon, rest = model.partition(":")
    _require(
        model in names or bool(provider and colon and rest),
        key,
        f"{model!r} is no model: write provider:model, such as openai:gpt-4.1"
        + (" or an agent's name" if names else ""),
    )


def _check_writer(at: str, writer: WriterSpec, names: set[str]) -> None:
    if writer.model:
        _require_model(f"{at}.model", writer.model, names)
    for index, fallback in enumerate(writer.fallback):
        _require_model(f"{at}.fallback[{index}]", fallback, names)
    writer.check_ranges(at)


def _check_rules(spec: EnsembleSpec) -> None:
    peers, stop, calls = spec.attention.peers, spec.early_stop, spec.calls
    _require(
        peers == "all" or 0 <= peers < max(len(spec.agents), 1),
        "attention.peers",
        f'{peers} is not "all" or from 0 to {len(spec.agents) - 1} (agents less one)',
    )
    tokens = spec.attention.max_tokens
    _require(tokens is None or tokens > 0, "attention.max_tokens", f"{tokens} is not above 0")
    _require(0.0 <= stop.threshold <= 1.0, "early_stop.threshold", f"{stop.threshold} is not from 0 to 1")
    _require(stop.min_layers >= 1, "early_stop.min_layers", f"{stop.min_layers} is not 1 or more")
    _require(calls.attempts >= 1, "calls.attempts", f"{calls.attempts} is not 1 or more")
    _require(
        calls.concurrency is None or calls.concurrency >= 1,
        "calls.concurrency",
        f"{calls.concurrency} is not 1 or more",
    )
    for field in ("retry_wait_s", "retry_wait_max_s"):
        value = getattr(calls, field)
        _require(0 <= value < inf, f"calls.{field}", f"{value} is not a number of seconds from 0 up")
    for field in ("connect_timeout_s", "first_token_timeout_s", "timeout_s"):
        value = getattr(calls, field)
        _require(0 < value < inf, f"calls.{field}", f"{value} is not a number of seconds above 0")


def summary_chain(spec: EnsembleSpec) -> tuple[AgentSpec, ...]:
    """Return the summary agent and its fallbacks, in order, as full agents.

    Args:
        spec: The ensemble.

    Returns:
        At least one agent, each name once. A writer that names an agent takes that agent's settings, with its own set
        ones on top.

    Source: ours (the paper names one aggregator; the fallbacks are what users of peers ask for).
    """
    return _chain(spec, spec.summary, "summary", primary=spec.agents[0])


def residual_chain(spec: EnsembleSpec) -> tuple[AgentSpec, ...]:
    """Return the residual agent and its fallbacks, in order; unset, it is the summary agent, as in the paper's runs."""
    inherited = summary_chain(spec)
    chain = _chain(spec, spec.residual, "residual", primary=inherited[0])
    return chain if spec.residual.fallback else _each_once((*chain, *inherited[1:]))


def _chain(spec: EnsembleSpec, writer: WriterSpec, stage: str, *, primary: AgentSpec) -> tuple[AgentSpec, ...]:
    own = {
        f: v
        for f in ModelSettings.__struct_fields__
        if f != "model" and (v := getattr(writer, f)) != getattr(_UNSET, f)
    }
    if writer.role is not None:
        own["role"] = writer.role
    names = {agent.name: agent for agent in spec.agents}
    if not writer.model:
        first = replace(primary, **own)
    elif writer.model in names:
        first = replace(names[writer.model], **own)
    else:
        first = AgentSpec(name=stage, model=writer.model, **own)
    rest = (names.get(f) or AgentSpec(name=f"{stage}-fallback-{n}", model=f) for n, f in enumerate(writer.fallback, 1))
    return _each_once((first, *rest))


def _each_once(chain: tuple[AgentSpec, ...]) -> tuple[AgentSpec, ...]:
    """Return a chain without repeated names: who failed for good is not asked the same again."""
    by_name: dict[str, AgentSpec] = {}
    for agent in chain:
        by_name.setdefault(agent.name, agent)
    return tuple(by_name.values())


_UNSET = ModelSettings()
