r"""The final value of an answer, where it states one in a form that can be compared: a number, a letter, a word or two.

Pure. Forms that are looked for, in this order: the last ``\boxed{…}``; the last line ``#### …``; the last ``answer is
…`` or ``answer: …``; a text that is nothing but a letter of a choice; a short text that holds one number alone.
"""

from __future__ import annotations

import re

_MOST_WORDS = 5
_SHORT_WORDS = 12
_LONGEST = 80
_MARK = re.compile(r"^#{4}[ \t]*(\S.*)$", re.MULTILINE)
_SAID = re.compile(r"\banswer[ \t*_]{0,4}(?:is\b|[:=])[ \t:*_]{0,6}(?=(\S.{0,120}))", re.IGNORECASE)
_LETTER = re.compile(r"\(?([A-Z])\)?[.:]?")
_LED_BY_LETTER = re.compile(r"\(([A-Za-z])\)|([A-Za-z])[.):](?:\s|$)")
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_WRAPPED = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{([^{}]*)\}")


def final_answer(text: str) -> str | None:
    """Return the final value of an answer in a form in which equal values are equal texts; None where it has none.

    Args:
        text: The answer.

    Source: ours.
    """
    found = _boxed(text) or _last(_MARK, text) or _sentence(_last(_SAID, text))
    if found is None:
        bare = text.strip().strip("*_ ")
        found = bare if _LETTER.fullmatch(bare) else _lone_number(bare)
    return None if found is None else _normal(found)


def _boxed(text: str) -> str | None:
    """Return what the last box holds, braces within it counted; None where there is none, or it is not closed."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len("\\boxed")
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[begin + 1 : place]
    return None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found: str | None = None
    for match in pattern.finditer(text):
        found = match[1]
    return found


def _sentence(said: str | None) -> str | None:
    """Return what was said up to the end of its sentence."""
    return None if said is None else re.split(r"[.!?](?:\s|$)", said, maxsplit=1)[0]


def _lone_number(text: str) -> str | None:
    numbers = _NUMBER.findall(text) if len(text.split()) <= _SHORT_WORDS else []
    return numbers[0] if len(numbers) == 1 else None


def _normal(value: str) -> str | None:
    """Return a value without dress: ``**$1,200.00**.`` and ``1200`` are one, and so are ``(b)`` and ``B``."""
    plain = _WRAPPED.sub(r"\1", value).replace("\\$", "").replace("\\%", "")
    plain = " ".join(plain.strip(" \t\n*_`$€£%.,;:!\"'").split())
    led = _LED_BY_LETTER.match(plain)
    if led is not None or _LETTER.fullmatch(plain.upper()):
        return (led[1] or led[2] if led else plain.strip("().:")).upper()
    number = _NUMBER.match(plain)
    if number is not None and not re.search(r"[\d/^+*=]", plain[number.end() :]):
        return _plain_number(number[0])
    is_short = plain and len(plain) <= _LONGEST and len(plain.split()) <= _MOST_WORDS
    return plain.casefold() if is_short else None


def _plain_number(number: str) -> str:
    """Return a number without what does not change it: commas, a plus, zeros at its ends."""
    whole, _, rest = number.replace(",", "").partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits, rest = whole.lstrip("+-").lstrip("0") or "0", rest.rstrip("0")
    return f"{sign}{digits}{'.' if rest else ''}{rest}"
