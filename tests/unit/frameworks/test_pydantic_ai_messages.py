"""What an agent of pydantic-ai asks, as an ensemble takes it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    AudioUrl,
    BinaryContent,
    CachePoint,
    FilePart,
    ImageUrl,
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolAvailabilityDeltaPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ToolOrOutput
from pydantic_ai.tools import ToolDefinition

from attention_moa.frameworks.pydantic_ai_messages import Asked, read_request
from attention_moa.messages import (
    Conversation,
    ImagePart,
    Message,
    ReplyFormat,
    Sampling,
    ToolCall,
    ToolUse,
    assistant,
    system,
    user,
)
from attention_moa.messages import TextPart as OurTextPart

PNG = BinaryContent(b"png", media_type="image/png")


def asked(*messages: ModelMessage, settings: Any = None, **parameters: Any) -> Asked:
    """Return what a request asks for."""
    instructions = parameters.pop("instructions", ())
    return read_request(messages, instructions, settings, ModelRequestParameters(**parameters))


def turns(*parts: Any, **fields: Any) -> Conversation:
    """Return what the parts of one request become."""
    return asked(ModelRequest(parts=list(parts)), **fields).conversation


def a_tool(name: str) -> ToolDefinition:
    """Return a tool."""
    return ToolDefinition(name=name, description=f"Do {name}.")


def use(choice: Any, *, outputs: tuple[str, ...] = (), is_free: bool = True) -> ToolUse:
    """Return what may be called of the tools ``look`` and ``wait``, and of some output tools."""
    told = asked(
        settings={"tool_choice": choice} if choice is not None else {},
        function_tools=[a_tool("look"), a_tool("wait")],
        output_tools=[a_tool(name) for name in outputs],
        allow_text_output=is_free,
    ).wanted.tools
    assert told is not None
    return told


def shown(told: ToolUse) -> tuple[str, str | None, list[str]]:
    """Return the choice, the one tool that must be called, and all tools' names."""
    return told.choice, told.only, [tool.name for tool in told.tools]


def test_instructions_follow_the_system_prompts_that_lead() -> None:
    """Before all that users said."""
    told = turns(
        SystemPromptPart("Be kind."), UserPromptPart("Why?"), instructions=[InstructionPart(content="Be brief.")]
    )
    assert told == (system("Be kind."), system("Be brief."), user("Why?"))


def test_instructions_alone_are_a_system_prompt() -> None:
    """The agent said nothing else."""
    assert asked(instructions=[InstructionPart(content="Be brief.")]).conversation == (system("Be brief."),)


def test_a_users_turn_keeps_its_texts_and_images() -> None:
    """A cache point is nobody's text."""
    told = turns(UserPromptPart(["What?", TextContent(content="This:"), PNG, ImageUrl("http://x/y.png"), CachePoint()]))
    parts = (OurTextPart("What?"), OurTextPart("This:"), ImagePart(media_type="image/png", data=b"png"))
    assert told == (Message("user", (*parts, ImagePart(url="http://x/y.png"))),)


def test_a_tools_result_answers_its_call_and_its_images_come_after_as_the_users() -> None:
    """A tool message is text alone."""
    told = turns(
        ToolReturnPart("look", {"sky": "blue"}, tool_call_id="c1"), ToolReturnPart("draw", [PNG], tool_call_id="c2")
    )
    assert [(turn.role, turn.tool_call_id) for turn in told] == [("tool", "c1"), ("tool", "c2"), ("user", None)]
    assert told[0].text == '{"sky":"blue"}'
    assert told[2].has_images


def test_an_earlier_reply_is_what_was_said_and_called() -> None:
    """Thoughts are not read again; a reply of thoughts alone is none."""
    call = ToolCallPart("look", {"at": "sky"}, tool_call_id="c1")
    said = ModelResponse(parts=[ThinkingPart("hm"), TextPart("See."), call])
    told = asked(said, ModelResponse(parts=[ThinkingPart("hm")]), ModelResponse(parts=[TextPart("Blue.")])).conversation
    calls = (ToolCall("c1", "look", '{"at":"sky"}'),)
    assert told == (Message("assistant", (OurTextPart("See."),), tool_calls=calls), assistant("Blue."))


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (ModelRequest(parts=[UserPromptPart([AudioUrl("http://x/y.mp3")])]), "AudioUrl"),
        (ModelRequest(parts=[ToolAvailabilityDeltaPart(tools_added=["x"])]), "tool-availability-delta"),
        (ModelResponse(parts=[FilePart(PNG)]), "file"),
    ],
)
def test_what_has_no_form_here_is_refused(message: ModelMessage, what: str) -> None:
    """Nothing is left out in silence."""
    with pytest.raises(UserError, match=what):
        asked(message)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, ("auto", None, ["look", "wait"])),
        ("auto", ("auto", None, ["look", "wait"])),
        ("none", ("none", None, ["look", "wait"])),
        ([], ("none", None, ["look", "wait"])),
        ("required", ("required", None, ["look", "wait"])),
        (["look"], ("required", "look", ["look", "wait"])),
        (["look", "wait"], ("required", None, ["look", "wait"])),
        (ToolOrOutput(function_tools=["look"]), ("auto", None, ["look"])),
        (ToolOrOutput(function_tools=[]), ("none", None, ["look", "wait"])),
    ],
)
def test_which_tools_may_be_called(choice: Any, told: tuple[str, str | None, list[str]]) -> None:
    """By the names of the library."""
    assert shown(use(choice)) == told


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, ("required", None, ["look", "wait", "done"])),
        ("none", ("required", "done", ["look", "wait", "done"])),
        ("required", ("required", None, ["look", "wait"])),
        (ToolOrOutput(function_tools=["look"]), ("required", None, ["look", "done"])),
    ],
)
def test_an_output_that_is_a_tool_has_to_be_called_in_the_end(
    choice: Any, told: tuple[str, str | None, list[str]]
) -> None:
    """Where no text will do."""
    assert shown(use(choice, outputs=("done",), is_free=False)) == told


def test_a_choice_of_tools_that_are_not_there_is_refused() -> None:
    """It could never be followed."""
    with pytest.raises(UserError, match="tool_choice names no tool that there is: fly"):
        use(["fly"])


def test_the_form_of_an_output() -> None:
    """Native ones by their schema, prompted ones as any JSON object, text as any text."""
    wanted = OutputObjectDefinition(json_schema={"type": "object"}, name="Sky", description="A sky.", strict=True)
    assert asked(output_mode="native", output_object=wanted).wanted.reply_format == ReplyFormat(
        "json_schema", name="Sky", description="A sky.", schema={"type": "object"}, is_strict=True
    )
    assert asked(output_mode="prompted", output_object=wanted).wanted.reply_format == ReplyFormat("json_object")
    assert asked(output_mode="text").wanted.reply_format is None


def test_settings_by_the_names_of_the_library() -> None:
    """Thinking is on or off, or has an effort."""
    told = asked(settings={"max_tokens": 7, "presence_penalty": 0.5, "stop_sequences": ["."]}, thinking="xhigh")
    assert told.sampling == Sampling(max_tokens=7, presence_penalty=0.5, thinking="high")
    assert told.wanted.stop == (".",)
    assert asked(thinking=False).sampling == Sampling(thinking=False)
