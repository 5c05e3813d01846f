"""A prompt fits the room that its model has, or is refused before a call; the question always stays in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.agents import AgentSpec
from attention_moa.errors import ContextTooLongError
from attention_moa.messages import Conversation, ImagePart, Message, TextPart, assistant, system, user
from attention_moa.prompts import (
    Desk,
    Output,
    Render,
    Seal,
    clip,
    estimate_tokens,
    fit,
    load_templates,
    render_answer,
    render_critique,
    render_panel,
    render_refine,
    render_residual,
    render_summary,
)
from tests.worlds import SECRET, a_spec

TEMPLATES = load_templates()
LAYOUTS = ("continue", "paper", "compact")

texts = st.builds(str.__mul__, st.text(min_size=1, max_size=20), st.integers(1, 120)).filter(str.strip)
images = st.just(ImagePart(media_type="image/png", data=b"png"))
turns = st.builds(lambda ask, reply: (user(ask), assistant(reply)), texts, texts)
questions = st.builds(
    lambda text, shown: Message("user", (TextPart(text), *shown)), texts, st.lists(images, max_size=2)
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Return conversations with and without system prompt, earlier turns and images."""
    lead = draw(st.none() | texts.map(system))
    earlier = draw(st.lists(turns, max_size=3))
    return (*((lead,) if lead else ()), *(message for pair in earlier for message in pair), draw(questions))


@st.composite
def models(draw: st.DrawFn) -> AgentSpec:
    """Return agents whose models lack this or that."""
    window = draw(st.integers(2, 6000))
    return AgentSpec(
        name="a",
        model="test:a",
        role=draw(st.none() | texts),
        context_tokens=window,
        max_tokens=draw(st.none() | st.integers(1, min(500, window - 1))),
        has_system_role=draw(st.booleans()),
        has_images=draw(st.booleans()),
    )


@st.composite
def prompts(draw: st.DrawFn) -> tuple[Render, AgentSpec, Conversation]:
    """Return a prompt of any stage in any layout, the agent that it is for, and the conversation."""
    agent, conversation = draw(models()), draw(conversations())
    spec = a_spec([agent, AgentSpec(name="b", model="test:b")], layout=draw(st.sampled_from(LAYOUTS)))
    desk = Desk(spec, conversation, TEMPLATES, Seal(SECRET, conversation))
    own, peer, previous = draw(texts), draw(texts), draw(st.none() | texts)
    renders: dict[str, Any] = {
        "answer": lambda: render_answer(desk, agent, 1, previous),
        "critique": lambda: render_critique(desk, agent, 1, own, peer=peer, author="b", previous=previous),
        "self": lambda: render_critique(desk, agent, 1, own, peer=None, author="a", previous=previous),
        "panel": lambda: render_panel(desk, agent, 1, own, peers={"b": peer}, has_self=True, previous=previous)[0],
        "refine": lambda: render_refine(desk, agent, 1, own, critiques={"a": own, "b": peer}, previous=previous),
        "summary": lambda: render_summary(desk, agent, 1, {"a": own, "b": peer}),
        "residual": lambda: render_residual(desk, agent, 2, [Output(1, own), Output(2, peer)], has_verdict=True),
    }
    return renders[draw(st.sampled_from(sorted(renders)))](), agent, conversation


@given(prompts())
def test_a_prompt_fits_or_is_refused(made: tuple[Render, AgentSpec, Conversation]) -> None:
    """The estimate of what is sent, and the reply, are within the window; else ``ContextTooLongError`` is raised."""
    render, agent, _ = made
    assert agent.context_tokens is not None
    try:
        fitted = fit(render, agent)
    except ContextTooLongError:
        return
    reply = agent.max_tokens or min(256, agent.context_tokens // 4)
    assert estimate_tokens(fitted.messages) <= agent.context_tokens - reply


@given(prompts(), st.floats(0, 1))
def test_quotes_give_way_before_a_prompt_is_refused(made: tuple[Render, AgentSpec, Conversation], share: float) -> None:
    """Between the room of the shortest quotes and that of the whole texts every window gets a prompt, with a note."""
    render, _, _ = made
    shortest, whole = (estimate_tokens(render(limit).messages) for limit in (160, None))
    room = shortest + int((whole - shortest) * share)
    fitted = fit(render, AgentSpec(name="a", model="test:a", context_tokens=room + 1, max_tokens=1))
    assert estimate_tokens(fitted.messages) <= room
    assert bool(fitted.notes) == (room < whole)


@given(prompts())
def test_the_question_is_never_left_out_or_cut(made: tuple[Render, AgentSpec, Conversation]) -> None:
    """Whatever gives way, the last user turn stands in the prompt, whole."""
    render, agent, conversation = made
    try:
        fitted = fit(render, agent)
    except ContextTooLongError:
        return
    question = conversation[-1].content[0]
    assert isinstance(question, TextPart)
    shown = [part.text for message in fitted.messages for part in message.content if isinstance(part, TextPart)]
    assert any(question.text in text for text in shown)


@given(prompts())
def test_a_prompt_has_nothing_that_its_model_cannot_take(made: tuple[Render, AgentSpec, Conversation]) -> None:
    """No system turn without a system role, no image for a blind model, and a note for each such change."""
    render, agent, _ = made
    try:
        fitted = fit(render, agent)
    except ContextTooLongError:
        return
    wanted = render(None).messages
    if not agent.has_system_role:
        assert not any(message.role == "system" for message in fitted.messages)
    if not agent.has_images:
        assert not any(message.has_images for message in fitted.messages)
    assert (fitted.messages == wanted) == (not fitted.notes)
    assert 0 <= fitted.shared <= len(fitted.messages)


@given(prompts())
def test_a_large_window_changes_nothing(made: tuple[Render, AgentSpec, Conversation]) -> None:
    """A model that can take everything, or whose window is unknown, gets the prompt as it was made."""
    render, _, _ = made
    for window in (None, 10**7):
        fitted = fit(render, AgentSpec(name="a", model="test:a", context_tokens=window))
        assert fitted.messages == render(None).messages
        assert (fitted.shared, fitted.notes) == (render(None).shared, ())


@given(st.text(), st.none() | st.integers(0, 200))
def test_a_clipped_text_keeps_its_beginning_and_its_end(text: str, limit: int | None) -> None:
    """A clip is the text itself, or its first two thirds and its last third of the limit with a label between."""
    clipped = clip(text, limit)
    if limit is None or len(text) <= limit:
        assert clipped == text
    else:
        gap = f"\n[… {len(text) - limit * 2 // 3 - limit // 3} characters left out …]\n"
        head, found, tail = clipped.partition(gap)
        assert found
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(head) + len(tail) in (limit, limit - 1)


def test_a_question_that_does_not_fit_is_an_error() -> None:
    """Refusing is not skipped: a window of nothing refuses everything."""
    agent = AgentSpec(name="a", model="test:a", context_tokens=20)
    conversation = (user("word " * 100),)
    desk = Desk(a_spec([agent]), conversation, TEMPLATES, Seal(SECRET, conversation))
    with pytest.raises(ContextTooLongError):
        fit(render_answer(desk, agent, 1, None), agent)
