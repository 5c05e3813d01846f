"""From what a request says to what runs."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import residual_chain, summary_chain
from attention_moa.messages import Conversation, Message, Sampling, TextPart, ToolCall, user
from attention_moa.money import Price
from attention_moa.rules import AttentionSpec, LimitSpec, StopRule
from attention_moa.server.config import ServerConfig
from attention_moa.server.errors import ApiError
from attention_moa.server.job import Job
from attention_moa.server.models import Catalogue
from attention_moa.server.settings_body import AttentionBody, MoaBody, StopBody
from attention_moa.server.translate import Asked, effort_of, job_of
from tests.worlds import QUESTION, a_spec

CONFIG = ServerConfig()
PLAIN = AnswerSpec()
AFTER_A_TOOL: Conversation = (
    user("What is 2 + 2?"),
    Message("assistant", tool_calls=(ToolCall("c1", "add", "{}"),)),
    Message("tool", (TextPart("4"),), tool_call_id="c1"),
)


def job(
    settings: MoaBody | None = None,
    *,
    spec: Any = None,
    config: ServerConfig = CONFIG,
    conversation: Conversation = QUESTION,
    sampling: Sampling | None = None,
    **fields: Any,
) -> Job:
    """Return what a request of some settings asks for."""
    served = Catalogue([spec or a_spec(3, name="trio")]).served["trio"]
    asked = Asked(conversation=conversation, wanted=PLAIN, sampling=sampling or Sampling(), settings=settings, **fields)
    return job_of(asked, served, config)


def param(*args: Any, **fields: Any) -> str | None:
    """Return the field at fault of a request that is refused."""
    with pytest.raises(ApiError) as refused:
        job(*args, **fields)
    assert refused.value.status == 400
    return refused.value.param


def test_a_request_that_says_nothing_runs_the_ensemble_as_it_is() -> None:
    """With what the server says."""
    plain = job(config=ServerConfig(progress="reasoning", on_disconnect="finish"))
    assert plain.spec == a_spec(3, name="trio")
    assert (plain.progress, plain.on_disconnect, plain.runs, plain.settings) == ("reasoning", "finish", 1, frozenset())


def test_a_request_may_say_how_it_is_run() -> None:
    """What it set is known by name, so that a key may forbid it."""
    told = job(
        MoaBody(
            layers=3,
            attention=AttentionBody(own=False, peers=1, mode="pairwise"),
            early_stop=StopBody(rule="similarity", threshold=0.5, min_layers=2, returns="previous"),
            fresh=True,
            reuse=True,
            progress="off",
            on_disconnect="finish",
        )
    )
    assert told.spec.layers == 3
    assert told.spec.attention == AttentionSpec(own=False, peers=1)
    assert told.spec.early_stop == StopRule(rule="similarity", threshold=0.5, min_layers=2, returns="previous")
    assert (told.is_fresh, told.has_reuse, told.progress, told.on_disconnect) == (True, True, "off", "finish")
    assert {"layers", "attention", "early_stop", "fresh"} < told.settings


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (MoaBody(layers=65), "attention_moa.layers"),
        (MoaBody(attention=AttentionBody(peers=3)), "attention_moa.attention.peers"),
        (MoaBody(usd=1.0), "attention_moa.usd"),
    ],
)
def test_what_does_not_go_with_the_ensemble_is_refused_by_its_place(settings: MoaBody, place: str) -> None:
    """As the request calls it."""
    assert param(settings) == place


def test_what_a_strategy_has_no_use_for_is_refused() -> None:
    """Nothing is accepted and then ignored."""
    alone = a_spec(1, name="trio", strategy="single", layers=1)
    assert param(MoaBody(layers=2), spec=alone) == "attention_moa.layers"
    assert param(MoaBody(attention=AttentionBody(own=False)), spec=alone) == "attention_moa.attention.self"
    assert param(MoaBody(early_stop=StopBody(rule="none")), spec=alone) == "attention_moa.early_stop.rule"


@pytest.mark.parametrize(("least", "is_noted"), [(99, True), (3, True), (2, False), (None, False)])
def test_a_least_number_of_layers_that_there_are_not_is_noted(least: int | None, is_noted: bool) -> None:
    """It is no fault, and does nothing."""
    told = job(MoaBody(layers=2, early_stop=StopBody(min_layers=least)), spec=a_spec(2, name="trio"))
    noted = f"attention_moa.early_stop.min_layers is {least}, and the run has 2 layers at most: it ends with the last"
    assert (noted in told.notes) is is_noted


def test_the_stricter_limit_holds() -> None:
    """Whoever set it."""
    priced = [AgentSpec(name="a", model="test:a", price=Price(input=1, output=1))]
    spec = a_spec(priced, name="trio", limits=LimitSpec(usd=2.0, tokens=100))
    told = job(MoaBody(usd=5.0, tokens=50, deadline_s=9.0), spec=spec)
    assert told.spec.limits == LimitSpec(usd=2.0, tokens=50, deadline_s=9.0)


def test_sampling_is_the_writers() -> None:
    """Other agents keep their own."""
    spec = job(sampling=Sampling(temperature=0.25, max_tokens=9)).spec
    assert (summary_chain(spec)[0].temperature, residual_chain(spec)[0].max_tokens) == (0.25, 9)
    assert all(agent.temperature is None for agent in spec.agents)


def test_sampling_that_does_not_go_with_the_model_is_refused_by_the_apis_name() -> None:
    """An embedded model's window is known."""
    spec = a_spec([AgentSpec(name="a", model="test:a", context_tokens=100)], name="trio")
    assert param(sampling=Sampling(max_tokens=100), spec=spec, names={"max_tokens": "most"}) == "most"
    assert param(sampling=Sampling(max_tokens=100), spec=spec) == "max_tokens"


def test_choices_are_written_from_one_run_unless_whole_runs_are_asked_for() -> None:
    """Either way there are as many answers."""
    assert (job(choices=3).wanted.choices, job(choices=3).runs) == (3, 1)
    whole = job(MoaBody(choices="runs"), choices=3)
    assert (whole.wanted.choices, whole.runs) == (1, 3)


def test_a_tools_result_is_deliberated_unless_only_users_turns_are() -> None:
    """Then the summary agent goes on alone."""
    assert job(conversation=AFTER_A_TOOL).spec.strategy == "attention-moa"
    alone = job(MoaBody(cadence="user"), conversation=AFTER_A_TOOL, sampling=Sampling(temperature=0.5)).spec
    assert (alone.strategy, [agent.name for agent in alone.agents]) == ("single", ["a"])
    assert alone.agents[0].temperature == 0.5
    assert job(MoaBody(cadence="user")).spec.strategy == "attention-moa"


def test_a_turn_that_is_not_deliberated_takes_no_wrong_settings_either() -> None:
    """They would hold for the next one."""
    assert param(MoaBody(cadence="user", layers=65), conversation=AFTER_A_TOOL) == "attention_moa.layers"


def test_the_cadence_of_the_server_holds_where_the_request_says_nothing() -> None:
    """A writer with a model of its own goes on under a plain name."""
    spec = a_spec(2, name="trio", summary=WriterSpec(model="test:writer"))
    config = ServerConfig(cadence="user")
    alone = job(spec=spec, conversation=AFTER_A_TOOL, config=config).spec
    assert [(agent.name, agent.model) for agent in alone.agents] == [("writer", "test:writer")]
    single = a_spec(1, name="trio", strategy="single", layers=1)
    assert job(spec=single, conversation=AFTER_A_TOOL, config=config).spec == single


def test_a_conversation_has_a_question_and_an_end() -> None:
    """Both are the request's fault."""
    assert param(conversation=()) == "messages"
    assert param(conversation=(Message("assistant", (TextPart("So."),)),), place="input") == "input"
    assert param(conversation=QUESTION * 3, config=ServerConfig(max_messages=2)) == "messages"


@pytest.mark.parametrize(
    ("effort", "thinking", "is_noted"),
    [
        (None, None, False),
        ("none", False, False),
        ("low", "low", False),
        ("minimal", "low", True),
        ("max", "high", True),
    ],
)
def test_an_effort_is_the_nearest_of_ours(effort: str | None, thinking: Any, is_noted: bool) -> None:
    """What is not quite it is noted."""
    found, notes = effort_of(effort)
    assert (found, bool(notes)) == (thinking, is_noted)


def test_what_the_request_brings_along_stays_with_the_job() -> None:
    """Labels, what is ignored, notes."""
    told = job(labels={"user": "ann"}, ignored=("store",), notes=("so",))
    assert (told.labels, told.ignored, told.notes) == ({"user": "ann"}, ("store",), ("so",))
