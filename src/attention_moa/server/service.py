"""What all requests share: the models, the journal, the ensembles with their connections, and the runs under way."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from starlette.requests import HTTPConnection

from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.journaling import RunWish, open_wanted
from attention_moa.ports import Journal, Observer, Provider
from attention_moa.readiness import require_models
from attention_moa.run_stream import RunStream
from attention_moa.runtime import Ensemble
from attention_moa.server.config import ServerConfig
from attention_moa.server.gate import Gate, OpenGate, Visitor
from attention_moa.server.hub import Hub
from attention_moa.server.job import Job
from attention_moa.server.key_gate import KeyGate, open_key_gate
from attention_moa.server.models import Catalogue, load_ensembles
from attention_moa.server.request_numbers import watched_loop
from attention_moa.settings import default_journal
from attention_moa.store.address import parse_address
from attention_moa.store.journal import SqlJournal
from attention_moa.telemetry import open_metrics
from attention_moa.telemetry.logs import EventLog
from attention_moa.waiting import to_the_end

if TYPE_CHECKING:
    from attention_moa.telemetry.tracing import Tracing


class Service:
    """What all requests share; entered once, for as long as the server lives.

    ``observers`` are told of every run, ``log`` has lines of each, ``tracing`` makes a trace of each: set them before
    it is entered. ``journal_name`` is the journal's path or address, without a password; None for none.

    Args:
        config: What the server is told.
        specs: The ensembles; None loads those that the configuration names.
        providers: Providers of one's own by the prefix of the model string.
        journal: An open journal in the place of the configured one; it stays open.
        gate: Who may come in; None for those who have a key, and everybody where the journal has no keys.

    Raises:
        ConfigError: An ensemble cannot be had.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        specs: Iterable[EnsembleSpec] | None = None,
        providers: Mapping[str, Provider] | None = None,
        journal: Journal | None = None,
        gate: Gate | None = None,
    ) -> None:
        """Load the ensembles; nothing is connected yet."""
        self.config = config
        self.catalogue = Catalogue(load_ensembles(config.ensembles) if specs is None else specs)
        self.journal: Journal | None = journal
        self.journal_name: str | None = None
        self.gate: Gate = gate or OpenGate()
        self.metrics = open_metrics()
        self.observers: list[Observer] = [self.metrics]
        self.log: logging.Logger | None = None
        self.tracing: Tracing | None = None
        self._has_own_gate = gate is None
        self._providers = providers
        self._given = journal
        self._ensembles: dict[str, Ensemble] = {}
        self._replaced: list[Ensemble] = []
        self._hub: Hub | None = None
        self._stack = AsyncExitStack()

    @property
    def hub(self) -> Hub:
        """The runs under way."""
        if self._hub is None:
            raise RuntimeError("the service is not entered")
        return self._hub

    async def __aenter__(self) -> Self:
        """Open the journal, and keep connections and local models from here on.

        Raises:
            ConfigError: A model of an ensemble cannot be had, or a public address has no key.
            StoreError: The journal cannot be opened.
        """
        await require_models(self.catalogue.ensembles.items(), own=self._providers or {})
        async with AsyncExitStack() as stack:
            if self.tracing is not None:
                stack.push_async_callback(self.tracing.aclose)
            if self._given is None and not self.config.is_unjournaled:
                place = self.config.journal or default_journal()
                self.journal_name = parse_address(place).name
                self.journal = cast("SqlJournal", await open_wanted(place))
                stack.push_async_callback(_closed, self.journal)
                if self._has_own_gate:
                    isolated, is_open = self.config.has_isolated_caches, self.config.may_be_open
                    keys = open_key_gate(place, self.journal, has_isolated_caches=isolated, may_be_open=is_open)
                    self.gate = await stack.enter_async_context(keys)
            await self._require_guarded()
            await stack.enter_async_context(watched_loop(self.metrics))
            stack.push_async_callback(self._let_go)
            for name, spec in self.catalogue.ensembles.items():
                self._ensembles[name] = await Ensemble(
                    spec, providers=self._providers, journal=self.journal
                ).__aenter__()
            hub = Hub(
                self._begin,
                self.gate,
                journal=self.journal,
                max_runs=self.config.max_runs,
                observers_of=self._observers_of,
            )
            self._hub = await stack.enter_async_context(hub)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all runs; let go of all."""
        await self._stack.aclose()

    async def renew(self, spec: EnsembleSpec) -> None:
        """Serve another ensemble in the place of the one of its name; runs under way end as they began.

        Args:
            spec: The ensemble.

        Raises:
            ConfigError: One of its models or templates cannot be had; all stays as it was.
            KeyError: None of its name is served.
        """
        await require_models([(spec.name, spec)], own=self._providers or {})
        old = self._ensembles[spec.name]
        new = await Ensemble(spec, providers=self._providers, journal=self.journal).__aenter__()
        self._ensembles[spec.name] = new
        self.catalogue.renew(spec)
        self._replaced.append(old)
        for ensemble in [one for one in self._replaced if one.is_idle]:
            self._replaced.remove(ensemble)
            await ensemble.aclose()

    async def _let_go(self) -> None:
        """Let go of all ensembles, also where one of them fails to."""
        async with AsyncExitStack() as stack:
            for ensemble in (*self._ensembles.values(), *self._replaced):
                stack.push_async_callback(ensemble.aclose)

    async def _require_guarded(self) -> None:
        """Raise a ``ConfigError`` where everybody who reaches a public address would be let in."""
        if self.config.may_be_open or await self.gate.has_keys():
            return
        raise ConfigError(
            f"{self.config.host} can be reached from elsewhere, and there is no key: make one with attention-moa keys "
            "add NAME, listen on 127.0.0.1, or say force_public (--force-public)",
            key="host",
        )

    async def enter(self, connection: HTTPConnection) -> Visitor:
        """Return who asks; what is answered and logged from here on may look at it.

        Raises:
            ApiError: They are not let in.
        """
        visitor = await self.gate.enter(connection)
        connection.state.key = visitor.owner or None
        connection.state.is_operator = self.is_operator(visitor)
        return visitor

    async def count_keys(self) -> int:
        """Return how many good keys there are."""
        return await self.gate.ring.count() if isinstance(self.gate, KeyGate) else 0

    def is_operator(self, visitor: Visitor) -> bool:
        """Return whether somebody runs the server: by an admin's key, or since nobody else reaches it."""
        return visitor.is_admin and (visitor.owner != "" or self.config.is_loopback)

    def _observers_of(self, job: Job, visitor: Visitor) -> list[Observer]:
        observers = list(self.observers)
        if self.log is not None:
            observers.append(EventLog(self.log, key=visitor.owner or None))
        if self.tracing is not None:
            observers.append(self.tracing.of_run(job.spec, job.trace))
        return observers

    def _begin(self, job: Job, visitor: Visitor, sample: int) -> RunStream:
        wish = RunWish(
            run_id=job.run_id,
            is_fresh=job.is_fresh,
            has_reuse=job.has_reuse,
            sample=sample,
            owner=visitor.owner,
            labels=job.labels,
        )
        ensemble = self._ensembles[job.ensemble]
        return ensemble.stream(
            job.conversation, deltas="answer", wish=wish, wanted=job.wanted, spec=job.spec, salt=visitor.salt
        )


def service_of(connection: HTTPConnection) -> Service:
    """Return the service of the application that a request came to."""
    return cast("Service", connection.app.state.service)


def key_of(connection: HTTPConnection) -> str | None:
    """Return the name of the key that a request brought; None where it brought none that is good."""
    return cast("str | None", getattr(connection.state, "key", None))


def is_operator(connection: HTTPConnection) -> bool:
    """Return whether a request is of somebody who runs the server; not while nobody was let in."""
    return getattr(connection.state, "is_operator", False) is True


async def _closed(journal: Journal) -> None:
    await to_the_end(journal.aclose())
