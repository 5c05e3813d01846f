"""Which run of a journal a request becomes, what it takes over from it, and how it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from attention_moa.accounting import call_usage
from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import AttentionSpec, CallPolicy, QuorumSpec
from attention_moa.errors import (
    ConfigError,
    NotJournaledError,
    QuorumError,
    RunBusyError,
    RunNotFoundError,
    ServerError,
    StoreError,
)
from attention_moa.events import CallLost, CallReplayed, RunStarted
from attention_moa.fingerprint import request_key
from attention_moa.journaling import RunWish, finished_run, keep_plan, leave_place, open_wanted, take_place
from attention_moa.messages import Conversation, Usage, user
from attention_moa.plan import DECISION
from attention_moa.ports import RunJournal
from attention_moa.prompts import load_templates
from attention_moa.providers.scripted import Line, ScriptedProvider
from attention_moa.records import Attempt, CallRecord, RunRecord, RunState, UsageTotal
from attention_moa.run_log import RunLog
from attention_moa.runtime import Ensemble
from attention_moa.store.memory import MemoryJournal, MemoryRun
from attention_moa.stored_runs import RunHead
from tests.journals import a_call
from tests.lives import Cut, Story
from tests.worlds import QUESTION, USAGE, World, a_spec, call, default_reply, in_turn

T = TypeVar("T")
SPEC = a_spec(2)
ANY = RunWish()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns."""
    return asyncio.run(work)


def a_log(run_id: str = "new", conversation: Conversation = QUESTION) -> RunLog:
    """Return a log that has told nothing yet."""
    return RunLog(run_id, "2026-01-01T00:00:00", SPEC, conversation, now=lambda: 100.0)


async def taken(
    journal: MemoryJournal, wish: RunWish = ANY, run_id: str = "new", conversation: Conversation = QUESTION
) -> tuple[RunJournal, RunLog]:
    """Return the place that a request gets, and its log."""
    log = a_log(run_id, conversation)
    return await take_place(journal, wish, log, conversation, has_reuse=False), log


async def a_dead_run(journal: MemoryJournal, *calls: CallRecord, run_id: str = "old") -> None:
    """Put a run into the journal whose process died after these calls."""
    place, _ = await taken(journal, RunWish(is_fresh=True), run_id)
    for made in calls:
        await place.put(str(made.fingerprint), made)
    await place.release()


def test_a_journal_that_is_open_stays_as_it_is() -> None:
    """And none is none."""
    journal = MemoryJournal()
    assert run(open_wanted(journal)) is journal
    assert run(open_wanted(None)) is None


def test_a_new_request_becomes_a_new_run() -> None:
    """Its head holds all that it takes to go on."""

    async def scenario() -> None:
        place, log = await taken(MemoryJournal(), RunWish(sample=2))
        assert (place.head.run_id, place.head.sample) == ("new", 2)
        assert place.head.request_key == request_key(SPEC, QUESTION, sample=2)
        assert (place.head.ensemble, place.head.conversation) == (SPEC, QUESTION)
        assert not log.is_resumed

    run(scenario())


def test_an_interrupted_run_of_an_equal_request_goes_on() -> None:
    """With its id, its start, its calls and its clock."""

    async def scenario() -> None:
        journal = MemoryJournal()
        await a_dead_run(journal, a_call(ended_s=7.5))
        place, log = await taken(journal)
        assert (place.head.run_id, log.run_id, log.is_resumed) == ("old", "old", True)
        assert log.seconds() == 7.5
        assert [made.call_id for made in log.all_calls] == ["1.answer.a"]

    run(scenario())


ALICE = RunWish(owner="alice", labels={"team": "blue"})
CHOICES = AnswerSpec(choices=2)


def test_a_run_is_its_owner_s() -> None:
    """Its head says whose it is; nobody else's equal request goes on with it."""

    async def scenario() -> None:
        journal = MemoryJournal()
        place, _ = await taken(journal, ALICE, "hers")
        assert (place.head.owner, place.head.labels) == ("alice", {"team": "blue"})
        await place.release()
        for wish in (ANY, RunWish(owner="bob")):
            other, log = await taken(journal, wish, f"of {wish.owner}")
            assert (other.head.run_id, log.is_resumed) == (f"of {wish.owner}", False)
        again, log = await taken(journal, RunWish(owner="alice", labels={"team": "red"}))
        assert (again.head.run_id, log.is_resumed, again.head.labels) == ("hers", True, {"team": "blue"})

    run(scenario())


@pytest.mark.parametrize("state", ["failed", "finished"])
def test_another_owner_s_run_is_not_there(state: RunState) -> None:
    """By its id or its name, finished or not; it stays as it is."""

    async def scenario() -> None:
        journal = MemoryJournal()
        place, log = await taken(journal, ALICE, "hers")
        await place.end(replace(log.record(), state=state))
        await place.release()
        for wish in (RunWish(run_id="hers"), RunWish(run_id="hers", owner="bob")):
            with pytest.raises(RunNotFoundError, match="hers"):
                await finished_run(journal, wish, QUESTION)
            with pytest.raises(RunNotFoundError, match="hers"):
                await taken(journal, wish)
        with pytest.raises(RunNotFoundError, match="hers"):
            await finished_run(journal, RunWish(name="hers"), QUESTION)
        with pytest.raises(StoreError, match="there is a run hers already"):
            await taken(journal, RunWish(name="hers"))
        assert (await journal.rows())[0].state == state
        assert not (await journal.rows())[0].is_held

    run(scenario())


def test_a_run_goes_on_for_the_answer_that_it_was_wanted_for() -> None:
    """An equal question for another kind of answer is another request; by its id it is refused."""

    async def scenario() -> None:
        journal = MemoryJournal()
        log = a_log("two")
        place = await take_place(journal, ANY, log, QUESTION, has_reuse=False, wanted=CHOICES)
        assert place.head.wanted == CHOICES
        await place.end(replace(log.record(), state="failed"))
        await place.release()
        plain, _ = await taken(journal, ANY, "plain")
        assert plain.head.run_id == "plain"
        with pytest.raises(ConfigError, match="another kind of answer"):
            await taken(journal, RunWish(run_id="two"))
        log = a_log()
        again = await take_place(journal, ANY, log, QUESTION, has_reuse=False, wanted=CHOICES)
        assert (again.head.run_id, log.is_resumed) == ("two", True)
        await again.end(replace(log.record(), state="finished"))
        assert await finished_run(journal, RunWish(run_id="two"), QUESTION, wanted=CHOICES) is not None
        with pytest.raises(ConfigError, match="another kind of answer"):
            await finished_run(journal, RunWish(run_id="two"), QUESTION)

    run(scenario())


@pytest.mark.parametrize(
    ("wish", "conversation"),
    [(RunWish(is_fresh=True), QUESTION), (RunWish(sample=1), QUESTION), (ANY, (user("Why is grass green?"),))],
)
def test_any_other_request_leaves_it_alone(wish: RunWish, conversation: Conversation) -> None:
    """A fresh one, another sample, another question."""

    async def scenario() -> None:
        journal = MemoryJournal()
        await a_dead_run(journal)
        place, log = await taken(journal, wish, conversation=conversation)
        assert (place.head.run_id, log.is_resumed) == ("new", False)

    run(scenario())


def test_a_run_that_is_asked_for_by_id_must_be_there_and_free() -> None:
    """Where somebody is at an equal run that nobody asked for, a new one begins."""

    async def scenario() -> None:
        journal = MemoryJournal()
        with pytest.raises(RunNotFoundError):
            await taken(journal, RunWish(run_id="old"))
        place, _ = await taken(journal, RunWish(is_fresh=True), "old")
        with pytest.raises(RunBusyError):
            await taken(journal, RunWish(run_id="old"))
        other, _ = await taken(journal)
        assert (place.head.run_id, other.head.run_id) == ("old", "new")

    run(scenario())


def test_a_named_run_begins_goes_on_and_stays_finished() -> None:
    """All under the name, which is its id: nothing is ever asked twice."""

    async def scenario() -> None:
        journal = MemoryJournal()
        broken = ScriptedProvider(lambda request: ServerError("down") if request.layer == 2 else default_reply(request))
        spec = a_spec(2, calls=CallPolicy(attempts=1))
        wish = RunWish(name="bench.moa.17")
        first = Ensemble(spec, providers={"test": broken}, journal=journal)
        assert (await first.run(QUESTION, wish=wish)).run_id == "bench.moa.17"
        place, log = await taken(journal, RunWish(name="bench.moa.18"))
        await place.put("key", a_call(ended_s=7.5))
        await place.release()
        assert (place.head.run_id, log.is_resumed) == ("bench.moa.18", False)
        place, log = await taken(journal, RunWish(name="bench.moa.18"))
        assert (log.run_id, log.is_resumed, len(log.all_calls)) == ("bench.moa.18", True, 1)
        with pytest.raises(RunBusyError):
            await taken(journal, RunWish(name="bench.moa.18"))
        silent = Ensemble(spec, providers={"test": ScriptedProvider({})}, journal=journal)
        assert (await silent.run(QUESTION, wish=wish)).text == (await journal.record("bench.moa.17")).text
        with pytest.raises(ConfigError, match="asked something else"):
            await silent.run("Why is grass green?", wish=wish)

    run(scenario())


def test_a_run_without_a_journal_has_its_name_too() -> None:
    """So that what is written of it names it."""
    ensemble = Ensemble(a_spec(1), providers={"test": ScriptedProvider(default_reply)})
    assert ensemble.run_sync("Why?", wish=RunWish(name="mine")).run_id == "mine"


@pytest.mark.parametrize(
    "wish",
    [{"name": ""}, {"name": "a b"}, {"name": "a" * 201}, {"name": "a", "run_id": "b"}, {"name": "a", "is_fresh": True}],
)
def test_a_name_is_a_name_and_alone(wish: dict[str, Any]) -> None:
    """It becomes an id of the journal, and two wishes at once would be one too many."""
    with pytest.raises(ConfigError, match=r"^name: "):
        RunWish(**wish)


class Quick(MemoryJournal):
    """A journal in which somebody else takes a run up just before us."""

    async def resume(self, run_id: str, *, has_reuse: bool = False) -> MemoryRun:
        await super().resume(run_id, has_reuse=has_reuse)
        raise RunBusyError(run_id, "somebody")


def test_who_comes_second_to_an_interrupted_run_begins_a_new_one() -> None:
    """Unless it was that run that was asked for."""

    async def scenario() -> None:
        journal = Quick()
        await a_dead_run(journal)
        place, log = await taken(journal)
        assert (place.head.run_id, log.is_resumed) == ("new", False)
        with pytest.raises(RunBusyError):
            await taken(journal, RunWish(run_id="old"))

    run(scenario())


def test_a_run_goes_on_with_its_own_question_alone() -> None:
    """Two questions in one run would be a record of neither; the run stays free."""

    async def scenario() -> None:
        journal = MemoryJournal()
        await a_dead_run(journal)
        with pytest.raises(ConfigError, match="old was asked something else"):
            await taken(journal, RunWish(run_id="old"), conversation=(user("Why is grass green?"),))
        place, _ = await taken(journal, RunWish(run_id="old"))
        assert place.head.run_id == "old"

    run(scenario())


class Unreadable(MemoryJournal):
    """A journal that breaks when a run was taken up."""

    reads = 0

    async def record(self, run_id: str) -> RunRecord:
        self.reads += 1
        if self.reads == 2:
            raise StoreError("the disk is gone")
        return await super().record(run_id)


def test_a_run_that_cannot_be_read_is_let_go() -> None:
    """Somebody else may have more luck."""

    async def scenario() -> None:
        journal = Unreadable()
        await a_dead_run(journal)
        with pytest.raises(StoreError, match="disk is gone"):
            await taken(journal)
        place, _ = await taken(journal)
        assert place.head.run_id == "old"

    run(scenario())


def test_calls_that_only_the_record_knows_are_taken_over_with_it() -> None:
    """A cancelled call is in no row of the journal, and may have cost something; the clock counts it too."""

    async def scenario() -> None:
        journal = MemoryJournal()
        place, log = await taken(journal)
        cancelled = a_call("1.answer.b", state="cancelled", ended_s=9.0)
        log.calls += [a_call(ended_s=7.5), cancelled]
        await place.put(str(log.calls[0].fingerprint), log.calls[0])
        log.cancel()
        await leave_place(place, log)
        _, later = await taken(journal, run_id="later")
        assert later.all_calls == (log.calls[0], cancelled)
        assert later.seconds() == 9.0

    run(scenario())


class Full(MemoryRun):
    """A place that takes no record."""

    async def end(self, record: RunRecord) -> None:
        raise StoreError(f"no space for {record.run_id}")


def test_an_answer_is_not_lost_with_its_record() -> None:
    """The run is let go all the same, and its record says what is missing."""

    async def scenario() -> None:
        journal = MemoryJournal()
        place, log = await taken(journal)
        full = Full(journal, journal._runs["new"], has_reuse=False)  # noqa: SLF001 - the same place, on a full disk
        log.end("finished", "because")
        await leave_place(full, log)
        assert log.record().notes == ("the journal could not keep the record of this run: no space for new",)
        again, _ = await taken(journal, RunWish(run_id="new"))
        assert again.head == place.head

    run(scenario())


@pytest.mark.parametrize("characters", [10, 100_001])
def test_a_new_run_keeps_what_it_is_expected_to_take(characters: int) -> None:
    """A long conversation is counted beside the event loop; it comes to the same."""

    async def scenario() -> None:
        journal = MemoryJournal()
        place, _ = await taken(journal, conversation=(user("a" * characters),))
        await keep_plan(journal, place, load_templates(style="full"), lambda _: None)
        kept = place.decision(DECISION)
        assert isinstance(kept, dict)
        assert kept

    run(scenario())


def test_what_is_journaled_is_told_as_replayed_with_its_own_usage() -> None:
    """Also where another attempt beside it was ended: the last attempt is not always the one that replied."""
    spec = a_spec(
        [AgentSpec(name="a", model="test:a")],
        layers=1,
        attention=AttentionSpec(own=False, peers=0),
        calls=CallPolicy(attempts=1, hedge_s=2.0),
    )
    place, _ = run(taken(MemoryJournal()))
    left = [9.0, 1.0]
    first = World(spec, latency_s=lambda request: left.pop(0) if request.stage == "answer" else 0.0, journal=place)
    assert [attempt.error for attempt in call(first.run(), "1.answer.a").attempts] == [None, "Cancelled"]
    again = World(spec, journal=place)
    assert again.run().text == first.record.text
    assert again.asked == []
    assert [event.usage for event in again.events if isinstance(event, CallReplayed)] == [USAGE, USAGE]


def test_a_lost_call_is_lost_again_as_it_was() -> None:
    """With its attempts and its times; nothing is written for it."""
    spec = a_spec(2, layers=1, calls=CallPolicy(attempts=2, retry_wait_s=0.0))
    place, _ = run(taken(MemoryJournal()))
    script = {"1.critique.a.b": ServerError("down")}
    first = World(spec, script, journal=place, latency_s=lambda _: 1.0)
    first.run()
    again = World(spec, script, journal=place)
    again.run()
    assert again.asked == []
    assert call(again.record, "1.critique.a.b") == call(first.record, "1.critique.a.b")
    (lost,) = (event for event in again.events if isinstance(event, CallLost))
    assert (lost.kind, lost.message, lost.attempts) == ("ServerError", "down", 2)
    assert again.record.losses == first.record.losses


def test_a_lost_call_that_is_sent_once_more_keeps_what_its_first_attempts_cost() -> None:
    """After a run that ended badly: then lost calls are tried again."""
    usage = Usage(input_tokens=10, output_tokens=1)
    said = in_turn(Line(text="half", finish_reason=None, usage=usage), "Because.")
    ensemble = Ensemble(
        a_spec(1, layers=1, calls=CallPolicy(attempts=1)),
        providers={"test": ScriptedProvider(lambda r: said(r) if r.stage == "answer" else default_reply(r))},
        journal=MemoryJournal(),
    )
    with pytest.raises(QuorumError):
        ensemble.run_sync("Why?")
    record = ensemble.run_sync("Why?")
    assert [attempt.error for attempt in call(record, "1.answer.a").attempts] == ["BadReplyError", None]
    assert record.usage.calls == len(record.calls) + 1
    assert record.usage.output_tokens == 1


def test_a_reply_of_another_run_becomes_one_of_this_run() -> None:
    """So that a resumed run has the same one, whatever came after it or was deleted."""
    first = Story(SPEC)
    first.live()
    second = Story(SPEC, has_reuse=True, journal=first.journal)
    second.live(Cut(at_write=4))
    run(first.journal.delete(str(first.run_id)))
    borrowed = {made.call_id for made in second.journaled}
    assert {made.replayed_from for made in second.journaled} == {first.run_id}
    record = second.live()
    assert set(second.lives[1]) == {made.call_id for made in record.calls} - borrowed
    assert {made.call_id for made in record.calls if made.replayed_from} == borrowed
    assert record.usage.calls == len(second.requests)


def test_what_was_tried_here_is_paid_here_though_the_reply_is_another_runs() -> None:
    """The borrowed call keeps the attempt that was cancelled in this run."""
    first = Story(SPEC)
    first.live()
    second = Story(SPEC, journal=first.journal)
    second.live(Cut(at_s=0.0, is_kill=False))
    tried = Attempt(started_s=0.0, ended_s=1.0, error="Cancelled", usage=USAGE)
    kept = second.journal._runs[str(second.run_id)]  # noqa: SLF001 - what its first life left
    key = call(run(first.journal.record(str(first.run_id))), "1.answer.a").fingerprint
    assert kept.record is not None
    left = a_call(state="cancelled", attempts=(tried,), fingerprint=key)
    kept.record = replace(kept.record, calls=(left,))
    third = Story(SPEC, has_reuse=True, journal=first.journal)
    record = third.live(wish=RunWish(run_id=second.run_id))
    assert call(record, "1.answer.a").attempts == (tried,)
    assert third.requests == []


def test_a_replay_makes_no_call() -> None:
    """What the journal lacks is an error that names the call; what it has is told."""
    first = Story(SPEC)
    whole = first.live()
    replayed = Story(SPEC, has_reuse=True, journal=first.journal)
    assert replayed.live(is_replay=True).text == whole.text
    other = Story(a_spec(3), has_reuse=True, journal=first.journal)
    with pytest.raises(NotJournaledError, match=r"1\.answer\.c"):
        other.live(is_replay=True)
    assert (replayed.requests, other.requests) == ([], [])


def test_a_replay_that_finds_nothing_leaves_no_run() -> None:
    """One that found a reply stays, to be gone on with; so does an interrupted run that is replayed."""
    provider = ScriptedProvider(default_reply)

    def replay(agents: int, wish: RunWish = ANY) -> None:
        ensemble = Ensemble(a_spec(agents), providers={"test": provider}, journal=journal, is_replay=True)
        with pytest.raises(NotJournaledError):
            ensemble.run_sync("Why?", wish=wish)

    journal = MemoryJournal()
    replay(2)
    assert run(journal.rows()) == []
    whole = Ensemble(a_spec(2), providers={"test": provider}, journal=journal).run_sync("Why?")
    replay(3)
    assert [(row.state, row.calls > 0) for row in run(journal.rows())] == [("failed", True), ("finished", True)]
    assert {row.run_id for row in run(journal.rows())} > {whole.run_id}
    run(cut_off(journal))
    replay(4, RunWish(run_id="cut"))
    assert "cut" in {row.run_id for row in run(journal.rows())}


async def cut_off(journal: MemoryJournal) -> None:
    """Put a run of four agents into a journal that never made a call."""
    asked = (user("Why?"),)
    spec = a_spec(4)
    head = RunHead(
        run_id="cut",
        created_at="2026-01-01T00:00:00.000+00:00",
        ensemble=spec,
        conversation=asked,
        request_key=request_key(spec, asked),
    )
    place = await journal.begin(head)
    await place.release()


def test_a_run_that_somebody_has_taken_meanwhile_is_not_taken_away() -> None:
    """It is theirs, empty or not."""

    class Taken(MemoryJournal):
        async def delete(self, run_id: str) -> None:
            raise RunBusyError(run_id, "another process")

    async def left() -> list[str]:
        journal = Taken()
        place, log = await taken(journal)
        await leave_place(place, log, drops_nothing_from=journal)
        return [row.run_id for row in await journal.rows()]

    assert run(left()) == ["new"]


def test_a_run_goes_on_as_the_sample_that_it_is() -> None:
    """Whoever takes it up by its id need not know which."""
    provider = ScriptedProvider(default_reply)

    def ensemble() -> Ensemble:
        return Ensemble(SPEC, providers={"test": provider}, journal=journal)

    journal = MemoryJournal()
    first = ensemble().run_sync("Why?", wish=RunWish(sample=3))
    sent = len(provider.requests)
    again = ensemble().run_sync("Why?", wish=RunWish(run_id=first.run_id))
    assert (again.text, len(provider.requests)) == (first.text, sent)


def test_a_layer_that_is_over_is_not_made_again_by_those_who_were_too_late() -> None:
    """A late agent's calls, and all that only they read; what it had sent stays in the ledger."""
    spec = a_spec(3, layers=1, quorum=QuorumSpec(critiques=2, refinements=2))
    story = Story(spec, seed=1)
    first = story.live()
    assert "cancelled" in {made.state for made in first.calls}
    assert story.decisions["1.closed"] is True
    again = story.live()
    assert (story.lives[1], again.text, again.usage) == ([], first.text, first.usage)


def test_a_run_that_goes_on_tells_what_it_used_before() -> None:
    """So that nobody who adds up what is spent counts it twice; a new run used nothing."""
    story = Story(a_spec(2), seed=3)
    cut = story.live(Cut(at_s=9.0))
    whole = story.live()
    first, second = (event for event in story.events if isinstance(event, RunStarted))
    assert first.used_before == UsageTotal()
    assert 0 < second.used_before.calls < whole.usage.calls
    assert second.used_before == call_usage(made for made in cut.calls if made.state != "cancelled")


def test_a_request_may_ask_that_finished_calls_of_other_runs_serve_it() -> None:
    """Also where the ensemble says nothing of it; without asking it pays for its own."""
    journal = MemoryJournal()
    first, again, anew = (ScriptedProvider(default_reply) for _ in range(3))
    for models, wish in ((first, ANY), (again, RunWish(has_reuse=True)), (anew, ANY)):
        run(Ensemble(SPEC, providers={"test": models}, journal=journal).run(QUESTION, wish=wish))
    assert (len(first.requests) > 0, len(again.requests), len(anew.requests)) == (True, 0, len(first.requests))


def test_a_run_that_goes_on_keeps_the_line_before_its_prompts() -> None:
    """Whatever line is asked for now: else no reply would fit, and all would be paid again."""

    async def scenario() -> None:
        journal = MemoryJournal()
        provider = ScriptedProvider(default_reply)
        ensemble = Ensemble(a_spec(2), providers={"test": provider}, journal=journal)
        record = await ensemble.run("Why?", salt="one")
        assert (await journal.head(record.run_id)).salt == "one"
        made = len(provider.requests)
        place = await journal.resume(record.run_id)
        await place.end(replace(record, state="failed"))
        await place.release()
        again = await ensemble.run("Why?", salt="two")
        assert (again.run_id, again.text) == (record.run_id, record.text)
        assert len(provider.requests) == made
        fresh = await ensemble.run("Why?", salt="two", wish=RunWish(is_fresh=True))
        assert fresh.calls[0].messages != record.calls[0].messages

    run(scenario())
