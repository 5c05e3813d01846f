"""Which run of a journal a request becomes: a new one, or an interrupted one that goes on; and how it is left."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.call_costs import PriceOf
from attention_moa.errors import ConfigError, RunBusyError, RunNotFoundError, StoreError, describe
from attention_moa.fingerprint import request_key
from attention_moa.messages import Conversation
from attention_moa.plan import DECISION, models_of, plan
from attention_moa.ports import Journal, RunJournal
from attention_moa.prompts import Templates
from attention_moa.records import RunRecord
from attention_moa.run_log import RunLog
from attention_moa.schedule import count_calls
from attention_moa.stored_runs import RunHead
from attention_moa.waiting import to_the_end

CUT_OFF = "the run was cut off: what was under way then may have cost something that is in no sum here"
"""The note of a run that went on after the end of a process, which could not say what its calls came to."""

_LONG_CHARACTERS = 100_000
_MANY_CALLS = 150


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class RunWish(Struct, frozen=True, kw_only=True):
    """Which run of the journal is wanted.

    Args:
        run_id: That one: it goes on from what is journaled. None for any.
        name: The run of this id: it is begun where the journal has none, goes on where it was interrupted, and is
            returned as it is where it has finished. Up to 200 letters, digits, ``.``, ``_`` and ``-``; who gives names
            sees to it that each says what runs. None for any.
        is_fresh: Whether an interrupted run of an equal request is left alone, and a new one begins.
        sample: Which of several repeats of one request: each has replies of its own.
        owner: Whose run it is: others find neither it nor its replies. Empty for the command line's.
        labels: What a new run is labelled with, name by name; one that goes on keeps its own.
        has_reuse: Whether finished calls of the owner's other runs serve equal calls of this one, also where the
            ensemble says nothing of it.
    """

    run_id: str | None = None
    name: str | None = None
    is_fresh: bool = False
    sample: int = 0
    owner: str = ""
    labels: dict[str, str] = {}
    has_reuse: bool = False

    def __post_init__(self) -> None:
        """Check the name; raise a ``ConfigError`` where it can be none."""
        if self.name is None:
            return
        if _NAME.fullmatch(self.name) is None:
            message = f"{self.name!r} is no name: up to 200 letters, digits, '.', '_' and '-', a letter or digit first"
            raise ConfigError(message, key="name")
        if self.run_id is not None or self.is_fresh:
            raise ConfigError("a run is wanted by its name, by its id, or fresh: say one of them", key="name")


async def open_wanted(wanted: Journal | str | Path | None) -> Journal | None:
    """Return a journal that is open already as it is, one that is named by its path or URL opened, and None for None.

    Raises:
        ConfigError: The path or URL cannot be one.
        StoreError: The journal cannot be opened.
    """
    if wanted is None or not isinstance(wanted, (str, Path)):
        return wanted
    from attention_moa.store import open_journal  # only runs with a journal load the database library

    return await open_journal(wanted)


async def take_place(
    journal: Journal,
    wish: RunWish,
    log: RunLog,
    conversation: Conversation,
    *,
    has_reuse: bool,
    wanted: AnswerSpec = PLAIN,
    salt: str = "",
) -> RunJournal:
    """Return the run's place in the journal; ``log`` goes on as the interrupted run where it is one.

    Args:
        journal: Where.
        wish: Which run.
        log: A log that has told nothing yet.
        conversation: ``x``, images loaded.
        has_reuse: Whether calls of other runs of the same owner serve this one.
        wanted: What the answer is to be.
        salt: What every prompt of a new run begins with; one that goes on keeps its own, so that its replies fit.

    Raises:
        ConfigError: The wanted run was asked something else.
        RunNotFoundError: The wanted run is not there, or is another owner's.
        RunBusyError: Somebody else is at the wanted run.
    """
    head = RunHead(
        run_id=wish.name or log.run_id,
        created_at=log.created_at,
        ensemble=log.spec,
        conversation=conversation,
        request_key=request_key(log.spec, conversation, sample=wish.sample, wanted=wanted),
        sample=wish.sample,
        wanted=wanted,
        owner=wish.owner,
        labels=wish.labels,
        salt=salt,
    )
    has_reuse = has_reuse or wish.has_reuse
    if wish.name is not None:
        return await _take_named(journal, head, log, has_reuse=has_reuse)
    run_id = wish.run_id
    if run_id is None and not wish.is_fresh:
        run_id = await journal.unfinished(head.request_key, owner=wish.owner)
    try:
        if run_id is not None:
            return await _take_up(journal, replace(head, run_id=run_id), log, has_reuse=has_reuse)
    except RunBusyError:  # somebody was quicker: theirs is theirs
        if wish.run_id is not None:
            raise
    return await journal.begin(head, has_reuse=has_reuse)


async def finished_run(
    journal: Journal | None, wish: RunWish, conversation: Conversation, *, wanted: AnswerSpec = PLAIN
) -> RunRecord | None:
    """Return the record of the wanted run where it has come to its end: it stays as it is; None for any other.

    Raises:
        ConfigError: The wanted run was asked something else.
        RunNotFoundError: The wanted run is not there, or is another owner's.
    """
    run_id = wish.run_id or wish.name
    if journal is None or run_id is None:
        return None
    try:
        head = await journal.head(run_id)
        record = await journal.record(run_id)
    except RunNotFoundError:
        if wish.name is not None:
            return None
        raise
    _require_own(head, wish.owner)
    if record.state != "finished":
        return None
    _require_same(head, conversation, wanted)
    return record


async def _take_named(journal: Journal, head: RunHead, log: RunLog, *, has_reuse: bool) -> RunJournal:
    """Return the place of the run of a name, begun where there is none."""
    try:
        return await _take_up(journal, head, log, has_reuse=has_reuse)
    except RunNotFoundError:
        return await journal.begin(head, has_reuse=has_reuse)


def _require_own(head: RunHead, owner: str) -> None:
    if head.owner != owner:  # that there is such a run is nobody else's business
        raise RunNotFoundError(head.run_id)


def _require_same(head: RunHead, conversation: Conversation, wanted: AnswerSpec) -> None:
    run_id = head.run_id
    if head.conversation != conversation:
        raise ConfigError(f"run {run_id} was asked something else: it goes on with its own question", key="run_id")
    if head.wanted != wanted:
        message = f"run {run_id} was asked for another kind of answer: it goes on with its own tools, format and stops"
        raise ConfigError(message, key="run_id")


async def _take_up(journal: Journal, asked: RunHead, log: RunLog, *, has_reuse: bool) -> RunJournal:
    """Return an interrupted run's place; its log goes on with all calls that are known, those in no row too.

    Args:
        journal: Where.
        asked: The run as it would be begun.
        log: A log that has told nothing yet.
        has_reuse: Whether calls of other runs serve it.
    """
    run_id = asked.run_id
    _require_own(await journal.head(run_id), asked.owner)
    before = await journal.record(run_id)  # before it is at work again: then only what is journaled is told
    left = before.calls
    place = await journal.resume(run_id, has_reuse=has_reuse)
    try:
        _require_same(place.head, asked.conversation, asked.wanted)
        calls = (await journal.record(run_id)).calls
    except BaseException:  # cancelled too: nobody else would let go of the run
        await to_the_end(place.release())
        raise
    journaled = {(call.call_id, call.fingerprint) for call in calls}
    known = (*calls, *(call for call in left if (call.call_id, call.fingerprint) not in journaled))
    log.take_up(place.head, max((place.elapsed_s, *(call.ended_s for call in known))), known)
    if before.state == "running":
        log.note(CUT_OFF)
    return place


async def keep_plan(journal: Journal, place: RunJournal, templates: Templates, price_of: PriceOf) -> None:
    """Keep with a new run what it is expected to take, by what the journal knows before it.

    Args:
        journal: What is learned from.
        place: The run's place in it.
        templates: The ensemble's.
        price_of: What models cost.
    """
    head = place.head
    experience = await journal.experience(models_of(head.ensemble))

    def planned() -> object:
        expected = plan(
            head.ensemble,
            head.conversation,
            templates,
            experience=experience,
            price_of=price_of,
            wanted=head.wanted,
        )
        return msgspec.to_builtins(expected)

    # A long conversation takes long to count, and many calls to plan: beside the event loop.
    is_long = sum(len(message.text) for message in head.conversation) > _LONG_CHARACTERS
    is_large = count_calls(head.ensemble, head.wanted.choices) > _MANY_CALLS
    await place.decide(DECISION, await asyncio.to_thread(planned) if is_long or is_large else planned())


async def leave_place(place: RunJournal, log: RunLog, *, drops_nothing_from: Journal | None = None) -> None:
    """Keep the run's record and let other processes have the run.

    Where the journal fails the answer is not lost with it: the record then says that it could not be kept.

    Args:
        place: The run's place.
        log: What there is of the run.
        drops_nothing_from: The journal, for a run that is taken out of it again where no call of it finished: a replay
            that found nothing was no run. None keeps every run.
    """
    try:
        await place.end(log.record())
    except StoreError as error:
        log.note(f"the journal could not keep the record of this run: {describe(error)}")
    finally:
        await place.release()
    if drops_nothing_from is not None and not any(call.state == "finished" for call in log.all_calls):
        with suppress(StoreError):  # the journal fails, or somebody has the run already: then it stays
            await drops_nothing_from.delete(place.head.run_id)
