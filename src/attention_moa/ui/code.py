"""Code with colours: as HTML with classes, in a time that grows with its length and no faster. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attention_moa.ui.languages import Language, language
from attention_moa.ui.visible import attribute, shown


def code_block(code: str, name: str, most_colours: int) -> tuple[str, int]:
    """Return a block of code as HTML, and how many pieces of it have a colour.

    Args:
        code: The code.
        name: What the block says that it is: a language's name, perhaps with more behind it; empty for nothing.
        most_colours: How many pieces may have a colour; what comes after them has none.
    """
    known = language(name.split(maxsplit=1)[0].strip("{.,:}")) if name.strip() else None
    pieces = list(_coloured(code, known, most_colours)) if known else [shown(code)]
    label = attribute(f"Code: {name[:60]}" if name.strip() else "Code")
    head = f'<div class="t-language">{shown(name)}</div>' if name.strip() else ""
    block = f'<pre class="t-code" dir="ltr" tabindex="0" role="group" aria-label="{label}">'
    return f"{head}{block}<code>{''.join(pieces)}</code></pre>\n", len(pieces) // 2


def _coloured(code: str, known: Language, most: int) -> Iterator[str]:
    """Yield pieces of code, those between colours and those with one in turn; the first has none.

    Args:
        code: The code.
        known: Its language.
        most: How many may have a colour.
    """
    end = 0
    for found in known.pattern.finditer(code):
        kind = _kind(found, known)
        if kind is None:
            continue
        if most <= 0:
            break
        most -= 1
        yield shown(code[end : found.start()])
        yield f'<span class="t-{kind}">{shown(found[0])}</span>'
        end = found.end()
    yield shown(code[end:])


def _kind(found: re.Match[str], known: Language) -> str | None:
    """Return the class of what was found; None for a word like any other."""
    groups = found.groupdict()
    word = groups.get("word")
    if word is None:
        return found.lastgroup
    if (word if known.is_cased else word.lower()) in known.keywords or word.startswith("&"):
        return "keyword"
    return "call" if groups.get("call") is not None else None
