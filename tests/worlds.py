"""Small worlds for tests of the engine: a few scripted agents, a question, one run in virtual time.

    world = World(a_spec(3, layers=2), {"1.answer.a": ServerError("down"), "summary": "the end"})
    record = world.run()

Every reply that the script leaves out names its call (``says 1.answer.a``); the residual agent then goes on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any, TypeAlias

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.budget import Budget
from attention_moa.calls import Caller
from attention_moa.config import EnsembleSpec, Layout
from attention_moa.ensemble import run_ensemble
from attention_moa.events import Event
from attention_moa.limiter import Limiters
from attention_moa.messages import CallRequest, Conversation, Stage, Usage, user
from attention_moa.pacing import Rate
from attention_moa.ports import Observer, Provider, RunJournal
from attention_moa.prompts import Desk, Seal, load_templates
from attention_moa.providers.scripted import Said, ScriptedProvider
from attention_moa.records import CallRecord, RunRecord
from attention_moa.run_log import RunLog
from tests import virtual_time

SECRET = b"a secret that the tests keep"
QUESTION: Conversation = (user("Why is the sky blue?"),)
LAYOUTS: tuple[Layout, ...] = ("continue", "paper", "compact")
USAGE = Usage(input_tokens=10, cached_tokens=4, output_tokens=5, reasoning_tokens=1)

Says: TypeAlias = Said | Callable[[CallRequest], Said]


def a_spec(agents: int | Sequence[AgentSpec] = 3, **fields: Any) -> EnsembleSpec:
    """Return an ensemble; a number makes agents ``a``, ``b``, ``c`` …, each with a model of its own.

    Args:
        agents: How many, or themselves.
        fields: Of ``EnsembleSpec``; two layers unless told.
    """
    if isinstance(agents, int):
        agents = [AgentSpec(name=name, model=f"test:{name}") for name in ascii_lowercase[:agents]]
    return EnsembleSpec(agents=tuple(agents), **({"layers": 2} | fields))


def call_id(request: CallRequest) -> str:
    """Return the id of the call that makes a request."""
    parts = (str(request.layer), request.stage.value, request.agent, request.peer)
    return ".".join(part for part in parts if part is not None)


def verdict(request: CallRequest, *, is_stop: bool) -> str | None:
    """Return the verdict line that a residual prompt offers; None where it offers none."""
    word = "STOP" if is_stop else "CONTINUE"
    found = re.search(rf"^VERDICT [0-9a-f]{{12}} {word}$", request.messages[-1].text, re.MULTILINE)
    return found[0] if found else None


def stop(request: CallRequest) -> str:
    """Say stop, as a residual agent may."""
    line = verdict(request, is_stop=True)
    assert line is not None, "this prompt offers no stop"
    return line


def in_turn(*said: Said) -> Callable[[CallRequest], Said]:
    """Return a script of one call's attempts: each thing is said once, the last one again and again."""
    left = list(said)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def default_reply(request: CallRequest) -> str:
    """Say which call this is; as a residual agent, go on."""
    text = f"says {call_id(request)}"
    line = verdict(request, is_stop=False) if request.stage is Stage.RESIDUAL else None
    return f"{line}\n{text}" if line else text


class World:
    """One ensemble, one conversation, one script.

    Args:
        spec: The ensemble; by default three agents and two layers.
        script: What is said, by call id (``1.critique.a.b``), ``stage.agent``, agent or stage; a function is told the
            request. What is not in it is said by ``default_reply``.
        conversation: ``x``.
        latency_s: Seconds that a call takes before its first token.
        secret: What tags and nonces come from.
        provider: In the place of the scripted one.
        observers: Told every event, beside ``world.events``.
        jitter: The random share of a wait.
        has_deltas: Whether every piece of a reply is an event.
        pieces: Into how many pieces a text is streamed.
        journal: The run's place in a journal.
        is_replay: Whether no new call may be made.
        wanted: What the answer is to be.
        salt: A line that every prompt begins with.
    """

    def __init__(
        self,
        spec: EnsembleSpec | None = None,
        script: Mapping[str, Says] | None = None,
        *,
        conversation: Conversation = QUESTION,
        latency_s: Callable[[CallRequest], float] | None = None,
        secret: bytes = SECRET,
        provider: Provider | None = None,
        observers: Sequence[Observer] = (),
        jitter: float = 1.0,
        has_deltas: bool = False,
        pieces: int = 1,
        journal: RunJournal | None = None,
        is_replay: bool = False,
        wanted: AnswerSpec = PLAIN,
        salt: str = "",
    ) -> None:
        self.spec = spec or a_spec()
        templates = load_templates(style=self.spec.prompts.style)
        self.desk = Desk(self.spec, conversation, templates, Seal(secret, conversation), wanted, salt)
        self.scripted = ScriptedProvider(self._say, pieces=pieces, usage=USAGE)
        self.events: list[Event] = []
        self.log: RunLog | None = None
        self._script = script or {}
        self._latency_s = latency_s
        self._provider = provider or self.scripted
        self._observers = (self.events.append, *observers)
        self._jitter = jitter
        self._has_deltas = has_deltas
        self._journal = journal
        self._is_replay = is_replay

    @property
    def requests(self) -> list[CallRequest]:
        """Every request that the scripted provider got, in the order in which they came."""
        return self.scripted.requests

    @property
    def asked(self) -> list[str]:
        """The call ids of these requests."""
        return [call_id(request) for request in self.requests]

    @property
    def record(self) -> RunRecord:
        """The record so far, also after a run that failed or was cancelled."""
        assert self.log is not None, "the world was not run"
        return self.log.record()

    def run(self) -> RunRecord:
        """Run in virtual time; return the record, or raise what the engine raises."""
        return virtual_time.run(self.play())

    async def play(self) -> RunRecord:
        """Run on the loop that is there; return the record, or raise what the engine raises."""
        self.log = RunLog(
            "run",
            "2026-01-01T00:00:00.000+00:00",
            self.spec,
            self.desk.conversation,
            now=asyncio.get_running_loop().time,
            observers=self._observers,
            has_deltas=self._has_deltas,
            wanted=self.desk.wanted,
        )
        return await run_ensemble(self.desk, self.caller(self.log), self.log)

    def caller(self, log: RunLog) -> Caller:
        """Return what makes the calls of a run."""
        calls = self.spec.calls
        rate = Rate(concurrency=calls.concurrency, rpm=calls.rpm, tpm=calls.tpm)
        return Caller(
            log,
            lambda _: self._provider,
            calls,
            jitter=lambda: self._jitter,
            limiters=Limiters(lambda _: rate),
            price_of=lambda model: model.price,
            budget=Budget(self.spec.limits, lambda model: model.price),
            journal=self._journal,
            is_replay=self._is_replay,
        )

    async def _say(self, request: CallRequest) -> Said:
        if self._latency_s is not None:
            await asyncio.sleep(self._latency_s(request))
        for key in (call_id(request), f"{request.stage.value}.{request.agent}", request.agent, request.stage.value):
            if key in self._script:
                said = self._script[key]
                return said(request) if callable(said) else said
        return default_reply(request)


def call(record: RunRecord, name: str) -> CallRecord:
    """Return the call of that id."""
    (found,) = (call for call in record.calls if call.call_id == name)
    return found


def texts(messages: Conversation) -> list[tuple[str, str]]:
    """Return role and text of every message."""
    return [(message.role, message.text) for message in messages]
