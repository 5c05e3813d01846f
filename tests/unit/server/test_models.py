"""Which models there are: ensembles, and their agents alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.errors import ConfigError
from attention_moa.server.models import Catalogue, load_ensembles
from tests.worlds import a_spec

TOML = """
name = "{name}"
[[agents]]
name = "a"
model = "test:a"
"""


def test_an_ensemble_is_a_model_and_so_is_each_of_its_agents() -> None:
    """An agent alone is asked once."""
    served = Catalogue([a_spec(2, name="duo")]).served
    assert list(served) == ["duo", "duo/a", "duo/b"]
    alone = served["duo/a"]
    assert (alone.ensemble, alone.spec.strategy, alone.spec.name) == ("duo", "single", "duo/a")
    assert [agent.name for agent in alone.spec.agents] == ["a"]


def test_a_model_has_a_fingerprint_that_changes_with_what_runs() -> None:
    """And with nothing else."""
    two, three = Catalogue([a_spec(2, name="x")]), Catalogue([a_spec(3, name="x")])
    assert two.served["x"].fingerprint != three.served["x"].fingerprint
    assert two.served["x"].fingerprint == Catalogue([a_spec(2, name="x")]).served["x"].fingerprint


def test_two_ensembles_of_one_name_are_refused() -> None:
    """A request could mean either."""
    with pytest.raises(ConfigError, match="two ensembles are called 'duo'"):
        Catalogue([a_spec(2, name="duo"), a_spec(3, name="duo")])


def test_names_files_and_folders_are_loaded(tmp_path: Path) -> None:
    """Of a folder each file, in the order of their names."""
    for name in ("b", "a"):
        (tmp_path / f"{name}.toml").write_text(TOML.format(name=name), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    found = load_ensembles(["embedded", str(tmp_path), str(tmp_path / "b.toml")])
    assert [spec.name for spec in found] == ["embedded", "a", "b", "b"]


def test_a_folder_without_ensembles_is_named(tmp_path: Path) -> None:
    """It was surely meant to have some."""
    with pytest.raises(ConfigError, match="has no"):
        load_ensembles([str(tmp_path)])
