"""The folder of a benchmark: it is taken up by what ran in it, and by nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.bench.settings_file import (
    Settings,
    default_folder,
    enter_folder,
    settings_hash,
    system_keys,
    versions,
)
from attention_moa.bench.systems import System
from attention_moa.config import CallPolicy
from attention_moa.errors import ConfigError, StoreError
from tests.bench_world import a_spec, a_wanted, gsm8k_data, write_jsonl


def settings_in(tmp_path: Path, **fields: object) -> Settings:
    """Return settings of a small GSM8K."""
    return a_wanted(tmp_path / "out", "gsm8k", data=gsm8k_data(tmp_path), **fields).settings


def test_the_hash_is_of_what_shapes_the_scores(tmp_path: Path) -> None:
    """Neither money nor how calls are made."""
    settings = settings_in(tmp_path)
    slower = a_spec(calls=CallPolicy(timeout_s=5.0))
    systems = (System(name="mine", spec=slower),)
    same = replace(settings, budget_usd=3.0, data="elsewhere", systems=systems, keys=system_keys(systems))
    assert settings_hash(same) == settings_hash(settings) == settings.hash
    others = (System(name="mine", spec=a_spec("moody")),)
    for other in (
        replace(settings, limit=3),
        replace(settings, judge="test:judge"),
        replace(settings, keys=system_keys(others)),
        replace(settings, max_tokens=5),
    ):
        assert settings_hash(other) != settings.hash
    assert set(versions()) == {"attention-moa", "python"}


def test_a_folder_is_taken_up_by_the_same(tmp_path: Path) -> None:
    """Also with more questions, another judge, another way to make calls."""
    settings = settings_in(tmp_path)
    folder = tmp_path / "out"
    enter_folder(folder, settings)
    assert {path.name for path in folder.iterdir()} == {"answers", "runs", "judgements", "settings.json"}
    written = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    assert (written["hash"], written["systems"][0]["spec"]["agents"][0]["name"]) == (settings.hash, "a")
    enter_folder(folder, replace(settings, limit=9, judge="test:other", budget_usd=1.0))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """Another benchmark, other data, another ensemble of that name, or settings that cannot be read."""
    settings = settings_in(tmp_path)
    folder = tmp_path / "out"
    enter_folder(folder, settings)
    for other, message in (
        (replace(settings, task="ifeval"), "holds another benchmark"),
        (replace(settings, data_fingerprint="x"), "holds other data"),
        (replace(settings, keys={"mine": "x"}), "holds another ensemble mine"),
    ):
        with pytest.raises(ConfigError, match=message):
            enter_folder(folder, other)
    (folder / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"--out: .*settings\.json"):
        enter_folder(folder, settings)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """Of the store."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        enter_folder(tmp_path / "file" / "out", settings_in(tmp_path))


def test_the_same_command_finds_its_folder(tmp_path: Path) -> None:
    """That of today, and an older one that was not finished; what else has the name gets another number."""
    wanted = a_wanted(tmp_path / "out", "gsm8k", data=gsm8k_data(tmp_path))
    questions, settings = wanted.questions, wanted.settings
    place = tmp_path / "place"
    today = default_folder(questions, settings, place)
    assert today.name.startswith("bench-gsm8k-mine-20")
    enter_folder(today, settings)
    (today / "scores.json").write_text("{}", encoding="utf-8")
    assert default_folder(questions, settings, place) == today
    other = replace(settings, hash="other")
    assert default_folder(questions, other, place).name == f"{today.name}-2"
    (today / "settings.json").write_text("{", encoding="utf-8")
    assert default_folder(questions, settings, place).name == f"{today.name}-2"
    older = place / "bench-gsm8k-mine-2020-01-01"
    enter_folder(older, settings)
    assert default_folder(questions, settings, place) == older
    (older / "scores.json").write_text("{}", encoding="utf-8")
    assert default_folder(questions, settings, place).name == f"{today.name}-2"


def test_a_file_of_ones_own_names_its_folder(tmp_path: Path) -> None:
    """By the file's name."""
    path = write_jsonl(tmp_path / "mine.v2.jsonl", [{"prompt": "Why?"}])
    wanted = a_wanted(tmp_path / "out", str(path))
    assert default_folder(wanted.questions, wanted.settings, tmp_path).name.startswith("bench-mine.v2-mine-")
