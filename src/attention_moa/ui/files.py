"""The page's own files: styles, scripts and pictures, each under an address that changes with what is in it."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import ClassVar

from attention_moa.ui.whole import Answer

_FOLDER = "/_page/"
_AWAITED = re.compile(rb'<link rel="stylesheet" href="([^"]*)">|<script src="([^"]*)"></script>')
_AWAITED_OF_NICEGUI = re.compile(rb'@import url\("[^"]*/static/nicegui\.css"\) layer\(nicegui\);')
_BODY = b"<body>"


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

    def within(self, html: bytes) -> bytes:
        """Return a page with the files in it that a browser would wait for before it draws anything, and ``later.js``.

        Each would be one more question to the server, and one more answer, in a browser that has just begun.

        Args:
            html: A page as NiceGUI makes it; files are looked for in its head, in which no text of anybody stands.
        """
        head, body, rest = html.partition(_BODY)
        if not body:
            return html
        own = _AWAITED_OF_NICEGUI.sub(_of_nicegui, _AWAITED.sub(self._inline, head))
        return b"%b<script>%b</script>%b%b" % (own, _contents()["later.js"], body, rest)

    def _inline(self, tag: re.Match[bytes]) -> bytes:
        """Return a file as an element; what is none of ours stays as it is."""
        address = (tag[1] or tag[2]).decode("latin-1")
        answer = self.find(address)
        if answer is None:
            return tag[0]
        name = b"style" if tag[1] else b"script"
        return b"<%b>%b</%b>" % (name, answer.body, name)

    @staticmethod
    def address(name: str) -> str:
        """Return the address of a file."""
        return f"{_FOLDER}{_version()}/{name}"


@cache
def _contents() -> dict[str, bytes]:
    found = (file for file in files("attention_moa.ui").joinpath("static").iterdir())
    return {file.name: file.read_bytes() for file in found if file.name.rpartition(".")[2] in Files.kinds}


def _of_nicegui(_: re.Match[bytes]) -> bytes:
    return _nicegui_style()


@cache
def _nicegui_style() -> bytes:
    """Return the one style of NiceGUI's that its pages need: of what they say when a connection is lost."""
    return b"@layer nicegui {%b}" % files("nicegui").joinpath("static", "nicegui.css").read_bytes()


@cache
def _version() -> str:
    return hashlib.sha256(
        b"".join(name.encode() + content for name, content in sorted(_contents().items()))
    ).hexdigest()[:12]
