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
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from msgspec.structs import replace

from attention_moa.budget import Budget
from attention_moa.calls import Caller
from attention_moa.config import EnsembleSpec, LimitSpec, all_agents, with_layers
from attention_moa.ensemble import run_ensemble
from attention_moa.errors import ConfigError
from attention_moa.events import Event
from attention_moa.journaling import RunWish, finished_run, keep_plan, leave_place, open_wanted, take_place
from attention_moa.limiter import Limiters
from attention_moa.messages import Conversation, ImagePart
from attention_moa.model_limits import model_limiters
from attention_moa.ports import Journal, Observer, Provider, RunJournal
from attention_moa.prices import known_price
from attention_moa.prompts import Desk, Seal, Templates, load_templates, rehearse
from attention_moa.providers import ProviderPool
from attention_moa.questions import conversation_of
from attention_moa.records import RunRecord
from attention_moa.run_log import RunLog
from attention_moa.run_stream import RunStream
from attention_moa.schedule import count_calls
from attention_moa.settings import api_key, load_spec
from attention_moa.waiting import outlast, to_the_end

_SECRET = secrets.token_bytes(32)
"""One for the process: equal work renders equal prompts within it, and nobody outside can guess a tag."""


ANY_RUN = RunWish()
"""An interrupted run of an equal request, else a new one."""


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
        self._templates = _tried_templates(spec)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept: AsyncExitStack | None = None
        self._pool: ProviderPool | None = None
        self._limiters: Limiters | None = None
        self._streaming: set[asyncio.Task[object]] = set()

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
            spec = _with_model_file(spec, model_file)
        return cls(spec, providers=providers, journal=journal, has_reuse=has_reuse, is_replay=is_replay)

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
        limits: LimitSpec | None = None,
    ) -> RunRecord:
        """Return the record of one run; ``record.text`` is the answer.

        Args:
            question: A question, or a whole conversation whose last turn asks.
            system: A system prompt to put first.
            observers: Told every event as it happens.
            wish: Which run of the journal this is; unless told an interrupted one of an equal
                request, else a new one.
            limits: What this run may use, in the place of what the ensemble says; None leaves that.

        Raises:
            ConfigError: The question is empty, a key is missing, a model cannot be had.
            RunError: There is no answer; ``error.partial`` holds what was finished.
            StoreError: The journal cannot be read or written; what was written is not lost.
        """
        log = self._log(conversation_of(question, system), observers, has_deltas=False, limits=limits)
        return await self._run(log, wish)

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
        deltas: bool = False,
        wish: RunWish = ANY_RUN,
    ) -> RunStream:
        """Return a run to iterate: events as they happen, then the record.

        Args:
            question: As in ``run``.
            system: As in ``run``.
            deltas: Whether every piece of every reply is an event.
            wish: As in ``run``.

        Raises:
            ConfigError: The question is empty.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        log = self._log(conversation_of(question, system), [events.put_nowait], has_deltas=deltas)
        return RunStream(log, lambda: self._streamed(log, wish), events)

    async def _streamed(self, log: RunLog, wish: RunWish) -> RunRecord:
        """Run in a task that is the stream's own, and known to the ensemble for as long."""
        task = asyncio.current_task()
        if task is not None:
            self._streaming.add(task)
            task.add_done_callback(self._streaming.discard)
        return await self._run(log, wish)

    def _log(
        self,
        conversation: Conversation,
        observers: Sequence[Observer],
        *,
        has_deltas: bool,
        limits: LimitSpec | None = None,
    ) -> RunLog:
        now = datetime.now(UTC)
        return RunLog(
            f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            now.isoformat(timespec="milliseconds"),
            self.spec if limits is None else replace(self.spec, limits=limits),
            conversation,
            now=time.monotonic,
            observers=observers,
            has_deltas=has_deltas,
        )

    async def _run(self, log: RunLog, wish: RunWish) -> RunRecord:
        place: RunJournal | None = None
        async with AsyncExitStack() as stack:
            try:
                pool, journal = self._kept_ones() or await self._open(stack)
                for agent in all_agents(self.spec):
                    pool.get(agent)
                conversation = await _inlined(log.conversation)
                log.run_id = wish.name or log.run_id
                log.start_clock()
                budget = Budget(log.spec.limits, known_price)
                budget.require_prices(all_agents(self.spec))
                if (over := await finished_run(journal, wish, conversation)) is not None:
                    return log.show(over)
                place = await self._placed(journal, wish, log, conversation, budget=budget, stack=stack)
                secret = self._secret or (await journal.secret() if journal is not None else _SECRET)
                caller = Caller(
                    log,
                    pool.get,
                    self.spec.calls,
                    jitter=random.random,
                    limiters=self._limiters or model_limiters(self.spec),
                    price_of=known_price,
                    budget=budget,
                    journal=place,
                    sample=place.head.sample if place is not None else wish.sample,
                    is_replay=self._is_replay,
                )
                desk = Desk(log.spec, conversation, self._templates, Seal(secret, conversation))
                await run_ensemble(desk, caller, log)
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

    def _note_unkept(self, place: RunJournal | None, log: RunLog) -> None:
        """Say of a run that ended before it had a place in the journal that its id may not be found there."""
        if self._wanted_journal is not None and place is None:
            log.note("the run ended before it had its place in the journal: its id may not be found there")

    async def _placed(
        self,
        journal: Journal | None,
        wish: RunWish,
        log: RunLog,
        conversation: Conversation,
        *,
        budget: Budget,
        stack: AsyncExitStack,
    ) -> RunJournal | None:
        """Return the run's place in the journal, left with the stack: what was spent is counted, a new run planned."""
        if journal is None:
            return None
        place = await take_place(journal, wish, log, conversation, has_reuse=self._has_reuse)
        stack.push_async_callback(_left, place, log, journal if self._is_replay and not log.is_resumed else None)
        if log.is_resumed:
            budget.start(log.all_calls, {agent.name: agent for agent in all_agents(self.spec)})
        else:
            await keep_plan(journal, place, self._templates, known_price)
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
        stack.push_async_callback(_closed, pool)
        journal = await open_wanted(self._wanted_journal)
        if journal is not None and journal is not self._wanted_journal:
            stack.push_async_callback(_closed, journal)
        return pool, journal


async def _closed(what: ProviderPool | Journal) -> None:
    await to_the_end(what.aclose())


async def _left(place: RunJournal, log: RunLog, drops_nothing_from: Journal | None) -> None:
    await to_the_end(leave_place(place, log, drops_nothing_from=drops_nothing_from))


def _tried_templates(spec: EnsembleSpec) -> Templates:
    templates = load_templates(Path(spec.prompts.folder) if spec.prompts.folder else None, style=spec.prompts.style)
    rehearse(spec, templates)
    return templates


def _with_model_file(spec: EnsembleSpec, path: Path) -> EnsembleSpec:
    """Return the ensemble with a GGUF file in the place of every embedded model."""
    model = f"embedded:{path.absolute()}"

    def local(name: str) -> str:
        return model if name.startswith("embedded:") else name

    def chain(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(local, names))

    changed = replace(
        spec,
        agents=tuple(replace(agent, model=local(agent.model)) for agent in spec.agents),
        summary=replace(spec.summary, model=local(spec.summary.model), fallback=chain(spec.summary.fallback)),
        residual=replace(spec.residual, model=local(spec.residual.model), fallback=chain(spec.residual.fallback)),
    )
    if changed == spec:
        raise ConfigError(f"ensemble {spec.name!r} has no embedded model to replace", key="model_file")
    return changed


async def _inlined(conversation: Conversation) -> Conversation:
    """Return the conversation with the bytes of images that are only addresses so far."""
    parts = (part for message in conversation for part in message.content)
    if not any(isinstance(part, ImagePart) and not part.data for part in parts):
        return conversation
    from attention_moa.providers.images import load_images  # only runs with such images load it

    return await load_images(conversation)
