"""What one call leaves behind, whichever way it ends: its attempts, its record, its place in the log."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from attention_moa.accounting import was_refused
from attention_moa.collected import Ask, Collected, about_call
from attention_moa.errors import CallError, MoaError, call_error, describe
from attention_moa.events import (
    CallCancelled,
    CallFinished,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
)
from attention_moa.messages import CallRequest, Reply, Usage
from attention_moa.money import Price, cost_usd
from attention_moa.ports import RunJournal
from attention_moa.prompts import Fitted
from attention_moa.records import Attempt, CallRecord, CallState
from attention_moa.run_log import RunLog


class Booking:
    """What one call leaves in the log, whichever way it ends."""

    def __init__(self, log: RunLog, ask: Ask, *, journal: RunJournal | None, price: Price | None) -> None:
        """Tell that the call is queued, now; without a journal it is kept in the log alone."""
        self._price = price
        self._log = log
        self.ask = ask
        self._journal = journal
        self._queued_s = log.seconds()
        self._request: CallRequest | None = None
        self._notes: tuple[str, ...] = ()
        self._tags: tuple[str, ...] = ()
        self._asked: CallRequest | None = None
        self._open: list[Collected] = []
        self.key: str | None = None
        self.is_booked = False
        self.attempts: list[Attempt] = []
        log.tell(CallQueued(**about_call(log, ask)))

    def has_begun(self) -> bool:
        """Whether the first token of an attempt under way is here."""
        return any(collected.first_token_s is not None for collected in self._open)

    @property
    def request(self) -> CallRequest:
        """The request as it was prepared last."""
        if self._request is None:
            raise RuntimeError("no request was prepared")
        return self._request

    def prepared(self, request: CallRequest, fitted: Fitted) -> CallRequest:
        """Keep the request as it will be sent; return it as it was asked first, before any prompt was shortened."""
        self._request, self._notes, self._tags = request, fitted.notes, fitted.tags
        self._asked = self._asked or request
        return replace(request, messages=self._asked.messages)

    async def stored(self, key: str) -> CallRecord | None:
        """Return the call as it was journaled under its key; from here on it will be journaled under it."""
        self.key = key
        return await self._journal.find(key, call_id=self.ask.call_id) if self._journal is not None else None

    async def replayed(self, stored: CallRecord) -> Reply:
        """Put the call down as it was journaled, and return its reply; one of another run is now journaled in this one.

        Raises:
            CallError: It was lost, and so it is again.
            StoreError: The journal cannot be written.
        """
        self.attempts = list(stored.attempts)
        before = self._log.take_over(self.ask.call_id, self.key)
        is_own = stored.replayed_from in {None, *(call.replayed_from for call in before)}
        if stored.text is None or stored.finish_reason is None:
            self._put_down(stored)
            error = call_error(stored.error or "", stored.message or "lost before the run was interrupted")
            self._tell_lost(error)
            raise error
        reply = Reply(
            text=stored.text,
            thinking=stored.thinking,
            finish_reason=stored.finish_reason,
            usage=next((attempt.usage for attempt in stored.attempts if attempt.error is None), Usage()),
            model=stored.reply_model,
            notes=stored.notes,
            logprobs=stored.logprobs,
            tool_calls=stored.tool_calls,
        )
        if is_own:
            self._put_down(stored)
        else:  # so that the run has it whatever becomes of the other one, or comes after it
            await self._keep(self._borrowed(stored, before))
        about = about_call(self._log, self.ask)
        source = stored.replayed_from or self._log.run_id
        self._log.tell(
            CallReplayed(
                **about,
                text=reply.text,
                finish_reason=reply.finish_reason,
                usage=reply.usage,
                source=source,
                tool_calls=reply.tool_calls,
            )
        )
        return reply

    def _borrowed(self, stored: CallRecord, before: Sequence[CallRecord]) -> CallRecord:
        """Return another run's call as one of this run: it took no time and cost nothing but what was tried before."""
        attempts = tuple(attempt for call in before for attempt in call.attempts)
        now_s = self._log.seconds()
        return replace(stored, queued_s=self._queued_s, ended_s=now_s, attempts=attempts, reads=self.ask.reads)

    def attempt_started(self, waited_s: float = 0.0) -> Collected:
        """Return the place where the chunks of a new attempt go, which waited so long for its turn."""
        collected = Collected(self._log, self.request, self.ask, tags=self._tags, waited_s=waited_s)
        self._open.append(collected)
        number = len(self.attempts) + len(self._open)
        self._log.tell(CallStarted(**about_call(self._log, self.ask), attempt=number))
        return collected

    def attempt_ended(self, collected: Collected, kind: str | None = None, message: str | None = None) -> None:
        """Put an attempt down; without a kind it gave the reply."""
        self._open.remove(collected)
        collected.error = kind
        if kind is not None:
            collected.broke(message or kind)
        collected.require_plausible(self.request)
        attempt = Attempt(
            started_s=collected.started_s,
            ended_s=self._log.seconds(),
            first_token_s=collected.first_token_s,
            error=kind,
            message=message,
            usage=collected.usage,
            cost_usd=self._cost_usd(kind, collected.usage),
            waited_s=collected.waited_s,
        )
        self.attempts.append(attempt)

    def _cost_usd(self, kind: str | None, usage: Usage) -> float | None:
        return 0.0 if usage == Usage() and was_refused(kind) else cost_usd(usage, self._price)

    def attempt_failed(self, collected: Collected, error: MoaError) -> None:
        """Put an attempt down as failed."""
        self.attempt_ended(collected, type(error).__name__, describe(error))

    def attempt_cancelled(self, collected: Collected) -> None:
        """Put an attempt down as ended from outside."""
        self.attempt_ended(collected, "Cancelled", "ended from outside")

    def retried(self, error: MoaError, wait_s: float) -> None:
        """Tell that another attempt follows."""
        about = about_call(self._log, self.ask)
        told = CallRetried(
            **about, attempt=len(self.attempts), kind=type(error).__name__, message=describe(error), wait_s=wait_s
        )
        self._log.tell(told)

    async def finished(self, reply: Reply) -> None:
        """Put the call down with its reply, in the journal first.

        Raises:
            StoreError: The journal cannot be written; the log has the reply all the same.
        """
        try:
            await self._keep(self._record("finished", reply))
        finally:
            self._log.tell(
                CallFinished(
                    **about_call(self._log, self.ask),
                    text=reply.text,
                    finish_reason=reply.finish_reason,
                    usage=reply.usage,
                    elapsed_s=self._log.seconds() - self._queued_s,
                    notes=reply.notes,
                    tool_calls=reply.tool_calls,
                )
            )

    async def lost(self, error: MoaError) -> None:
        """Put the call down as lost; in the journal too where the call itself failed."""
        record = self._record("lost", None, error)
        try:
            await self._keep(record, is_journaled=isinstance(error, CallError))
        finally:
            self._tell_lost(error)

    def _tell_lost(self, error: MoaError) -> None:
        about, kind = about_call(self._log, self.ask), type(error).__name__
        self._log.tell(CallLost(**about, kind=kind, message=describe(error), attempts=len(self.attempts)))

    def cancelled(self) -> None:
        """Put the call down as ended from outside."""
        self._put_down(self._record("cancelled", None))
        self._log.tell(CallCancelled(**about_call(self._log, self.ask)))

    async def _keep(self, record: CallRecord, *, is_journaled: bool = True) -> None:
        try:
            if is_journaled and self._journal is not None and self.key is not None:
                await self._journal.put(self.key, record)
        finally:
            self._put_down(record)

    def _put_down(self, record: CallRecord) -> None:
        self.is_booked = True
        self._log.calls.append(record)

    def _record(self, state: CallState, reply: Reply | None, error: MoaError | None = None) -> CallRecord:
        ask, request = self.ask, self._request
        before = self._log.take_over(ask.call_id, self.key)  # what earlier lives of the run sent for nothing
        return CallRecord(
            call_id=ask.call_id,
            stage=ask.stage,
            layer=ask.layer,
            agent=ask.agent.name,
            peer=ask.peer,
            model=ask.agent.model,
            sampling=request.sampling if request else ask.agent.sampling,
            messages=request.messages if request else (),
            state=state,
            reads=ask.reads,
            queued_s=self._queued_s,
            ended_s=self._log.seconds(),
            attempts=(*(attempt for call in before for attempt in call.attempts), *self.attempts),
            text=reply.text if reply else None,
            thinking=reply.thinking if reply else "",
            finish_reason=reply.finish_reason if reply else None,
            reply_model=reply.model if reply else None,
            notes=reply.notes if reply else self._notes,
            logprobs=reply.logprobs if reply else (),
            fingerprint=self.key,
            error=type(error).__name__ if error else None,
            message=describe(error) if error else None,
            tools=request.tools if request else None,
            reply_format=request.reply_format if request else None,
            tool_calls=reply.tool_calls if reply else (),
        )
