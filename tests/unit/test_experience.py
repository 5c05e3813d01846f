"""What calls teach of a model."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.experience import CallFacts, ModelExperience, learn
from attention_moa.messages import Stage, Usage
from attention_moa.records import Attempt
from attention_moa.store.facts import facts_of
from tests.journals import a_call


def a_fact(**fields: Any) -> CallFacts:
    """Return a call of 100 prompt tokens and 20 written ones that took three seconds."""
    told: dict[str, Any] = {
        "kind": "answer",
        "agent": "a",
        "input_tokens": 100,
        "cached_tokens": None,
        "output_tokens": 20,
        "reasoning_tokens": None,
        "prompt_estimate": 125,
        "text_estimate": 24,
        "started_s": 0.0,
        "first_token_s": 1.0,
        "ended_s": 3.0,
    }
    return CallFacts(**(told | fields))


def learnt(*facts: CallFacts, model: str = "test:a") -> ModelExperience:
    """Return what facts of one run teach."""
    known = learn(model, [("run", fact) for fact in facts])
    assert known is not None
    return known


def test_nothing_is_learned_from_nothing() -> None:
    """Not zero: nothing."""
    assert learn("test:a", []) is None


def test_kinds_are_learned_apart_and_together() -> None:
    """A critique is shorter than an answer."""
    known = learnt(a_fact(), a_fact(output_tokens=40), a_fact(kind="critique", output_tokens=6, reasoning_tokens=2))
    assert (known.calls, known.kinds["answer"].calls, known.whole.calls) == (3, 2, 3)
    assert known.kinds["answer"].written_tokens == 30
    assert known.kinds["critique"].reasoning_tokens == 2
    assert known.whole.written_tokens == 22


def test_nine_of_ten_replies_have_at_most_the_ninth_decile() -> None:
    """And the tenth may have more."""
    known = learnt(*(a_fact(output_tokens=tokens) for tokens in range(1, 21)))
    assert known.whole.written_p90_tokens == 18
    assert known.whole.written_deviation == pytest.approx(5.916, abs=0.001)


def test_prompts_are_counted_for_each_token_estimated() -> None:
    """Where the endpoint counts; else nothing is known of it."""
    assert learnt(a_fact(), a_fact(input_tokens=None, prompt_estimate=10**6)).prompt_share == 0.8
    assert learnt(a_fact(input_tokens=None)).prompt_share is None


def test_what_nobody_counted_is_estimated() -> None:
    """From the prompt and the text; only of caches nothing is known. One call that was counted says more."""
    known = learnt(a_fact(input_tokens=None, output_tokens=None))
    assert (known.whole.written_tokens, known.whole.written_p90_tokens) == (24, 24)
    assert known.pace.written_token_s == 2 / 24
    assert (known.whole.cached_share, known.has_cache) == (None, False)
    assert learnt(a_fact(), a_fact(output_tokens=None)).whole.written_tokens == 20


def test_a_reply_that_came_all_at_once_was_waited_for() -> None:
    """All its seconds are those to the first token."""
    pace = learnt(a_fact(first_token_s=None)).pace
    assert (pace.first_token_s, pace.written_token_s) == (3.0, 0.0)


def test_a_cache_is_known_by_what_it_served() -> None:
    """As a share of the prompts whose endpoint told; one that served nothing is no cache."""
    known = learnt(a_fact(cached_tokens=50), a_fact(input_tokens=300, cached_tokens=50), a_fact())
    assert (known.whole.cached_share, known.has_cache) == (0.25, True)
    assert (learnt(a_fact(cached_tokens=0)).whole.cached_share, learnt(a_fact(cached_tokens=0)).has_cache) == (0, False)


def test_a_pace_has_three_parts() -> None:
    """To the first token, for a fresh prompt token, for a written one."""
    facts = [
        a_fact(input_tokens=fresh + 7, cached_tokens=7, first_token_s=0.5 + fresh / 1000, ended_s=2.5 + fresh / 1000)
        for fresh in range(100, 1100, 100)
    ]
    pace = learnt(*facts).pace
    assert pace.first_token_s == pytest.approx(0.5)
    assert pace.prompt_token_s == pytest.approx(0.001)
    assert pace.written_token_s == pytest.approx(0.1)
    assert pace.deviation_s == pytest.approx(0.0, abs=1e-9)
    assert pace.seconds(200, 10) == pytest.approx(1.7)


def test_few_calls_show_no_price_of_a_prompt_token() -> None:
    """Two points always make a line."""
    pace = learnt(a_fact(input_tokens=100), a_fact(input_tokens=200, first_token_s=2.0)).pace
    assert (pace.prompt_token_s, pace.first_token_s) == (0.0, 1.5)


def test_longer_prompts_are_never_taken_for_quicker() -> None:
    """A line that falls is chance."""
    pace = learnt(*(a_fact(input_tokens=n * 100, first_token_s=2.0 - n / 10) for n in range(1, 11))).pace
    assert pace.prompt_token_s == 0


def test_no_first_token_comes_before_the_call() -> None:
    """A line that begins below nothing is laid through nothing."""
    pace = learnt(
        *(a_fact(input_tokens=n * 100, first_token_s=max(n - 5, 0.01), ended_s=9.0) for n in range(1, 11))
    ).pace
    assert pace.first_token_s == 0
    assert pace.prompt_token_s > 0


def test_replies_without_a_token_take_no_time_to_write() -> None:
    """And nothing is divided by them."""
    pace = learnt(a_fact(output_tokens=0)).pace
    assert pace.written_token_s == 0


def test_what_waits_for_its_agent_s_slot_does_not_count_as_slow() -> None:
    """An embedded model serves an agent's calls one at a time; another agent's, and another run's, beside them."""
    queue = [a_fact(first_token_s=n * 3.0 + 1.0, ended_s=n * 3.0 + 3.0) for n in range(3)]
    known = learn("embedded:m", [*(("run", fact) for fact in queue), ("other", a_fact()), ("run", a_fact(agent="b"))])
    assert known is not None
    assert (known.pace.first_token_s, known.pace.written_token_s, known.pace.deviation_s) == (1.0, 0.1, 0.0)
    beside = learnt(*queue).pace
    assert beside.first_token_s == 4.0


def test_only_finished_calls_are_facts() -> None:
    """A lost one says nothing of how a model replies, and one without attempts took nothing."""
    assert facts_of(a_call(state="lost")) is None
    assert facts_of(a_call(attempts=())) is None


def test_the_attempt_that_gave_the_reply_counts() -> None:
    """Those that failed before it do not."""
    failed = Attempt(started_s=0.0, ended_s=9.0, error="ServerError")
    good = Attempt(started_s=10.0, first_token_s=11.0, ended_s=12.0, usage=Usage(input_tokens=5, output_tokens=7))
    fact = facts_of(a_call(attempts=(failed, good)))
    assert fact is not None
    assert (fact.started_s, fact.first_token_s, fact.ended_s, fact.input_tokens, fact.output_tokens) == (
        10,
        11,
        12,
        5,
        7,
    )


def test_protocol_is_no_part_of_the_text_that_is_read_on() -> None:
    """The marks of a panel's sections and a verdict line stay behind."""
    bare = facts_of(a_call(reply="text\nmore"))
    panel = facts_of(
        a_call(
            stage=Stage.CRITIQUE,
            reply="<critique-0123abcd>\ntext\n</critique-0123abcd>\n<critique-0123abce>\nmore\n</critique-0123abce>",
        )
    )
    residual = facts_of(a_call(stage=Stage.RESIDUAL, reply="VERDICT 0123456789ab CONTINUE\ntext\nmore"))
    assert bare is not None
    assert panel is not None
    assert residual is not None
    assert (panel.kind, residual.kind) == ("panel", "residual")
    assert abs(panel.text_estimate - bare.text_estimate) <= 1
    assert residual.text_estimate == bare.text_estimate
