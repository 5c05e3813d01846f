"""One pure function a stage: what an agent is shown, as a conversation.

Layouts (design: every stage of an agent continues that agent's own conversation):

``continue``
    ``[conversation][own answer][instruction, quoted texts]``: critiques and refinement begin with the very messages
    that the answer filled the cache with, the previous layer's output included.
``paper``
    The authors' inputs: ``[conversation, instruction, own and peers' texts quoted in the last user turn]``, without the
    previous layer's output.
``compact``
    As ``continue``, without the previous layer's output and with short instructions: the fewest prompt tokens sent.

Quoted text is fenced with a tag that no text can know, peers are anonymous and in an order that says nothing, unless
labels are switched on. The caller's tools, the form of the answer and an agent's role stand in the system prompt, so
that what all calls of a conversation have in common comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from attention_moa.agents import AgentSpec
from attention_moa.messages import Conversation, Stage, assistant, user
from attention_moa.prompts.fit import Prompt, Render, clip
from attention_moa.prompts.seats import Desk, Seat, append, closing
from attention_moa.stopping import verdict_line


class Section(NamedTuple):
    """One section of a panel reply: whose answer it criticises and the two lines that fence it."""

    author: str
    tag: str

    @property
    def open(self) -> str:
        """The line before the section."""
        return f"<{self.tag}>"

    @property
    def close(self) -> str:
        """The line after the section."""
        return f"</{self.tag}>"


class Output(NamedTuple):
    """``o[l]`` (or ``s[l]``) with the layer that it comes from."""

    layer: int
    text: str


def render_answer(desk: Desk, agent: AgentSpec, layer: int, previous: str | None) -> Render:
    """Return the prompt of ``y[i]``: the conversation, and from layer 2 on ``o[l-1]`` to start from.

    Args:
        desk: The run.
        agent: Who answers.
        layer: From 1.
        previous: ``o[l-1]``; None in layer 1.

    Source: paper, stage 1.
    """
    seat = Seat(desk, agent, layer, previous, writes=desk.agents_write)

    def render(limit: int | None) -> Prompt:
        base = _answer_base(seat, limit)
        return Prompt(base, tail=seat.tail(base), shared=len(base), tags=seat.tags("answer"))

    return render


def render_critique(
    desk: Desk, critic: AgentSpec, layer: int, own: str, *, peer: str | None, author: str, previous: str | None
) -> Render:
    """Return the prompt of ``a[i->j]``, or of ``a[j->j]`` where ``peer`` is None.

    Args:
        desk: The run.
        critic: Who criticises.
        layer: From 1.
        own: The critic's own answer ``y[i]``.
        peer: The author's answer ``y[j]``; None for self-attention.
        author: The author's name.
        previous: ``o[l-1]``; None in layer 1.

    Source: paper, stage 2.
    """
    template = "self_critique" if peer is None else "critique"
    values = {"peer": peer, "label": author if desk.spec.attention.labels else None}
    return _continuing(Seat(desk, critic, layer, previous), own, template, values)


def render_panel(
    desk: Desk,
    critic: AgentSpec,
    layer: int,
    own: str,
    *,
    peers: Mapping[str, str],
    has_self: bool,
    previous: str | None,
) -> tuple[Render, tuple[Section, ...]]:
    """Return the prompt in which one critic criticises all of its authors at once, and the sections to look for.

    Args:
        desk: The run.
        critic: Who criticises.
        layer: From 1.
        own: The critic's own answer.
        peers: Answers by author.
        has_self: Whether the critic's own answer is one of those to criticise.
        previous: ``o[l-1]``; None in layer 1.

    Source: ours.
    """
    order = desk.seal.order(peers, Stage.CRITIQUE, layer, critic.name)
    authors = [*([critic.name] if has_self else []), *order]
    sections = tuple(
        Section(author, desk.seal.section(Stage.CRITIQUE, layer, critic.name, author)) for author in authors
    )
    shown = [
        {
            "label": author if desk.spec.attention.labels else str(place),
            "text": None if author == critic.name else peers[author],
            "open": section.open,
            "close": section.close,
        }
        for place, (author, section) in enumerate(zip(authors, sections, strict=True), 0 if has_self else 1)
    ]
    return _continuing(Seat(desk, critic, layer, previous), own, "panel", {"sections": shown}), sections


def split_panel(text: str, sections: Sequence[Section]) -> dict[str, str]:
    """Return the sections of a panel reply by author; one that is missing or empty is left out.

    A section is what stands between its opening mark and the next mark of any section, or the end: so the last one
    of a truncated reply is there as far as it goes.

    Args:
        text: The reply.
        sections: As the prompt asked for them.
    """
    marks = sorted(
        (place, len(mark), section if mark == section.open else None)
        for section in sections
        for mark in (section.open, section.close)
        if (place := text.find(mark)) >= 0
    )
    found: dict[str, str] = {}
    for here, (place, length, section) in enumerate(marks):
        end = marks[here + 1][0] if here + 1 < len(marks) else len(text)
        body = text[place + length : end].strip()
        if section is not None and body:
            found[section.author] = body
    return found


def render_refine(
    desk: Desk, author: AgentSpec, layer: int, own: str, *, critiques: Mapping[str, str], previous: str | None
) -> Render:
    """Return the prompt of ``y'[j]``: the author's answer and the critiques of it.

    Args:
        desk: The run.
        author: Who refines.
        layer: From 1.
        own: ``y[j]``.
        critiques: By critic.
        previous: ``o[l-1]``; None in layer 1.

    Source: paper, stage 3.
    """
    shown = [
        {
            "text": critiques[critic],
            "is_self": critic == author.name,
            "label": critic if desk.spec.attention.labels else None,
        }
        for critic in desk.seal.order(critiques, Stage.REFINE, layer, author.name)
    ]
    return _continuing(Seat(desk, author, layer, previous), own, "refine", {"critiques": shown})


def render_summary(
    desk: Desk, writer: AgentSpec, layer: int, replies: Mapping[str, str], *, writes: bool = True
) -> Render:
    """Return the prompt of ``s[l]``: all refined answers.

    Args:
        desk: The run.
        writer: The summary agent.
        layer: From 1.
        replies: ``y'[j]`` by author.
        writes: Whether what it says may be the answer; otherwise it advises, as an agent of a baseline does.

    Source: paper, stage 4.
    """
    order = desk.seal.order(replies, Stage.SUMMARY, layer, writer.name)
    shown = [{"text": replies[name], "label": name if desk.spec.attention.labels else None} for name in order]
    return closing(Seat(desk, writer, layer, writes=writes), "summary", {"replies": shown})


def render_residual(
    desk: Desk, writer: AgentSpec, layer: int, outputs: Sequence[Output], *, has_verdict: bool
) -> Render:
    """Return the prompt of ``r[l]``: the layers' outputs, the latest one last, and the verdict's nonce at the end.

    The fence is the same in all layers (that of a layer 0), so that the prompt of a layer begins with that of the
    layer before.

    Args:
        desk: The run.
        writer: The residual agent.
        layer: From 2.
        outputs: ``o[1] … o[l-1]`` and ``s[l]``.
        has_verdict: Whether the agent may stop the run.

    Source: paper, stage 5; the nonce is ours.
    """
    nonce = desk.seal.nonce(layer)
    values = {
        "outputs": [output._asdict() for output in outputs],
        "stop_line": verdict_line(nonce, is_stop=True) if has_verdict else None,
        "continue_line": verdict_line(nonce, is_stop=False) if has_verdict else None,
    }
    return closing(Seat(desk, writer, 0, writes=True), "residual", values)


def render_repair(
    desk: Desk, writer: AgentSpec, layer: int, text: str, *, problem: str, must_call: bool = False
) -> Render:
    """Return the prompt that sends an answer back which has not the form that was asked for.

    Args:
        desk: The run.
        writer: Who mends it.
        layer: The last one.
        text: The answer, tool calls as text.
        problem: What is wrong with it, one line.
        must_call: Whether a tool call is what it lacks.

    Source: ours.
    """
    values = {"text": text, "problem": problem, "must_call": must_call}
    return closing(Seat(desk, writer, layer, writes=True), "repair", values)


def _continuing(seat: Seat, own: str, template: str, values: Mapping[str, Any]) -> Render:
    """Return a prompt that goes on from an agent's own answer, in the ensemble's layout."""
    layout = seat.desk.spec.layout
    if layout != "continue":
        seat = seat._replace(previous=None)
    tags = seat.tags(template)

    def render(limit: int | None) -> Prompt:
        text = seat.fill(template, limit, {**values, "own": own if layout == "paper" else None})
        base = _answer_base(seat, limit)
        if layout == "paper":
            messages = append(base, text)
            return Prompt(messages, tail=seat.tail(messages), shared=len(base) - 1, tags=tags)
        messages = (*base, assistant(clip(own, limit)), user(text))
        return Prompt(messages, tail=seat.tail(messages), shared=len(base) + 1, tags=tags)

    return render


def _answer_base(seat: Seat, limit: int | None) -> Conversation:
    text = seat.fill("answer", limit, {"role": seat.late_role, "previous": seat.previous})
    start = seat.base(limit)
    return append(start, text) if text else start
