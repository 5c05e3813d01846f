"""What a proof's report begins with."""

from __future__ import annotations

from msgspec.structs import replace

from attention_moa.bench.plots import Figure
from attention_moa.bench.prove_report import proof_sections
from attention_moa.bench.prove_spend import Ratio
from attention_moa.bench.prove_trials import trial_questions
from attention_moa.bench.prove_verdict import compared
from attention_moa.bench.report_page import Page, Table, Words, render_page
from tests.unit.bench.test_prove_parts import a_proof, line, questions


def test_the_report_has_all_of_the_proof() -> None:
    """Comparisons, kinds, agreement, pilot, sizes and money, as the console has them."""
    proof = a_proof()
    page = render_page(Page(title="Is it worth it?", lead=" ".join(proof.words), sections=proof_sections(proof)))
    for part in (
        "mine against what the same money buys, 7 prompts",
        "yes, cost unknown",
        "By kind of prompt",
        "Best agent: a, by the judge, on a pilot of 2 prompts.",
        "both orders agree on 75 %",
        "Best-of-n: 7 samples, chosen from by openai:a",
        "answers of mine",
        "in all",
        "Spent in all: at least $1.5000",
    ):
        assert part in page, part


def test_the_scores_of_the_report_are_the_ensembles() -> None:
    """It has none against itself, and a figure says whose they are."""
    proof = replace(a_proof(), by_kind={}, unpriced=0)
    parts = [part for section in proof_sections(proof) for part in section.parts]
    against, quality, money = (part for part in parts if isinstance(part, Table))
    assert [cell.text for cell in against.rows[0]][:3] == ["best-of-n", "92.9 %", "54.6 to 100.0"]
    assert [cell.text for cell in quality.rows[0]][:2] == ["mine", "-"]
    assert [cell.text for cell in money.rows[-1]] == ["in all", "", "1.5000"]
    scores, places = (part for part in parts if isinstance(part, Figure))
    assert scores.panels[0].y_title == "score of mine against it, %"
    assert "stands at 50 % by definition" in places.caption
    right = [part for one in proof_sections(replace(proof, quality_is="right")) for part in one.parts]
    assert [part.panels[0].y_title for part in right if isinstance(part, Figure)][1] == "right, %"


def test_the_report_says_which_baselines_count() -> None:
    """Each of them in its own words, and that a ratio is a bound."""
    rows = (
        compared("even", [1.0] * 6, cost_ratio=1.0),
        compared("dear", [0.0] * 6, cost_ratio=1.3),
        compared("cheap", [1.0] * 6, cost_ratio=0.7),
        compared("bound", [1.0] * 6, cost_ratio=Ratio(0.7, "at-least")),
    )
    section = proof_sections(replace(a_proof(), comparisons=rows))[0]
    table, notes = section.parts
    assert isinstance(table, Table)
    assert isinstance(notes, Words)
    assert [(row[-2].text, row[-1].text) for row in table.rows] == [
        ("1.00", "yes"),
        ("1.30", "no, dearer"),
        ("0.70", "yes, cheaper"),
        ("0.70+", "yes, cost unknown"),
    ]
    said = " ".join(notes.lines)
    assert (
        "No, dearer (dear): cost more than 1.25 times as much: to beat it proves no less, to lose to it is not" in said
    )
    assert "Yes, cheaper (cheap): cost less than 0.8 times as much: it has to be beaten" in said
    assert "marked with +" in said


def test_a_proof_without_anything_compared_has_a_report() -> None:
    """Nothing is drawn, and nothing fails."""
    proof = replace(a_proof(), comparisons=(), by_kind={}, frontier=(), systems=(), judge=None)
    parts = [part for section in proof_sections(proof) for part in section.parts]
    assert not [part for part in parts if isinstance(part, Figure)]


def test_baselines_are_tried_where_the_ensembles_cost_is_known() -> None:
    """On eight prompts at most; where hardly any is known, on the first ones."""
    asked = questions(20)
    ours = {f"q{at}": line(at, usd=None if at < 5 else 0.1) for at in range(20)}
    assert [one.id for one in trial_questions(asked, ours, "usd")] == [f"q{at}" for at in range(5, 13)]
    assert [one.id for one in trial_questions(asked[:6], ours, "usd")] == [f"q{at}" for at in range(6)]
