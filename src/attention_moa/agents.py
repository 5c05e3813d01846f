"""Who speaks: the settings of a model, of an agent, of the two writers, and the checks of each by itself.

``config.py`` puts them together to an ensemble and checks what concerns more than one of them.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from math import isfinite
from typing import Literal

from msgspec import Struct
from msgspec.structs import fields, replace

from attention_moa.errors import ConfigError
from attention_moa.keys import holds_key
from attention_moa.messages import Sampling
from attention_moa.money import Price

EMBEDDED_CONTEXT_TOKENS = 4096
"""Context window of an embedded model whose settings name none."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST = 2**31 - 1
"""Larger counts mean nothing, and what is computed of them is no number of seconds any more."""


def require(is_right: bool, key: str, message: str) -> None:
    """Raise a ``ConfigError`` that names ``key`` unless ``is_right``."""
    if not is_right:
        raise ConfigError(message, key=key)


def require_model(key: str, model: str, names: AbstractSet[str] = frozenset()) -> None:
    """Raise a ``ConfigError`` unless ``model`` is ``provider:model`` or one of the agents' ``names``."""
    _require_no_key(key, model)
    provider, colon, rest = model.partition(":")
    require(
        model in names or bool(provider and colon and rest),
        key,
        f"{model!r} is no model: write provider:model, such as openai:gpt-4.1"
        + (" or an agent's name" if names else ""),
    )


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
        top_logprobs: How many of the likeliest tokens to tell in each place of a reply, 1 to 20.
        extra_body: Fields that go into the request's body as they are.
        timeout_s: Most seconds of one attempt; None takes the ensemble's.
        context_tokens: The model's context window. None: not known, and nothing is trimmed before a call; of an
            embedded model it is then 4,096.
        has_system_role: False for models without one: the text goes into the first user turn. None: True.
        has_images: False for models that cannot see: an image becomes a labelled gap. None: True.
        stream: False for endpoints that cannot stream. None: True.
        price: What its tokens cost, in US dollars for a million of them; None: as the price list says.
        concurrency: Most calls under way at once with its model and key; None takes the ensemble's.
        rpm: Most requests in any sixty seconds; None takes the ensemble's.
        tpm: Most tokens in any sixty seconds; None takes the ensemble's.
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
    top_logprobs: int | None = None
    extra_body: dict[str, object] | None = None
    timeout_s: float | None = None
    context_tokens: int | None = None
    has_system_role: bool | None = None
    has_images: bool | None = None
    stream: bool | None = None
    price: Price | None = None
    concurrency: int | None = None
    rpm: int | None = None
    tpm: int | None = None

    @property
    def window_tokens(self) -> int | None:
        """The context window that prompts are fitted to; None where it is not known."""
        is_embedded = self.model.startswith("embedded:")
        return self.context_tokens or (EMBEDDED_CONTEXT_TOKENS if is_embedded else None)

    @property
    def has_small_vocabulary(self) -> bool:
        """Whether other alphabets than the Latin one may take a token a byte; assumed of embedded models."""
        return self.model.startswith("embedded:")

    @property
    def sees_images(self) -> bool:
        """Whether images are sent; the embedded model takes text alone."""
        return self.has_images is not False and not self.model.startswith("embedded:")

    @property
    def takes_system_role(self) -> bool:
        """Whether a system prompt is sent as one."""
        return self.has_system_role is not False

    @property
    def is_streamed(self) -> bool:
        """Whether replies are asked for in pieces."""
        return self.stream is not False

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
            top_logprobs=self.top_logprobs,
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
            ("top_logprobs", 1, 20),
        ):
            value = getattr(self, field)
            require(value is None or low <= value <= high, dot + field, f"{value} is not from {low:g} to {high:g}")
        if self.price is not None:
            self.price.check(f"{dot}price")
            self.price.require_whole(f"{dot}price")
        for field in ("max_tokens", "context_tokens", "timeout_s", "concurrency", "rpm", "tpm"):
            value = getattr(self, field)
            require(value is None or value > 0, dot + field, f"{value} is not above 0")
        for field in ("max_tokens", "context_tokens", "concurrency", "rpm", "tpm"):
            require((getattr(self, field) or 0) <= _MOST, dot + field, f"more than {_MOST}")
        window, most = self.window_tokens, self.max_tokens
        require(
            window is None or most is None or most < window,
            dot + "max_tokens",
            f"{most} leaves no room for a prompt in a context window of {window} tokens: lower max_tokens, or raise "
            "context_tokens if the model can take more",
        )
        require(self.timeout_s is None or isfinite(self.timeout_s), dot + "timeout_s", "not a number of seconds")
        _check_address(dot, self.base_url, self.api_key_env)
        _require_no_key(dot + "extra_body", self.extra_body)


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
        enabled: Whether there is one; without it ``o[l] = s[l]``, and no verdict can end a run.
        history: ``outputs``: it reads ``o[1] … o[l-1]`` and ``s[l]``; ``summaries``: ``s[1] … s[l]``.
    """

    enabled: bool = True
    history: Literal["outputs", "summaries"] = "outputs"


def each_once(chain: tuple[AgentSpec, ...]) -> tuple[AgentSpec, ...]:
    """Return a chain without repeated names: who failed for good is not asked the same again."""
    by_name: dict[str, AgentSpec] = {}
    for agent in chain:
        by_name.setdefault(agent.name, agent)
    return tuple(by_name.values())


def drawn_as(chain: tuple[AgentSpec, ...], drawn: Sampling) -> tuple[AgentSpec, ...]:
    """Return writers who write as a request wants it.

    A fallback whose window has no room for so long a reply keeps its own limit: it cannot write more than was asked.

    Args:
        chain: A writer and its fallbacks, at least one.
        drawn: What the request asks for; None leaves an agent's own.
    """
    asked = {field.name: value for field in fields(drawn) if (value := getattr(drawn, field.name)) is not None}
    if not asked:
        return chain
    short = {field: value for field, value in asked.items() if field != "max_tokens"}
    first, *rest = chain
    return (replace(first, **asked), *(replace(one, **(asked if _has_room(one, drawn) else short)) for one in rest))


def _has_room(agent: AgentSpec, drawn: Sampling) -> bool:
    return agent.window_tokens is None or drawn.max_tokens is None or drawn.max_tokens < agent.window_tokens


def _check_address(dot: str, base_url: str | None, api_key_env: str | None) -> None:
    """Check address and key name; neither is repeated in an error, since a secret may have slipped into it."""
    require(
        base_url is None or base_url.startswith(("http://", "https://")),
        dot + "base_url",
        "no address: write http://host:port/v1",
    )
    require(
        base_url is None or not set("@?#") & set(base_url),
        dot + "base_url",
        "holds a user, a password or a query: write the bare address, and name the key's variable in api_key_env",
    )
    _require_no_key(dot + "base_url", base_url)
    require(
        api_key_env is None or (_VARIABLE.fullmatch(api_key_env) is not None and not holds_key(api_key_env)),
        dot + "api_key_env",
        "not the name of an environment variable: write its name, never the key itself",
    )


def _require_no_key(key: str, value: object) -> None:
    """Raise a ``ConfigError``, which does not repeat it, for a setting that holds a key: every run's record has it."""
    require(
        not holds_key(value),
        key,
        "holds what looks like a key: settings are kept with every run, so leave keys in environment variables and "
        "name the variable in api_key_env",
    )
