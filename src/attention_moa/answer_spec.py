"""What the caller wants a run's answer to be, beside what it should say."""

from __future__ import annotations

from msgspec import Struct

from attention_moa.messages import ReplyFormat, ToolUse


class AnswerSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the answer of a run may do and must look like. It acts on the answer, not on what agents say to each other.

    Args:
        tools: The caller's tools: agents advise on them, the writers may call them; None where there are none.
        reply_format: The form that the answer must have; None for any text.
        stop: The answer ends before the first of these texts.
        choices: How many answers are written from the same deliberation, 1 or more.
    """

    tools: ToolUse | None = None
    reply_format: ReplyFormat | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1


PLAIN = AnswerSpec()
"""One answer, any text."""
