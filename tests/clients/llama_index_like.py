"""LlamaIndex's ``OpenAILike``: complete, chat, stream, structured output, and a tool's call."""

from __future__ import annotations

from checks import Server, require, run
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel


class Sum(BaseModel):
    """A sum."""

    total: int


def weather(city: str) -> str:
    """The weather in a city."""
    return f"31 degrees in {city}"


def _model(server: Server) -> OpenAILike:
    return OpenAILike(
        model=server.model,
        api_base=server.url,
        api_key="none",
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=32_000,
        max_retries=0,
    )


def complete(server: Server) -> str:
    """A text for a text."""
    done = _model(server).complete("What is 19 + 23?")
    require(done.text == "19 + 23 = 42", done)
    return str(done.text)


def chat(server: Server) -> str:
    """An answer to turns."""
    turns = [ChatMessage(role="system", content="Be short."), ChatMessage(role="user", content="What is 19 + 23?")]
    done = _model(server).chat(turns)
    require(done.message.content == "19 + 23 = 42", done)
    return str(done.message.content)


def stream(server: Server) -> str:
    """The same in pieces."""
    pieces = [part.delta or "" for part in _model(server).stream_chat([ChatMessage(content="What is 19 + 23?")])]
    require("".join(pieces) == "19 + 23 = 42", pieces)
    return f"{len(pieces)} pieces"


def structured(server: Server) -> str:
    """A class is filled."""
    done = _model(server).as_structured_llm(Sum).complete("What is 19 + 23?")
    require(done.raw == Sum(total=42), done)
    return str(done.raw)


def tools(server: Server) -> str:
    """A tool is called and the framework runs it."""
    tool = FunctionTool.from_defaults(weather)
    done = _model(server).predict_and_call([tool], "What is the weather in Turin?")
    require(str(done) == "31 degrees in Turin", done)
    return str(done)


if __name__ == "__main__":
    run(complete, chat, stream, structured, tools)
