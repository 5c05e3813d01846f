"""What a journal knows of a run beside its calls: what it is, and its line in a list."""

from __future__ import annotations

from msgspec import Struct

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.messages import Conversation
from attention_moa.records import RunState, UsageTotal


class RunHead(Struct, frozen=True, kw_only=True):
    """What a run is, before anything of it is done.

    Args:
        run_id: Unique.
        created_at: Start of the run, ISO 8601 in UTC.
        ensemble: What runs.
        conversation: What it is asked.
        request_key: Equal for equal requests: the same ensemble, conversation and sample.
        sample: Which of several repeats of one request this is, from 0.
        wanted: What the caller wants the answer to be.
        owner: Whose run it is: interrupted runs and replies serve their owner alone. Empty for the command line's.
        labels: What the caller attached, name by name.
        salt: The line that every prompt of the run begins with; empty for none.
    """

    run_id: str
    created_at: str
    ensemble: EnsembleSpec
    conversation: Conversation
    request_key: str
    sample: int = 0
    wanted: AnswerSpec = PLAIN
    owner: str = ""
    labels: dict[str, str] = {}
    salt: str = ""


class RunRow(Struct, frozen=True, kw_only=True):
    """One line of a list of runs.

    Args:
        run_id: Unique.
        created_at: Start of the run, ISO 8601 in UTC.
        ensemble: Its name.
        question: The last user turn, its first 200 characters.
        state: How far it is; ``running`` also where its process died.
        is_held: Whether a process is at it now.
        calls: How many calls are journaled: they finished or were lost, and were not broken off.
        usage: What they used; None where the run has not ended.
        wall_s: Seconds it took; None where it has not ended.
        text: The answer, its first 200 characters; None while there is none.
        owner: Whose run it is; empty for the command line's.
        labels: What the caller attached, name by name.
    """

    run_id: str
    created_at: str
    ensemble: str
    question: str
    state: RunState
    is_held: bool
    calls: int
    usage: UsageTotal | None = None
    wall_s: float | None = None
    text: str | None = None
    owner: str = ""
    labels: dict[str, str] = {}
