"""Why a run ends: the verdict of the residual agent, or outputs that hardly differ any more.

A verdict counts only at the head of the residual agent's reply and only with the nonce that its prompt alone
holds. So no answer, critique, user text or document can stop a run, or keep one going: whatever they write, they do not
know the nonce.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

_NO_LINE = re.compile(r"\s*(?:`{3,}\w*)?\s*")
_WORDS = {"STOP": True, "CONTINUE": False}
_VERDICT = "VERDICT"
_DRESS = re.compile(r"\A[\W_]*")
_LONGEST_HEAD = 2000
"""Characters of a line under way that may yet be a verdict line; a longer one is told when it is whole."""


class ParsedVerdict(NamedTuple):
    """What a residual reply says: ``is_stop`` is None without a verdict; ``text`` is the reply without its lines."""

    is_stop: bool | None
    text: str


def verdict_line(nonce: str, *, is_stop: bool) -> str:
    """Return the line that a residual agent has to open its reply with."""
    return f"VERDICT {nonce} {'STOP' if is_stop else 'CONTINUE'}"


def parse_verdict(text: str, nonce: str) -> ParsedVerdict:
    """Return the verdict at the head of a residual reply, and the reply without its verdict lines.

    The verdict is the first line that is neither blank nor the mark of a code block. It may be dressed (bold, a
    heading, a quote, a full stop, letter case) and go on behind its three words, since models do that; the words may
    not differ. Anything else is no verdict: the run goes on.

    Args:
        text: The reply, thinking taken out.
        nonce: The secret word of this prompt.

    Returns:
        The verdict, None where there is none, and the text that remains.

    Source: ours; the paper matches a phrase anywhere in the text.
    """
    pattern = _line_pattern(nonce)
    lines = text.strip().split("\n")
    head = next((place for place, line in enumerate(lines) if not _NO_LINE.fullmatch(line)), 0)
    found = pattern.match(lines[head].strip())
    if found is None:
        return ParsedVerdict(None, text.strip())
    rest = [line for line in lines[head + 1 :] if not pattern.match(line.strip())]
    if head and rest and _NO_LINE.fullmatch(rest[0]):
        del rest[0]
    behind = lines[head].strip()[found.end() :]
    return ParsedVerdict(_WORDS[found[1].upper()], "\n".join((behind, *rest)).strip())


def is_garbled(text: str, nonce: str) -> bool:
    """Return whether a reply holds the nonce but no verdict at its head.

    Its writer meant to decide; what it meant is not known, and a text with protocol in it is no answer.

    Args:
        text: The reply, thinking taken out.
        nonce: The secret word of this prompt.
    """
    return nonce.lower() in text.lower() and parse_verdict(text, nonce).is_stop is None


def is_past_stop(text: str, nonce: str, *, allowance: int = 200) -> bool:
    """Return whether a reply under way said stop and still writes on, so that its stream can be closed.

    Args:
        text: The reply so far.
        nonce: The secret word of this prompt.
        allowance: Characters after the verdict line that are let pass; a reply that ends by itself within them is left
            to end, since then its token counts arrive.
    """
    first, newline, rest = text.lstrip().partition("\n")
    if not newline or len(rest) <= allowance:
        return False
    return parse_verdict(first, nonce).is_stop is True


class PastStop:
    """Tells of a reply that comes piece by piece what ``is_past_stop`` tells of it so far; looks at each piece once.

    Args:
        nonce: The secret word of this prompt.
        allowance: See ``is_past_stop``.
    """

    def __init__(self, nonce: str, *, allowance: int = 200) -> None:
        """Start before the first piece."""
        self._nonce = nonce
        self._allowance = allowance
        self._first: list[str] = []
        self._is_stop: bool | None = None
        self._behind = 0

    def __call__(self, piece: str) -> bool:
        """Return whether the reply, which goes on so, said stop and still writes on."""
        if self._is_stop is None:
            piece = piece if self._first else piece.lstrip()
            line, newline, piece = piece.partition("\n")
            self._first += [line] if line else []
            if not newline:
                return False
            self._is_stop = parse_verdict("".join(self._first), self._nonce).is_stop is True
        self._behind += len(piece)
        return self._is_stop and self._behind > self._allowance


class VerdictLines:
    """Takes the verdict lines out of a residual reply as it comes; ``parse_verdict`` does so of a whole one.

    What it hands on is never taken back. Nothing comes of a reply that says stop.

    Args:
        nonce: The secret word of this prompt.
    """

    def __init__(self, nonce: str) -> None:
        """Start before the first piece."""
        self._pattern = _line_pattern(nonce)
        self._held = ""
        self._is_head = self._is_sure = True
        self._drops_fence = False
        self._phase: Callable[[str], str] = self._at_head
        self.is_going_on = False

    def feed(self, text: str) -> str:
        """Return what is sure now that the reply goes on so.

        Args:
            text: Thinking taken out, no white space around the whole, nor at the end of any piece.
        """
        return self._phase(text)

    def _at_head(self, text: str) -> str:
        """Look for the first line that is one, and decide by it."""
        self._held += text
        *lines, last = self._held.split("\n")
        head = next((place for place, line in enumerate(lines) if not _NO_LINE.fullmatch(line)), None)
        if head is None and (_NO_LINE.fullmatch(last) or self._may_be_verdict(last)):
            if len(self._held) > _LONGEST_HEAD:
                self._phase = _nothing_sure
            return ""
        place = len(lines) if head is None else head
        line = (*lines, last)[place].lstrip()  # what white space is behind it shows with the next piece
        found = self._pattern.match(line)
        if found is not None and _WORDS[found[1].upper()]:
            self._phase = _nothing_sure
            return ""
        self.is_going_on = True
        whole, self._held = self._held, ""
        if found is None:
            self._phase = _as_it_is
            return whole
        self._drops_fence, self._phase = place > 0, self._behind_verdict
        rest = [line[found.end() :], *(*lines, last)[place + 1 :]]
        return self._behind_verdict("\n".join(rest))

    def _may_be_verdict(self, line: str) -> bool:
        """Return whether a line that is not whole may turn out to be a verdict line."""
        found = self._pattern.match(line.lstrip())
        if found is not None:
            return found.end() == len(line.lstrip())
        return _may_begin_verdict(line)

    def _behind_verdict(self, text: str) -> str:
        """Hand on line by line what is no verdict line; of the head's, what stands behind the verdict."""
        out: list[str] = []
        first, *others = text.split("\n")
        self._add(first, out)
        for line in others:
            self._end_line(out)
            self._add(line, out)
        return "".join(out)

    def _add(self, part: str, out: list[str]) -> None:
        if self._is_head:
            part = self._held + part
            out.append(part.rstrip())
            self._held = part[len(part.rstrip()) :]
        elif self._is_sure:
            out.append(part)
        else:
            self._held += part
            is_fence = self._drops_fence and _NO_LINE.fullmatch(self._held) is not None
            if not is_fence and not _may_begin_verdict(self._held):
                out.append(f"\n{self._held}")
                self._held, self._is_sure, self._drops_fence = "", True, False
            elif len(self._held) > _LONGEST_HEAD:
                self._phase = _nothing_sure

    def _end_line(self, out: list[str]) -> None:
        is_open = not self._is_head and not self._is_sure
        if is_open and not self._pattern.match(self._held.strip()):
            if not (self._drops_fence and _NO_LINE.fullmatch(self._held)):
                out.append(f"\n{self._held}")
            self._drops_fence = False
        self._held, self._is_head, self._is_sure = "", False, False


def _as_it_is(text: str) -> str:
    return text


def _nothing_sure(_: str) -> str:
    return ""


def _may_begin_verdict(line: str) -> bool:
    """Return whether a line begins as a verdict line does, as far as it goes."""
    word = _DRESS.sub("", line, count=1)[: len(_VERDICT)]
    return _VERDICT.startswith(word.upper())


def similarity(one: str, other: str) -> float:
    """Return how much two texts share, word by word in order: 0 for nothing, 1 for equal.

    Twice the longest common subsequence of words over the sum of both lengths.

    Args:
        one: A text.
        other: Another text.

    Source: ours (the paper names no measure); the computation is rapidfuzz's normalised Indel similarity.
    """
    from rapidfuzz.distance import Indel  # compiled: not loaded before a run needs it

    return float(Indel.normalized_similarity(one.split(), other.split()))


def most_central(texts: list[str]) -> int:
    """Return the index of the text that is most like all the others; the first of equals.

    Where no agent is left to write a summary, this refinement stands in: the one with the most agreement.

    Args:
        texts: At least one.

    Source: ours.
    """
    return by_agreement(texts)[0]


def by_agreement(texts: Sequence[str]) -> list[int]:
    """Return the places of texts, that which is most like all the others first; equals in their order.

    Args:
        texts: Any number.

    Source: ours.
    """
    scores = [sum(similarity(text, other) for other in texts) for text in texts]
    return sorted(range(len(texts)), key=lambda place: -scores[place])


def most_diverse(texts: Sequence[str], count: int) -> list[int]:
    """Return the places of texts that are as little alike as greedy choice finds them, in the order of the choice.

    The first is the text with the most agreement; each further one is that which is least like the most similar of
    those chosen so far.

    Args:
        texts: At least one.
        count: How many; all of them where there are not so many.

    Source: after RMoA (arXiv 2505.24442), which compares embeddings; words in order, and the first text, are ours.
    """
    chosen = by_agreement(texts)[:1]
    nearest = [similarity(text, texts[chosen[0]]) for text in texts]
    while len(chosen) < min(count, len(texts)):
        least = min((place for place in range(len(texts)) if place not in chosen), key=nearest.__getitem__)
        chosen.append(least)
        nearest = [max(near, similarity(text, texts[least])) for near, text in zip(nearest, texts, strict=True)]
    return chosen


def _line_pattern(nonce: str) -> re.Pattern[str]:
    return re.compile(
        rf"[\W_]*VERDICT[\W_]+{re.escape(nonce)}[\W_]+(STOP|CONTINUE)(?![A-Za-z0-9])[\W_]*", re.IGNORECASE
    )
