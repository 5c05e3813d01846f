"""From TOML and the environment to specs: what is read, and how each fault is named."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from attention_moa.agents import AgentSpec, ModelSettings
from attention_moa.config import AttentionSpec, EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.schedule import count_calls
from attention_moa.settings import (
    KEY_VARIABLES,
    api_key,
    keys_found,
    load_spec,
    parse_spec,
    question_from_environment,
    shipped_ensembles,
)

ONE = '[[agents]]\nname = "a"\nmodel = "embedded:smollm2"\n'
CALLS = {
    "embedded": 33,
    "ollama": 33,
    "openrouter": 33,
    "paper-large": 110,
    "paper-large-direct": 110,
    "paper-small": 110,
    "paper-small-direct": 110,
    "vllm": 50,
}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test without any key in the environment."""
    for variable in {variable for variables in KEY_VARIABLES.values() for variable in variables}:
        monkeypatch.delenv(variable, raising=False)


def parsed(text: str) -> EnsembleSpec:
    """Return the ensemble of a TOML text."""
    return parse_spec(text, name="mine", folder=None)


def fault(text: str) -> str:
    """Return the one line that a wrong TOML text gives."""
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", shipped_ensembles())
def test_every_shipped_ensemble_loads_and_states_its_calls(name: str) -> None:
    """The files in the package are right, and their call counts are what is documented."""
    spec = load_spec(name)
    assert spec.name == name
    assert spec.description
    assert count_calls(spec) == CALLS[name]


def test_the_shipped_ensembles_are_those_that_are_documented() -> None:
    """None is missing and none came unannounced."""
    assert shipped_ensembles() == tuple(sorted(CALLS))


@pytest.mark.parametrize("name", ["paper-large", "paper-large-direct", "paper-small", "paper-small-direct"])
def test_the_paper_s_ensembles_have_the_paper_s_settings(name: str) -> None:
    """Five agents, temperature 0.7, 4096 tokens."""
    agents = load_spec(name).agents
    assert [(agent.temperature, agent.max_tokens) for agent in agents] == [(0.7, 4096)] * 5


def test_a_file_is_named_by_its_stem_unless_it_says_otherwise(tmp_path: Path) -> None:
    """``mine.toml`` is the ensemble mine."""
    path = tmp_path / "mine.toml"
    path.write_text(ONE, encoding="utf-8")
    assert load_spec(path).name == "mine"
    path.write_text('name = "other"\n' + ONE, encoding="utf-8")
    assert load_spec(str(path)).name == "other"


def test_unset_settings_stay_unset() -> None:
    """No hidden temperature, no hidden limit."""
    (agent,) = parsed(ONE).agents
    assert agent == AgentSpec(name="a", model="embedded:smollm2")
    assert agent.temperature is None
    assert agent.max_tokens is None


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + ONE.encode())
    assert load_spec(path).agents[0].name == "a"


def test_self_in_a_file_is_own_in_the_code_and_back() -> None:
    """The field that Python would clash with is renamed both ways."""
    spec = parsed(ONE + "[attention]\nself = false\n")
    assert spec.attention == AttentionSpec(own=False)
    assert msgspec.to_builtins(spec.attention) == {"self": False}
    assert msgspec.convert(msgspec.to_builtins(spec), EnsembleSpec) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ONE + 'temperature = "hot"', ["agents[0].temperature: ", "'hot'", "a number"]),
        (ONE + "max_tokens = 2.5", ["agents[0].max_tokens: ", "2.5", "a whole number"]),
        (ONE + "temperature = 11", ["agents[0].temperature: ", "11", "from 0 to 10"]),
        (ONE + "temperature = nan", ["agents[0].temperature: ", "nan", "from 0 to 10"]),
        (ONE + "temprature = 1", ["agents[0].temprature: ", "did you mean temperature?"]),
        (ONE + "zzz = 1", ["agents[0].zzz: ", "known are ", "temperature"]),
        (ONE + 'stop = "x"', ["agents[0].stop: ", "'x'", "a list in brackets"]),
        (ONE + "stop = [1]", ["agents[0].stop[0]: ", "1", "text in quotes"]),
        (ONE + 'has_images = "yes"', ["agents[0].has_images: ", "'yes'", "true or false"]),
        (ONE + 'thinking = "max"', ["agents[0].thinking: ", "'max'", '"low"', '"high"', "true or false"]),
        (ONE + "extra_body = 3", ["agents[0].extra_body: ", "3", "a table"]),
        (ONE + "extra_body = { day = 2026-01-01 }", ["agents[0].extra_body: ", "text in quotes"]),
        (ONE + "extra_body = { n = inf }", ["agents[0].extra_body: ", "text in quotes"]),
        (ONE + "[summary]\nextra_body = { n = nan }", ["summary.extra_body: "]),
        (ONE + '[summary]\nmodel = "b"', ["summary.model: ", "'b'", "agent's name"]),
        (ONE + '[attention]\npeers = "some"', ["attention.peers: ", "'some'", '"all"', "a whole number"]),
        (ONE + "[attention]\npeers = 1", ["attention.peers: ", "1", "from 0 to 0"]),
        (ONE + "[attention]\nown = true", ["attention.own: ", "no such field"]),
        (ONE + "[limit]\nusd = 1", ["limit: ", "no such field: did you mean limits?"]),
        (ONE + ONE, ["agents[1].name: ", "'a' is taken"]),
        ('layout = "foo"\n' + ONE, ["layout: ", "'foo'", '"compact" or "continue" or "paper"']),
        ('layers = "x"\n' + ONE, ["layers: ", "'x'", "a whole number"]),
        ("layers = 0\n" + ONE, ["layers: ", "0", "from 1"]),
        ('[[agents]]\nmodel = "embedded:smollm2"', ["agents[0].name: ", "missing"]),
        ('[agents]\nname = "a"', ["agents: ", "a table", "[[…]]"]),
        ('[[agents]]\nname = "a"\nmodel = "gpt"', ["agents[0].model: ", "'gpt'", "provider:model"]),
        ("layers = 2", ["agents: ", "missing", "[[agents]]"]),
        ("agents = []", ["agents: ", "no agent"]),
        ("layers = \n", ["not TOML", "line 1"]),
        ("a = 1\nb = 2\nb = 3\n", ["not TOML", "line 3"]),
    ],
)
def test_each_fault_names_the_field_the_value_and_the_mend(text: str, words: list[str]) -> None:
    """One line says where, what, and what belongs there."""
    said = fault(text)
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE + "temperature = 11", "agents[0].temperature: 11"),
        ("layers = 'x'\n" + ONE, "layers: 'x' is not right here"),
        (ONE + "extra_body = { n = inf }", "agents[0].extra_body: "),
    ],
)
def test_a_fault_in_a_file_begins_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    """As it was named; the field stays the error's key."""
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_spec(path)
    assert str(caught.value).startswith(f"{path}: {said}")
    assert caught.value.key == said.partition(":")[0]


def test_a_file_that_is_not_toml_is_called_by_its_whole_name(tmp_path: Path) -> None:
    """With its ending."""
    path = tmp_path / "bad.toml"
    path.write_text("layers = \n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ensemble: .*bad\.toml is not TOML: .*line 1"):
        load_spec(path)


def test_a_missing_file_names_the_shipped_ensembles() -> None:
    """A slip in the name is met with the nearest one and with all of them."""
    with pytest.raises(ConfigError, match=r"did you mean paper-small.*embedded.*vllm"):
        load_spec("paper-smal")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    """The reason comes from the system, without its number."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_spec(tmp_path)


def test_a_path_that_no_system_takes_is_named() -> None:
    """A zero byte in a path is a fault of the argument."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_spec("a\0b.toml")


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    """A file from an old editor says where it goes wrong."""
    path = tmp_path / "old.toml"
    path.write_bytes(ONE.encode() + b'role = "caf\xe9"\n')
    with pytest.raises(ConfigError, match="line 4: not UTF-8"):
        load_spec(path)


def test_the_folder_of_templates_is_relative_to_the_file(tmp_path: Path) -> None:
    """An ensemble and its prompts travel together."""
    path = tmp_path / "mine.toml"
    path.write_text(ONE + '[prompts]\nfolder = "words"\n', encoding="utf-8")
    assert load_spec(path).prompts.folder == str(tmp_path / "words")


def test_a_key_comes_from_the_usual_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first variable of the provider that is set counts; white space around the key does not."""
    monkeypatch.setenv("GEMINI_API_KEY", " g-2 \n")
    assert api_key(ModelSettings(model="google:gemini")) == "g-2"
    monkeypatch.setenv("GOOGLE_API_KEY", "g-1")
    assert api_key(ModelSettings(model="google:gemini")) == "g-1"


def test_a_key_comes_from_the_variable_that_the_agent_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """``api_key_env`` goes before the usual variable, and holds with an address of one's own."""
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    monkeypatch.setenv("MY_KEY", "mine")
    assert api_key(ModelSettings(model="openai:gpt", api_key_env="MY_KEY")) == "mine"
    assert api_key(ModelSettings(model="openai:x", base_url="https://a.example/v1", api_key_env="MY_KEY")) == "mine"


def test_the_usual_key_is_not_sent_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for one company never reaches a server that a file names."""
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    assert api_key(ModelSettings(model="openai:x", base_url="https://elsewhere.example/v1")) is None


@pytest.mark.parametrize("model", ["embedded:smollm2", "python:m:f", "command:cat", "ollama:x", "mine:x"])
def test_what_needs_no_key_gets_none(model: str) -> None:
    """Local models, programs and providers of one's own."""
    assert api_key(ModelSettings(model=model)) is None


def test_a_missing_key_names_the_variable_the_agent_and_the_mend() -> None:
    """One line, before any call."""
    with pytest.raises(ConfigError, match=r"OPENROUTER_API_KEY is not set: openrouter:x \(agent 'q'\).*api_key_env"):
        api_key(AgentSpec(name="q", model="openrouter:x"))
    with pytest.raises(ConfigError, match=r"MY_KEY is not set: openai:x needs a key; export it$"):
        api_key(ModelSettings(model="openai:x", api_key_env="MY_KEY"))


@pytest.mark.parametrize("key", ["sk-é", "a b", "a\nb"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A key that was copied with something else is named by its variable alone."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY: ") as caught:
        api_key(ModelSettings(model="openai:gpt"))
    assert key not in str(caught.value)


def test_the_keys_in_the_environment_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is found once, though several names lead to one provider."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    monkeypatch.setenv("GROQ_API_KEY", " ")
    assert keys_found() == {"openai": "OPENAI_API_KEY", "google": "GEMINI_API_KEY"}
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    assert keys_found() == {"openai": "OPENAI_API_KEY", "google": "GOOGLE_API_KEY"}


def test_the_question_in_the_environment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is no question."""
    monkeypatch.setenv("ATTENTION_MOA_QUESTION", "")
    assert question_from_environment() is None
    monkeypatch.setenv("ATTENTION_MOA_QUESTION", "it's `$x`")
    assert question_from_environment() == "it's `$x`"


def test_a_question_that_is_not_utf8_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes from another encoding are named, not guessed at."""
    monkeypatch.setenv("ATTENTION_MOA_QUESTION", os.fsdecode(b"caf\xe9"))
    with pytest.raises(ConfigError, match="ATTENTION_MOA_QUESTION: not UTF-8"):
        question_from_environment()
