"""What a sweep came to, and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.bench.plots import Figure
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.scores import Interval, Score
from attention_moa.bench.sweep_file import SweepSpec, Value, Vary
from attention_moa.bench.sweep_points import Points, points_of
from attention_moa.bench.sweep_report import sweep_figures, table_of, write_sweep_report
from attention_moa.bench.sweep_results import (
    PointResult,
    Ran,
    SweepResults,
    missing_judgements,
    point_notes,
    point_results,
)
from attention_moa.messages import user
from tests.report_world import HOSTILE, a_line, a_system, some_results, write_folder
from tests.worlds import a_spec

QUESTIONS = tuple(Question(id=str(n), conversation=(user(f"{n}?"),), reference=str(n)) for n in range(4))
NEVER: Value = {"label": "never", "early_stop.rule": "none"}
VERDICT: Value = {"label": "verdict", "early_stop.rule": "verdict"}


def the_points(*vary: Vary) -> Points:
    """Return the points of a sweep over an ensemble of three layers."""
    return points_of(SweepSpec(vary=vary), a_spec(2, layers=3))


def ran(folder: Path, points: Points, lines: dict[str, list[RunLine]], task: str = "file") -> tuple[PointResult, ...]:
    """Return what points came to whose runs are these, by label."""
    names = {point.label: point.system.name for point in points.points}
    systems = [a_system(name, scores=(Score("accuracy", 50.0, 4),)) for name in names.values()]
    results = some_results(*systems, task=task)
    write_folder(folder, results, {names[label]: found for label, found in lines.items()})
    return point_results(points.points, {"adversarial": Ran(results=results, folder=folder, questions=QUESTIONS)})


def four(tokens: int = 100, right: int = 4, **fields: Any) -> list[RunLine]:
    """Return four runs, the first so many of them right."""
    answers = [str(n) if n < right else "no" for n in range(4)]
    return [a_line(str(n), answers[n], input_tokens=tokens, output_tokens=0, **fields) for n in range(4)]


def whole(points: Points, found: tuple[PointResult, ...], **fields: Any) -> SweepResults:
    """Return the results of a whole sweep."""
    usual: dict[str, Any] = {
        "title": "T", "description": "D", "axes": points.axes, "left_out": points.left_out, "task": "file", "asked": 4,
        "judge": None, "max_tokens": None, "date": "2026-11-21T14:00:00+00:00", "settings_hashes": {"a": "h"},
        "versions": {"python": "3.11"}, "usd": None,
    }  # fmt: skip
    return SweepResults(points=found, **(usual | fields))


def test_points_are_compared_question_by_question(tmp_path: Path) -> None:
    """Both answered the same ones: the interval of the difference is narrower than those of the scores."""
    points = the_points(Vary(axis="layers", values=(1, 2)))
    one, two = ran(tmp_path / "b", points, {"1": four(right=1), "2": four(right=3)})
    assert one.against_first is None
    assert two.against_first is not None
    assert two.against_first.mean == 50.0
    assert two.score == Score("accuracy", 50.0, 4)
    assert two.tokens is not None
    assert (two.tokens.mean, two.tokens.interval) == (100.0, Interval(100.0, 100.0))


def test_a_benchmark_of_judgements_has_no_difference_by_rule(tmp_path: Path) -> None:
    """Whether an answer is right is not what a judge was asked."""
    points = the_points(Vary(axis="layers", values=(1, 2)))
    found = ran(tmp_path / "b", points, {"1": four(), "2": four()}, task="ifeval")
    assert [one.against_first for one in found] == [None, None]


def test_early_stops_are_counted_by_layer_and_saving_by_question(tmp_path: Path) -> None:
    """A stop in the last layer saves no layer: it is shown, and is not early."""
    points = the_points(Vary(axis="settings", values=(NEVER, VERDICT)))
    stops = [
        *four(tokens=40, layers=2, ended_by="verdict")[:2],
        a_line("2", "2", input_tokens=100, output_tokens=0, layers=3, ended_by="verdict"),
        a_line("3", None, input_tokens=7, output_tokens=0),
    ]
    never, verdict = ran(tmp_path / "b", points, {"never": four(layers=3, ended_by="last"), "verdict": stops})
    assert never.ended_in == {}
    assert never.tokens_saved is None
    assert verdict.ended_in == {"2": 0.5, "3": 0.25}
    assert verdict.stopped == 0.5
    assert verdict.tokens_saved == pytest.approx(1 - 180 / 300)


def test_where_nothing_stopped_that_is_said(tmp_path: Path) -> None:
    """A sweep about stopping early that has no stop to show is no finding about it."""
    points = the_points(Vary(axis="settings", values=(NEVER, VERDICT)))
    none = ran(tmp_path / "b", points, {"never": four(layers=3, ended_by="last"), "verdict": four(layers=3)})
    assert "no run stopped early" in point_notes(none)[0]
    stops = four(layers=2, ended_by="verdict")
    some = ran(tmp_path / "c", points, {"never": four(layers=3, ended_by="last"), "verdict": stops})
    assert not any("stopped early" in note for note in point_notes(some))


def test_many_lower_bounds_are_counted_not_listed(tmp_path: Path) -> None:
    """The caption of a figure is a sentence, and the table marks each."""
    points = the_points(Vary(axis="layers", values=(1, 2, 3, 4)))
    unpriced = [*four()[:3], a_line("3", "3", usd=None)]
    found = ran(tmp_path / "b", points, {str(layers): unpriced for layers in (1, 2, 3, 4)})
    assert "the cost of 4 points (marked + in the table)" in _figure(whole(points, found)).caption
    assert "the cost of 1; 2." in _figure(whole(points, found[:2])).caption


def test_saving_needs_a_point_that_never_stops(tmp_path: Path) -> None:
    """And one that is the same otherwise: another strategy, or other layers, is no measure."""
    points = the_points(Vary(axis="strategy", values=("moa", "attention-moa")))
    found = ran(tmp_path / "b", points, {"moa": four(tokens=10), "attention-moa": four()})
    assert [one.tokens_saved for one in found] == [None, None]


def test_unknown_prices_are_not_nothing(tmp_path: Path) -> None:
    """One run without a price, and the mean is a lower bound, named as one in the figures; none, and it is unknown."""
    points = the_points(Vary(axis="layers", values=(1, 2)))
    unpriced = [*four()[:3], a_line("3", "3", usd=None)]
    one, two = ran(tmp_path / "b", points, {"1": four(), "2": unpriced})
    assert one.usd is not None
    assert two.usd is not None
    assert (two.usd.is_lower_bound, two.usd.interval, two.usd.mean < one.usd.mean) == (True, None, True)
    assert table_of(whole(points, (one, two))).rows[1][-3].text == "0.0079+"
    silent, _ = ran(tmp_path / "c", points, {"1": [a_line(n, n, usd=None) for n in "0123"], "2": four()})
    assert silent.usd is None
    titles = [panel.y_title for panel in _figure(whole(points, (one, two))).panels]
    assert titles[1] == "US dollars a question (some are lower bounds)"
    titles = [panel.y_title for panel in _figure(whole(points, (silent, two))).panels]
    assert titles == ["right, %", "tokens a question", "seconds a run"]
    titles = [panel.y_title for panel in _figure(whole(points, (one,))).panels]
    assert titles[1] == "US dollars a question"


def test_questions_of_an_earlier_sweep_count_for_nothing(tmp_path: Path) -> None:
    """Their runs stay in the file, and what a question costs is of those that were asked."""
    points = the_points(Vary(axis="layers", values=(1,)))
    (one,) = ran(tmp_path / "b", points, {"1": [*four(), a_line("9", "9", input_tokens=10**6)]})
    assert one.tokens is not None
    assert one.tokens.mean == 100.0


def test_judgements_that_are_missing_are_told(tmp_path: Path) -> None:
    """In the warnings, with the point that they are of, and as the n and missing of its row."""
    points = the_points(Vary(axis="layers", values=(1, 2)))
    one, two = ran(tmp_path / "b", points, {"1": four(), "2": four()})
    lost = replace(two.system, judgement={"n": 4, "missing": 4}, notes=("a note",))
    two = replace(two, system=lost, score=Score("average", None, 0, 4))
    one = replace(one, system=replace(one.system, judgement={"n": 4, "missing": 0}))
    assert missing_judgements([one, two]) == ["4 of 8 judgements are missing (2: 4 of 4)"]
    assert missing_judgements([one]) == []
    assert point_notes([one, two]) == ["2: a note"]
    table = table_of(whole(points, (one, two)))
    cells = dict(zip(table.headings, table.rows[1], strict=True))
    assert (cells["n"].text, cells["missing"].text) == ("0", "4")


def _figure(results: SweepResults) -> Figure:
    return sweep_figures(results)[0]


def test_numbers_are_a_line_and_names_are_rows(tmp_path: Path) -> None:
    """As in the paper's figures; each further axis makes lines of its own."""
    points = the_points(Vary(axis="layers", values=(2, 3)), Vary(axis="strategy", values=("attention-moa", "moa")))
    lines = {one.label: four() for one in points.points}
    panel = _figure(whole(points, ran(tmp_path / "b", points, lines))).panels[0]
    assert (panel.kind, panel.x_title, panel.order) == ("line", "layers", (2.0, 3.0))
    assert [series.name for series in panel.series] == ["attention-moa", "moa"]
    named = the_points(Vary(axis="ablation", values=("full", "panel")))
    found = ran(tmp_path / "c", named, {"full": four(), "panel": four()})
    panel = _figure(whole(named, found)).panels[0]
    assert (panel.kind, panel.order) == ("dots", ("full", "panel"))


def test_where_runs_stop_there_are_figures_of_it(tmp_path: Path) -> None:
    """The share by layer, and what it saved."""
    values: tuple[Value, ...] = (NEVER, VERDICT, {"label": "similarity", "early_stop.rule": "similarity"})
    points = the_points(Vary(axis="settings", values=values))
    early = four(tokens=50, layers=2, ended_by="similarity")
    found = ran(tmp_path / "b", points, {"never": four(), "verdict": early, "similarity": early})
    results = whole(points, found)
    main, stops = sweep_figures(results)
    assert [panel.y_title for panel in main.panels[3:]] == ["runs stopped early, %", "tokens saved, %"]
    assert [mark.y for mark in stops.panels[0].series[0].marks] == [100.0, 0.0]
    headings = table_of(results).headings
    assert headings[-2:] == ("stopped early", "tokens saved")
    assert [row[-1].text for row in table_of(results).rows] == ["-", "50.0 %", "50.0 %"]


def test_a_report_has_every_point_and_what_was_left_out(tmp_path: Path) -> None:
    """One file, and figures beside it; labels are texts."""
    points = the_points(
        Vary(axis="settings", values=({"label": HOSTILE, "layers": 2}, {"label": "x.jsonl", "layers": 1})),
        Vary(axis="ablation", values=("full", "pairwise")),
    )
    found = ran(tmp_path / "b", points, {one.label: four() for one in points.points})
    results = whole(points, found, max_tokens=9, warnings=("careful",))
    text = write_sweep_report(results, tmp_path).read_text(encoding="utf-8")
    assert "Replies were capped at 9 tokens" in text
    assert "careful" in text
    assert "Left out: " in text
    assert "evil.example/x onerror" in text
    assert "<img" not in text.partition("<script")[0]
    assert (tmp_path / "figures" / "sweep.svg").exists()


def test_a_sweep_without_scores_has_its_costs(tmp_path: Path) -> None:
    """Where nobody judged there is still something to see."""
    points = the_points(Vary(axis="layers", values=(1, 2)))
    names = [point.system.name for point in points.points]
    results = some_results(*(a_system(name, scores=()) for name in names), task="mt-bench")
    write_folder(tmp_path / "b", results, {names[0]: [], names[1]: four()})
    place = Ran(results=results, folder=tmp_path / "b", questions=QUESTIONS)
    found = point_results(points.points, {"adversarial": place})
    assert found[0].tokens is None
    results_of_all = whole(points, found)
    assert [panel.y_title for panel in _figure(results_of_all).panels] == ["tokens a question", "seconds a run"]
    assert table_of(results_of_all).rows[0][1].text == "-"
    assert sweep_figures(whole(points, ())) == ()
