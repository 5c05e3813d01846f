"""Text of models and servers made safe for a terminal: it may show, and it may not command."""

from __future__ import annotations

import re

# Whole sequences go first, so that no remains of them are left as text: strings with an end (OSC, DCS and their kin),
# then CSI, then any other escape. The 8-bit forms count too.
_SEQUENCES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
)
# What else acts instead of showing: control characters but tab and line feed, and the marks that turn the direction of
# the text that follows, which can make a line read as another one.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text without anything that a terminal would obey; line ends become line feeds."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _SEQUENCES.sub("", plain))


def one_line(text: str, most: int | None = None) -> str:
    """Return the text cleaned, in one line.

    Args:
        text: Any text.
        most: Most characters; longer text is cut and ends in ``…``. None for all.
    """
    line = " ".join(clean(text).split())
    return line if most is None or len(line) <= most else line[: most - 1] + "…"
