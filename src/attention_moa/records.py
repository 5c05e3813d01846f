"""What a run leaves behind: every text, every call, every loss, and what it all cost.

A record is complete: it can be saved with ``codec.py``, read back equal, and holds the ensemble and the conversation
that made it. Nothing in it is made up: where a call failed there is a ``Loss``, and where something stood in for it
the stand-in says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.call_records import Attempt, CallRecord, CallState, UsageTotal
from attention_moa.config import EnsembleSpec
from attention_moa.messages import Conversation, FinishReason, Stage, ToolCall

__all__ = [
    "SCHEMA_VERSION",
    "Answer",
    "Attempt",
    "CallRecord",
    "CallState",
    "Choice",
    "Critique",
    "Degradation",
    "LayerRecord",
    "Loss",
    "Refinement",
    "Residual",
    "RunRecord",
    "RunState",
    "Selection",
    "Summary",
    "UsageTotal",
    "Verdict",
]

SCHEMA_VERSION = 1

RunState: TypeAlias = Literal["running", "finished", "failed", "cancelled", "interrupted"]
"""How far a run is. In a journal one that was cut off is ``running``: that it was interrupted shows where nobody is at
it any more, and is said by whoever looks."""


class Loss(Struct, frozen=True, kw_only=True, tag="loss"):
    """A result that is not there, in the place where it should be.

    Args:
        stage: Stage of the missing result.
        layer: From 1.
        agent: Who should have written it.
        peer: The author, for a critique.
        kind: The error's class name; ``Skipped`` where no call was made because its input was lost.
        message: What happened, one line.
        call_id: The call that failed; None where none was made.
    """

    stage: Stage
    layer: int
    agent: str
    kind: str
    message: str
    peer: str | None = None
    call_id: str | None = None

    @property
    def is_skipped(self) -> bool:
        """Whether no call was made."""
        return self.kind == "Skipped"


class Answer(Struct, frozen=True, kw_only=True, tag="answer"):
    """``y[i]``: an agent's answer to the conversation; it calls tools only where no writer comes after it."""

    agent: str
    text: str
    call_id: str
    is_truncated: bool = False
    tool_calls: tuple[ToolCall, ...] = ()


class Critique(Struct, frozen=True, kw_only=True, tag="critique"):
    """``a[i->j]``: what critic ``i`` says of author ``j``'s answer; self-attention where both are the same."""

    critic: str
    author: str
    text: str
    call_id: str
    is_truncated: bool = False

    @property
    def is_self(self) -> bool:
        """Whether the critic is the author."""
        return self.critic == self.author


class Refinement(Struct, frozen=True, kw_only=True, tag="refinement"):
    """``y'[j]``: an author's answer after the critiques.

    Args:
        agent: The author.
        text: The refined answer, or the author's own answer where ``stands_in`` is set.
        call_id: The call that wrote ``text``.
        is_truncated: Whether the text hit its token limit.
        stands_in: Why the own answer stands in for a refinement; None for a real one.
    """

    agent: str
    text: str
    call_id: str
    is_truncated: bool = False
    stands_in: str | None = None


class Summary(Struct, frozen=True, kw_only=True, tag="summary"):
    """``s[l]``: the synthesis of a layer.

    Args:
        agent: Who wrote it.
        text: The synthesis, or the best refinement where ``stands_in`` is set.
        call_id: The call that wrote ``text``.
        is_truncated: Whether the text hit its token limit.
        stands_in: Why a refinement stands in for a synthesis; None for a real one.
        tool_calls: The caller's tools that it calls.
    """

    agent: str
    text: str
    call_id: str
    is_truncated: bool = False
    stands_in: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()


class Residual(Struct, frozen=True, kw_only=True, tag="residual"):
    """``r[l]``: the merge of all layers' outputs.

    Args:
        agent: Who wrote it.
        text: The merge; empty where the verdict was to stop, or where it only calls tools.
        call_id: The call that wrote ``text``.
        is_truncated: Whether the text hit its token limit.
        tool_calls: The caller's tools that it calls.
    """

    agent: str
    text: str
    call_id: str
    is_truncated: bool = False
    tool_calls: tuple[ToolCall, ...] = ()


class Choice(Struct, frozen=True, kw_only=True, tag="choice"):
    """A further writing of the answer, from the same deliberation.

    Args:
        text: The answer; empty only where it calls tools.
        finish_reason: Why it ended.
        call_id: The call that wrote it.
        tool_calls: The caller's tools that it calls.
    """

    text: str
    finish_reason: FinishReason
    call_id: str
    tool_calls: tuple[ToolCall, ...] = ()


class Selection(Struct, frozen=True, kw_only=True, tag="selection"):
    """Which answers of a layer a baseline goes on with.

    Args:
        chosen: Whose, the best first.
        reason: Why, one line.
        agent: Who chose; None where it was counted or measured.
        call_id: The call that chose; None where there was none.
        stands_in: Why a measure stands in for a choice; None for a real one.
    """

    chosen: tuple[str, ...]
    reason: str
    agent: str | None = None
    call_id: str | None = None
    stands_in: str | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """Why a run went on after a layer, or did not.

    Args:
        layer: The layer that it follows.
        is_stop: Whether the run ended there.
        rule: What decided: ``verdict``, ``similarity``, ``last`` where the layers were used up, ``deadline`` where the
            time was, ``limit`` where the money or the tokens were.
        reason: One line for a person.
        score: The similarity, where that was the rule.
    """

    layer: int
    is_stop: bool
    rule: Literal["verdict", "similarity", "none", "last", "failure", "deadline", "limit"]
    reason: str
    score: float | None = None


def layers_ran(layers: int) -> str:
    """Return the reason of a verdict that says no more than that the layers were used up.

    Args:
        layers: How many there were.
    """
    return "the one layer ran" if layers == 1 else f"all {layers} layers ran"


class Degradation(Struct, frozen=True, kw_only=True):
    """Something less than planned was used, and what.

    Args:
        layer: From 1.
        stage: Where.
        agent: Whose result was missing.
        what: What was used in its place, one line.
        why: What went wrong, one line.
    """

    layer: int
    stage: Stage
    agent: str
    what: str
    why: str


class LayerRecord(Struct, frozen=True, kw_only=True):
    """One layer: what each stage gave, and what the layer's output is.

    Args:
        layer: From 1.
        answers: By agent.
        critique_list: All critiques and their losses, in the order of the ensemble's pairs.
        refinements: By agent; an agent whose answer was lost is not in it.
        summary: ``s[l]``; None where the layer did not get that far.
        residual: ``r[l]``; None in layer 1 and where no residual call was made.
        verdict: The decision after the layer.
        output: ``o[l]``; None where the layer gave none, or hands on answers instead, as some baselines' do.
        usage: Sum over the layer's calls.
        selection: Which answers it goes on with; None but in baselines that choose.
        extract: What it has that the layer before had not; None but in RMoA.
    """

    layer: int
    answers: dict[str, Answer | Loss]
    critique_list: tuple[Critique | Loss, ...] = ()
    refinements: dict[str, Refinement] = {}
    summary: Summary | Loss | None = None
    residual: Residual | Loss | None = None
    verdict: Verdict | None = None
    output: str | None = None
    usage: UsageTotal = UsageTotal()
    selection: Selection | None = None
    extract: Residual | Loss | None = None

    @property
    def critiques(self) -> Mapping[tuple[str, str], Critique | Loss]:
        """The critiques by (critic, author)."""
        pairs = {
            (c.critic, c.author) if isinstance(c, Critique) else (c.agent, c.peer or ""): c for c in self.critique_list
        }
        return MappingProxyType(pairs)


class RunRecord(Struct, frozen=True, kw_only=True):
    """A run, whole.

    Args:
        run_id: Unique.
        created_at: Start of the run, ISO 8601 in UTC.
        ensemble: What ran.
        conversation: What it was asked: ``x``.
        state: How far it is.
        text: The answer; None while there is none.
        layers: What each layer gave, in order.
        calls: Every call, in the order in which they ended.
        losses: What is missing.
        degraded: What stood in for something better.
        notes: What was adapted for whom (a missing system role, a trimmed prompt).
        usage: Sum over all calls.
        wall_s: Seconds from start to end.
        critical_path_s: Seconds of the longest chain of calls that waited for each other.
        error: Why the run failed, one line; None where it did not.
        schema_version: Of this form.
        wanted: What the caller wanted the answer to be.
        tool_calls: The caller's tools that the answer calls; ``text`` may then be empty.
        finish_reason: Why the call that wrote the answer ended; None while there is no answer.
        choices: The answers beyond the first, in order; a loss where one could not be had.
        owner: Whose run it is; empty where nobody asks.
        labels: What the caller attached, name by name.
    """

    run_id: str
    created_at: str
    ensemble: EnsembleSpec
    conversation: Conversation
    state: RunState
    text: str | None = None
    layers: tuple[LayerRecord, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    losses: tuple[Loss, ...] = ()
    degraded: tuple[Degradation, ...] = ()
    notes: tuple[str, ...] = ()
    usage: UsageTotal = UsageTotal()
    wall_s: float = 0.0
    critical_path_s: float = 0.0
    error: str | None = None
    schema_version: int = SCHEMA_VERSION
    wanted: AnswerSpec = PLAIN
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    choices: tuple[Choice | Loss, ...] = ()
    owner: str = ""
    labels: dict[str, str] = {}

    @property
    def verdict(self) -> Verdict | None:
        """The decision that ended the run."""
        return self.layers[-1].verdict if self.layers else None

    @property
    def is_truncated(self) -> bool:
        """Whether the answer's text hit a token limit; records of before answers said so are asked for their parts."""
        if self.finish_reason is not None:
            return self.finish_reason == "length"
        return any(
            isinstance(part, (Answer, Summary, Residual)) and part.is_truncated and part.text == self.text
            for layer in self.layers
            for part in (layer.summary, layer.residual, *layer.answers.values())
        )
