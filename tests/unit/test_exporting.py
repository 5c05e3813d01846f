"""Runs as files: JSON that reads back equal, a call a line, and Markdown that no text can break."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from attention_moa.codec import record_from_json
from attention_moa.errors import ServerError
from attention_moa.exporting import export
from attention_moa.messages import Stage
from attention_moa.reading import sections, title_of
from attention_moa.records import CallRecord, RunRecord, UsageTotal
from tests.journals import a_call, a_head, a_record
from tests.worlds import Says, World, a_spec


def a_run() -> RunRecord:
    """Return a run of two layers in which something was lost and something stood in."""
    script: dict[str, Says] = {
        "1.critique.a.b": ServerError("no *luck*", retryable=False),
        "1.refine.b": ServerError("down", retryable=False),
        "2.answer.a": "# A heading\n```\n\x1b[31mopen",
    }
    return World(a_spec(2, layers=2), script).run()


def test_json_reads_back_equal() -> None:
    """The record, whole."""
    record = a_run()
    assert record_from_json(export(record, "json")) == record


def test_jsonl_has_a_call_in_each_line() -> None:
    """In the order in which they ended, each whole."""
    record = a_run()
    lines = export(record, "jsonl").splitlines()
    assert tuple(msgspec.json.decode(line, type=CallRecord) for line in lines) == record.calls


def test_markdown_tells_the_whole_run() -> None:
    """Layers, texts, what was lost and what stood in; money that is not known is not zero dollars."""
    text = export(a_run(), "markdown")
    for part in (
        "## Layer 1",
        "### Critique of b by a",
        "*lost: ServerError: no \\*luck\\**",
        "*stands in: ",
        "## Answer",
    ):
        assert part in text
    assert "- US dollars: unknown" in text
    assert "- lost in layer 1, critique by a: no \\*luck\\*" in text
    assert "- degraded in layer 1, refine, b: " in text


def test_a_model_s_headings_and_fences_stay_in_its_quote() -> None:
    """What a model wrote cannot pass for a part of the document."""
    lines = export(a_run(), "markdown").splitlines()
    assert "> # A heading" in lines
    assert "# A heading" not in lines
    assert "> [31mopen" in lines
    assert [line for line in lines if line.startswith("# ")] == ["# Run run"]


def test_a_run_that_is_not_over_shows_its_calls() -> None:
    """It has no layers and no answer yet, and says so."""
    lost = a_call("1.answer.b", state="lost", agent="b")
    cut = replace(a_call("1.answer.c", agent="c"), state="cancelled", text=None)
    record = a_record(a_head(), a_call(), lost, cut, state="running", text=None)
    found = {section.title: section for section in sections(record)}
    assert found["Layer 1, Answer by a"].text == "It scatters."
    assert found["Layer 1, Answer by b"].remark == "lost: ServerError: down"
    assert found["Layer 1, Answer by c"].remark == "cancelled: ended from outside"
    assert found["Answer"].remark == "none yet: the run is not over"
    exported = export(record, "markdown")
    assert "ensemble, not over, 2026" in exported
    assert "- the run is not over: what was or is under way is in no sum here" in exported


def test_an_answer_says_what_it_is() -> None:
    """A failed run says why there is none, a cancelled one that it is the best so far."""
    failed = a_record(a_head(), state="failed", text=None, error="no agent gave an answer")
    assert list(sections(failed))[-1].remark == "none: no agent gave an answer"
    cancelled = a_record(a_head(), state="cancelled", text="half")
    assert list(sections(cancelled))[-1].remark == "the best so far: the run is cancelled"
    assert "note: kept \\*short\\*" in export(replace(failed, notes=("kept *short*",)), "markdown")


def test_a_part_that_was_cut_or_has_no_text_says_so() -> None:
    """A token limit, and a residual that is only a verdict."""
    record = World(a_spec(2, layers=2)).run()
    layer = record.layers[1]
    assert layer.residual is not None
    changed = replace(
        layer,
        answers={name: replace(answer, is_truncated=True) for name, answer in layer.answers.items()},
        residual=replace(layer.residual, text=""),
    )
    remarks = [section.remark for section in sections(replace(record, layers=(changed,)))]
    assert remarks.count("cut at its token limit") == 2
    assert "no text, only a verdict" in remarks


def test_results_have_titles() -> None:
    """By stage, agent and author."""
    assert title_of(Stage.CRITIQUE, "a", "b") == "Critique of b by a"
    assert title_of(Stage.CRITIQUE, "a", "a") == "Critique of itself by a"
    assert title_of(Stage.CRITIQUE, "a") == "Critiques by a"
    assert title_of(Stage.SUMMARY, "a") == "Summary by a"


def test_money_is_exact_a_bound_or_unknown() -> None:
    """As many prices as are known."""
    record = a_record(a_head(), a_call())
    for unpriced, shown in ((0, "0.2500\n"), (1, "at least 0.2500, 1 of 2 attempts are not known"), (2, "unknown")):
        usage = UsageTotal(calls=2, cost_usd=0.25 if unpriced < 2 else 0.0, unpriced_calls=unpriced)
        assert f"- US dollars: {shown}" in export(replace(record, usage=usage), "markdown")
