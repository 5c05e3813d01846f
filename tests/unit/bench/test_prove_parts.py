"""The pilot, the money, the folder, the sizes and the tables of a proof."""

from __future__ import annotations

import asyncio
from math import inf
from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.bench.documents import write_document
from attention_moa.bench.pairwise import Comparison as Compared
from attention_moa.bench.prove_folder import (
    Decisions,
    decisions_in,
    default_folder,
    keep_decisions,
    make_folder,
    proof_key,
    run_prefix,
)
from attention_moa.bench.prove_frontier import point, reference_point, with_frontier
from attention_moa.bench.prove_money import Shares
from attention_moa.bench.prove_pilot import agent_pairs, pilot_ids, pilot_scores, split
from attention_moa.bench.prove_result import Best, JudgeAccount, Proof, Size, Spent, SystemProof, Tried
from attention_moa.bench.prove_sizing import Scales, corrected, sizes_of
from attention_moa.bench.prove_spend import Cost
from attention_moa.bench.prove_verdict import compared, decide
from attention_moa.bench.prove_words import verdict_words
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.cli.prove_tables import proof_lines
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError, StoreError
from attention_moa.messages import user
from attention_moa.money import Price

AGENTS = tuple(
    AgentSpec(name=name, model=f"openai:{name}", price=Price(input=1.0, output=4.0), max_tokens=100) for name in "ab"
)
ENSEMBLE = EnsembleSpec(name="mine", agents=AGENTS, layers=2)


def questions(count: int) -> list[Question]:
    """Return so many questions."""
    return [Question(id=f"q{number}", conversation=(user("Why?"),)) for number in range(count)]


def line(number: int, text: str | None = "Because.", usd: float | None = 0.1) -> RunLine:
    """Return a run's line."""
    state = "failed" if text is None else "finished"
    run = RunLine(question=f"q{number}", turn=1, run_id=f"r{number}", state="finished", text=text, usd=usd)
    return replace(run, state=state)


@pytest.mark.parametrize(("count", "pilot"), [(10, 4), (20, 4), (40, 8), (100, 20), (1000, 40)])
def test_a_fifth_of_the_prompts_is_the_pilot(count: int, pilot: int) -> None:
    """At least 4 and at most 40, in their order; another seed draws others; no prompt is in both parts."""
    asked = questions(count)
    ids = pilot_ids(asked, 0)
    assert len(ids) == len(set(ids)) == pilot
    assert list(ids) == [one.id for one in asked if one.id in ids]
    assert pilot_ids(asked, 0) == ids != pilot_ids(asked, 1)
    parts = split(asked, ids)
    assert [one.id for one in parts.pilot] == list(ids)
    assert len(parts.rest) == count - pilot
    assert not set(parts.rest) & set(parts.pilot)


def test_too_few_prompts_are_refused() -> None:
    """Before any money is spent on what cannot come to anything."""
    nine = questions(9)
    with pytest.raises(ConfigError, match=r"PROMPTS: 9 prompts can prove nothing: bring 10 or more \(or 6 with --best"):
        split(nine, pilot_ids(nine, 0))
    with pytest.raises(ConfigError, match=r"3 prompts can prove nothing: bring 10 or more \(or 6"):
        split(nine[:3], pilot_ids(nine[:3], 0))
    with pytest.raises(ConfigError, match=r"5 prompts can prove nothing: bring 6 or more$"):
        split(nine[:5], ())


def test_agents_are_scored_against_each_other() -> None:
    """Each two of them; a missing judgement counts for neither, who has no answer loses."""
    asked = questions(2)
    lines = {
        "a": {"q0": line(0, "one"), "q1": line(1, "one")},
        "b": {"q0": line(0, "two"), "q1": line(1, "two")},
        "c": {"q0": line(0, None), "q1": line(1, None)},
    }
    said = {"agents-1-2": [Compared("q0", "A", ("A", "A")), Compared("q1", None, (None, "A"))]}
    assert [pair.name for pair in agent_pairs("abc")] == ["agents-1-2", "agents-1-3", "agents-2-3"]
    assert pilot_scores(asked, lines, said) == {"a": [1.0, 1.0, 1.0], "b": [0.0, 1.0, 1.0], "c": [0.0] * 4}


def test_money_is_shared_by_what_parts_are_planned_to_cost() -> None:
    """What one leaves over goes to those that come after it."""
    shares = Shares(10.0, parallel=2)
    shares.expect({"a": 1.0, "b": 3.0})
    purse = shares.purse("a")
    assert purse.free_usd == 2.5
    purse.spent_usd = 0.5
    shares.settle("a", purse)
    assert (shares.left_usd, shares.purse("b").free_usd) == (9.5, 9.5)
    assert shares.purse("unexpected").free_usd == 0.0
    assert not shares.is_empty
    asyncio.run(purse.close())
    shares.settle("a", purse)
    assert shares.is_empty


def test_without_a_limit_there_is_no_share() -> None:
    """Every purse is bottomless."""
    shares = Shares(None, parallel=2)
    assert not shares.is_limited
    assert shares.purse("a").free_usd == inf
    free = Shares(1.0, parallel=2)
    free.expect({"a": 0.0})
    assert free.purse("a").free_usd == 1.0


def test_decisions_are_kept_in_the_folder(tmp_path: Path) -> None:
    """They come back to the same proof, and to no other one."""
    assert decisions_in(tmp_path / "out", "k1") is None
    make_folder(tmp_path / "out", Decisions(key="k1"))
    decided = Decisions(key="k1", pilot=("q1",), best=Best(agent="a", how="told"), unit="usd")
    keep_decisions(tmp_path / "out", decided)
    assert decisions_in(tmp_path / "out", "k1") == decided
    with pytest.raises(ConfigError, match="holds another proof or benchmark"):
        decisions_in(tmp_path / "out", "k2")


def test_the_folder_of_a_benchmark_is_none_of_a_proof(tmp_path: Path) -> None:
    """Neither is one whose decisions are damaged."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "settings.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds another proof or benchmark"):
        decisions_in(tmp_path / "bench", "k")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "decisions.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"decisions\.json: .*: name another folder"):
        decisions_in(tmp_path / "bad", "k")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file stands where it should be."""
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="out cannot be written"):
        make_folder(tmp_path / "out", Decisions(key="k"))
    with pytest.raises(StoreError, match="cannot be written"):
        write_document(tmp_path / "none" / "a.json", {})


def test_the_same_proof_goes_on_in_its_own_folder(tmp_path: Path) -> None:
    """Unless told, by its key; another one of the same name gets a number."""
    prompts = tmp_path / "mine.jsonl"
    first = default_folder(prompts, "e", "k1", tmp_path)
    make_folder(first, Decisions(key="k1"))
    assert first.name.startswith("prove-mine-e-")
    assert default_folder(prompts, "e", "k1", tmp_path) == first
    second = default_folder(prompts, "e", "k2", tmp_path)
    assert second.name == f"{first.name}-2"


def test_a_proof_is_known_by_what_shapes_it() -> None:
    """Ensemble, judge, pilot and baselines; not by the order in which baselines are named. Runs go by the ensemble."""
    other = replace(ENSEMBLE, layers=3)
    key = proof_key(ENSEMBLE, None, told=("a",), baselines=("moa", "single"))
    assert key == proof_key(ENSEMBLE, None, told=("a",), baselines=("single", "moa"))
    others = {
        proof_key(other, None, told=("a",), baselines=("moa", "single")),
        proof_key(ENSEMBLE, other, told=("a",), baselines=("moa", "single")),
        proof_key(ENSEMBLE, None, told=(None,), baselines=("moa", "single")),
        proof_key(ENSEMBLE, None, told=("a",), baselines=("moa",)),
    }
    assert len(others | {key}) == 5
    assert run_prefix(ENSEMBLE) == run_prefix(replace(ENSEMBLE, description="same")) != run_prefix(other)


def test_baselines_get_the_size_of_the_ensembles_cost() -> None:
    """By what runs really cost; a plan stands in where nobody knows."""
    scales = Scales(questions(3), "usd", {})
    cost = scales.expected(ENSEMBLE)
    sizes = sizes_of(ENSEMBLE, ("single", "best-of-n", "self-moa", "moa"), scales, best="a", lines=[line(0, usd=cost)])
    assert sizes == sizes_of(ENSEMBLE, ("best-of-n", "self-moa", "moa"), scales, best="a", lines=[line(0, usd=None)])
    for size in sizes.values():
        assert size.target == cost
        assert 0.8 < size.expected / cost < 1.2
    assert {name: (size.what, size.selector) for name, size in sizes.items()} == {
        "best-of-n": ("samples", "openai:a"),
        "self-moa": ("samples", None),
        "moa": ("layers", None),
    }
    twice = sizes_of(ENSEMBLE, ("best-of-n",), scales, best="a", lines=[line(0, usd=2 * cost)])
    assert twice["best-of-n"].size > sizes["best-of-n"].size


def test_a_trial_puts_sizes_right() -> None:
    """One that cost half of what was expected gets about twice the size; one that was nearly right keeps it."""
    scales = Scales(questions(3), "usd", {})
    size = sizes_of(ENSEMBLE, ("best-of-n",), scales, best="a", lines=[line(0, usd=0.004)])["best-of-n"]
    half = corrected(ENSEMBLE, "best-of-n", size, best="a", ratio=0.5, scales=scales)
    near = corrected(ENSEMBLE, "best-of-n", size, best="a", ratio=1.05, scales=scales)
    assert 1.5 < half.size / size.size < 2.5
    assert abs(half.expected - size.target) < abs(0.5 * size.target - size.target)
    assert (near.size, near.expected) == (size.size, 1.05 * size.target)


def a_proof() -> Proof:
    """Return a proof with something of everything."""
    row = compared("best-of-n", [1.0] * 6 + [0.5, None], cost_ratio=None)
    verdict = decide([row], {})
    points = with_frontier(
        [
            reference_point("mine", [Cost(10.0), Cost(10.0)], 2),
            point("best-of-n", [Cost(0.0, is_lower_bound=True)], [None]),
            point("a", [Cost(1.0, is_lower_bound=True), Cost(2.0, is_lower_bound=True)], [0.0, 0.5]),
        ]
    )
    size = Size(
        what="samples",
        size=7,
        expected=9.0,
        target=10.0,
        selector="openai:a",
        tried=(Tried(size=9, cost_ratio=1.31, prompts=8),),
    )
    system = SystemProof(
        name="mine", strategy="attention-moa", answered=2, failed=1, average_length=9.0, median_s=1.0, usd=None
    )
    silent = replace(system, answered=0, average_length=None, median_s=None)
    return Proof(
        ensemble="mine",
        verdict=verdict,
        words=verdict_words(verdict, [row], ensemble="mine"),
        prompts=7,
        asked=12,
        unit="tokens",
        best=Best(agent="a", how="judge", prompts=("q1", "q2")),
        comparisons=(row,),
        by_kind={"code": (row,)},
        quality_is="score",
        frontier=points,
        systems=(system, replace(silent, name="best-of-n", size=size), replace(system, name="a")),
        judge=JudgeAccount(judge="openai:j", comparisons=8, agreed=0.75, first=0.5, missing=1, usd=None),
        spent=(
            Spent(what="answers of mine", count=2, usd=1.0, is_lower_bound=True),
            Spent(what="judge", count=8, usd=0.5),
        ),
        usd=1.5,
        unpriced=2,
        cut_off=1,
        usd_each=None,
        stopped="stopped by the budget",
        warnings=("a warning",),
        data="prompts.jsonl",
        data_fingerprint="f",
        seed=0,
        date="2026-01-01",
        settings_hash="h",
        versions={},
    )


def test_a_proof_is_told_in_tables() -> None:
    """The verdict first; unknown is ?; who chose, who judged, what was spent and what to know come after."""
    text = "\n".join(proof_lines(a_proof()))
    assert text.startswith("Cannot tell whether mine is worth it.")
    for part in (
        "mine against what the same money buys, 7 prompts:",
        "code:",
        "quality (each one's own score against mine, whose own would be 50 %) against cost (a prompt, in tokens read",
        "yes, cost unknown (best-of-n): it has to be beaten, but that is no proof at equal spend",
        "a cost with a + is a lower bound (a): the frontier is by what is known",
        "best agent: a, by the judge, on a pilot of 2 prompts",
        "best-of-n: 7 samples, chosen from by openai:a, its calls counted; tried: 9 cost 1.31 times as much as the",
        "judge: openai:j, 8 pairs in both orders, both orders agree on 75 %, what is read first is preferred 50 % of",
        "spent in all: at least $1.5000: of 2 runs and judgements not all is known, and 1 of the runs were cut off",
        "stopped by the budget",
        "a warning",
    ):
        assert part in text, part
    rows = [row.split() for row in text.splitlines()]
    assert next(row for row in rows if row[:1] == ["best-of-n"])[-4:] == ["?", "yes,", "cost", "unknown"]
    assert next(row for row in rows if row[:1] == ["mine"] and row[1:2] != ["against"])[1] == "-"
    assert ["in", "all", "1.5000+"] in rows
    assert "tied" not in text


@pytest.mark.parametrize(
    ("tied", "is_cheaper", "said"),
    [
        (("b",), True, "in the pilot a, b tied at 50.0 %: a is the cheaper one"),
        (("b", "c"), True, "in the pilot a, b, c tied at 50.0 %: a is the cheapest one"),
        (("b",), False, "in the pilot a, b tied at 50.0 %: a comes first"),
    ],
)
def test_a_tie_of_the_pilot_is_told(tied: tuple[str, ...], *, is_cheaper: bool, said: str) -> None:
    """And why one of them was taken for the best."""
    best = replace(a_proof().best, agent="a", rates={"a": 0.5}, tied=tied, is_cheaper=is_cheaper)
    assert said in list(proof_lines(replace(a_proof(), best=best)))


def test_a_proof_without_judge_or_question_of_price_says_less() -> None:
    """Right answers; all prices known."""
    proof = replace(a_proof(), judge=None, unpriced=0, stopped=None, quality_is="right", unit="usd")
    text = "\n".join(proof_lines(proof))
    assert "quality (share of right answers) against cost (a prompt, in US dollars):" in text
    assert "not all is known" not in text
    assert ["in", "all", "1.5000"] in [row.split() for row in text.splitlines()]
    assert "judge:" not in text
    silent = replace(a_proof(), judge=replace(a_proof().judge or a_judge(), comparisons=0, agreed=None, first=None))
    assert "judge: asked nothing" in "\n".join(proof_lines(silent))


def a_judge() -> JudgeAccount:
    """Return the account of a judge who did nothing."""
    return JudgeAccount(judge="j", comparisons=0, agreed=None, first=None, missing=0, usd=0.0)
