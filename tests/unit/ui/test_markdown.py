"""Markdown as HTML: what people and models write looks as it should, and takes no more than its room."""

from __future__ import annotations

import pytest

from attention_moa.ui.markdown import MOST_CHARACTERS, prepared, to_html
from attention_moa.ui.parsing import Room, parse
from tests.hostile_html import elements, said, text_of


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("# One\n## Two\n###### Six", '<h3 dir="auto">One</h3>\n<h4 dir="auto">Two</h4>\n<h6 dir="auto">Six</h6>'),
        ("Setext\n===", '<h3 dir="auto">Setext</h3>'),
        ("*a* **b** ~~c~~ `d<`", '<em>a</em> <strong>b</strong> <del>c</del> <code dir="auto">d&lt;</code>'),
        ("a\\\nb\nc", "a<br>\nb\nc"),
        ("- a\n- b", '<ul>\n<li dir="auto">a\n</li>\n<li dir="auto">b\n</li>\n</ul>'),
        ("- a\n\n- b", '<li dir="auto"><p dir="auto">a</p>'),
        ("1. a", "<ol>\n"),
        ("7. a", '<ol start="7">'),
        ("> a", '<blockquote dir="auto">\n<p dir="auto">a</p>'),
        ("***", "<hr>"),
        ("    code <", "<code>code &lt;\n</code>"),
        ("```py\nx=1\n```", '<code>x=<span class="t-number">1</span>\n</code>'),
        ("```py\nopen", "<code>open</code>"),
        ("|a|b|c|\n|-|-:|:-:|\n|1|2|", '<th class="t-right" dir="auto">b</th><th class="t-center" dir="auto">c</th>'),
        ("words:\n|a|\n|-|", '<p dir="auto">words:</p>\n<div class="t-wide"'),
        ("|a|\n|-|\n|b|c|", '</table></div>\n<p dir="auto">|b|c|</p>'),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("&amp; &lt; &#x202e;", "&amp; &lt; "),
        ("א ב", '<p dir="auto">א ב</p>'),
        ("[a](https://b.c)", ">a</a> <small"),
        ("<https://b.c>", ">https://b.c</a></p>"),
        ("<https://b\u0441.c>", "(xn--"),
        ("<a@b.c>", 'href="mailto:a@b.c"'),
        (
            "[a](#b)",
            '<span class="t-dead" dir="auto" title="#b">a</span> <small class="t-where" dir="ltr">(#b)</small>',
        ),
        ("![alt](https://b.c/d.png)", '<span class="t-image">Image: alt</span></a>'),
        ("![](https://b.c/d.png)", '<span class="t-image">Image</span></a>'),
        ("![alt](data:image/png;base64,AAAA)", '<span class="t-dead" dir="auto" title="data:'),
        (
            "[![alt](https://b.c/d.png)](https://e.f)",
            '<span class="t-image" title="https://b.c/d.png">Image: alt</span></a> <',
        ),
        ("[a]\n\n[a]: https://b.c 'd'", '<p class="t-definition" dir="auto">[a]: https://b.c "d"</p>'),
        ("[a]: https://b.c", '<p class="t-definition" dir="auto">[a]: https://b.c</p>'),
    ],
)
def test_markdown_looks_as_it_should(text: str, part: str) -> None:
    """Headings below the page's own, links that say where they go, images as words."""
    assert part in to_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "$x$",
        "a $x^2$, b",
        "($x$)",
        "\\(x\\)",
        "$$x$$",
        "\\[x\\]",
        "$$\nx\n$$",
        "a:\n$$\nx\n$$\nb",
        "> \\[\n> x\n> \\]",
        "$2 \\text{ big apples}$",
    ],
)
def test_formulas_are_mathematics(text: str) -> None:
    """In lines and between them."""
    assert to_html(text).count("<math ") == 1


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6",
        "It is $5, or 6$ elsewhere",
        "from $10 to 20$ a day",
        "$HOME/bin:$PATH",
        "US$5$ and C$6",
        "$ x $",
        "$x $",
        "\\$x$",
        "$x\\$",
        "$$",
        "$$$$",
        "`$x$`",
        "$a\n\nb$",
        "$$\na\n\nb\n$$",
        "\\\\(x\\\\)",
        "\\(x",
        "    $$\n    x\n    $$",
        "$x_{$",
        "$$\nx_{\n$$",
    ],
)
def test_what_is_no_formula_stays_as_it_was_written(text: str) -> None:
    """Prices, paths, half formulas, and what cannot be read."""
    made = to_html(text)
    assert "<math" not in made
    assert sorted(text_of(made).replace("\\", "").split()) == sorted(
        text.replace("`", "").replace("\\", "").replace("- ", "").split()
    )


def test_line_ends_of_all_kinds_are_line_ends() -> None:
    """And what is no character is shown as none."""
    assert prepared("a\r\nb\rc\0\ud800") == "a\nb\nc\u2400\ufffd"


@pytest.mark.parametrize("mark", ["> ", "- ", "> - ", "1. "])
def test_what_is_nested_too_deeply_is_text(mark: str) -> None:
    """A thousand levels make no tower, and nothing is lost."""
    made = to_html(mark * 1000 + "the end")
    assert "the end" in text_of(made)
    assert len(elements(made)) < 120


def test_styles_within_styles_have_an_end() -> None:
    """What is deeper is shown as it was written."""
    made = to_html("**a *b " * 500 + "* c**" * 500)
    deepest = depth = 0
    for part in made.split("<"):
        depth += part.startswith(("em>", "strong>")) - part.startswith(("/em>", "/strong>"))
        deepest = max(deepest, depth)
    assert 0 < deepest <= 16
    assert depth == 0


def test_a_large_table_is_a_table() -> None:
    """Of ten thousand cells."""
    made = to_html("|a" * 100 + "|\n" + "|-" * 100 + "|\n" + ("|x" * 100 + "|\n") * 100)
    assert made.count("<td ") == 10_000


@pytest.mark.parametrize(
    "text",
    [
        "|a" * 300 + "|\n" + "|-" * 300 + "|\n",
        "|a|\n|-|\n" + "|x|\n" * 30_000,
        ("|a" * 190 + "|\n" + "|-" * 190 + "|\n" + "|\n" * 190 + "\n") * 50,
    ],
)
def test_a_table_that_is_too_large_goes_on_as_text(text: str) -> None:
    """Cells that nobody wrote are made no more than written ones."""
    made = to_html(text)
    assert made.count("<td ") + made.count("<th ") <= 20_000
    assert len(made) < 1_200_000


@pytest.mark.parametrize(
    "char",
    [
        "`",
        "*",
        "_",
        "[",
        "![",
        "]",
        "<",
        "&",
        "\\",
        "~",
        "|",
        "> ",
        "$",
        "\n",
        "\n\n1",
        "<a ",
        "*a_ ",
        "a**b",
        "[a](",
        "![[]()",
        "`a",
        "\u200ba",
        "<http://a.b>",
        "$x$ ",
        "```\n",
        "$$\n",
        "1. x\n",
        "|a|\n|-|\n",
    ],
)
def test_whatever_is_repeated_makes_no_page_of_megabytes(char: str) -> None:
    """The HTML is bounded by the text, and all of it is words."""
    made = to_html(char * (50_000 // len(char)))
    assert len(made) <= 500_000


def test_what_would_grow_is_shown_plainly() -> None:
    """With a note."""
    made = to_html("<http://a.b>" * 9_000)
    assert made.startswith('<p class="t-note">Its Markdown would take too much room:</p>')
    assert made.count("&lt;http://a.b&gt;") == 9_000


def test_signs_and_brackets_and_blocks_run_out() -> None:
    """The rest of the text is shown as it was written."""
    few = Room(blocks=3, brackets=2, signs=4, cells=100, formula_characters=20, colours=1)
    tokens = parse("*a*\n\n[b](http://c.d) [e](http://f.g) [h](http://i.j)\n\nx\n\n*y*\n\nz", few)
    inline = [[child.type for child in token.children or []] for token in tokens if token.type == "inline"]
    assert inline == [["em_open", "text", "em_close"], ["text"], ["text"]]
    assert tokens[-1].type == "rest"
    assert tokens[-1].content == "*y*\n\nz"


def test_formulas_run_out() -> None:
    """The rest is shown as source."""
    made = to_html("$x^2$ and words that come with it " * 5_800)
    assert 3_000 < made.count("<math") < 4_000
    assert said(made).count("$x^2$") > 1_900


def test_a_text_that_is_too_long_goes_on_plainly() -> None:
    """Cut between paragraphs, with a note; what is longer still is counted."""
    made = to_html("**a** word\n\n" * 40_000)
    head, _, rest = made.partition("Too long to be shown as Markdown from here on:")
    assert "<strong>" in head
    assert "<strong>" not in rest
    assert f"{12 * 40_000 - 2 * MOST_CHARACTERS + 8:,} more characters are not shown." in rest


@pytest.mark.parametrize(("text", "kept"), [(f"{'a' * 96}\n" * 3_000, 199_917), ("a" * 300_000, 200_000)])
def test_a_long_text_without_paragraphs_is_cut_all_the_same(text: str, kept: int) -> None:
    """Between lines, or anywhere."""
    made = to_html(text)
    assert text_of(made.partition('<p class="t-note">')[0]).count("a") == text[:kept].count("a")
    assert text_of(made).count("a") - text_of("too long to be shown as Markdown from here on").count("a") == text.count(
        "a"
    )
