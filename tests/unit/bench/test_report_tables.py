"""The tables of a report."""

from __future__ import annotations

from typing import Any

from attention_moa.bench.report_tables import every_score, judging, losses, overview
from attention_moa.bench.results import SystemResult
from attention_moa.bench.scores import Score
from tests.report_world import a_score, a_system, some_results


def row(one: SystemResult, **fields: Any) -> dict[str, tuple[str, str]]:
    """Return a system's cells in the overview by heading."""
    found = overview(some_results(one, **fields))
    return {name: (cell.text, cell.note) for name, cell in zip(found.headings, found.rows[0], strict=True)}


def test_a_system_whose_judgements_are_all_missing_is_scored_on_nothing() -> None:
    """It says how many there should be; what nobody judges has neither number."""
    cells = row(a_system("a", scores=(Score("average", None, 0, 4),)), task="mt-bench")
    assert cells["average, 1 to 10"] == ("-", "4 missing")
    assert (cells["n"][0], cells["missing"][0]) == ("0", "4")
    bare = row(a_system("a", scores=()), task="mt-bench")
    assert (bare["n"][0], bare["missing"][0]) == ("-", "-")


def test_what_n_counts_is_said() -> None:
    """Of MT-Bench it is judgements, not questions."""
    judged = some_results(a_system("a", scores=(a_score("average", 8.0),)), task="mt-bench")
    assert "n is of how many judgements (one a turn)" in overview(judged).caption
    assert "n is of how many questions" in overview(some_results(task="gsm8k")).caption


def test_a_sum_to_which_more_belongs_has_a_plus() -> None:
    """Money and tokens alike, and what a question costs; of what nothing is known there is no number."""
    partly = a_system(
        "a", usd=0.4, usd_is_lower_bound=True, tokens_are_lower_bound=True, judgement={"n": 1}, judge_usd=0.1,
        judge_usd_is_lower_bound=True,
    )  # fmt: skip
    cells = row(partly)
    assert (cells["spent"], cells["each"][0]) == (("$0.4000+", "judge $0.1000+"), "$0.0100+")
    told = [cell.text for cell in losses(some_results(partly)).rows[0]]
    assert told[6:10] == [
        "640",
        "91,000+",
        "40,000+",
        "17,000+",
    ]
    table = judging(some_results(partly))
    assert table is not None
    assert table.rows[0][-1].text == "$0.1000+"
    silent = a_system(
        "a",
        usd=None,
        usd_is_lower_bound=True,
        input_tokens=0,
        cached_tokens=0,
        output_tokens=0,
        tokens_are_lower_bound=True,
    )
    assert (row(silent)["spent"][0], row(silent)["each"][0]) == ("?", "?")
    assert [cell.text for cell in losses(some_results(silent)).rows[0]][7:10] == ["?", "?", "?"]


def test_a_length_controlled_win_rate_of_few_stands_behind_the_plain_one() -> None:
    """And the average length stands in one place."""
    scores = (
        a_score("win_rate", 40.0, n=5), a_score("length_controlled_winrate", 60.0, n=5), Score("avg_length", 7, 5),
    )  # fmt: skip
    results = some_results(a_system("a", scores=scores), task="alpaca-eval")
    assert overview(results).headings[1:3] == ("win rate, %", "LC win rate, %")
    assert overview(results).rows[0][-1].text == "7"
    assert "avg_length" not in [cells[0].text for cells in every_score(results).rows]
