"""The tables of an ensemble's file: attention, early stopping, calls, quorum, limits, prompts; agents are elsewhere.

``config.py`` puts them together and checks them.
"""

from __future__ import annotations

from math import inf
from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.agents import require
from attention_moa.messages import CONNECT_TIMEOUT_S

Layout: TypeAlias = Literal["continue", "paper", "compact"]
AttentionMode: TypeAlias = Literal["pairwise", "panel"]
PromptStyle: TypeAlias = Literal["full", "small"]
StopMethod: TypeAlias = Literal["verdict", "similarity", "none"]


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
        connect_timeout_s: Most seconds for a connection to open. The client libraries of Google, Groq, Mistral, Cohere,
            Hugging Face and Bedrock keep their own; a note says so where it is set for them.
        first_token_timeout_s: Most seconds until the first token of a streamed reply.
        timeout_s: Most seconds of one attempt.
        hedge_s: Seconds without a first token after which a second attempt starts beside the first; the first whole
            reply counts, the other attempt is ended. None for no second one.
        concurrency: Most calls under way at once with one model and key; None for no limit.
        rpm: Most requests to one model with one key in any sixty seconds; None for no limit.
        tpm: Most tokens of one model with one key in any sixty seconds; None for no limit.
    """

    attempts: int = 4
    retry_wait_s: float = 1.0
    retry_wait_max_s: float = 60.0
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    first_token_timeout_s: float = 300.0
    timeout_s: float = 900.0
    hedge_s: float | None = None
    concurrency: int | None = None
    rpm: int | None = None
    tpm: int | None = None


class QuorumSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a reader goes on without those that are late. None waits for all.

    Args:
        critiques: Critiques of an answer that are enough for its refinement.
        refinements: Refinements that are enough for the summary.
        grace_s: Seconds that the rest still has once so many are there.
    """

    critiques: int | None = None
    refinements: int | None = None
    grace_s: float = 0.0


class LimitSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one run may use. None for no limit.

    Args:
        usd: Money; every model then needs a known price.
        tokens: Tokens of prompts and replies together.
        deadline_s: Seconds from the start; a resumed run starts anew.
    """

    usd: float | None = None
    tokens: int | None = None
    deadline_s: float | None = None

    @property
    def has_budget(self) -> bool:
        """Whether money or tokens are limited."""
        return self.usd is not None or self.tokens is not None


class PromptSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the prompt templates come from.

    Args:
        style: ``full``, or ``small``: shorter ones that end with the question, for models that would forget it.
        folder: A folder whose ``*.md`` files replace ours of the same name; relative to the ensemble's file.
    """

    style: PromptStyle = "full"
    folder: str | None = None


def check_calls(calls: CallPolicy) -> None:
    """Raise a ``ConfigError`` that names the field if a number of the calls' policy is out of its range."""
    require(calls.attempts >= 1, "calls.attempts", f"{calls.attempts} is not 1 or more")
    for field in ("concurrency", "rpm", "tpm"):
        most = getattr(calls, field)
        require(most is None or most >= 1, f"calls.{field}", f"{most} is not 1 or more")
    require(
        calls.hedge_s is None or 0 < calls.hedge_s < inf,
        "calls.hedge_s",
        f"{calls.hedge_s} is not a number of seconds above 0",
    )
    for field in ("retry_wait_s", "retry_wait_max_s"):
        value = getattr(calls, field)
        require(0 <= value < inf, f"calls.{field}", f"{value} is not a number of seconds from 0 up")
    for field in ("connect_timeout_s", "first_token_timeout_s", "timeout_s"):
        value = getattr(calls, field)
        require(0 < value < inf, f"calls.{field}", f"{value} is not a number of seconds above 0")
