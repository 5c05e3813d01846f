"""A run's story, whatever happens in the run: it ends as the record says, and tells all that changes."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.events import AnswerDelta, AnswerReset, CallDelta, CallHappening, Event, RunStarted
from attention_moa.records import RunRecord
from attention_moa.retelling import events_of
from attention_moa.ui.call_story import State
from attention_moa.ui.changes import Changed
from attention_moa.ui.replay import Replay, difference
from attention_moa.ui.spending import by_agent, by_stage
from attention_moa.ui.story import RunStory
from attention_moa.ui.timeline import timeline_of_record, timeline_of_story
from tests.baseline_world import STRATEGIES
from tests.lives import Cut, Story
from tests.property.test_retelling import a_story

RUNS = 6
ALL = ["attention-moa", *STRATEGIES]
STATES = {"finished": State.DONE, "lost": State.LOST, "cancelled": State.CANCELLED}


def a_run(
    strategy: str, seed: int, wanted: AnswerSpec = PLAIN, *, has_deltas: bool = False, **calls: Any
) -> tuple[Story, RunRecord]:
    """Return a run in which much went wrong, and its record."""
    story, cut = a_story(strategy, seed, wanted, **calls)
    story.has_deltas = has_deltas
    return story, story.live(cut)


def told(story: Story, events: list[Event] | None = None, wanted: AnswerSpec = PLAIN) -> RunStory:
    """Return what the page has after some events; all of them unless told."""
    heard = RunStory(story.spec, choices=wanted.choices)
    heard.hear_all([(None, event) for event in (story.events if events is None else events)])
    return heard


def numbered(events: list[Event]) -> list[tuple[int | None, Event]]:
    """Return events with their numbers, as a server gives them: pieces of text have the last event's."""
    number = 0
    found: list[tuple[int | None, Event]] = []
    for event in events:
        number += not isinstance(event, (CallDelta, AnswerDelta, AnswerReset))
        found.append((number, event))
    return found


def facts(story: RunStory) -> dict[str, Any]:
    """Return all that a page can draw of a run."""
    return {
        "calls": story.calls,
        "layers": story.layers,
        "answers": {choice: (answer.text, answer.is_final) for choice, answer in story.answers.items()},
        "head": story.head,
        "notices": story.notices,
        "notes": list(story.notes),
        "counts": +story.counts,
        "used": story.used,
    }


def require_as_recorded(story: RunStory, record: RunRecord) -> None:
    """Fail unless a story of a run that is over says what its record says."""
    states = {name: call.state for name, call in story.calls.items()}
    made = {call.call_id: STATES[call.state] for call in record.calls}
    given_up = {loss.call_id for loss in record.losses if loss.kind == "BadReplyError"}
    for name, state in states.items():
        if name not in made:
            assert state is State.NOT_MADE, (name, state)
        else:
            assert state is made[name] or (name in given_up and state is State.LOST), (name, state, made[name])
    assert made.keys() <= states.keys()
    assert +story.counts == Counter(states.values())
    for state in State:
        assert {call.call_id for call in story.calls_in(state)} == {name for name in states if states[name] is state}
    assert story.used == record.usage
    assert story.head.state == record.state
    assert story.head.text == record.text
    for recorded in record.layers:
        if recorded.verdict is not None:
            assert story.layers[recorded.layer].verdict == recorded.verdict
            assert story.layers[recorded.layer].output == recorded.output
    assert all(layer.state.is_over for layer in story.layers.values())
    for number, layer in story.layers.items():
        over = [call for call in story.calls.values() if call.layer == number and call.state.is_over]
        assert layer.calls_over == len(over)


@pytest.mark.parametrize("strategy", ALL)
def test_a_story_ends_as_the_record_says(strategy: str) -> None:
    """Every call's state, every sum, every verdict; of runs that finish, fail, are cancelled, stop or run dry."""
    for seed in range(RUNS):
        story, record = a_run(strategy, seed)
        require_as_recorded(told(story), record)


@pytest.mark.parametrize("hedge_s", [None, 2.0])
@pytest.mark.parametrize("strategy", ["attention-moa", "single", "best-of-n"])
def test_further_answers_and_second_attempts_are_told_too(strategy: str, hedge_s: float | None) -> None:
    """Three answers of one deliberation; attempts beside each other."""
    wanted = AnswerSpec(choices=3)
    for seed in range(RUNS):
        story, record = a_run(strategy, seed, wanted, hedge_s=hedge_s)
        require_as_recorded(told(story, wanted=wanted), record)


@pytest.mark.parametrize("strategy", ALL)
def test_a_stored_run_tells_the_same_story(strategy: str) -> None:
    """What a record's events lack are pieces of text; the end is the same."""
    for seed in range(RUNS):
        story, record = a_run(strategy, seed)
        again = told(story, list(events_of(record)))
        require_as_recorded(again, record)
        live = told(story)
        assert {name: call.state for name, call in again.calls.items()} == {
            name: call.state for name, call in live.calls.items()
        }
        for name, call in again.calls.items():
            assert (call.why, call.left_out) == (live.calls[name].why, live.calls[name].left_out)


def test_what_changes_is_told() -> None:
    """Who draws anew only what an event names has drawn all of it, at every moment, and no answer's text is lost."""
    for seed in range(RUNS):
        story, record = a_run("attention-moa", seed, has_deltas=True)
        heard = RunStory(story.spec)
        drawn: dict[str, Any] = facts(heard.copy())
        drawn = {name: part.copy() if isinstance(part, (dict, list)) else part for name, part in drawn.items()}
        for event in story.events:
            changed = heard.hear(event)
            redraw(drawn, heard, changed)
            now = facts(heard)
            assert {**drawn, "head": None} == {**now, "head": None}, event
            assert heard.used.cost_usd <= record.usage.cost_usd + 1e-9
        assert drawn["head"] == heard.head


def redraw(drawn: dict[str, Any], story: RunStory, changed: Changed) -> None:
    """Draw anew what changed, and nothing else."""
    now = facts(story)
    for name in changed.calls:
        drawn["calls"][name] = story.calls[name]
    for number in changed.layers:
        drawn["layers"][number] = story.layers[number]
    for choice in changed.answers:
        drawn["answers"][choice] = now["answers"][choice]
    if changed.has_numbers:
        drawn |= {"counts": now["counts"], "used": now["used"]}
    if changed.has_notices:
        drawn |= {"notices": list(now["notices"]), "notes": now["notes"]}
    if changed.has_run:
        drawn["head"] = story.head


def test_pieces_of_an_answer_are_the_answer() -> None:
    """Whatever of it was taken back on the way."""
    for seed in range(RUNS):
        story, record = a_run("attention-moa", seed, has_deltas=True)
        heard = told(story, [event for event in story.events if event is not story.events[-1]])
        if record.state == "finished" and record.text:
            assert heard.answers[0].text == record.text
        assert all(len(call.words) <= 200 for call in heard.calls.values())


def test_what_is_told_twice_counts_once() -> None:
    """A connection that is lost comes back and tells some events again."""
    for seed in range(RUNS):
        draw = random.Random(seed)
        story, _ = a_run("attention-moa", seed)
        events = numbered(story.events)
        once, often = RunStory(story.spec), RunStory(story.spec)
        once.hear_all(events)
        at = 0
        while at < len(events):
            until = min(at + draw.randint(1, 40), len(events))
            often.hear_all(events[max(at - draw.randint(0, 60), 0) : until])
            at = until
        assert facts(often) == facts(once)


def test_a_call_that_is_told_twice_without_numbers_stays_as_it_is() -> None:
    """Each event says by its time that it is an old one."""
    story, _ = a_run("attention-moa", 1)
    heard = told(story)
    calls = dict(heard.calls)
    heard.hear_all([(None, event) for event in story.events if isinstance(event, CallHappening)])
    assert heard.calls == calls


def test_a_run_is_heard_from_the_middle() -> None:
    """Whatever it was about before: what begins from then on is told whole, and what ends is over."""
    for seed in range(RUNS):
        draw = random.Random(seed)
        story, record = a_run("attention-moa", seed)
        start = draw.randrange(len(story.events))
        late = told(story, story.events[start:])
        whole = told(story)
        begun = {event.call_id for event in story.events[:start] if isinstance(event, CallHappening)}
        heard = {event.call_id for event in story.events[start:] if isinstance(event, CallHappening)}
        for name in heard - begun:  # that nobody waits for it may have been told before
            assert late.calls[name] == msgspec.structs.replace(whole.calls[name], left_out=late.calls[name].left_out)
        assert all(late.calls[name].state is whole.calls[name].state for name in heard)
        assert late.used == record.usage


def test_a_run_of_several_lives_is_one_story() -> None:
    """What was paid for before is in the sums once, and what was under way is made again."""
    for seed in range(RUNS):
        story, _ = a_story("attention-moa", seed)
        record = story.live(Cut(at_s=4.0, is_kill=False))
        if record.state != "cancelled":
            continue
        record = story.live()
        heard = told(story)
        lives = [event for event in story.events if isinstance(event, RunStarted)]
        assert len(lives) == 2
        assert heard.head.is_resumed
        assert heard.head.life_s == lives[1].at_s
        assert heard.used == record.usage
        made = {call.call_id: call.state for call in record.calls}
        for name, call in heard.calls.items():
            assert call.state.is_over
            assert (name in made) == (call.state is not State.NOT_MADE)
        late = told(story, story.events[story.events.index(lives[1]) :])
        assert late.used == record.usage
        second = story.events[story.events.index(lives[1]) :]
        again = {event.call_id for event in second if isinstance(event, CallHappening)}
        assert all(late.calls[name].state is heard.calls[name].state for name in again)


def test_a_replay_shows_what_was_to_be_seen() -> None:
    """At any step, by whatever way one comes to it; and each jump tells all that it changes."""
    for seed in range(RUNS // 2):
        draw = random.Random(seed)
        story, _ = a_run("attention-moa", seed)
        replay = Replay(story.spec, story.events)
        drawn = facts(replay.story.copy())
        drawn = {name: part.copy() if isinstance(part, (dict, list)) else part for name, part in drawn.items()}
        for _ in range(25):
            step = draw.randint(-3, replay.steps + 3) if draw.random() < 0.8 else replay.step + 1
            before = set(drawn["calls"])
            changed = replay.to_step(step)
            redraw_after_jump(drawn, replay.story, changed, before)
            expected = told(story, story.events[: replay.step])
            assert facts(replay.story) == facts(expected)
            assert {**drawn, "head": None} == {**facts(expected), "head": None}


def redraw_after_jump(drawn: dict[str, Any], story: RunStory, changed: Changed, before: set[str]) -> None:
    """Draw anew what a jump changed; what is not there any more goes."""
    for kind in ("calls", "layers", "answers"):
        gone = [key for key in drawn[kind] if key not in facts(story)[kind]]
        assert set(gone) <= set(getattr(changed, kind))
        for key in gone:
            del drawn[kind][key]
    assert before == set(story.calls) or changed.has_graph
    there = facts(story)
    kept = {kind: frozenset(getattr(changed, kind) & there[kind].keys()) for kind in ("calls", "layers", "answers")}
    redraw(drawn, story, msgspec.structs.replace(changed, **kept))


def test_a_difference_of_two_moments_is_none_where_they_are_one() -> None:
    """Nothing is drawn anew for nothing."""
    story, _ = a_run("attention-moa", 2)
    heard = told(story)
    assert not difference(heard, heard.copy())


@pytest.mark.parametrize("strategy", ALL)
def test_what_agents_and_stages_took_adds_up_to_the_run(strategy: str) -> None:
    """Of a record; and shares to a whole where all is known."""
    for seed in range(RUNS):
        _, record = a_run(strategy, seed)
        for rows in (by_agent(record), by_stage(record)):
            sent = [call for call in record.calls if call.attempts]
            assert sum(row.counts.sent for row in rows) == len(sent)
            assert sum(row.counts.finished for row in rows) == sum(call.state == "finished" for call in sent)
            assert sum(row.tokens.cached + row.tokens.prefilled for row in rows) == record.usage.input_tokens
            assert sum(row.tokens.written for row in rows) == record.usage.output_tokens
            assert sum(row.usd or 0.0 for row in rows) == pytest.approx(record.usage.cost_usd)
            shares = [row.share for row in rows if row.share is not None]
            assert not shares or sum(shares) == pytest.approx(1.0)


@pytest.mark.parametrize("strategy", ALL)
def test_no_two_bars_of_a_lane_lie_over_each_other(strategy: str) -> None:
    """And a bar's parts follow each other from its start to its end, live and of a record."""
    for seed in range(RUNS):
        story, record = a_run(strategy, seed, hedge_s=2.0 if seed % 2 else None)
        for shown in (timeline_of_record(record), timeline_of_story(told(story))):
            for lane in shown.lanes:
                ends = [0.0] * lane.lines
                for bar, line in lane.bars:
                    assert bar.start_s >= ends[line]
                    ends[line] = bar.ended_s
                    require_whole(bar.parts, bar.start_s, bar.ended_s)
            assert shown.path_s <= shown.seconds + 1e-9
        assert timeline_of_record(record).path_s == pytest.approx(record.critical_path_s)


def require_whole(parts: Any, start_s: float, end_s: float) -> None:
    """Fail unless parts follow each other without a gap."""
    at_s = start_s
    for part in parts:
        assert part.start_s == at_s < part.end_s
        at_s = part.end_s
    assert not parts or at_s == end_s


def test_a_run_without_failures_waits_for_the_same_calls_live_and_in_its_record() -> None:
    """What a call was planned to read is what it read."""
    for seed in range(RUNS):
        story, _ = a_story("attention-moa", seed)
        spec = msgspec.structs.replace(story.spec, limits=type(story.spec.limits)(), quorum=type(story.spec.quorum)())
        calm = Story(spec, seed)
        record = calm.live()
        live, stored = timeline_of_story(told(calm)), timeline_of_record(record)
        assert live.path == stored.path
        assert live.slowest == stored.slowest
