"""An answer as it comes: its text in, what the browser has to draw anew out."""

from __future__ import annotations

from markupsafe import Markup, escape

from attention_moa.ui.ops import Op


class AnswerText:
    """The text of an answer."""

    def __init__(self) -> None:
        """Start empty."""
        self.text = ""

    def set(self, text: str) -> None:
        """Have this text and no other."""
        self.text = text

    def html(self) -> Markup:
        """Return the whole as HTML that does nothing."""
        return Markup('<div class="plain" dir="auto">{}</div>').format(escape(self.text)) if self.text else Markup("")

    def changes(self, at: str) -> list[Op]:
        """Return what has to be drawn anew.

        Args:
            at: The id of the element that holds the answer.
        """
        return [["html", at, self.html()]]
