"""Files that begin as GGUF files do, whole or not, for tests that load no model."""

from __future__ import annotations

import struct
from pathlib import Path


def write_header(path: Path, *, version: int = 3, tensors: int = 1, pairs: int = 1, rest: bytes = b"") -> Path:
    """Write a file with a GGUF header and return its path."""
    path.write_bytes(struct.pack("<4sIQQ", b"GGUF", version, tensors, pairs) + rest)
    return path
