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
