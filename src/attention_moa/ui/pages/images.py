"""Images that somebody puts beside a question: they come in pieces, are kept while the page is open, and never shown.

What they hold is looked at by models alone; the page tells their names. They go on as the API's images do, and are
checked by what checks those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup
from msgspec import Struct

from attention_moa.messages import ImagePart
from attention_moa.ui.figures import number
from attention_moa.ui.html import render
from attention_moa.ui.ports import RefusedError
from attention_moa.ui.words import one_line

MOST_IMAGES = 8
"""Most images of a question."""

_KIND = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_NAME = 60


class _Coming(Struct, kw_only=True):
    """An image of which pieces have come."""

    name: str
    count: int
    pieces: dict[int, str]

    @property
    def is_whole(self) -> bool:
        return len(self.pieces) == self.count

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces.values()))


class Images:
    """The images of the question that is being written."""

    def __init__(self) -> None:
        """Have none."""
        self.most_bytes = 0
        self._coming: dict[str, _Coming] = {}

    def take(self, fields: Mapping[str, str]) -> bool:
        """Take a piece of an image; return whether it is whole by that.

        Args:
            fields: ``file`` is the image's own id, ``name`` its name, ``at`` the piece's number from 0, ``of`` how many
                there are, ``piece`` a part of its data address.

        Raises:
            RefusedError: It is none, or there are too many, or they are too large together.
        """
        file, at, count = fields.get("file", ""), _whole(fields.get("at")), _whole(fields.get("of"))
        if not file or at is None or count is None or not at < count:
            return False  # whoever sends such a thing is not our page
        coming = self._coming.setdefault(
            file, _Coming(name=one_line(fields.get("name", "") or "image", _NAME), count=count, pieces={})
        )
        coming.pieces[at] = fields.get("piece", "")
        if len(self._coming) > MOST_IMAGES:
            self._refuse(file, f"{MOST_IMAGES} images are the most")
        if sum(one.size for one in self._coming.values()) > self.most_bytes:
            self._refuse(file, f"images of a question may have {number(self.most_bytes * 3 // 4)} bytes together")
        if coming.is_whole and _KIND.fullmatch(_address(coming)) is None:
            self._refuse(file, "it is no PNG, JPEG, GIF or WebP")
        return coming.is_whole

    def drop(self, file: str) -> None:
        """Take one out."""
        self._coming.pop(file, None)

    def clear(self) -> None:
        """Take all out: they were asked with."""
        self._coming.clear()

    @property
    def parts(self) -> tuple[ImagePart, ...]:
        """Those that are whole, in the order in which they came."""
        return tuple(ImagePart(url=_address(one)) for one in self._coming.values() if one.is_whole)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(one.name for one in self._coming.values() if one.is_whole)

    def html(self) -> Markup:
        """Return their names, each with a button that takes it out."""
        whole = [(file, one.name) for file, one in self._coming.items() if one.is_whole]
        return render("images.html", images=whole)

    def _refuse(self, file: str, why: str) -> None:
        name = self._coming.pop(file).name
        raise RefusedError(f"{name}: {why}", field="images")


def _address(one: _Coming) -> str:
    return "".join(one.pieces[at] for at in sorted(one.pieces))


def _whole(told: str | None) -> int | None:
    return int(told) if told is not None and told.isascii() and told.isdecimal() and len(told) < 5 else None
