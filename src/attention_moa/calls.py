"""One call, from the moment when its inputs are there to its reply or its loss. Nothing else awaits a provider.

The order of a call: fit the prompt to the model, look whether the journal has the reply, wait for a free place, attempt
with timeouts for the first token and for the whole, turn what came into a usable reply or a typed error, wait and try
again or give up, journal it, book it all. A call that is cancelled from outside is booked too.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from attention_moa.accounting import was_refused
from attention_moa.agents import ModelSettings
from attention_moa.backoff import next_wait_s
from attention_moa.booking import Booking
from attention_moa.budget import REPLY_TOKENS, Budget, Grant, PriceOf
from attention_moa.choices import Choices
from attention_moa.collected import Ask, Collected
from attention_moa.config import CallPolicy
from attention_moa.errors import (
    AuthError,
    BadReplyError,
    CallError,
    CallTimeoutError,
    ConfigError,
    ContextTooLongError,
    MoaError,
    NotJournaledError,
    RateLimitError,
    RefusedError,
    ServerError,
    describe,
)
from attention_moa.fingerprint import fingerprint
from attention_moa.hedging import hedged
from attention_moa.keys import masked
from attention_moa.limiter import Limiters, Turn
from attention_moa.messages import CallRequest, Reply, Sampling
from attention_moa.ports import Provider, RunJournal
from attention_moa.prompts import Fitted, estimate_tokens, fit
from attention_moa.run_log import RunLog

ProviderOf: TypeAlias = Callable[[ModelSettings], Provider]


class Finished(NamedTuple):
    """A call that gave a reply."""

    call_id: str
    reply: Reply


class Caller:
    """Makes the calls of one run.

    Args:
        log: The run's log.
        provider_of: The provider of a model.
        policy: Attempts, waits, timeouts.
        jitter: A random number from 0 to 1, anew with every call of it.
        limiters: Whose turn it is, by model; shared by all runs of an ensemble.
        price_of: The price of a model.
        budget: What the run may still spend.
        journal: The run's place in a journal; None to keep nothing.
        sample: Which of several repeats of one request the run is.
        is_replay: Whether no new call may be made.
    """

    def __init__(
        self,
        log: RunLog,
        provider_of: ProviderOf,
        policy: CallPolicy,
        *,
        jitter: Callable[[], float],
        limiters: Limiters,
        price_of: PriceOf,
        budget: Budget,
        journal: RunJournal | None = None,
        sample: int = 0,
        is_replay: bool = False,
    ) -> None:
        """Keep what all calls of the run share."""
        self._journal = journal
        self._sample = sample
        self._is_replay = is_replay
        self._log = log
        self._provider_of = provider_of
        self._policy = policy
        self._jitter = jitter
        self._limiters = limiters
        self._price_of = price_of
        self.budget = budget
        self.choices: Choices | None = None

    def decision(self, key: str) -> object | None:
        """Return what was decided under a key before the run was interrupted; None where nothing was."""
        return self._journal.decision(key) if self._journal is not None else None

    def decided_names(self, key: str) -> tuple[str, ...] | None:
        """Return the names that were decided on under a key; None where nothing was."""
        names = self.decision(key)
        return None if names is None else msgspec.convert(names, tuple[str, ...])

    async def decide(self, key: str, value: object) -> None:
        """Keep a decision that hung on time, arrival or money, so that a resumed run decides the same."""
        if self._journal is not None:
            await self._journal.decide(key, value)

    async def call(self, ask: Ask) -> Finished:
        """Return the reply to one ask.

        Raises:
            CallError: The call failed for good; agent, stage, model and attempts are filled in.
            ConfigError: A setting or a template is wrong: no other call would do better.
            StoreError: The journal failed, or, in a replay, does not have the call.
        """
        booking = Booking(self._log, ask, journal=self._journal, price=self._price_of(ask.agent))
        try:
            reply = await self._reply(ask, booking)
        except asyncio.CancelledError:
            if not booking.is_booked:
                booking.cancelled()
            raise
        except MoaError as error:
            if isinstance(error, CallError):
                error.agent, error.stage, error.model = ask.agent.name, ask.stage.value, ask.agent.model
                error.attempts = len(booking.attempts)
            if not booking.is_booked:
                await booking.lost(error)
            raise
        return Finished(ask.call_id, reply)

    async def _reply(self, ask: Ask, booking: Booking) -> Reply:
        """Return the journaled reply, else a new one, journaled."""
        fitted = fit(ask.render, ask.agent, beside=ask.beside)
        if self.budget.is_limited and ask.agent.max_tokens is None:
            ask = _cut(ask, REPLY_TOKENS)
        cuts = self._cuts(ask.call_id)
        for cut in (*reversed([_cut(ask, most) for most in cuts]), ask):
            stored = await booking.stored(self._prepared(cut, fitted, booking))
            if stored is not None:
                self._tell_cut(ask, cut)
                return await booking.replayed(stored)
        if self._is_replay:
            raise NotJournaledError(ask.call_id)
        reply = await self._send(ask, fitted, booking)
        await booking.finished(reply)
        return reply

    def _prepared(self, ask: Ask, fitted: Fitted, booking: Booking) -> str:
        """Put the request down as it will be sent, and return its key."""
        asked = booking.prepared(self._request(ask, fitted), fitted)
        asked = replace(asked, sampling=ask.agent.sampling)  # stops count by themselves, whoever acts on them
        return fingerprint(asked, ask.agent, sample=self._sample, more=ask.key_parts)

    def _cuts(self, call_id: str) -> list[int]:
        """Return what a call's ``max_tokens`` was cut to at its attempts so far, in their order."""
        cuts: list[int] = []
        while isinstance(cut := self.decision(_cut_key(call_id, len(cuts))), int):
            cuts.append(cut)
        return cuts

    def _tell_cut(self, ask: Ask, cut: Ask) -> None:
        most, wished = cut.agent.max_tokens, ask.agent.max_tokens
        if most != wished:
            what = f"its reply may take {most:,} tokens, not {wished:,}"
            self._log.degrade(ask.layer, ask.stage, ask.agent.name, what=what, why="no more is left of the run's limit")

    async def _send(self, ask: Ask, fitted: Fitted, booking: Booking) -> Reply:
        """Return a new reply, after as many attempts as it takes and the policy allows."""
        refusals = 0
        while True:
            try:
                if self._policy.hedge_s is None:
                    return await self._try(ask, fitted, booking)
                attempt, made = partial(self._try, ask, fitted, booking), len(booking.attempts)
                reply = await hedged(attempt, self._policy.hedge_s, has_begun=booking.has_begun)
                return _with_note_of_two(reply, self._policy.hedge_s) if len(booking.attempts) - made > 1 else reply
            except ContextTooLongError as error:
                refusals += 1
                if len(booking.attempts) >= self._policy.attempts:
                    raise
                with suppress(ContextTooLongError):
                    fitted = fit(ask.render, ask.agent, refusals=refusals, beside=ask.beside)
                    self._prepared(ask, fitted, booking)
                    booking.retried(error, 0.0)
                    continue
                raise
            except CallError as error:
                if _may_mind_stops(ask, error) and len(booking.attempts) < self._policy.attempts:
                    ask = replace(ask, sends_stops=False)
                    self._prepared(ask, fitted, booking)
                    booking.retried(error, 0.0)
                    continue
                wait_s = next_wait_s(error, len(booking.attempts), self._policy, self._jitter())
                if wait_s is None:
                    raise
                booking.retried(error, wait_s)
                await asyncio.sleep(wait_s)

    async def _try(
        self, ask: Ask, fitted: Fitted, booking: Booking, on_start: Callable[[], None] = lambda: None
    ) -> Reply:
        """Return the reply to one attempt, made when its turn has come and its cost is reserved."""
        model = ask.agent
        provider = self._provider_of(model)
        prompt_tokens = ask.beside + estimate_tokens(fitted.messages, has_small_vocabulary=model.has_small_vocabulary)
        wished = model.max_tokens or REPLY_TOKENS
        async with self._limiters.of(model).turn(prompt_tokens + wished, run=self._log.run_id) as turn:
            grant = None
            if self.budget.is_limited:
                grant, ask = await self._granted(ask, prompt_tokens)
            key = booking.key = self._prepared(ask, fitted, booking)
            collected = booking.attempt_started(turn.waited_s)
            on_start()
            try:
                reply = await self._attempt(provider, ask, booking, collected)
            except BadReplyError as error:
                if collected.finish_reason == "length" and ask.agent.max_tokens != model.max_tokens:
                    error.args = (f"{error}; the run's limit had cut the reply to {ask.agent.max_tokens:,} tokens",)
                raise
            except (RateLimitError, ServerError) as error:
                if error.retryable and (isinstance(error, RateLimitError) or error.retry_after_s is not None):
                    turn.refused(error.retry_after_s)
                raise
            finally:
                self._settle(grant, turn, booking, collected)
        if booking.key != key:  # an attempt beside this one was cut otherwise
            booking.key = self._prepared(ask, fitted, booking)
        return replace(reply, notes=(*fitted.notes, *reply.notes))

    async def _granted(self, ask: Ask, prompt_tokens: int) -> tuple[Grant, Ask]:
        """Reserve what an attempt may use, and return what is asked within it; a cut is kept, and told."""
        cuts = self._cuts(ask.call_id)
        grant = self.budget.reserve(_cut(ask, cuts[-1]).agent if cuts else ask.agent, prompt_tokens)
        cut = _cut(ask, grant.max_tokens)
        if grant.max_tokens != ask.agent.max_tokens and grant.max_tokens not in cuts:
            try:
                await self.decide(_cut_key(ask.call_id, len(cuts)), grant.max_tokens)
            except (asyncio.CancelledError, MoaError):
                self.budget.release(grant)
                raise
        self._tell_cut(ask, cut)
        return grant, cut

    def _settle(self, grant: Grant | None, turn: Turn, booking: Booking, collected: Collected) -> None:
        """Count what an attempt really used."""
        model, usage = booking.ask.agent, collected.usage
        if usage.input_tokens is not None and usage.output_tokens is not None:
            turn.used(usage.input_tokens + usage.output_tokens)
        if collected.rate is not None:
            self._limiters.of(model).hint(collected.rate)
        if grant is not None:
            self.budget.settle(grant, model, usage, was_refused=was_refused(collected.error))

    def _request(self, ask: Ask, fitted: Fitted) -> CallRequest:
        model = ask.agent
        return CallRequest(
            agent=model.name,
            model=model.model,
            messages=fitted.messages,
            sampling=self._sampling(ask),
            stage=ask.stage,
            layer=ask.layer,
            peer=ask.peer,
            shared_messages=fitted.shared,
            connect_timeout_s=self._policy.connect_timeout_s,
            is_streamed=model.is_streamed,
            tools=ask.tools,
            reply_format=ask.reply_format,
        )

    def _sampling(self, ask: Ask) -> Sampling:
        stops = () if ask.agent.model in self._log.unopened else ask.sent_stops
        sampling = ask.agent.sampling
        return replace(sampling, stop=(*(sampling.stop or ()), *stops)) if stops else sampling

    async def _attempt(self, provider: Provider, ask: Ask, booking: Booking, collected: Collected) -> Reply:
        request = booking.request
        limit_s = ask.agent.timeout_s or self._policy.timeout_s
        first_s = self._policy.first_token_timeout_s if request.is_streamed else limit_s
        whole, first = asyncio.timeout(limit_s), asyncio.timeout(min(first_s, limit_s))
        try:
            async with whole, first, aclosing(provider.stream(request)) as chunks:
                async for chunk in chunks:
                    if collected.add(chunk):
                        first.reschedule(None)
                    if collected.is_over:
                        collected.finish_reason = "cut"
                        break
            collected.require_plausible(request)
            reply = collected.reply()
        except TimeoutError as error:
            why = _late(whole, "whole reply", limit_s) or _late(first, "first token", first_s)
            timeout = CallTimeoutError(why or f"the provider timed out: {masked(describe(error))}")
            booking.attempt_failed(collected, timeout)
            raise timeout from error
        except (CallError, ConfigError) as error:
            error.args = (masked(str(error)),)  # a provider of one's own may say more than it should
            booking.attempt_failed(collected, error)
            raise
        except asyncio.CancelledError as error:
            broken = _own_cancellation(error, booking, collected)
            booking.attempt_failed(collected, broken)
            raise broken from error
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            broken = CallError(f"the provider broke: {type(error).__name__}: {masked(describe(error))} ({place.name})")
            booking.attempt_failed(collected, broken)
            raise broken from error
        booking.attempt_ended(collected)
        return reply


def _may_mind_stops(ask: Ask, error: CallError) -> bool:
    """Return whether an endpoint may have failed since it was told where to end: it refused that, or ended at once."""
    if not ask.sent_stops:
        return False
    is_refused = isinstance(error, RefusedError) and not isinstance(error, AuthError)
    return is_refused or (isinstance(error, BadReplyError) and error.retryable)


def _with_note_of_two(reply: Reply, hedge_s: float) -> Reply:
    note = f"a second attempt was made beside a first one that had not begun its reply within {hedge_s:g} s"
    return replace(reply, notes=(*reply.notes, note))


def _cut_key(call_id: str, number: int) -> str:
    """Return the name of the decision what a call's ``max_tokens`` is cut to, the first of its attempts being 0."""
    return f"{call_id}.max_tokens" if number == 0 else f"{call_id}.max_tokens.{number + 1}"


def _cut(ask: Ask, max_tokens: int) -> Ask:
    return replace(ask, agent=replace(ask.agent, max_tokens=max_tokens))


def _late(timeout: asyncio.Timeout, what: str, limit_s: float) -> str | None:
    """Return what did not come in time; None where this timeout did not expire."""
    return f"no {what} within {limit_s:g} s" if timeout.expired() else None


def _own_cancellation(error: asyncio.CancelledError, booking: Booking, collected: Collected) -> CallError:
    """Return the error of a provider that cancelled its own call; raise ``error`` where it was ended from outside."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        booking.attempt_cancelled(collected)
        raise error
    return CallError("the provider cancelled its own call")
