"""A request with all that its reply needs: what is written, and what is said about its tokens."""

from __future__ import annotations

from typing import Any, NamedTuple

from attention_moa.fleet.chances import Chances, token_chances
from attention_moa.fleet.draws import Draw
from attention_moa.fleet.instances import write_instance
from attention_moa.fleet.judgements import write_judgement
from attention_moa.fleet.log import Visit
from attention_moa.fleet.replies import Usage
from attention_moa.fleet.requests import ChatRequest
from attention_moa.fleet.sending import Sender
from attention_moa.fleet.spec import Fault
from attention_moa.fleet.texts import FAULTYTEXT, write_reply, write_text
from attention_moa.fleet.tokens import BYTES_A_TOKEN, count_tokens

BREAKING: frozenset[Fault] = frozenset({"cut", "malformed", "reset", "error_in_reply", "no_choices"})
"""Faults that come when part of the reply may have been sent: that part is marked, since nobody may use it."""


class Words(NamedTuple):
    """What a reply says: ``text`` behind ``thinking``, and why it ends there.

    With a ``tool`` the text is the arguments of a call of it.
    """

    text: str
    thinking: str
    finish: str
    tool: str = ""

    @property
    def tokens(self) -> int:
        """How many tokens that is."""
        return count_tokens(self.thinking.encode()) + count_tokens(self.text.encode())


class Job(NamedTuple):
    """A request under way.

    Args:
        asked: What was asked.
        prompt_tokens: Of its prompt; the visit has them once a reply begins.
        drawn: What chance decided.
        words: The reply.
        sender: The way to the client.
        visit: The log's entry.
    """

    asked: ChatRequest
    prompt_tokens: int
    drawn: Draw
    words: Words
    sender: Sender
    visit: Visit

    def logprobs(self) -> list[Chances] | None:
        """Return how likely the tokens of the text are, as they are told; None where nobody asked, and for a call."""
        top = self.asked.top_logprobs
        return None if top is None or self.words.tool else token_chances(self.drawn.chance, self.words.text, top)

    @property
    def call_id(self) -> str:
        """What the call of a tool is known by."""
        return f"call_{self.visit.request}_{self.visit.times}"

    def has_written(self, thought: int, said: int) -> None:
        """Write down how much has been written, in characters of thinking and of text: all of ours are ASCII."""
        self.visit.reasoning_tokens = -(-thought // BYTES_A_TOKEN)
        self.visit.output_tokens = self.visit.reasoning_tokens - (-said // BYTES_A_TOKEN)

    def usage(self) -> dict[str, Any] | None:
        """Return the usage block that is sent, a wrong one or none where that is the fault."""
        visit = self.visit
        usage = Usage(visit.prompt_tokens, visit.cached_tokens, visit.output_tokens, visit.reasoning_tokens)
        if self.drawn.fault != "wrong_usage":
            return usage.document()
        if self.drawn.depth < 1 / 3:
            return None
        wrong = Usage(0, 0, 0, 0) if self.drawn.depth < 2 / 3 else Usage(*(count * 1000 for count in usage))
        return wrong.document()


def write(asked: ChatRequest, drawn: Draw) -> Words:
    """Return what is written in reply, cut to ``max_tokens``, which counts thinking too."""
    words = _within(asked, drawn)
    if drawn.fault in BREAKING:
        return words._replace(text=f"{FAULTYTEXT} {words.text}")
    return words._replace(text="", thinking="", tool="") if drawn.fault == "empty" else words


def _within(asked: ChatRequest, drawn: Draw) -> Words:
    most = asked.max_tokens
    thinking = write_text(drawn.chance, drawn.reasoning_tokens) if drawn.reasoning_tokens else ""
    text = _said(asked, drawn)
    tool = asked.call.tool if asked.call is not None else ""
    if most is None or Words(text, thinking, "").tokens <= most:
        return Words(text, thinking, "tool_calls" if tool else "stop", tool)
    thinking = thinking[: most * BYTES_A_TOKEN]
    left = most - count_tokens(thinking.encode())
    return Words(text[: left * BYTES_A_TOKEN].rstrip(), thinking, "length", tool)


def _said(asked: ChatRequest, drawn: Draw) -> str:
    """Return the arguments of the call that must be made, JSON of the form that was asked for, or else plain words."""
    if asked.call is not None:
        return write_instance(drawn.chance, asked.call.parameters)
    if asked.form is not None:
        return write_instance(drawn.chance, asked.form)
    text = write_judgement(drawn.chance, asked.prompt, drawn.output_tokens)
    return text or write_reply(drawn.chance, asked.last, drawn.output_tokens, is_stop=drawn.is_stop)
