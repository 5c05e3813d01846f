"""What of a reply under way is sure to stand in the answer: what is held back, for how long, and what never comes."""

from __future__ import annotations

import pytest

from attention_moa.stopping import verdict_line
from attention_moa.sure_text import SureText, closes_unopened

TAG, NONCE = "text-9a8b7c6d", "abcdef012345"
GO_ON, STOP = verdict_line(NONCE, is_stop=False), verdict_line(NONCE, is_stop=True)


def fed(sure: SureText, *pieces: str) -> list[str]:
    """Return what comes of each piece."""
    return [sure.feed(piece) for piece in pieces]


def test_white_space_waits_for_what_follows() -> None:
    """It may be the end, or the beginning."""
    assert fed(SureText(), "\n ", " The sky", " ", "\n", "is  ") == ["", "The sky", "", "", " \nis"]


def test_half_a_character_waits_for_the_other_half() -> None:
    """One that never comes is replaced."""
    assert fed(SureText(), "x\ud83d", "\ude00b\ud83d", "c") == ["x", "\U0001f600b", "\ufffdc"]


def test_fence_marks_are_left_out() -> None:
    """A line of a mark alone goes whole, a mark in a line goes alone, what is like no mark stays."""
    sure = SureText(tags=(TAG,))
    pieces = (
        f"<{TAG}>",
        "\nThe",
        " s",
        "ky <b",
        f">is</b> </{TAG}> blue",
        "\n<te",
        "xt-9a",
        "8b7c6d>",
        "\nor <",
        "not",
    )
    assert fed(sure, *pieces) == ["", "The", " s", "ky <b", ">is</b>  blue", "", "", "", "\nor", " <not"]


def test_a_garbled_mark_is_held_only_while_it_may_be_the_end() -> None:
    """Behind it more text comes, and so it is text."""
    assert fed(SureText(tags=(TAG,)), "blue <text-9a8b", "7c6e>", " sky") == ["blue", "", " <text-9a8b7c6e> sky"]


@pytest.mark.parametrize(
    "pieces",
    [
        ("<thi", "nk>hm</th", "ink>\n\nBlue", " sky"),
        ("<think>one</think><Reasoning>two</reasoning>Blue", " sky"),
        ("analy", "sis", "We need", " assist", "antfinal", "Blue", " sky"),
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Blue",
            " sky",
            "<|retu",
            "rn|>",
        ),
        ("\n</thi", "nk>\n", "\nBlue", " sky"),
    ],
)
def test_thinking_is_left_out(pieces: tuple[str, ...]) -> None:
    """In all forms that models give it, in any pieces."""
    assert "".join(fed(SureText(), *pieces)) == "Blue sky"


def test_a_word_that_only_looks_like_the_beginning_of_thinking_is_text() -> None:
    """``analysis`` behind which a blank comes is a word."""
    assert fed(SureText(), "analysis", " of <thinkers>", " and </think> marks")[1] == "analysis of <thinkers>"


def test_thinking_that_was_opened_in_the_prompt_is_waited_out_where_that_is_known() -> None:
    """The line that ends it has to be whole; a text with a code block in front of it is none."""
    known = SureText(is_unopened=True)
    assert fed(known, "hm, the sky", "\n</think>", "\n", "Blue", " sky") == ["", "", "", "Blue", " sky"]
    code = SureText(is_unopened=True)
    assert "".join(fed(code, "```\n</think>\n```", "\nmore", "\n</think>\n", "even more")) == ""
    assert fed(SureText(), "hm, the sky", "\n</think>\nBlue") == ["hm, the sky", "\n</think>\nBlue"]


@pytest.mark.parametrize(
    ("reply", "is_so"),
    [
        ("hm\n</think>\nBlue", True),
        ("<think>hm</think>Blue", False),
        ("<think>hm\n</think>\nBlue", False),
        ("A mark: </think> in a line", False),
        ("```\n</think>\n```", False),
        ("Blue", False),
    ],
)
def test_who_closes_thinking_that_it_never_opened_is_known_by_its_reply(reply: str, is_so: bool) -> None:
    """The mark has to stand in a line of its own, and end some thinking."""
    assert closes_unopened(reply) is is_so


@pytest.mark.parametrize(
    ("pieces", "sure"),
    [
        ((GO_ON[:9], GO_ON[9:], "\nBlue", " sky"), "Blue sky"),
        ((f"**{GO_ON}** Blue ", " sky\nand sea"), "Blue  sky\nand sea"),
        ((f"{GO_ON} Blue", "  \n", "sky"), "Blue\nsky"),
        (("```\n", GO_ON, "\n```", "\nBlue", " sky"), "Blue sky"),
        (("```\n", GO_ON, "\nBlue"), "Blue"),
        ((f"{GO_ON}\nBlue\n{GO_ON}\n", "sky\n", "> VER", "Y blue\n- - -\nend"), "Blue\nsky\n> VERY blue\n- - -\nend"),
        (("Blue", " sky"), "Blue sky"),
        (("VERY blue", " sky"), "VERY blue sky"),
        ((f"VERDICT 000000000000 STOP\n{STOP}",), f"VERDICT 000000000000 STOP\n{STOP}"),
        ((STOP, "\nBlue", " sky"), ""),
        ((f"{STOP} since it is no better", "\nBlue"), ""),
        (("-" * 3000, "\nBlue"), ""),
        ((f"{GO_ON}\n", "-" * 3000, "\nBlue"), ""),
        (("```python",), ""),
    ],
)
def test_verdict_lines_are_left_out(pieces: tuple[str, ...], sure: str) -> None:
    """What comes behind a verdict to go on is sure, line by line; of a stop, and of what may be one, nothing is."""
    assert "".join(fed(SureText(nonce=NONCE), *pieces)) == sure


def test_a_stop_ends_the_text_and_what_may_become_one_is_held() -> None:
    """What comes behind it is counted, so that the stream can be closed."""
    sure = SureText(stops=("END", "and so"))
    assert sure.passed_stop is None
    assert fed(sure, "one E", "N two", " and", " see, three E", "ND four", " five") == [
        "one",
        " EN two",
        "",
        " and see, three",
        "",
        "",
    ]
    assert sure.passed_stop == len("END four five")


def test_tool_calls_are_sure_where_no_verdict_may_come_and_the_text_has_not_ended() -> None:
    """Without any text they are: a writer that only calls tools goes on."""
    plain, ended, bare = SureText(), SureText(stops=("END",)), SureText(nonce=NONCE)
    going, stopping = SureText(nonce=NONCE), SureText(nonce=NONCE)
    ended.feed("one END two")
    assert (plain.may_call, ended.may_call, bare.may_call) == (True, False, True)
    going.feed(GO_ON)
    stopping.feed(f"{STOP}\nmore")
    assert (going.may_call, stopping.may_call) == (False, False)
    going.feed("\nBlue")
    assert going.may_call
