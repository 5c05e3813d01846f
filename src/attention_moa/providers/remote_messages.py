"""Our messages and settings in the form that the provider library takes. Nothing is sent that was not set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from msgspec.structs import replace
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import SAMPLING_PARAMS

from attention_moa.errors import RefusedError
from attention_moa.messages import CallRequest, Conversation, ImagePart, Message, Sampling
from attention_moa.messages import TextPart as OurText
from attention_moa.providers.remote_chat import NAME, ChatModel

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "seed": "seed",
    "stop": "stop_sequences",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "thinking": "thinking",
    "top_logprobs": "openai_top_logprobs",
    "extra_body": "extra_body",
}


_LOGPROBS = _NAMES["top_logprobs"]
_REFUSES_BARE_TURNS = frozenset({"anthropic", "bedrock"})
"""Interfaces that refuse turns with tools in a request that defines none."""


def render_messages(request: CallRequest, model: Model[Any]) -> list[ModelMessage]:
    """Return the prompt turn by turn, images inline, with a cache point after the shared part where the model has them.

    A participant's name goes along where the interface has a field for it; elsewhere it opens the turn's text as
    ``[name]``. Tool turns are text where the endpoint would refuse them, as in a call that advises and has no tools.

    Args:
        request: Its messages; ``shared_messages`` says where the cache point goes.
        model: Knows whether it takes cache points.

    Raises:
        RefusedError: An image was not loaded (``providers.images.load_images`` does that).
    """
    has_names = isinstance(model, ChatModel)
    tools = {call.id: call.name for message in request.messages for call in message.tool_calls}
    messages = _told(request.messages, tools) if _needs_text(request, model) else request.messages
    point = _cache_point(messages, request.shared_messages) if _profile(model).get("supports_cache") else None
    rendered: list[ModelMessage] = []
    for index, message in enumerate(messages):
        about = {NAME: message.name} if has_names and message.name else None
        turn = message if has_names else _labelled(message)
        if message.role == "assistant":
            rendered.append(ModelResponse(parts=list(_response_parts(turn)), metadata=about))
        else:
            part = _request_part(turn, tools, is_cached=index == point)
            rendered.append(ModelRequest(parts=[part], metadata=about))
    return rendered


def _needs_text(request: CallRequest, model: Model[Any]) -> bool:
    """Return whether a model takes no turns with tools: it has none at all, or is sent none and then refuses them."""
    has_none = request.tools is None or not request.tools.tools
    return (has_none and model.system in _REFUSES_BARE_TURNS) or not _profile(model).get("supports_tools", True)


def _told(messages: Conversation, tools: Mapping[str, str]) -> Conversation:
    """Return a conversation with calls of tools as text of who called them, and results as turns of the user.

    Args:
        messages: As many come out as go in.
        tools: Names by the id of a call.
    """

    def as_text(message: Message) -> Message:
        if message.tool_calls:
            lines = "\n".join(f"Call of the tool {call.name}: {call.arguments}" for call in message.tool_calls)
            text = "\n\n".join(part for part in (message.text, lines) if part)
            return Message(message.role, (OurText(text),), message.name)
        if message.role == "tool":
            name = tools.get(message.tool_call_id or "", "tool")
            return Message("user", (OurText(f"Result of the tool {name}:"), *message.content))
        return message

    return tuple(map(as_text, messages))


def _labelled(message: Message) -> Message:
    """Return a turn whose text begins with its speaker's name, where it has both."""
    at = next((n for n, part in enumerate(message.content) if isinstance(part, OurText)), None)
    if not message.name or at is None or message.role == "tool":
        return message
    text = f"[{message.name}] {cast('OurText', message.content[at]).text}"
    return replace(message, content=(*message.content[:at], OurText(text), *message.content[at + 1 :]))


def _cache_point(messages: Conversation, shared: int) -> int | None:
    """Return the last user turn of the shared part: the only place that can carry a cache point."""
    return next((n for n in reversed(range(min(shared, len(messages)))) if messages[n].role == "user"), None)


def _response_parts(message: Message) -> Iterator[ModelResponsePart]:
    if message.text:
        yield TextPart(message.text)
    for call in message.tool_calls:
        yield ToolCallPart(call.name, call.arguments, tool_call_id=call.id)


def _request_part(message: Message, tools: Mapping[str, str], *, is_cached: bool) -> ModelRequestPart:
    if message.role == "system":
        return SystemPromptPart(message.text)
    if message.role == "tool":
        call_id = message.tool_call_id or ""
        return ToolReturnPart(tools.get(call_id, "tool"), message.text, tool_call_id=call_id)
    content = list(_user_content(message))
    if is_cached:
        content.append(CachePoint())
    is_plain = len(content) == 1 and isinstance(content[0], str)
    return UserPromptPart(cast("str", content[0]) if is_plain else content)


def _user_content(message: Message) -> Iterator[UserContent]:
    for part in message.content:
        if not isinstance(part, ImagePart):
            yield part.text
        elif part.data:
            yield BinaryContent(part.data, media_type=part.media_type)
        else:
            raise RefusedError(f"the image {part.url!r} was not loaded: providers do not fetch addresses")


class Rendered(NamedTuple):
    """The settings of a request, and what of the wished ones could not be sent."""

    settings: ModelSettings
    notes: tuple[str, ...]


def render_settings(sampling: Sampling, model: Model[Any], *, timeout: httpx2.Timeout | None) -> Rendered:
    """Return the set fields of ``sampling`` as the library's settings, and a note for each that cannot be sent.

    Args:
        sampling: None fields are left out, so the endpoint's own default holds.
        model: Knows what it takes.
        timeout: For models on our own HTTP client; None leaves the SDK's own.
    """
    wished = {theirs: value for ours, theirs in _NAMES.items() if (value := getattr(sampling, ours)) is not None}
    if "stop_sequences" in wished:
        wished["stop_sequences"] = list(wished["stop_sequences"])
    dropped = {name: "the model does not take it" for name in wished if name in _not_taken(model)}
    if not isinstance(model, OpenAIChatModel):
        dropped |= {
            name: "only models with OpenAI's interface are asked for it" for name in wished if name == _LOGPROBS
        }
    if "thinking" in wished and not _can_switch_thinking(model):
        dropped["thinking"] = "no switch is known for this model: extra_body can set the endpoint's own"
    if _is_reasoning(model, wished.get("thinking")):
        dropped |= {name: "a model that reasons does not take it" for name in wished if name in SAMPLING_PARAMS}
    settings = {name: value for name, value in wished.items() if name not in dropped}
    if _LOGPROBS in settings:
        settings["openai_logprobs"] = True
    if "max_retries" not in model.unsupported_settings:
        settings["max_retries"] = 0
    if timeout is not None:
        settings["timeout"] = timeout
    notes = tuple(f"{name.removeprefix('openai_')} was not sent: {why}" for name, why in dropped.items())
    return Rendered(cast("ModelSettings", settings), notes)


def _profile(model: Model[Any]) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", model.profile)


def _not_taken(model: Model[Any]) -> frozenset[str]:
    return model.unsupported_settings | frozenset(_profile(model).get("openai_unsupported_model_settings", ()))


def _can_switch_thinking(model: Model[Any]) -> bool:
    profile = _profile(model)
    return bool(profile.get("supports_thinking") or profile.get("thinking_always_enabled"))


def _is_reasoning(model: Model[Any], thinking: object) -> bool:
    """Return whether an OpenAI model will reason, and so refuse the settings of sampling."""
    profile = _profile(model)
    if not profile.get("openai_supports_reasoning"):
        return False
    if profile.get("thinking_always_enabled"):
        return True
    return bool(profile.get("thinking_enabled_by_default") if thinking is None else thinking)
