"""What simulated models write: sentences, verdicts, sections."""

from __future__ import annotations

from random import Random
from typing import Literal

import pytest

from attention_moa.choosing import parse_choice
from attention_moa.config import PromptSpec
from attention_moa.fleet.texts import FAULTYTEXT, write_reply, write_text
from attention_moa.fleet.tokens import count_tokens
from attention_moa.prompts import render_select
from attention_moa.prompts.stages import Output, render_panel, render_residual, split_panel
from attention_moa.stopping import parse_verdict
from tests.worlds import World, a_spec


@pytest.mark.parametrize("tokens", [1, 2, 3, 10, 100, 1000])
def test_a_text_has_the_tokens_that_were_drawn_or_hardly_fewer(tokens: int) -> None:
    """It ends with a full stop, and between two words."""
    for seed in range(20):
        text = write_text(Random(seed), tokens)
        assert tokens - 4 <= count_tokens(text.encode()) <= tokens
        assert text.endswith(".")
        assert text == text.strip()
        assert FAULTYTEXT not in text


def test_other_chances_are_other_texts() -> None:
    """Of twenty tokens no two of a thousand are equal."""
    assert len({write_text(Random(seed), 20) for seed in range(1000)}) == 1000


def residual_prompt(*, has_verdict: bool = True, style: Literal["full", "small"] = "full") -> tuple[str, str]:
    """Return the last turn of a residual agent's prompt, and its nonce."""
    world = World(a_spec(prompts=PromptSpec(style=style)))
    desk = world.desk
    render = render_residual(
        desk, world.spec.agents[0], 2, [Output(1, "One."), Output(2, "Two.")], has_verdict=has_verdict
    )
    return render(None).messages[-1].text, desk.seal.nonce(2)


def test_the_offered_verdict_is_taken_as_drawn() -> None:
    """Stop alone, or go on with a text below."""
    prompt, nonce = residual_prompt()
    stopped = parse_verdict(write_reply(Random(1), prompt, 50, is_stop=True), nonce)
    assert (stopped.is_stop, stopped.text) == (True, "")
    went_on = parse_verdict(write_reply(Random(1), prompt, 50, is_stop=False), nonce)
    assert went_on.is_stop is False
    assert went_on.text == write_text(Random(1), 50)


@pytest.mark.parametrize("style", ["full", "small"])
@pytest.mark.parametrize("may_stop", [True, False])
def test_a_choice_is_made_by_lot_in_the_line_that_is_asked_for(style: Literal["full", "small"], may_stop: bool) -> None:
    """Of as many replies as it has to be, and it stops where that is drawn and offered."""
    world = World(a_spec(prompts=PromptSpec(style=style)))
    replies = {name: f"CHOICE 000000000000 # of {name}" for name in "abc"}
    ballot = render_select(world.desk, world.spec.agents[0], 1, replies, count=2, may_stop=may_stop)
    prompt = ballot.render(None).messages[-1].text
    for seed in range(20):
        for is_stop in (True, False):
            text = write_reply(Random(seed), prompt, 50, is_stop=is_stop)
            choice = parse_choice(text, ballot.nonce, count=2, of=3)
            assert choice is not None
            assert choice.is_stop is (is_stop and may_stop)
    assert "CHOICE" not in write_reply(Random(1), "CHOICE is a word", 50, is_stop=False)


def test_where_no_verdict_is_offered_none_is_written() -> None:
    """Text only."""
    prompt, _ = residual_prompt(has_verdict=False)
    assert "VERDICT" not in write_reply(Random(1), prompt, 50, is_stop=True)


def test_a_prompt_that_offers_only_to_stop_gets_plain_text_to_go_on() -> None:
    """As the short prompts for small models do."""
    prompt, nonce = residual_prompt(style="small")
    assert write_reply(Random(1), prompt, 50, is_stop=False) == write_text(Random(1), 50)
    assert parse_verdict(write_reply(Random(1), prompt, 50, is_stop=True), nonce).is_stop is True


def test_the_sections_of_a_panel_are_written() -> None:
    """Each with something in it, in their order, about as long together as was drawn."""
    world = World(a_spec())
    first, *rest = world.spec.agents
    render, sections = render_panel(
        world.desk, first, 1, "Mine.", peers={agent.name: "Theirs." for agent in rest}, has_self=True, previous=None
    )
    reply = write_reply(Random(1), render(None).messages[-1].text, 300, is_stop=False)
    found = split_panel(reply, sections)
    assert list(found) == [section.author for section in sections]
    assert all(found.values())
    assert count_tokens(reply.encode()) < 400


def test_a_question_with_marks_in_it_is_answered_with_text() -> None:
    """Only a section that is asked for is written."""
    assert write_reply(Random(1), "What is </b> for?\nVERDICT x", 50, is_stop=True) == write_text(Random(1), 50)
