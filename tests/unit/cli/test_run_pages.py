"""A stored run and a stored call as pages."""

from __future__ import annotations

from typing import Any

from attention_moa.cli.run_pages import call_page, calls_page, indented, run_page
from attention_moa.messages import ImagePart, Message, Sampling, TextPart, ToolCall, Usage, user
from attention_moa.records import Attempt
from tests.journals import a_call, a_head, a_record
from tests.worlds import World, a_spec


def page_of(**fields: Any) -> list[str]:
    """Return the texts of a call's page."""
    return [text for text, _, _ in call_page(a_call(**fields))]


def test_a_run_is_read_from_the_question_to_the_answer() -> None:
    """Its texts in the order in which they came, each under its title and indented below it."""
    lines = list(run_page(World(a_spec(2, layers=1)).run()))
    texts = [text for text, _, _ in lines]
    assert texts[0] == "Run run"
    order = [
        "Why is the sky blue?",
        "says 1.answer.a",
        "says 1.critique.a.b",
        "says 1.refine.b",
        "says 1.summary.a",
    ]
    places = [texts.index(text) for text in order]
    assert places == sorted(places)
    for place in places:
        assert lines[place - 1][2] < lines[place][2]


def test_a_brief_page_has_the_first_words_of_each_text_in_one_line() -> None:
    """The whole one has all of it."""
    world = World(a_spec(2, layers=1), {"1.answer.a": "first line\nsecond line, which is long"})
    record = world.run()
    assert "first line\nsecond line, which is long" in [text for text, _, _ in run_page(record)]
    brief = [text for text, _, _ in run_page(record, most=20)]
    assert "first line second l…" in brief
    assert not any("\n" in text for text in brief)


def test_every_call_is_a_row_and_a_narrow_terminal_gets_fewer_columns() -> None:
    """None of them without its name and its state."""
    lost = a_call("1.answer.b", state="lost")
    replayed = a_call("1.answer.c", replayed_from="run-0", attempts=())
    record = a_record(a_head(), a_call(), lost, replayed)
    whole, narrow = calls_page(record), calls_page(record, room=60)
    assert len(whole) == len(narrow) == 4
    assert whole[1].split()[:2] == narrow[1].split()[:2] == ["1.answer.a", "finished"]
    assert "lost" in narrow[2]
    assert "from run-0" in whole[3]
    assert len(narrow[0].split()) < len(whole[0].split())
    assert max(map(len, narrow)) <= 60


def test_a_call_shows_its_prompt_reply_and_attempts() -> None:
    """With the settings that were sent, and why the reply ended."""
    page = page_of(sampling=Sampling(temperature=0.5, max_tokens=100), thinking="Waves, so …")
    assert page[0].startswith("1.answer.a: ")
    assert page[1] == "test:a, finished, temperature 0.5, max_tokens 100"
    assert page.index("user") + 1 == page.index("Why is the sky blue?")
    assert page.index("thinking") + 1 == page.index("Waves, so …")
    assert page.index("reply (stop)") + 1 == page.index("It scatters.")
    assert "attempt 1: 0.0 to 1.5 s, 10 + 5 tokens, cost unknown: gave the reply" in page


def test_a_call_without_settings_says_none() -> None:
    """What was not sent is not told."""
    assert page_of(sampling=Sampling())[1] == "test:a, finished"


def test_a_lost_call_says_why_and_has_no_reply() -> None:
    """Each attempt has its error, and its cost where there was one; nothing is made up."""
    tries = (
        Attempt(started_s=0.0, ended_s=1.0, error="ServerError", message="busy"),
        Attempt(started_s=2.0, ended_s=3.0, error="ServerError", message="down", usage=Usage(input_tokens=10)),
        Attempt(
            started_s=4.0,
            ended_s=5.0,
            error="BadReplyError",
            message="empty",
            usage=Usage(input_tokens=1_000, output_tokens=0),
            cost_usd=0.25,
        ),
    )
    page = page_of(state="lost", attempts=tries)
    assert page.index("lost") + 1 == page.index("ServerError: down")
    assert not any(text.startswith("reply") for text in page)
    attempts = [text for text in page if text.startswith("attempt ")]
    assert "tokens not told" in attempts[0]
    assert attempts[0].endswith("ServerError: busy")
    assert "1,000 + 0 tokens, $0.25" in attempts[2]


def test_a_call_says_what_it_read_and_where_its_reply_came_from() -> None:
    """Notes too, and that there were images; a call that is alone says none of it."""
    image = ImagePart(media_type="image/png", data=b"png")
    page = page_of(
        reads=("1.answer.b", "1.critique.b.a"),
        replayed_from="run-0",
        notes=("seed was\nnot sent",),
        messages=(Message("user", (TextPart("Look."), image)),),
    )
    assert "reads 1.answer.b, 1.critique.b.a" in page
    assert "the reply came from run run-0" in page
    assert "note: seed was not sent" in page
    assert "Look. [with images]" in page
    alone = "\n".join(page_of(messages=(user("Hi."),)))
    for word in ("reads", "came from", "note:", "[with images]", "thinking", "lost"):
        assert word not in alone


def test_every_line_of_a_text_is_indented() -> None:
    """And an empty one stays empty."""
    assert indented("one\n\ntwo", 2) == "  one\n\n  two"
    assert indented("one", 0) == "one"


def test_tool_calls_of_a_prompt_and_of_a_reply_are_shown() -> None:
    """As lines: a call of its own may hold no text at all."""
    turn = Message("assistant", (), None, (ToolCall("c0", "look", "{}"),))
    shown = page_of(messages=(user("Look."), turn), text="", tool_calls=(ToolCall("c1", "search", '{"q": 1}'),))
    assert "Call of the tool look: {}" in shown
    assert 'Call of the tool search: {"q": 1}' in shown
