"""The official client on the Responses API: in one piece, streamed, parsed, with tools, going on from a response."""

from __future__ import annotations

import json
from typing import Any

from checks import Server, require, run
from openai import OpenAI
from pydantic import BaseModel

QUESTION = "What is 19 + 23?"
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Sum(BaseModel):
    """What the answer is parsed into."""

    total: int
    steps: list[str]


def _client(server: Server) -> OpenAI:
    return OpenAI(base_url=server.url, api_key="none", max_retries=0, _strict_response_validation=True)


def responses(server: Server) -> str:
    """The answer, and the usage."""
    done = _client(server).responses.create(model=server.model, instructions="Be short.", input=QUESTION)
    require((done.status, done.output_text) == ("completed", "19 + 23 = 42"), done)
    return done.output_text


def responses_stream(server: Server) -> str:
    """Events in the order of their numbers, the text in pieces, the whole at the end."""
    with _client(server).responses.stream(model=server.model, input=QUESTION) as events:
        seen = list(events)
        final = events.get_final_response()
    numbers = [event.sequence_number for event in seen]
    require(numbers == sorted(set(numbers)), numbers)
    pieces = [event.delta for event in seen if event.type == "response.output_text.delta"]
    require("".join(pieces) == final.output_text == "19 + 23 = 42", (pieces, final))
    return f"{len(seen)} events"


def responses_parse(server: Server) -> str:
    """A class is filled with the answer."""
    done = _client(server).responses.parse(model=server.model, input=QUESTION, text_format=Sum)
    require(done.output_parsed is not None and done.output_parsed.total == 42, done)
    return str(done.output_parsed)


def responses_tools(server: Server) -> str:
    """A call comes back, and its result goes on to the answer."""
    client = _client(server)
    turns: list[Any] = [{"role": "user", "content": "What is the weather in Turin?"}]
    asked = client.responses.create(model=server.model, input=turns, tools=[WEATHER])
    calls: list[Any] = [item for item in asked.output if item.type == "function_call"]
    require([json.loads(call.arguments) for call in calls] == [{"city": "Turin"}], asked)
    turns += asked.output
    turns.append({"type": "function_call_output", "call_id": calls[0].call_id, "output": "31 degrees, dry"})
    done = client.responses.create(model=server.model, input=turns, tools=[WEATHER])
    require("31 degrees, dry" in done.output_text, done)
    return done.output_text


def responses_going_on(server: Server) -> str:
    """A response that the journal holds is what the next one begins with."""
    client = _client(server)
    first = client.responses.create(model=server.model, input=QUESTION)
    second = client.responses.create(model=server.model, input="And 1 + 2?", previous_response_id=first.id)
    require(second.previous_response_id == first.id, second)
    require(second.output_text == "1 + 2 = 3", second)
    return second.output_text


if __name__ == "__main__":
    run(responses, responses_stream, responses_parse, responses_tools, responses_going_on)
