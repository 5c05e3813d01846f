"""One call of a run that is still to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from attention_moa.agents import AgentSpec
from attention_moa.messages import Stage

NOBODY: Mapping[str, str] = MappingProxyType({})

OUTPUT = "the output so far"
"""What a baseline's own output is called among the answers of agents: no agent can have a name with a space."""

DIFFERENCE = "what differs"
"""What an extraction is called there."""


class PlannedCall(Struct, frozen=True, kw_only=True):
    """One call to come.

    Args:
        call_id: As in the run.
        stage: What for.
        layer: From 1.
        agent: Who is asked, with the reply length of this call.
        peer: The author, for a pairwise critique.
        authors: Whose answers a panel call criticises; empty for all other calls.
        own: The call that wrote the agent's own answer; None where the prompt holds none.
        quoted: The calls whose texts are quoted, by who wrote them; a residual's by the number of the layer.
        previous: The call that wrote ``o[l-1]``; None in layer 1.
        reads: All calls that it waits for.
        choice: Which of several answers it writes, from 0.
    """

    call_id: str
    stage: Stage
    layer: int
    agent: AgentSpec
    peer: str | None = None
    authors: tuple[str, ...] = ()
    own: str | None = None
    quoted: Mapping[str, str] = NOBODY
    previous: str | None = None
    reads: tuple[str, ...] = ()
    choice: int = 0

    @property
    def kind(self) -> str:
        """The stage, or ``panel``."""
        return "panel" if self.authors else self.stage.value


def planned_call(
    agent: AgentSpec,
    stage: Stage,
    layer: int,
    *,
    peer: str | None = None,
    authors: tuple[str, ...] = (),
    own: str | None = None,
    quoted: Mapping[str, str] | None = None,
    previous: str | None = None,
    reads: Sequence[str] = (),
) -> PlannedCall:
    """Return a call to come; its name follows from who is asked what for.

    Args:
        agent: Who is asked.
        stage: What for.
        layer: From 1.
        peer: See ``PlannedCall``; so are the five that follow.
        authors: Whose answers a panel call criticises.
        own: The call that wrote the agent's own answer.
        quoted: The calls whose texts are quoted, by who wrote them.
        previous: The call that wrote ``o[l-1]``.
        reads: All calls that it waits for.
    """
    parts = (str(layer), stage.value, agent.name, peer)
    return PlannedCall(
        call_id=".".join(part for part in parts if part is not None),
        stage=stage,
        layer=layer,
        agent=agent,
        peer=peer,
        authors=authors,
        own=own,
        quoted=dict(quoted or {}),
        previous=previous,
        reads=tuple(dict.fromkeys(reads)),
    )
