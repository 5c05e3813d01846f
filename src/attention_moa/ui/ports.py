"""What the page needs of the world outside: who somebody is, what they may ask, their runs.

Every method takes the key that a visitor brought and checks it anew: a key that was revoked since the page was loaded
opens nothing. The page has no rights of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from attention_moa.config import EnsembleSpec
from attention_moa.events import Event
from attention_moa.messages import Conversation
from attention_moa.plan import Plan
from attention_moa.records import RunRecord, RunState
from attention_moa.rules import AttentionMode, StopMethod
from attention_moa.stored_runs import RunRow


class RefusedError(Exception):
    """What somebody wanted is not to be had.

    Args:
        message: One line for a person.
        code: What exactly it is, for programs.
        is_key_bad: Whether the key is missing or good no more: who brought it is to log in.
        field: The field of the question that is at fault; None where none is.
        status: HTTP's, of a page in whose place this is told; None leaves that to the page.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        is_key_bad: bool = False,
        field: str | None = None,
        status: int | None = None,
    ) -> None:
        """Keep all of it."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.is_key_bad = is_key_bad
        self.field = field
        self.status = status


class Visitor(Struct, frozen=True, kw_only=True):
    """Somebody who was let in.

    Args:
        name: The name of their key; empty where there are no keys.
        is_admin: Whether all runs are theirs to see.
        most_bytes: The largest question, with its images.
    """

    name: str
    is_admin: bool
    most_bytes: int = 20 * 2**20


class Offer(Struct, frozen=True, kw_only=True):
    """Something that may be asked: an ensemble, or one agent of it.

    Args:
        name: What it is called.
        ensemble: The ensemble that it is, or is an agent of.
        spec: What runs.
    """

    name: str
    ensemble: str
    spec: EnsembleSpec


class AttentionWish(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"own": "self"}):
    """Who is to criticise whom; None leaves what the ensemble says.

    Args:
        own: Whether each agent reassesses its own answer.
        peers: ``all``, or how many peers criticise each answer.
        mode: Whether a critic says one thing of each answer, or one of all.
    """

    own: bool | None = None
    peers: Literal["all"] | int | None = None
    mode: AttentionMode | None = None


class StopWish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When the run is to end before its last layer; None leaves what the ensemble says.

    Args:
        rule: By whose word, or by what.
        threshold: From 0 to 1: how alike two layers have to be.
        min_layers: Layers that there are in any case.
        returns: Which answer is given: of the layer that was not needed, or of the one before.
    """

    rule: StopMethod | None = None
    threshold: float | None = None
    min_layers: int | None = None
    returns: Literal["latest", "previous"] | None = None


class Question(Struct, frozen=True, kw_only=True):
    """What is asked, as the form has it.

    Args:
        model: The offer's name.
        conversation: The turns, the last of them the user's.
        layers: Number of layers; None for the ensemble's own, as for all that follow.
        deadline_s: Seconds.
        usd: US dollars.
        tokens: Tokens of prompts and replies together.
        is_fresh: Whether an interrupted run of an equal question is left alone.
        attention: Who criticises whom.
        early_stop: When it ends early.
    """

    model: str
    conversation: Conversation
    layers: int | None = None
    deadline_s: float | None = None
    usd: float | None = None
    tokens: int | None = None
    is_fresh: bool = False
    attention: AttentionWish = AttentionWish()
    early_stop: StopWish = StopWish()


class RunFilter(Struct, frozen=True, kw_only=True):
    """Which runs are listed: the newest, at most ``limit``, older than ``before``."""

    limit: int = 50
    before: str | None = None
    state: RunState | None = None
    ensemble: str | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """A run as it stands.

    Args:
        record: What is finished of it.
        is_under_way: Whether this server is at it now.
        is_own: Whether it is the visitor's own, so that it may be resumed.
        plan: What it was expected to take; None where that is not known.
        is_whole: Whether all of the record is there; else what is for whoever runs the server alone is hidden in it.
    """

    record: RunRecord
    is_under_way: bool
    is_own: bool
    plan: Plan | None
    is_whole: bool = True


class Heard(NamedTuple):
    """An event of a run.

    Args:
        number: From 1; pieces of text have the last event's.
        event: The event.
    """

    number: int
    event: Event


class Asked(NamedTuple):
    """A question that is being answered.

    Args:
        run_id: The run.
        batches: What happens in it, from its very start; as ``Outside.watch``. Who has them iterates them.
    """

    run_id: str
    batches: AsyncGenerator[Sequence[Heard], None]


class Outside(Protocol):
    """The world outside; every method raises ``RefusedError``."""

    async def enter(self, key: str | None) -> Visitor:
        """Return who brings a key; None brings none, and is let in where there are no keys."""
        ...

    async def offers(self, key: str | None) -> Sequence[Offer]:
        """Return what somebody may ask: each ensemble, followed by its agents."""
        ...

    async def plan(self, key: str | None, question: Question) -> Plan:
        """Return what a question would take."""
        ...

    async def ask(self, key: str | None, question: Question) -> Asked:
        """Return the run that answers a question, under way."""
        ...

    async def standing(self, key: str | None, run_id: str) -> Standing:
        """Return a run as it stands."""
        ...

    async def rows(self, key: str | None, wanted: RunFilter) -> Sequence[RunRow]:
        """Return lines of runs, the newest first."""
        ...

    def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
        """Yield a run's events after one, as many at a time as are there, and those that follow until it is over.

        With them come pieces of every call and of the answer, for as long as somebody listens; an answer that was begun
        before is told from its start, and so is a call: at once, or with its next piece. Where nothing happens for a
        while nothing is yielded: an empty sequence.
        """
        ...

    async def cancel(self, key: str | None, run_id: str) -> None:
        """End a run that is under way; one that is over stays as it is."""
        ...

    async def resume(self, key: str | None, run_id: str) -> None:
        """Let an interrupted run go on."""
        ...

    async def delete(self, key: str | None, run_id: str) -> None:
        """Take a run out for good."""
        ...
