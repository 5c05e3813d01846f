"""From what was written to the answer: where it ends, what form it has, how many there are, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import CallPolicy, EnsembleSpec, LimitSpec, StopRule
from attention_moa.errors import DeadlineError, FormatError, QuorumError, RefusedError, ServerError
from attention_moa.messages import CallRequest, Reply, ReplyFormat, Stage, ToolCall, ToolSpec, ToolUse
from attention_moa.money import Price
from attention_moa.providers.scripted import Line
from attention_moa.records import Choice, Loss, RunRecord
from tests.answers import calls, pieces, resets, told
from tests.baseline_world import a_baseline, chooses
from tests.worlds import Says, World, a_spec, call, in_turn, stop, verdict

ONE_LAYER = a_spec(2, layers=1)
FORM = ReplyFormat("json_schema", schema={"type": "object", "required": ["n"]})
GOOD, BAD = '{"n": 1}', '{"m": 1}'
LOOK = ToolCall("c1", "look", '{"q": 1}')
CALLS_LOOK = Reply(text="", finish_reason="tool_calls", tool_calls=(LOOK,))


def use(*names: str, is_required: bool = False, only: str | None = None) -> AnswerSpec:
    """Return a wish for tools of these names."""
    choice: Literal["auto", "required"] = "required" if is_required else "auto"
    return AnswerSpec(tools=ToolUse(tuple(map(ToolSpec, names)), choice=choice, only=only))


def a_world(wanted: AnswerSpec, script: dict[str, Says] | None = None, spec: EnsembleSpec | None = None) -> World:
    """Return a world whose observers hear every piece; a text comes in five."""
    return World(spec or a_spec(2), script, wanted=wanted, has_deltas=True, pieces=5)


def choices_of(record: RunRecord) -> list[str]:
    """Return the texts of the further answers, and what is lost of them."""
    return [
        choice.text if isinstance(choice, Choice) else f"{choice.kind}: {choice.message}" for choice in record.choices
    ]


def by_turns(*says: Callable[[CallRequest], str]) -> Callable[[CallRequest], str]:
    """Return what is said by each of these in turn."""
    left = iter(says)

    def say(request: CallRequest) -> str:
        return next(left)(request)

    return say


def going_on(text: str) -> Callable[[CallRequest], str]:
    """Return what goes on with a text, as a residual agent that may stop."""
    return lambda request: f"{verdict(request, is_stop=False)}\n{text}"


def test_an_answer_ends_before_a_stop_and_nothing_else_does() -> None:
    """The stop is no model's to know, and what agents say to each other is theirs."""
    world = a_world(AnswerSpec(stop=("END",)), {"2.residual.a": going_on("Blue END sky"), "answer": "One END two"})
    record = world.run()
    assert (record.text, record.finish_reason, told(world.events)) == ("Blue", "stop", "Blue")
    assert call(record, "2.critique.b.a").messages[-1].text.count("One END two") == 1
    assert all(request.sampling.stop is None for request in world.requests)


def test_the_stream_of_an_answer_that_has_ended_is_closed() -> None:
    """Where its writer goes on for long; one that ends soon tells what it used."""
    long, short = f"Blue END {'sky ' * 100}", "Blue END sky"
    for text, reason in ((long, "cut"), (short, "stop")):
        script: dict[str, Says] = {"1.summary.a": Line(text=text.split(" "), piece_s=1.0)}
        record = a_world(AnswerSpec(stop=("END",)), script, ONE_LAYER).run()
        assert (record.text, record.finish_reason) == ("Blue", "stop")
        assert call(record, "1.summary.a").finish_reason == reason


def test_an_answer_that_was_not_known_to_be_one_is_cut_when_it_becomes_it() -> None:
    """The residual agent stops, and the summary, which others have read whole, is the answer."""
    world = a_world(AnswerSpec(stop=("END",)), {"2.residual.a": stop, "2.summary.a": "Blue END sky"})
    record = world.run()
    assert (record.text, pieces(world.events)) == ("Blue", ["Blue"])
    assert call(record, "2.summary.a").text == "Blue END sky"


def test_a_stop_before_all_text_leaves_none() -> None:
    """As endpoints have it; the run has an answer all the same."""
    record = a_world(AnswerSpec(stop=("B",)), {"1.summary.a": "Blue"}, ONE_LAYER).run()
    assert (record.text, record.state) == ("", "finished")


def test_tool_calls_behind_a_stop_are_no_part_of_the_answer() -> None:
    """The model had said all that was wanted."""
    said = Reply(text="Blue END", finish_reason="tool_calls", tool_calls=(LOOK,))
    wanted = AnswerSpec(tools=ToolUse((ToolSpec("look"),)), stop=("END",))
    world = a_world(wanted, {"1.summary.a": said}, ONE_LAYER)
    record = world.run()
    assert (record.text, record.tool_calls, record.finish_reason) == ("Blue", (), "stop")
    assert calls(world.events) == ()


def test_a_stored_reply_that_was_ended_serves_no_run_with_other_stops() -> None:
    """Its key says where it ended."""
    keys = {
        call(a_world(AnswerSpec(stop=stops), {}, ONE_LAYER).run(), "1.summary.a").fingerprint
        for stops in ((), ("END",), ("end",))
    }
    assert len(keys) == 3


def test_an_answer_that_was_truncated_says_so() -> None:
    """With the reason that its writer gave."""
    record = a_world(AnswerSpec(), {"1.summary.a": Line(text="Blue", finish_reason="length")}, ONE_LAYER).run()
    assert (record.finish_reason, record.is_truncated) == ("length", True)


def test_an_answer_of_the_right_form_is_told_when_it_was_checked() -> None:
    """At once and whole; the marks of a code block around it are left out, with a note."""
    for said, notes in (
        (GOOD, ()),
        (f"```json\n{GOOD}\n```", ("the marks of a code block around the answer were left out",)),
    ):
        world = a_world(AnswerSpec(reply_format=FORM), {"2.residual.a": said})
        record = world.run()
        assert (record.text, pieces(world.events), record.notes) == (GOOD, [GOOD], notes)


def test_an_answer_of_a_wrong_form_goes_back_once() -> None:
    """To the summary agent, with what is wrong; what it writes is the answer."""
    spec = a_spec(3, summary=WriterSpec(model="b"))
    world = a_world(AnswerSpec(reply_format=FORM), {"2.residual.b": BAD, "2.repair.b": GOOD}, spec)
    record = world.run()
    assert (record.text, record.state, pieces(world.events)) == (GOOD, "finished", [GOOD])
    mended = call(record, "2.repair.b")
    assert (mended.stage, mended.reads, mended.reply_format) == (Stage.REPAIR, ("2.residual.b",), FORM)
    assert BAD in mended.messages[-1].text
    assert '"n" is a required property' in mended.messages[-1].text
    (entry,) = record.degraded
    assert (entry.stage, entry.agent, entry.what) == (Stage.REPAIR, "b", "the answer was written again")


def test_an_answer_that_is_wrong_twice_fails_the_run() -> None:
    """The error says what is wrong; the record has what was written."""
    world = a_world(AnswerSpec(reply_format=FORM), {"2.residual.a": "no", "2.repair.a": BAD})
    with pytest.raises(FormatError, match="has not the form that was asked for: at the top: ") as caught:
        world.run()
    assert (caught.value.partial.state, caught.value.partial.text) == ("failed", BAD)
    assert pieces(world.events) == []


def test_an_answer_that_nobody_can_mend_fails_the_run() -> None:
    """With both reasons."""
    world = a_world(AnswerSpec(reply_format=FORM), {"2.residual.a": BAD, "2.repair.a": RefusedError("no")})
    with pytest.raises(FormatError, match="required property; it could not be mended: no"):
        world.run()
    assert [(loss.stage, loss.call_id) for loss in world.record.losses] == [(Stage.REPAIR, "2.repair.a")]


def test_a_run_whose_time_is_over_has_none_to_mend_its_answer() -> None:
    """What it has has not the form: that is an error, and no answer."""
    spec = a_spec(1, layers=1, limits=LimitSpec(deadline_s=3.5))
    script: dict[str, Says] = {"1.summary.a": BAD, "1.repair.a": GOOD}
    world = World(spec, script, wanted=AnswerSpec(reply_format=FORM), latency_s=lambda _: 1.0)
    with pytest.raises(FormatError, match="no time was left for it"):
        world.run()
    assert call(world.record, "1.repair.a").state == "cancelled"


def test_a_long_answer_is_checked_beside_the_event_loop() -> None:
    """Others wait for it."""
    long = f'{{"n": "{"x" * 30_000}"}}'
    assert a_world(AnswerSpec(reply_format=FORM), {"1.summary.a": long}, ONE_LAYER).run().text == long


def test_an_answer_that_calls_tools_needs_no_form() -> None:
    """It is for the caller's program; the text comes with a later turn."""
    wanted = AnswerSpec(tools=ToolUse((ToolSpec("look"),)), reply_format=FORM)
    world = a_world(wanted, {"2.residual.a": CALLS_LOOK})
    record = world.run()
    assert (record.text, record.tool_calls, record.finish_reason) == ("", (LOOK,), "tool_calls")
    assert calls(world.events) == (LOOK,)


def test_a_tool_that_has_to_be_called_and_is_not_is_asked_for_again() -> None:
    """The one that was named, where one was; another call does not do."""
    add = Reply(text="", finish_reason="tool_calls", tool_calls=(ToolCall("c2", "add", "{}"),))
    for wanted, said in (
        (use("look", is_required=True), "text"),
        (use("look", "add", is_required=True, only="look"), add),
    ):
        world = a_world(wanted, {"2.residual.a": said, "2.repair.a": CALLS_LOOK})
        record = world.run()
        assert (record.text, record.tool_calls, calls(world.events)) == ("", (LOOK,), (LOOK,))
        assert call(record, "2.repair.a").tools == wanted.tools
        assert "call the tool that has to be called" in call(record, "2.repair.a").messages[-1].text


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (use("look", is_required=True), "it does not call a tool, and has to"),
        (use("look", is_required=True, only="look"), "it does not call the tool 'look', and has to"),
    ],
)
def test_a_tool_that_is_never_called_fails_the_run(wanted: AnswerSpec, why: str) -> None:
    """Though there is a text."""
    with pytest.raises(FormatError, match=why):
        a_world(wanted).run()


def test_a_writer_that_may_stop_need_not_call_a_tool() -> None:
    """The line comes first; in the last layer there is none."""
    world = World(a_spec(2, layers=3), {"residual": CALLS_LOOK}, wanted=use("look", is_required=True))
    world.run()
    residuals = [request for request in world.requests if request.stage is Stage.RESIDUAL]
    assert [
        (request.tools and request.tools.choice, "VERDICT" in request.messages[-1].text) for request in residuals
    ] == [
        ("auto", True),
        ("required", False),
    ]


def test_what_one_layer_calls_the_next_one_reads() -> None:
    """As text, in the fence; the record has the calls themselves, of a stop none."""
    script: dict[str, Says] = {"summary": CALLS_LOOK, "2.residual.a": going_on("Blue."), "3.residual.a": stop}
    record = World(a_spec(2, layers=3), script, wanted=use("look")).run()
    line = 'Call of the tool look: {"q": 1}'
    assert (record.tool_calls, record.finish_reason, record.text) == ((LOOK,), "tool_calls", "")
    assert [layer.output for layer in record.layers] == [line, "Blue.", line]
    assert call(record, "1.summary.a").tool_calls == (LOOK,)
    assert line in call(record, "2.answer.a").messages[-1].text
    assert call(record, "3.residual.a").messages[-1].text.count(line) == 2


def test_further_answers_are_written_beside_the_first() -> None:
    """From the same prompt, each told by itself, each paid by itself."""
    script: dict[str, Says] = {"2.residual.a": in_turn("One", "Two", "Three")}
    world = a_world(AnswerSpec(choices=3), script)
    record = world.run()
    assert (record.text, choices_of(record)) == ("One", ["Two", "Three"])
    assert [told(world.events, number) for number in range(3)] == ["One", "Two", "Three"]
    names = ["2.residual.a", "2.residual.a#2", "2.residual.a#3"]
    found = [call(record, name) for name in names]
    assert len({one.messages for one in found}) == 1
    assert len({one.fingerprint for one in found}) == 3
    assert len({one.queued_s for one in found}) == 1
    assert record.usage.calls == len(record.calls)


def test_further_answers_of_a_run_that_stopped_are_written_behind_it() -> None:
    """By the call that turned out to have written the first."""
    script: dict[str, Says] = {"2.residual.a": stop, "2.summary.a": in_turn("One", "Two")}
    world = a_world(AnswerSpec(choices=2, stop=("o",)), script, a_spec(2, layers=3))
    record = world.run()
    assert (record.text, choices_of(record)) == ("One", ["Tw"])
    assert call(record, "2.summary.a#2").queued_s >= call(record, "2.residual.a").ended_s


def test_further_answers_where_one_is_chosen_are_written_by_who_wrote_it() -> None:
    """As in best of n, of answers that calls of tools are as well."""
    spec = a_baseline("best-of-n", agents=2)
    script: dict[str, Says] = {"1.answer.b": in_turn("One", "Two"), "select": chooses("One")}
    record = a_world(AnswerSpec(choices=2), script, spec).run()
    assert (record.text, choices_of(record), record.calls[-1].call_id) == ("One", ["Two"], "1.answer.b#2")


def test_further_answers_have_the_next_seeds() -> None:
    """Else an endpoint that draws by its seed gives the same again."""
    spec = a_spec([AgentSpec(name="a", model="test:a", seed=5)], layers=1)
    world = a_world(AnswerSpec(choices=3), {}, spec)
    world.run()
    assert [request.sampling.seed for request in world.requests if request.stage is Stage.SUMMARY] == [5, 6, 7]


def test_each_further_answer_is_mended_by_itself() -> None:
    """One that cannot be is a loss in its place, and the others stand."""
    script: dict[str, Says] = {"2.residual.a": in_turn(GOOD, BAD, BAD), "2.repair.a": in_turn(GOOD, BAD)}
    world = a_world(AnswerSpec(choices=3, reply_format=FORM), script)
    record = world.run()
    assert record.text == GOOD
    assert choices_of(record) == [GOOD, 'FormatError: at the top: "n" is a required property']
    assert [told(world.events, number) for number in range(3)] == [GOOD, GOOD, ""]
    assert {"2.repair.a#2", "2.repair.a#3"} <= {one.call_id for one in record.calls}


def test_a_further_answer_that_fails_is_a_loss_in_its_place() -> None:
    """What was told of it is taken back; a fallback may write it first."""
    half = Line(text=["Ha", "lf"], error=ServerError("down"))
    spec = a_spec(2, calls=CallPolicy(attempts=1))
    world = a_world(AnswerSpec(choices=2), {"2.residual.a": in_turn("One", half)}, spec)
    record = world.run()
    assert (record.text, choices_of(record)) == ("One", ["ServerError: down"])
    assert (told(world.events, 1), resets(world.events, 1)) == ("", ["down"])
    backed = a_spec(2, calls=CallPolicy(attempts=1), summary=WriterSpec(fallback=("b",)))
    record = a_world(AnswerSpec(choices=2), {"2.residual.a": in_turn("One", half)}, backed).run()
    assert choices_of(record) == ["says 2.residual.b"]


def test_a_verdict_is_no_further_answer() -> None:
    """Where the answer before is what a later layer leaves, its writer is asked again, and may say stop."""
    down = RefusedError("no")
    script: dict[str, Says] = {"2.residual.a": by_turns(going_on("One"), stop), "3.answer.a": down}
    record = a_world(AnswerSpec(choices=2), script, a_spec(1, layers=3)).run()
    assert (record.text, choices_of(record)) == ("One", ["BadReplyError: the reply holds no answer"])


def test_a_run_that_fails_ends_its_further_answers() -> None:
    """And has what they took in its record."""
    down = RefusedError("no")
    spec = a_spec(1, strategy="single", layers=1)
    slow = Line(text="Two", first_token_s=60.0)
    world = a_world(AnswerSpec(choices=2), {"1.answer.a": in_turn(down, slow)}, spec)
    with pytest.raises(QuorumError):
        world.run()
    assert [(one.call_id, one.state) for one in world.record.calls] == [
        ("1.answer.a", "lost"),
        ("1.answer.a#2", "cancelled"),
    ]


def test_a_deadline_ends_further_answers() -> None:
    """Those that are there count; for the others no time was left, and where none is left none is begun."""
    spec = a_spec(1, layers=1, limits=LimitSpec(deadline_s=6.0))
    said = in_turn("One", Line(text="Two", first_token_s=1.0), Line(text="Three", first_token_s=60.0))
    world = World(spec, {"1.summary.a": said}, wanted=AnswerSpec(choices=3), latency_s=lambda _: 1.0)
    record = world.run()
    assert (record.text, record.wall_s) == ("One", 6.0)
    assert choices_of(record) == ["Two", f"{DeadlineError.__name__}: no time was left for it"]
    assert isinstance(record.choices[1], Loss)
    slow = World(spec, {"1.summary.a": Line(text="late", first_token_s=60.0)}, wanted=AnswerSpec(choices=2))
    record = slow.run()
    assert (record.text, [type(one) for one in record.choices]) == ("says 1.refine.a", [Loss])


def test_a_limit_of_money_holds_for_further_answers_too() -> None:
    """One that it does not reach is a loss."""
    agent = AgentSpec(name="a", model="test:a", price=Price(input=0.0, output=1_000_000.0), max_tokens=400)
    spec = a_spec([agent], strategy="single", layers=1, limits=LimitSpec(usd=420.0))
    record = World(spec, wanted=AnswerSpec(choices=2)).run()
    assert choices_of(record)[0].startswith("OverLimitError: limits.usd")


def test_an_answer_that_breaks_off_is_taken_back_where_the_next_attempt_says_something_else() -> None:
    """With the reason; the first call's further attempt is told anew."""
    half = Line(text=["The ", "sky"], error=ServerError("down"))
    spec = a_spec(1, layers=1, calls=CallPolicy(attempts=2, retry_wait_s=0.0))
    for second, why in (("The sky is blue.", []), ("Blue it is.", ["down"])):
        world = a_world(AnswerSpec(), {"1.summary.a": in_turn(half, second)}, spec)
        assert (world.run().text, told(world.events), resets(world.events)) == (second, second, why)


def test_an_answer_that_the_deadline_cuts_is_taken_back() -> None:
    """The best that was finished is told in its place."""
    slow = Line(text=["The ", "sky ", "is"], piece_s=10.0)
    spec = a_spec(1, layers=1, limits=LimitSpec(deadline_s=15.0))
    world = a_world(AnswerSpec(), {"1.summary.a": slow}, spec)
    record = world.run()
    assert (record.text, told(world.events)) == ("says 1.refine.a", "says 1.refine.a")
    assert resets(world.events) == ["ended from outside"]


def test_a_writer_without_a_usable_reply_lets_its_fallback_be_heard() -> None:
    """What it said is taken back, and the fallback's text streams."""
    spec = a_spec(2, summary=WriterSpec(fallback=("b",)))
    garbled = lambda request: f"Blue.\n{verdict(request, is_stop=True)}"  # noqa: E731 - one line of a script
    world = a_world(AnswerSpec(), {"2.residual.a": garbled}, spec)
    assert world.run().text == told(world.events) == "says 2.residual.b"
    assert resets(world.events) == ["the reply holds no text to use"]
    assert len(pieces(world.events)) > 1


def test_a_model_that_closes_thinking_in_its_text_is_waited_for_from_then_on() -> None:
    """Its answers before it was known, and another's, stream all the same."""
    thinks = "hm, well\n</think>\nBlue it is."
    world = a_world(AnswerSpec(), {"a": thinks}, ONE_LAYER)
    record = world.run()
    assert (record.text, told(world.events), resets(world.events)) == ("Blue it is.", "Blue it is.", [])
    alone = a_world(AnswerSpec(), {"a": thinks}, a_spec(1, strategy="single", layers=1))
    assert (alone.run().text, resets(alone.events)) == ("Blue it is.", ["another text became the answer"])


def test_without_anybody_who_wants_pieces_none_are_told() -> None:
    """Nor is an answer settled with nobody."""
    world = World(ONE_LAYER, wanted=AnswerSpec(stop=("1",), choices=2))
    assert world.run().text == "says"
    assert told(world.events) == ""


def test_similarity_reads_tool_calls_as_text() -> None:
    """Two layers that call the same have found the same."""
    spec = a_spec(2, layers=3, early_stop=StopRule(rule="similarity"))
    record = World(spec, {"summary": CALLS_LOOK}, wanted=use("look")).run()
    assert (len(record.layers), record.tool_calls) == (2, (LOOK,))


def test_a_vote_counts_whole_tool_calls() -> None:
    """Two calls of different tools agree on nothing, though the same number stands in both."""
    add = Reply(text="", finish_reason="tool_calls", tool_calls=(ToolCall("c2", "add", '{"q": 1}'),))
    again = Reply(text="", finish_reason="tool_calls", tool_calls=(ToolCall("c3", "look", '{"q": 1}'),))
    script: dict[str, Says] = {"1.answer.a": add, "1.answer.b": CALLS_LOOK, "1.answer.c": again}
    record = a_world(use("look", "add"), script, a_baseline("majority", agents=3)).run()
    assert record.tool_calls == (LOOK,)
    assert record.verdict is not None
    assert record.verdict.reason == '2 of 3 answers agree on Call of the tool look: {"q": 1}'
