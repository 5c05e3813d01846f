"""One simulated model: its line, its cache, its limits, and the life of a request to it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from attention_moa.fleet.cache import PrefixCache
from attention_moa.fleet.chances import taken
from attention_moa.fleet.clock import Clock, Stopwatch
from attention_moa.fleet.draws import draw
from attention_moa.fleet.jobs import BREAKING, Job, write
from attention_moa.fleet.log import Visit
from attention_moa.fleet.places import Places, QueueFullError
from attention_moa.fleet.rates import RateExceededError, Rates
from attention_moa.fleet.refusals import failure, gave_up, too_long, too_many
from attention_moa.fleet.replies import DONE, Call, Head, call_delta, error_document, error_event, page, pieces
from attention_moa.fleet.requests import ChatRequest
from attention_moa.fleet.sending import HTML, Sender
from attention_moa.fleet.spec import FleetSpec, ModelSpec
from attention_moa.fleet.stats import ModelStats
from attention_moa.fleet.texts import FAULTYTEXT
from attention_moa.fleet.tokens import BYTES_A_TOKEN, count_tokens

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

_LONGEST_HANG_S = 3600.0


class SimulatedModel:
    """A model of the fleet with all that it remembers.

    Args:
        fleet: The fleet.
        spec: The model.
        clock: Simulated time.
    """

    def __init__(self, fleet: FleetSpec, spec: ModelSpec, clock: Clock) -> None:
        """Start with nothing remembered."""
        self._fleet = fleet
        self._spec = spec
        self._faults = fleet.faults_of(spec)
        self._clock = clock
        self._places = Places(spec.concurrency, spec.queue)
        self.reset()

    def reset(self) -> None:
        """Forget the cache, the limits and the counts; requests under way go on."""
        self._cache = PrefixCache(self._spec.cache_tokens)
        self._rates = Rates(self._spec.rpm, self._spec.tpm)
        self._stats = ModelStats()

    @property
    def stats(self) -> ModelStats:
        """The counts so far."""
        self._stats.working, self._stats.waiting = self._places.busy, self._places.waiting
        return self._stats

    def record(self, visit: Visit) -> None:
        """Count a visit that is over."""
        self._stats.add(visit)

    async def answer(self, request: BaseRequest, asked: ChatRequest, visit: Visit) -> StreamResponse:
        """Return the response to a request, faults included; the visit is filled in meanwhile.

        Args:
            request: Whom to answer.
            asked: What was asked.
            visit: Its entry in the log.
        """
        prompt_tokens = count_tokens(asked.prompt)
        sender = Sender(request, {"x-request-id": f"req-{visit.request}-{visit.times}"} | self._rate_headers())
        if self._spec.context_tokens is not None and prompt_tokens > self._spec.context_tokens:
            return too_long(sender, visit, prompt_tokens, self._spec.context_tokens)
        drawn = draw(self._fleet, self._spec, asked.digest, visit.times)
        if drawn.fault == "rate_limit":
            visit.fault = drawn.fault
            wait_s = self._faults.retry_after_s * self._clock.scale
            return too_many(sender, visit, "drawn by lot", wait_s)
        if (refusal := failure(sender, visit, drawn.fault)) is not None:
            return refusal
        job = Job(asked, prompt_tokens, drawn, write(asked, drawn), sender, visit)
        if visit.has_messages:
            visit.reply = job.words.text
        try:
            self._rates.take(prompt_tokens + job.words.tokens, self._clock.now_s())
        except RateExceededError as error:
            return too_many(sender, visit, str(error), error.wait_s * self._clock.real_scale)
        sender.headers.update(self._rate_headers())
        try:
            return await self._in_line(job)
        except QueueFullError:
            why = f"{self._spec.queue} requests wait already"
            return too_many(sender, visit, why, self._clock.scale)

    def _rate_headers(self) -> dict[str, str]:
        return self._rates.headers(self._clock.now_s(), self._clock.real_scale)

    async def _in_line(self, job: Job) -> StreamResponse:
        line = self._clock.start()
        async with self._places.place():
            job.visit.queue_s = round(line.elapsed_s, 3)
            watch = self._clock.start()
            try:
                return await self._work(job, watch)
            finally:
                job.visit.busy_s = round(watch.spent_s, 3)

    async def _work(self, job: Job, watch: Stopwatch) -> StreamResponse:
        visit, drawn, prompt = job.visit, job.drawn, job.asked.prompt
        visit.fault = drawn.fault
        if drawn.fault == "hang":
            await asyncio.sleep(_LONGEST_HANG_S)
            return job.sender.reset()
        cached_tokens = self._cache.cached_tokens(prompt)
        fresh_tokens = job.prompt_tokens - cached_tokens
        await watch.until(drawn.first_token_s + fresh_tokens / self._spec.prefill_tps * drawn.pace)
        self._cache.keep(prompt)
        if drawn.fault == "reset" and (drawn.depth < 0.5 or not job.asked.is_streamed):
            return job.sender.reset()
        visit.status = 200
        if drawn.fault == "wrong_type":
            return job.sender.whole(page("Sign in", FAULTYTEXT), kind=HTML)
        # Only now: what comes without a reply uses no tokens, and no client books any for it.
        visit.prompt_tokens, visit.cached_tokens = job.prompt_tokens, cached_tokens
        return await (self._stream(job, watch) if job.asked.is_streamed else self._whole(job, watch))

    async def _whole(self, job: Job, watch: Stopwatch) -> StreamResponse:
        fault, words = job.drawn.fault, job.words
        job.has_written(len(words.thinking), len(words.text))
        await watch.until(watch.due_s + self._decode_s(job, job.visit.output_tokens))
        body = self._head(job).whole(
            words.text,
            words.thinking,
            words.finish,
            job.usage(),
            has_choice=fault != "no_choices",
            logprobs=job.logprobs(),
            call=Call(job.call_id, words.tool) if words.tool else None,
        )
        if fault == "cut":
            return await job.sender.half(body)
        if fault == "malformed":
            return job.sender.whole(body[: len(body) // 2] + b'"}]')
        if fault == "error_in_reply":
            return job.sender.whole(error_document(gave_up(), kind="server_error", code="server_error"))
        self._finish(job)
        return job.sender.whole(body)

    async def _stream(self, job: Job, watch: Stopwatch) -> StreamResponse:
        sender, head = job.sender, self._head(job)
        sender.add(head.event({"role": "assistant", "content": ""}))
        if job.drawn.fault in BREAKING:
            said = max(len(FAULTYTEXT) + 1, round(len(job.words.text) * job.drawn.depth))
            await self._write(job, head, watch, job.words.text[:said])
            return await self._break_off(job, head)
        await self._write(job, head, watch, job.words.text)
        sender.add(head.event({}, job.words.finish))
        if job.asked.has_usage:
            sender.add(head.usage_event(job.usage()))
        sender.add(DONE)
        response = await sender.end()
        self._finish(job)
        return response

    async def _write(self, job: Job, head: Head, watch: Stopwatch, text: str) -> None:
        """Stream thinking and text, piece by piece, each when it is due."""
        if job.drawn.fault == "no_choices":
            return
        begun_s, thinking, size = watch.due_s, job.words.thinking, self._fleet.chunk_tokens
        chances = job.logprobs()
        field_of_text = "arguments" if job.words.tool else "content"
        written = 0
        for field, whole in (("reasoning_content", thinking), (field_of_text, text)):
            if field == "arguments":
                job.sender.add(head.event(call_delta(Call(job.call_id, job.words.tool).begun(""))))
            for piece in pieces(whole, size):
                written += len(piece)
                due_s = begun_s + self._decode_s(job, written / BYTES_A_TOKEN)
                if watch.is_early(due_s):
                    await job.sender.flush()
                await watch.until(due_s)
                job.has_written(min(written, len(thinking)), max(written - len(thinking), 0))
                told, chances = (None, chances) if chances is None or whole is thinking else taken(chances, piece)
                delta = call_delta({"function": {field: piece}}) if field == "arguments" else {field: piece}
                job.sender.add(head.event(delta, logprobs=told))

    async def _break_off(self, job: Job, head: Head) -> StreamResponse:
        """End a stream in the middle, in the way of its fault."""
        sender, fault = job.sender, job.drawn.fault
        if fault == "reset":
            await sender.flush()
            return sender.reset()
        if fault == "malformed":
            sender.add(b'data: {"choices":[{"index":0,"delta":{"content":"' + FAULTYTEXT.encode() + b"\n\n")
        elif fault == "error_in_reply":
            sender.add(error_event(gave_up()))
        elif fault == "no_choices":
            sender.add(head.usage_event(job.usage()) + DONE)
        return await sender.end()

    def _head(self, job: Job) -> Head:
        return Head(f"chatcmpl-{job.visit.request}-{job.visit.times}", int(time.time()), self._spec.name)

    def _decode_s(self, job: Job, tokens: float) -> float:
        slower = self._faults.drip_factor if job.drawn.fault == "drip" else 1.0
        return tokens / self._spec.decode_tps * job.drawn.pace * slower

    def _finish(self, job: Job) -> None:
        """Take note of a reply that was sent to its end."""
        job.visit.is_whole = job.drawn.fault not in {"empty", "no_choices"}
        self._cache.keep(job.asked.prompt + job.words.text.encode() + b"\n")
