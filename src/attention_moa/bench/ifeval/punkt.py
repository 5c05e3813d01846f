"""A Punkt model as files: abbreviations, words that open sentences or go together, the case in which words occur."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntFlag
from pathlib import Path
from typing import NamedTuple

from attention_moa.bench.reading import Place, find_file, read_text

_FOLDER = Path("nltk_data", "tokenizers", "punkt_tab", "english")


class Seen(IntFlag):
    """How a word was seen in the texts that the model was made of; the numbers are those of its files."""

    NOT = 0
    BEGIN_UPPER = 2
    MIDDLE_UPPER = 4
    UNKNOWN_UPPER = 8
    BEGIN_LOWER = 16
    MIDDLE_LOWER = 32
    UNKNOWN_LOWER = 64
    UPPER = 14
    LOWER = 112


class Model(NamedTuple):
    """What Punkt knows of a language.

    Args:
        abbreviations: Without their last period, in small letters.
        collocations: Pairs of words with a period between them that ends no sentence.
        starters: Words that often open a sentence.
        seen: How each word was seen.
    """

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    starters: frozenset[str]
    seen: dict[str, Seen]


def read_model(folder: Path) -> Model:
    """Return the model of English that comes with IFEval's data.

    Args:
        folder: IFEval's; the model is in ``nltk_data/tokenizers/punkt_tab/english``.

    Raises:
        ConfigError: It is not there, or a line of it is wrong.
    """
    files = folder / _FOLDER
    return Model(
        frozenset(_words(files, "abbrev_types.txt")),
        frozenset((first, second) for _, first, second in _pairs(files, "collocations.tab")),
        frozenset(_words(files, "sent_starters.txt")),
        {word: _seen(place, flags) for place, word, flags in _pairs(files, "ortho_context.tab")},
    )


def _words(files: Path, name: str) -> list[str]:
    return read_text(find_file(files, name)).split()


def _pairs(files: Path, name: str) -> Iterator[tuple[Place, str, str]]:
    path = find_file(files, name)
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        first, tab, second = line.rstrip("\r").partition("\t")
        if tab:
            yield Place(path, number), first, second
        elif first:
            raise Place(path, number).error("no tab between two values")


def _seen(place: Place, flags: str) -> Seen:
    if not flags.isascii() or not flags.isdigit() or int(flags) > Seen.UPPER | Seen.LOWER:
        raise place.error(f"not a sum of 2, 4, 8, 16, 32 and 64: {flags!r}", field="column 2")
    return Seen(int(flags))
