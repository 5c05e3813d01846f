"""A text that is still coming is shown as it comes; in the end it is what it would have been at once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from attention_moa.ui.live import Live, LiveParts
from attention_moa.ui.markdown import to_html
from tests.hostile_html import text_of

TEXT = """# Why?

Light *is* **scattered**, see [a].

- one
- two

  more

```python
def f(): pass
```

|a|b|
|-|-|
|1|2|

$$
x
+ y
$$

[a]: https://b.c
> end
"""


def heard(pieces: Iterable[str]) -> tuple[list[LiveParts], str]:
    """Return what was shown after each piece of a text, and all that was finished."""
    live = Live()
    parts = [*(live.hear(piece) for piece in pieces), live.finish()]
    return parts, "".join(block for part in parts for block in part.finished)


def lines(made: str) -> list[str]:
    """Return HTML without empty lines."""
    return [line for line in made.split("\n") if line]


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_in_the_end_all_is_there(size: int) -> None:
    """As if it had come at once, but for a link that was named before it was defined."""
    _, finished = heard(TEXT[at : at + size] for at in range(0, len(TEXT), size))
    assert lines(finished) == lines(to_html(TEXT.replace("[a].", "&#91;a].")))


def test_a_link_that_was_defined_before_is_known() -> None:
    """Whatever came between."""
    _, finished = heard(["[a]: https://b.c\n", "\nword\n\n", "and [a]\n"])
    assert 'href="https://b.c"' in finished


def test_a_block_is_finished_when_another_has_begun() -> None:
    """And not before: a paragraph may still be a heading."""
    live = Live()
    assert live.hear("One\n") == LiveParts((), to_html("One\n"))
    assert live.hear("===\n").finished == ()
    parts = live.hear("two\n")
    assert parts.finished == (to_html("One\n===\n"),)
    assert parts.open_html == to_html("two\n")
    assert live.finish() == LiveParts((to_html("two\n"),), to_html(""))


@pytest.mark.parametrize(
    "begin", ["```py\nx = 1\ny", "half **bold", "[half](http://a", "$$\nx\n+ y", "|a|b|\n|-|-|\n|1", "half $x"]
)
def test_half_a_thing_looks_like_something(begin: str) -> None:
    """Each word is there."""
    shown = Live().hear(begin).open_html
    assert shown is not None
    assert text_of(shown).split()[-1].strip("`|$*") == begin.replace("|", " ").split()[-1].strip("`|$*")


def test_open_code_is_code() -> None:
    """Before it has ended, with colours."""
    assert '<span class="t-keyword">def</span>' in (Live().hear("```py\ndef f").open_html or "")


def test_a_formula_that_turns_out_to_be_none_joins_the_words_before_it() -> None:
    """Nothing was finished too early."""
    _, finished = heard(["cost:\n", "$$\n", "a lot\n", "\nend"])
    assert lines(finished) == lines(to_html("cost:\n$$\na lot\n\nend"))


def test_a_formula_stays_open_across_what_looks_like_a_list() -> None:
    """Until it ends."""
    live = Live()
    assert live.hear("$$\na\n+ b\n").finished == ()
    assert "<math" in (live.hear("$$\n").open_html or "")


def test_a_line_end_in_two_pieces_is_one() -> None:
    """Also where it is the last of all."""
    assert heard(["a\r", "\nb\r"])[1] == to_html("a\nb\n")
    assert heard(["\r"])[1] == ""


def test_of_a_long_block_words_come_as_words() -> None:
    """It is made anew only when an eighth has come; the words are text, with all their characters."""
    live = Live()
    assert live.hear("word " * 400).open_html is not None
    assert live.hear("<b>\u202e ") == LiveParts(more="<b>⟦RLO⟧ ")
    parts = live.hear("word " * 80)
    assert parts.more == ""
    assert text_of(parts.open_html or "").count("word") == 480


@pytest.mark.parametrize(
    ("begin", "line", "part"),
    [
        ("```python\n", "x = 1  # line\n", '<span class="t-comment"># line'),
        ("|a|b|\n|-|-|\n", "|c|d|\n", '<td dir="auto">d</td>'),
        ("", "- item\n", "<li"),
        ("", "word ", "<p"),
        ("", "x" * 50, "<p"),
    ],
)
def test_a_very_long_block_is_finished_in_parts(begin: str, line: str, part: str) -> None:
    """Code goes on as code and a table as a table; no part is made anew again and again."""
    pieces = [begin + line * (8_000 // len(line)), *[line * 10] * (1_000 // len(line))]
    parts, finished = heard(pieces)
    blocks = [block for one in parts for block in one.finished]
    assert len(blocks) >= 2
    assert all(part in block for block in blocks)
    made_anew = sum(len(one.open_html or "") for one in parts)
    assert made_anew < 12 * len(finished)  # with each of its lines it would be tens of times
    assert text_of(finished).count(line.strip("|- \n")[-1]) >= "".join(pieces).count(line)


def test_a_text_that_is_too_long_goes_on_plainly() -> None:
    """In large pieces, up to an end; what is beyond it is counted."""
    parts, finished = heard(["**word** " * 1000] * 60)
    assert all(part.open_html is None or len(part.open_html) < 200_000 for part in parts)
    assert "<strong>" in finished
    assert "<strong>" not in finished[-100_000:]
    assert finished.endswith("more characters are not shown.</p>")
    assert len(finished) < 1_500_000


def test_a_text_that_is_a_little_too_long_is_whole() -> None:
    """Its last words too, and those of a line end that came last."""
    live = Live()
    live.hear("a" * 200_001)
    assert live.hear("<b>") == LiveParts(more="<b>")
    assert live.hear("\r") == LiveParts(more="")
    assert live.finish().finished == (
        '<pre class="t-plain" dir="auto" tabindex="0" role="group" aria-label="Text">&lt;b&gt;\n</pre>\n',
    )
    live = Live()
    live.hear("a" * 200_001)
    assert live.finish() == LiveParts((), to_html(""))
