"""An ensemble under Inspect AI: unit tests for the environment that has it, run by ``test_clients.py``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    ContentVideo,
    GenerateConfig,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import ToolCall as TheirCall
from inspect_ai.tool import ToolCallError, ToolFunction, ToolInfo, ToolParams, tool
from inspect_ai.util import JSONSchema

from attention_moa.errors import ConfigError
from attention_moa.frameworks.inspect_messages import Asked, output_of, read_request
from attention_moa.messages import (
    ImagePart,
    Message,
    ReplyFormat,
    Sampling,
    Stage,
    TextPart,
    ToolCall,
    ToolSpec,
    assistant,
    system,
    user,
)
from attention_moa.records import Choice, Loss, RunRecord, UsageTotal
from tests.worlds import QUESTION, a_spec

pytestmark = pytest.mark.filterwarnings("default")  # the framework warns of what others of its packages do

WEATHER = ToolInfo(name="weather", description="Tell the weather.", parameters=ToolParams())


def asked(*messages: Any, tools: Any = (), choice: Any = "auto", **config: Any) -> Asked:
    """Return what a request asks for."""
    return read_request(messages or (ChatMessageUser(content="Why?"),), tools, choice, GenerateConfig(**config))


def an_output(**fields: Any) -> ModelOutput:
    """Return the output of a run that has ended."""
    told: dict[str, Any] = {"state": "finished", "text": "Blue.", "finish_reason": "stop"}
    record = RunRecord(run_id="r", created_at="2026-01-01", ensemble=a_spec(2), conversation=QUESTION, **told | fields)
    return output_of(record, "pair")


def an_ensemble(folder: Path, function: str) -> str:
    """Return the name, for Inspect AI, of an ensemble of one agent that is a function."""
    path = folder / "one.toml"
    agent = f'[[agents]]\nname = "e"\nmodel = "python:tests.{function}"\n'
    path.write_text(f'name = "one"\nstrategy = "single"\n{agent}', encoding="utf-8")
    return f"attention-moa/{path}"


def test_a_task_is_evaluated_on_an_ensemble(tmp_path: Path) -> None:
    """Found by its name; the log has the usage and what there is to know of each run."""
    task = Task(dataset=[Sample(input="Why?", target="user said")], solver=generate(), scorer=includes())
    (log,) = evaluate(task, model=an_ensemble(tmp_path, "function_agents:echo"), display="none", log_dir=str(tmp_path))
    assert log.status == "success", log.error
    assert log.results.scores[0].metrics["accuracy"].value == 1.0
    output = log.samples[0].output
    assert output.metadata["run_id"] == output.response_id
    assert output.stop_reason == "stop"


def test_two_evaluations_each_have_an_event_loop_of_their_own(tmp_path: Path) -> None:
    """And samples of one share what is open."""
    task = Task(
        dataset=[Sample(input=f"Why {n}?", target="user") for n in range(4)], solver=generate(), scorer=includes()
    )
    name = an_ensemble(tmp_path, "function_agents:echo")
    logs = [evaluate(task, model=name, display="none", log_dir=str(tmp_path))[0] for _ in range(2)]
    assert [log.status for log in logs] == ["success", "success"]


def test_an_ensemble_takes_its_options(tmp_path: Path) -> None:
    """A journal keeps the runs; addresses and keys are the agents' own."""
    name = an_ensemble(tmp_path, "function_agents:echo")

    async def answered() -> str:
        model = get_model(name, journal=str(tmp_path / "runs.db"), memoize=False)
        return str((await model.generate("Why?")).completion)

    assert "Why?" in asyncio.run(answered())
    assert (tmp_path / "runs.db").exists()
    for field in ("base_url", "api_key"):
        with pytest.raises(ConfigError, match=field):
            get_model(name, **{field: "http://x/v1"}, memoize=False)


def test_turns_keep_their_roles_their_calls_and_their_images() -> None:
    """Thinking is not read again; a tool that failed says so."""
    call = TheirCall(id="c1", function="weather", arguments={"city": "Oslo"})
    told = asked(
        ChatMessageSystem(content="Be brief."),
        ChatMessageUser(content=[ContentText(text="What?"), ContentImage(image="data:image/png;base64,AA")]),
        ChatMessageAssistant(content=[ContentReasoning(reasoning="hm"), ContentText(text="See.")], tool_calls=[call]),
        ChatMessageTool(content="rain", tool_call_id="c1", function="weather"),
        ChatMessageTool(content="", tool_call_id="c1", error=ToolCallError("timeout", "too late")),
        ChatMessageAssistant(content="Rain."),
    )
    assert told.conversation == (
        system("Be brief."),
        Message("user", (TextPart("What?"), ImagePart(url="data:image/png;base64,AA"))),
        Message("assistant", (TextPart("See."),), tool_calls=(ToolCall("c1", "weather", '{"city": "Oslo"}'),)),
        Message("tool", (TextPart("rain"),), tool_call_id="c1"),
        Message("tool", (TextPart("too late"),), tool_call_id="c1"),
        assistant("Rain."),
    )


def test_settings_go_to_the_writers() -> None:
    """What Inspect AI sees to itself is not looked at."""
    told = asked(
        temperature=0.5, max_tokens=7, seed=3, reasoning_effort="high", stop_seqs=["."], num_choices=2, timeout=9
    )
    assert told.sampling == Sampling(temperature=0.5, max_tokens=7, seed=3, thinking="high")
    assert (told.wanted.stop, told.wanted.choices) == ((".",), 2)
    assert asked().conversation == (user("Why?"),)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", ("auto", None)),
        ("any", ("required", None)),
        ("none", ("none", None)),
        (ToolFunction("weather"), ("required", "weather")),
    ],
)
def test_tools_and_how_they_are_chosen(choice: Any, told: tuple[str, str | None]) -> None:
    """With their schemas."""
    use = asked(tools=[WEATHER], choice=choice, parallel_tool_calls=False).wanted.tools
    assert use is not None
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert use.tools == (ToolSpec("weather", "Tell the weather.", schema),)
    assert ((use.choice, use.only), use.is_parallel) == (told, False)


def test_a_schema_is_a_form_that_is_checked() -> None:
    """As for every other caller."""
    schema = ResponseSchema(name="sky", json_schema=JSONSchema(type="object"), strict=True)
    assert asked(response_schema=schema).wanted.reply_format == ReplyFormat(
        "json_schema", name="sky", schema={"type": "object"}, is_strict=True
    )


@pytest.mark.parametrize("config", [{"top_k": 5}, {"logprobs": True}, {"best_of": 2}, {"logit_bias": {1: 1.0}}])
def test_a_setting_that_an_ensemble_cannot_follow_is_refused(config: dict[str, Any]) -> None:
    """Ignoring it would change the meaning."""
    with pytest.raises(ConfigError, match=next(iter(config))):
        asked(**config)


def test_what_is_neither_text_nor_image_is_refused() -> None:
    """By what it is."""
    with pytest.raises(ConfigError, match="video"):
        asked(ChatMessageUser(content=[ContentVideo(video="x.mp4", format="mp4")]))


def test_an_output_has_its_calls_and_the_sums_of_all_calls() -> None:
    """Inspect AI counts what came out of a cache apart."""
    usage = UsageTotal(
        calls=9,
        input_tokens=30,
        cached_tokens=12,
        cache_write_tokens=5,
        output_tokens=9,
        reasoning_tokens=2,
        cost_usd=0.5,
    )
    output = an_output(
        tool_calls=(ToolCall("c1", "weather", '{"city": "Oslo"}'),), finish_reason="tool_calls", usage=usage
    )
    assert output.stop_reason == "tool_calls"
    assert output.message.tool_calls[0].arguments == {"city": "Oslo"}
    assert (output.usage.input_tokens, output.usage.input_tokens_cache_read, output.usage.total_tokens) == (13, 12, 39)
    assert output.usage.total_cost == 0.5


@pytest.mark.parametrize("arguments", ["{", "[1]"])
def test_arguments_that_cannot_be_read_are_told(arguments: str) -> None:
    """So that the model hears of it."""
    (call,) = an_output(tool_calls=(ToolCall("c1", "weather", arguments),)).message.tool_calls
    assert (call.arguments, "arguments" in call.parse_error) == ({}, True)


def test_a_choice_that_was_lost_is_left_out_and_counted() -> None:
    """Nothing stands in for it."""
    lost = Loss(stage=Stage.SUMMARY, layer=1, agent="a", kind="ServerError", message="down")
    output = an_output(choices=(Choice(text="Azure.", finish_reason="length", call_id="c"), lost))
    assert [(choice.message.text, choice.stop_reason) for choice in output.choices] == [
        ("Blue.", "stop"),
        ("Azure.", "max_tokens"),
    ]
    assert output.metadata["lost_choices"] == 1


def test_a_solver_with_tools_gets_calls_and_goes_on(tmp_path: Path) -> None:
    """The tool is called, and its result is in the next run's conversation."""

    @tool
    def weather() -> Any:
        async def execute(city: str) -> str:
            """Tell the weather.

            Args:
                city: Where.
            """
            return f"rain in {city}"

        return execute

    samples = [Sample(input="How is it in Oslo?", target="rain in Oslo")]
    task = Task(dataset=samples, solver=[use_tools(weather()), generate()], scorer=includes())
    name = an_ensemble(tmp_path, "framework_agents:caller")
    (log,) = evaluate(task, model=name, display="none", log_dir=str(tmp_path))
    assert log.status == "success", log.error
    assert log.results.scores[0].metrics["accuracy"].value == 1.0
