"""Code has colours in known languages, and every character of it."""

from __future__ import annotations

import pytest

from attention_moa.ui.code import code_block
from attention_moa.ui.languages import language
from tests.hostile_html import text_of


def coloured(code: str, name: str) -> dict[str, str]:
    """Return what has which class, by its words."""
    made, _ = code_block(code, name, 1000)
    parts = made.split('<span class="t-')[1:]
    return {part.partition('">')[2].partition("</span>")[0]: part.partition('"')[0] for part in parts}


@pytest.mark.parametrize(
    ("name", "code", "colours"),
    [
        (
            "python",
            'def f(x): # no\n  return "s" + 1.5',
            {"def": "keyword", "f": "call", "# no": "comment", "1.5": "number"},
        ),
        ("py", '"""two\nlines"""', {'"""two\nlines"""': "string"}),
        ("sql", "select A from b -- c", {"select": "keyword", "from": "keyword", "-- c": "comment"}),
        ("SQL", "SELECT", {"SELECT": "keyword"}),
        ("js", "const a = `b\n${c}` // d", {"const": "keyword", "`b\n${c}`": "string", "// d": "comment"}),
        (
            "html",
            '<a href="b">&amp;<!-- c',
            {"&lt;a": "tag", '"b"': "string", "&amp;amp;": "keyword", "&lt;!-- c": "comment"},
        ),
        ("diff", "@@ 1\n-a\n+b\n c", {"@@ 1": "place", "-a": "removed", "+b": "added"}),
        ("json", '{"a": null}', {'"a"': "string", "null": "keyword"}),
        ("tex", "\\frac % no", {"\\frac": "string", "% no": "comment"}),
        ("{.python}", "None", {"None": "keyword"}),
    ],
)
def test_words_of_a_language_have_colours(name: str, code: str, colours: dict[str, str]) -> None:
    """Comments, strings, numbers, its own words, and what is called."""
    assert colours.items() <= coloured(code, name).items()


@pytest.mark.parametrize("name", ["", "nosuch", "text"])
def test_an_unknown_language_has_no_colours(name: str) -> None:
    """Nor does code of which nothing is told."""
    assert code_block("def <b>", name, 1000)[0].count("<span") == 0


def test_a_block_says_what_it_is() -> None:
    """Also what stands behind the language's name, and whatever it is."""
    made, _ = code_block("x", 'python title="<b>"', 10)
    assert made.startswith('<div class="t-language">python title="&lt;b&gt;"</div>')
    assert 'aria-label="Code: python title=&quot;&lt;b&gt;&quot;"' in made


def test_colours_run_out() -> None:
    """What comes after the last one has none; the code is whole."""
    made, used = code_block("1 2 3 4", "python", 2)
    assert used == 2
    assert made.count("<span") == 2
    assert text_of(made.partition("<pre")[2].partition(">")[2]).strip() == "1 2 3 4"
    assert code_block("1", "python", 0)[1] == 0


def test_a_language_has_many_names() -> None:
    """As people write them."""
    assert language("PY") is language("python3")
    assert language("nosuch") is None
