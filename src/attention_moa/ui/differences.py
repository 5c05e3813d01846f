"""What became of an answer, word by word: every change with the colour and the sign of the critique it is traced to.

Texts stand here as they were written, not as Markdown, and do nothing. Whoever cannot see the colours hears them: each
change says in words what it is and whose.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from attention_moa.attribution import Caused
from attention_moa.sources import SentenceSource
from attention_moa.ui.names import isolated, name_html
from attention_moa.ui.safe_html import CRITICS, clean
from attention_moa.ui.visible import shown
from attention_moa.ui.words import percent

_MOST_CHARACTERS = 400_000
_MOST_CHANGES = 2_000
_LEAST_FOLDED = 900
_KEPT = 250
_LEAST_SHARE = 0.2
_LETTERS = 26


def sign_of(index: int) -> str:
    """Return the sign of a critic: A to Z, then AA, AB and so on.

    Args:
        index: Its place among the agents, from 0.
    """
    sign = ""
    while index >= 0:
        index, letter = divmod(index, _LETTERS)
        sign = chr(ord("A") + letter) + sign
        index -= 1
    return sign


def colour_of(index: int) -> str:
    """Return the class of a critic's colour."""
    return f"t-c{index % CRITICS}"


def legend_html(critics: Sequence[str]) -> Markup:
    """Return a list of critics with their colours and signs.

    Args:
        critics: All agents, in the ensemble's order.
    """
    items = (
        f'<li><span class="t-key {colour_of(index)}">{sign_of(index)}</span> {name_html(name)}</li>'
        for index, name in enumerate(critics)
    )
    return clean(f'<ul class="t-legend">{"".join(items)}</ul>')


def difference_html(answer: str, refinement: str, changes: Sequence[Caused], critics: Sequence[str]) -> Markup:
    """Return an answer's refinement with what was changed: what is gone struck, what is new marked, both traced.

    Args:
        answer: The old text.
        refinement: The new text.
        changes: From the one to the other, in the order of both, with the critiques that they are traced to.
        critics: All agents, in the ensemble's order: their places are their colours and signs.
    """
    if not changes:
        return clean(f'<p class="t-note">Nothing was changed.</p>{_lines(shown(refinement[:_MOST_CHARACTERS]))}')
    places = {name: place for place, name in enumerate(critics)}
    return clean(_lines("".join(_pieces(answer, refinement, changes, places))))


def sources_html(
    text: str, sources: Sequence[SentenceSource], agents: Sequence[str], *, what: str = "refinement"
) -> Markup:
    """Return a text with each sentence marked that mostly comes from what one agent wrote.

    Args:
        text: A summary, say.
        sources: Its sentences, in order.
        agents: All agents, in the ensemble's order.
        what: What they wrote.
    """
    places = {name: place for place, name in enumerate(agents)}
    sentences = (_sentence(text[one.span.start : one.span.end], one, places, what) for one in sources[:_MOST_CHANGES])
    rest = text[sources[_MOST_CHANGES].span.start :] if len(sources) > _MOST_CHANGES else ""
    return clean(_lines("".join(sentences) + shown(rest[:_MOST_CHARACTERS])))


def _pieces(answer: str, refinement: str, changes: Sequence[Caused], places: Mapping[str, int]) -> Iterator[str]:
    """Yield the texts laid over each other, from the first character to the last that is shown."""
    end = 0
    for number, caused in enumerate(changes):
        change = caused.change
        if number == _MOST_CHANGES or max(change.before.end, change.after.end) > _MOST_CHARACTERS:
            yield f'<p class="t-note">{len(changes) - number:,} more changes are not marked.</p>'
            break
        yield _folded(refinement[end : change.after.start], at_start=end == 0)
        deleted = answer[change.before.start : change.before.end]
        inserted = refinement[change.after.start : change.after.end]
        if deleted:
            yield _space(answer[: change.before.start][-1:], refinement[: change.after.start][-1:])
            yield _marked("del", deleted, caused, places)
        if inserted:
            yield _marked("ins", inserted, caused, places)
        end = change.after.end
    yield _folded(refinement[end:][:_MOST_CHARACTERS], at_end=True)
    if len(refinement) - end > _MOST_CHARACTERS:
        yield '<p class="t-note">The rest is not shown.</p>'


def _space(before_old: str, before_new: str) -> str:
    """Return the white space that stood before deleted words where none stands there now."""
    return shown(before_old) if before_old.isspace() and not before_new.isspace() else ""


def _marked(tag: str, text: str, caused: Caused, places: Mapping[str, int]) -> str:
    """Return a change's words with whom it is traced to, in colour, sign and words.

    Args:
        tag: ``ins`` or ``del``.
        text: The words.
        caused: The change.
        places: Of the critics.
    """
    word = (
        {"ins": "moved here", "del": "moved away"} if caused.change.is_move else {"ins": "inserted", "del": "deleted"}
    )
    traced = [credit for credit in caused.credits if credit.critic in places]
    if not traced:
        return _span(tag, "t-none", f"{word[tag]}, traced to no critique", text)
    whole = max(caused.change.size, 1)
    shares = [(credit.critic, credit.words / whole) for credit in traced]
    about = f"{word[tag]}, traced to {_whose(shares, 'critique')}"
    return _span(tag, colour_of(places[traced[0].critic]), about, text, place=places[traced[0].critic])


def _whose(shares: Sequence[tuple[str, float]], what: str) -> str:
    """Return whose critiques, or whose anything, in words: with the share of each where there are several."""
    if len(shares) == 1:
        return f"the {what} of {isolated(shares[0][0])}"
    named = [f"{isolated(name)} ({percent(share)})" for name, share in shares]
    return f"the {what}s of {', '.join(named[:-1])} and {named[-1]}"


def _span(tag: str, colour: str, about: str, text: str, *, place: int | None = None) -> str:
    """Return a piece of text that is marked.

    Args:
        tag: Its tag.
        colour: Its class.
        about: What it is, in words; names in it are isolated, and so shown already.
        text: The piece.
        place: Whose it is, by its place among the agents; None for nobody's.
    """
    whose = "" if place is None else f' data-critic="{place}"'
    sign = "" if place is None else f'<sup class="t-critic {colour}" aria-hidden="true">{sign_of(place)}</sup>'
    heard = f'<span class="t-heard">[{html.escape(about, quote=False)}: </span>'
    return f'<{tag} class="{colour}"{whose} title="{html.escape(about)}">{heard}{shown(text)}</{tag}>{sign}'


def _sentence(text: str, source: SentenceSource, places: Mapping[str, int], what: str) -> str:
    """Return a sentence, marked where enough of it comes from one agent."""
    shares = sorted(source.shares.items(), key=lambda item: -item[1])
    told = [(name, share) for name, share in shares if share >= _LEAST_SHARE and name in places]
    if not told:
        return shown(text)
    place = places[told[0][0]]
    inside = text.rstrip()
    about = f"from {_whose(told, what)}"
    return _span("mark", colour_of(place), about, inside, place=place) + shown(text[len(inside) :])


def _folded(text: str, *, at_start: bool = False, at_end: bool = False) -> str:
    """Return unchanged text; of a long stretch only what is beside a change, the rest can be unfolded.

    Args:
        text: The stretch.
        at_start: Whether no change is before it.
        at_end: Whether none is behind it.
    """
    if len(text) < _LEAST_FOLDED:
        return shown(text)
    start = 0 if at_start else _break(text, _KEPT)
    end = len(text) if at_end else _break(text, len(text) - _KEPT)
    words = len(text[start:end].split())
    inside = f"<summary>{words:,} unchanged words</summary>{shown(text[start:end])}"
    return f'{shown(text[:start])}<details class="t-fold">{inside}</details>{shown(text[end:])}'


def _break(text: str, near: int) -> int:
    """Return a place between two lines, or two words, or any, not far behind one."""
    for end in ("\n", " "):
        found = text.find(end, near, near + 2 * _KEPT // 3)
        if found >= 0:
            return found + 1
    return near


def _lines(body: str) -> str:
    return f'<div class="t-lines" dir="auto">{body}</div>'
