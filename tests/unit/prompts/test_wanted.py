"""What prompts tell of the answer that is wanted: tools to those who advise, its form to all, a salt before all."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import PromptSpec
from attention_moa.errors import FormatError
from attention_moa.messages import (
    CallRequest,
    Conversation,
    Message,
    ReplyFormat,
    Stage,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
    assistant,
    system,
    user,
)
from attention_moa.prompts import Seal, beside_tokens, fit
from attention_moa.prompts.fit import Prompt
from tests.baseline_world import a_baseline
from tests.worlds import LAYOUTS, QUESTION, SECRET, World, a_spec

LOOK = ToolSpec("look", 'Looks "things" up.\nIn a book.', {"type": "object", "properties": {"q": {"type": "string"}}})
TOOLS = ToolUse((LOOK, ToolSpec("add")))
FORM = ReplyFormat("json_schema", name="count", description="How many.", schema={"type": "object"})
ADVISING = {Stage.ANSWER, Stage.CRITIQUE, Stage.REFINE}


def asked(wanted: AnswerSpec, conversation: Conversation = QUESTION, **fields: object) -> list[CallRequest]:
    """Return all requests of a run of two agents and two layers, whatever came of it."""
    world = World(a_spec(2, **fields), conversation=conversation, wanted=wanted)
    with suppress(FormatError):
        world.run()
    return world.requests


def head(request: CallRequest) -> str:
    """Return the system prompt; empty where there is none."""
    return request.messages[0].text if request.messages[0].role == "system" else ""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_who_advises_is_told_of_the_tools_and_who_writes_has_them(layout: str) -> None:
    """Each tool is one line of JSON; nobody has them twice, and the system prompt of all who advise is the same."""
    requests = asked(AnswerSpec(tools=TOOLS), layout=layout)
    told = [request for request in requests if "The reply to the user may call tools" in head(request)]
    assert {request.stage for request in told} == ADVISING
    assert {request.stage for request in requests if request.tools == TOOLS} == {Stage.SUMMARY, Stage.RESIDUAL}
    assert all((request.tools is None) == (request.stage in ADVISING) for request in requests)
    assert len({head(request) for request in told}) == 1
    lines = [json.loads(line) for line in head(told[0]).splitlines() if line.startswith("{")]
    assert lines == [
        {"name": "look", "description": LOOK.description, "parameters": LOOK.parameters},
        {"name": "add"},
    ]


@pytest.mark.parametrize("strategy", ["single", "best-of-n", "majority"])
def test_where_the_answer_is_an_agent_s_own_the_agents_have_the_tools(strategy: str) -> None:
    """And keep to the form themselves; who chooses among them has neither, but is told."""
    world = World(a_baseline(strategy, agents=2), wanted=AnswerSpec(tools=TOOLS, reply_format=FORM))
    with pytest.raises(FormatError):  # nobody keeps to it
        world.run()
    answers = [request for request in world.requests if request.stage is Stage.ANSWER]
    assert all((request.tools, request.reply_format) == (TOOLS, FORM) for request in answers)
    assert not any("may call tools" in head(request) for request in answers)
    for request in world.requests:
        if request.stage is Stage.SELECT:
            assert request.tools is None
            assert "may call tools" in head(request)


@pytest.mark.parametrize("strategy", ["moa", "self-moa", "self-moa-seq", "smoa", "rmoa"])
def test_who_proposes_to_an_aggregator_advises(strategy: str) -> None:
    """Though an agent of a later layer has the very task of the aggregator."""
    world = World(a_baseline(strategy, agents=2), wanted=AnswerSpec(tools=TOOLS))
    world.run()
    writers = {request.stage for request in world.requests if request.tools is not None}
    assert writers <= {Stage.SUMMARY, Stage.RESIDUAL}
    for request in world.requests:
        assert ("may call tools" in head(request)) is (request.tools is None)
        if request.stage is Stage.ANSWER:
            assert "one of your tools" not in request.messages[-1].text


def test_a_choice_of_tools_is_told_to_who_advises() -> None:
    """That one has to be called, which, or none."""
    any_one = head(asked(AnswerSpec(tools=ToolUse((LOOK,), choice="required")))[0])
    assert "has to call at least one of them" in any_one
    only = head(asked(AnswerSpec(tools=ToolUse((LOOK,), choice="required", only="look")))[0])
    assert 'has to call the tool "look"' in only
    none = asked(AnswerSpec(tools=ToolUse((LOOK,), choice="none")))
    assert "none of them may be called" in head(none[0])
    assert {request.tools.choice for request in none if request.tools is not None} == {"none"}
    assert not any("one of your tools" in request.messages[-1].text for request in none)


def test_writers_are_told_to_make_the_calls_that_others_propose() -> None:
    """In both styles of prompts."""
    for prompts, words in ((PromptSpec(), "one of your tools"), (PromptSpec(style="small"), "a tool of yours")):
        requests = asked(AnswerSpec(tools=TOOLS), prompts=prompts)
        told = {request.stage for request in requests if words in request.messages[-1].text}
        assert told == {Stage.SUMMARY, Stage.RESIDUAL}


def test_everybody_is_told_the_form_of_the_answer() -> None:
    """Whoever writes keeps to it by itself too, but for a residual that may open with a verdict."""
    world = World(a_spec(2, layers=3), wanted=AnswerSpec(reply_format=FORM), script={"3.residual.a": "{}"})
    world.run()
    for request in world.requests:
        assert '{"name":"count","description":"How many.","schema":{"type":"object"}}' in head(request)
        is_bound = request.stage is Stage.SUMMARY or (request.stage is Stage.RESIDUAL and request.layer == 3)
        assert request.reply_format == (FORM if is_bound else None)
        may_stop = "VERDICT" in request.messages[-1].text
        assert may_stop is (request.stage is Stage.RESIDUAL and request.layer == 2)


def test_any_object_needs_no_schema() -> None:
    """And the word JSON stands in every prompt, as endpoints ask."""
    world = World(a_spec(2), wanted=AnswerSpec(reply_format=ReplyFormat("json_object")), script={"2.residual.a": "{}"})
    world.run()
    assert all("one JSON object and nothing else" in head(request) for request in world.requests)


def test_tools_and_form_stand_behind_the_callers_own_system_prompt_and_before_a_role() -> None:
    """What all agents have in common comes first."""
    agents = [AgentSpec(name=name, model=f"test:{name}", role=f"You are {name}.") for name in "ab"]
    world = World(a_spec(agents), conversation=(system("Be kind."), user("Why?")), wanted=AnswerSpec(tools=TOOLS))
    world.run()
    parts = [part.text for part in world.requests[0].messages[0].content if isinstance(part, TextPart)]
    assert (parts[0], parts[1][:19], parts[2]) == ("Be kind.", "The reply to the us", "You are a.")


def test_a_salt_is_the_first_line_of_every_prompt() -> None:
    """With a system prompt or without; so two salts share not even the first line."""
    for conversation in ((user("Why?"),), (system("Be kind."), user("Why?"))):
        world = World(a_spec(2), conversation=conversation, salt="Salt 1234.")
        world.run()
        assert all(head(request).startswith("Salt 1234.") for request in world.requests)


def test_what_is_wanted_changes_every_tag_and_nonce() -> None:
    """Who read the prompts of one request knows nothing of another's, though the question is the same."""
    question = (user("Why?"),)
    seals = [
        Seal(SECRET, question),
        Seal(SECRET, question, TOOLS, None, ""),
        Seal(SECRET, question, TOOLS, FORM),
        Seal(SECRET, question, None, None, "salt"),
    ]
    assert len({seal.nonce(2) for seal in seals}) == len({seal.tag(Stage.SUMMARY, 1) for seal in seals}) == 4
    assert Seal(SECRET, question, None, None, "").nonce(2) == Seal(SECRET, question).nonce(2)


def test_a_turn_of_tool_results_is_a_turn_like_any_other() -> None:
    """Its messages reach everybody as they are; what a stage asks comes behind them, as the user."""
    called = Message("assistant", tool_calls=(ToolCall("c1", "look", "{}"),))
    result = Message("tool", (TextPart("Rayleigh."),), tool_call_id="c1")
    turns = (user("Why?"), called, result)
    requests = asked(AnswerSpec(tools=TOOLS), turns)
    for request in requests:
        bare = request.messages[1:] if head(request) else request.messages
        assert bare[:3] == turns
        if len(bare) > 3:
            assert bare[-1].role == "user"


def test_what_stands_beside_the_messages_takes_room_in_the_window() -> None:
    """Tools and a form of the reply; what is not there takes none."""
    agent = AgentSpec(name="a", model="test:a", context_tokens=400, max_tokens=50)

    def render(limit: int | None) -> Prompt:
        return Prompt((user("word " * 100), assistant("old " * 50), user("Why? " + ("quote " * 100)[:limit])), 1)

    assert beside_tokens(None, None) == 0
    beside = beside_tokens(TOOLS, FORM)
    assert beside > 50
    whole, cut = fit(render, agent), fit(render, agent, beside=beside + 100)
    assert len(cut.messages) < len(whole.messages) or cut.notes != whole.notes


def test_a_tool_is_shortened_where_a_window_is_small() -> None:
    """As any quoted text is; with a note."""
    agents = [AgentSpec(name="a", model="test:a", context_tokens=900, max_tokens=50)]
    tools = ToolUse((ToolSpec("look", "word " * 2000),))
    world = World(a_spec(agents, strategy="moa", layers=2), wanted=AnswerSpec(tools=tools))
    record = world.run()
    assert "characters left out" in head(world.requests[0])
    assert any("quoted texts were cut" in note for note in record.notes)
    assert [(loss.stage, loss.kind) for loss in record.losses] == [
        (Stage.SUMMARY, "ContextTooLongError")
    ]  # it is whole
