"""What an ensemble may be made to do on the page: no more than the files did when the server began."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.cli.edit_rules import EditRules, origin_of
from attention_moa.config import EnsembleSpec, PromptSpec
from attention_moa.errors import ConfigError

HOME = "https://api.example.com/v1"
ADA = AgentSpec(name="ada", model="openai:a", base_url=HOME, api_key_env="ADA_KEY")
BOB = AgentSpec(name="bob", model="python:agents:say")
CLEO = AgentSpec(name="cleo", model="openrouter:x/y", api_key_env="CLEO_KEY")
SPEC = EnsembleSpec(name="trio", agents=(ADA, BOB, CLEO))


def changed(agent: AgentSpec, **settings: object) -> EnsembleSpec:
    """Return the ensemble with another agent beside its own."""
    return replace(SPEC, agents=(*SPEC.agents, replace(agent, name="dora", **settings)))


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        changed(ADA, base_url="https://API.example.com.:443/v2"),
        changed(ADA, base_url=HOME, api_key_env=None),
        changed(BOB),
        changed(BOB, model="embedded:smollm2"),
        changed(BOB, model="openai:gpt-4.1"),
        changed(BOB, model="openai:gpt-4.1", api_key_env=None),
        changed(CLEO, model="openrouter:other"),
        replace(SPEC, summary=WriterSpec(model="ada", temperature=0.2, fallback=("cleo", "openrouter:z"))),
    ],
)
def test_what_the_files_did_may_be_done_otherwise(spec: EnsembleSpec) -> None:
    """Other models, paths and settings at the same places, with the same keys or their providers' own."""
    EditRules([SPEC]).require(spec)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (changed(BOB, model="command:touch x"), "would run or read something of this machine"),
        (changed(BOB, model="python:os:system"), "would run or read something of this machine"),
        (changed(BOB, model="embedded:/etc/passwd"), "would run or read something of this machine"),
        (
            changed(ADA, api_key_env="AWS_SECRET_ACCESS_KEY"),
            "is none of the names that may be used here .ADA_KEY, CLEO",
        ),
        (changed(ADA, base_url="https://api.exa\tmple.com/v1"), "no file led there"),
        (changed(ADA, base_url="https://evil.example/v1"), "https://evil.example:443: no file led there"),
        (changed(ADA, base_url="http://api.example.com/v1"), "http://api.example.com:80: no file led there"),
        (changed(ADA, base_url="https://api.example.com:8443/v1"), "no file led there"),
        (changed(ADA, base_url="https://api.example.com:99999/v1"), "no file led there"),
        (changed(ADA, base_url="https://evil.example/v1", api_key_env=None), "no file led there"),
        (changed(ADA, base_url=None), "the key in ADA_KEY was not sent to openai"),
        (changed(CLEO, base_url=HOME), "the key in CLEO_KEY was not sent to https://api.example.com:443"),
        (
            changed(CLEO, model="azure:x", base_url=HOME, api_key_env=None),
            "the key in AZURE_OPENAI_API_KEY was not sent",
        ),
        (replace(SPEC, summary=WriterSpec(model="cleo", base_url=HOME)), "the key in CLEO_KEY was not sent"),
        (replace(SPEC, summary=WriterSpec(fallback=("command:x",))), "would run or read something of this machine"),
    ],
)
def test_what_no_file_did_is_refused(spec: EnsembleSpec, why: str) -> None:
    """No other program, file, key or host; no key to a host that it never went to, for writers and fallbacks too."""
    rules = EditRules([SPEC])
    with pytest.raises(ConfigError, match=why):
        rules.require(spec)


def test_the_servers_settings_allow_names_and_hosts() -> None:
    """A name may be used at the places that are known; a host may be sent every name that is."""
    rules = EditRules([SPEC], key_names=["NEW_KEY"], hosts=["https://new.example"])
    assert rules.key_names == ("ADA_KEY", "CLEO_KEY", "NEW_KEY")
    rules.require(changed(ADA, api_key_env="NEW_KEY"))
    rules.require(changed(ADA, base_url="https://new.example/v1"))
    rules.require(changed(CLEO, base_url="https://new.example/v1", api_key_env="NEW_KEY"))
    with pytest.raises(ConfigError, match="OTHER is none of the names"):
        rules.require(changed(ADA, base_url="https://new.example/v1", api_key_env="OTHER"))


def test_without_any_key_none_may_be_named() -> None:
    """The message says so."""
    lone = EnsembleSpec(agents=(BOB,))
    with pytest.raises(ConfigError, match=r"may be used here \(none\)"):
        EditRules([lone]).require(replace(lone, agents=(replace(ADA, base_url=None),)))


@pytest.mark.parametrize("told", ["../else", "a/../../else", "/etc", "~/x", "a\\b", "out", "in/out", "linked"])
def test_templates_come_from_the_ensembles_folder_alone(tmp_path: Path, told: str) -> None:
    """No '..', no path from the root or from home, no link out, be it the folder's or a template's."""
    folder, other = tmp_path / "shelf", tmp_path / "else"
    (folder / "in").mkdir(parents=True)
    (folder / "linked").mkdir()
    other.mkdir()
    (other / "secret").write_text("secret", encoding="utf-8")
    (folder / "out").symlink_to(other)
    (folder / "in" / "out").symlink_to(other)
    (folder / "linked" / "answer.md").symlink_to(other / "secret")
    with pytest.raises(ConfigError, match=r"prompts\.folder: templates are taken from the ensemble's own folder"):
        EditRules([SPEC]).require_folder(f"[prompts]\nfolder = '{told}'", folder)


@pytest.mark.parametrize("text", ["", "prompts = 1", "[prompts]\nstyle = 'small'", "[prompts]\nfolder = 'in'"])
def test_a_folder_inside_is_fine_and_so_is_none(tmp_path: Path, text: str) -> None:
    """Also where its templates are links that stay inside."""
    (tmp_path / "in").mkdir()
    (tmp_path / "kept.md").write_text("x", encoding="utf-8")
    (tmp_path / "in" / "answer.md").symlink_to(tmp_path / "kept.md")
    EditRules([SPEC]).require_folder(text, tmp_path)


def test_a_folder_that_its_owner_named_stays(tmp_path: Path) -> None:
    """What the file had when the server began is no fault of who edits it."""
    own = replace(SPEC, prompts=PromptSpec(folder=str(tmp_path / "shelf" / ".." / "else")))
    EditRules([own]).require_folder("[prompts]\nfolder = '../else'", tmp_path / "shelf")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://a.example/v1", "https://a.example:443"),
        ("HTTP://A.example:80", "http://a.example:80"),
        ("http://[::1]:9/x", "http://::1:9"),
        ("https://a.example:x/", "https://a.example:x/"),
        ("https://a.example:99999", "https://a.example:99999"),
        ("https://a.exa\nmple/", "https://a.exa\nmple/"),
        ("https://a.example\\.b.example/", "https://a.example\\.b.example/"),
        ("https:///v1", "https:///v1"),
        ("ftp://a.example", "ftp://a.example"),
    ],
)
def test_an_origin_has_its_port(address: str, origin: str) -> None:
    """Whatever is written of it."""
    assert origin_of(address) == origin
