"""What is told of an answer while it is written: exactly the answer, whatever a model writes and however it comes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from attention_moa.agents import ResidualSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import CallPolicy, EnsembleSpec, StopRule
from attention_moa.errors import BadReplyError, RunError, ServerError
from attention_moa.messages import CallRequest, Stage
from attention_moa.prompts import Seal
from attention_moa.providers.scripted import Line
from attention_moa.replies import require_usable
from attention_moa.stopping import PastStop, is_past_stop, parse_verdict, verdict_line
from attention_moa.sure_text import SureText
from attention_moa.wording import cut
from tests.answers import told
from tests.baseline_world import STRATEGIES, a_baseline
from tests.counting import require_even_growth
from tests.long_texts import GO_ON, NONCE, REPLIES, TAGS
from tests.worlds import QUESTION, SECRET, Says, World, a_spec, call_id

STOP = verdict_line(NONCE, is_stop=True)
STOPS: tuple[tuple[str, ...], ...] = ((), ("END",), ("\n\n", "END"), ("ENDx", "ND"), ("foo", "oo b"))

BITS = st.sampled_from(
    (
        *("<think>", "</think>", "<Thinking>", "</thinking>", "<reasoning>\n", "\n</think>\n", "</think>\n\n"),
        *("analysis", "assistantfinal", "<|channel|>analysis<|message|>", "<|end|>", "<|return|>", "<|"),
        "<|start|>assistant<|channel|>final<|message|>",
        *(
            "<text-9a8b7c6d>",
            "</text-9a8b7c6d>",
            "<text-9a8b7c",
            "text-",
            "<text-9a8b7c6e>",
            "<",
            "</",
            "<text-01234567>\n",
        ),
        *(GO_ON, STOP, f"**{GO_ON}** ", f"verdict {NONCE} continue.", "VERDICT", "- ", "# ", "```", "```md", "\n```\n"),
        *("\n", "\n\n", " ", "  \n", "\t", "foo", "bar baz", "END", "EN", "D", "é", "\ud83d", "\ude00", "x" * 50),
    )
)


@st.composite
def replies(draw: st.DrawFn) -> str:
    """Return a reply with all that has to be taken out of one, in any place, mostly where models put it."""
    head = draw(
        st.sampled_from(("", "<think>hm</think>\n", f"{GO_ON}\n", f"{GO_ON} ", f"```\n{GO_ON}\n```\n", "\n</think>\n"))
    )
    return head + "".join(draw(st.lists(BITS, max_size=12)))


def in_pieces(text: str, sizes: list[int]) -> list[str]:
    """Return a text in pieces of these lengths, again and again."""
    found: list[str] = []
    while text:
        size = sizes[len(found) % len(sizes)]
        found, text = [*found, text[:size]], text[size:]
    return found


SIZES = st.lists(st.sampled_from((1, 1, 2, 3, 7, 30)), min_size=1, max_size=5)


def answer_of(text: str, nonce: str | None, stops: tuple[str, ...]) -> str:
    """Return what a whole reply gives as an answer; nothing where it gives none."""
    try:
        said = require_usable(text, "", "stop", TAGS).text
    except BadReplyError:
        return ""
    if nonce is not None:
        parsed = parse_verdict(said, nonce)
        said = "" if parsed.is_stop else parsed.text
    return cut(said, stops)


def ends_unopened(text: str) -> bool:
    """Return whether a reply closes thinking that it never opened, and says something after it."""
    return "</think" in text.lower()


@settings(max_examples=400, deadline=None)
@given(replies(), SIZES, st.sampled_from((None, NONCE)), st.sampled_from(STOPS))
def test_what_is_sure_is_a_beginning_of_the_answer(
    text: str, sizes: list[int], nonce: str | None, stops: tuple[str, ...]
) -> None:
    """Whatever comes out of a reply piece by piece stands in the answer, in its place; of a stop nothing comes."""
    sure = SureText(tags=TAGS, nonce=nonce, stops=stops, is_unopened=ends_unopened(text))
    told_so_far = "".join(sure.feed(piece) for piece in in_pieces(text, sizes))
    assert answer_of(text, nonce, stops).startswith(told_so_far)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(("word", " ", "\n", "- ", "é", "a <b> c", "x = y < z", "**bold** ")), max_size=40), SIZES
)
def test_of_a_plain_reply_all_but_its_last_blanks_is_sure_at_once(parts: list[str], sizes: list[int]) -> None:
    """Nothing is held back without a reason."""
    text = "".join(parts)
    sure = SureText(tags=TAGS)
    assert "".join(sure.feed(piece) for piece in in_pieces(text, sizes)) == text.strip()


@settings(max_examples=200, deadline=None)
@given(replies(), SIZES, st.integers(0, 40))
def test_a_stop_that_is_watched_for_is_found_where_it_is(text: str, sizes: list[int], allowance: int) -> None:
    """After every piece the same is said as of all of the text so far."""
    watch, so_far = PastStop(NONCE, allowance=allowance), ""
    for piece in in_pieces(text, sizes):
        so_far += piece
        assert watch(piece) == is_past_stop(so_far, NONCE, allowance=allowance)


def spoken(request: CallRequest, text: str, sizes: list[int], *, breaks_at: int | None = None) -> Line:
    """Return a reply with the true marks of its prompt in the place of those of this file, in pieces."""
    seal = Seal(SECRET, QUESTION)
    text = text.replace(NONCE, seal.nonce(request.layer)).replace(TAGS[0], seal.tag(Stage.RESIDUAL, 0))
    pieces = in_pieces(text.replace(TAGS[1], seal.tag(Stage.SUMMARY, request.layer)), sizes)
    if breaks_at is None:
        return Line(text=pieces)
    return Line(text=pieces[:breaks_at], error=ServerError("down"))


SPECS = (
    a_spec(2),
    a_spec(2, layers=1),
    a_spec(2, early_stop=StopRule(rule="none")),
    a_spec(2, residual=ResidualSpec(enabled=False), early_stop=StopRule(rule="similarity", returns="previous")),
    *(a_baseline(name, agents=2, layers=2) for name in STRATEGIES),
)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(SPECS),
    st.tuples(st.lists(replies().filter(str.strip), min_size=1, max_size=3), SIZES),
    st.sampled_from(STOPS),
    st.sampled_from((None, 0, 2, 9)),
)
def test_what_is_told_of_an_answer_is_the_answer(
    spec: EnsembleSpec, said: tuple[list[str], list[int]], stops: tuple[str, ...], breaks_at: int | None
) -> None:
    """In every strategy, whichever call writes it, and whatever breaks off before."""
    texts, sizes = said
    spec = replace(spec, calls=CallPolicy(attempts=2, retry_wait_s=0.0))
    tries: Counter[str] = Counter()

    def say(request: CallRequest) -> Line:
        name = call_id(request)
        tries[name] += 1
        text = texts[len(name) % len(texts)]
        return spoken(request, text, sizes, breaks_at=breaks_at if tries[name] == 1 else None)

    script: dict[str, Says] = dict.fromkeys(("summary", "residual", "answer"), say)
    world = World(spec, script, has_deltas=True, wanted=AnswerSpec(stop=stops))
    try:
        record = world.run()
    except RunError:
        return
    assert told(world.events) == record.text
    assert record.text == cut(record.text or "", stops)


@pytest.mark.parametrize("shape", REPLIES)
def test_a_long_reply_is_looked_at_once(shape: str) -> None:
    """Four times the length is some four times the work, in pieces of a few characters."""
    require_even_growth(REPLIES[shape])
