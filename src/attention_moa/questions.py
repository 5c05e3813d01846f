"""What a user asks, as the turns that the agents get."""

from __future__ import annotations

import msgspec

from attention_moa.errors import ConfigError
from attention_moa.messages import Conversation, system, user


def conversation_of(question: str | Conversation, system_prompt: str | None = None) -> Conversation:
    """Return a question or conversation as the turns that the agents get.

    Args:
        question: A question, or turns whose last one asks: the user's, or what a tool gave, be it nothing.
        system_prompt: Put first; None for none.

    Raises:
        ConfigError: There is no question, or a turn is no Unicode text.
    """
    turns = (user(question),) if isinstance(question, str) else tuple(question)
    if not turns or turns[-1].role not in ("user", "tool"):
        raise ConfigError("the last turn has to be the user's", key="question")
    if turns[-1].role == "user" and not (turns[-1].text.strip() or turns[-1].has_images):
        raise ConfigError("the question is empty: ask something", key="question")
    conversation = (system(system_prompt), *turns) if system_prompt else turns
    try:
        msgspec.json.encode(conversation)
    except UnicodeEncodeError as error:
        raise ConfigError("a turn holds halves of characters: was it read as UTF-8?", key="question") from error
    return conversation
