"""The library: an ensemble that can be loaded, run, watched and closed. Here the parts are put together.

Once, and from code without an event loop:

    result = Ensemble.load("embedded").run_sync("Why is the sky blue?")

Many times, with connections and local models kept between runs, and watched:

    async with Ensemble.load("paper-small") as ensemble, aclosing(ensemble.stream("Why is the sky blue?")) as stream:
        async for item in stream:
            ...                                            # events, and last the record
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.budget import Budget
from attention_moa.calls import Caller
from attention_moa.config import EnsembleSpec, LimitSpec, all_agents, with_layers
from attention_moa.ensemble import run_ensemble
from attention_moa.events import Event
from attention_moa.journaling import RunWish, finished_run, keep_plan, leave_place, open_wanted, take_place
from attention_moa.limiter import Limiters
from attention_moa.loading import inlined, new_log, tried_templates, with_model_file
from attention_moa.messages import Conversation
from attention_moa.model_limits import model_limiters
from attention_moa.ports import Journal, Observer, Provider, RunJournal
from attention_moa.prices import known_price
from attention_moa.prompts import Desk, Seal, Templates
from attention_moa.providers import ProviderPool
from attention_moa.questions import conversation_of
from attention_moa.records import RunRecord
from attention_moa.run_log import Deltas, RunLog
from attention_moa.run_stream import RunStream
from attention_moa.schedule import count_calls
from attention_moa.settings import api_key, load_spec
from attention_moa.waiting import ends_with, outlast, to_the_end

_SECRET = secrets.token_bytes(32)
"""One for the process: equal work renders equal prompts within it, and nobody outside can guess a tag."""


ANY_RUN = RunWish()
"""An interrupted run of an equal request, else a new one."""


class _Order(NamedTuple):
    """A run that was asked for: its log, which run of the journal it is, and the line that its prompts begin with."""

    log: RunLog
    wish: RunWish
    salt: str


class Ensemble:
    """An ensemble that can run.

    Entered as a context manager it keeps its connections and local models between runs and lets go of them at the end;
    otherwise every run opens and closes its own.

    Args:
        spec: What runs.
        providers: Providers of one's own by the prefix of the model string: ``{"mine": p}`` serves ``mine:anything``.
            They stay open: who made them closes them.
        secret: What tags and nonces are derived from; None for the journal's, or one that the process draws.
        journal: Where every finished call is kept, so that nobody pays for it twice: a journal, or the path or URL of
            one, which is then opened and closed with the ensemble. None keeps nothing.
        has_reuse: Whether replies of other runs in the journal serve equal calls of this one.
        is_replay: Whether no new call may be made: what the journal lacks is an error.
    """

    def __init__(
        self,
        spec: EnsembleSpec,
        *,
        providers: Mapping[str, Provider] | None = None,
        secret: bytes | None = None,
        journal: Journal | str | Path | None = None,
        has_reuse: bool = False,
        is_replay: bool = False,
    ) -> None:
        """Load the templates; nothing is connected yet."""
        self.spec = spec
        self._wanted_journal = journal
        self._has_reuse = has_reuse or is_replay
        self._is_replay = is_replay
        self._journal: Journal | None = None
        self._own = dict(providers or {})
        self._secret = secret
        self._templates = tried_templates(spec)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept: AsyncExitStack | None = None
        self._pool: ProviderPool | None = None
        self._limiters: Limiters | None = None
        self._streaming: set[asyncio.Task[object]] = set()
        self._unopened: set[str] = set()

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        layers: int | None = None,
        model_file: Path | None = None,
        providers: Mapping[str, Provider] | None = None,
        journal: Journal | str | Path | None = None,
        has_reuse: bool = False,
        is_replay: bool = False,
    ) -> Ensemble:
        """Return the ensemble of a shipped name or of a TOML file.

        Args:
            name_or_path: ``embedded``, ``paper-small`` …, or the path of a file.
            layers: Another number of layers than the file says.
            model_file: A GGUF file in the place of every embedded model.
            providers: As in the constructor; so are the three that follow.
            journal: Where every finished call is kept.
            has_reuse: Whether replies of other runs serve this one.
            is_replay: Whether no new call may be made.

        Raises:
            ConfigError: The name is unknown, or the file is wrong; the text names the field and the mend.
        """
        spec = load_spec(name_or_path)
        if layers is not None:
            spec = with_layers(spec, layers)
        if model_file is not None:
            spec = with_model_file(spec, model_file)
        return cls(spec, providers=providers, journal=journal, has_reuse=has_reuse, is_replay=is_replay)

    @property
    def is_idle(self) -> bool:
        """Whether no run of a stream is under way in it."""
        return not self._streaming

    @property
    def planned_calls(self) -> int:
        """Calls of a run in which nothing fails and nothing stops early."""
        return count_calls(self.spec)

    async def __aenter__(self) -> Ensemble:
        """Keep connections, local models and the journal from here on."""
        if self._loop is not None:
            raise RuntimeError("this ensemble is entered already: enter it once, and run in it as often as you like")
        self._loop = asyncio.get_running_loop()
        try:
            async with AsyncExitStack() as stack:
                self._pool, self._journal = await self._open(stack)
                self._limiters = model_limiters(self.spec)
                self._kept = stack.pop_all()
        finally:
            if self._kept is None:
                self._loop = None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of them."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of them; idempotent."""
        for task in tuple(self._streaming):  # who left a stream without closing it ends its run here
            if task is not asyncio.current_task():
                task.cancel()
                await outlast(task)
        kept, self._kept = self._kept, None
        self._pool, self._journal, self._limiters = None, None, None
        if kept is not None:
            self._loop = None
            await to_the_end(kept.aclose())

    async def run(
        self,
        question: str | Conversation,
        *,
        system: str | None = None,
        observers: Sequence[Observer] = (),
        wish: RunWish = ANY_RUN,
        wanted: AnswerSpec = PLAIN,
        spec: EnsembleSpec | None = None,
        limits: LimitSpec | None = None,
        salt: str = "",
    ) -> RunRecord:
        """Return the record of one run; ``record.text`` is the answer.

        Args:
            question: A question, or a whole conversation whose last turn asks.
            system: A system prompt to put first.
            observers: Told every event as it happens.
            wish: Which run of the journal this is; unless told an interrupted one of an equal
                request, else a new one.
            wanted: What the answer is to be: tools that it may call, its form, where it ends, how many there are.
            spec: What runs in the place of the ensemble itself: with other layers, sampling, rules. It has the same
                providers, limiters and journal.
            limits: What this run may use, in the place of what the ensemble says; None leaves that.
            salt: A line that every prompt of the run begins with, so that no endpoint's cache is shared with runs that
                begin with another one; a run that goes on needs the same. Empty for none.

        Raises:
            ConfigError: The question is empty, a key is missing, a model cannot be had, a schema cannot be checked.
            RunError: There is no answer; ``error.partial`` holds what was finished.
            StoreError: The journal cannot be read or written; what was written is not lost.
        """
        ran = self._spec(spec, limits)
        log = self._log(ran, conversation_of(question, system), observers, wish=wish, wanted=wanted, has_deltas=False)
        return await self._run(_Order(log, wish, salt))

    def run_sync(
        self,
        question: str | Conversation,
        *,
        system: str | None = None,
        observers: Sequence[Observer] = (),
        wish: RunWish = ANY_RUN,
    ) -> RunRecord:
        """Return what ``run`` returns, for code without an event loop of its own.

        Raises:
            RuntimeError: There is an event loop: ``await`` the run there.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass  # none runs, as it should be
        else:
            raise RuntimeError("run_sync cannot be called where an event loop runs: await ensemble.run(…) there")
        return asyncio.run(self.run(question, system=system, observers=observers, wish=wish))

    def stream(
        self,
        question: str | Conversation,
        *,
        system: str | None = None,
        deltas: Deltas = False,
        wish: RunWish = ANY_RUN,
        wanted: AnswerSpec = PLAIN,
        spec: EnsembleSpec | None = None,
        limits: LimitSpec | None = None,
        salt: str = "",
    ) -> RunStream:
        """Return a run to iterate: events as they happen, then the record.

        Args:
            question: As in ``run``; so are ``system`` and the last five.
            system: A system prompt to put first.
            deltas: Whether every piece of every reply is an event, and every piece of the answer that is sure to stand;
                ``answer`` for those of the answer alone, which costs less.
            wish: Which run of the journal this is.
            wanted: What the answer is to be.
            spec: What runs in the place of the ensemble itself.
            limits: What this run may use.
            salt: A line that every prompt begins with.

        Raises:
            ConfigError: The question is empty, or a schema cannot be checked.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        ran, conversation = self._spec(spec, limits), conversation_of(question, system)
        log = self._log(ran, conversation, [events.put_nowait], wish=wish, wanted=wanted, has_deltas=deltas)
        order = _Order(log, wish, salt)
        return RunStream(log, lambda: self._streamed(order), events)

    async def _streamed(self, order: _Order) -> RunRecord:
        """Run in a task that is the stream's own, and known to the ensemble for as long."""
        task = asyncio.current_task()
        if task is not None:
            self._streaming.add(task)
            task.add_done_callback(self._streaming.discard)
        del task  # it holds its error, which holds this frame
        return await self._run(order)

    def _spec(self, spec: EnsembleSpec | None, limits: LimitSpec | None) -> EnsembleSpec:
        spec = self.spec if spec is None else spec
        return spec if limits is None else replace(spec, limits=limits)

    def _log(
        self,
        spec: EnsembleSpec,
        conversation: Conversation,
        observers: Sequence[Observer],
        *,
        wish: RunWish,
        wanted: AnswerSpec,
        has_deltas: Deltas,
    ) -> RunLog:
        log = new_log(spec, conversation, observers, wish=wish, wanted=wanted, has_deltas=has_deltas)
        log.unopened = self._unopened
        return log

    async def _run(self, order: _Order) -> RunRecord:
        log, wish = order.log, order.wish
        place: RunJournal | None = None
        async with AsyncExitStack() as stack:
            try:
                pool, journal = self._kept_ones() or await self._open(stack)
                for agent in all_agents(log.spec):
                    pool.get(agent)
                conversation = await inlined(log.conversation)
                log.run_id = wish.name or log.run_id
                log.start_clock()
                budget = Budget(log.spec.limits, known_price)
                budget.require_prices(all_agents(log.spec))
                if (over := await finished_run(journal, wish, conversation, wanted=log.wanted)) is not None:
                    return log.show(over)
                place = await self._placed(journal, order, conversation, budget=budget, stack=stack)
                secret = self._secret or (await journal.secret() if journal is not None else _SECRET)
                caller = Caller(
                    log,
                    pool.get,
                    log.spec.calls,
                    jitter=random.random,
                    limiters=self._limiters or model_limiters(log.spec),
                    price_of=known_price,
                    budget=budget,
                    journal=place,
                    sample=place.head.sample if place is not None else wish.sample,
                    is_replay=self._is_replay,
                )
                salt = place.head.salt if place is not None else order.salt  # one that goes on keeps its prompts
                await run_ensemble(self._desk(order._replace(salt=salt), conversation, secret), caller, log)
            except asyncio.CancelledError:
                if log.is_open:  # before the first call
                    self._note_unkept(place, log)
                    log.cancel()
                raise
            except Exception as error:  # a bug of ours too: whatever ends a run, its record says so
                if log.is_open:
                    self._note_unkept(place, log)
                    log.fail(error)
                raise
        return log.record()

    def _desk(self, order: _Order, conversation: Conversation, secret: bytes) -> Desk:
        log = order.log
        beside = (log.wanted.tools, log.wanted.reply_format, order.salt)
        seal = Seal(secret, conversation, *beside)
        return Desk(log.spec, conversation, self._templates_of(log.spec), seal, log.wanted, order.salt)

    def _templates_of(self, spec: EnsembleSpec) -> Templates:
        return self._templates if spec.prompts == self.spec.prompts else tried_templates(spec)

    def _note_unkept(self, place: RunJournal | None, log: RunLog) -> None:
        """Say of a run that ended before it had a place in the journal that its id may not be found there."""
        if self._wanted_journal is not None and place is None:
            log.note("the run ended before it had its place in the journal: its id may not be found there")

    async def _placed(
        self,
        journal: Journal | None,
        order: _Order,
        conversation: Conversation,
        *,
        budget: Budget,
        stack: AsyncExitStack,
    ) -> RunJournal | None:
        """Return the run's place in the journal, left with the stack: what was spent is counted, a new run planned."""
        if journal is None:
            return None
        log = order.log
        wanted, salt, reuse = log.wanted, order.salt, self._has_reuse
        place = await take_place(journal, order.wish, log, conversation, has_reuse=reuse, wanted=wanted, salt=salt)
        drops = journal if self._is_replay and not log.is_resumed else None
        ends_with(stack, partial(leave_place, place, log, drops_nothing_from=drops))
        if log.is_resumed:
            budget.start(log.all_calls, {agent.name: agent for agent in all_agents(log.spec)})
        else:
            await keep_plan(journal, place, self._templates_of(log.spec), known_price)
        return place

    def _kept_ones(self) -> tuple[ProviderPool, Journal | None] | None:
        """Return the providers and the journal that are kept between runs; None where each run opens its own."""
        if self._pool is None:
            return None
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError("this ensemble was entered in another event loop: run it there, or enter one of its own")
        return self._pool, self._journal

    async def _open(self, stack: AsyncExitStack) -> tuple[ProviderPool, Journal | None]:
        """Return providers and journal that are let go of with the stack, to the end whatever happens."""
        pool = ProviderPool(self.spec, own=self._own, api_key=api_key)
        ends_with(stack, pool.aclose)
        journal = await open_wanted(self._wanted_journal)
        if journal is not None and journal is not self._wanted_journal:
            ends_with(stack, journal.aclose)
        return pool, journal
