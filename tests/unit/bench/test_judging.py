"""Judgements by models: tried again, missing where they cannot be read, paid for once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from attention_moa.bench.judgements import Judgement, judged_of, write_details
from attention_moa.bench.judging import Case, Judge, judge_all
from attention_moa.bench.mt_bench_judge import parse_rating
from attention_moa.bench.sums import Money
from attention_moa.errors import ConfigError, RefusedError
from attention_moa.messages import CallRequest, Conversation, Usage, user
from attention_moa.providers.scripted import Line, Said
from attention_moa.records import RunRecord
from attention_moa.store.memory import MemoryJournal
from tests.asking import run
from tests.judges import a_judge

SPENT = Usage(input_tokens=3, output_tokens=1)
"""Four thousandths of a million tokens at a thousand dollars a million: 0.004 dollars."""


def a_rating(record: RunRecord) -> float | None:
    """Return what a judge rates."""
    return parse_rating(record.text or "")


def cases(*questions: str) -> list[Case[float]]:
    """Return a case for each question, which is its key too."""
    return [Case(question, (user(question),), a_rating) for question in questions]


def says(text: str, usage: Usage | None = SPENT) -> Line:
    """Return a reply that costs something."""
    return Line(text=text, usage=usage)


def test_a_judgement_that_cannot_be_read_is_tried_again() -> None:
    """Its cost is that of all tries, and each is a run of its own."""

    async def scenario() -> None:
        async with a_judge([says("It is fine."), says("Rating: [[7]]")], journal=MemoryJournal()) as bench:
            (one,) = await judge_all(cases("q"), bench.judge)
        assert (one.state, one.value, one.tries, one.reply) == ("judged", 7.0, 2, "Rating: [[7]]")
        assert len(set(one.run_ids)) == 2
        assert one.usd == pytest.approx(0.008)

    run(scenario)


def test_a_judgement_that_stays_unreadable_is_missing_and_no_number() -> None:
    """After three tries, unless told; the last words are kept."""

    async def scenario() -> None:
        async with a_judge([says(f"Fine, {n}.") for n in range(3)]) as bench:
            (one,) = await judge_all(cases("q"), bench.judge)
        assert (one.state, one.value, one.tries, one.reply) == ("unreadable", None, 3, "Fine, 2.")
        async with a_judge([says("Fine.")], tries=1) as bench:
            (one,) = await judge_all(cases("q"), bench.judge)
        assert (one.state, one.tries) == ("unreadable", 1)

    run(scenario)


def test_a_judge_that_fails_is_not_asked_the_same_once_more() -> None:
    """Its calls were tried again already; what it cost before counts."""

    async def scenario() -> None:
        async with a_judge([says("Fine."), RefusedError("no")]) as bench:
            (one,) = await judge_all(cases("q"), bench.judge)
        assert (one.state, one.value, one.tries, one.reply) == ("failed", None, 2, "Fine.")
        assert "no" in (one.error or "")
        assert one.usd == pytest.approx(0.004)

    run(scenario)


def test_nobody_pays_for_a_judgement_twice() -> None:
    """Asked again on the same journal, the same comes back, retries and all, and no request is made."""

    async def scenario() -> None:
        journal = MemoryJournal()
        async with a_judge([says("Fine."), says("[[7]]")], journal=journal) as bench:
            first = await judge_all(cases("q"), bench.judge)
        async with a_judge([], journal=journal) as bench:
            assert await judge_all(cases("q"), bench.judge) == first
            assert bench.requests == []

    run(scenario)


def test_a_judgement_that_failed_is_asked_for_by_the_next_life() -> None:
    """One that could be read is not."""

    async def scenario() -> None:
        journal = MemoryJournal()
        async with a_judge([says("[[3]]"), RefusedError("no")], journal=journal, parallel=1) as bench:
            first = await judge_all(cases("q", "r"), bench.judge)
        assert [one.state for one in first] == ["judged", "failed"]
        async with a_judge([says("[[4]]")], journal=journal, parallel=1) as bench:
            second = await judge_all(cases("q", "r"), bench.judge)
            assert len(bench.requests) == 1
        assert [one.value for one in second] == [3.0, 4.0]

    run(scenario)


def test_judging_that_is_ended_goes_on_where_it_was() -> None:
    """What was judged is not asked for again; what was under way is."""
    wanted = [f"q{n}" for n in range(6)]

    async def say(request: CallRequest) -> Said:
        if int(request.messages[-1].text[1:]) >= 3:
            await asyncio.Event().wait()
        return says("[[5]]")

    async def scenario() -> None:
        journal = MemoryJournal()
        three = asyncio.Event()
        done: list[str] = []

        def note(one: Judgement[Any]) -> None:
            done.append(one.key)
            if len(done) == 3:
                three.set()

        async with (
            a_judge(say, journal=journal, parallel=2, on_done=note) as bench,
            asyncio.TaskGroup() as group,
        ):
            judging = group.create_task(judge_all(cases(*wanted), bench.judge))
            await three.wait()
            judging.cancel()
        async with a_judge(lambda _: says("[[5]]"), journal=journal) as bench:
            found = await judge_all(cases(*wanted), bench.judge)
            assert sorted(request.messages[-1].text for request in bench.requests) == wanted[3:]
        assert [one.value for one in found] == [5.0] * 6

    run(scenario)


def test_judgements_come_in_the_order_of_the_cases() -> None:
    """Whichever the judge is through with first; and no more than so many are under way."""
    wanted = [f"q{n}" for n in range(9)]
    under_way: set[str] = set()
    most = 0
    done: list[str] = []

    async def say(request: CallRequest) -> Said:
        nonlocal most
        question = request.messages[-1].text
        under_way.add(question)
        most = max(most, len(under_way))
        for _ in range(9 - int(question[1:])):  # the later, the quicker
            await asyncio.sleep(0)
        under_way.remove(question)
        return says(f"[[{int(question[1:]) + 1}]]")

    async def scenario() -> None:
        counts: list[int] = []
        options: dict[str, Any] = {"on_count": counts.append, "on_done": lambda one: done.append(one.key)}
        async with a_judge(say, parallel=4, **options) as bench:
            found = await judge_all(cases(*wanted), bench.judge)
        assert [(one.key, one.value) for one in found] == [(key, n + 1.0) for n, key in enumerate(wanted)]
        assert most == 4
        assert (counts, sorted(done)) == ([9], wanted)

    run(scenario)


def test_where_the_money_ends_nobody_is_asked_any_more() -> None:
    """What was not asked for is missing, and costs nothing."""

    async def ask(conversation: Conversation, *, key: str, sample: int) -> None:
        del conversation, key, sample

    (one,) = run(lambda: judge_all(cases("q"), Judge("j", ask)))
    assert one == Judgement("q", "unasked", None)


def test_a_judge_that_cannot_be_had_ends_it_all() -> None:
    """With its own error, not a group of them."""

    async def ask(conversation: Conversation, *, key: str, sample: int) -> None:
        del conversation, key, sample
        raise ConfigError("no key")

    with pytest.raises(ConfigError, match="no key"):
        run(lambda: judge_all(cases("q", "r"), Judge("j", ask)))


def test_a_cost_that_is_not_known_makes_the_sum_a_lower_bound() -> None:
    """Of the judgement nothing is known, of all of them a part."""

    async def scenario() -> None:
        async with a_judge([says("[[1]]", usage=None)]) as bench:
            (one,) = await judge_all(cases("q"), bench.judge)
        assert one.usd is None
        assert one.money == Money(None, is_lower_bound=True)
        known = one._replace(usd=1.0, is_lower_bound=False)
        judged = judged_of("t", "j", [one, known], system="s", files=(Path("a"), Path("b")))
        assert (judged.usd, judged.is_lower_bound) == (1.0, True)
        whole = judged_of("t", "j", [known, known], system="s", files=(Path("a"), Path("b")))
        assert (whole.usd, whole.is_lower_bound) == (2.0, False)

    run(scenario)


def test_all_judgements_together_say_what_is_missing_and_why() -> None:
    """A line for each reason; what is there is counted apart."""
    all_of_them = [
        Judgement("1", "judged", 3.0, tries=2, models=("m-1",)),
        Judgement("2", "unreadable", None, tries=3, models=("m-1", "m-2")),
        Judgement("3", "failed", None, tries=1, error="no key"),
        Judgement("4", "unasked", None),
    ]
    judged = judged_of("t", "j", all_of_them, system="s", files=(Path("a"), Path("b")), notes=["first"])
    assert (judged.n, judged.missing, judged.unreadable, judged.retried) == (4, 3, 1, 2)
    assert judged.reply_models == ("m-1", "m-2")
    assert judged.notes == (
        "first",
        "of 4 judgements, 1 could not be read in 3 tries: missing, no number",
        "of 4 judgements, 1 failed (no key): missing, no number",
        "of 4 judgements, 1 were not reached: the money was at its end",
    )


def test_each_judgement_has_a_line_of_its_own(tmp_path: Path) -> None:
    """With runs, reply, value, tries and money."""
    path = write_details(tmp_path / "deep" / "s.judge.jsonl", [Judgement("1", "judged", 3.0, reply="[[3]]", tries=1)])
    assert msgspec.json.decode(path.read_bytes()) == {
        "key": "1",
        "state": "judged",
        "value": 3.0,
        "reply": "[[3]]",
        "tries": 1,
        "run_ids": [],
        "usd": 0.0,
        "is_lower_bound": False,
        "models": [],
        "created_at": "",
        "error": None,
    }
