"""Tags, nonces and orders: the same again for equal work, another for any other."""

from __future__ import annotations

import re

import pytest

from attention_moa.messages import Stage, user
from attention_moa.prompts import Seal

SECRET = b"sixteen bytes or more"
SEAL = Seal(SECRET, (user("one"),))
OTHERS = [Seal(b"another secret, as long", (user("one"),)), Seal(SECRET, (user("two"),))]


def words(seal: Seal) -> list[str]:
    """Return a word of each kind."""
    return [
        seal.tag(Stage.ANSWER, 1),
        seal.section(Stage.CRITIQUE, 1, "a", "b"),
        seal.nonce(2),
    ]


def test_equal_work_has_equal_words() -> None:
    """So equal prompts can hit a cache."""
    assert words(SEAL) == words(Seal(SECRET, (user("one"),)))


@pytest.mark.parametrize("other", OTHERS)
def test_another_secret_or_conversation_has_other_words(other: Seal) -> None:
    """A tag that was seen once is of no use elsewhere."""
    assert not set(words(SEAL)) & set(words(other))


def test_every_stage_and_layer_has_words_of_its_own() -> None:
    """No prompt holds what fences another, and no two kinds of word are alike."""
    tags = [SEAL.tag(stage, layer) for stage in Stage for layer in (1, 2)]
    nonces = [SEAL.nonce(layer) for layer in (1, 2)]
    sections = [SEAL.section(Stage.CRITIQUE, 1, critic, author) for critic in "ab" for author in "ab"]
    assert len({*tags, *nonces, *sections}) == len(tags) + len(nonces) + len(sections)
    digits = [re.sub(r"^.*-", "", word) for word in [*tags, *nonces, *sections]]
    assert len({word[:8] for word in digits}) == len(digits)


def test_words_that_run_together_stay_apart() -> None:
    """Two names are not one long name."""
    assert SEAL.section(Stage.CRITIQUE, 1, "ab", "c") != SEAL.section(Stage.CRITIQUE, 1, "a", "bc")


def test_an_order_says_nothing_of_who_came_first() -> None:
    """It is a shuffle of the names that does not depend on how they were given, and differs between readers."""
    names = "abcdef"
    order = SEAL.order(names, Stage.SUMMARY, 1, "a")
    assert sorted(order) == list(names)
    assert SEAL.order(reversed(names), Stage.SUMMARY, 1, "a") == order
    assert len({tuple(SEAL.order(names, Stage.SUMMARY, 1, reader)) for reader in names}) > 3
    assert len({tuple(SEAL.order(names, Stage.SUMMARY, layer, "a")) for layer in range(6)}) > 3


def test_a_seal_does_not_show_its_key() -> None:
    """It may be logged."""
    assert repr(SEAL) == "Seal(…)"
