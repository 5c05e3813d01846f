"""Replies and errors as OpenAI's API writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from attention_moa.fleet.chances import Chances
from attention_moa.fleet.tokens import BYTES_A_TOKEN

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.encode


class Usage(NamedTuple):
    """The token counts of a reply: prompt, cached of these, output, thinking of these."""

    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int

    def document(self) -> dict[str, Any]:
        """Return the usage block."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.prompt_tokens + self.output_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


class Call(NamedTuple):
    """A call of a tool: its id and the tool's name."""

    id: str
    tool: str

    def begun(self, arguments: str) -> dict[str, Any]:
        """Return the call with its arguments, or with the first of them."""
        return {"id": self.id, "type": "function", "function": {"name": self.tool, "arguments": arguments}}


def call_delta(call: dict[str, Any]) -> dict[str, Any]:
    """Return what an event of a stream adds to a reply's one call."""
    return {"tool_calls": [{"index": 0, **call}]}


class Head(NamedTuple):
    """What every part of a reply repeats: its id, when it was made (Unix seconds), whose it is."""

    id: str
    created: int
    model: str

    def whole(
        self,
        text: str,
        thinking: str,
        finish: str,
        usage: dict[str, Any] | None,
        *,
        has_choice: bool = True,
        logprobs: list[Chances] | None = None,
        call: Call | None = None,
    ) -> bytes:
        """Return a reply in one piece; with a call, the text is its arguments."""
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if call is not None:
            message |= {"content": None, "tool_calls": [call.begun(text)]}
        if thinking:
            message["reasoning_content"] = thinking
        choice = {"index": 0, "message": message, "logprobs": _block(logprobs), "finish_reason": finish}
        document: dict[str, Any] = self._common("chat.completion") | {"choices": [choice] if has_choice else []}
        return _encode(document if usage is None else document | {"usage": usage})

    def event(
        self, delta: dict[str, Any], finish: str | None = None, *, logprobs: list[Chances] | None = None
    ) -> bytes:
        """Return an event of a streamed reply."""
        choice = {"index": 0, "delta": delta, "logprobs": _block(logprobs), "finish_reason": finish}
        return _event(self._common("chat.completion.chunk") | {"choices": [choice]})

    def usage_event(self, usage: dict[str, Any] | None) -> bytes:
        """Return the event without a choice that tells the usage."""
        return _event(self._common("chat.completion.chunk") | {"choices": [], "usage": usage})

    def _common(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _block(logprobs: list[Chances] | None) -> dict[str, Any] | None:
    return None if logprobs is None else {"content": logprobs, "refusal": None}


def pieces(text: str, tokens: int) -> Iterator[str]:
    """Yield a text in pieces of so many tokens."""
    size = tokens * BYTES_A_TOKEN
    for start in range(0, len(text), size):
        yield text[start : start + size]


def error_document(message: str, *, kind: str, code: str | None = None, param: str | None = None) -> bytes:
    """Return an error as the body of a response."""
    return _encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def error_event(message: str) -> bytes:
    """Return an error in the middle of a stream."""
    return b"data: " + error_document(message, kind="server_error", code="server_error") + b"\n\n"


def page(title: str, text: str) -> bytes:
    """Return a page of HTML, as proxies send it."""
    head = f"<!doctype html><html><head><title>{title}</title></head>"
    return f"{head}<body><h1>{title}</h1><p>{text}</p></body></html>".encode()


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + _encode(document) + b"\n\n"
