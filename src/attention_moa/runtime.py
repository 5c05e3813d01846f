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
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec
from msgspec.structs import replace

from attention_moa.calls import Caller, Places
from attention_moa.config import AgentSpec, EnsembleSpec, residual_chain, summary_chain
from attention_moa.ensemble import run_ensemble
from attention_moa.errors import ConfigError, MoaError, describe
from attention_moa.events import Event
from attention_moa.messages import Conversation, ImagePart, system, user
from attention_moa.ports import Observer, Provider
from attention_moa.prompts import Desk, Seal, Templates, load_templates, rehearse
from attention_moa.providers import ProviderPool
from attention_moa.records import RunRecord
from attention_moa.run_log import RunLog
from attention_moa.schedule import count_calls
from attention_moa.settings import api_key, load_spec

_SECRET = secrets.token_bytes(32)
"""One for the process: equal work renders equal prompts within it, and nobody outside can guess a tag."""


class Ensemble:
    """An ensemble that can run.

    Entered as a context manager it keeps its connections and local models between runs and lets go of them at the end;
    otherwise every run opens and closes its own.

    Args:
        spec: What runs.
        providers: Providers of one's own by the prefix of the model string: ``{"mine": p}`` serves ``mine:anything``.
            They stay open: who made them closes them.
        secret: What tags and nonces are derived from; None for one that the process draws.
    """

    def __init__(
        self,
        spec: EnsembleSpec,
        *,
        providers: Mapping[str, Provider] | None = None,
        secret: bytes | None = None,
    ) -> None:
        """Load the templates; nothing is connected yet."""
        self.spec = spec
        self._own = dict(providers or {})
        self._secret = secret or _SECRET
        self._templates = _tried_templates(spec)
        self._pool: ProviderPool | None = None
        self._places: Places | None = None

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        layers: int | None = None,
        model_file: Path | None = None,
        providers: Mapping[str, Provider] | None = None,
    ) -> Ensemble:
        """Return the ensemble of a shipped name or of a TOML file.

        Args:
            name_or_path: ``embedded``, ``paper-small`` …, or the path of a file.
            layers: Another number of layers than the file says.
            model_file: A GGUF file in the place of every embedded model.
            providers: As in the constructor.

        Raises:
            ConfigError: The name is unknown, or the file is wrong; the text names the field and the mend.
        """
        spec = load_spec(name_or_path)
        if layers is not None:
            spec = replace(spec, layers=layers)
        if model_file is not None:
            spec = _with_model_file(spec, model_file)
        return cls(spec, providers=providers)

    @property
    def planned_calls(self) -> int:
        """Calls of a run in which nothing fails and nothing stops early."""
        return count_calls(self.spec)

    async def __aenter__(self) -> Ensemble:
        """Keep connections and local models from here on."""
        self._pool, self._places = self._open_pool(), Places(self.spec.calls.concurrency)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of them."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of connections and local models; idempotent."""
        pool, self._pool, self._places = self._pool, None, None
        if pool is not None:
            await pool.aclose()

    async def run(
        self, question: str | Conversation, *, system: str | None = None, observers: Sequence[Observer] = ()
    ) -> RunRecord:
        """Return the record of one run; ``record.text`` is the answer.

        Args:
            question: A question, or a whole conversation whose last turn asks.
            system: A system prompt to put first.
            observers: Told every event as it happens.

        Raises:
            ConfigError: The question is empty, a key is missing, a model cannot be had.
            RunError: There is no answer; ``error.partial`` holds what was finished.
        """
        return await self._run(self._log(conversation_of(question, system), observers, has_deltas=False))

    def run_sync(
        self, question: str | Conversation, *, system: str | None = None, observers: Sequence[Observer] = ()
    ) -> RunRecord:
        """Return what ``run`` returns, for code without an event loop of its own."""
        return asyncio.run(self.run(question, system=system, observers=observers))

    def stream(self, question: str | Conversation, *, system: str | None = None, deltas: bool = False) -> RunStream:
        """Return a run to iterate: events as they happen, then the record.

        Args:
            question: As in ``run``.
            system: As in ``run``.
            deltas: Whether every piece of every reply is an event.

        Raises:
            ConfigError: The question is empty.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        log = self._log(conversation_of(question, system), [events.put_nowait], has_deltas=deltas)
        return RunStream(log, lambda: self._run(log), events)

    def _log(self, conversation: Conversation, observers: Sequence[Observer], *, has_deltas: bool) -> RunLog:
        now = datetime.now(UTC)
        return RunLog(
            f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            now.isoformat(timespec="milliseconds"),
            self.spec,
            conversation,
            now=time.monotonic,
            observers=observers,
            has_deltas=has_deltas,
        )

    async def _run(self, log: RunLog) -> RunRecord:
        is_own_pool = self._pool is None
        pool = self._pool or self._open_pool()
        try:
            for agent in _all_agents(self.spec):
                pool.get(agent)
            conversation = await _inlined(log.conversation)
            desk = Desk(self.spec, conversation, self._templates, Seal(self._secret, conversation))
            places = self._places or Places(self.spec.calls.concurrency)
            caller = Caller(log, pool.get, self.spec.calls, jitter=random.random, places=places)
            return await run_ensemble(desk, caller, log)
        except MoaError as error:
            if log.record().state == "running":  # it failed before the first call
                log.end("failed", None, describe(error))
            raise
        finally:
            if is_own_pool:
                await pool.aclose()

    def _open_pool(self) -> ProviderPool:
        return ProviderPool(self.spec, own=self._own, api_key=api_key)


class RunStream:
    """A run under way: iterate it for its events and, last, its record.

    ``aclose()`` cancels the run and all of its calls; so does letting go of the stream. Who leaves the iteration early
    while holding on to the stream closes it (``contextlib.aclosing``). ``record`` tells at any time what is finished,
    also after that.

    Args:
        log: The run's log.
        run: Starts the run.
        events: Where the run's events arrive.
    """

    def __init__(
        self,
        log: RunLog,
        run: Callable[[], Coroutine[None, None, RunRecord]],
        events: asyncio.Queue[Event | None],
    ) -> None:
        """Keep the run; it starts with the first iteration."""
        self._log = log
        self._items = _iterate(run, events, log)

    @property
    def record(self) -> RunRecord:
        """What is finished so far; the final record once the run has ended."""
        return self._log.record()

    def __aiter__(self) -> AsyncGenerator[Event | RunRecord, None]:
        """Return the events, then the record; raises what ``Ensemble.run`` raises."""
        return self._items

    async def aclose(self) -> None:
        """Cancel the run if it has not ended; idempotent."""
        await self._items.aclose()


async def _iterate(
    run: Callable[[], Coroutine[None, None, RunRecord]], events: asyncio.Queue[Event | None], log: RunLog
) -> AsyncGenerator[Event | RunRecord, None]:
    # A task group cannot stay open across the yields of a generator: the task is ended by hand, in ``finally``. Nothing
    # that the task holds may hold the stream: who lets go of a stream ends its run.
    task = asyncio.get_running_loop().create_task(run())
    task.add_done_callback(lambda _: events.put_nowait(None))
    try:
        while (event := await events.get()) is not None:
            yield event
        yield task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        elif log.record().state == "running":  # it was cancelled before its first call
            log.end("cancelled", None, "interrupted")


def conversation_of(question: str | Conversation, system_prompt: str | None = None) -> Conversation:
    """Return a question or conversation as the turns that the agents get.

    Args:
        question: A question, or turns whose last one asks.
        system_prompt: Put first; None for none.

    Raises:
        ConfigError: There is no question, or a turn is no Unicode text.
    """
    turns = (user(question),) if isinstance(question, str) else tuple(question)
    if not turns or turns[-1].role not in ("user", "tool"):
        raise ConfigError("the last turn has to be the user's", key="question")
    if not turns[-1].content or not (turns[-1].text.strip() or turns[-1].has_images):
        raise ConfigError("the question is empty: ask something", key="question")
    conversation = (system(system_prompt), *turns) if system_prompt else turns
    try:
        msgspec.json.encode(conversation)
    except UnicodeEncodeError as error:
        raise ConfigError("a turn holds halves of characters: was it read as UTF-8?", key="question") from error
    return conversation


def _all_agents(spec: EnsembleSpec) -> tuple[AgentSpec, ...]:
    return (*spec.agents, *summary_chain(spec), *residual_chain(spec))


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
