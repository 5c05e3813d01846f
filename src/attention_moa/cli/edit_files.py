"""Files of ensembles that are changed on the page: written whole or not at all, the old one kept beside."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from attention_moa.errors import ConfigError
from attention_moa.toml_specs import read_toml

MOST_BYTES = 256 * 1024
_BEFORE = ".before"


class ReadFile(NamedTuple):
    """A file as it is.

    Args:
        text: What is in it.
        digest: Of its bytes.
    """

    text: str
    digest: str


def read_file(path: Path) -> ReadFile:
    """Return a file as it is.

    Raises:
        ConfigError: It is not there any more, or cannot be read.
    """
    text = read_toml(path, key="ensemble", missing=f"{path.name} is not there any more")
    return ReadFile(text, _digest(_bytes_of(path)))


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a file lies in a folder itself, and is neither a link nor reached by one."""
    return path.is_file() and not path.is_symlink() and path.resolve().parent == folder.resolve()


def write_file(path: Path, text: str, *, digest: str) -> None:
    """Write a file; what it was stands beside it then, as ``NAME.before``.

    Args:
        path: The file; it has to be there.
        text: The whole of it, with line feeds alone; one that had other ends of lines keeps them.
        digest: Of what it was when its writer began.

    Raises:
        ConfigError: It is too long, somebody else has changed it meanwhile, or it cannot be written;
            it is then as it was.
    """
    old = _bytes_of(path)
    if _digest(old) != digest:
        raise ConfigError(f"{path.name} was changed by somebody else meanwhile: load the page anew", key="ensemble")
    plain = text.replace("\r\n", "\n")
    is_dos = b"\r\n" in old and old.count(b"\n") == old.count(b"\r\n")
    new = (plain.replace("\n", "\r\n") if is_dos else plain).encode("utf-8", "replace")
    if len(new) > MOST_BYTES:
        raise ConfigError(f"longer than {MOST_BYTES // 1024} KiB", key="ensemble")
    if new == old:
        return
    try:
        mode = path.stat().st_mode & 0o777
        _put(path.with_name(path.name + _BEFORE), old, mode)
        _put(path, new, mode)
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be written: {error.strerror}", key="ensemble") from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}", key="ensemble") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put(path: Path, content: bytes, mode: int) -> None:
    """Put a file in another's place at once, after all of it is on the disk."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105 - of a name that mkstemp gave
    except BaseException:  # whatever it was, half a file stays nowhere
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - as above
        raise
