"""What a call may do beside giving advice: call tools, keep to a form, write the answer. Pure."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.messages import Reply, ReplyFormat, ToolUse
from attention_moa.stopping import is_garbled, parse_verdict


class Writing(Struct, frozen=True, kw_only=True):
    """What a call may do that may write the answer.

    Args:
        tools: The caller's tools, which it may call.
        reply_format: The form that its reply must have; None for any text.
        nonce: The secret word of its verdict lines; None for a reply without a verdict.
        is_final: Whether the call is sure to write the answer when it starts.
    """

    tools: ToolUse | None = None
    reply_format: ReplyFormat | None = None
    nonce: str | None = None
    is_final: bool = False

    def text_of(self, text: str) -> str | None:
        """Return what of a reply is text for the user; None where it is none, but a verdict to stop."""
        if self.nonce is None:
            return text
        parsed = parse_verdict(text, self.nonce)
        return None if parsed.is_stop or is_garbled(text, self.nonce) else parsed.text


ADVICE = Writing()
"""A call whose reply others read."""


def has_something(reply: Reply) -> bool:
    """Return whether a reply can be used: it holds text, or calls tools."""
    return bool(reply.text or reply.tool_calls)


def seeded(agent: AgentSpec, choice: int) -> AgentSpec:
    """Return an agent as it writes a further answer: where it has a seed, each answer has the next.

    Args:
        agent: Who writes.
        choice: Which answer, from 0.
    """
    return agent if agent.seed is None or not choice else replace(agent, seed=agent.seed + choice)
