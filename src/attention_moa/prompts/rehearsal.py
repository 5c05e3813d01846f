"""Every prompt of an ensemble rendered once with placeholder texts: a template's fault shows before a call is paid."""

from __future__ import annotations

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import EnsembleSpec, residual_chain, summary_chain
from attention_moa.messages import ReplyFormat, ToolSpec, ToolUse, user
from attention_moa.prompts.contest import render_compensate, render_extract, render_select
from attention_moa.prompts.seals import Seal
from attention_moa.prompts.seats import Desk
from attention_moa.prompts.stages import (
    Output,
    render_answer,
    render_critique,
    render_panel,
    render_refine,
    render_repair,
    render_residual,
    render_summary,
)
from attention_moa.prompts.templates import Templates

_TOOLS = (ToolSpec("tool", "what it does", {"type": "object"}),)
_WANTED = (
    AnswerSpec(tools=ToolUse(_TOOLS), reply_format=ReplyFormat("json_schema", schema={"type": "object"})),
    AnswerSpec(tools=ToolUse(_TOOLS, choice="required", only="tool")),
    AnswerSpec(tools=ToolUse(_TOOLS, choice="none"), reply_format=ReplyFormat("json_object")),
)


def rehearse(spec: EnsembleSpec, templates: Templates) -> None:
    """Render every stage that an ensemble may come to, whatever its strategy.

    Args:
        spec: The ensemble.
        templates: Its templates.

    Raises:
        ConfigError: A template cannot be rendered; the text names it.
    """
    conversation = (user("question"),)
    seal = Seal(b"a rehearsal has no secret", conversation)
    for wanted in (PLAIN, *_WANTED):
        _rehearse(Desk(spec, conversation, templates, seal, wanted))


def _rehearse(desk: Desk) -> None:
    spec = desk.spec
    agent, summary_agent, residual_agent = spec.agents[0], summary_chain(spec)[0], residual_chain(spec)[0]
    for previous in (None, "output"):
        panel, _ = render_panel(desk, agent, 1, "own", peers={"peer": "text"}, has_self=True, previous=previous)
        for render in (
            render_answer(desk, agent, 1, previous),
            render_critique(desk, agent, 1, "own", peer="text", author="peer", previous=previous),
            render_critique(desk, agent, 1, "own", peer=None, author=agent.name, previous=previous),
            panel,
            render_refine(desk, agent, 1, "own", critiques={agent.name: "a", "peer": "b"}, previous=previous),
        ):
            render(None)
    render_summary(desk, summary_agent, 1, {agent.name: "text"})(None)
    for has_verdict in (True, False):
        outputs = (Output(1, "first"), Output(2, "second"))
        render_residual(desk, residual_agent, 2, outputs, has_verdict=has_verdict)(None)
    for must_call in (True, False):
        render_repair(desk, summary_agent, 2, "text", problem="what is wrong with it", must_call=must_call)(None)
    _rehearse_baselines(desk, summary_agent)


def _rehearse_baselines(desk: Desk, writer: AgentSpec) -> None:
    """Render what only baselines come to."""
    replies = {"a": "one text", "b": "another"}
    for is_open in (True, False):
        for count in (1, 2):
            render_select(desk, writer, 1, replies, count=count, may_stop=is_open).render(None)
        render_extract(desk, writer, 2, before=["old"], now=["new"], has_verdict=is_open)(None)
    for difference in ("text", ""):
        render_compensate(desk, writer, 2, "output", replies=replies, difference=difference)(None)
