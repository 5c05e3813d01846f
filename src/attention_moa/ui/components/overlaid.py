"""Two texts laid over each other: what only one has is marked, and said in words to who sees no marks. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from attention_moa.comparing import Piece
from attention_moa.ui.safe_html import clean
from attention_moa.ui.visible import shown
from attention_moa.words import words

_MOST_CHARACTERS = 400_000
_MOST_PIECES = 4_000
_LEAST_SHARED = 1 / 3
_TAGS = {"A": ("del", "only in A"), "B": ("ins", "only in B")}


def are_unlike(pieces: Iterable[Piece]) -> bool:
    """Return whether two texts share so little that they are read side by side rather than over each other.

    So it is where less than a third of all their words stand in both, as they are laid over each other. Texts on two
    subjects share plain words alone; of one that was written anew on its subject about half stays.

    Args:
        pieces: As ``comparing.overlay`` yields them.
    """
    count = {"A": 0, "B": 0, "both": 0}
    for piece in pieces:
        count[piece.side] += len(words(piece.text))
    return 2 * count["both"] < _LEAST_SHARED * (2 * count["both"] + count["A"] + count["B"])


def overlaid_html(pieces: Iterable[Piece]) -> Markup:
    """Return two texts laid over each other: struck what only A has, underlined what only B has.

    Args:
        pieces: As ``comparing.overlay`` yields them.
    """
    parts: list[str] = []
    characters = 0
    for number, piece in enumerate(pieces):
        if number == _MOST_PIECES or characters > _MOST_CHARACTERS:
            parts.append('<p class="t-note">The rest is not shown.</p>')
            break
        characters += len(piece.text)
        parts.append(_piece(piece))
    return clean(f'<div class="t-lines" dir="auto">{"".join(parts)}</div>')


def _piece(piece: Piece) -> str:
    text = shown(piece.text[:_MOST_CHARACTERS])
    if piece.side == "both":
        return text
    tag, about = _TAGS[piece.side]
    colour = "t-c0" if piece.side == "A" else "t-c1"
    return f'<{tag} class="{colour}" title="{about}"><span class="t-heard">[{about}: </span>{text}</{tag}>'
