"""Who speaks in a prompt, and what prompts begin with: the conversation, and what the caller wants of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import EnsembleSpec, voices
from attention_moa.messages import Conversation, Message, ReplyFormat, Stage, TextPart, ToolSpec, user
from attention_moa.prompts.fit import Prompt, Render, clip
from attention_moa.prompts.seals import Seal
from attention_moa.prompts.templates import Templates
from attention_moa.strategies import WITHOUT_WRITERS


class Desk(NamedTuple):
    """What all prompts of a run are made from.

    Args:
        spec: The ensemble: layout, labels, who shares a model.
        conversation: ``x``.
        templates: The templates.
        seal: Tags, nonces, orders.
        wanted: What the answer is to be.
        salt: A line that every prompt begins with; empty for none.
    """

    spec: EnsembleSpec
    conversation: Conversation
    templates: Templates
    seal: Seal
    wanted: AnswerSpec = PLAIN
    salt: str = ""

    @property
    def agents_write(self) -> bool:
        """Whether the answer is one of the agents' own, so that they call tools themselves."""
        return self.spec.strategy in WITHOUT_WRITERS

    @property
    def is_checked(self) -> bool:
        """Whether the answer has to have something that it is checked for: a form, or a tool call."""
        tools = self.wanted.tools
        return self.wanted.reply_format is not None or (tools is not None and tools.choice == "required")

    @property
    def may_call(self) -> bool:
        """Whether the answer may call tools."""
        return self.wanted.tools is not None and self.wanted.tools.choice != "none"


_STAGE_OF = {
    "answer": Stage.ANSWER,
    "critique": Stage.CRITIQUE,
    "self_critique": Stage.CRITIQUE,
    "panel": Stage.CRITIQUE,
    "refine": Stage.REFINE,
    "summary": Stage.SUMMARY,
    "residual": Stage.RESIDUAL,
    "select": Stage.SELECT,
    "extract": Stage.EXTRACT,
    "compensate": Stage.RESIDUAL,
    "repair": Stage.REPAIR,
}


class Seat(NamedTuple):
    """Who speaks in which layer.

    Args:
        desk: The run.
        agent: Who.
        layer: From 1; 0 for the residual agent, whose prompts are alike in all layers.
        previous: ``o[l-1]`` as far as this agent is to see it.
        writes: Whether what is said may be the answer: then tools are the call's own, else they are described.
    """

    desk: Desk
    agent: AgentSpec
    layer: int
    previous: str | None = None
    writes: bool = False

    def base(self, limit: int | None) -> Conversation:
        """Return the conversation; its system prompt has the salt in front, and tools, form and role at its end."""
        desk, conversation = self.desk, self.desk.conversation
        role = None if self.late_role else self.agent.role
        before = (TextPart(desk.salt),) if desk.salt else ()
        behind = tuple(TextPart(text) for text in (_described(self, limit), _form(desk), role) if text)
        if not before and not behind:
            return conversation
        if conversation and conversation[0].role == "system":
            first = replace(conversation[0], content=(*before, *conversation[0].content, *behind))
            return (first, *conversation[1:])
        return (Message("system", (*before, *behind)), *conversation)

    @property
    def late_role(self) -> str | None:
        """Return the role where it goes behind the conversation instead of into the system prompt.

        So it does where several agents share one remote model: then all of them begin with the same conversation, and
        the endpoint's cache serves it to all. An embedded model keeps a cache for each agent: there it goes first.
        """
        agent = self.agent
        if agent.model.startswith("embedded:"):
            return None
        others = (other for other in voices(self.desk.spec) if other.name != agent.name)
        return agent.role if any(_endpoint(other) == _endpoint(agent) for other in others) else None

    def fill(self, template: str, limit: int | None, values: Mapping[str, Any]) -> str:
        """Return a template's text, quoted texts fenced.

        Args:
            template: Its name.
            limit: Most characters of any quoted text; None for no limit.
            values: What the stage puts in.
        """
        desk = self.desk
        tag = desk.seal.tag(_STAGE_OF[template], self.layer)

        def quote(text: str) -> str:
            # The brackets keep what stands before and behind a tag that was taken out from joining to another one.
            return f"<{tag}>\n{clip(text.replace(tag, '[mark]'), limit)}\n</{tag}>"

        asked = next((message.text for message in reversed(desk.conversation) if message.role == "user"), "")
        return desk.templates.render(
            template, **values, tag=tag, quote=quote, question=asked, brief=desk.spec.layout == "compact"
        )

    def tags(self, template: str) -> tuple[str, ...]:
        """Return the tags that a prompt may hold: its stage's, and the answer's where that quotes ``o[l-1]``."""
        stages = dict.fromkeys((Stage.ANSWER, _STAGE_OF[template]))
        return tuple(self.desk.seal.tag(stage, self.layer) for stage in stages)

    def tail(self, messages: Sequence[Message]) -> int:
        """Return how many messages there are from the conversation's last user turn to the end."""
        conversation = self.desk.conversation
        lead = len(self.base(None)) - len(conversation)
        asked = max((place for place, message in enumerate(conversation) if message.role == "user"), default=0)
        return len(messages) - lead - asked


def closing(seat: Seat, template: str, values: Mapping[str, Any]) -> Render:
    """Return a prompt of a writer that reads the conversation and quoted texts, without an answer of its own."""

    def render(limit: int | None) -> Prompt:
        base = seat.base(limit)
        may_call = seat.writes and seat.desk.may_call
        text = seat.fill(template, limit, {**values, "role": seat.late_role, "may_call": may_call})
        messages = append(base, text)
        return Prompt(messages, tail=seat.tail(messages), shared=len(base) - 1, tags=seat.tags(template))

    return render


def append(messages: Conversation, text: str) -> Conversation:
    """Return the messages with a text at the end of the last user turn, or in a new one behind any other turn."""
    last = messages[-1]
    if last.role != "user":
        return (*messages, user(text))
    parts = last.content
    if parts and isinstance(parts[-1], TextPart):
        joined = TextPart(f"{parts[-1].text}\n\n{text}")
        return (*messages[:-1], replace(last, content=(*parts[:-1], joined)))
    return (*messages[:-1], replace(last, content=(*parts, TextPart(text))))


def _endpoint(agent: AgentSpec) -> tuple[str, str | None]:
    return agent.model, agent.base_url


def _described(seat: Seat, limit: int | None) -> str:
    """Return what an agent that advises is told of the caller's tools; nothing where it has them itself, or none are.

    They are JSON, each in one line: nothing in a name or a description looks like a line of ours.
    """
    desk, use = seat.desk, seat.desk.wanted.tools
    if use is None or seat.writes:
        return ""
    lines = [clip(_line(tool, name=tool.name), limit) for tool in use.tools]
    only = None if use.only is None else msgspec.json.encode(use.only).decode()
    return desk.templates.render(
        "tools", tools=lines, choice=use.choice, only=only, brief=desk.spec.layout == "compact"
    )


def _form(desk: Desk) -> str:
    """Return what everybody is told of the form that the answer must have; nothing where it may have any."""
    form = desk.wanted.reply_format
    if form is None:
        return ""
    line = _line(form, name=form.name, description=form.description, schema=form.schema)
    return desk.templates.render("format", form=line if line != "{}" else "", has_schema=form.schema is not None)


def _line(what: ToolSpec | ReplyFormat, **shown: object) -> str:
    """Return what a model is to see of a tool or a form, as one line of JSON."""
    more = {"description": what.description, "parameters": what.parameters} if isinstance(what, ToolSpec) else {}
    return msgspec.json.encode({name: value for name, value in {**shown, **more}.items() if value}).decode()
