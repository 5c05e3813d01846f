"""The page's own files: styles, scripts and pictures, each under an address that changes with what is in it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import ClassVar

from attention_moa.ui.whole import Answer

_FOLDER = "/_page/"


class Files:
    """The files of ``static/``."""

    kinds: ClassVar[dict[str, str]] = {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    }

    def __init__(self) -> None:
        """Read all of them; they are few and small."""
        self._answers = {
            self.address(name): Answer(200, self.kinds[name.rpartition(".")[2]], content)
            for name, content in _contents().items()
        }
        self._answers["/favicon.ico"] = self._answers[self.address("icon.svg")]

    def find(self, path: str) -> Answer | None:
        """Return the file at an address; None where there is none."""
        return self._answers.get(path)

    @staticmethod
    def address(name: str) -> str:
        """Return the address of a file."""
        return f"{_FOLDER}{_version()}/{name}"


@cache
def _contents() -> dict[str, bytes]:
    found = (file for file in files("attention_moa.ui").joinpath("static").iterdir())
    return {file.name: file.read_bytes() for file in found if file.name.rpartition(".")[2] in Files.kinds}


@cache
def _version() -> str:
    return hashlib.sha256(
        b"".join(name.encode() + content for name, content in sorted(_contents().items()))
    ).hexdigest()[:12]
