"""The writers' stages: summary, residual, verdict, and who stands in for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from attention_moa.agents import ResidualSpec, WriterSpec
from attention_moa.config import AttentionSpec, StopRule
from attention_moa.errors import QuorumError, ServerError
from attention_moa.messages import CallRequest, Chunk, Reply
from attention_moa.records import Loss, Residual, RunRecord, Summary, Verdict
from attention_moa.stopping import parse_verdict
from tests.worlds import USAGE, Says, World, a_spec, call, stop, verdict

DOWN = ServerError("down", retryable=False)
OFF = AttentionSpec(own=False, peers=0)


def ran(script: Mapping[str, Says] | None = None, **fields: Any) -> RunRecord:
    """Return the record of a run of two agents without attention: answers, summary, residual."""
    return World(a_spec(2, **({"layers": 3, "attention": OFF} | fields)), script).run()


def residual(record: RunRecord, layer: int) -> Residual:
    """Return a layer's residual."""
    found = record.layers[layer - 1].residual
    assert isinstance(found, Residual)
    return found


def verdicts(record: RunRecord) -> list[Verdict]:
    """Return the verdict of every layer."""
    return [layer.verdict for layer in record.layers if layer.verdict is not None]


def sent(record: RunRecord, name: str) -> str:
    """Return the last message that a call sent."""
    return call(record, name).messages[-1].text


# ------------------------------------------------------------------------------------------------------------- outputs


def test_the_output_of_layer_1_is_its_summary_and_of_later_ones_the_residual() -> None:
    """``o[1] = s[1]``, ``o[l] = r[l]``, the verdict line taken out."""
    record = ran()
    assert [layer.output for layer in record.layers] == ["says 1.summary.a", "says 2.residual.a", "says 3.residual.a"]
    assert record.text == "says 3.residual.a"
    assert record.layers[0].residual is None
    assert residual(record, 2).text == "says 2.residual.a"


@pytest.mark.parametrize(
    ("history", "shown"),
    [
        ("outputs", ["says 1.summary.a", "says 2.residual.a", "says 3.summary.a"]),
        ("summaries", ["says 1.summary.a", "says 2.summary.a", "says 3.summary.a"]),
    ],
)
def test_the_residual_agent_reads_the_history_in_order(history: Any, shown: list[str]) -> None:
    """``o[1] … o[l-1]`` and ``s[l]``, or all summaries; the record names the calls that wrote them."""
    record = ran(residual=ResidualSpec(history=history))
    text = sent(record, "3.residual.a")
    places = [text.index(output) for output in shown]
    assert places == sorted(places)
    assert call(record, "3.residual.a").reads == tuple(output.removeprefix("says ") for output in shown)
    others = {"says 2.residual.a", "says 2.summary.a"} - set(shown)
    assert not [output for output in others if output in text]


def test_the_next_layer_reads_the_output_whatever_the_history() -> None:
    """``o[l-1]`` is the residual, not the summary."""
    record = ran(residual=ResidualSpec(history="summaries"))
    assert "says 2.residual.a" in sent(record, "3.answer.b")
    assert call(record, "3.answer.b").reads == ("2.residual.a",)


def test_a_single_layer_needs_no_verdict() -> None:
    """It says that it was the only one."""
    assert verdicts(ran(layers=1)) == [Verdict(layer=1, is_stop=False, rule="last", reason="the one layer ran")]


def test_fence_marks_that_a_writer_copies_are_not_part_of_the_answer() -> None:
    """A small model wraps its reply as the texts that it read were wrapped."""

    def copies(request: CallRequest) -> str:
        begin = next(line for line in request.messages[-1].text.splitlines() if line.startswith("<text-"))
        return f"{begin}\nThe reply.\n{begin.replace('<', '</')}"

    assert ran({"summary": copies}, layers=1).text == "The reply."


# ------------------------------------------------------------------------------------------------------------- verdict


@pytest.mark.parametrize(("returns", "text"), [("latest", "says 2.summary.a"), ("previous", "says 1.summary.a")])
def test_a_stop_ends_the_run_with_the_output_that_the_rule_returns(returns: Any, text: str) -> None:
    """The latest summary, as the authors' code has it, or the output before."""
    record = ran({"2.residual.a": stop}, early_stop=StopRule(returns=returns))
    assert (record.text, len(record.layers), record.layers[1].output) == (text, 2, text)
    assert verdicts(record)[1] == Verdict(
        layer=2, is_stop=True, rule="verdict", reason="a finds the latest output no improvement"
    )
    assert record.verdict == verdicts(record)[1]
    assert residual(record, 2).text == ""
    assert call(record, "2.residual.a").text is not None


def test_a_stop_in_the_last_layer_returns_the_summary_too() -> None:
    """The residual agent has said that there is nothing to add."""
    record = ran({"3.residual.a": stop})
    assert (record.text, record.layers[2].verdict and record.layers[2].verdict.rule) == ("says 3.summary.a", "verdict")


def test_going_on_is_recorded_with_its_reason() -> None:
    """Every layer says why it was not the last, and the last that it was."""
    first, second, last = verdicts(ran())
    assert (first.rule, first.reason) == ("none", "nothing to compare with yet")
    assert (second.rule, second.reason, second.is_stop) == ("verdict", "a decided to go on", False)
    assert (last.rule, last.reason) == ("last", "all 3 layers ran; a decided to go on")


def test_a_reply_without_a_verdict_goes_on_and_is_used_whole() -> None:
    """A small model that forgets the line costs nothing but the line."""
    record = ran({"residual": "Just the reply."})
    assert (verdicts(record)[1].reason, record.text) == ("a gave no verdict", "Just the reply.")


def test_a_stop_with_a_wrong_nonce_stops_nothing() -> None:
    """Whoever did not read the prompt cannot decide."""
    record = ran({"2.residual.a": "VERDICT 000000000000 STOP\nThe reply."})
    assert len(record.layers) == 3
    assert record.layers[1].output == "VERDICT 000000000000 STOP\nThe reply."


def test_no_stop_before_the_least_number_of_layers() -> None:
    """Up to there the prompt offers none: no nonce, nothing to decide."""
    record = ran(early_stop=StopRule(min_layers=3))
    assert "VERDICT" not in sent(record, "2.residual.a")
    assert "VERDICT" in sent(record, "3.residual.a")
    assert (verdicts(record)[1].rule, verdicts(record)[1].reason) == ("none", "no early stopping here")


def test_without_a_rule_no_prompt_offers_a_stop() -> None:
    """All layers run."""
    record = ran(early_stop=StopRule(rule="none"))
    assert not [made for made in record.calls if "VERDICT" in made.messages[-1].text]
    assert [found.rule for found in verdicts(record)] == ["none", "none", "last"]


def stops_and_writes_on(request: CallRequest) -> list[Chunk]:
    """Say stop, then write a book."""
    return [Chunk(text=f"{verdict(request, is_stop=True)}\n"), *[Chunk(text="word " * 50)] * 100]


def test_the_stream_of_a_residual_that_said_stop_is_cut() -> None:
    """What it writes on is not wanted; nobody waits or pays for it."""
    world = World(a_spec(2, attention=OFF), {"2.residual.a": stops_and_writes_on}, has_deltas=True)
    record = world.run()
    cut = call(record, "2.residual.a")
    assert (cut.finish_reason, record.text) == ("cut", "says 2.summary.a")
    assert residual(record, 2).text == ""
    assert len(cut.text or "") < 400
    assert world.scripted.open_streams == 0


def test_a_residual_that_goes_on_is_never_cut() -> None:
    """Nor is one that may not stop."""

    def goes_on(request: CallRequest) -> str:
        return f"{verdict(request, is_stop=False)}\n{'word ' * 200}"

    record = ran({"residual": goes_on}, layers=2)
    assert call(record, "2.residual.a").finish_reason == "stop"
    assert record.text == ("word " * 200).strip()


def test_a_residual_of_a_verdict_alone_is_no_reply() -> None:
    """It said go on and gave nothing: a loss, and the summary is kept."""

    def says_nothing(request: CallRequest) -> str:
        return verdict(request, is_stop=False) or ""

    record = ran({"2.residual.a": says_nothing}, layers=2)
    assert record.text == "says 2.summary.a"
    (loss,) = record.losses
    assert (loss.kind, loss.message, loss.call_id) == (
        "BadReplyError",
        "the reply holds no text to use",
        "2.residual.a",
    )
    assert call(record, "2.residual.a").state == "finished"


def test_a_residual_with_its_verdict_in_the_wrong_place_is_no_answer() -> None:
    """Nobody reads protocol as an answer: the reply is a loss, and the summary is kept, labelled."""
    record = ran({"2.residual.a": lambda request: f"Here is my decision:\n{verdict(request, is_stop=True)}"}, layers=2)
    assert record.text == "says 2.summary.a"
    assert [loss.call_id for loss in record.losses] == ["2.residual.a"]
    assert record.degraded[-1].what == "the layer's summary stands in for the residual"


def test_a_stop_cannot_be_said_where_none_was_offered() -> None:
    """The nonce of an earlier layer is of no use in a later one."""
    seen: list[str] = []

    def keeps(request: CallRequest) -> str:
        seen.append(verdict(request, is_stop=True) or "")
        return "The reply."

    record = ran({"2.residual.a": keeps, "3.residual.a": lambda _: f"{seen[0]}\nThe end."})
    assert parse_verdict(record.text or "", seen[0].split()[1]).is_stop is True
    assert verdicts(record)[2].rule == "last"


# ---------------------------------------------------------------------------------------------------------- similarity

SIMILAR = StopRule(rule="similarity", threshold=0.75)


@pytest.mark.parametrize(("returns", "text"), [("latest", "the sky was blue"), ("previous", "the sky is blue")])
def test_outputs_that_hardly_differ_end_the_run_without_a_residual_call(returns: Any, text: str) -> None:
    """The comparison comes before the call and saves it; the record has the score."""
    script: dict[str, Says] = {"1.summary.a": "the sky is blue", "2.summary.a": "the sky was blue"}
    record = ran(script, early_stop=StopRule(rule="similarity", threshold=0.75, returns=returns))
    assert (record.text, record.layers[1].residual) == (text, None)
    assert record.verdict == Verdict(
        layer=2, is_stop=True, rule="similarity", reason="the summary is 75% like the output of layer 1", score=0.75
    )
    assert not [made for made in record.calls if made.stage == "residual"]


def test_outputs_that_differ_go_on_with_a_residual_that_may_not_stop() -> None:
    """The score is kept; on the last layer too."""
    record = ran(early_stop=SIMILAR)
    _, second, last = verdicts(record)
    assert (second.rule, second.is_stop, second.score) == ("similarity", False, 0.5)
    assert second.reason == "the summary is 50% like the output of layer 1, below 75%"
    assert (last.rule, last.score) == ("last", 0.5)
    assert last.reason == "all 3 layers ran; the summary is 50% like the output of layer 2, below 75%"
    assert "VERDICT" not in sent(record, "2.residual.a")


def test_likeness_is_not_looked_at_before_the_least_number_of_layers() -> None:
    """Equal summaries do not stop a run that is told to go three layers."""
    record = ran({"summary": "the same"}, early_stop=StopRule(rule="similarity", min_layers=3))
    assert [(found.rule, found.score) for found in verdicts(record)] == [("none", None), ("none", None), ("last", 0.0)]


# -------------------------------------------------------------------------------------------------------------- losses


def test_a_failed_summary_goes_to_the_fallbacks_in_order() -> None:
    """The first that gives a text writes; the record says in whose place."""
    spec = WriterSpec(model="test:big", fallback=("a", "b"))
    record = ran({"summary": DOWN, "1.summary.b": "by b"}, layers=1, summary=spec)
    summary = record.layers[0].summary
    assert isinstance(summary, Summary)
    assert (summary.agent, summary.text, summary.call_id, summary.stands_in) == ("b", "by b", "1.summary.b", None)
    assert [loss.agent for loss in record.losses] == ["summary", "a"]
    (degraded,) = record.degraded
    assert (degraded.agent, degraded.what, degraded.why) == ("a", "b wrote in its place", "down")


def test_where_every_summary_fails_the_most_central_refinement_stands_in() -> None:
    """Labelled, by the agent that wrote it, with the call that it comes from."""
    script: dict[str, Says] = {
        "1.answer.a": "fish swim",
        "1.answer.b": "the sky is blue",
        "1.answer.c": Reply(text="the sky is very blue", finish_reason="length"),
        "1.answer.d": "the sky is not blue",
        "summary": DOWN,
    }
    record = World(a_spec(4, layers=1, attention=OFF), script).run()
    summary = record.layers[0].summary
    assert isinstance(summary, Summary)
    assert (summary.agent, summary.text, summary.call_id) == ("b", "the sky is blue", "1.answer.b")
    assert (summary.stands_in, record.text) == ("down", "the sky is blue")
    (degraded,) = record.degraded
    assert "the refinement of b" in degraded.what
    assert record.state == "finished"


def test_a_truncated_summary_is_labelled() -> None:
    """So is the run."""
    assert ran({"summary": Reply(text="half", finish_reason="length")}, layers=1).is_truncated
    assert not ran(layers=1).is_truncated


def test_a_failed_residual_goes_to_the_fallbacks() -> None:
    """Its verdict counts as the first one's would."""
    spec = ResidualSpec(fallback=("b",))
    record = ran({"residual.a": DOWN, "residual.b": stop}, residual=spec)
    assert (residual(record, 2).agent, len(record.layers)) == ("b", 2)
    assert verdicts(record)[1].reason == "b finds the latest output no improvement"
    assert record.degraded[0].what == "b wrote in its place"


def test_a_failed_residual_keeps_the_summary_labelled() -> None:
    """The run goes on with ``o[l] = s[l]``."""
    record = ran({"residual": DOWN})
    assert [layer.output for layer in record.layers] == [f"says {n}.summary.a" for n in (1, 2, 3)]
    assert isinstance(record.layers[1].residual, Loss)
    assert [d.what for d in record.degraded] == ["the layer's summary stands in for the residual"] * 2
    assert verdicts(record)[1].reason == "no verdict arrived"
    assert verdicts(record)[2].reason == "all 3 layers ran; no verdict arrived"
    assert call(record, "3.answer.a").reads == ("2.summary.a",)


def test_a_layer_without_answers_returns_the_output_of_the_layer_before_labelled() -> None:
    """What is there is better than nothing, and it says that it is not what was planned."""
    record = ran({"2.answer.a": DOWN, "2.answer.b": DOWN})
    assert (record.state, record.text, len(record.layers)) == ("finished", "says 1.summary.a", 2)
    last = record.layers[1]
    assert isinstance(last.summary, Loss)
    assert last.summary.message == "no answer is left to summarise"
    assert record.verdict == Verdict(
        layer=2, is_stop=True, rule="failure", reason="no agent gave an answer in this layer"
    )
    assert [d.what for d in record.degraded] == ["the output of layer 1 is returned"]


def test_a_first_layer_without_answers_is_an_error_that_holds_what_was_paid() -> None:
    """It names everybody's reason once; the record stays readable."""
    world = World(a_spec(2), {"answer": [Chunk(text="half", usage=USAGE)], "1.answer.b": DOWN})
    with pytest.raises(
        QuorumError, match=r"no agent gave an answer \(a: the stream.*; b: down\)|\(b: down; a:"
    ) as error:
        world.run()
    partial = error.value.partial
    assert (error.value.run_id, partial.state, partial.text) == ("run", "failed", None)
    assert partial == world.record
    assert {call.call_id for call in partial.calls} == {"1.answer.a", "1.answer.b"}
    assert partial.usage.input_tokens == 4 * 10
    assert partial.error == str(error.value)
    assert set(partial.layers[0].answers) == {"a", "b"}
    assert len(partial.layers) == 1
