"""The official client: chat completions, in one piece, streamed, parsed, with tools, several, and errors."""

from __future__ import annotations

import json
from typing import Any

import openai
from checks import Server, require, run
from openai import OpenAI
from pydantic import BaseModel

QUESTION: Any = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is 19 + 23?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
ASKED_WEATHER: Any = {"role": "user", "content": "What is the weather in Turin?"}


class Sum(BaseModel):
    """What the answer is parsed into."""

    total: int
    steps: list[str]


def _client(server: Server) -> OpenAI:
    # Strict: what comes back is checked against the client's own types, not taken as it is.
    return OpenAI(base_url=server.url, api_key="none", max_retries=0, _strict_response_validation=True)


def models(server: Server) -> str:
    """The ensemble is in the list, and can be looked up."""
    client = _client(server)
    ids = [model.id for model in client.models.list()]
    require(server.model in ids, ids)
    return f"{client.models.retrieve(server.model).id} of {len(ids)}"


def talk(server: Server) -> str:
    """Any model gives a text, in pieces."""
    pieces = _client(server).chat.completions.create(model=server.model, messages=QUESTION, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in pieces if chunk.choices)
    require(text, text)
    return text


def chat(server: Server) -> str:
    """The answer, the sum of the usage, and what the ensemble says of the run."""
    raw = _client(server).chat.completions.with_raw_response.create(
        model=server.model,
        messages=QUESTION,
        temperature=0.3,
        seed=7,
        max_completion_tokens=200,
        user="me",
        store=False,
    )
    done = raw.parse()
    require(done.choices[0].message.content == "19 + 23 = 42", done)
    require(done.choices[0].finish_reason == "stop", done)
    told: Any = (done.model_extra or {})["attention_moa"]
    require(told["run_id"] == raw.headers["x-attention-moa-run-id"], told)
    require(told["ignored"] == ["store"], told)
    return f"{done.choices[0].message.content} ({told['calls']['made']} calls)"


def stream(server: Server) -> str:
    """The text comes in pieces, the usage with the last chunk."""
    chunks = list(
        _client(server).chat.completions.create(
            model=server.model, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    require("".join(pieces) == "19 + 23 = 42" and len(pieces) > 1, pieces)
    require([chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop", chunks)
    require(chunks[-1].usage is not None and not chunks[-1].choices, chunks[-1])
    return f"{len(pieces)} pieces"


def parse(server: Server) -> str:
    """A class is filled with the answer, in one piece and streamed."""
    client = _client(server)
    parsed = client.chat.completions.parse(model=server.model, messages=QUESTION, response_format=Sum)
    total = parsed.choices[0].message.parsed
    require(total is not None and total.total == 42, parsed)
    with client.chat.completions.stream(model=server.model, messages=QUESTION, response_format=Sum) as events:
        final = events.get_final_completion().choices[0].message.parsed
    require(final == total, final)
    return str(final)


def tools(server: Server) -> str:
    """A call comes back, and its result goes on to the answer."""
    client = _client(server)
    asked = client.chat.completions.create(model=server.model, messages=[ASKED_WEATHER], tools=[WEATHER])
    choice = asked.choices[0]
    calls = choice.message.tool_calls or []
    require(choice.finish_reason == "tool_calls" and len(calls) == 1, asked)
    require(calls[0].type == "function", calls)
    arguments = json.loads(calls[0].function.arguments)  # type: ignore[union-attr]  # of the kinds it is the first
    require(arguments == {"city": "Turin"}, arguments)
    result = {"role": "tool", "tool_call_id": calls[0].id, "content": "31 degrees, dry"}
    turns: Any = [ASKED_WEATHER, choice.message, result]
    done = client.chat.completions.create(model=server.model, messages=turns, tools=[WEATHER])
    require("31 degrees, dry" in (done.choices[0].message.content or ""), done)
    return done.choices[0].message.content or ""


def tools_streamed(server: Server) -> str:
    """A call that comes in pieces is put together by the client."""
    with _client(server).chat.completions.stream(
        model=server.model, messages=[ASKED_WEATHER], tools=[WEATHER], tool_choice="required", parallel_tool_calls=False
    ) as events:
        calls = events.get_final_completion().choices[0].message.tool_calls or []
    require([json.loads(call.function.arguments) for call in calls] == [{"city": "Turin"}], calls)
    return calls[0].function.arguments


def several(server: Server) -> str:
    """Two answers of one deliberation."""
    done = _client(server).chat.completions.create(model=server.model, messages=QUESTION, n=2)
    require([choice.index for choice in done.choices] == [0, 1], done)
    require(all(choice.message.content == "19 + 23 = 42" for choice in done.choices), done)
    return f"{len(done.choices)} choices"


def errors(server: Server) -> str:
    """What is wrong is raised as the client's own exceptions, which name the field."""
    client = _client(server)
    try:
        client.chat.completions.create(model=server.model, messages=QUESTION, logprobs=True)
    except openai.BadRequestError as error:
        require((error.param, error.code) == ("logprobs", "unsupported_parameter"), error)
    else:
        raise AssertionError("logprobs were taken")
    try:
        client.chat.completions.create(model="nobody", messages=QUESTION)
    except openai.NotFoundError as error:
        return f"{error.code}, {error.status_code}"
    raise AssertionError("there is no such model")


if __name__ == "__main__":
    run(models, talk, chat, stream, parse, tools, tools_streamed, several, errors)
