"""An ensemble under real agents of pydantic-ai."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, ToolOutput
from pydantic_ai.exceptions import ModelAPIError, UserError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.settings import ModelSettings

from attention_moa.errors import QuorumError, ServerError
from attention_moa.frameworks.pydantic_ai import EnsembleModel
from attention_moa.messages import CallRequest, Chunk, Stage, ToolCallDelta, Usage
from attention_moa.providers.scripted import Line, Said, ScriptedProvider
from attention_moa.runtime import Ensemble
from tests.worlds import a_spec, default_reply

WHY = "Why is the sky blue?"
CALL: Sequence[Chunk] = (
    Chunk(tool_calls=(ToolCallDelta(0, id="c1", name="weather", arguments='{"city"'),)),
    Chunk(tool_calls=(ToolCallDelta(0, arguments=': "Oslo"}'),)),
    Chunk(finish_reason="tool_calls", usage=Usage(input_tokens=7, output_tokens=3)),
)
USAGE = Usage(input_tokens=10, cached_tokens=4, output_tokens=5, reasoning_tokens=1)


class Sky(BaseModel):
    """What is asked for."""

    colour: str
    why: str


def a_model(
    say: Callable[[CallRequest], Said], settings: ModelSettings | None = None
) -> tuple[EnsembleModel, ScriptedProvider]:
    """Return an ensemble of two agents in one layer as a model, and who speaks for all of them."""
    provider = ScriptedProvider(say, pieces=3, usage=USAGE)
    ensemble = Ensemble(a_spec(2, layers=1), providers={"test": provider})
    return EnsembleModel(ensemble, settings=settings), provider


def says(text: Said) -> Callable[[CallRequest], Said]:
    """Return a script whose writer says something; others say who they are."""
    return lambda request: text if request.stage is Stage.SUMMARY else default_reply(request)


def writer(provider: ScriptedProvider) -> CallRequest:
    """Return the last request to the writer."""
    return [request for request in provider.requests if request.stage is Stage.SUMMARY][-1]


def run_sync(model: EnsembleModel) -> str:
    """Return an agent's answer to code without an event loop; the loop that the library makes is closed."""
    with closing(asyncio.new_event_loop()) as loop:
        asyncio.set_event_loop(loop)
        try:
            return Agent(model).run_sync(WHY).output
        finally:
            asyncio.set_event_loop(None)


def test_an_agent_runs_on_an_ensemble() -> None:
    """Its answer, the usage of all calls, and what there is to know of the run."""
    model, provider = a_model(says("Scattering."))
    result = asyncio.run(Agent(model, instructions="Be brief.").run(WHY))
    response = result.response
    assert (result.output, response.model_name, response.provider_name) == ("Scattering.", "ensemble", "attention-moa")
    assert (result.usage.requests, result.usage.input_tokens) == (1, 10 * len(provider.requests))
    assert (result.usage.cache_read_tokens, result.usage.output_reasoning_tokens) == (
        4 * len(provider.requests),
        len(provider.requests),
    )
    assert response.finish_reason == "stop"
    assert response.provider_details is not None
    assert response.provider_details["run_id"] == response.provider_response_id
    assert writer(provider).messages[0].text.startswith("Be brief.")


def test_code_without_an_event_loop_runs_on_it_again_and_again() -> None:
    """Every time on a loop of its own."""
    model, _ = a_model(says("Scattering."))
    assert [run_sync(model) for _ in range(2)] == ["Scattering."] * 2


def test_settings_go_to_the_writer_alone() -> None:
    """The request's over the model's; stop texts end the answer here."""
    model, provider = a_model(says("Scattering. And more."), {"temperature": 0.3, "max_tokens": 50})
    told = ModelSettings(temperature=0.7, seed=3, top_p=0.9, stop_sequences=[" And"], thinking="high")
    result = asyncio.run(Agent(model, model_settings=told).run(WHY))
    sampling = writer(provider).sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.seed, sampling.thinking) == (0.7, 50, 3, "high")
    assert all(r.sampling.temperature is None for r in provider.requests if r.stage is not Stage.SUMMARY)
    assert result.output == "Scattering."


def test_an_agents_tool_is_called_by_the_writer_and_its_result_comes_back() -> None:
    """Two runs of the ensemble: one that calls, one that answers."""
    asked: list[str] = []

    def say(request: CallRequest) -> Said:
        if request.stage is not Stage.SUMMARY:
            return default_reply(request)
        return "Rain." if any(message.role == "tool" for message in request.messages) else CALL

    def weather(city: str) -> str:
        """Tell the weather of a city."""
        asked.append(city)
        return "rain"

    model, provider = a_model(say)
    result = asyncio.run(Agent(model, tools=[weather]).run("How is it in Oslo?"))
    assert (result.output, asked) == ("Rain.", ["Oslo"])
    tools = writer(provider).tools
    assert tools is not None
    assert (tools.tools[0].name, tools.tools[0].description, tools.choice) == (
        "weather",
        "Tell the weather of a city.",
        "auto",
    )
    assert [message.role for message in writer(provider).messages][:3] == ["user", "assistant", "tool"]


def test_a_structured_output_is_a_format_that_is_checked() -> None:
    """Natively, in one run, without a tool."""
    model, provider = a_model(says('{"colour": "blue", "why": "scattering"}'))
    result = asyncio.run(Agent(model, output_type=Sky).run(WHY))
    assert result.output == Sky(colour="blue", why="scattering")
    wanted = writer(provider).reply_format
    assert wanted is not None
    assert (wanted.kind, wanted.name) == ("json_schema", "Sky")
    assert writer(provider).tools is None


def test_a_structured_output_may_be_a_tool_too() -> None:
    """Then it has to be called."""
    arguments = '{"colour": "blue", "why": "scattering"}'
    call = (
        Chunk(tool_calls=(ToolCallDelta(0, id="c1", name="final_result", arguments=arguments),)),
        Chunk(finish_reason="tool_calls"),
    )
    model, provider = a_model(says(call))
    result = asyncio.run(Agent(model, output_type=ToolOutput(Sky)).run(WHY))
    assert result.output.colour == "blue"
    tools = writer(provider).tools
    assert tools is not None
    assert tools.choice == "required"


def test_an_answer_streams_as_it_is_written() -> None:
    """Piece by piece, with the usage at its end."""
    model, provider = a_model(says("Scattering of light."))

    async def heard() -> tuple[list[str], int]:
        async with Agent(model).run_stream(WHY) as result:
            pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
            return pieces, result.usage.input_tokens

    pieces, tokens = asyncio.run(heard())
    assert ("".join(pieces), len(pieces) > 1) == ("Scattering of light.", True)
    assert tokens == 10 * len(provider.requests)


def test_tool_calls_stream_too() -> None:
    """The agent calls its tool and goes on, as without a stream."""

    def say(request: CallRequest) -> Said:
        if request.stage is not Stage.SUMMARY:
            return default_reply(request)
        return "Rain." if any(message.role == "tool" for message in request.messages) else CALL

    model, _ = a_model(say)
    agent = Agent(model)
    asked: list[str] = []

    @agent.tool_plain
    def weather(city: str) -> str:
        asked.append(city)
        return "rain"

    async def heard() -> str:
        async with agent.run_stream("How is it in Oslo?") as result:
            return await result.get_output()

    assert (asyncio.run(heard()), asked) == ("Rain.", ["Oslo"])


def test_who_leaves_a_stream_ends_the_run() -> None:
    """Nothing of it is left."""
    endless = Line(text=["word "] * 10_000, piece_s=0.01, usage=USAGE)
    model, provider = a_model(says(endless))

    async def left() -> int:
        async with Agent(model).run_stream(WHY) as result:
            async for _ in result.stream_text(debounce_by=None):
                break
        return provider.open_streams

    assert asyncio.run(left()) == 0


def test_a_stream_that_is_cancelled_says_so() -> None:
    """What was told stays; the run is over."""
    endless = Line(text=["word "] * 10_000, piece_s=0.01, usage=USAGE)
    model, provider = a_model(says(endless))

    async def cancelled() -> tuple[str, int]:
        messages: list[ModelMessage] = [ModelRequest.user_text_prompt(WHY)]
        async with model.request_stream(messages, None, ModelRequestParameters()) as stream:
            async for _ in stream:
                await stream.cancel()
            return stream.get().state, provider.open_streams

    assert asyncio.run(cancelled()) == ("interrupted", 0)


def test_what_was_told_and_does_not_stand_is_an_error() -> None:
    """The writer breaks off in mid-answer: nothing told can be taken back."""
    broken = Line(text=["Scat", "tering"], error=ServerError("down", retryable=False))
    model, _ = a_model(says(broken))

    async def heard() -> str:
        async with Agent(model).run_stream(WHY) as result:
            return await result.get_output()

    with pytest.raises(ModelAPIError, match="the answer broke off"):
        asyncio.run(heard())


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_run_without_an_answer_lets_another_model_take_over(is_streamed: bool) -> None:
    """Before anything is told; the cause has what was finished."""
    model, _ = a_model(lambda _: ServerError("down", retryable=False))
    other = FunctionModel(
        lambda *_: ModelResponse(parts=[TextPart("from the other")]), stream_function=lambda *_: _one("from the other")
    )

    async def answer(chosen: Model[Any]) -> str:
        agent = Agent(chosen)
        if not is_streamed:
            return (await agent.run(WHY)).output
        async with agent.run_stream(WHY) as result:
            return await result.get_output()

    assert asyncio.run(answer(FallbackModel(model, other))) == "from the other"
    with pytest.raises(ModelAPIError, match="no agent gave an answer") as failed:
        asyncio.run(answer(model))
    assert isinstance(failed.value.__cause__, QuorumError)
    assert failed.value.__cause__.partial.losses


async def _one(text: str) -> Any:
    yield text


def test_images_and_earlier_turns_reach_the_agents() -> None:
    """As messages, never as flat text."""
    model, provider = a_model(says("A dot."))
    dot = BinaryContent(b"\x89PNG\r\n\x1a\n", media_type="image/png")
    history: list[ModelMessage] = [ModelRequest.user_text_prompt("Hi."), ModelResponse(parts=[TextPart("Hello.")])]
    result = asyncio.run(Agent(model, system_prompt="Look.").run(["What is it?", dot], message_history=history))
    turns = provider.requests[0].messages
    assert result.output == "A dot."
    assert [turn.role for turn in turns][:3] == ["user", "assistant", "user"]
    assert turns[2].has_images


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"top_k": 5}, "top_k"), ({"logit_bias": {"a": 1}}, "logit_bias"), ({"extra_body": {"a": 1}}, "extra_body")],
)
def test_a_setting_that_an_ensemble_cannot_follow_is_refused(settings: Any, name: str) -> None:
    """Ignoring it would change the meaning."""
    model, provider = a_model(says("x"))
    with pytest.raises(UserError, match=name):
        asyncio.run(Agent(model, model_settings=settings).run(WHY))
    assert not provider.requests


def test_settings_without_effect_are_listed() -> None:
    """In what is told of the run."""
    model, _ = a_model(says("x"))
    details = asyncio.run(Agent(model, model_settings={"service_tier": "default"}).run(WHY)).response.provider_details
    assert details is not None
    assert details["ignored"] == ["service_tier"]


def test_a_number_out_of_range_is_the_users_error() -> None:
    """It names the field."""
    model, _ = a_model(says("x"))
    with pytest.raises(UserError, match="temperature"):
        asyncio.run(Agent(model, model_settings={"temperature": 11.0}).run(WHY))


def test_a_named_ensemble_is_open_while_it_is_used(tmp_path: Path) -> None:
    """And while an agent is entered."""
    model = EnsembleModel(_file(tmp_path), journal=tmp_path / "runs.db")

    async def outputs() -> list[str]:
        agent = Agent(model)
        async with agent:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(agent.run(WHY)) for _ in range(2)]
            return [task.result().output for task in tasks]

    assert all("Why is the sky blue?" in output for output in asyncio.run(outputs()))
    assert "Why is the sky blue?" in run_sync(model)
    assert (tmp_path / "runs.db").exists()


def _file(folder: Path) -> Path:
    path = folder / "one.toml"
    agent = '[[agents]]\nname = "e"\nmodel = "python:tests.function_agents:echo"\n'
    path.write_text(f'name = "one"\nstrategy = "single"\n{agent}', encoding="utf-8")
    return path
