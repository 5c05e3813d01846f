"""The folder of a proof: what it is a proof of, and what was decided on the way, so that it goes on with the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from attention_moa.bench.documents import write_document
from attention_moa.bench.prove_result import Best, Size
from attention_moa.bench.prove_spend import Unit
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError, StoreError, describe
from attention_moa.fingerprint import request_key

_DECISIONS = "decisions.json"
_FOLDERS = ("answers", "runs", "judgements", "pilot/trial")


class Decisions(Struct, frozen=True, kw_only=True):
    """What was decided before the baselines were run: kept, since what a journal teaches later would decide otherwise.

    Args:
        key: Of what is proven, and how.
        pilot: The prompts of the pilot, by id: they stay the pilot's where prompts are added.
        best: Which agent is the best one; None while nobody knows.
        unit: In what spend is compared; None while nothing is sized.
        sizes: Of the baselines that have one.
        is_tried: Whether the sizes were put right by a trial: they stay then.
    """

    key: str
    pilot: tuple[str, ...] = ()
    best: Best | None = None
    unit: Unit | None = None
    sizes: Mapping[str, Size] = {}
    is_tried: bool = False


def proof_key(
    ensemble: EnsembleSpec, judge: EnsembleSpec | None, *, told: Sequence[str | None], baselines: Sequence[str]
) -> str:
    """Return what a folder's proof is known by: other prompts, limits and waits make it no other one.

    Args:
        ensemble: What is to be proven.
        judge: Who judges; None for nobody.
        told: What else the user said that shapes the pilot.
        baselines: What the ensemble has to beat.
    """
    parts = (request_key(ensemble, ()), None if judge is None else request_key(judge, ()), told, sorted(baselines))
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def run_prefix(ensemble: EnsembleSpec) -> str:
    """Return what the names of all runs begin with: the same for every proof of an ensemble, which share them so."""
    return f"prove-{request_key(ensemble, ())[:10]}"


def default_folder(prompts: Path, name: str, key: str, place: Path) -> Path:
    """Return the folder that has this very proof already, else a new one of today.

    Args:
        prompts: The file.
        name: Of the ensemble.
        key: Of the proof.
        place: Where folders are.
    """
    begin = f"prove-{prompts.stem}-{name}"
    for folder in sorted(place.glob(f"{begin}-*"), reverse=True):
        found = _read(folder / _DECISIONS)
        if found is not None and found.key == key:
            return folder
    today = found_free = place / f"{begin}-{datetime.now(UTC):%Y-%m-%d}"
    number = 2
    while found_free.exists():
        found_free, number = today.with_name(f"{today.name}-{number}"), number + 1
    return found_free


def decisions_in(folder: Path, key: str) -> Decisions | None:
    """Return what was decided in a folder; None where there is no proof yet.

    Args:
        folder: Where all goes.
        key: Of the proof.

    Raises:
        ConfigError: It holds something else.
    """
    found = _read(folder / _DECISIONS)
    is_other = found is None and (folder / "settings.json").exists()
    if is_other or (found is not None and found.key != key):
        raise ConfigError(
            f"{folder} holds another proof or benchmark: name another folder, and with --journal the journal in this "
            "one: what it paid for is not paid again",
            key="--out",
        )
    return found


def make_folder(folder: Path, decided: Decisions) -> None:
    """Make a proof's folder, or take it up.

    Args:
        folder: Where all goes.
        decided: What is decided so far.

    Raises:
        StoreError: It cannot be written.
    """
    try:
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {describe(error)}") from error
    keep_decisions(folder, decided)


def keep_decisions(folder: Path, decisions: Decisions) -> None:
    """Write down what was decided.

    Raises:
        StoreError: It cannot be written.
    """
    write_document(folder / _DECISIONS, decisions)


def _read(path: Path) -> Decisions | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Decisions)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {describe(error)}: name another folder", key="--out") from error
