"""What a simulated fleet is: frozen specs, and the checks that no type can express."""

from __future__ import annotations

from math import inf
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from attention_moa.agents import require

Fault: TypeAlias = Literal[
    "rate_limit",
    "server_error",
    "unavailable",
    "hang",
    "reset",
    "malformed",
    "cut",
    "empty",
    "wrong_type",
    "drip",
    "bad_gateway",
    "error_in_reply",
    "no_choices",
    "wrong_usage",
]
"""What may go wrong with a reply, by the name of its rate in ``FaultSpec``."""

FAULTS: tuple[Fault, ...] = get_args(Fault)
COMMON_FAULTS: tuple[Fault, ...] = FAULTS[:10]
"""The ten that every endpoint shows sooner or later; the other four are rarer."""

_MOST_MODELS = 64
_LONGEST_NAME = 100


class FaultSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often what goes wrong: shares of all requests from 0 to 1, at most 1 together. A reply has one fault or none.

    Args:
        rate_limit: HTTP 429 with ``Retry-After``.
        server_error: HTTP 500.
        unavailable: HTTP 503.
        hang: The request is taken and never answered.
        reset: The connection is reset, before the reply or in the middle of a stream.
        malformed: JSON that is none.
        cut: Half a reply: a stream that ends without a finish reason, or a body shorter than announced.
        empty: A reply without content.
        wrong_type: HTTP 200 with a page of HTML.
        drip: The right reply, slower by ``drip_factor``.
        bad_gateway: HTTP 502 with a page of HTML, as proxies send it.
        error_in_reply: HTTP 200 with an error object in the place of the reply or in its stream.
        no_choices: A reply whose list of choices is empty.
        wrong_usage: The right reply with token counts that make no sense, or none.
        retry_after_s: What ``Retry-After`` says, in simulated seconds.
        drip_factor: How many times slower a dripping reply is.
    """

    rate_limit: float = 0.0
    server_error: float = 0.0
    unavailable: float = 0.0
    hang: float = 0.0
    reset: float = 0.0
    malformed: float = 0.0
    cut: float = 0.0
    empty: float = 0.0
    wrong_type: float = 0.0
    drip: float = 0.0
    bad_gateway: float = 0.0
    error_in_reply: float = 0.0
    no_choices: float = 0.0
    wrong_usage: float = 0.0
    retry_after_s: float = 1.0
    drip_factor: float = 20.0

    @classmethod
    def of_each(cls, rate: float, kinds: tuple[Fault, ...] = COMMON_FAULTS) -> FaultSpec:
        """Return faults of these kinds, each at the same rate."""
        faults = cls(**dict.fromkeys(kinds, rate))
        faults.check("faults")
        return faults

    def rate(self, fault: Fault) -> float:
        """Return the share of requests that a fault hits."""
        share: float = getattr(self, fault)
        return share

    def check(self, at: str) -> None:
        """Raise a ``ConfigError`` for a value out of range; ``at`` is the dotted name of this table."""
        for fault in FAULTS:
            require(0 <= self.rate(fault) <= 1, f"{at}.{fault}", f"{self.rate(fault)} is not a share from 0 to 1")
        whole = sum(map(self.rate, FAULTS))
        require(whole <= 1 + 1e-9, at, f"the rates sum to {whole:g}: a reply has one fault or none, so at most 1")
        _require_seconds(f"{at}.retry_after_s", self.retry_after_s)
        require(1 <= self.drip_factor < inf, f"{at}.drip_factor", f"{self.drip_factor} is not a factor from 1 up")


class ModelSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One simulated model. Seconds and rates are in simulated time; None means no limit.

    Args:
        name: What requests call it.
        first_token_s: Seconds from the request to the first token, prefill apart.
        prefill_tps: Prompt tokens a second that are read; what the prefix cache holds is not read again.
        decode_tps: Tokens a second that are written.
        jitter: Spread of these times: sigma of a lognormal factor with mean 1; 0 for none.
        output_tokens: Tokens of a reply in the mean, bounded by the request's ``max_tokens``.
        output_spread: Spread of the lengths, as ``jitter``.
        reasoning_tokens: Tokens of thinking before each reply in the mean; 0 for a model that does not think.
        concurrency: Requests that are worked on at once; others wait in line.
        queue: Requests that may wait; one more gets a 429. None for any number.
        cache_tokens: Tokens that the prefix cache holds, in blocks of 16; 0 for no cache.
        context_tokens: The context window; longer prompts get a 400.
        rpm: Requests a simulated minute.
        tpm: Tokens a simulated minute, prompts and replies together.
        faults: What goes wrong; None takes the fleet's.
    """

    name: str
    first_token_s: float = 0.3
    prefill_tps: float = 3000.0
    decode_tps: float = 60.0
    jitter: float = 0.2
    output_tokens: float = 300.0
    output_spread: float = 0.4
    reasoning_tokens: float = 0.0
    concurrency: int = 8
    queue: int | None = 256
    cache_tokens: int = 400_000
    context_tokens: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    faults: FaultSpec | None = None

    def check(self, at: str) -> None:
        """Raise a ``ConfigError`` for a value out of range; ``at`` is the dotted name of this table."""
        name = self.name
        is_name = 0 < len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable() and " " not in name
        require(is_name, f"{at}.name", f"{name!r} is no name: up to {_LONGEST_NAME} ASCII characters without blanks")
        _require_seconds(f"{at}.first_token_s", self.first_token_s)
        for field in ("prefill_tps", "decode_tps"):
            value = getattr(self, field)
            require(0 < value < inf, f"{at}.{field}", f"{value} is not a number of tokens a second above 0")
        for field in ("jitter", "output_spread"):
            value = getattr(self, field)
            require(0 <= value <= 3, f"{at}.{field}", f"{value} is not from 0 to 3")
        require(1 <= self.output_tokens < 1e6, f"{at}.output_tokens", f"{self.output_tokens} is not from 1 to 1000000")
        require(
            0 <= self.reasoning_tokens < 1e6,
            f"{at}.reasoning_tokens",
            f"{self.reasoning_tokens} is not from 0 to 1000000",
        )
        for field, least in (("concurrency", 1), ("queue", 0), ("cache_tokens", 0), ("context_tokens", 1)):
            value = getattr(self, field)
            require(value is None or value >= least, f"{at}.{field}", f"{value} is not {least} or more")
        for field in ("rpm", "tpm"):
            value = getattr(self, field)
            require(value is None or value >= 1, f"{at}.{field}", f"{value} is not 1 or more: leave it out for none")
        if self.faults is not None:
            self.faults.check(f"{at}.faults")


class FleetSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole fleet, as its file says it.

    Args:
        models: At least one.
        seed: All that is drawn comes from it, the request and how often that request came.
        time_scale: Real seconds for a simulated one: 1 as told, 0.01 a hundred times faster, 0 without waiting.
        replies: What a request that comes again gets: ``equal``, the same text (what goes wrong and how long it takes
            is drawn anew), or ``fresh``, another one.
        stop_rate: Share of the requests that offer attention-moa's stop line and get it; the others go on.
        chunk_tokens: Tokens in each event of a streamed reply.
        faults: What goes wrong, for models without a table of their own.
    """

    models: tuple[ModelSpec, ...]
    seed: int = 0
    time_scale: float = 1.0
    replies: Literal["equal", "fresh"] = "equal"
    stop_rate: float = 0.0
    chunk_tokens: int = 4
    faults: FaultSpec = FaultSpec()

    def __post_init__(self) -> None:
        """Check all that types cannot say; raise a ``ConfigError`` that names the field."""
        require(bool(self.models), "models", "no model: add at least one [[models]] table with a name")
        require(len(self.models) <= _MOST_MODELS, "models", f"{len(self.models)} models: at most {_MOST_MODELS}")
        seen: set[str] = set()
        for index, model in enumerate(self.models):
            model.check(f"models[{index}]")
            require(model.name not in seen, f"models[{index}].name", f"{model.name!r} is taken: choose another name")
            seen.add(model.name)
        require(
            0 <= self.time_scale <= 1000, "time_scale", f"{self.time_scale} is not from 0 (no waiting) to 1000 (slower)"
        )
        require(0 <= self.stop_rate <= 1, "stop_rate", f"{self.stop_rate} is not a share from 0 to 1")
        require(self.chunk_tokens >= 1, "chunk_tokens", f"{self.chunk_tokens} is not 1 or more")
        self.faults.check("faults")

    def faults_of(self, model: ModelSpec) -> FaultSpec:
        """Return what goes wrong with a model: its own table, or the fleet's."""
        return self.faults if model.faults is None else model.faults


def _require_seconds(key: str, value: float) -> None:
    require(0 <= value < inf, key, f"{value} is not a number of seconds from 0 up")
