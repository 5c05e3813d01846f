"""What a request asks for, whatever API it came by: an ensemble, a conversation, and how the answer is wanted."""

from __future__ import annotations

from msgspec import Struct

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.messages import Conversation
from attention_moa.server.config import OnDisconnect, ProgressStyle


class Job(Struct, frozen=True, kw_only=True):
    """One request, understood and checked.

    Args:
        model: As the request names it: ``paper-small``, ``paper-small/qwen``.
        ensemble: The ensemble that it belongs to.
        spec: What runs, with all that the request changed of it.
        conversation: What it is asked.
        wanted: How the answer is wanted.
        runs: How many whole runs are made.
        run_id: The very run of the journal that goes on; None for any.
        is_fresh: Whether an interrupted run of an equal request is left alone.
        has_reuse: Whether finished calls of the owner's earlier runs serve equal calls.
        settings: The fields of ``attention_moa`` that the request set: a key may not allow each.
        limited_by: Those of them, ``usd`` and ``tokens``, that are stricter than the ensemble's own limits.
        labels: What the client keeps with the run.
        progress: What a stream shows of the deliberation.
        on_disconnect: What becomes of the run when the client leaves.
        ignored: Fields of the request that change nothing.
        notes: What of the request was taken otherwise than it says.
        trace: The trace that the client's request belongs to: its headers ``traceparent`` and ``tracestate``.
    """

    model: str
    ensemble: str
    spec: EnsembleSpec
    conversation: Conversation
    wanted: AnswerSpec = PLAIN
    runs: int = 1
    run_id: str | None = None
    is_fresh: bool = False
    has_reuse: bool = False
    settings: frozenset[str] = frozenset()
    limited_by: frozenset[str] = frozenset()
    labels: dict[str, str] = {}
    progress: ProgressStyle = "comments"
    on_disconnect: OnDisconnect = "cancel"
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    trace: dict[str, str] = {}
