"""Verdicts and similarity: what ends a run and what cannot."""

from __future__ import annotations

import pytest

from attention_moa.stopping import is_garbled, is_past_stop, most_central, parse_verdict, similarity, verdict_line

NONCE = "0123456789ab"
STOP = f"VERDICT {NONCE} STOP"
GO_ON = f"VERDICT {NONCE} CONTINUE"


def test_the_line_says_word_nonce_and_decision() -> None:
    """The prompt shows these lines, the parser reads them."""
    assert verdict_line(NONCE, is_stop=True) == STOP
    assert verdict_line(NONCE, is_stop=False) == GO_ON


@pytest.mark.parametrize(
    "line",
    [
        STOP,
        f"  {STOP}  ",
        f"\n\n{STOP}\n",
        f"**{STOP}**",
        f"# {STOP}",
        f"> {STOP}.",
        f"`{STOP}`",
        f"__{STOP}__",
        f"```\n{STOP}\n```",
        f"verdict {NONCE} stop",
        f"Verdict: {NONCE.upper()}: Stop!",
    ],
)
def test_a_stop_may_be_dressed(line: str) -> None:
    """Models put lines in bold, in quotes, in lower case."""
    assert parse_verdict(line, NONCE) == (True, "")


def test_a_decision_to_go_on_is_stripped_from_the_text() -> None:
    """The reply is what follows the line."""
    assert parse_verdict(f"{GO_ON}\n\nThe reply.\nMore.", NONCE) == (False, "The reply.\nMore.")


@pytest.mark.parametrize(
    "text",
    [
        "The reply.",
        "",
        "VERDICT STOP",
        "VERDICT ba9876543210 STOP",
        f"VERDICT {NONCE} STOPPED",
        f"I say VERDICT {NONCE} STOP",
        f"VERDICT {NONCE} PAUSE",
        f"VERDICT {NONCE}STOP",
        f"VERDICT{NONCE} STOP",
        "There is no significant improvement, the optimization can be stopped.",
    ],
)
def test_anything_else_is_no_verdict(text: str) -> None:
    """Then the run goes on, and the text is as it was."""
    assert parse_verdict(text, NONCE) == (None, text)


def test_a_verdict_further_down_decides_nothing() -> None:
    """Such a reply is garbled: it is no answer either."""
    text = f"Here is my decision:\n{STOP}\nMore."
    assert parse_verdict(text, NONCE) == (None, text)
    assert is_garbled(text, NONCE)


@pytest.mark.parametrize("text", [STOP, f"{GO_ON}\nThe reply.", "The reply.", "", f"{STOP} - no better"])
def test_a_reply_with_a_verdict_at_its_head_or_none_at_all_is_not_garbled(text: str) -> None:
    """Only a nonce in the wrong place makes a reply unusable."""
    assert not is_garbled(text, NONCE)


def test_a_verdict_may_be_explained_on_its_line() -> None:
    """What stands behind a stop is kept apart from it; what stands behind a go-on is the reply's beginning."""
    assert parse_verdict(f"{STOP} - the latest is no better.", NONCE) == (True, "the latest is no better.")
    assert parse_verdict(f"{GO_ON} The reply.\nMore.", NONCE) == (False, "The reply.\nMore.")
    assert parse_verdict(f"```\n{GO_ON}\n```\nThe reply.", NONCE) == (False, "The reply.")
    assert parse_verdict(f"```\n{GO_ON}\nThe reply.", NONCE) == (False, "The reply.")


def test_other_line_ends_stay_as_they_are() -> None:
    """A form feed or a line separator is text."""
    assert parse_verdict(f"{GO_ON}\na\x0cb\u2028c", NONCE) == (False, "a\x0cb\u2028c")


def test_the_first_of_two_verdicts_counts() -> None:
    """A model that changes its mind is taken at its first word."""
    assert parse_verdict(f"{GO_ON}\nThe reply.\n{STOP}", NONCE) == (False, "The reply.")


@pytest.mark.parametrize(
    ("text", "is_past"),
    [
        (STOP, False),
        (f"{STOP}\n", False),
        (f"{STOP}\n" + "x" * 200, False),
        (f"{STOP}\n" + "x" * 201, True),
        (f"\n\n {STOP}\n" + "x" * 201, True),
        (f"{GO_ON}\n" + "x" * 500, False),
        ("x" * 500, False),
        ("words\n" + "x" * 500, False),
        (f"words\n{STOP}\n" + "x" * 500, False),
    ],
)
def test_a_stream_is_past_its_stop_only_when_it_writes_on(text: str, is_past: bool) -> None:
    """A reply that ends by itself is left to end: then its token counts arrive."""
    assert is_past_stop(text, NONCE) is is_past


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("the sky is blue", "the sky is blue", 1.0),
        ("the sky  is\nblue", "the sky is blue", 1.0),
        ("the sky is blue", "a sea of green", 0.0),
        ("the sky is blue", "the sky was blue", 0.75),
        ("blue", "the sky is blue", 0.4),
        ("", "", 1.0),
    ],
)
def test_similarity_is_the_share_of_words_in_common_and_in_order(one: str, other: str, score: float) -> None:
    """Twice the longest common subsequence over the sum of both lengths, both ways round."""
    assert similarity(one, other) == pytest.approx(score)
    assert similarity(other, one) == pytest.approx(score)


def test_the_most_central_text_is_the_one_most_like_the_others() -> None:
    """Where no summary can be written the text with the most agreement stands in."""
    assert most_central(["fish swim far", "the sky is blue", "the sky is very blue", "birds fly"]) == 1
    assert most_central(["alone"]) == 0
