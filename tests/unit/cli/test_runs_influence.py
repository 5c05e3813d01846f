"""``attention-moa runs influence``: who moved whom, who was of use; in a pipe, on a terminal, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.cli.clean import clean
from attention_moa.cli.influence_views import influence_lines, usefulness_lines
from attention_moa.errors import ServerError
from attention_moa.influence import Cell, Influence, Measured, influence, measure
from attention_moa.records import LayerRecord
from attention_moa.usefulness import usefulness
from tests.cli_inside import ask_inside, inside, keep
from tests.journals import a_head
from tests.worlds import Says, World, a_spec

TALK: dict[str, Says] = {
    "1.answer.a": "The sky mirrors the sea.",
    "1.answer.b": "Rayleigh explained daylight.",
    "1.critique.b.a": "No mirror: air scatters short waves.",
    "1.refine.a": "The sky: air scatters short waves.",
    "1.refine.b": "Rayleigh explained daylight.",
    "1.summary.a": "Rayleigh explained daylight. Air scatters short waves.",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of one run of three agents, of which one lost its refinement."""
    lost: dict[str, Says] = {"1.refine.c": ServerError("gone", retryable=False)}
    ask_inside(tmp_path / "journal.db", "Why?", script=TALK | lost, agents=3)
    return tmp_path / "journal.db"


def rows(out: str) -> dict[str, list[str]]:
    """Return the cells of all lines, by their first word."""
    return {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}


def test_the_matrix_has_rows_for_critics_and_columns_for_authors(path: Path) -> None:
    """In percent and shaded; below it what is nobody's, and how many words were changed."""
    done = inside("runs", "influence", "--journal", path)
    assert (done.status, done.err) == (0, "")
    matrix = rows(done.out.partition("agent ")[0])
    assert matrix["critic"] == ["\\", "author", "a", "b", "c"]
    assert matrix["a"] == ["0", "·", "0", "·", "-"]
    assert matrix["b"] == ["100", "█", "0", "·", "-"]
    assert matrix["nobody"] == ["0", "0", "-"]
    assert matrix["by"] == ["chance", "0", "0", "-"]
    assert matrix["changed"] == ["words", "7", "0", "-"]


def test_why_there_is_nothing_to_measure_is_said(path: Path) -> None:
    """Cell by cell, below the matrix."""
    out = inside("runs", "influence", "--journal", path).out
    assert "- b of c: the answer of c stands in for its refinement: gone" in out


def test_who_was_of_use_is_a_table_and_a_sentence(path: Path) -> None:
    """Money that is not known is no nothing."""
    out = inside("runs", "influence", "--journal", path).out
    table = rows(out[out.index("agent ") :])
    assert table["agent"][:4] == ["hand", "author", "critic", "writer"]
    assert table["b"][:8] == ["100", "43", "57", "0", "100", "5", "?", "?"]
    assert out.splitlines()[-1].startswith("c is the least useful agent: ")


def test_on_a_narrow_terminal_no_line_is_too_wide(path: Path) -> None:
    """And the numbers that matter are there."""
    out = clean(inside("runs", "influence", "--journal", path, columns=50).out)
    assert max(map(len, out.splitlines())) <= 50
    assert "moved" in out


def test_all_of_it_is_json(path: Path) -> None:
    """With every change, where it comes from, and where that is said."""
    found = json.loads(inside("runs", "influence", "last", "--json", "--journal", path).out)
    (layer,) = found["layers"]
    assert [[cell["share"] for cell in row] for row in layer["rows"]][2] == [0.0, 0.0, None]
    (caused,) = layer["authors"]["a"]["changes"]
    (credit,) = caused["credits"]
    assert credit["critic"] == "b"
    said = TALK["1.critique.b.a"]
    assert isinstance(said, str)
    assert [said[start:end] for start, end in credit["quotes"]] == ["air scatters short waves"]
    assert found["by_chance"] == [{"a": 0.0, "b": 0.0}]
    assert found["no_more_than_chance"] == [[]]
    assert [one["agent"] for one in found["usefulness"]] == ["a", "b", "c"]
    assert found["least_useful"].endswith("Removing c would have saved 7 calls.")


def test_a_run_without_layers_says_so(tmp_path: Path) -> None:
    """It was cut off before its first layer was over."""
    keep(tmp_path / "journal.db", (a_head("early"), None))
    done = inside("runs", "influence", "early", "--journal", tmp_path / "journal.db")
    assert (done.status, done.err) == (0, "")
    assert done.out == "Run early\nno layer of it is over: nobody moved anybody yet\n"


def test_a_layer_in_which_nobody_refined_says_so() -> None:
    """As one of a baseline."""
    (line,) = influence_lines(measure(LayerRecord(layer=2, answers={})))
    assert line == "layer 2: nobody moved anybody, since no answer was refined"


@pytest.mark.parametrize(
    ("share", "cell"),
    [(None, "-"), (0.0, "0 ·"), (0.0001, "0.1 ░"), (0.3, "30 ▒"), (0.6, "60 ▓"), (0.8, "80 █"), (1.0, "100 █")],
)
def test_a_share_has_a_shade(share: float | None, cell: str) -> None:
    """From nothing to all, and never by the shade alone."""
    found = influence(World(a_spec(1, layers=1), {"1.refine.a": "New."}).run().layers[0])
    drawn = Influence(1, ("a",), ((Cell("a", "a", share),),), found.authors)
    assert list(influence_lines(Measured(drawn, {})))[2].split(maxsplit=1)[1] == cell


SAME = "air scatters short waves"
CHANCE: dict[str, Says] = {
    **{f"1.critique.{critic}.{author}": SAME for critic in "ab" for author in "ab"},
    **{f"1.refine.{author}": f"Rather say: {SAME}." for author in "ab"},
}
"""Everybody says the same of everybody: nobody can tell who was heard."""


def test_what_may_be_chance_is_said_to_be(tmp_path: Path) -> None:
    """Below the matrix, and in the place of who was useful."""
    ask_inside(tmp_path / "journal.db", "Why?", script=CHANCE)
    out = inside("runs", "influence", "--journal", tmp_path / "journal.db").out
    assert "no more than chance: what critiques account for in the column of every author" in out
    assert out.splitlines()[-1].startswith("Nothing can be told of who was useful: ")
    one = World(a_spec(2, layers=1), CHANCE | {"1.refine.b": "No."}).run()
    assert "in the column of a" in "\n".join(influence_lines(measure(one.layers[0])))
    told = json.loads(inside("runs", "influence", "--json", "--journal", tmp_path / "journal.db").out)
    assert told["no_more_than_chance"] == [list(told["by_chance"][0])]


def test_what_is_not_known_is_a_question_mark() -> None:
    """Of a run without an answer, and of tokens that nobody told."""
    found = usefulness(World(a_spec(2, layers=1)).run())
    bare = [
        replace(
            one,
            hand=None,
            own=replace(one.own, tokens=None),
            saved=replace(one.saved, tokens_share=None),
            is_agent=one.agent == "a",
        )
        for one in found
    ]
    lines = list(usefulness_lines(bare))
    assert rows("\n".join(lines))["a"][0] == "?"
    assert lines[1].split()[-1] == "?"
    assert lines[2].split()[-1] == "-", "a writer who is no agent saves nothing"
    assert not any("least useful" in line for line in lines)
