"""The three classes of fields: applied, without effect and listed, refused by name. Here are the last two.

A field that is in none of them is unknown, and refused too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from msgspec import Struct

from attention_moa.server.errors import bad_request

REFUSED: Mapping[str, str] = {
    "audio": "answers are text",
    "context_management": "agents read the whole conversation",
    "conversation": "a conversation goes on with previous_response_id",
    "function_call": "it is deprecated: use tool_choice",
    "functions": "they are deprecated: use tools",
    "logit_bias": "several models write, and their tokens differ",
    "logprobs": "several models write, and one's probabilities do not say how sure the answer is",
    "moderation": "nothing is moderated here",
    "prompt": "templates are the ensembles' own: send the text",
    "top_logprobs": "several models write, and one's probabilities do not say how sure the answer is",
    "web_search_options": "nothing is searched here",
}
"""Fields of a request that would change the meaning where they were ignored, and why they are not taken."""

CHAT_IGNORED = (
    "service_tier",
    "store",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "prediction",
    "verbosity",
    "logprobs",
    "logit_bias",
    "top_logprobs",
    "modalities",
)
"""Fields of chat completions that change nothing; some of them are refused for other values than these."""

OF_RESPONSES: Mapping[str, str] = {
    "background": "a run goes on without its client with attention_moa.on_disconnect: finish",
    "input": "the conversation is messages",
    "instructions": "write a message of the role system",
    "max_output_tokens": "write max_completion_tokens",
    "previous_response_id": "send the whole conversation as messages, or use /v1/responses",
    "reasoning": "write reasoning_effort",
    "text": "write response_format",
}
"""Fields that Responses alone have, and what does the same in chat completions."""

OF_CHAT: Mapping[str, str] = {
    "frequency_penalty": "Responses have none: use /v1/chat/completions",
    "max_completion_tokens": "write max_output_tokens",
    "max_tokens": "write max_output_tokens",
    "messages": "the conversation is input",
    "n": "Responses give one answer: use /v1/chat/completions",
    "presence_penalty": "Responses have none: use /v1/chat/completions",
    "reasoning_effort": "write reasoning.effort",
    "response_format": "write text.format",
    "seed": "Responses have none: use /v1/chat/completions",
    "stop": "Responses have none: use /v1/chat/completions",
}
"""Fields that chat completions alone have, and what does the same in Responses."""


def set_ones(body: Struct, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those fields of a request that are set.

    Args:
        body: The request.
        names: The fields to look at.
    """
    return tuple(name for name in names if getattr(body, name) is not None)


def refuse_field(name: str) -> NoReturn:
    """Raise the error of a field that is refused by name."""
    raise bad_request(f"{name} is not supported: {REFUSED[name]}", param=name, code="unsupported_parameter")
