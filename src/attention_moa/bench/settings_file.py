"""The folder of a benchmark: what ran in it, so that it can go on, and nothing else is mixed in."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from attention_moa.bench.questions import OWN, QuestionSet
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError, StoreError, describe
from attention_moa.fingerprint import request_key

_FILE = "settings.json"
_SCORES = "scores.json"


class Settings(Struct, frozen=True, kw_only=True):
    """What runs in a folder.

    Args:
        task: The benchmark.
        data: The file of its questions.
        data_fingerprint: Of its content.
        systems: Who answers.
        keys: What each system is known by: equal where the same is asked of the same models, however it is called
            (waits, timeouts, rates, keys, prices).
        judge: Who judges, as the command line says it; None for nobody.
        judge_spec: The same in full.
        limit: At most so many questions; None for all.
        seed: By which they are drawn; None for the first ones.
        max_tokens: The cap of every reply; None for none.
        budget_usd: The most that all may cost; None for no limit.
        warnings: What a reader of the scores has to know.
        versions: Of what runs.
        hash: Of all that shapes the scores; empty until it is put in.
    """

    task: str
    data: str
    data_fingerprint: str
    systems: tuple[System, ...]
    keys: Mapping[str, str] = {}
    judge: str | None = None
    judge_spec: Mapping[str, Any] | None = None
    limit: int | None = None
    seed: int | None = None
    max_tokens: int | None = None
    budget_usd: float | None = None
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = {}
    hash: str = ""


class Order(Struct, frozen=True, kw_only=True):
    """Work over questions in a folder, as it is ordered.

    Args:
        questions: What is asked.
        settings: What runs, as it is written down.
        folder: Where all goes.
        judge: Who judges; None for nobody.
        journal: Where the calls are kept: a path or URL; None for a file in the folder.
        parallel: How many questions are under way at once at most.
    """

    questions: QuestionSet
    settings: Settings
    folder: Path
    judge: EnsembleSpec | None = None
    journal: str | Path | None = None
    parallel: int = 8

    @property
    def place(self) -> str | Path:
        """Where the calls are kept."""
        return self.folder / "journal.db" if self.journal is None else self.journal


def versions() -> dict[str, str]:
    """Return the versions of this package and of Python."""
    return {"attention-moa": version("attention-moa"), "python": platform.python_version()}


def system_keys(systems: Iterable[System]) -> dict[str, str]:
    """Return what each system is known by, by name."""
    return {one.name: request_key(one.spec, ())[:16] for one in systems}


def settings_hash(settings: Settings) -> str:
    """Return the hash of what shapes the scores: not where the data are, nor what may be spent."""
    kept = msgspec.to_builtins(settings)
    for name in ("data", "systems", "budget_usd", "warnings", "versions", "hash"):
        del kept[name]
    return hashlib.sha256(msgspec.json.encode(kept, order="sorted")).hexdigest()[:16]


def default_folder(questions: QuestionSet, settings: Settings, place: Path) -> Path:
    """Return the folder that equal settings have already and that is not finished, else a new one of today.

    Args:
        questions: What is asked.
        settings: What runs, with its hash.
        place: Where folders of benchmarks are.
    """
    task = questions.source.stem if settings.task == OWN else settings.task
    begin = f"bench-{task}-{settings.systems[0].name}"
    today = place / f"{begin}-{datetime.now(UTC):%Y-%m-%d}"
    for folder in sorted(place.glob(f"{begin}-*"), reverse=True):
        if (folder == today or not (folder / _SCORES).exists()) and _hash_in(folder) == settings.hash:
            return folder
    found, number = today, 2
    while found.exists():
        found, number = today.with_name(f"{today.name}-{number}"), number + 1
    return found


def enter_folder(folder: Path, settings: Settings) -> None:
    """Make a benchmark's folder, or take up one in which the same ran.

    Other questions, a higher limit, another judge are fine: what was answered is kept.

    Args:
        folder: Where all goes.
        settings: What runs.

    Raises:
        ConfigError: Something else ran there.
        StoreError: It cannot be written.
    """
    before = _read(folder)
    if before is not None:
        _require_same(folder, before, settings)
    try:
        for name in ("answers", "runs", "judgements"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        document = msgspec.json.format(msgspec.json.encode(settings), indent=2)
        (folder / _FILE).write_bytes(document + b"\n")
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {describe(error)}") from error


def with_earlier_systems(folder: Path, settings: Settings) -> Settings:
    """Return settings with the systems that answered in a folder before, behind those that answer now.

    Args:
        folder: Where all goes.
        settings: What runs now.

    Raises:
        ConfigError: Something else ran there, or what is there cannot be read.
    """
    before = _read(folder)
    if before is None:
        return settings
    _require_same(folder, before, settings)
    try:
        found = msgspec.convert(before.get("systems", []), tuple[System, ...])
    except msgspec.ValidationError as error:
        raise ConfigError(f"{folder / _FILE}: {error}: name another folder", key="--out") from error
    names = {one.name for one in settings.systems}
    systems = (*settings.systems, *(one for one in found if one.name not in names))
    whole = replace(settings, systems=systems, keys=system_keys(systems))
    return replace(whole, hash=settings_hash(whole))


def _require_same(folder: Path, before: Mapping[str, Any], settings: Settings) -> None:
    now = cast("dict[str, Any]", msgspec.to_builtins(settings))
    for name in ("task", "data_fingerprint"):
        if before.get(name) != now[name]:
            what = "another benchmark" if name == "task" else "other data"
            raise ConfigError(f"{folder} holds {what}: name another folder", key="--out")
    keys = before.get("keys", {})
    for name, key in now["keys"].items():
        if keys.get(name, key) != key:
            raise ConfigError(f"{folder} holds another ensemble {name}: name another folder", key="--out")


def _hash_in(folder: Path) -> str | None:
    try:
        before = _read(folder)
    except ConfigError:
        return None
    return None if before is None else before.get("hash")


def _read(folder: Path) -> Mapping[str, Any] | None:
    """Return the settings in a folder; None where there are none."""
    path = folder / _FILE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {describe(error)}: name another folder", key="--out") from error
