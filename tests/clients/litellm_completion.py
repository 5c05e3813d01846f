"""LiteLLM: completion and acompletion by ``openai/MODEL``, streamed, with a format, with tools, and its errors."""

from __future__ import annotations

import json
from typing import Any

import litellm
from checks import Server, require, run

QUESTION = [{"role": "user", "content": "What is 19 + 23?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def _options(server: Server) -> dict[str, Any]:
    return {"model": f"openai/{server.model}", "api_base": server.url, "api_key": "none", "num_retries": 0}


def completion(server: Server) -> str:
    """A text, with its usage."""
    done = litellm.completion(messages=QUESTION, temperature=0.2, **_options(server))
    require(done.choices[0].message.content == "19 + 23 = 42", done)
    return str(done.choices[0].message.content)


async def acompletion(server: Server) -> str:
    """The same, async and streamed."""
    reply = await litellm.acompletion(messages=QUESTION, stream=True, **_options(server))
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in reply])
    require(text == "19 + 23 = 42", text)
    return text


def format(server: Server) -> str:  # noqa: A001 - what the check is called
    """JSON by a schema."""
    schema = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
    asked = {"type": "json_schema", "json_schema": {"name": "sum", "schema": schema}}
    done = litellm.completion(messages=QUESTION, response_format=asked, **_options(server))
    require(json.loads(done.choices[0].message.content) == {"total": 42}, done)
    return str(done.choices[0].message.content)


def tools(server: Server) -> str:
    """A call comes back, and its result goes on to the answer."""
    turns: list[Any] = [{"role": "user", "content": "What is the weather in Turin?"}]
    asked = litellm.completion(messages=turns, tools=[WEATHER], **_options(server)).choices[0].message
    require(json.loads(asked.tool_calls[0].function.arguments) == {"city": "Turin"}, asked)
    turns += [asked, {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "31 degrees, dry"}]
    done = litellm.completion(messages=turns, tools=[WEATHER], **_options(server))
    require("31 degrees, dry" in done.choices[0].message.content, done)
    return str(done.choices[0].message.content)


def errors(server: Server) -> str:
    """A model that is not there is its own exception."""
    try:
        litellm.completion(messages=QUESTION, **{**_options(server), "model": "openai/nobody"})
    except litellm.NotFoundError as error:
        return type(error).__name__
    raise AssertionError("there is no such model")


if __name__ == "__main__":
    run(completion, acompletion, format, tools, errors)
