"""Formulas are MathML; what cannot be read, or would grow or hide something, stays text."""

from __future__ import annotations

import pytest

from attention_moa.ui.formulas import to_mathml
from attention_moa.ui.safe_html import clean
from tests.hostile_html import elements, text_of


def mathml(source: str) -> str:
    """Return a formula's MathML without its frame."""
    made = to_mathml(source, is_block=True)
    assert made is not None
    return made.partition(">")[2].removesuffix("</math>")


def test_a_formula_is_mathml_with_its_source() -> None:
    """Whoever cannot see it hears the source."""
    assert to_mathml("x^2", is_block=False) == (
        '<math display="inline" alttext="x^2"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    )


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (r"\lim_{n \to 0} x", '<munder><mo movablelimits="true">lim</mo>'),
        (r"\boxed{x}", '<mrow class="t-box">'),
        (r"\cancel{x}", '<mrow class="t-struck">'),
        (r"\mathbf{AB}", '<mi class="t-bold">A</mi>'),
        (r"\text{a<b}", "<mtext>a&lt;b</mtext>"),
        (r"a \lt b", "<mo>&lt;</mo>"),
        (r"\begin{aligned} a &= b \end{aligned}", '<mtd class="t-right"><mi>a</mi></mtd><mtd class="t-left">'),
        (r"\begin{gather} a \end{gather}", "<mtable><mtr><mtd><mi>a</mi>"),
        (r"5 % of it \\% x", "<mi>%</mi>"),
        (r"\quad x", '<mspace width="1em">'),
        (r"\thinspace x", '<mspace width="0.167em">'),
        (r"\hspace{-99em} x", "<mspace></mspace>"),
        (r"\raise{50em}{x}", "<mpadded><mrow>"),
        (r"\color{white}{x}", "<mstyle><mrow>"),
        (r"\binom{n}{k}", '<mfrac linethickness="0">'),
        (r"\mathrm{sin} x", '<mi mathvariant="normal">s</mi>'),
        (r"\begin{cases} 1 & x \end{cases}", '<mtd class="t-left"><mn>1</mn></mtd>'),
    ],
)
def test_what_people_write_is_read(source: str, part: str) -> None:
    """Nothing of it moves or hides anything, or names a place."""
    assert part in mathml(source)


def test_a_per_cent_sign_hides_nothing() -> None:
    """For LaTeX it would begin a comment."""
    assert text_of(mathml("5 % x")) == "5%x"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "  ",
        "x_{",
        r"\frac{1}",
        r"\nosuchcommand{x}",
        r"\begin{nosuch}x\end{nosuch}",
        r"\def\a{\a\a}\a",
        r"\newcommand{\b}{x}\b",
        r"\href{https://a.b}{x}",
        r"\phantom{hidden}",
        r"x \mathstrut y",
        r"\sideset{_1}{_2}{\sum}",
        r"\unicode{202e}",
        "x" * 2001,
        r"\sqrt{" * 45 + "x" + "}" * 45,
        "{" * 300,
        r"\left(",
    ],
)
def test_what_cannot_be_read_is_none(source: str) -> None:
    """Whoever asks shows the source."""
    assert to_mathml(source, is_block=False) is None


def test_no_element_stands_where_a_browser_would_drop_it() -> None:
    """The library nests what may hold only letters; the text is kept."""
    made = to_mathml(r"\mathopen\scr{x}\middle y", is_block=True) or to_mathml(
        r"\mathopen{\mathopen{x}}", is_block=True
    )
    assert made is not None
    assert text_of(clean(made)) == text_of(made)
    assert len(elements(clean(made))) == len(elements(made))


def test_a_character_by_number_is_one_or_its_number() -> None:
    """A number beyond all characters is left as it is; a direction mark is shown."""
    assert "&amp;#x" in mathml(r"\text{&#xFFFFFF;}")
    assert "⟦RLO⟧" in mathml(r"\text{&#x202e;}")


@pytest.mark.parametrize("source", [")", "\\TeX", "\\\\", "'", "&", "\\boxed{x}"])
def test_a_formula_grows_no_more_than_it_should(source: str) -> None:
    """Few letters make no page."""
    made = to_mathml(source * (2_000 // len(source)), is_block=False)
    assert made is not None
    assert len(made) < 61 * 2_000
