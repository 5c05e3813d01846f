"""Tables and lines that fit a terminal: aligned, nothing lost, no word cut that need not be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attention_moa.cli.clean import one_line
from attention_moa.cli.layout import columns, fitted, fold, table, without


def test_numbers_are_aligned_to_the_right_also_where_some_are_unknown() -> None:
    """A column of text stays on the left."""
    assert table(("name", "n"), [("a", "1,000"), ("bcdef", "?")]) == ["name       n", "a      1,000", "bcdef      ?"]
    assert table(("n", "key"), [("12", "-"), ("-", "-")]) == [" n  key", "12  -", " -  -"]


def test_what_is_too_wide_is_folded_in_its_column() -> None:
    """Names break after their marks, texts between words; the other columns stay where they are."""
    rows = [("qwen", "openrouter:qwen/qwen3-32b", "7", "So exact."), ("x", "openai:m", "12", "-")]
    assert table(("agent", "model", "n", "role"), rows, room=38) == [
        "agent  model              n  role",
        "qwen   openrouter:qwen/   7  So exact.",
        "       qwen3-32b",
        "x      openai:m          12  -",
    ]


def test_wide_characters_take_two_columns_and_accents_none() -> None:
    """What follows them is aligned all the same."""
    assert [columns(text) for text in ("a", "空", "e\u0301", "🌇")] == [1, 2, 1, 2]
    assert table(("a", "b"), [("空空", "x"), ("e\u0301", "y")]) == ["a     b", "空空  x", "e\u0301     y"]


def test_a_long_line_is_folded_between_words_and_an_address_stays_whole() -> None:
    """Further lines are indented; what fits, or goes to no terminal, is left as it is."""
    line = "see http://127.0.0.1:11434/v1/models and then go on"
    assert fold(line, 20).split("\n") == ["see", "  http://127.0.0.1:11434/v1/models", "  and then go on"]
    assert fold(line, None) == fold(line, 80) == line
    assert fold("  " + "x" * 30, 20) == "  " + "x" * 30


@given(st.lists(st.tuples(st.text(), st.text(), st.integers()), min_size=1, max_size=4), st.integers(1, 60))
def test_no_row_is_wider_than_the_room_and_nothing_of_a_cell_is_lost(
    rows: list[tuple[str, str, int]], room: int
) -> None:
    """Whatever is in it; where the room is too small even for narrow columns, the terminal breaks the lines."""
    cells = [(one, two, str(number)) for one, two, number in rows]
    lines = table(("one", "two", "three"), cells, room=room)
    assert max(map(columns, lines)) <= max(room, 3 * 5 + 2 * 2)
    said = "".join(map(one_line, ("one", "two", "three", *(cell for row in cells for cell in row))))
    assert sorted("".join(lines).replace(" ", "")) == sorted(said.replace(" ", ""))


def test_columns_go_in_their_order_until_the_rest_has_room() -> None:
    """Names may be folded, so they count for no more than a short one; a table that fits stays as it is."""
    cells = [("agent", "n", "m"), ("a name of twenty-four chars", "1,000", "20")]
    assert fitted(cells, None, gives_up=["n"], names=["agent"]) == cells
    assert fitted(cells, 23, gives_up=["n"], names=["agent"]) == cells
    assert fitted(cells, 22, gives_up=["n", "m"], names=["agent"]) == without("n", cells)
    assert fitted(cells, 9, gives_up=["n", "m"]) == [["agent"], ["a name of twenty-four chars"]]
    assert without("x", cells) == [list(row) for row in cells]
