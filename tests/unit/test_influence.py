"""Who moved whom in a layer: in every mode of attention, and where something is lost."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.config import AttentionSpec
from attention_moa.errors import ServerError
from attention_moa.fleet.texts import write_text
from attention_moa.influence import Influence, by_chance, influence, influence_of, is_by_chance, measure
from attention_moa.messages import CallRequest
from attention_moa.records import LayerRecord
from tests.worlds import Says, World, a_spec

TALK: dict[str, Says] = {
    "1.answer.a": "The sky mirrors the sea.",
    "1.answer.b": "Rayleigh explained daylight.",
    "1.answer.c": "Blue is nice.",
    "1.critique.b.a": "No mirror: air scatters short waves.",
    "1.critique.c.a": "Fine.",
    "1.critique.a.b": "Mention crimson sunsets.",
    "1.refine.a": "The sky: air scatters short waves.",
    "1.refine.b": "Rayleigh explained daylight. Crimson sunsets too.",
    "1.refine.c": "Blue is nice.",
}


def layer_of(script: dict[str, Says], agents: int = 3, **fields: Any) -> LayerRecord:
    """Return the one layer of a run."""
    return World(a_spec(agents, layers=1, **fields), TALK | script).run().layers[0]


def reasons(found: Influence) -> dict[tuple[str, str], str]:
    """Return why cells are empty, by critic and author."""
    return {(cell.critic, cell.author): cell.why_none for row in found.rows for cell in row if cell.why_none}


def test_rows_are_critics_and_columns_authors() -> None:
    """Both in the ensemble's order; what was read and not followed is 0."""
    found = influence(layer_of({}))
    assert found.agents == ("a", "b", "c")
    shares = [[None if share is None else round(share, 3) for share in row] for row in found.matrix]
    assert shares == [[0.0, 0.909, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert found.authors["b"].unattributed == pytest.approx(0.091, abs=0.001)
    assert found.authors["c"].size == 0
    assert reasons(found) == {}


def test_a_run_has_the_influence_of_each_of_its_layers() -> None:
    """By critic and author it is found as a critique is; where nothing was measured there is none."""
    script = TALK | {"1.critique.c.a": ServerError("gone", retryable=False)}
    record = World(a_spec(3, layers=2), script).run()
    found = influence_of(record)
    assert [one.layer for one in found] == [1, 2]
    assert found[0] == influence(record.layers[0])
    assert found[0].shares["b", "a"] == 1.0
    assert found[0].shares.keys() == record.layers[0].critiques.keys() - {("c", "a")}


def test_a_lost_critique_is_no_zero() -> None:
    """It was never read; the others share what is there."""
    found = influence(layer_of({"1.critique.b.a": ServerError("gone", retryable=False)}))
    assert found.matrix[1][0] is None
    assert reasons(found) == {("b", "a"): "the critique is lost: gone"}
    assert found.authors["a"].unattributed == 1.0


def test_where_the_answer_stands_in_for_its_refinement_there_is_nothing_to_measure() -> None:
    """The whole column is empty, and says why."""
    found = influence(layer_of({"1.refine.a": ServerError("gone", retryable=False)}))
    assert [row[0] for row in found.matrix] == [None, None, None]
    assert set(reasons(found).values()) == {"the answer of a stands in for its refinement: gone"}
    assert "a" not in found.authors


def test_an_agent_whose_answer_is_lost_keeps_its_row_and_column() -> None:
    """It neither criticised nor was criticised."""
    found = influence(layer_of({"1.answer.c": ServerError("gone", retryable=False)}))
    assert found.agents == ("a", "b", "c")
    assert [row[2] for row in found.matrix] == [None, None, None]
    assert found.matrix[2] == (None, None, None)
    assert set(reasons(found).values()) == {"the critique is lost: the answer of c is lost"}


def test_who_does_not_criticise_has_no_cell() -> None:
    """Sparse attention without self-attention: one critic for each author."""
    found = influence(layer_of({}, attention=AttentionSpec(own=False, peers=1)))
    assert sum(cell.share is not None for row in found.rows for cell in row) == 3
    empty = [cell for row in found.rows for cell in row if not cell.is_pair]
    assert len(empty) == 6
    assert empty[0].why_none == "a does not criticise a in this layer"


def test_self_attention_is_a_critique_like_others() -> None:
    """On the diagonal."""
    found = influence(layer_of({"1.critique.a.a": "I should say that air scatters."}, agents=1))
    assert found.agents == ("a",)
    assert found.matrix[0][0] == pytest.approx(0.4, abs=0.1)


def test_without_attention_nobody_moves_anybody() -> None:
    """Nor where a layer has answers alone."""
    found = influence(layer_of({}, attention=AttentionSpec(own=False, peers=0)))
    assert found.authors == {}
    assert {cell.share for row in found.rows for cell in row} == {None}
    assert influence(LayerRecord(layer=1, answers={})) == Influence(1, (), (), {})


def writes_a_panel(request: CallRequest) -> str:
    """Return a panel whose sections all ask for something of the critic's own."""
    begins = [line for line in request.messages[-1].text.splitlines() if line.startswith("<critique-")]
    wish = {"a": "crimson sunsets", "b": "air scatters short waves", "c": "nothing"}[request.agent]
    return "\n".join(f"{begin}\nMention {wish}.\n{begin.replace('<', '</')}" for begin in begins)


def test_a_panel_s_sections_are_critiques_of_their_authors() -> None:
    """One call of a critic says something of each; each author follows another critic."""
    found = influence(layer_of({"critique": writes_a_panel}, attention=AttentionSpec(mode="panel")))
    assert all(cell.share is not None for row in found.rows for cell in row)
    shares = {(cell.critic, cell.author): cell.share for row in found.rows for cell in row if cell.share}
    assert shares.keys() == {("b", "a"), ("a", "b")}


def test_an_author_that_was_left_out_has_no_refinement() -> None:
    """It came too late for the summary."""
    layer = layer_of({})
    late = LayerRecord(layer=1, answers=layer.answers, critique_list=layer.critique_list, refinements={})
    assert set(reasons(influence(late)).values()) == {f"the answer of {name} was not refined" for name in "abc"}


def test_critiques_that_an_author_never_read_tell_what_is_chance() -> None:
    """Those of the next author's answer: where they say the same, the column tells of the subject alone."""
    assert by_chance(layer_of({})) == {"a": 0.0, "b": 0.0, "c": 0.0}
    chance = by_chance(layer_of({"1.critique.c.b": "Air scatters short waves."}))
    assert chance == {"a": 1.0, "b": 0.0, "c": 0.0}
    lost: dict[str, Says] = {"1.refine.b": ServerError("gone", retryable=False)}
    assert by_chance(layer_of(lost)).keys() == {"a", "c"}
    assert by_chance(layer_of({}, agents=1)) == {}


def test_a_column_that_lies_no_more_than_two_errors_above_chance_is_by_chance() -> None:
    """Of few changed words much is needed; where nothing is traced, or there is nothing to compare with, nothing is."""
    column = measure(layer_of({})).influence.authors["b"]

    def doubted(traced: float, chance: float | None, size: int) -> bool:
        shares = {"a": traced, "c": 0.0}
        return is_by_chance(replace(column, shares=shares, unattributed=1.0 - traced, size=size), chance)

    assert doubted(0.3, 0.5, 100)
    assert doubted(0.5, 0.5, 100)
    assert doubted(0.6, 0.5, 100)
    assert not doubted(0.7, 0.5, 100)
    assert doubted(0.7, 0.5, 10)
    assert not doubted(0.0, 0.5, 100)
    assert not doubted(0.3, None, 100)
    assert not doubted(0.3, 0.5, 0)


def test_a_layer_says_of_which_authors_its_figures_are_chance() -> None:
    """Of one that was not refined it says nothing."""
    found = measure(layer_of({"1.critique.c.b": "Air scatters short waves."}))
    assert [author for author in "abcx" if found.is_by_chance(author)] == ["a"]


def test_of_layers_of_words_by_lot_few_columns_are_more_than_chance() -> None:
    """Critiques that mean nothing move nobody, whatever share of the changes has their words."""
    lots = Random(3)
    found = [measure(_by_lot(lots)) for _ in range(12)]
    doubts = [one.is_by_chance(author) for one in found for author in one.influence.authors]
    assert len(doubts) == 36
    assert sum(doubts) >= 30


def _by_lot(lots: Random) -> LayerRecord:
    """Return a layer of three agents whose words are drawn by lot, as a simulated model's are."""
    script = {stage: lambda _: write_text(lots, 120) for stage in ("answer", "critique", "refine")}
    return World(a_spec(3, layers=1), script).run().layers[0]
