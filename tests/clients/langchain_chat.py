"""LangChain's ``ChatOpenAI``: invoke, stream, a batch, structured output, and tools with their results."""

from __future__ import annotations

from checks import Server, require, run
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Sum(BaseModel):
    """A sum."""

    total: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"31 degrees in {city}"


def _model(server: Server, **options: object) -> ChatOpenAI:
    return ChatOpenAI(model=server.model, base_url=server.url, api_key="none", max_retries=0, **options)


def invoke(server: Server) -> str:
    """A text, with its usage."""
    done = _model(server, temperature=0).invoke("What is 19 + 23?")
    require(done.content == "19 + 23 = 42", done)
    return str(done.content)


def stream(server: Server) -> str:
    """The same in pieces, and the usage at the end."""
    chunks = list(_model(server, stream_usage=True).stream("What is 19 + 23?"))
    require("".join(str(chunk.content) for chunk in chunks) == "19 + 23 = 42", chunks)
    return f"{len(chunks)} chunks"


def batch(server: Server) -> str:
    """Four at once."""
    done = _model(server).batch([f"What is {first} + 1?" for first in range(4)])
    require([one.content for one in done] == [f"{first} + 1 = {first + 1}" for first in range(4)], done)
    return f"{len(done)} answers"


def structured(server: Server) -> str:
    """A class is filled, by a schema and by a function's call."""
    by_schema = _model(server).with_structured_output(Sum).invoke("What is 19 + 23?")
    by_call = _model(server).with_structured_output(Sum, method="function_calling").invoke("What is 19 + 23?")
    require(by_schema == by_call == Sum(total=42), (by_schema, by_call))
    return str(by_schema)


def tools(server: Server) -> str:
    """A tool is called, and its result goes on to the answer."""
    model = _model(server).bind_tools([weather])
    turns: list[object] = [HumanMessage("What is the weather in Turin?")]
    asked = model.invoke(turns)
    require([call["args"] for call in asked.tool_calls] == [{"city": "Turin"}], asked)
    turns.append(asked)
    turns += [ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in asked.tool_calls]
    done = model.invoke(turns)
    require("31 degrees in Turin" in done.content, done)
    return str(done.content)


def responses(server: Server) -> str:
    """The Responses API."""
    done = _model(server, use_responses_api=True).invoke("What is 19 + 23?")
    require(done.text == "19 + 23 = 42", done)
    return str(done.text)


if __name__ == "__main__":
    run(invoke, stream, batch, structured, tools, responses)
