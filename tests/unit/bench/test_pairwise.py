"""Two answers compared in both orders: who wins, what is a tie, what is missing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from attention_moa.bench.pairwise import (
    Choice,
    Comparison,
    Pair,
    Tally,
    choice_line,
    compare,
    compare_all,
    parse_choice,
    render,
    tally,
)
from attention_moa.errors import RefusedError
from attention_moa.messages import CallRequest, ImagePart, Message, TextPart, system, user
from attention_moa.providers.scripted import Said
from attention_moa.store.memory import MemoryJournal
from tests.asking import run
from tests.judges import a_judge

SECRET = b"0123456789abcdef"
NONCE = "0123456789ab"
PAIR = Pair("q", (user("Why?"),), "good", "bad")


def says(request: CallRequest, choice: Choice) -> str:
    """Return a verdict as the prompt of a request asks for it."""
    line = re.search(rf"^PREFER [0-9a-f]{{12}} {choice}$", request.messages[-1].text, re.MULTILINE)
    assert line is not None
    return f"Because.\n{line[0]}"


def prefers_good(request: CallRequest) -> Said:
    """Prefer the good answer, wherever it stands."""
    text = request.messages[-1].text
    return says(request, Choice.FIRST if text.index("\ngood\n") < text.index("\nbad\n") else Choice.SECOND)


def compared(script: Any, pair: Pair = PAIR, **options: Any) -> Comparison:
    """Return what a judge says of a pair."""

    async def scenario() -> Comparison:
        async with a_judge(script, **options) as bench:
            return await compare(pair, bench.judge, SECRET)

    return run(scenario)


def test_who_wins_in_both_orders_wins() -> None:
    """Also where the better one is B."""
    found = compared(prefers_good)
    assert (found.winner, found.verdicts, found.is_consistent) == ("A", ("A", "A"), True)
    found = compared(prefers_good, Pair("q", (user("Why?"),), "bad", "good"))
    assert (found.winner, found.verdicts, found.is_consistent) == ("B", ("B", "B"), True)


def test_orders_that_disagree_make_a_tie() -> None:
    """Whoever always prefers the first one decides nothing."""
    found = compared(lambda request: says(request, Choice.FIRST))
    assert (found.winner, found.verdicts, found.is_consistent) == ("tie", ("A", "B"), False)


def test_a_tie_in_both_orders_is_a_consistent_one() -> None:
    """A tie in one alone is not."""
    found = compared(lambda request: says(request, Choice.NEITHER))
    assert (found.winner, found.is_consistent) == ("tie", True)

    def half(request: CallRequest) -> Said:
        text = request.messages[-1].text
        is_first = text.index("\ngood\n") < text.index("\nbad\n")
        return says(request, Choice.FIRST if is_first else Choice.NEITHER)

    found = compared(half)
    assert (found.winner, found.verdicts, found.is_consistent) == ("tie", ("A", "tie"), False)


def test_equal_answers_are_a_tie_without_a_call() -> None:
    """And tell nothing of the judge."""
    found = compared([], Pair("q", (user("Why?"),), "same", "same"))
    assert (found.winner, found.is_consistent, found.money, found.judgements) == ("tie", None, (0.0, False), ())


def test_an_order_that_cannot_be_judged_leaves_no_winner() -> None:
    """After so many tries, or where the judge fails."""
    found = compared(lambda _: "Both are fine.", tries=2)
    assert (found.winner, found.verdicts, found.is_consistent) == (None, (None, None), None)
    assert [one.tries for one in found.judgements] == [2, 2]

    def once(request: CallRequest) -> Said:
        first = request.messages[-1].text.index("\ngood\n") < request.messages[-1].text.index("\nbad\n")
        return says(request, Choice.FIRST) if first else RefusedError("no")

    found = compared(once)
    assert (found.winner, found.verdicts) == (None, ("A", None))


def test_comparisons_are_counted() -> None:
    """Wins, ties, what is missing, what is consistent, and what is read first."""
    pairs = [Pair(f"q{n}", (user(f"Why {n}?"),), "good", "bad") for n in range(4)]
    pairs.append(Pair("q4", (user("Why?"),), "same", "same"))

    def say(request: CallRequest) -> Said:
        text = request.messages[-1].text
        if "Why 1?" in text:
            return says(request, Choice.FIRST)
        if "Why 2?" in text:
            return "Both."
        return says(request, Choice.NEITHER) if "Why 3?" in text else prefers_good(request)

    async def scenario() -> list[Comparison]:
        async with a_judge(say, tries=2) as bench:
            return await compare_all(pairs, bench.judge, SECRET)

    assert tally(run(scenario)) == Tally(
        n=5, a=1, b=0, ties=3, missing=1, consistent=2, inconsistent=1, retried=2,
        position_bias=(1 + 0 + 1 + 1 + 0.5 + 0.5) / 6, usd=None, is_lower_bound=True, reply_models=(),
    )  # fmt: skip


def test_nothing_compared_has_no_bias() -> None:
    """And costs nothing."""
    counted = tally([])
    assert (counted.n, counted.position_bias, counted.usd) == (0, None, 0.0)


def test_a_comparison_is_paid_for_once() -> None:
    """With the journal's secret the same is asked again, and it is there."""

    async def scenario() -> None:
        journal = MemoryJournal()
        secret = await journal.secret()
        async with a_judge(prefers_good, journal=journal) as bench:
            first = await compare(PAIR, bench.judge, secret)
        async with a_judge([], journal=journal) as bench:
            assert await compare(PAIR, bench.judge, secret) == first

    run(scenario)


def test_the_prompt_shows_the_whole_conversation_and_its_images() -> None:
    """Each turn by who speaks; another order is another prompt with another nonce."""
    picture = ImagePart(media_type="image/png", data=b"1")
    conversation = (system("Be kind."), Message("user", (TextPart("Look."), picture)))
    (message,), nonce = render(conversation, "one", "two", SECRET)
    assert message.content[1:] == (picture,)
    parts = ("System:", "Be kind.", "User:", "Look.", "\none\n", "\ntwo\n", choice_line(nonce, Choice.FIRST))
    places = [message.text.index(part) for part in parts]
    assert places == sorted(places)
    assert render(conversation, "two", "one", SECRET)[1] != nonce
    assert render(conversation, "one", "two", b"another secret!!")[1] != nonce


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        (f"Because.\nPREFER {NONCE} FIRST", Choice.FIRST),
        (f"**PREFER {NONCE} SECOND**\nThat is it.", Choice.SECOND),
        (f"> prefer `{NONCE}` neither.", Choice.NEITHER),
        (f"PREFER {NONCE} FIRST\n\nPREFER {NONCE} FIRST", Choice.FIRST),
        (f"PREFER {NONCE} FIRST\nPREFER {NONCE} SECOND", None),
        (f"I would say PREFER {NONCE} FIRST", None),
        (f"PREFER {NONCE} FIRST or SECOND", None),
        (f"PREFER {NONCE}", None),
        ("PREFER FIRST", None),
        ("PREFER 000000000000 FIRST", None),
        ("", None),
    ],
)
def test_a_verdict_is_a_line_of_its_own_with_the_nonce(reply: str, choice: Choice | None) -> None:
    """Dressed or not; two that disagree are none."""
    assert parse_choice(reply, NONCE) is choice
