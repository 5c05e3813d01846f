"""A request's sampling on whoever writes its answer, and the answer never longer than it allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.call_plan import planned_calls
from attention_moa.config import EnsembleSpec, residual_chain, summary_chain
from attention_moa.errors import ConfigError, ServerError
from attention_moa.events import AnswerDelta, AnswerReset
from attention_moa.messages import CallRequest, Reply, Sampling, Stage, ToolCall, ToolSpec, ToolUse, Usage, user
from attention_moa.prompts import estimate_tokens
from attention_moa.records import Residual
from attention_moa.sampled import sampled
from attention_moa.schedule import VERDICT_TOKENS
from attention_moa.settings import parse_spec
from attention_moa.stopping import verdict_line
from attention_moa.tokens import MARGIN_TOKENS, count_tokens, first_tokens
from tests.baseline_world import choice
from tests.worlds import Says, World, a_spec, call_id, verdict

ESSAY = "One sentence of an essay that goes on and on. " * 20


def asked(spec: EnsembleSpec | None = None, **fields: Any) -> EnsembleSpec:
    """Return an ensemble as a request for few tokens has it."""
    return sampled(spec or a_spec(2), Sampling(**({"max_tokens": 5} | fields)))


def sent(world: World) -> dict[str, Sampling]:
    """Return how each call of a world was drawn."""
    return {call_id(request): request.sampling for request in world.requests}


def test_a_fallback_writes_as_the_request_wants_it() -> None:
    """Whoever writes in the writer's place: else the answer would be another length, and drawn otherwise."""
    spec = a_spec(2, summary=WriterSpec(model="test:s", fallback=("b", "test:f")))
    for chain in (summary_chain(asked(spec, temperature=0.5)), residual_chain(asked(spec, temperature=0.5))):
        assert [(one.max_tokens, one.temperature) for one in chain] == [(5, 0.5)] * 3


def test_a_fallback_that_steps_in_is_sent_the_requests_limit() -> None:
    """The call itself holds it, and the same agent's own answer does not."""
    spec = asked(a_spec(2, layers=1, summary=WriterSpec(model="test:s", fallback=("b",))))
    world = World(spec, {"1.summary.summary": ServerError("down")})
    world.run()
    assert sent(world)["1.summary.b"].max_tokens == 5
    assert sent(world)["1.answer.b"].max_tokens is None


def test_a_fallback_without_room_for_so_much_keeps_its_own_limit() -> None:
    """It could not take the prompt otherwise; its window ends its reply before the request's limit does."""
    small = AgentSpec(name="small", model="test:small", context_tokens=2000, max_tokens=300)
    spec = a_spec([AgentSpec(name="a", model="test:a"), small], summary=WriterSpec(model="a", fallback=("small",)))
    chain = summary_chain(asked(spec, max_tokens=4000, temperature=0.5))
    assert [(one.max_tokens, one.temperature) for one in chain] == [(4000, 0.5), (300, 0.5)]


def test_a_verdict_line_does_not_come_out_of_the_requests_tokens() -> None:
    """A residual has room for it beside the answer; the plan knows."""
    world = World(asked())
    world.run()
    assert sent(world)["2.residual.a"].max_tokens == 5 + VERDICT_TOKENS
    assert sent(world)["2.summary.a"].max_tokens == 5
    planned = next(call for call in planned_calls(asked()) if call.stage is Stage.RESIDUAL)
    assert planned.agent.max_tokens == 5 + VERDICT_TOKENS


def test_the_room_is_enough_for_the_line() -> None:
    """By the estimate, which is an upper one."""
    line = verdict_line("0123456789ab", is_stop=False)
    assert estimate_tokens((user(f"**{line}**\n"),)) <= VERDICT_TOKENS


def test_limits_of_the_ensembles_own_file_stay_what_they_are() -> None:
    """What a file means does not change, and so no key of a call of before does."""
    world = World(a_spec(2, summary=WriterSpec(max_tokens=300)))
    world.run()
    assert sent(world)["2.residual.a"].max_tokens == 300


def test_a_window_too_small_for_line_and_answer_leaves_the_limit() -> None:
    """A prompt has to fit too."""
    agents = [AgentSpec(name="a", model="test:a", context_tokens=1000), AgentSpec(name="b", model="test:b")]
    spec = asked(a_spec(agents, summary=WriterSpec(model="b"), residual=ResidualSpec(model="a")), max_tokens=990)
    residual = next(call for call in planned_calls(spec) if call.stage is Stage.RESIDUAL)
    assert residual.agent.max_tokens == 990


def test_a_text_that_stands_in_is_cut_to_what_was_asked_for() -> None:
    """Its writer knew no limit: the answer says that it was cut, and its record why."""
    spec = asked(a_spec(2, layers=1), max_tokens=4)
    script: dict[str, Says] = {
        "summary": ServerError("down"),
        "refine": Reply(text=ESSAY, finish_reason="stop", usage=Usage()),
    }
    world = World(spec, script)
    record = world.run()
    assert record.text == "One sentence"
    assert record.finish_reason == "length"
    assert any("cut to 4 tokens" in note for note in record.notes)


def test_a_short_text_that_stands_in_stays_whole() -> None:
    """The endpoint counted it, and it is within the limit."""
    script: dict[str, Says] = {"summary": ServerError("down"), "refine": "a few words that the estimate takes for more"}
    record = World(asked(a_spec(2, layers=1)), script).run()
    assert record.text == "a few words that the estimate takes for more"
    assert record.finish_reason == "stop"


@pytest.mark.parametrize(
    ("text", "most", "begins"),
    [
        ("short", 9, "short"),
        ("one two three", 3, "one two"),
        ("onelongwordalone", 2, "onelon"),
        ("日本語", 3, "日"),
        ("🙂🙂", 1, "🙂"),
        ("one two", 1, "one"),
    ],
)
def test_a_text_is_cut_at_a_word(text: str, most: int, begins: str) -> None:
    """Never more tokens than that to any model, but for a first character that takes more."""
    assert first_tokens(text, most) == begins


@pytest.mark.parametrize("strategy", ["smoa", "rmoa"])
def test_who_chooses_or_compares_writes_no_answer(strategy: str) -> None:
    """A request's few tokens would cut a choice, or what differs."""
    calls = planned_calls(asked(a_spec(3, strategy=strategy, layers=2)))
    told = {call.stage: call.agent.max_tokens for call in calls}
    assert told[Stage.SELECT if strategy == "smoa" else Stage.EXTRACT] is None
    assert told[Stage.SUMMARY] == 5
    world = World(asked(a_spec(3, strategy=strategy, layers=2)), {"select": choice(1, 2)})
    world.run()
    ours = {request.stage: request.sampling.max_tokens for request in world.requests}
    assert ours[Stage.SELECT if strategy == "smoa" else Stage.EXTRACT] is None


def test_no_file_sets_what_requests_do() -> None:
    """It belongs into the writers' tables there."""
    text = '[[agents]]\nname = "a"\nmodel = "test:a"\n[drawn]\nmax_tokens = 5\n'
    with pytest.raises(ConfigError, match="drawn: no such field"):
        parse_spec(text, name="x", folder=None)


def test_a_fallback_without_a_limit_of_its_own_gets_none_for_a_verdict_line_either() -> None:
    """Its window alone ends its reply: nothing is added to no number."""
    small = AgentSpec(name="small", model="test:small", context_tokens=2000)
    agents = [AgentSpec(name="a", model="test:a"), small]
    spec = asked(a_spec(agents, summary=WriterSpec(model="a", fallback=("small",))), max_tokens=4000)
    world = World(spec, {"2.residual.a": ServerError("down")})
    world.run()
    assert sent(world)["2.residual.small"].max_tokens is None


LINE_TOKENS = 12
"""Of a verdict line, to most models."""


def endpoint(*, usage: Usage | None = None, thinking: int = 0) -> Callable[[CallRequest], Reply]:
    """Return an endpoint that keeps to its limits to the token; each word is one to it.

    Args:
        usage: What it tells in the place of what it counted.
        thinking: Tokens that it thinks, out of sight.
    """

    def writes(request: CallRequest) -> Reply:
        line, most = verdict(request, is_stop=False), request.sampling.max_tokens
        beside = thinking + (LINE_TOKENS if line else 0)
        words = ESSAY.split()
        kept = words if most is None else words[: most - beside]
        used = Usage(input_tokens=9, output_tokens=len(kept) + beside, reasoning_tokens=thinking)
        text = "\n".join(part for part in (line, " ".join(kept)) if part)
        return Reply(text=text, finish_reason="stop" if kept == words else "length", usage=usage or used)

    return writes


def limited(most: int, writes: Callable[[CallRequest], Reply], **how: Any) -> World:
    """Return a world whose writers a request allows so many tokens."""
    return World(asked(max_tokens=most), {"summary": "so far", "residual": writes}, **how)


@pytest.mark.parametrize("most", [5, 40, 150])
@pytest.mark.parametrize("thinking", [0, 10])
def test_the_room_for_a_verdict_line_is_not_the_answers(most: int, thinking: int) -> None:
    """The residual writes more than was asked for: the answer is the first part of it, and says that it was cut."""
    record = limited(most, endpoint(thinking=thinking)).run()
    assert record.text is not None
    assert ESSAY.startswith(record.text)
    assert 0.5 * most <= len(record.text.split()) <= most
    assert record.finish_reason == "length"
    residual = record.layers[-1].residual
    assert isinstance(residual, Residual)
    assert len(residual.text.split()) > most, "what the agent wrote is kept as it is"
    assert not record.losses
    assert not record.degraded


def test_where_nobody_counted_the_estimate_does() -> None:
    """It is an upper one: the answer is never longer to any model."""
    record = limited(40, endpoint(usage=Usage())).run()
    assert record.text == first_tokens(ESSAY, 40)
    assert record.finish_reason == "length"


def test_an_answer_within_its_limit_stays_whole_whatever_the_estimate_says() -> None:
    """The endpoint's count is the better one."""
    record = limited(len(ESSAY.split()) + 3, endpoint()).run()
    assert count_tokens(ESSAY) > len(ESSAY.split()) + 3
    assert (record.text, record.finish_reason) == (ESSAY.strip(), "stop")


def test_tokens_of_tool_calls_are_not_the_texts() -> None:
    """A text that is short enough by itself is not cut for the calls behind it."""
    call = ToolCall("1", "weather", '{"city": "Oslo", "unit": "a long word for degrees"}')
    text, used = "I look it up.", Usage(input_tokens=9, output_tokens=30)

    def calls_a_tool(request: CallRequest) -> Reply:
        reply = f"{verdict(request, is_stop=False)}\n{text}"
        return Reply(text=reply, finish_reason="tool_calls", usage=used, tool_calls=(call,))

    made = World(
        asked(max_tokens=8),
        {"residual": calls_a_tool},
        wanted=AnswerSpec(tools=ToolUse((ToolSpec("weather"),))),
    ).run()
    assert (made.text, made.tool_calls, made.finish_reason) == (text, (call,), "tool_calls")


@pytest.mark.parametrize("most", [5, 60, 150, 190, 400])
@pytest.mark.parametrize("usage", [None, Usage()])
def test_what_streams_of_a_limited_answer_always_stands(most: int, usage: Usage | None) -> None:
    """Nothing is told that is cut in the end, and what is told is the answer."""
    world = limited(most, endpoint(usage=usage), has_deltas=True, pieces=50)
    record = world.run()
    told = [event.text for event in world.events if isinstance(event, AnswerDelta)]
    assert not [event for event in world.events if isinstance(event, AnswerReset)]
    assert "".join(told) == record.text
    assert (len(told) > 3) == (most > 2 * MARGIN_TOKENS - 50), "far from its limit it streams"
