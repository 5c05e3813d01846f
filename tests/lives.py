"""Runs that are cut and taken up again, in virtual time: one journal, one scripted world, several lives.

story = Story(a_spec(3), seed=7)
story.live(Cut(at_s=2.5))        # killed there: the journal keeps what was put, and nothing else
record = story.live()            # goes on from the journal
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from attention_moa.accounting import call_usage
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.budget import Budget
from attention_moa.calls import Caller
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.ensemble import run_ensemble
from attention_moa.errors import RateLimitError, RefusedError, RunError, ServerError
from attention_moa.events import Event
from attention_moa.journaling import RunWish, leave_place, take_place
from attention_moa.limiter import Limiters
from attention_moa.messages import CallRequest, Conversation, Stage
from attention_moa.pacing import Rate
from attention_moa.prompts import Desk, Seal, load_templates
from attention_moa.providers.scripted import Line, Said, ScriptedProvider
from attention_moa.records import CallRecord, RunRecord
from attention_moa.run_log import RunLog
from attention_moa.store.memory import MemoryJournal, MemoryRun
from tests import virtual_time
from tests.baseline_world import choice
from tests.worlds import QUESTION, SECRET, USAGE, call_id, verdict


class Cut(NamedTuple):
    """Where a life ends.

    Args:
        at_s: On the life's clock.
        at_write: Or with that write to the journal, from 1: it is still on disk, or is not.
        is_written: Whether it is.
        is_kill: The process is gone; otherwise the run is cancelled and left in order.
    """

    at_s: float | None = None
    at_write: int | None = None
    is_written: bool = True
    is_kill: bool = True


NO_CUT = Cut()
FIRST_SEED = 1000
"""The seed of agents whose further answers are to be told apart."""


class Place(MemoryRun):
    """A place in the journal that a killed process can write to no more."""

    cut = NO_CUT
    writes = 0
    is_dead = False
    task: asyncio.Task[Any]

    def _is_kept(self) -> bool:
        self.writes += 1
        was_dead = self.is_dead
        if self.writes == self.cut.at_write:
            self.is_dead = self.cut.is_kill
            self.task.cancel()
            return self.cut.is_written or not self.cut.is_kill
        return not was_dead

    async def put(self, fingerprint: str, call: CallRecord) -> None:
        if self._is_kept():
            await super().put(fingerprint, call)

    async def decide(self, key: str, value: object) -> None:
        if self._is_kept():
            await super().decide(key, value)

    async def end(self, record: RunRecord) -> None:
        if not self.is_dead:
            await super().end(record)


class Shelf(MemoryJournal):
    """A journal whose places can be cut off."""

    def _hold(self, run_id: str, has_reuse: bool) -> MemoryRun:
        super()._hold(run_id, has_reuse)
        return Place(self, self._runs[run_id], has_reuse=has_reuse)

    def calls(self, run_id: str) -> list[CallRecord]:
        """Return what is journaled of a run."""
        return list(self._runs[run_id].calls.values())

    def kept_decisions(self, run_id: str) -> dict[str, object]:
        """Return what is decided in a run."""
        return dict(self._runs[run_id].decisions)


class Story:
    """One question to one ensemble, however many lives it takes.

    Args:
        spec: The ensemble.
        seed: Of latencies, failures and verdicts.
        failures: Share of attempts that fail for now, and half as many calls that fail for good.
        has_reuse: Whether calls of other runs serve.
        journal: One that has runs already.
        conversation: What is asked.
        stop_share: Share of the residual calls that end the run.
        wanted: What the answer is to be.
        says: What is said in the place of a text; None keeps the text.
        has_deltas: Whether every piece of a reply is an event, and a text comes in several.
    """

    def __init__(
        self,
        spec: EnsembleSpec,
        seed: int = 0,
        *,
        failures: float = 0.0,
        has_reuse: bool = False,
        journal: Shelf | None = None,
        conversation: Conversation = QUESTION,
        stop_share: float = 0.0,
        wanted: AnswerSpec = PLAIN,
        says: Callable[[CallRequest, str], Said] | None = None,
        has_deltas: bool = False,
    ) -> None:
        self.spec = spec
        self.has_deltas = has_deltas
        self.journal = journal or Shelf(secret=SECRET)
        self.requests: list[CallRequest] = []
        self.events: list[Event] = []
        self.lives: list[list[str]] = []
        self.elapsed_s = 0.0
        self.run_id: str | None = None
        self._conversation = conversation
        self._seed = seed
        self._failures = failures
        self._stop_share = stop_share
        self._wanted = wanted
        self._says = says or (lambda _, text: text)
        self._has_reuse = has_reuse
        self._tries: Counter[str] = Counter()

    def live(self, cut: Cut = NO_CUT, *, wish: RunWish | None = None, is_replay: bool = False) -> RunRecord:
        """Run, or go on, until the end or the cut; return the record as far as it goes."""
        self.lives.append([])
        return virtual_time.run(self._life(cut, wish or RunWish(run_id=self.run_id), is_replay))

    async def _life(self, cut: Cut, wish: RunWish, is_replay: bool) -> RunRecord:
        loop = asyncio.get_running_loop()
        name = f"run-{len(self.lives)}-{id(self):x}"
        log = RunLog(
            name,
            f"2026-01-01T00:00:{len(self.lives):02}",
            self.spec,
            self._conversation,
            now=loop.time,
            observers=[self.events.append],
            has_deltas=self.has_deltas,
            wanted=self._wanted,
        )
        await self.journal.aclose()  # whoever was at the run is gone
        place = await take_place(
            self.journal, wish, log, self._conversation, has_reuse=self._has_reuse, wanted=self._wanted
        )
        assert isinstance(place, Place)
        place.cut, self.run_id, self.elapsed_s = cut, log.run_id, log.seconds()
        caller = self._caller(log, place, is_replay)
        seal = Seal(SECRET, self._conversation)
        desk = Desk(self.spec, self._conversation, load_templates(style="small"), seal, self._wanted)
        place.task = task = loop.create_task(run_ensemble(desk, caller, log))
        if cut.at_s is not None:
            loop.call_at(cut.at_s, self._end, place)
        with suppress(asyncio.CancelledError, RunError):
            await task
        await leave_place(place, log)
        return log.record()

    @staticmethod
    def _end(place: Place) -> None:
        place.is_dead = place.is_dead or place.cut.is_kill
        place.task.cancel()

    def _caller(self, log: RunLog, place: Place, is_replay: bool) -> Caller:
        budget = Budget(self.spec.limits, lambda model: model.price)
        budget.start(log.all_calls, {agent.name: agent for agent in all_agents(self.spec)})
        provider = ScriptedProvider(self._say, pieces=3 if self.has_deltas else 1, usage=USAGE)
        return Caller(
            log,
            lambda _: provider,
            self.spec.calls,
            jitter=lambda: 1.0,
            limiters=Limiters(lambda _: Rate()),
            price_of=lambda model: model.price,
            budget=budget,
            journal=place,
            is_replay=is_replay,
        )

    async def _say(self, request: CallRequest) -> Said:
        name = name_of_choice(request)
        self.requests.append(request)
        self.lives[-1].append(name)
        self._tries[name] += 1
        of_call = random.Random(f"{self._seed} {name}")
        of_try = random.Random(f"{self._seed} {name} {self._tries[name]}")
        await asyncio.sleep(of_try.choice([0.0, 0.5, 1.0, of_try.uniform(0.0, 8.0)]))
        if of_call.random() < self._failures / 2:
            return RefusedError("refused for good")
        if self._tries[name] % 3 and of_try.random() < self._failures:  # of three tries in a row one works
            cut = Line(text="half", finish_reason=None)
            failures: list[Said] = [ServerError("down"), RateLimitError("slow down"), cut]
            return of_try.choice(failures)
        digest = zlib.crc32(msgspec.json.encode(request.messages))
        text = f"{name} has read {digest}."
        is_stop = of_call.random() < self._stop_share
        if request.stage is Stage.SELECT:
            return choice(*of_call.sample((1, 2), 2), is_stop=is_stop)(request)
        line = verdict(request, is_stop=is_stop) if request.stage in (Stage.RESIDUAL, Stage.EXTRACT) else None
        return self._says(request, f"{line}\n{text}" if line else text)

    @property
    def journaled(self) -> list[CallRecord]:
        """What the journal has of the run."""
        return self.journal.calls(self.run_id) if self.run_id is not None else []

    @property
    def decisions(self) -> dict[str, object]:
        """What was decided in the run."""
        return self.journal.kept_decisions(self.run_id) if self.run_id is not None else {}


def name_of_choice(request: CallRequest) -> str:
    """Return a call's name; of a further answer, told by its seed where agents have ``FIRST_SEED``, that answer's."""
    choice = (request.sampling.seed or FIRST_SEED) - FIRST_SEED
    return f"{call_id(request)}#{choice + 1}" if choice else call_id(request)


def attempts(record: RunRecord) -> int:
    """Return how many attempts a record tells of."""
    assert record.usage == call_usage(record.calls)
    return sum(len(call.attempts) for call in record.calls)
