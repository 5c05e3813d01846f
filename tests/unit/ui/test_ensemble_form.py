"""An ensemble's file as a form: what it shows, and what a change of it changes in the file."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.errors import ConfigError
from attention_moa.settings import parse_spec, shipped_ensembles, shipped_text
from attention_moa.ui.ensemble_form import Field, edited, parts_of, plainly, with_agent

FILE = """# Ours.
name = "trio" # so they call it
layers = 2

[[agents]]
name = "ada" # the best
model = "openai:a"
base_url = "https://api.example.com/v1"
api_key_env = "ADA_KEY"
price = { input = 1.5, output = 2 }

[[agents]]
name = "bob"
model = "openai:b"
stop = ["x", "y"]
extra_body = { deep = [{ a = 1 }] }

[limits]
usd = 1.0
"""


def field(text: str, at: str, name: str) -> Field:
    """Return a field of a file's form."""
    (part,) = [part for part in parts_of(text) if part.at == at]
    return next(one for one in part.fields if one.name == name)


def test_the_form_shows_the_file_and_what_holds_without_it() -> None:
    """Each table is a part; each field knows how it is written."""
    parts = parts_of(FILE)
    assert [part.at for part in parts] == [
        "", "agents.0", "agents.1", "summary", "residual", "attention", "early_stop", "calls", "quorum", "limits",
        "prompts",
    ]  # fmt: skip
    assert [(part.title, part.agent, part.is_set) for part in parts[:3]] == [
        ("Ensemble", None, True), ("ada", 0, True), ("bob", 1, True),
    ]  # fmt: skip
    assert [part.at for part in parts if part.is_set] == ["", "agents.0", "agents.1", "limits"]
    shown = [
        field(FILE, *place) for place in (("", "layers"), ("", "layout"), ("limits", "usd"), ("calls", "timeout_s"))
    ]
    assert [(one.kind, one.value, one.default) for one in shown] == [
        ("whole", "2", "3"), ("choice", "", "continue"), ("number", "1", ""), ("number", "", "900"),
    ]  # fmt: skip
    assert field(FILE, "agents.1", "stop").value == '["x", "y"]'
    assert field(FILE, "agents.0", "price").value == "{input = 1.5, output = 2}"
    assert field(FILE, "agents.1", "extra_body").value == "{deep = [{a = 1}]}"
    assert field(FILE, "attention", "self").default == "true"
    assert field(FILE, "attention", "peers").default == '"all"'
    assert field(FILE, "agents.0", "name").is_first
    assert [one.name for one in parts[1].fields[:2]] == ["name", "model"]


@pytest.mark.parametrize("name", shipped_ensembles())
def test_a_form_that_is_sent_as_it_is_changes_nothing(name: str) -> None:
    """Of any shipped file, to the last character."""
    text = shipped_text(name)
    for part in parts_of(text):
        assert edited(text, part.at, {one.name: one.value for one in part.fields}) == text


@pytest.mark.parametrize(
    ("at", "told", "before", "after"),
    [
        ("", {"layers": "3"}, "layers = 2\n", "layers = 3\n"),
        ("", {"seed": "7"}, "layers = 2\n", "layers = 2\nseed = 7\n"),
        ("", {"layers": ""}, "layers = 2\n", ""),
        ("agents.0", {"name": "dora"}, '"ada" # the best', '"dora" # the best'),
        ("agents.1", {"stop": '["z"]'}, 'stop = ["x", "y"]', 'stop = ["z"]'),
        ("agents.1", {"temperature": "0.5"}, "deep = [{ a = 1 }] }\n", "deep = [{ a = 1 }] }\ntemperature = 0.5\n"),
        ("agents.1", {"role": "One.\r\nTwo."}, "{ a = 1 }] }\n", '{ a = 1 }] }\nrole = """One.\nTwo."""\n'),
        ("agents.1", {"role": "\nTwo."}, "{ a = 1 }] }\n", '{ a = 1 }] }\nrole = "\\nTwo."\n'),
        ("agents.1", {"stream": "false"}, "{ a = 1 }] }\n", "{ a = 1 }] }\nstream = false\n"),
        ("agents.0", {"api_key_env": ""}, 'api_key_env = "ADA_KEY"\n', ""),
        ("agents.0", {"price": "{ input = 3, output = 4 }"}, "{ input = 1.5, output = 2 }", "{input = 3, output = 4}"),
        ("limits", {"usd": "2"}, "usd = 1.0", "usd = 2"),
        ("summary", {"model": "ada"}, "usd = 1.0\n", 'usd = 1.0\n\n[summary]\nmodel = "ada"\n'),
        ("", {"layout": "paper", "other": "x"}, "layers = 2\n", 'layers = 2\nlayout = "paper"\n'),
    ],
)
def test_a_change_changes_its_line_alone(at: str, told: dict[str, str], before: str, after: str) -> None:
    """Comments and all other lines stay; what is emptied goes."""
    assert edited(FILE, at, told) == FILE.replace(before, after)


@pytest.mark.parametrize(
    ("at", "told", "why"),
    [
        ("", {"layers": "many"}, "layers: 'many' is not right here: write a whole number"),
        ("", {"layers": "1\nseed = 2"}, "layers: .* write a whole number"),
        ("agents.1", {"stop": "x"}, r"agents\.1\.stop: 'x' is not right here: write it as in the file"),
        ("agents.7", {"name": "x"}, r"agents\.7: the file has no such part any more"),
        ("other", {}, "other: the file has no such part"),
    ],
)
def test_what_a_field_cannot_be_is_told(at: str, told: dict[str, str], why: str) -> None:
    """By the field's place in the file."""
    with pytest.raises(ConfigError, match=why):
        edited(FILE, at, told)


def test_a_file_that_is_no_toml_has_no_form() -> None:
    """Nor can any of it be changed by one."""
    assert parts_of("layers =") == ()
    assert plainly("layers =") == ""
    with pytest.raises(ConfigError, match="no such part"):
        edited("layers =", "", {"layers": "2"})
    with pytest.raises(ConfigError, match="not TOML"):
        with_agent("layers =")


def test_agents_come_and_go() -> None:
    """One more is the last one's copy under a name of its own; one less leaves the others as they are."""
    more = with_agent(FILE)
    document = tomllib.loads(more)
    assert [agent["name"] for agent in document["agents"]] == ["ada", "bob", "agent-3"]
    assert document["agents"][2]["model"] == "openai:b"
    assert more.startswith(FILE.partition("[limits]")[0])
    assert [one["name"] for one in tomllib.loads(with_agent(more))["agents"]] == ["ada", "bob", "agent-3", "agent-4"]
    assert with_agent(FILE, 0) == FILE.replace(
        FILE[FILE.index('[[agents]]\nname = "ada"') : FILE.index('[[agents]]\nname = "bob"')], ""
    )
    parse_spec(more, name="trio", folder=None)


def test_agents_in_one_line_come_and_go_too() -> None:
    """A list of tables is agents as well."""
    text = 'agents = [{ name = "a", model = "openai:a" }]\n'
    more = with_agent(text)
    assert [agent["name"] for agent in tomllib.loads(more)["agents"]] == ["a", "agent-2"]
    assert tomllib.loads(with_agent(more, 1)) == tomllib.loads(text)


def test_a_last_agent_without_an_empty_line_gets_one() -> None:
    """So that tables stand apart."""
    text = '[[agents]]\nname = "a"\nmodel = "openai:a"\n'
    assert with_agent(text) == text + '\n[[agents]]\nname = "agent-2"\nmodel = "openai:a"\n'


@pytest.mark.parametrize(
    ("text", "number"), [(FILE, 2), (FILE, -1), ("layers = 2", None), ("agents = 3", None), ("agents = []", 0)]
)
def test_an_agent_that_is_not_there_is_told(text: str, number: int | None) -> None:
    """Nothing else is taken in its place."""
    with pytest.raises(ConfigError, match="agents: the file has no such agent"):
        with_agent(text, number)


def test_who_may_only_look_sees_no_address_and_no_key() -> None:
    """Nor comments, which may have either."""
    shown = plainly(FILE + '\n[prompts]\nfolder = "mine"\n')
    assert not {word for word in ("#", "example.com", "ADA_KEY", "deep", "mine") if word in shown}
    assert tomllib.loads(shown)["agents"][1] == {"name": "bob", "model": "openai:b", "stop": ["x", "y"]}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1).filter(str.strip))
def test_any_text_comes_back_as_it_was_written(text: str) -> None:
    """Whatever is in a role, with quotes, backslashes and lines."""
    file = edited(FILE, "agents.0", {"role": text})
    assert tomllib.loads(file)["agents"][0]["role"] == text
    assert file.startswith("# Ours.")
