"""The account of a run, in words, from real runs of small worlds."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from msgspec.structs import replace

from attention_moa.accounting import call_usage
from attention_moa.cli.account import account, by_agent, by_layer_and_stage, cost, count
from attention_moa.config import QuorumSpec
from attention_moa.errors import ServerError
from attention_moa.messages import CallRequest, Stage, Usage
from attention_moa.providers.scripted import ScriptedProvider
from tests import virtual_time
from tests.worlds import Says, World, a_spec, in_turn, stop, verdict


def lines_of(world: World, *, has_table: bool = False) -> list[str]:
    """Return the account of a world's run."""
    return account(world.run(), has_table=has_table)


def test_a_smooth_run_has_a_short_account() -> None:
    """Time, calls, tokens, and why each layer ended."""
    assert lines_of(World(a_spec(2, layers=2, name="mine"), latency_s=lambda _: 1.5)) == [
        "mine: finished after 13.5 s (critical path 13.5 s), run run",
        "calls: 19 of 19 planned",
        "tokens: 190 prompt (76 of them cached), 95 written (19 of them reasoning)",
        "cost: unknown (no price or no token counts of test:a, test:b)",
        "layer 1: went on, nothing to compare with yet",
        "layer 2: last, all 2 layers ran; a decided to go on",
    ]


def test_a_run_of_one_layer_says_in_a_sentence_why_it_ended() -> None:
    """Not that its last layer is the one that ran."""
    assert lines_of(World(a_spec(2, layers=1)))[-1] == "layer 1: the run has one layer, and ends with it"


def test_the_calls_are_listed_by_layer_and_stage() -> None:
    """Each row has its calls, tokens and seconds, and the last one their sum."""
    lines = lines_of(World(a_spec(2, layers=2), latency_s=lambda _: 1.0), has_table=True)
    start = next(place for place, line in enumerate(lines) if line.startswith("layer  stage"))
    rows = [line.split() for line in lines[start + 1 : start + 11]]
    assert rows[0] == ["1", "answer", "2", "20", "8", "10", "2", "?", "1.0"]
    assert rows[1] == ["1", "critique", "4", "40", "16", "20", "4", "?", "1.0"]
    assert rows[8] == ["2", "residual", "1", "10", "4", "5", "1", "?", "1.0"]
    assert rows[9] == ["all", "19", "190", "76", "95", "19", "?", "9.0"]


def test_a_stop_says_why() -> None:
    """The verdict comes with its reason."""
    lines = lines_of(World(a_spec(2, layers=3), {"residual": stop}))
    assert "layer 2: stopped, a finds the latest output no improvement" in lines
    assert "not made: 10 calls (10 of layers that did not run)" in lines


def test_losses_retries_stand_ins_and_truncations_are_told() -> None:
    """Nothing that went wrong is left out."""
    script: dict[str, Says] = {
        "1.answer.a": in_turn(ServerError("busy"), "fine"),
        "1.critique.a.b": ServerError("down", retryable=False),
        "1.refine.b": ServerError("no\nway", retryable=False),
        "1.answer.c": ServerError("gone", retryable=False),
    }
    lines = lines_of(World(a_spec(3, layers=1), script))
    assert "calls: 7 of 16 planned, 3 lost, 1 tried again" in lines
    assert "lost in layer 1: a's critique of b (ServerError: down)" in lines
    assert "lost in layer 1: b's refinement (ServerError: no way)" in lines
    assert "not made: 6 calls (6 whose input was lost)" in lines, "with the 7 and the 3 these are all 16"
    assert any(
        line.startswith("degraded in layer 1, refine, b: its own answer stands in for the refinement (")
        for line in lines
    )


def test_what_came_late_is_told_once_and_by_name() -> None:
    """Whose result was left out, in one line and not in two."""
    spec = a_spec(3, layers=1, quorum=QuorumSpec(critiques=2, grace_s=0.0))

    def slow(request: CallRequest) -> float:
        return 60.0 if (request.stage, request.agent, request.peer) == (Stage.CRITIQUE, "b", "a") else 1.0

    lines = lines_of(World(spec, latency_s=slow))
    late = [line for line in lines if "late:" in line]
    assert len(late) == 1
    assert late[0].startswith("degraded in layer 1, critique: b's critique of a was left out (late: ")


def test_an_agent_that_hangs_leaves_calls_that_were_given_up() -> None:
    """What was finished, ended and never begun adds up to the plan."""
    spec = a_spec(3, layers=1, quorum=QuorumSpec(critiques=2, refinements=2, grace_s=0.0))
    hangs = World(spec, latency_s=lambda request: 60.0 if request.agent == "b" else 1.0)
    lines = lines_of(hangs)
    assert "calls: 9 of 16 planned, 1 broken off" in lines
    assert "not made: 6 calls (6 given up before they began)" in lines


def test_a_run_that_is_not_over_has_lower_bounds() -> None:
    """Nobody knows what was under way; a stage whose calls are all there is exact."""
    record = World(a_spec(2, layers=2)).run()
    usage = call_usage(record.calls[:5])
    part = replace(record, state="running", layers=(), text=None, calls=record.calls[:5], usage=usage)
    lines = account(part, has_table=True, standing="interrupted")
    assert lines[0].startswith("ensemble: interrupted after ")
    assert "tokens: at least 50 prompt (20 of them cached), 25 written (5 of them reasoning)" in lines
    assert (
        "not there: 14 calls (10 of layers that have not begun, 4 under way or not begun when last heard of)" in lines
    )
    assert lines[-1] == (
        "note: the run is interrupted: what was under way when it was last heard of may have cost something that is in "
        "no sum here"
    )
    rows = {tuple(line.split()[:2]): line.split()[2:4] for line in lines}
    assert rows["1", "answer"] == ["2", "20"]
    assert rows["1", "critique"] == ["3", "30+"]
    assert rows["all", "5"] == ["50+", "20+"]
    assert [line.split()[3][-1] for line in by_agent(part)[1:]] == ["+", "+"]
    priced = replace(part, usage=replace(usage, cost_usd=0.5, unpriced_calls=0))
    assert cost(priced) == "at least $0.5000"
    nothing = replace(part, calls=(), usage=call_usage(()))
    assert account(nothing, has_table=True)[:4] == [
        "ensemble: not over after 0.0 s, run run",
        "calls: 0 of 19 planned",
        "tokens: none so far",
        "cost: nothing so far",
    ]


def test_agents_are_listed_in_the_order_of_their_file() -> None:
    """However their calls ended; a writer that is no agent comes last."""
    record = World(a_spec(3, layers=1)).run()
    calls = (replace(record.calls[-1], agent="writer"), *reversed(record.calls))
    assert [line.split()[0] for line in by_agent(replace(record, calls=calls))[1:]] == ["a", "b", "c", "writer"]


def test_a_cancelled_run_says_which_calls_were_done() -> None:
    """Finished over all, by stage."""
    world = World(a_spec(2, layers=1), latency_s=lambda request: 0.0 if request.agent == "a" else 60.0)

    async def interrupted() -> None:
        task = asyncio.get_running_loop().create_task(world.play())
        await asyncio.sleep(0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    virtual_time.run(interrupted())
    lines = account(world.record, has_table=True)
    assert lines[0].startswith("ensemble: cancelled after")
    assert any(line.split()[:3] == ["1", "answer", "1/2"] for line in lines)
    assert "not made: 6 calls (6 not begun before the run ended)" in lines


def test_unknown_tokens_are_not_told_as_zero() -> None:
    """Where no call told, nothing is claimed; where some did, the sums are a lower bound."""
    silent = World(a_spec(1, layers=1), provider=ScriptedProvider(lambda _: "x"))
    lines = lines_of(silent, has_table=True)
    assert "tokens: not told by any call" in lines
    assert any(line.split()[-5:-1] == ["?"] * 4 for line in lines)


def test_known_tokens_are_shown_where_one_attempt_did_not_tell() -> None:
    """A sum that more belongs to has a plus; only what nobody told is a question mark."""
    record = World(a_spec(2, layers=1)).run()
    first, second, *rest = record.calls
    silent = replace(first.attempts[0], usage=Usage(), error="CallTimeoutError")
    calls = (replace(first, attempts=(silent, *first.attempts)), replace(second, attempts=(silent,)), *rest)
    part = replace(record, calls=calls, usage=call_usage(calls))
    rows = [line.split() for line in by_layer_and_stage(part)]
    assert rows[1][2:-2] == ["2", "10+", "4+", "5+", "1+"]
    assert rows[2][2:-2] == ["4", "40", "16", "20", "4"]
    assert rows[-1][1:-2] == ["9", "80+", "32+", "40+", "8+"]
    agents = {line.split()[0]: line.split()[3] for line in by_agent(part)[1:]}
    assert set(agents.values()) == {"30+", "50+"}
    assert (
        "tokens: at least 80 prompt (32 of them cached), 40 written (8 of them reasoning); 2 of 10 attempts did not say"
        in (account(part, has_table=False))
    )


@pytest.mark.parametrize(("room", "gone"), [(100, ""), (70, "reasoning"), (60, "cached"), (50, "seconds")])
def test_a_narrow_terminal_gets_fewer_columns_and_whole_numbers(room: int, gone: str) -> None:
    """What it does without goes in an order; no number and no stage is broken."""
    record = World(a_spec(2, layers=1)).run()
    usage = Usage(input_tokens=12_345, cached_tokens=12_345, output_tokens=12_345, reasoning_tokens=12_345)
    attempts = tuple(replace(one, usage=usage, cost_usd=0.5) for one in record.calls[0].attempts)
    calls = tuple(replace(call, attempts=attempts, model="openai:a-model-with-a-name") for call in record.calls)
    large = replace(record, calls=calls, usage=call_usage(calls))
    names = ("reasoning", "cached", "seconds")
    expected = names[: names.index(gone) + 1] if gone else ()
    tables = by_layer_and_stage(large, room=room), by_agent(large, room=room)
    assert [name for name in names if name not in tables[0][0]] == list(expected)
    assert tables[0][-1].split()[:3] == ["all", "9", "111,105"]
    assert max(len(line) for lines in tables for line in lines) <= room
    assert set(tables[0]) <= set(account(large, has_table=True, room=room))


def test_text_in_the_account_is_cleaned() -> None:
    """An error's text is a server's: it does not command a terminal."""
    lines = lines_of(World(a_spec(2, layers=1), {"1.refine.b": ServerError("\x1b[31mred", retryable=False)}))
    assert "lost in layer 1: b's refinement (ServerError: red)" in lines


def test_things_are_counted_in_words() -> None:
    """One thing is no plural."""
    assert [count(number, "call") for number in (0, 1, 2000)] == ["0 calls", "1 call", "2,000 calls"]


def test_money_is_told_and_what_is_unknown_is_not_nothing() -> None:
    """A price known for one of two models gives a lower bound that names the other."""
    record = World(a_spec(2, layers=1)).run()
    priced = tuple(
        replace(call, attempts=tuple(replace(one, cost_usd=0.001) for one in call.attempts)) for call in record.calls
    )
    whole = replace(record, calls=priced, usage=call_usage(priced))
    assert cost(whole) == "$0.0090"
    half = tuple(new if new.agent == "a" else old for new, old in zip(priced, record.calls, strict=True))
    part = replace(record, calls=half, usage=call_usage(half))
    assert cost(part) == "at least $0.0050; of 4 of 9 attempts it is unknown (test:b)"
    rows = {line.split()[0]: line.split()[-1] for line in by_agent(part)[1:]}
    assert rows == {"a": "0.0050", "b": "?"}
    assert by_layer_and_stage(part)[-1].split()[-2] == "0.0050+"


def test_replies_of_the_journal_are_told_apart() -> None:
    """They were paid for before."""
    assert "calls: 9 of 9 planned, 4 from the journal, not paid again" in account(
        World(a_spec(2, layers=1)).run(), has_table=False, replayed_calls=4
    )


def test_a_second_attempt_beside_a_slow_one_is_no_failure() -> None:
    """What was ended because the other was quicker is not called tried again."""
    record = World(a_spec(2, layers=1)).run()
    first = record.calls[0]
    loser = replace(first.attempts[0], error="Cancelled", message="ended from outside")
    hedged = replace(first, attempts=(loser, *first.attempts))
    lines = account(replace(record, calls=(hedged, *record.calls[1:])), has_table=False)
    assert "calls: 9 of 9 planned, 1 asked twice (hedged, or interrupted before)" in lines


def test_an_answer_that_is_not_the_last_layer_s_says_whose_it_is() -> None:
    """As where a stop returns what was there before it."""
    record = World(a_spec(2, layers=2)).run()
    earlier = replace(record, text=record.layers[0].output)
    assert "the answer is the output of layer 1" in account(earlier, has_table=False)
    assert not [line for line in account(record, has_table=False) if line.startswith("the answer is")]


def test_a_call_whose_reply_was_of_no_use_is_lost_in_the_table_too() -> None:
    """Its tokens are paid for; it is no finished one."""
    told = lines_of(
        World(a_spec(2), {"residual": lambda request: verdict(request, is_stop=False) or ""}), has_table=True
    )
    assert told[1] == "calls: 18 of 19 planned, 1 lost"
    assert next(line for line in told if " residual " in line).split()[2] == "0/1"
