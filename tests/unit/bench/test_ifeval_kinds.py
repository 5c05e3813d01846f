"""Every kind of instruction, on texts that follow it and texts that do not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from attention_moa.bench.ifeval.kinds import KINDS
from attention_moa.errors import ConfigError
from tests.ifeval_world import checker

FOLLOWED: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    (
        "keywords:existence",
        {"keywords": ["tea", "C++"]},
        ["Steam and c++.", "TEA? C++!"],
        ["tea and C", "C++ alone"],
    ),
    (
        "keywords:frequency",
        {"keyword": "tea", "relation": "at least", "frequency": 2},
        ["Tea, team."],
        ["tea", ""],
    ),
    (
        "keywords:frequency",
        {"keyword": "tea", "relation": "less than", "frequency": 2},
        ["tea", "none"],
        ["Tea, team."],
    ),
    ("keywords:forbidden_words", {"forbidden_words": ["tea", "mug"]}, ["steam, mugs"], ["Tea.", "a MUG"]),
    (
        "keywords:letter_frequency",
        {"letter": "A", "let_relation": "at least", "let_frequency": 3},
        ["banana", "A aa"],
        ["band", "ha"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_relation": "less than", "let_frequency": 2},
        ["# One", "none"],
        ["## Two"],
    ),
    (
        "length_constraints:number_words",
        {"relation": "at least", "num_words": 3},
        ["one two-three", "don't go"],
        ["two words"],
    ),
    (
        "length_constraints:number_sentences",
        {"relation": "less than", "num_sentences": 3},
        ["Dr. Smith left. He was late.", "One? Two!"],
        ["One. Two. Three."],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["one\n***\ntwo", "***\none\n***\ntwo\n***"],
        ["one\n\ntwo", "one\n***\n***\ntwo", "one *** two *** three"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Yet"},
        ["One.\n\nYet two.", "One.\n\n'yet' two.", 'One.\n\n"Yet, two."\n\n'],
        ["One.\n\nTwo.", "Yet one.", "One.\n\nYet two.\n\nThree.", "One.\n\n\n\nYet two."],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "at least", "capital_frequency": 2},
        ["GO on NOW.", "DON'T."],
        ["GO on now", "Go On"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "less than", "capital_frequency": 2},
        ["GO on", "go"],
        ["GO, NOW", "I CANNOT"],
    ),
    ("change_case:english_capital", {}, ["TEA AT 5!"], ["Tea", "12"]),
    ("change_case:english_lowercase", {}, ["tea at 5!"], ["Tea", "12"]),
    ("language:response_language", {"language": "en"}, ["It is English here."], []),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say tea."}, ["  SAY TEA. Tea."], ["Tea. Say tea."]),
    (
        "combination:two_responses",
        {},
        ["one\n******\ntwo", "******one******two******"],
        ["one", "one ****** one", "one****** ******two", "a******b******c"],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["[name] at [place], [time]"],
        ["[name]", "[over\nlines] [name]"],
    ),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, ["Bye. p. s. Tea"], ["PS: tea", "p.s"]),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ["Bye.\nP. P. S more"], ["P.S. Tea"]),
    ("detectable_content:postscript", {"postscript_marker": "N.B."}, ["n.b. tea"], ["n b"]),
    (
        "detectable_format:constrained_response",
        {},
        ["Well. My answer is no. Sorry.", "My answer is maybe."],
        ["My answer is no", "my answer is yes."],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": [1, null]}', '```json\n{"a": 1}\n```', "```\n[]```", "3"],
        ["{'a': 1}", '{"a": 1} so', "[" * 100_000, "9" * 5000],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Part", "num_sections": 2},
        ["Part 1\none\nPart 2\ntwo", "Part1 Part2 Part3"],
        ["Part 1\none", "Part one, Part two", "PART 1 PART 2"],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* one\n  - two", "So:\n- one\n- two\nend"],
        ["* one", "**bold**\n* one", "- 1\n- 2\n- 3"],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*one* and *two*", "**one** *two*"],
        ["*one*", "* * and *one*", "*over\nlines* *one*", "one"],
    ),
    (
        "detectable_format:title",
        {},
        ["<<Tea>>", "so: << a > b >>"],
        ["<Tea>", "<<>>", "<< >>", "<<over\nlines>>", ">>Tea<<", "<<<>>>"],
    ),
    ("punctuation:no_comma", {}, ["one; two"], ["one, two"]),
    (
        "startend:end_checker",
        {"end_phrase": "Any more?"},
        ["So. any MORE?", '"So. Any more?" '],
        ["Any more? No."],
    ),
    ("startend:quotation", {}, [' "Tea" ', '""'], ['"', '"Tea', "'Tea'"]),
]


@pytest.mark.parametrize(("kind", "given", "follow", "fail"), FOLLOWED)
def test_an_answer_is_checked(kind: str, given: dict[str, Any], follow: list[str], fail: list[str]) -> None:
    """Those that follow an instruction pass, the others do not."""
    holds = checker(kind, given)
    assert [answer for answer in follow if not holds(answer)] == []
    assert [answer for answer in fail if holds(answer)] == []


def test_every_kind_has_its_texts() -> None:
    """No kind is left out of the table above."""
    assert {kind for kind, *_ in FOLLOWED} == set(KINDS)
    assert len(KINDS) == 25


@pytest.mark.parametrize(
    ("language", "holds"), [("en", True), ("de", False), (None, True)], ids=["right", "another", "undecided"]
)
def test_a_language_counts_when_it_can_be_told(language: str | None, *, holds: bool) -> None:
    """An answer in another language fails, one whose language nothing tells passes."""
    for kind, text in [
        ("change_case:english_capital", "TEA"),
        ("change_case:english_lowercase", "tea"),
        ("language:response_language", "Tea"),
    ]:
        given = {"language": "en"} if kind.startswith("language") else {}
        assert checker(kind, given, language=language)(text) is holds


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("keywords:existence", {"keywords": "tea"}, "kwargs[0].keywords: not a list of texts"),
        ("keywords:existence", {"keywords": []}, "kwargs[0].keywords: not a list of texts"),
        ("keywords:existence", {"keywords": ["tea", 3]}, "kwargs[0].keywords: not a list of texts"),
        ("keywords:existence", {}, "kwargs[0].keywords: not a list of texts"),
        ("keywords:frequency", {"keyword": None}, "kwargs[0].keyword: missing"),
        ("keywords:frequency", {"keyword": " "}, "kwargs[0].keyword: empty"),
        (
            "keywords:letter_frequency",
            {"letter": "ab", "let_relation": "at least", "let_frequency": 1},
            "kwargs[0].letter: not one letter: 'ab'",
        ),
        (
            "length_constraints:number_words",
            {"relation": "about", "num_words": 3},
            "kwargs[0].relation: neither 'at least' nor 'less than': 'about'",
        ),
        (
            "length_constraints:number_words",
            {"relation": "at least", "num_words": -1},
            "kwargs[0].num_words: below 0: -1",
        ),
        (
            "length_constraints:number_paragraphs",
            {"num_paragraphs": "two"},
            "kwargs[0].num_paragraphs: not a number: 'two'",
        ),
    ],
)
def test_wrong_arguments_are_named(kind: str, given: dict[str, Any], told: str) -> None:
    """The error names file, line and argument."""
    with pytest.raises(ConfigError, match=f"^{re.escape(f'prompts.jsonl, line 3, {told}')}$"):
        checker(kind, given)
