"""The body of ``POST /v1/responses``: every field that is taken, and nothing else.

Source: OpenAI's API, and the clients that send it; what answers bring is taken back as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from attention_moa.server.chat_body import MOST_TOOLS, Effort, Name, ObjectFormat, Schema, TextFormat
from attention_moa.server.fields import OF_CHAT
from attention_moa.server.settings_body import MoaBody
from attention_moa.server.wire import Body


class InputText(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="input_text"):
    """A piece of text; a mark for a provider's cache changes nothing."""

    text: str
    prompt_cache_breakpoint: Schema | None = None


class OutputText(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="output_text"):
    """A piece of an earlier answer, as it came."""

    text: str
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None
    parsed: Any = None


class Refusal(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="refusal"):
    """What an earlier answer said in the place of an answer."""

    refusal: str


class InputImage(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="input_image"):
    """An image; how closely it is looked at is the model's own affair. Files of the API's own store cannot be had."""

    image_url: Annotated[str, Meta(pattern="^(https?://|data:image/)")]
    detail: str | None = None
    file_id: None = None
    prompt_cache_breakpoint: Schema | None = None


class MessageItem(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="message"):
    """A turn of the conversation."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[InputText | OutputText | Refusal | InputImage]
    id: str | None = None
    status: str | None = None
    phase: str | None = None


class CallItem(
    Body,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="function_call",
    rename={"is_async": "async"},
):
    """A tool call of an earlier answer; the client's own reading of the arguments changes nothing."""

    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None
    parsed_arguments: Any = None
    caller: Schema | None = None
    namespace: None = None
    is_async: Literal[False] | None = None


class OutputItem(
    Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="function_call_output"
):
    """What a tool gave."""

    call_id: str
    output: str | list[InputText]
    id: str | None = None
    status: str | None = None
    name: str | None = None
    caller: Schema | None = None
    namespace: None = None


class ReasoningItem(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="reasoning"):
    """What an earlier answer showed of how it came about: agents do not read it again."""

    id: str | None = None
    summary: list[Any] | None = None
    content: list[Any] | None = None
    encrypted_content: str | None = None
    status: str | None = None


Item: TypeAlias = MessageItem | CallItem | OutputItem | ReasoningItem
ITEMS = (MessageItem, CallItem, OutputItem, ReasoningItem)
_REFS = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in ITEMS]
_AnyItem = Annotated[Any, Meta(extra_json_schema={"anyOf": _REFS})]
"""An item that is yet to be read: one without a ``type`` is a message."""


class FunctionTool(
    Body,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="function",
    rename={"is_async": "async"},
):
    """A tool of the client."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: Literal[False] | None = None
    is_async: Literal[False] | None = None


class NamedFunction(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="function"):
    """The one tool that has to be called, or may be."""

    name: str


class AllowedFunctions(
    Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="allowed_tools"
):
    """Which of the tools may be called, and whether one has to be."""

    mode: Literal["auto", "required"]
    tools: list[NamedFunction]


class SchemaTextFormat(
    Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="json_schema"
):
    """JSON that follows a schema."""

    name: Name
    schema: Schema
    description: str | None = None
    strict: bool | None = None


class TextConfig(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What form the answer has; how many words it makes is the writers' affair."""

    format: TextFormat | ObjectFormat | SchemaTextFormat | None = None
    verbosity: str | None = None


class Reasoning(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How hard the writers think, and whether the deliberation is shown as a summary of reasoning."""

    effort: Effort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: str | None = None
    mode: Literal["standard"] | None = None


class ResponseStreamOptions(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stream brings; padding against the guessing of lengths is not added, and asking for it changes nothing."""

    include_obfuscation: bool | None = None


class ResponsesBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request. Which fields are applied, without effect, or refused: see the page on the server.

    Its items are read one by one afterwards (``responses_input.py``).
    """

    elsewhere: ClassVar[Mapping[str, str]] = OF_CHAT

    model: str
    input: str | list[_AnyItem]
    instructions: str | None = None
    previous_response_id: str | None = None
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None
    background: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    reasoning: Reasoning | None = None
    text: TextConfig | None = None
    tools: Annotated[list[FunctionTool], Meta(max_length=MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedFunction | AllowedFunctions | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    attention_moa: MoaBody | None = None
    store: bool | None = None
    include: list[str] | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Schema | None = None
    prompt_cache_retention: str | None = None
    max_tool_calls: int | None = None
    truncation: Literal["auto", "disabled"] | None = None
    top_logprobs: Literal[0] | None = None
    conversation: None = None
    prompt: None = None
    context_management: None = None
    moderation: None = None
