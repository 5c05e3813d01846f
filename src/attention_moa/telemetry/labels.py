"""Names as labels of metrics: only so many of a kind, however many there are, since each is kept for ever. Pure."""

from __future__ import annotations

from attention_moa.messages import whole_characters

OTHER = "other"


class Names:
    """The first names that came, so many of them; all further ones are one.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        """Start without any."""
        self._most = most
        self._known: dict[tuple[str, str], str] = {}

    def of(self, name: str, *, within: str = "") -> str:
        """Return a name as a label has it: itself, or ``other`` where there are too many.

        Args:
            name: Any.
            within: What it is a name in: equal names in different things count apart.
        """
        key = within, name
        if key not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known[key] = whole_characters(name)
        return self._known[key]
