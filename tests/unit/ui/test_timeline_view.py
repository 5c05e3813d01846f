"""The timeline as a figure: places in percent, words for who does not see it."""

from __future__ import annotations

import re

import pytest

from attention_moa.messages import Stage
from attention_moa.ui.call_story import State
from attention_moa.ui.components.timeline_view import timeline_html
from attention_moa.ui.timeline import Bar, Part, timeline


def a_bar(number: int, start_s: float, end_s: float, *, agent: str = "ada", reads: tuple[str, ...] = ()) -> Bar:
    """Return a call that was written all the time."""
    return Bar(
        call_id=f"{number}",
        stage=Stage.ANSWER,
        layer=1,
        agent=agent,
        peer=None,
        state=State.DONE,
        reads=reads,
        queued_s=start_s,
        ended_s=end_s,
        parts=(Part("writing", start_s, end_s),) if end_s > start_s else (),
    )


def ticks(seconds: float) -> list[str]:
    """Return the words of the axis of a run that took so long."""
    html = timeline_html(timeline([a_bar(1, 0, seconds)], ["ada"], seconds))
    return re.findall(r"<text[^>]*>([^<]+)</text>", html)


def test_bars_stand_where_they_were() -> None:
    """In percent of the run; those that the run waited for are marked, and said to be."""
    bars = [a_bar(1, 0, 2), a_bar(2, 2, 8, agent="bob", reads=("1",)), a_bar(3, 2, 4)]
    html = timeline_html(timeline(bars, ["ada", "bob"], 8))
    assert '<rect class="p-writing" x="25.000%" y="1" width="75.000%" height="9"/>' in html
    assert html.count('class="critical"') == 2
    assert "layer 1, answer by bob: done, 2.0 s to 8.0 s, on the critical path" in html
    assert html.count('class="lane"') == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, ["0"]),
        (0.06, ["0", "0.01 s", "0.02 s", "0.03 s", "0.04 s", "0.05 s", "0.06 s"]),
        (1.2, ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1.0 s", "1.2 s"]),
        (30, ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]),
        (200, ["0", "30 s", "1 min", "1 min 30 s", "2 min", "2 min 30 s", "3 min"]),
        (400_000, ["0"]),
    ],
)
def test_the_axis_has_a_few_round_times(seconds: float, words: list[str]) -> None:
    """Whatever a run takes."""
    assert ticks(seconds)[: len(words)] == words
    assert len(ticks(seconds)) <= 8


def test_many_calls_beside_each_other_are_drawn_low() -> None:
    """So that a lane of any agent can be seen at once; none is invisible."""
    html = timeline_html(timeline([a_bar(number, 0, 1) for number in range(40)], ["ada"], 1000))
    assert 'height="122"' in html
    assert 'width="0.120%"' in html


def test_a_call_that_took_no_time_is_there() -> None:
    """As one of its own kind."""
    assert 'class="p-none"' in timeline_html(timeline([a_bar(1, 1, 1)], ["ada"], 2))
