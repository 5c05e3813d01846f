"""What a completion is made of."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from openai.types.chat import ChatCompletion

from attention_moa.messages import FinishReason, Stage, ToolCall
from attention_moa.records import Choice, Loss, RunRecord
from attention_moa.server.chat_reply import Final, Head, completion_of, finals_of
from attention_moa.server.usage import run_body, usage_of
from tests.worlds import QUESTION, a_spec

HEAD = Head("chatcmpl-r", 1, "duo", "fp_1")
CALLS = (ToolCall("c1", "add", "{}"),)


def a_record(text: str | None = "Blue.", **fields: Any) -> RunRecord:
    """Return the record of a run."""
    base = RunRecord(run_id="r", created_at="", ensemble=a_spec(2), conversation=QUESTION, state="finished", text=text)
    return replace(base, **fields)


def completed(*finals: Final) -> ChatCompletion:
    """Return a completion as OpenAI's client reads it, strictly."""
    run = run_body([a_record()], ignored=("store",), notes=(), plan=None)
    made = completion_of(HEAD, finals, usage=usage_of([a_record().usage]), run=run)
    return ChatCompletion.model_validate_json(msgspec.json.encode(made), strict=True)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [(None, "stop"), ("stop", "stop"), ("length", "length"), ("cut", "stop"), ("content_filter", "content_filter")],
)
def test_an_answer_ended_for_a_reason_that_the_api_knows(reason: FinishReason | None, finish: str) -> None:
    """What we cut off ended as it should."""
    (final,) = finals_of({0: a_record(finish_reason=reason)}, 1)
    assert final == Final(0, "Blue.", finish, ())  # type: ignore[arg-type]  # it is one of them


def test_further_choices_follow_and_a_lost_one_is_left_out() -> None:
    """Each keeps its index."""
    lost = Loss(stage=Stage.SUMMARY, layer=1, agent="a", kind="ServerError", message="down")
    second = Choice(text="Red.", finish_reason="length", call_id="c")
    found = list(finals_of({0: a_record(choices=(lost, second))}, 3))
    assert found == [Final(0, "Blue.", "stop", ()), Final(2, "Red.", "length", ())]


def test_whole_runs_follow_one_another() -> None:
    """One that gave no answer is left out."""
    found = [final.index for final in finals_of({0: a_record(), 2: a_record()}, 1)]
    assert found == [0, 2]


def test_a_completion_is_what_the_official_client_reads() -> None:
    """Strictly, with what is ours beside it."""
    made = completed(Final(0, "Blue.", "stop", ()))
    assert made.choices[0].message.content == "Blue."
    assert made.choices[0].message.tool_calls is None
    assert made.model_extra is not None
    assert made.model_extra["attention_moa"]["ignored"] == ["store"]


def test_tool_calls_without_words_have_no_content() -> None:
    """As the API has it."""
    message = completed(Final(0, "", "tool_calls", CALLS)).choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    assert message.tool_calls[0].model_dump() == {
        "id": "c1",
        "type": "function",
        "function": {"name": "add", "arguments": "{}"},
    }
