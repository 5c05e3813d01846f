"""What simulated models write where a judgement is asked for, and how likely they say that it was."""

from __future__ import annotations

import math
from random import Random

import pytest

from attention_moa.bench.flask_judge import parse_review
from attention_moa.bench.mt_bench_judge import parse_rating
from attention_moa.fleet.chances import taken, token_chances
from attention_moa.fleet.judgements import write_judgement


@pytest.mark.parametrize("seed", range(20))
def test_every_form_that_is_asked_for_is_kept(seed: int) -> None:
    """A rating, a letter, a dictionary of skills, a line with its word."""
    rated = write_judgement(Random(seed), b'Rate it: "[[rating]]".', 500)
    assert rated is not None
    assert parse_rating(rated) in range(1, 11)
    assert write_judgement(Random(seed), b"one of these: m or M.", 500) in ("m", "M")
    rubric = (
        b"\nGood Taste: Is it?\nScore 1: no\nScore 2: yes\n\nWit: Is it?\nScore 1: no\n\nReturn a Python dictionary."
    )
    reviewed = write_judgement(Random(seed), rubric, 500)
    assert reviewed is not None
    said = parse_review(reviewed, ["Good Taste", "Wit"])
    assert said is not None
    assert said.missing(["good", "wit"]) == []
    lines = "PREFER 0123456789ab FIRST\nPREFER 0123456789ab SECOND"
    preferred = write_judgement(Random(seed), lines.encode(), 500)
    assert preferred is not None
    assert preferred.split("\n")[-1] in lines.split("\n")


def test_other_prompts_ask_for_no_judgement() -> None:
    """Not even where they hold the words."""
    for prompt in (b"Why is the sky blue?", b"Write a Python dictionary.", b"I PREFER it.", b"m or M"):
        assert write_judgement(Random(0), prompt, 100) is None


def test_every_place_of_a_text_tells_its_likeliest_tokens() -> None:
    """The token that was written first, no token twice, and no more than one in all."""
    places = token_chances(Random(0), "Put simply.", 5)
    assert "".join(place["token"] for place in places) == "Put simply."
    for place in places:
        top = place["top_logprobs"]
        assert len(top) == len({one["token"] for one in top}) == 5
        assert (top[0]["token"], top[0]["logprob"]) == (place["token"], place["logprob"])
        assert 0.9 < sum(math.exp(one["logprob"]) for one in top) <= 1
        assert [one["logprob"] for one in top] == sorted((one["logprob"] for one in top), reverse=True)


def test_a_judge_that_names_one_answer_tells_of_the_other() -> None:
    """So that a preference can be weighed."""
    for letter, other in ("mM", "Mm"):
        (place,) = token_chances(Random(0), letter, 5)
        assert [one["token"] for one in place["top_logprobs"]][:2] == [letter, other]


def test_no_likeliest_tokens_may_be_asked_for() -> None:
    """Then only the token's own is told."""
    (place,) = token_chances(Random(0), "Put", 0)
    assert (place["token"], place["top_logprobs"]) == ("Put", [])


def test_pieces_take_their_places_with_them() -> None:
    """None is left or told twice."""
    places = token_chances(Random(0), "Put simply.", 1)
    first, left = taken(places, "Put simp")
    assert [place["token"] for place in first] == ["Put ", "simp"]
    assert [place["token"] for place in left] == ["ly."]
