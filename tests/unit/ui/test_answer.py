"""An answer as the browser has it: what is drawn anew, and that it is the whole in the end."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.ui.components.answer import AnswerText
from attention_moa.ui.markdown import to_html
from attention_moa.ui.ops import Op

TEXT = "# Sky\n\nIt is **blue**.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nThe end."


def drawn(html: str, ops: list[Op]) -> str:
    """Return what a browser has after some changes, which knows of one answer alone."""
    mark = '<div class="open" id="a-open">'
    for verb, at, told in ops:
        text = str(told)
        if verb == "html" and at == "a":
            html = text
            continue
        before, _, rest = html.partition(mark)
        inside = rest.removesuffix("</div></div>")
        if verb == "before":
            before += text
        else:
            inside = text if verb == "html" else inside + text
        html = f"{before}{mark}{inside}</div></div>"
    return html


@given(st.lists(st.integers(1, 30), max_size=30))
def test_an_answer_that_comes_in_pieces_is_the_whole_in_the_end(sizes: list[int]) -> None:
    """However it is cut, the browser ends with what a reload would show."""
    answer, html, place = AnswerText("a"), "", 0
    for size in sizes:
        place += size
        answer.set(TEXT[:place])
        html = drawn(html, answer.changes())
    answer.set(TEXT, is_over=True)
    html = drawn(html, answer.changes())
    assert html == f'<div class="t-text" dir="auto">{to_html(TEXT)}<div class="open" id="a-open"></div></div>'
    assert answer.html() == html
    assert answer.changes() == []


def test_what_does_not_stand_is_drawn_anew() -> None:
    """Nothing of the text before is left."""
    answer = AnswerText("a")
    answer.set("Wrong. ")
    answer.html()
    answer.set("Right", is_over=True)
    (op,) = answer.changes()
    assert op[:2] == ["html", "a"]
    assert "Wrong" not in str(op[2])
    answer.set("Right", is_over=True)
    assert answer.changes() == []


class Noting(AnswerText):
    """An answer that notes which threads it was set in."""

    def __init__(self) -> None:
        super().__init__("a")
        self.threads: list[bool] = []

    def set(self, text: str, *, is_over: bool = False) -> None:
        self.threads.append(threading.current_thread() is threading.main_thread())
        super().set(text, is_over=is_over)


@pytest.mark.parametrize(
    ("texts", "is_here"),
    [
        (["Blue.\n\n" * 10_000], [False]),
        (["Blue.\n", "Blue.\n\n" * 10_000, "Blue.\n\n" * 10_001], [True, False, True]),
        (["Blue.\n\n" * 10_000, "Red.\n\n" * 10_000], [False, False]),
    ],
)
def test_what_is_long_is_made_in_a_thread(texts: list[str], is_here: list[bool]) -> None:
    """Only what is new counts, and the browser has the whole in the end."""
    answer, html = Noting(), ""

    async def follow() -> str:
        told = html
        for text in texts:
            await answer.follow(text)
            told = drawn(told, answer.changes())
        await answer.follow(texts[-1], is_over=True)
        return drawn(told, answer.changes())

    shown = asyncio.run(follow())
    assert shown == answer.html()
    assert shown.startswith(f'<div class="t-text" dir="auto">{to_html(texts[-1])}')
    assert answer.threads == [*is_here, True]


def test_an_answer_without_a_text_is_nothing() -> None:
    """So that the page may say what is to come."""
    assert AnswerText("a").html() == ""
