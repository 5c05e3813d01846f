"""The body of ``POST /v1/chat/completions``: every field that is taken, and nothing else.

Source: OpenAI's API, and the clients that send it; what answers bring is taken back as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from attention_moa.server.fields import OF_RESPONSES
from attention_moa.server.settings_body import MoaBody
from attention_moa.server.wire import Body

MOST_CHOICES = 16
MOST_TOOLS = 128

Name: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,64}$")]
Schema: TypeAlias = dict[str, Any]
Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
_Penalty = Annotated[float, Meta(ge=-2, le=2)]


class TextBody(Body, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """A piece of text; a mark for a provider's cache changes nothing."""

    text: str
    cache_control: Schema | None = None
    prompt_cache_breakpoint: Schema | None = None


class ImageUrl(Body, frozen=True, kw_only=True):
    """Where an image is, or what it is; how closely it is looked at is the model's own affair."""

    url: Annotated[str, Meta(pattern="^(https?://|data:image/)")]
    detail: str | None = None


class ImageBody(Body, frozen=True, kw_only=True, tag_field="type", tag="image_url"):
    """An image."""

    image_url: ImageUrl
    cache_control: Schema | None = None
    prompt_cache_breakpoint: Schema | None = None


class RefusalBody(Body, frozen=True, kw_only=True, tag_field="type", tag="refusal"):
    """What an earlier answer said in the place of an answer."""

    refusal: str


class FunctionCallBody(Body, frozen=True, kw_only=True):
    """Which tool is called with what; the client's own reading of the arguments changes nothing."""

    name: str
    arguments: str
    parsed_arguments: Any = None


class ToolCallBody(Body, frozen=True, kw_only=True):
    """A tool call of an earlier answer."""

    id: str
    function: FunctionCallBody
    type: Literal["function"] = "function"
    index: int | None = None


class SystemTurn(Body, frozen=True, kw_only=True, tag_field="role", tag="system"):
    """A system prompt."""

    content: str | list[TextBody]
    name: str | None = None


class DeveloperTurn(SystemTurn, frozen=True, kw_only=True, tag="developer"):
    """A system prompt by its newer name."""


class UserTurn(Body, frozen=True, kw_only=True, tag_field="role", tag="user"):
    """What the user says and shows."""

    content: str | list[TextBody | ImageBody]
    name: str | None = None


class AssistantTurn(Body, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    """An earlier answer, as it came; what the API adds to one beside its words and tool calls changes nothing."""

    content: str | list[TextBody | RefusalBody] | None = None
    refusal: str | None = None
    name: str | None = None
    tool_calls: list[ToolCallBody] | None = None
    audio: None = None
    function_call: None = None
    annotations: list[Any] | None = None
    parsed: Any = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    provider_specific_fields: Any = None  # LiteLLM keeps there what it does not know of a reply


class ToolTurn(Body, frozen=True, kw_only=True, tag_field="role", tag="tool"):
    """What a tool gave."""

    content: str | list[TextBody]
    tool_call_id: str
    name: str | None = None


Turn: TypeAlias = SystemTurn | DeveloperTurn | UserTurn | AssistantTurn | ToolTurn


class FunctionBody(Body, frozen=True, kw_only=True):
    """What a tool is called, what it does, and what it takes."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = None


class ToolBody(Body, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """A tool of the client."""

    function: FunctionBody


class FunctionName(Body, frozen=True, kw_only=True):
    """Which tool."""

    name: str


class NamedTool(Body, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """The one tool that has to be called, or may be."""

    function: FunctionName


class AllowedTools(Body, frozen=True, kw_only=True):
    """Which of the tools may be called, and whether one has to be."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class AllowedChoice(Body, frozen=True, kw_only=True, tag_field="type", tag="allowed_tools"):
    """Some of the tools."""

    allowed_tools: AllowedTools


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedTool | AllowedChoice


class TextFormat(Body, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """Any text."""


class ObjectFormat(Body, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """Any JSON object."""


class SchemaBody(Body, frozen=True, kw_only=True):
    """A JSON schema with a name."""

    name: Name
    description: str | None = None
    schema: Schema | None = None
    strict: bool | None = None


class SchemaFormat(Body, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """JSON that follows a schema."""

    json_schema: SchemaBody


class StreamOptions(Body, frozen=True, kw_only=True):
    """What a stream brings; padding against the guessing of lengths is not added, and asking for it changes nothing."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatBody(Body, frozen=True, kw_only=True):
    """The request. Which fields are applied, without effect, or refused: see the page on the server."""

    elsewhere: ClassVar[Mapping[str, str]] = OF_RESPONSES

    model: str
    messages: Annotated[list[Turn], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_CHOICES)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    reasoning_effort: Effort | None = None
    response_format: TextFormat | ObjectFormat | SchemaFormat | None = None
    tools: Annotated[list[ToolBody], Meta(max_length=MOST_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    attention_moa: MoaBody | None = None
    service_tier: str | None = None
    store: bool | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Schema | None = None
    prompt_cache_retention: str | None = None
    prediction: Schema | None = None
    verbosity: str | None = None
    logprobs: bool | None = None
    logit_bias: dict[str, float] | None = None
    top_logprobs: int | None = None
    modalities: list[str] | None = None
    audio: None = None
    functions: None = None
    function_call: None = None
    moderation: None = None
    web_search_options: None = None
