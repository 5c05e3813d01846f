"""Scores by skill out of what a judge of FLASK wrote."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.bench.flask_judge import SkillScores, parse_review, read_dictionary, skill_key

SKILLS = ("Logical Correctness", "Commonsense Understanding", "Readability")
SCORES = {"correctness": 4.0, "commonsense": 2.0, "readability": 3.0}


@pytest.mark.parametrize(
    "reply",
    [
        'All good.\n{"Logical Correctness": 4, "Commonsense Understanding": 2, "Readability": 3}',
        "scores = {'Logical_Correctness': 4, 'Commonsense_Understanding': 2, 'Readability': 3}",
        '```python\n{\n  "LOGICAL CORRECTNESS": "4",\n  "Commonsense": "2.0",\n  "Readability": 3,\n}\n```',
        '{"a": 1} Final: {"b": 2} {"logical correctness": 4, "commonsense": 2, "readability": +3}',
        '{"Logical Correctness": 4, "Commonsense Understanding": 2, "Readability": 3} {} Done.',
        "{'Logical Correctness': 4., \"Commonsense Understanding\": ' 2 ', 'Readability of the text': 3}} }",
    ],
)
def test_the_last_dictionary_counts_however_it_is_written(reply: str) -> None:
    """Quotation marks, case, underlines, line breaks and fences make no difference."""
    assert parse_review(reply, SKILLS) == SkillScores(SCORES)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Readability: 5",
        '{"Readability": 5',
        "{}",
        "{ }",
        "{Readability: 5}",
        '{"Readability": n/a}',
        '{"Readability": 5 "Conciseness": 4}',
        '{"Readability": 4.5.6}',
        '{"Readability": [5]}',
        '{"Readability": {"score": 5}}',
        '{"Readability": 5} and then {nothing}',
    ],
)
def test_what_cannot_be_read_gives_no_scores(reply: str) -> None:
    """An earlier dictionary does not stand in for an unreadable last one."""
    assert parse_review(reply, SKILLS) is None


@pytest.mark.parametrize("words", ["N/A", "NA", "n/a", "Not Applicable", "not_applicable"])
def test_a_skill_may_not_apply(words: str) -> None:
    """It is neither a score nor missing."""
    said = parse_review(f'{{"Readability": "{words}", "Commonsense Understanding": 5}}', SKILLS)
    assert said == SkillScores({"commonsense": 5.0}, frozenset({"readability"}))
    assert said.missing(["commonsense", "readability", "correctness"]) == ["correctness"]


@pytest.mark.parametrize(
    "value", ["0", "6", "5.5", ".5", "- 3", '"4/5"', '"nan"', '"inf"', '"five"', '""', '"٣"', '"1e0"']
)
def test_only_numbers_on_the_scale_are_scores(value: str) -> None:
    """Anything else is refused, and the other skills stay."""
    said = parse_review(f'{{"Readability": {value}, "Commonsense Understanding": 5}}', SKILLS)
    assert said == SkillScores({"commonsense": 5.0}, refused=(f"readability: {value.strip(chr(34))}",))


def test_skills_that_were_not_asked_for_are_refused() -> None:
    """So is a second score of the same skill; the first one stays."""
    said = parse_review('{"Overall": 5, "logical": 4, "Readability": 2, "Readability score": 5}', SKILLS)
    assert said == SkillScores({"readability": 2.0}, refused=("overall: 5", "logical: 4", "readability score: 5"))


def test_a_score_goes_before_a_skill_that_does_not_apply() -> None:
    """Where a judge writes both under two names."""
    said = parse_review('{"Readability": "N/A", "Readability score": 5}', SKILLS)
    assert said == SkillScores({"readability": 5.0})


def test_keys_are_one_word() -> None:
    """The second one of a logical skill, the first one of any other."""
    assert skill_key("Logical Robustness") == "robustness"
    assert skill_key("Commonsense Understanding") == "commonsense"
    assert skill_key("HARMLESSNESS") == "harmlessness"
    assert skill_key(" ") == ""


@given(
    st.dictionaries(
        st.text(alphabet="abc xyz", min_size=1),
        st.integers(0, 9) | st.sampled_from([1.5, 4.25]) | st.text(alphabet="abc 5/.'"),
        min_size=1,
    )
)
def test_every_dictionary_that_python_writes_is_read_as_python_reads_it(entries: dict[str, object]) -> None:
    """Of texts and plain numbers, where no text holds a quotation mark that Python would have to escape."""
    read = read_dictionary(f"Scores: {entries!r}")
    assert read == {key: str(value) for key, value in ast.literal_eval(repr(entries)).items()}


def test_a_long_reply_of_braces_takes_no_time() -> None:
    """Reading is linear: this one would take hours if each brace were tried against the rest."""
    assert read_dictionary("{" * 1_000_000) is None
    assert read_dictionary('{"a": ' * 200_000 + "}") is None
