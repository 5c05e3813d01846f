"""Whether words come from another text."""

from __future__ import annotations

from attention_moa.evidence import LONGEST_RUN, Ground
from attention_moa.words import words


def hits(
    text: str, other: str, *, known: str = "", asked: str | None = None, common: frozenset[str] = frozenset()
) -> dict[str, float]:
    """Return the words of a text that another has, each with the length of its run.

    Args:
        text: The text.
        other: The other one.
        known: What was there before.
        asked: The words in question; None for all.
        common: Words that are no evidence by themselves.
    """
    parts = words(text)
    wanted = None if asked is None else {word.key for word in words(asked)}
    places = [place for place, part in enumerate(parts) if wanted is None or part.key in wanted]
    ground = Ground(parts, places, known=words(known), common=common)
    return {parts[place].key: hit.weight for place, hit in ground.hits(words(other)).items()}


def test_a_rare_word_is_evidence_and_a_plain_one_is_none() -> None:
    """One shared name says something; ``the`` does not."""
    assert hits("Rayleigh is the man.", "the Rayleigh affair") == {"rayleigh": 1.0}


def test_what_was_there_before_is_no_evidence() -> None:
    """Nor is a run of words that was, however long."""
    assert hits("The sky is blue indeed.", "why the sky is blue", known="Why is it that the sky is blue?") == {}


def test_a_new_combination_of_known_words_is_evidence_from_three_words_on() -> None:
    """Two may be together by chance."""
    known = "always this is a rule not that"
    assert hits("is not always a rule", "it is not always so", known=known) == {"is": 3.0, "not": 3.0, "always": 3.0}
    assert hits("not always", "not always", known=known) == {}
    assert hits("it is so", "it is so") == {}, "plain words alone say nothing, whatever the combination"


def test_a_longer_run_weighs_more_and_runs_are_cut_at_a_length() -> None:
    """Each word gets the longest run that has it."""
    text = " ".join(f"word{number}" for number in range(12))
    assert set(hits(text, text).values()) == {float(LONGEST_RUN)}
    assert hits("aa bb cc", "bb aa bb cc") == {"aa": 3.0, "bb": 3.0, "cc": 3.0}


def test_words_around_those_in_question_lengthen_the_run() -> None:
    """They are no evidence of their own."""
    assert hits("It is 42 metres high", "is 42 metres", known="It is metres high", asked="42") == {"42": 3.0}


def test_two_chinese_characters_are_a_word() -> None:
    """One of them is none, nor is a pair with a plain one."""
    assert hits("瑞利说明", "请写瑞利") == {"瑞": 1.0, "利": 1.0}
    assert hits("瑞士", "瑞典") == {}
    assert hits("蓝的光", "蓝的墙") == {}


def test_common_words_are_none_by_themselves() -> None:
    """In a run with others they are."""
    common = frozenset({"sky"})
    assert hits("sky", "sky", common=common) == {}
    assert hits("dark sky", "dark sky", common=common) == {"dark": 2.0, "sky": 2.0}


def test_a_hit_knows_where_it_is_in_the_other_text() -> None:
    """The word, and its run."""
    ground = Ground(words("say Rayleigh scattering"), [1, 2])
    found = ground.hits(words("no: Rayleigh scattering it is"))
    assert [(place, hit.place, list(hit.run)) for place, hit in found.items()] == [(1, 1, [1, 2]), (2, 2, [1, 2])]
    assert [ground.weight(place) for place in range(3)] == [1.0, 1.0, 1.0]
