"""Whose words an answer is made of, through all layers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from attention_moa.config import AttentionSpec, EnsembleSpec, StopRule
from attention_moa.messages import CallRequest
from attention_moa.records import RunRecord
from attention_moa.tracing import Trace, traced
from tests.baseline_world import STRATEGIES, a_baseline, choice
from tests.worlds import Says, World, a_spec, stop, verdict

TALK: dict[str, Says] = {
    "1.answer.a": "The sky mirrors the sea.",
    "1.answer.b": "Rayleigh explained daylight.",
    "1.critique.b.a": "No mirror: air scatters short waves.",
    "1.refine.a": "The sky: air scatters short waves.",
    "1.refine.b": "Rayleigh explained daylight.",
    "1.summary.a": "Rayleigh explained daylight. Air scatters short waves.",
}


def parts(record: RunRecord) -> dict[tuple[str, str], float]:
    """Return what everybody has of a run's answer."""
    return {(part.agent, part.role): round(part.share, 3) for part in traced(record).parts}


def ran(spec: EnsembleSpec, script: dict[str, Says]) -> RunRecord:
    """Return the record of a run."""
    return World(spec, script).run()


def test_an_answer_goes_back_to_authors_and_critics() -> None:
    """Of seven words three are b's from the start, and four came by its critique of a's answer."""
    assert parts(ran(a_spec(2, layers=1), TALK)) == {("b", "critic"): 0.571, ("b", "author"): 0.429}


def test_an_author_has_a_hand_in_what_its_critics_made_it_write() -> None:
    """The words are the critic's, and would not be in the answer without either of them."""
    hands = traced(ran(a_spec(3, layers=1), TALK)).hands
    assert hands == pytest.approx({"a": 4 / 7, "b": 1.0})


def test_what_nobody_had_is_the_writer_s() -> None:
    """The summary agent's, here."""
    record = ran(a_spec(2, layers=1), TALK | {"1.summary.a": "Rayleigh explained daylight. Penguins never disagree."})
    assert parts(record) == {("b", "author"): 0.5, ("a", "writer"): 0.5}


def test_what_an_author_wrote_anew_of_its_own_is_the_author_s() -> None:
    """Not a critic's."""
    script = TALK | {"1.refine.a": "The sky: penguins never disagree.", "1.summary.a": "Penguins never disagree."}
    assert parts(ran(a_spec(2, layers=1), script)) == {("a", "author"): 1.0}


def test_what_was_moved_within_an_answer_stays_its_author_s() -> None:
    """Although it is new at its place."""
    script = TALK | {
        "1.answer.a": "Amber copper indigo. Barley timber honey.",
        "1.refine.a": "Barley timber honey. Amber copper indigo.",
        "1.summary.a": "Barley timber honey. Amber copper indigo.",
    }
    assert parts(ran(a_spec(2, layers=1), script)) == {("a", "author"): 1.0}


def test_words_go_back_through_layers() -> None:
    """Residual, summary, refinement, answer, and what that had read."""

    def residual(request: CallRequest) -> str:
        return f"{verdict(request, is_stop=False)}\nRayleigh explained daylight. Zebras agree."

    script = TALK | {
        "2.answer.b": "Rayleigh explained daylight, says everybody.",
        "2.refine.b": "Rayleigh explained daylight, says everybody.",
        "2.summary.a": "Rayleigh explained daylight, says everybody.",
        "2.residual.a": residual,
    }
    assert parts(ran(a_spec(2, layers=2), script)) == {("b", "author"): 0.6, ("a", "writer"): 0.4}


def test_the_answer_of_an_earlier_layer_is_found() -> None:
    """Where a run stops and returns that."""
    spec = a_spec(2, layers=2, early_stop=StopRule(returns="previous"))
    record = ran(spec, TALK | {"2.residual.a": stop})
    assert record.text == TALK["1.summary.a"]
    assert parts(record) == {("b", "critic"): 0.571, ("b", "author"): 0.429}


def test_an_answer_that_was_cut_is_found_in_what_was_written() -> None:
    """As by a stop sequence."""
    record = ran(a_spec(2, layers=1), TALK)
    assert parts(replace(record, text="Rayleigh explained")) == {("b", "author"): 1.0}


def test_words_of_the_question_are_nobody_s_gain() -> None:
    """A writer that repeats one has it from the question, not from an agent that repeats it too."""
    world = World(
        a_spec(2, layers=1), TALK | {"1.answer.b": "The sky.", "1.refine.b": "The sky.", "1.summary.a": "Sky."}
    )
    assert parts(world.run()) == {("a", "writer"): 1.0}


def test_plain_words_carry_an_answer_that_has_no_others() -> None:
    """As the letter of a choice."""
    record = ran(a_spec(2, layers=1), TALK | {"1.summary.a": "B"})
    assert parts(record) == {("a", "writer"): 1.0}


@pytest.mark.parametrize("text", [None, "", "…", "Nobody wrote this."])
def test_an_answer_that_nobody_wrote_is_nobody_s(text: str | None) -> None:
    """None, one without words, and one that is in no call."""
    assert traced(replace(ran(a_spec(2, layers=1), TALK), text=text)) == Trace()


def test_a_run_whose_layers_are_not_recorded_yet_is_traced_by_its_calls() -> None:
    """A refinement's new words are then its author's."""
    record = replace(ran(a_spec(2, layers=1), TALK), layers=())
    assert parts(record) == {("a", "author"): 0.571, ("b", "author"): 0.429}


def test_a_stand_in_is_its_author_s_answer() -> None:
    """Where there is no attention."""
    record = ran(a_spec(2, layers=1, attention=AttentionSpec(own=False, peers=0)), TALK)
    assert parts(record) == {("b", "author"): 0.429, ("a", "writer"): 0.571}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_baseline_s_answer_is_traced_too(strategy: str) -> None:
    """By what its calls read; all of it is somebody's, and nobody is a critic."""
    script: dict[str, Says] = {"select": choice(1, 2), "answer": lambda request: f"Amber says {request.agent} aloud."}
    found = traced(ran(a_baseline(strategy), script))
    assert sum(part.share for part in found.parts) == pytest.approx(1.0)
    assert {part.role for part in found.parts} <= {"author", "writer"}
    assert all(0.0 < share <= 1 + 1e-9 for share in found.hands.values())
