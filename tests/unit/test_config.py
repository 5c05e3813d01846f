"""Specs: what is refused, in which words, and who writes summary and residual."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.config import AttentionSpec, CallPolicy, EnsembleSpec, StopRule, residual_chain, summary_chain
from attention_moa.errors import ConfigError
from attention_moa.messages import Sampling
from tests.worlds import a_spec


def an_agent(**fields: Any) -> AgentSpec:
    """Return agent ``a`` with some fields set."""
    return AgentSpec(**({"name": "a", "model": "test:a"} | fields))


@pytest.mark.parametrize(
    ("fields", "key", "mend"),
    [
        ({"agents": ()}, "agents", "add at least one"),
        ({"agents": tuple(an_agent(name=f"a{n}") for n in range(65))}, "agents", "at most 64"),
        ({"layers": 0}, "layers", "from 1 to 64"),
        ({"layers": 65}, "layers", "from 1 to 64"),
        ({"agents": (an_agent(name="no name"),)}, "agents[0].name", "letters, digits"),
        ({"agents": (an_agent(name=""),)}, "agents[0].name", "letters, digits"),
        ({"agents": (an_agent(name="x" * 65),)}, "agents[0].name", "up to 64"),
        ({"agents": (an_agent(name="summary"),)}, "agents[0].name", "choose another"),
        ({"agents": (an_agent(name="residual-1"),)}, "agents[0].name", "choose another"),
        ({"agents": (an_agent(), an_agent())}, "agents[1].name", "'a' is taken"),
        ({"agents": (an_agent(model=""),)}, "agents[0].model", "provider:model"),
        ({"agents": (an_agent(model="gpt-4.1"),)}, "agents[0].model", "'gpt-4.1' is no model"),
        ({"agents": (an_agent(model=":x"),)}, "agents[0].model", "provider:model"),
        ({"agents": (an_agent(model="openai:"),)}, "agents[0].model", "provider:model"),
        ({"agents": (an_agent(temperature=-0.1),)}, "agents[0].temperature", "from 0 to 10"),
        ({"agents": (an_agent(top_p=1.1),)}, "agents[0].top_p", "from 0 to 1"),
        ({"agents": (an_agent(top_logprobs=0),)}, "agents[0].top_logprobs", "from 1 to 20"),
        ({"agents": (an_agent(presence_penalty=3),)}, "agents[0].presence_penalty", "from -2 to 2"),
        ({"agents": (an_agent(frequency_penalty=-3),)}, "agents[0].frequency_penalty", "from -2 to 2"),
        ({"agents": (an_agent(max_tokens=0),)}, "agents[0].max_tokens", "above 0"),
        ({"agents": (an_agent(max_tokens=10**400),)}, "agents[0].max_tokens", "more than 2147483647"),
        ({"agents": (an_agent(rpm=2**31),)}, "agents[0].rpm", "more than 2147483647"),
        ({"agents": (an_agent(context_tokens=0),)}, "agents[0].context_tokens", "above 0"),
        ({"agents": (an_agent(timeout_s=0.0),)}, "agents[0].timeout_s", "above 0"),
        ({"agents": (an_agent(base_url="localhost"),)}, "agents[0].base_url", "http://host:port/v1"),
        ({"summary": WriterSpec(model="nobody")}, "summary.model", "or an agent's name"),
        ({"summary": WriterSpec(fallback=("a", "nobody"))}, "summary.fallback[1]", "'nobody' is no model"),
        ({"summary": WriterSpec(max_tokens=-1)}, "summary.max_tokens", "above 0"),
        ({"residual": ResidualSpec(model="nobody")}, "residual.model", "'nobody' is no model"),
        ({"attention": AttentionSpec(peers=3)}, "attention.peers", 'is not "all" or from 0 to 2'),
        ({"attention": AttentionSpec(peers=-1)}, "attention.peers", "from 0 to 2"),
        ({"attention": AttentionSpec(max_tokens=0)}, "attention.max_tokens", "above 0"),
        ({"early_stop": StopRule(threshold=1.5)}, "early_stop.threshold", "from 0 to 1"),
        ({"early_stop": StopRule(min_layers=0)}, "early_stop.min_layers", "1 or more"),
        ({"calls": CallPolicy(attempts=0)}, "calls.attempts", "1 or more"),
        ({"calls": CallPolicy(concurrency=0)}, "calls.concurrency", "1 or more"),
        ({"calls": CallPolicy(retry_wait_s=-1)}, "calls.retry_wait_s", "from 0 up"),
        ({"calls": CallPolicy(retry_wait_max_s=-1)}, "calls.retry_wait_max_s", "from 0 up"),
        ({"calls": CallPolicy(connect_timeout_s=0)}, "calls.connect_timeout_s", "above 0"),
        ({"calls": CallPolicy(first_token_timeout_s=0)}, "calls.first_token_timeout_s", "above 0"),
        ({"calls": CallPolicy(timeout_s=0)}, "calls.timeout_s", "above 0"),
        ({"calls": CallPolicy(timeout_s=float("inf"))}, "calls.timeout_s", "not a number of seconds"),
        ({"calls": CallPolicy(retry_wait_max_s=float("inf"))}, "calls.retry_wait_max_s", "not a number of seconds"),
        ({"agents": (an_agent(timeout_s=float("inf")),)}, "agents[0].timeout_s", "not a number of seconds"),
        (
            {"agents": (an_agent(context_tokens=9, max_tokens=9),)},
            "agents[0].max_tokens",
            "leaves no room for a prompt",
        ),
        ({"agents": (an_agent(model="embedded:s", max_tokens=4096),)}, "agents[0].max_tokens", "of 4096 tokens"),
        ({"agents": (an_agent(context_tokens=9),), "summary": WriterSpec(max_tokens=9)}, "summary.max_tokens", "room"),
        ({"agents": (an_agent(context_tokens=9),), "residual": ResidualSpec(max_tokens=9)}, "residual.max_tokens", "9"),
        (
            {"agents": (an_agent(context_tokens=9),), "attention": AttentionSpec(peers=0, max_tokens=9)},
            "attention.max_tokens",
            "of 9 tokens: lower it",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_field_value_and_mend(fields: dict[str, Any], key: str, mend: str) -> None:
    """A spec that exists can run; any other names what to change."""
    with pytest.raises(ConfigError) as caught:
        EnsembleSpec(**({"agents": a_spec(3).agents} | fields))
    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}: ")
    assert mend in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "http://user:hunter2@host/v1"),
        ("base_url", "http://host/v1?key=hunter2"),
        ("base_url", "hunter2"),
        ("api_key_env", "sk-hunter2-abc"),
    ],
)
def test_a_secret_in_the_wrong_field_is_refused_and_not_repeated(field: str, value: str) -> None:
    """A key belongs into the environment; where it slipped into the file, no error shows it again."""
    with pytest.raises(ConfigError) as caught:
        an_agent(**{field: value}).check_ranges("agents[0]")
    assert caught.value.key == f"agents[0].{field}"
    assert "hunter2" not in str(caught.value)


def test_what_takes_text_alone_sees_no_images() -> None:
    """The embedded model; others do unless they say no."""
    assert an_agent(model="openai:m").sees_images
    assert not an_agent(model="openai:m", has_images=False).sees_images
    assert not an_agent(model="embedded:m").sees_images


def test_checks_outside_an_ensemble_name_the_bare_field() -> None:
    """Settings on their own have no path before their fields."""
    with pytest.raises(ConfigError) as caught:
        an_agent(top_p=2).check_ranges("")
    assert caught.value.key == "top_p"


def test_an_agent_is_found_by_name() -> None:
    """An unknown name is a ``KeyError``, as in a mapping."""
    spec = a_spec(2)
    assert spec.agent("b").model == "test:b"
    with pytest.raises(KeyError):
        spec.agent("z")


def test_unset_sampling_stays_unset() -> None:
    """No default of ours is sent."""
    assert an_agent().sampling == Sampling()


def test_set_sampling_is_passed_on() -> None:
    """Every field of ``Sampling`` comes from the settings."""
    fields: dict[str, Any] = {
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 9,
        "seed": 1,
        "stop": ("x",),
        "presence_penalty": 1.0,
        "frequency_penalty": 1.0,
        "thinking": "low",
        "top_logprobs": 5,
        "extra_body": {"k": 1},
    }
    assert fields.keys() == set(Sampling.__struct_fields__)
    assert an_agent(**fields).sampling == Sampling(**fields)


def names_and_models(chain: tuple[AgentSpec, ...]) -> list[tuple[str, str]]:
    """Return who is in a chain, in order."""
    return [(agent.name, agent.model) for agent in chain]


def test_unset_writers_are_the_first_agent() -> None:
    """The summary agent is the first agent, the residual agent the summary agent."""
    spec = a_spec(3)
    assert summary_chain(spec) == residual_chain(spec) == (spec.agents[0],)


def test_a_writer_takes_the_settings_of_the_agent_that_it_names() -> None:
    """What the writer sets itself goes on top."""
    agents = (an_agent(), an_agent(name="b", model="test:b", temperature=0.7, role="You doubt."))
    spec = a_spec(agents, summary=WriterSpec(model="b", max_tokens=5, role="You merge."))
    (writer,) = summary_chain(spec)
    assert (writer.name, writer.model, writer.temperature, writer.max_tokens) == ("b", "test:b", 0.7, 5)
    assert writer.role == "You merge."


def test_an_unset_writer_changes_the_first_agent_where_it_says_so() -> None:
    """A writer without a model may still set how it is sampled."""
    (writer,) = summary_chain(a_spec(2, summary=WriterSpec(temperature=0.0)))
    assert (writer.name, writer.temperature) == ("a", 0.0)


def test_a_writer_may_be_a_model_of_its_own() -> None:
    """It is then called by its stage."""
    spec = a_spec(2, summary=WriterSpec(model="test:big"), residual=ResidualSpec(model="test:huge"))
    assert names_and_models(summary_chain(spec)) == [("summary", "test:big")]
    assert names_and_models(residual_chain(spec)) == [("residual", "test:huge")]


def test_fallbacks_follow_in_order() -> None:
    """Agents by name, models by stage and number."""
    spec = a_spec(2, summary=WriterSpec(model="test:big", fallback=("b", "test:spare")))
    assert names_and_models(summary_chain(spec)) == [
        ("summary", "test:big"),
        ("b", "test:b"),
        ("summary-fallback-2", "test:spare"),
    ]


def test_an_unset_residual_inherits_the_summary_agents_fallbacks() -> None:
    """One aggregator writes both, as in the paper's runs."""
    spec = a_spec(3, summary=WriterSpec(model="c", fallback=("b",)))
    assert residual_chain(spec) == summary_chain(spec)


def test_a_residual_with_fallbacks_of_its_own_inherits_none() -> None:
    """What is written down holds."""
    spec = a_spec(3, summary=WriterSpec(fallback=("b",)), residual=ResidualSpec(fallback=("c",)))
    assert names_and_models(residual_chain(spec)) == [("a", "test:a"), ("c", "test:c")]


def test_a_writer_may_take_back_what_its_agent_lacks() -> None:
    """True over an agent's false; unset, the agent's holds."""
    agent = an_agent(has_system_role=False, has_images=False, stream=False)
    spec = EnsembleSpec(agents=(agent,), summary=WriterSpec(has_images=True, stream=True))
    (writer,) = summary_chain(spec)
    assert (writer.takes_system_role, writer.sees_images, writer.is_streamed) == (False, True, True)


def test_nobody_is_in_a_chain_twice() -> None:
    """Who failed for good is not asked the same again, and every call keeps an id of its own."""
    spec = a_spec(3, summary=WriterSpec(fallback=("a", "b", "b")), residual=ResidualSpec(model="b", temperature=1.0))
    assert names_and_models(summary_chain(spec)) == [("a", "test:a"), ("b", "test:b")]
    assert names_and_models(residual_chain(spec)) == [("b", "test:b")]
    assert residual_chain(spec)[0].temperature == 1.0
