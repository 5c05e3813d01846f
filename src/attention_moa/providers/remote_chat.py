"""The library's model of OpenAI's chat interface, with what it leaves out or rewrites: names, calls as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

NAME = "name"
"""Where in a message's metadata its speaker's name is."""


class ChatModel(OpenAIChatModel):
    """A model that is asked in OpenAI's own form, a message's ``name`` and calls that are no JSON included.

    Both hooks are those that the library has for subclasses.
    """

    async def _map_user_message(self, message: ModelRequest) -> AsyncIterator[ChatCompletionMessageParam]:
        async for turn in super()._map_user_message(message):
            yield _named(turn, message)

    def _map_model_response(self, message: ModelResponse) -> ChatCompletionMessageParam | None:
        turn = super()._map_model_response(message)
        if turn is None:
            return None
        calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
        sent = cast("dict[str, Any]", turn).get("tool_calls", [])
        for call, param in zip(calls, sent, strict=True):
            if isinstance(call.args, str):
                param["function"]["arguments"] = call.args
        return _named(turn, message)


def _named(turn: ChatCompletionMessageParam, message: ModelRequest | ModelResponse) -> ChatCompletionMessageParam:
    name = (message.metadata or {}).get(NAME)
    return cast("ChatCompletionMessageParam", {**turn, "name": name}) if name else turn
