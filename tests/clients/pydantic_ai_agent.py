"""pydantic-ai's ``Agent`` by the server's address: text, stream, structured output, tools, the Responses API."""

from __future__ import annotations

from checks import Server, require, run
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class Sum(BaseModel):
    """A sum."""

    total: int


def _model(server: Server) -> OpenAIChatModel:
    return OpenAIChatModel(server.model, provider=OpenAIProvider(base_url=server.url, api_key="none"))


async def text(server: Server) -> str:
    """A text, with its usage."""
    done = await Agent(_model(server), instructions="Be short.").run("What is 19 + 23?")
    require(done.output == "19 + 23 = 42", done)
    return done.output


async def stream(server: Server) -> str:
    """The same in pieces."""
    async with Agent(_model(server)).run_stream("What is 19 + 23?") as reply:
        pieces = [piece async for piece in reply.stream_text(delta=True, debounce_by=None)]
    require("".join(pieces) == "19 + 23 = 42", pieces)
    return f"{len(pieces)} pieces"


async def structured(server: Server) -> str:
    """A class is filled, by a tool's call and by a schema."""
    by_call = await Agent(_model(server), output_type=Sum).run("What is 19 + 23?")
    by_schema = await Agent(_model(server), output_type=NativeOutput(Sum)).run("What is 19 + 23?")
    require(by_call.output == by_schema.output == Sum(total=42), (by_call, by_schema))
    return str(by_call.output)


async def tools(server: Server) -> str:
    """The agent's tool is called, and its result goes on to the answer."""
    agent = Agent(_model(server))

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"31 degrees in {city}"

    done = await agent.run("What is the weather in Turin?")
    require("31 degrees in Turin" in done.output, done)
    return done.output


async def responses(server: Server) -> str:
    """The Responses API."""
    model = OpenAIResponsesModel(server.model, provider=OpenAIProvider(base_url=server.url, api_key="none"))
    done = await Agent(model).run("What is 19 + 23?")
    require(done.output == "19 + 23 = 42", done)
    return done.output


if __name__ == "__main__":
    run(text, stream, structured, tools, responses)
