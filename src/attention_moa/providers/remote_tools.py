"""A request's tools and reply format in the form that a model behind an API takes, and notes on what it cannot take.

Models with OpenAI's interface get them as they are: the library would rewrite schemas and choose ``strict`` by itself.
For all others the library knows how to say it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

from pydantic_ai.messages import ModelResponse, ModelResponseStreamEvent, PartDeltaEvent, PartStartEvent
from pydantic_ai.messages import ToolCallPart as TheirCall
from pydantic_ai.messages import ToolCallPartDelta as TheirDelta
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.tools import ToolDefinition

from attention_moa.errors import describe
from attention_moa.messages import CallRequest, ReplyFormat, ToolCallDelta, ToolSpec, ToolUse
from attention_moa.providers import openai_wire

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class Wishes(NamedTuple):
    """What of tools and format goes to a model, and how.

    Args:
        parameters: For the library.
        settings: More settings of the library's.
        body: Fields of the request's body, as they are.
        notes: What could not be sent, and why.
        has_no_thinking: Whether thinking must be switched off beside it.
    """

    parameters: ModelRequestParameters
    settings: Mapping[str, Any] = {}
    body: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()
    has_no_thinking: bool = False


def render_wishes(request: CallRequest, model: Model[Any]) -> Wishes:
    """Return a request's tools and format for a model.

    Args:
        request: Nothing is sent that is not set in it.
        model: Knows what it takes.
    """
    taken, parameters = _taken(request, model), ModelRequestParameters()
    if isinstance(model, OpenAIChatModel) or model.system == "groq":
        body = openai_wire.render_wishes(taken.tools, request.reply_format)
        return Wishes(parameters, {}, body, taken.notes, taken.has_no_thinking)
    settings: dict[str, Any] = {}
    notes = taken.notes
    if taken.tools is not None:
        settings, more = _set_tools(parameters, taken.tools, model)
        notes += more
    if request.reply_format is not None:
        notes += _set_format(parameters, request.reply_format, model)
    return Wishes(parameters, settings, {}, notes, taken.has_no_thinking)


class _Taken(NamedTuple):
    """The tools, with what a model takes of how they are to be used."""

    tools: ToolUse | None = None
    notes: tuple[str, ...] = ()
    has_no_thinking: bool = False


def _taken(request: CallRequest, model: Model[Any]) -> _Taken:
    tools, profile = request.tools, cast("Mapping[str, Any]", model.profile)
    if tools is None or not tools.tools:
        return _Taken()
    if not profile.get("supports_tools", True):
        return _Taken(None, ("tools were not sent: the model takes none",))
    notes: list[str] = []
    has_no_thinking = False
    if tools.choice == "required":
        if _cannot_call(profile):
            tools = ToolUse(tools.tools, is_parallel=tools.is_parallel)
            notes.append("tool_choice was not sent: the model cannot be made to call a tool")
        else:
            has_no_thinking = _thinks_or_calls(profile) and _thinks(profile, request.sampling.thinking)
    if tools.is_parallel is not None and "parallel_tool_calls" in model.unsupported_settings:
        tools = ToolUse(tools.tools, tools.choice, tools.only)
        notes.append("parallel_tool_calls was not sent: the model does not take it")
    return _Taken(tools, tuple(notes), has_no_thinking)


def _cannot_call(profile: Mapping[str, Any]) -> bool:
    """Return whether a model cannot be made to call a tool, whatever else is asked of it."""
    is_set = profile.get("supports_forced_tool_choice", True)
    return not is_set or bool(profile.get("thinking_always_enabled") and _thinks_or_calls(profile))


def _thinks_or_calls(profile: Mapping[str, Any]) -> bool:
    """Return whether a model cannot think where it is made to call a tool."""
    return bool(
        profile.get("forced_tool_choice_disables_thinking")
        or not profile.get("supports_forced_tool_choice_with_thinking", True)
    )


def _thinks(profile: Mapping[str, Any], wished: object) -> bool:
    return bool(profile.get("thinking_enabled_by_default") if wished is None else wished)


def _definition(tool: ToolSpec) -> ToolDefinition:
    return ToolDefinition(
        name=tool.name,
        parameters_json_schema=tool.parameters or _NO_PARAMETERS,
        description=tool.description or None,
        strict=tool.is_strict or False,  # None would leave the choice to the library
    )


def _set_tools(
    parameters: ModelRequestParameters, tools: ToolUse, model: Model[Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Tell a model of tools, strictly where that was wished and can be; return settings and notes."""
    notes: tuple[str, ...] = ()
    parameters.function_tools = [_definition(tool) for tool in tools.tools]
    if (why := _refusal(parameters, model)) is not None:
        parameters.function_tools = [replace(tool, strict=False) for tool in parameters.function_tools]
        notes = (f"strict was not sent: {why}",)
    if notes and (why := _refusal(parameters, model)) is not None:
        parameters.function_tools = []
        return {}, (f"tools were not sent: {why}",)
    return _choice(tools), notes


def _choice(tools: ToolUse) -> dict[str, Any]:
    settings: dict[str, Any] = {"tool_choice": tools.choice if tools.only is None else [tools.only]}
    return settings if tools.is_parallel is None else settings | {"parallel_tool_calls": tools.is_parallel}


def _set_format(parameters: ModelRequestParameters, wanted: ReplyFormat, model: Model[Any]) -> tuple[str, ...]:
    """Ask for a format in the way that a model knows, and return notes on what could not be asked."""
    profile = cast("Mapping[str, Any]", model.profile)
    if parameters.function_tools and profile.get("google_supports_tool_combination") is False:
        return ("the reply's format was not sent: the model takes tools or a format",)
    if wanted.schema is not None and profile.get("supports_json_schema_output"):
        parameters.output_mode = "native"
        parameters.output_object = OutputObjectDefinition(
            json_schema=wanted.schema,
            name=wanted.name or None,
            description=wanted.description or None,
            strict=wanted.is_strict or None,
        )
        if (why := _refusal(parameters, model)) is None:
            return ()
        parameters.output_mode, parameters.output_object = "text", None
        return (f"the reply's format was not sent: {why}",)
    if not profile.get("supports_json_object_output"):
        return ("the reply's format was not sent: the model has no setting for it",)
    parameters.output_mode = "prompted"
    parameters.prompted_output_template = False
    parameters.output_object = OutputObjectDefinition(json_schema=wanted.schema or {"type": "object"})
    return () if wanted.schema is None else ("the reply's schema was not sent: the model is asked for JSON alone",)


def _refusal(parameters: ModelRequestParameters, model: Model[Any]) -> str | None:
    """Return why the library cannot put schemas in a model's own form; None where it can."""
    try:
        model.prepare_request(None, parameters)
    except Exception as error:  # noqa: BLE001 - foreign code over a caller's schema: there is no telling what it raises
        return f"a schema has no place in the model's own form: {describe(error)}"
    return None


class CallPieces:
    """Tool calls as the library tells of them, in pieces of ours: numbered from 0, as text."""

    def __init__(self) -> None:
        """Start before the first call."""
        self._numbers: dict[int, int] = {}

    def of(self, event: ModelResponseStreamEvent) -> tuple[ToolCallDelta, ...]:
        """Return what an event of a stream adds to tool calls; empty where it adds nothing."""
        if isinstance(event, PartStartEvent) and isinstance(event.part, TheirCall):
            call = event.part
            number = self._numbers[event.index] = len(self._numbers)
            return (ToolCallDelta(number, call.tool_call_id, call.tool_name, _as_text(call.args)),)
        if not (isinstance(event, PartDeltaEvent) and isinstance(event.delta, TheirDelta)):
            return ()
        name, arguments = event.delta.tool_name_delta or "", _as_text(event.delta.args_delta)
        has_more = event.index in self._numbers and (name or arguments)
        return (ToolCallDelta(self._numbers[event.index], "", name, arguments),) if has_more else ()


def whole_calls(reply: ModelResponse) -> tuple[ToolCallDelta, ...]:
    """Return the tool calls of a whole reply, one piece each."""
    calls = [part for part in reply.parts if isinstance(part, TheirCall)]
    return tuple(
        ToolCallDelta(number, call.tool_call_id, call.tool_name, _as_text(call.args))
        for number, call in enumerate(calls)
    )


def _as_text(arguments: str | Mapping[str, Any] | None) -> str:
    """Return arguments as JSON, those that came as text as they came."""
    if isinstance(arguments, str) or arguments is None:
        return arguments or ""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
