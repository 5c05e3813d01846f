"""An answer as it comes: pieces in, what the browser has to draw anew out. Pure."""

from __future__ import annotations

from markupsafe import Markup, escape


class AnswerText:
    """The text of an answer."""

    def __init__(self) -> None:
        """Start empty."""
        self.text = ""

    def add(self, text: str) -> None:
        """Go on with a piece."""
        self.text += text

    def set(self, text: str) -> None:
        """Have this text and no other."""
        self.text = text

    def html(self) -> Markup:
        """Return the whole as HTML that does nothing."""
        return Markup('<div class="plain" dir="auto">{}</div>').format(escape(self.text)) if self.text else Markup("")
