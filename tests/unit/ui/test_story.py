"""A run as its events tell it: what stands before anything begins, what is told on the way, and how it ends."""

from __future__ import annotations

from typing import Any

from attention_moa.agents import AgentSpec, ModelSettings, WriterSpec
from attention_moa.config import AttentionSpec, EnsembleSpec, StopRule
from attention_moa.errors import RateLimitError, ServerError
from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallFinished,
    CallQueued,
    CallReplayed,
    Event,
    LayerFinished,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import Stage, Usage
from attention_moa.money import FREE, Price
from attention_moa.records import UsageTotal, Verdict
from attention_moa.ui.call_story import State
from attention_moa.ui.story import RunStory
from tests.worlds import Says, World, a_spec, in_turn, stop

CALL: dict[str, Any] = {"run_id": "run", "stage": Stage.SUMMARY, "layer": 1, "agent": "elsewhere"}


def told(world: World, until: type[Event] | None = None, **settings: Any) -> RunStory:
    """Return the story of a run, up to the first event of a kind, which is heard too; by default of all of it."""
    world.run()
    story = RunStory(world.spec, **settings)
    for event in world.events:
        story.hear(event)
        if until is not None and isinstance(event, until):
            break
    return story


def a_world(spec: EnsembleSpec | None = None, script: dict[str, Says] | None = None, **fields: Any) -> World:
    """Return a world; of three agents and one layer unless told."""
    return World(spec or a_spec(3, layers=1), script, **fields)


def test_all_that_is_planned_stands_before_anything_begins() -> None:
    """Every call waits, by its name, and every layer knows how many it has."""
    story = RunStory(a_spec(3, layers=2))
    assert len(story.calls) == 33
    assert {call.state for call in story.calls.values()} == {State.WAITING}
    assert [layer.planned_calls for layer in story.layers.values()] == [16, 17]
    assert story.calls["1.refine.b"].reads == ("1.answer.b", "1.critique.a.b", "1.critique.b.b", "1.critique.c.b")
    assert (story.head.planned_calls, story.head.state, story.used) == (33, None, UsageTotal())
    assert len(RunStory(a_spec(3, layers=2), choices=3).calls) == 35


def test_a_baseline_stands_too() -> None:
    """Best of three: three answers and a choice."""
    story = RunStory(a_spec(3, layers=1, strategy="best-of-n"))
    assert [call.stage for call in story.calls.values()] == [Stage.ANSWER] * 3 + [Stage.SELECT]


def test_after_a_whole_run_all_is_done_and_counted() -> None:
    """Sums are the run's, and the answer is final."""
    story = told(a_world())
    assert story.counts[State.DONE] == 16
    assert (story.used.calls, story.used.input_tokens, story.used.output_tokens) == (16, 160, 80)
    assert story.layers[1].state is State.DONE
    assert story.layers[1].calls_over == 16
    assert (story.head.state, story.head.text) == ("finished", "says 1.summary.a")
    assert story.answers[0].shown == ("says 1.summary.a", (), True)
    assert not story.under_way


def test_in_the_middle_some_calls_are_under_way() -> None:
    """The one that was ready first comes first."""
    story = told(a_world(latency_s=lambda request: {"a": 1.0, "b": 2.0, "c": 3.0}[request.agent]), CallFinished)
    assert [call.call_id for call in story.under_way] == ["1.answer.b", "1.answer.c"]
    assert [call.call_id for call in story.calls_in(State.LOST, State.DONE)] == ["1.answer.a"]
    assert story.layers[1].state is State.RUNNING
    assert (story.head.state, story.head.now_s) == ("running", 1.0)


def test_what_models_cost_is_told_while_the_run_goes_on() -> None:
    """By the ensemble's own file, or by whoever knows; an unknown price stays unknown."""
    priced = [AgentSpec(name="a", model="test:a", price=Price(input=1e5, output=1e5))]
    story = told(a_world(a_spec(priced, layers=1)), CallFinished)
    assert (story.used.cost_usd, story.used.unpriced_calls) == (1.5, 0)
    unknown = told(a_world(a_spec(1, layers=1)), CallFinished)
    assert (unknown.used.cost_usd, unknown.used.unpriced_calls) == (0.0, 1)
    asked: list[str] = []

    def price_of(model: ModelSettings) -> Price:
        asked.append(model.model)
        return FREE

    free = told(a_world(), price_of=price_of)
    assert {call.used.unpriced_calls for call in free.calls.values()} == {0}
    assert len(asked) == 3 * 3 + 1  # once for each agent and stage


def test_a_lost_answer_takes_what_reads_it_with_it() -> None:
    """Its refinement and all critiques of it and by it are not made, each with why; a notice tells the loss once."""
    story = told(a_world(script={"1.answer.b": ServerError("down")}, jitter=0.0))
    assert story.calls["1.answer.b"].state is State.LOST
    assert (story.calls["1.refine.b"].state, story.calls["1.refine.b"].why) == (State.NOT_MADE, "its answer is lost")
    assert story.calls["1.critique.a.b"].why == "the answer of b is lost"
    assert story.calls["1.critique.a.c"].state is State.DONE
    lost = [notice for notice in story.notices if notice.kind == "lost"]
    assert [(notice.text, notice.call_id) for notice in lost] == [
        ("layer 1, answer by b: ServerError: down", "1.answer.b")
    ]
    assert story.counts[State.NOT_MADE] == 6


def test_a_panel_whose_critic_is_lost_is_not_made() -> None:
    """One call criticises all; without an own answer there is nobody to write it."""
    spec = a_spec(3, layers=1, attention=AttentionSpec(mode="panel"))
    story = told(a_world(spec, {"1.answer.b": ServerError("down")}, jitter=0.0))
    assert story.calls["1.critique.b"].state is State.NOT_MADE
    assert story.calls["1.critique.a"].state is State.DONE


def test_a_retry_is_told_with_why() -> None:
    """And counted."""
    story = told(a_world(script={"1.answer.a": in_turn(RateLimitError("slow down"), "fine")}))
    (notice,) = story.notices
    assert (notice.kind, notice.call_id) == ("retried", "1.answer.a")
    assert notice.text.startswith("layer 1, answer by a: RateLimitError: slow down; again after")
    assert story.calls["1.answer.a"].attempt == 2


def test_a_fallback_reads_what_the_writer_would_have() -> None:
    """It was not planned: the graph has a box more."""
    spec = a_spec(3, layers=1, summary=WriterSpec(fallback=("b",)))
    world = a_world(spec, {"1.summary.a": ServerError("down")}, jitter=0.0)
    world.run()
    story = RunStory(spec)
    changes = [story.hear(event) for event in world.events]
    (grown,) = (change for change in changes if change.has_graph)
    assert grown.calls == {"1.summary.b"}
    assert not story.calls["1.summary.b"].is_planned
    assert story.calls["1.summary.b"].reads == story.calls["1.summary.a"].reads
    assert story.notices[-1].text == "layer 1, summary, a: b wrote in its place (down)"


def test_a_run_that_stops_early_leaves_later_layers_unmade() -> None:
    """With the verdict that ended it; no call waits for ever."""
    story = told(a_world(a_spec(2, layers=3), {"residual": stop}))
    assert [layer.state for layer in story.layers.values()] == [State.DONE, State.DONE, State.NOT_MADE]
    verdict = story.layers[2].verdict
    assert verdict is not None
    assert verdict.is_stop
    assert story.calls["3.answer.a"].why == "the run ended before"
    assert all(call.state.is_over for call in story.calls.values())


def test_the_line_of_a_verdict_is_in_no_box() -> None:
    """Its secret word is nobody's business."""
    world = a_world(a_spec(2, layers=2), has_deltas=True, pieces=4)
    world.run()
    story = RunStory(world.spec)
    for event in world.events:
        story.hear(event)
        assert "VERDICT" not in story.calls["2.residual.a"].words


def test_notes_of_calls_are_kept_once() -> None:
    """However often they are told."""
    story = RunStory(a_spec(2, layers=1))
    about: dict[str, Any] = {"run_id": "run", "at_s": 1.0, "stage": Stage.ANSWER, "layer": 1}
    reply: dict[str, Any] = {"text": "x", "finish_reason": "stop", "usage": Usage(), "elapsed_s": 1.0}
    notes = ("a system role was\nfolded in",)
    first = story.hear(CallFinished(**about, **reply, call_id="1.answer.a", agent="a", notes=notes * 2))
    assert first.has_notices
    again = story.hear(CallFinished(**about, **reply, call_id="1.critique.a.a", agent="a", notes=notes))
    assert not again.has_notices
    assert list(story.notes) == ["a: a system role was folded in"]


def test_an_answer_that_does_not_stand_is_taken_back() -> None:
    """With a notice; what follows is told anew."""
    story = RunStory(a_spec(1, layers=1))
    story.hear(AnswerDelta(run_id="run", at_s=1.0, text="Blu"))
    changed = story.hear(AnswerReset(run_id="run", at_s=2.0, message="it broke\noff"))
    assert changed.answers == {0}
    assert changed.has_notices
    assert (story.answers[0].text, story.answers[0].reset_why) == ("", "it broke off")
    assert story.notices[0].text == "what was told of the answer does not stand: it broke off"


def test_who_comes_back_is_told_answers_from_their_start() -> None:
    """So what was heard before goes; an answer that is final stays."""
    story = RunStory(a_spec(1, layers=1))
    story.hear(AnswerDelta(run_id="run", at_s=1.0, text="Blu"))
    assert story.rejoin().answers == {0}
    story.hear(AnswerDelta(run_id="run", at_s=1.0, text="Blue."))
    assert story.answers[0].text == "Blue."
    story.hear(RunFinished(run_id="run", at_s=2.0, state="finished", text="Blue.", usage=UsageTotal()))
    story.rejoin()
    assert story.answers[0].text == "Blue."


def test_pieces_of_text_have_the_number_of_the_event_before_them() -> None:
    """One that is older than what was heard since is not heard."""
    story = RunStory(a_spec(1, layers=1))
    piece = AnswerDelta(run_id="run", at_s=1.0, text="x")
    story.hear(CallQueued(run_id="run", at_s=0.5, call_id="1.answer.a", stage=Stage.ANSWER, layer=1, agent="a"), 7)
    for number in (7, 7, 6, 8):
        story.hear(piece, number)
    assert story.answers[0].text == "xxx"
    assert story.heard == 7


def test_a_run_that_failed_or_was_cancelled_says_so() -> None:
    """Its best text is shown, and is no answer; layers that were not over are not."""
    story = RunStory(a_spec(1, layers=2))
    story.hear(CallQueued(run_id="run", at_s=0.5, call_id="1.answer.a", stage=Stage.ANSWER, layer=1, agent="a"))
    story.hear(
        RunFinished(run_id="run", at_s=2.0, state="cancelled", text="so far", usage=UsageTotal(), error="inter\nrupted")
    )
    assert (story.head.state, story.head.error, story.head.text) == ("cancelled", "inter rupted", "so far")
    assert story.answers[0].shown == ("so far", (), False)
    assert [layer.state for layer in story.layers.values()] == [State.CANCELLED, State.NOT_MADE]
    assert story.calls["1.answer.a"].state is State.CANCELLED
    nothing = RunStory(a_spec(1, layers=1))
    nothing.hear(RunFinished(run_id="run", at_s=2.0, state="failed", text=None, usage=UsageTotal(), error="no key"))
    assert nothing.answers == {}


def test_a_run_that_goes_on_counts_what_it_paid_for_before_once() -> None:
    """Heard from its first life, or only now."""
    whole = RunStory(a_spec(1, layers=1))
    world = a_world(a_spec(1, layers=1))
    world.run()
    for event in world.events[:5]:
        whole.hear(event)
    before = whole.used
    assert before.calls == 1
    again = RunStarted(
        run_id="run", at_s=5.0, ensemble="e", agents=("a",), layers=1, planned_calls=4, is_resumed=True,
        used_before=before,
    )  # fmt: skip
    replayed = CallReplayed(
        run_id="run", at_s=5.0, call_id="1.answer.a", stage=Stage.ANSWER, layer=1, agent="a", text="x",
        finish_reason="stop", usage=Usage(input_tokens=10), source="run",
    )  # fmt: skip
    for story in (whole, RunStory(a_spec(1, layers=1))):
        story.hear(again)
        story.hear(replayed)
        story.hear(LayerFinished(run_id="run", at_s=6.0, layer=1, output="x", usage=before))
        assert story.used == before
        assert story.calls["1.answer.a"].state is State.REPLAYED
        assert [notice.kind for notice in story.notices] == ["resumed"]
        assert (story.head.life_s, story.head.is_resumed) == (5.0, True)
        assert story.layers[1].used == before


def test_calls_and_layers_that_no_plan_has_are_told_all_the_same() -> None:
    """As of a run of another version of the ensemble."""
    story = RunStory(a_spec(1, layers=1))
    story.hear(CallQueued(**CALL | {"layer": 9}, at_s=1.0, call_id="9.summary.elsewhere"))
    story.hear(LayerFinished(run_id="run", at_s=2.0, layer=8, output=None, usage=UsageTotal()))
    verdict = Verdict(layer=7, is_stop=True, rule="last", reason="so")
    story.hear(VerdictReached(run_id="run", at_s=2.0, verdict=verdict))
    call = story.calls["9.summary.elsewhere"]
    assert (call.reads, call.is_planned) == ((), False)
    assert [story.layers[number].state for number in (9, 8)] == [State.RUNNING, State.DONE]
    assert story.layers[7].verdict == verdict
    reply = CallFinished(
        **CALL | {"layer": 9}, at_s=2.0, call_id="9.summary.elsewhere", text="x", finish_reason="stop",
        usage=Usage(input_tokens=1, output_tokens=1), elapsed_s=1.0,
    )  # fmt: skip
    story.hear(reply)
    assert story.used.unpriced_calls == 1  # nobody knows the model, so nobody knows its price


def test_a_copy_goes_its_own_way() -> None:
    """What the one hears changes nothing of the other."""
    world = a_world(has_deltas=True)
    world.run()
    story = RunStory(world.spec)
    story.hear_all([(None, event) for event in world.events[:10]])
    copy = story.copy()
    counts, calls = dict(story.counts), dict(story.calls)
    copy.hear_all([(None, event) for event in world.events[10:]])
    assert (dict(story.counts), story.calls, story.head.state) == (counts, calls, "running")
    assert copy.head.state == "finished"
    story.hear_all([(None, event) for event in world.events[10:]])
    assert (story.calls, story.layers, story.used) == (copy.calls, copy.layers, copy.used)


def test_an_ensemble_that_stops_by_likeness_tells_its_reason() -> None:
    """Whatever the rule is."""
    spec = a_spec(2, layers=3, early_stop=StopRule(rule="similarity", threshold=0.0))
    story = told(a_world(spec))
    verdict = story.layers[2].verdict
    assert verdict is not None
    assert verdict.rule == "similarity"


def test_a_layer_that_was_done_stays_so_while_the_run_goes_on() -> None:
    """One that was not is to be made."""
    world = a_world(a_spec(2, layers=2))
    world.run()
    story = RunStory(world.spec)
    until = next(place for place, event in enumerate(world.events) if isinstance(event, LayerFinished))
    story.hear_all([(None, event) for event in world.events[: until + 5]])
    assert [layer.state for layer in story.layers.values()] == [State.DONE, State.RUNNING]
    story.hear(RunStarted(run_id="run", at_s=9.0, ensemble="e", agents=(), layers=2, planned_calls=19, is_resumed=True))
    assert [layer.state for layer in story.layers.values()] == [State.DONE, State.WAITING]
    assert story.calls["2.answer.a"].was_begun
