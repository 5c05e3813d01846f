"""The Responses API over HTTP, with the official client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from openai import APIError, AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall, ResponseInputParam
from pydantic import BaseModel

from attention_moa.errors import ServerError
from attention_moa.messages import CallRequest, Chunk, Stage, ToolCallDelta
from attention_moa.providers.scripted import Line, Said
from attention_moa.store.memory import MemoryJournal
from tests.server_world import QUIET, ServerWorld, a_server, run, scripted, until
from tests.worlds import USAGE, texts

WHY = "Why is the sky blue?"
LOOK: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
CALL: Sequence[Chunk] = (
    Chunk(tool_calls=(ToolCallDelta(0, id="c1", name="weather", arguments='{"city"'),)),
    Chunk(tool_calls=(ToolCallDelta(0, arguments=': "Oslo"}'),)),
    Chunk(finish_reason="tool_calls", usage=USAGE),
)


class Sky(BaseModel):
    """What is asked for."""

    colour: str


def strict(world: ServerWorld) -> AsyncOpenAI:
    """Return the official client as it checks every field of what comes back."""
    return AsyncOpenAI(base_url=f"{world.url}/v1", api_key="none", max_retries=0, _strict_response_validation=True)


def of_writer(world: ServerWorld) -> CallRequest:
    """Return the last request to the writer."""
    return [request for request in world.models.requests if request.stage is Stage.SUMMARY][-1]


def or_call(request: CallRequest) -> Said:
    """Call a tool, or answer where its result is there."""
    return "Rain." if any(message.role == "tool" for message in request.messages) else CALL


# -------------------------------------------------------------------------------------------------------------- answers


def test_a_response_is_what_the_official_client_expects_in_every_field() -> None:
    """The answer, the usage of all calls, and what happened in the run."""

    async def test() -> None:
        async with a_server({"summary": "Scattering."}) as world, strict(world) as client:
            response = await client.responses.create(
                model="duo", input=WHY, instructions="Be brief.", max_output_tokens=50, metadata={"case": "7"}
            )
        assert (response.output_text, response.status) == ("Scattering.", "completed")
        assert (response.instructions, response.max_output_tokens, response.metadata) == (
            "Be brief.",
            50,
            {"case": "7"},
        )
        assert response.usage is not None
        assert response.usage.input_tokens == 10 * len(world.models.requests)
        told = response.to_dict()["attention_moa"]
        assert isinstance(told, dict)
        assert response.id == f"resp_{told['run_id']}"
        assert of_writer(world).sampling.max_tokens == 50
        assert texts(of_writer(world).messages)[0][0] == "system"

    run(test)


def test_code_without_an_event_loop_is_answered_too() -> None:
    """The other official client."""

    async def test() -> None:
        async with a_server({"summary": "Scattering."}) as world:

            def ask() -> str:
                with OpenAI(base_url=f"{world.url}/v1", api_key="none", max_retries=0) as client:
                    return client.responses.create(model="duo", input=WHY).output_text

            assert await asyncio.to_thread(ask) == "Scattering."

    run(test)


def test_a_stream_is_put_together_by_the_official_client() -> None:
    """Numbers go up, the pieces are the text, the whole comes last."""

    async def test() -> None:
        models = scripted({"summary": "Scattering of light."}, pieces=4)
        async with (
            a_server(models) as world,
            strict(world) as client,
            client.responses.stream(model="duo", input=WHY) as stream,
        ):
            events = [event async for event in stream]
            final = await stream.get_final_response()
        numbers = [event.sequence_number for event in events]
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert numbers == list(range(len(numbers)))
        assert (len(pieces), "".join(pieces), final.output_text) == (4, "Scattering of light.", "Scattering of light.")
        assert events[0].type == "response.created"

    run(test)


def test_a_text_is_parsed_into_a_class() -> None:
    """As it comes whole, and at the end of a stream."""

    async def test() -> None:
        async with a_server({"summary": '{"colour": "blue"}'}) as world, strict(world) as client:
            parsed = await client.responses.parse(model="duo", input=WHY, text_format=Sky)
            async with client.responses.stream(model="duo", input=WHY, text_format=Sky) as stream:
                streamed = await stream.get_final_response()
        assert parsed.output_parsed == streamed.output_parsed == Sky(colour="blue")
        wanted = of_writer(world).reply_format
        assert wanted is not None
        assert (wanted.kind, wanted.name, wanted.is_strict) == ("json_schema", "Sky", True)

    run(test)


def test_a_tools_call_comes_back_and_its_result_goes_on_to_the_answer() -> None:
    """With the items as they came, reasoning among them."""

    async def test() -> None:
        async with a_server({"summary": or_call}) as world, strict(world) as client:
            turns: ResponseInputParam = [{"role": "user", "content": "How is it in Oslo?"}]
            first = await client.responses.create(model="duo", input=turns, tools=[LOOK], reasoning={"summary": "auto"})
            (call,) = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
            turns += [item.to_dict() for item in first.output]  # type: ignore[misc]  # as the client's own guide has it
            turns.append({"type": "function_call_output", "call_id": call.call_id, "output": "rain"})
            second = await client.responses.create(model="duo", input=turns, tools=[LOOK])
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Oslo"})
        assert [item.type for item in first.output] == ["reasoning", "function_call"]
        assert second.output_text == "Rain."
        assert [role for role, _ in texts(of_writer(world).messages)[:3]] == ["user", "assistant", "tool"]

    run(test)


def test_a_tools_call_streams_in_pieces() -> None:
    """The client joins them."""

    async def test() -> None:
        async with (
            a_server({"summary": or_call}) as world,
            strict(world) as client,
            client.responses.stream(model="duo", input="Oslo?", tools=[LOOK]) as stream,
        ):
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        (call,) = final.output
        assert isinstance(call, ResponseFunctionToolCall)
        assert call.arguments == '{"city": "Oslo"}'
        assert kinds.count("response.function_call_arguments.delta") == 2

    run(test)


def test_the_deliberation_is_a_summary_of_reasoning_where_it_is_wanted() -> None:
    """Before the answer, in a stream and whole; no text of an agent is in it."""

    async def test() -> None:
        async with a_server({"summary": "Scattering."}) as world, strict(world) as client:
            async with client.responses.stream(model="duo", input=WHY, reasoning={"summary": "auto"}) as stream:
                kinds = [event.type async for event in stream]
                streamed = await stream.get_final_response()
            whole = await client.responses.create(model="duo", input=WHY, reasoning={"summary": "auto"})
            plain = await client.responses.create(model="duo", input=WHY)
        assert kinds.index("response.reasoning_summary_text.delta") < kinds.index("response.output_text.delta")
        for response in (streamed, whole):
            reasoning = response.output[0]
            assert reasoning.type == "reasoning"
            assert "layer 1: a answers" in reasoning.summary[0].text
            assert "says 1." not in reasoning.summary[0].text
        assert [item.type for item in plain.output] == ["message"]

    run(test)


def test_an_answer_that_was_cut_off_is_incomplete() -> None:
    """It says by what."""

    async def test() -> None:
        async with a_server({"summary": Line(text="Scat", finish_reason="length", usage=USAGE)}) as world:
            response = await world.client.responses.create(model="duo", input=WHY)
        assert response.status == "incomplete"
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == "max_output_tokens"

    run(test)


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
        ({"input": ""}, "input"),
        ({"input": WHY, "tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": WHY, "max_output_tokens": 0}, "max_output_tokens"),
        ({"input": WHY, "attention_moa": {"layers": 0}}, "attention_moa.layers"),
    ],
)
def test_what_is_wrong_is_refused_before_the_first_byte(fields: dict[str, Any], param: str) -> None:
    """Also where a stream was asked for."""

    async def test() -> None:
        async with a_server() as world:
            for stream in (False, True):
                told = await world.http.post("/v1/responses", json={"model": "duo", "stream": stream} | fields)
                assert (told.status_code, told.json()["error"]["param"]) == (400, param)
        assert not world.models.requests

    run(test)


def test_a_run_without_an_answer_is_an_error_and_a_stream_of_it_fails() -> None:
    """The response says so, then the client raises."""

    async def test() -> None:
        async with a_server({"answer": ServerError("down", retryable=False)}) as world:
            with pytest.raises(APIError, match="down"):
                await world.client.responses.create(model="duo", input=WHY)
            kinds = []
            with pytest.raises(APIError, match="down"):
                async for event in await world.client.responses.create(model="duo", input=WHY, stream=True):
                    kinds.append(event.type)
        assert kinds[-1] == "response.failed"

    run(test)


def test_an_answer_that_breaks_off_in_mid_stream_ends_with_an_error() -> None:
    """What was sent cannot be taken back; the run has the answer."""

    async def test() -> None:
        broken = Line(text=["Scat", "tering"], error=ServerError("down", retryable=False))
        async with a_server({"summary": broken}) as world:
            text = ""
            with pytest.raises(APIError, match="broke off"):
                async for event in await world.client.responses.create(model="duo", input=WHY, stream=True):
                    text += event.delta if event.type == "response.output_text.delta" else ""
        assert text == "Scattering"

    run(test)


# ---------------------------------------------------------------------------------------------------- earlier responses


def test_a_response_goes_on_from_an_earlier_one_without_its_instructions() -> None:
    """With what was asked and answered, from the journal."""

    async def test() -> None:
        journal = MemoryJournal()
        async with a_server({"summary": or_call}, journal=journal) as world, strict(world) as client:
            first = await client.responses.create(model="duo", input="Oslo?", instructions="Be brief.", tools=[LOOK])
            output = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
            second = await client.responses.create(
                model="duo",
                input=[output],  # type: ignore[list-item]  # the client's own type knows it by more fields
                previous_response_id=first.id,
                instructions="Be long.",
                tools=[LOOK],
            )
            third = await client.responses.create(model="duo", input="Sure?", previous_response_id=second.id)
        assert (second.output_text, second.previous_response_id) == ("Rain.", first.id)
        assert third.instructions is None
        asked = third.to_dict()["attention_moa"]
        assert isinstance(asked, dict)
        record = await journal.record(str(asked["run_id"]))
        assert texts(record.conversation) == [
            ("user", "Oslo?"),
            ("assistant", ""),
            ("tool", "rain"),
            ("assistant", "Rain."),
            ("user", "Sure?"),
        ]

    run(test)


def test_an_unknown_earlier_response_is_refused() -> None:
    """By its name."""

    async def test() -> None:
        async with a_server() as world:
            with pytest.raises(NotFoundError) as refused:
                await world.client.responses.create(model="duo", input=WHY, previous_response_id="resp_none")
        assert (refused.value.param, refused.value.code) == ("previous_response_id", "previous_response_not_found")

    run(test)


def test_a_response_is_there_afterwards_until_it_is_deleted(tmp_path: Path) -> None:
    """As it was, also for another server on the same journal."""

    async def test() -> None:
        path = tmp_path / "runs.db"
        config = replace(QUIET, is_unjournaled=False, journal=str(path))
        async with a_server({"summary": "Scattering."}, config=config) as world, strict(world) as client:
            first = await client.responses.create(model="duo", input=WHY, instructions="Be brief.", tools=[LOOK])
            assert (await client.responses.retrieve(first.id)).to_dict() == first.to_dict()
        async with a_server({}, config=config) as world, strict(world) as client:
            again = await client.responses.retrieve(first.id)
            assert (again.output, again.tools, again.usage) == (first.output, first.tools, first.usage)
            await client.responses.delete(first.id)
            for path_of in (first.id, "resp_none"):
                with pytest.raises(NotFoundError):
                    await client.responses.retrieve(path_of)

    run(test)


def test_what_nobody_waits_for_goes_on_and_is_asked_for_later() -> None:
    """A response in the background."""

    async def test() -> None:
        held = asyncio.Event()
        models = scripted({"summary": "Scattering."}, wait=lambda _: _waited(held))
        async with a_server(models) as world, strict(world) as client:
            begun = await client.responses.create(model="duo", input=WHY, background=True)
            under_way = await client.responses.retrieve(begun.id)
            held.set()
            (live,) = world.service.hub.running
            await live.over()
            done = await client.responses.retrieve(begun.id)
        assert (begun.status, begun.background, under_way.status) == ("in_progress", True, "in_progress")
        assert (done.status, done.output_text) == ("completed", "Scattering.")

    run(test)


async def _waited(event: asyncio.Event) -> None:
    await event.wait()


def test_a_response_under_way_is_cancelled() -> None:
    """All of its calls end; one that is over stays as it is."""

    async def test() -> None:
        never = asyncio.Event()
        async with a_server(scripted(wait=lambda _: _waited(never))) as world, strict(world) as client:
            begun = await client.responses.create(model="duo", input=WHY, background=True)
            await until(lambda: world.models.open_streams > 0)
            cancelled = await client.responses.cancel(begun.id)
            assert (cancelled.status, world.models.open_streams) == ("cancelled", 0)
            assert (await client.responses.cancel(begun.id)).status == "cancelled"

    run(test)


def test_who_leaves_ends_the_run() -> None:
    """Every upstream call, at once."""

    async def test() -> None:
        never = asyncio.Event()
        async with a_server(scripted(wait=lambda _: _waited(never))) as world:
            for stream in (False, True):
                async with asyncio.TaskGroup() as group:
                    asking = group.create_task(_asked(world, stream=stream))
                    await until(lambda: world.models.open_streams > 0)
                    asking.cancel()
                await until(lambda: world.models.open_streams == 0)

    run(test)


async def _asked(world: ServerWorld, *, stream: bool) -> None:
    async with world.http.stream(
        "POST", "/v1/responses", json={"model": "duo", "input": WHY, "stream": stream}
    ) as told:
        async for _ in told.aiter_bytes():
            pass


def test_a_stream_of_an_earlier_response_is_refused_by_name() -> None:
    """What happened in it is told elsewhere."""

    async def test() -> None:
        async with a_server({"summary": "Scattering."}) as world:
            first = await world.client.responses.create(model="duo", input=WHY)
            with pytest.raises(BadRequestError) as refused:
                await world.client.responses.retrieve(first.id, stream=True)
        assert (refused.value.param, refused.value.code) == ("stream", "unsupported_parameter")

    run(test)
