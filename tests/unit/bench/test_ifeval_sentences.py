"""Sentences and words, with a model of a few words of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.bench.ifeval.capitals import capital_words
from attention_moa.bench.ifeval.punkt import read_model
from attention_moa.bench.ifeval.sentences import split_sentences
from attention_moa.errors import ConfigError
from tests.counting import require_even_growth
from tests.ifeval_world import MODEL, write_model
from tests.long_texts import SENTENCES


@pytest.mark.parametrize(
    "sentences",
    [
        ["One.", "Two!", "Three?", "four"],
        ["Why?!", "So."],
        ["What ?", "!", "So."],
        ["It was Dr. Smith."],
        ["It was 5 p.m. he left."],
        ["It was 5 p.m.", "The sun set."],
        ["Tea, mugs etc.", "Yet none came."],
        ["Tea, mugs etc. , and more."],
        ["We went to St. Ives."],
        ["J. Smith came."],
        ["It was J.", "The end."],
        ["Number 5. ok"],
        ["Number 5.", "Cups"],
        ["Wait... what?"],
        ["Wait...", "The end."],
        ['He said "go."', "She went."],
        ["(It was so.)", "It is."],
        ["Pay 3.50 now.", "See e.g.this."],
        ["One.", "two-dr. Smith.", "-- three"],
    ],
)
def test_a_text_is_parted_into_sentences(sentences: list[str]) -> None:
    """A period ends a sentence unless its word is an abbreviation, an initial or a number that goes on."""
    assert split_sentences(" ".join(sentences), MODEL) == sentences


def test_a_text_without_words_has_no_sentences() -> None:
    """White space is none."""
    assert split_sentences("", MODEL) == []
    assert split_sentences(" \n", MODEL) == []


@pytest.mark.parametrize("shape", SENTENCES)
def test_the_work_on_a_long_text_does_not_grow_with_its_square(shape: str) -> None:
    """A model that repeats one sign for ever is read to its end."""
    require_even_growth(SENTENCES[shape])


def test_a_long_text_is_parted_whole() -> None:
    """Nothing of it is left out."""
    assert "".join(split_sentences("?" * 50_000, MODEL)) == "?" * 50_000
    assert len(split_sentences("a? " * 20_000, MODEL)) == 20_000


@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("TEA AND TWO MUGS.", 4),
        ("Tea And two mUGS.", 0),
        ("IT'S MINE", 3),
        ("I CAN'T. GO", 3),
        ("I CAN'T.", 3),
        ("THEY'LL SAY: WE'RE", 5),
        ("I CANNOT, YOU'RE GONNA", 7),
        ("'TIS TEA", 3),
        ("O'NEILL'S", 2),
        ("AT&T, R2-D2 AND A/B", 5),
        ("ONE,TWO:THREE 3,A 3,4", 4),
        ("«TEA» “MUG” [POT]--CUP...END", 5),
        ("U.S.A. AND 12", 2),
        ("the 'I' of me", 1),
    ],
)
def test_words_in_capitals_are_counted(sentence: str, count: int) -> None:
    """Words are those of the Treebank: what is short for a word is one."""
    assert capital_words([sentence]) == count


def test_a_model_is_read_from_files(tmp_path: Path) -> None:
    """The files of the data give what is known of the language."""
    write_model(tmp_path)
    assert read_model(tmp_path) == MODEL


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("ortho_context.tab", "the\t34\nsmith\tx\n", "line 2, column 2: not a sum of 2, 4, 8, 16, 32 and 64: 'x'"),
        ("ortho_context.tab", "the\t999\n", "line 1, column 2: not a sum of 2, 4, 8, 16, 32 and 64: '999'"),
        ("collocations.tab", "st ives\n", "line 1: no tab between two values"),
    ],
)
def test_a_wrong_model_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    """The error names file, line and field."""
    (write_model(tmp_path) / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_model(tmp_path)
    assert str(caught.value).endswith(f"{name}, {told}")
