"""``attention_moa``: what a request may say of its run that the OpenAI API has no field for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from attention_moa.config import MOST_LAYERS
from attention_moa.rules import AttentionMode, StopMethod
from attention_moa.server.config import Cadence, OnDisconnect, ProgressStyle
from attention_moa.server.wire import Body

_Above0 = Annotated[float, Meta(gt=0)]
_From1 = Annotated[int, Meta(ge=1)]


class AttentionBody(Body, frozen=True, kw_only=True, rename={"own": "self"}):
    """Who criticises whom, as far as it is to be other than the ensemble says.

    Args:
        own: Whether each agent reassesses its own answer.
        peers: ``all``, or how many peers criticise each answer.
        mode: ``pairwise`` or ``panel``.
    """

    own: bool | None = None
    peers: Literal["all"] | Annotated[int, Meta(ge=0)] | None = None
    mode: AttentionMode | None = None


class StopBody(Body, frozen=True, kw_only=True):
    """When a run ends before its last layer, as far as it is to be other than the ensemble says."""

    rule: StopMethod | None = None
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_layers: _From1 | None = None
    returns: Literal["latest", "previous"] | None = None


class MoaBody(Body, frozen=True, kw_only=True):
    """What a request says of its run; None leaves what the ensemble and the server say.

    Args:
        layers: Number of layers.
        deadline_s: Seconds; the stricter of this and the ensemble's holds, as for the two that follow.
        usd: US dollars.
        tokens: Tokens of prompts and replies together.
        attention: Who criticises whom.
        early_stop: When the run ends early.
        fresh: Whether an interrupted run of an equal request is left alone.
        reuse: Whether finished calls of one's earlier runs serve equal calls.
        progress: What a stream shows of the deliberation.
        cadence: Whether every turn is deliberated, or those of the user alone.
        choices: Whether ``n`` makes the writing call or the whole run ``n`` times.
        on_disconnect: What becomes of the run when the client leaves.
    """

    layers: Annotated[int, Meta(ge=1, le=MOST_LAYERS)] | None = None
    deadline_s: _Above0 | None = None
    usd: _Above0 | None = None
    tokens: _From1 | None = None
    attention: AttentionBody | None = None
    early_stop: StopBody | None = None
    fresh: bool | None = None
    reuse: bool | None = None
    progress: ProgressStyle | None = None
    cadence: Cadence | None = None
    choices: Literal["writing", "runs"] | None = None
    on_disconnect: OnDisconnect | None = None
