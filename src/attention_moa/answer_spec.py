"""What the caller wants a run's answer to be, beside what it should say."""

from __future__ import annotations

from msgspec import Struct

from attention_moa.errors import ConfigError
from attention_moa.messages import ReplyFormat, ToolUse

MOST_CHOICES = 128


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


def require_possible(wanted: AnswerSpec) -> None:
    """Make sure that an answer can be what is wanted; that its form can be checked is another question.

    Args:
        wanted: What the answer is to be.

    Raises:
        ConfigError: It cannot; the text names the field.
    """
    if not 1 <= wanted.choices <= MOST_CHOICES:
        raise ConfigError(f"{wanted.choices} is not from 1 to {MOST_CHOICES}", key="choices")
    if not all(wanted.stop):
        raise ConfigError("an empty text ends nothing: leave it out", key="stop")
    if wanted.tools is None:
        return
    names = [tool.name for tool in wanted.tools.tools]
    if not names or not all(names) or len(set(names)) < len(names):
        raise ConfigError("each tool needs a name of its own; with no tool leave tools out", key="tools")
    if wanted.tools.only is not None and (wanted.tools.only not in names or wanted.tools.choice != "required"):
        raise ConfigError(f"{wanted.tools.only!r} is no tool that has to be called", key="tools.only")
