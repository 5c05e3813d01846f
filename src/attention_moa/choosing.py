"""Which answers a selector chooses: a line that only it can write, because only its prompt holds the nonce.

The choice counts at the head of the reply alone, as a verdict does (``stopping.py``): so no answer, critique, user text
or document chooses itself, whatever it holds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NO_LINE = re.compile(r"\s*(?:`{3,}\w*)?\s*")
_LONGEST = 1000
"""Characters of a line that may be a choice."""

_NUMBERS = re.compile(r"[0-9]{1,3}")


class Choice(NamedTuple):
    """What a selector says: the numbers of the texts, from 1, in its order; whether the work is to stop here."""

    numbers: tuple[int, ...]
    is_stop: bool = False


def choice_line(nonce: str, count: int, *, is_stop: bool | None = None) -> str:
    """Return the line that a selector has to answer with, a ``#`` in the place of each number.

    Args:
        nonce: The secret word of this prompt.
        count: How many texts are to be chosen.
        is_stop: Whether the line also stops the work, or has it go on; None where that is not asked.
    """
    words = () if is_stop is None else ("STOP",) if is_stop else ("CONTINUE",)
    return " ".join(("CHOICE", nonce, *("#" * count), *words))


def parse_choice(text: str, nonce: str, *, count: int, of: int) -> Choice | None:
    """Return the choice at the head of a selector's reply; None where there is none, or not a whole and possible one.

    It is the first line that is neither blank nor the mark of a code block. It may be dressed (bold, a quote, commas,
    letter case, a full stop), since models do that. What stands behind it is not read.

    Args:
        text: The reply, thinking taken out.
        nonce: The secret word of this prompt.
        count: How many texts have to be chosen; all different.
        of: How many there are.

    Source: ours.
    """
    line = next((line for line in text.split("\n") if not _NO_LINE.fullmatch(line)), "")
    found = (
        None
        if len(line) > _LONGEST
        else re.fullmatch(
            rf"[\W_]*CHOICE[\W_]+{re.escape(nonce)}[\W_]+([0-9][0-9\W_]*?)(?:[\W_]+(STOP|CONTINUE))?[\W_]*",
            line,
            re.IGNORECASE | re.ASCII,
        )
    )
    if found is None:
        return None
    numbers = tuple(map(int, _NUMBERS.findall(found[1])))
    is_whole = len(numbers) == len(set(numbers)) == count and all(1 <= number <= of for number in numbers)
    return Choice(numbers, (found[2] or "").upper() == "STOP") if is_whole else None
