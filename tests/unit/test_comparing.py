"""How two runs differ: their settings, their calls and why, their answers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from attention_moa.comparing import CallDifference, Cause, FieldDifference, Piece, compare, compare_specs, overlay
from attention_moa.messages import Sampling, user
from attention_moa.records import CallRecord, RunRecord
from tests.journals import QUESTION, SPEC, a_call, a_head, a_record


def of(*calls: CallRecord, text: str = "It scatters.") -> RunRecord:
    """Return a run of some calls."""
    return a_record(a_head(), *calls, text=text)


def test_a_run_does_not_differ_from_itself() -> None:
    """All calls are equal, and so is the answer."""
    found = compare(of(a_call(), a_call("1.answer.b")), of(a_call(), a_call("1.answer.b")))
    assert found.has_same_question
    assert found.has_same_answer
    assert (found.fields, found.calls, found.same_calls) == ((), (), 2)


@pytest.mark.parametrize(
    ("other", "causes"),
    [
        (a_call(model="test:z"), ("model",)),
        (a_call(sampling=Sampling(temperature=0.9)), ("settings",)),
        (a_call(messages=(user("How?"),)), ("prompt",)),
        (a_call(state="lost"), ("outcome",)),
        (a_call(reply="It bends."), ("reply",)),
        (a_call(model="test:z", reply="It bends."), ("model",)),
        (a_call(model="test:z", messages=(user("How?"),)), ("model", "prompt")),
    ],
)
def test_a_call_that_differs_says_why(other: CallRecord, causes: tuple[Cause, ...]) -> None:
    """The reply alone is a cause only where nothing else is."""
    assert compare(of(a_call()), of(other)).calls == (CallDifference("1.answer.a", causes),)


def test_a_call_that_one_run_lacks_is_told() -> None:
    """Those of A first."""
    found = compare(of(a_call(), a_call("x")), of(a_call("y"), a_call()))
    assert [(call.call_id, call.causes) for call in found.calls] == [("x", ("only in A",)), ("y", ("only in B",))]
    assert found.same_calls == 1


def test_a_difference_is_traced_to_the_calls_that_were_read() -> None:
    """A prompt that quotes a reply that differs says whose."""
    reader = a_call("1.refine.a", reads=("1.answer.a", "1.answer.b"))
    other = replace(reader, messages=(user("It bends."),))
    found = compare(of(a_call(), a_call("1.answer.b"), reader), of(a_call(reply="bends"), a_call("1.answer.b"), other))
    assert found.calls[1] == CallDifference("1.refine.a", ("prompt",), ("1.answer.a",))


def test_of_a_call_that_was_made_twice_the_one_with_a_reply_counts() -> None:
    """In whatever order they are."""
    lost = a_call(state="lost")
    for calls in ((lost, a_call()), (a_call(), lost)):
        assert compare(of(*calls), of(a_call())).calls == ()


def test_settings_are_compared_by_their_names() -> None:
    """Agents by theirs, wherever they stand in the list."""
    first, second = SPEC.agents
    assert list(compare_specs(SPEC, replace(SPEC, agents=(second, first)))) == []
    changed = replace(SPEC, layers=SPEC.layers + 1, agents=(first, replace(second, temperature=0.125)))
    found = {one.path: one for one in compare_specs(SPEC, changed)}
    assert found["layers"] == FieldDifference("layers", str(SPEC.layers), str(SPEC.layers + 1))
    assert found[f"agents.{second.name}.temperature"].b == "0.125"
    fewer = {one.path: one.b for one in compare_specs(SPEC, replace(SPEC, agents=(first,)))}
    assert fewer[f"agents.{second.name}.model"] is None


def test_another_question_and_another_answer_are_seen() -> None:
    """Both are part of what two runs are."""
    other = replace(of(a_call(), text="It bends."), conversation=(*QUESTION, user("And red?")))
    found = compare(of(a_call()), other)
    assert not found.has_same_question
    assert not found.has_same_answer


def test_texts_are_laid_over_each_other_word_by_word() -> None:
    """Both texts can be read off the pieces again."""
    a, b = "The sky is blue.\nAlways.", "The sky was deep blue.\nAlways, so."
    pieces = list(overlay(a, b))
    assert "".join(piece.text for piece in pieces if piece.side != "B") == a
    assert "".join(piece.text for piece in pieces if piece.side != "A") == b
    assert Piece("The sky ", "both") == pieces[0]
    assert list(overlay("", "new")) == [Piece("new", "B")]
    assert list(overlay("old", "")) == [Piece("old", "A")]


def test_long_answers_are_compared_sentence_by_sentence() -> None:
    """Where too many words differ at a stretch, the whole stretch is told as both have it."""
    a = "The same begins. " + "one two three " * 400 + ". The same ends."
    b = "The same begins. " + "four five six " * 400 + ". The same ends."
    pieces = list(overlay(a, b))
    assert "".join(piece.text for piece in pieces if piece.side != "B") == a
    assert "".join(piece.text for piece in pieces if piece.side != "A") == b
    assert [piece.side for piece in pieces] == ["both", "A", "B", "both"]
