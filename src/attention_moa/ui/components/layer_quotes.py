"""A critique with what the changes took from it marked, and the changes that it accounts for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from attention_moa.influence import Attribution
from attention_moa.ui.differences import colour_of
from attention_moa.ui.safe_html import clean
from attention_moa.ui.visible import shown
from attention_moa.words import Span

_MOST_CHARACTERS = 200_000
_MOST_CHANGES = 200
_CONTEXT = 60


def quoted_html(text: str, column: Attribution | None, critic: str, place: int) -> Markup:
    """Return a critique as it was written, with the pieces marked that are in the author's changes.

    Args:
        text: The critique.
        column: What is measured of the author; None where nothing is.
        critic: Who wrote it.
        place: The critic's among the agents.
    """
    spans: Sequence[Span] = () if column is None else _merged(_quotes(column, critic))
    pieces: list[str] = []
    end = 0
    for span in spans:
        if span.end > _MOST_CHARACTERS:
            break
        heard = '<span class="t-heard">[taken up: </span>'
        marked = f'<mark class="{colour_of(place)}">{heard}{shown(text[span.start : span.end])}</mark>'
        pieces += [shown(text[end : span.start]), marked]
        end = span.end
    pieces.append(shown(text[end:_MOST_CHARACTERS]))
    if len(text) > _MOST_CHARACTERS:
        pieces.append('<p class="t-note">The rest is not shown.</p>')
    return clean(f'<div class="t-lines" dir="auto">{"".join(pieces)}</div>')


def moved_html(texts: tuple[str, str], column: Attribution, critic: str, place: int) -> Markup:
    """Return the changes that a critique accounts for, the largest part first.

    Args:
        texts: The author's answer and its refinement.
        column: What is measured of the author.
        critic: Who wrote the critique.
        place: The critic's among the agents.
    """
    answer, refinement = texts
    found = [
        (credit.words, caused.change)
        for caused in column.changes
        for credit in caused.credits
        if credit.critic == critic
    ]
    found.sort(key=lambda one: -one[0])
    colour = colour_of(place)
    items: list[str] = []
    for words, change in found[:_MOST_CHANGES]:
        gone = shown(answer[change.before.start : change.before.end])
        come = shown(refinement[change.after.start : change.after.end])
        deleted = f'<del class="{colour}"><span class="t-heard">[deleted: </span>{gone}</del>' if gone else ""
        inserted = f'<ins class="{colour}"><span class="t-heard">[inserted: </span>{come}</ins>' if come else ""
        before = _before(refinement[: change.after.start])
        if gone and not come and not before[-1:].isspace() and answer[: change.before.start][-1:].isspace():
            before += " "  # the one between both texts went with what is gone
        behind = _behind(refinement[change.after.end :])
        note = f'<p class="t-note">{_count(words)} of {change.size:,} word{"" if change.size == 1 else "s"}</p>'
        body = f'<div class="t-lines" dir="auto">{before}{deleted}{inserted}{behind}</div>'
        items.append(f"<li>{body}{note}</li>")
    more = f'<p class="t-note">{len(found) - _MOST_CHANGES:,} more.</p>' if len(found) > _MOST_CHANGES else ""
    return clean(f"<ul>{''.join(items)}</ul>{more}")


def _quotes(column: Attribution, critic: str) -> Iterator[Span]:
    for caused in column.changes:
        for credit in caused.credits:
            if credit.critic == critic:
                yield from credit.quotes


def _merged(spans: Iterator[Span]) -> Sequence[Span]:
    """Return pieces of a text in order, those that overlap or touch as one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _before(text: str) -> str:
    """Return the last words before a change, in its own line."""
    line = text[-_CONTEXT:].rpartition("\n")[2]
    is_cut = len(line) == _CONTEXT and len(text) > _CONTEXT
    return shown(f"… {line.partition(' ')[2]}" if is_cut else line)


def _behind(text: str) -> str:
    """Return the first words behind a change, in its own line."""
    line = text[:_CONTEXT].partition("\n")[0]
    is_cut = len(line) == _CONTEXT and len(text) > _CONTEXT
    return shown(f"{line.rpartition(' ')[0]} …" if is_cut else line)


def _count(words: float) -> str:
    return f"{words:.0f}" if words >= 10 or words == round(words) else f"{words:.1f}"
