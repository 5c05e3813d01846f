"""What a benchmark came to, as tables."""

from __future__ import annotations

from attention_moa.bench.results import Results, Spread, SystemResult
from attention_moa.bench.scores import Interval, Score
from attention_moa.cli.bench_tables import result_lines


def results(*systems: SystemResult, **fields: object) -> Results:
    """Return what a benchmark of these systems came to."""
    usual: dict[str, object] = {
        "task": "gsm8k",
        "data": "test.jsonl",
        "data_fingerprint": "f",
        "total": 1319,
        "asked": 10,
        "limit": 10,
        "seed": None,
        "max_tokens": None,
        "judge": None,
        "date": "2026-11-21T10:00:00+00:00",
        "settings_hash": "h",
        "versions": {},
        "stopped": None,
        "usd": None,
        "systems": systems,
    }
    return Results(**(usual | fields))  # type: ignore[arg-type]  # checked when made


def test_scores_costs_and_remarks_are_told() -> None:
    """Counts and parts of scores are left to the file."""
    scores = (
        Score("n", 10, 10),
        Score("accuracy", 50.0, 10, interval=Interval(20.0, 80.0)),
        Score("by_category.math", 40.0, 5),
        Score("lc", None, 10),
    )
    spread = Spread(median=1.25, p95=3.0)
    mine = SystemResult(
        name="mine", scores=scores, questions=10, answered=9, failed=1, calls=10, usd=0.5, seconds=spread,
        average_length=120.4, judge_usd=0.25, judgement={"n": 9}, notes=("a note",),
    )  # fmt: skip
    other = SystemResult(name="other", judgement={"n": 9})
    lines = list(
        result_lines(results(mine, other, judge="test:judge", max_tokens=50, stopped="stopped", warnings=("beware",)))
    )
    assert lines[0] == "gsm8k: 10 of 1,319 questions, replies of at most 50 tokens, judged by test:judge, 2026-11-21"
    assert [line.split() for line in lines[2:5]] == [
        ["score", "mine", "other"],
        ["accuracy", "50.00", "(20.0", "to", "80.0)", "-"],
        ["lc", "-", "-"],
    ]
    assert [line.split() for line in lines[7:9]] == [
        ["mine", "9/10", "1", "10", "0", "0.5000", "0.2500", "1.2", "3.0", "120"],
        ["other", "0/0", "0", "0", "0", "?", "?", "-", "-", "-"],
    ]
    assert [line for line in lines[9:] if line] == ["spent in all: 0.7500+ USD", "stopped", "beware", "mine: a note"]


def test_a_sum_to_which_more_belongs_has_a_plus() -> None:
    """Where nothing is known there is a question mark, and where nobody judged that is said."""
    partly = SystemResult(
        name="mine", scores=(Score("accuracy", 50.0, 10), Score("avg_length", 119, 10)), input_tokens=1000,
        output_tokens=200, tokens_are_lower_bound=True, usd=0.5, usd_is_lower_bound=True, average_length=120.9,
    )  # fmt: skip
    silent = SystemResult(name="other", tokens_are_lower_bound=True, usd=None, usd_is_lower_bound=True)
    lines = list(result_lines(results(partly, silent)))
    assert lines[0].endswith("questions, no judge asked, 2026-11-21")
    assert lines[-1] == "spent in all: 0.5000+ USD"
    told = [line.split() for line in lines[-3:-1]]
    assert [cells[4:6] for cells in told] == [["1,200+", "0.5000+"], ["?", "?"]]
    assert told[0][-1] == "119"
    assert not any("avg_length" in line for line in lines)


def test_where_all_scores_are_parts_these_are_told() -> None:
    """Their sums and counts are left to the file; without scores there is no table of them."""
    skills = SystemResult(name="mine", scores=(Score("skills.logic", 3.5, 4), Score("skills.logic.sum", 14.0, 4)))
    assert not any(".sum" in line for line in result_lines(results(skills)))
    assert any(line.startswith("skills.logic") for line in result_lines(results(skills)))
    assert not any(line.startswith("score") for line in result_lines(results(SystemResult(name="mine"))))


def test_many_systems_are_rows() -> None:
    """And what is to be said of all of them is said once."""
    systems = [
        SystemResult(name=name, scores=(Score("accuracy", 5.0, 4),), notes=("of all", *notes))
        for name, notes in (("a", ("of some",)), ("b", ("of some",)), ("c", ()))
    ]
    lines = [line.split() for line in result_lines(results(*systems))]
    assert lines[2:6] == [["system", "accuracy"], ["a", "5.00"], ["b", "5.00"], ["c", "5.00"]]
    assert lines[-2:] == [["all", "systems:", "of", "all"], ["a,", "b:", "of", "some"]]
