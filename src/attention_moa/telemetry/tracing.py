"""Runs as traces of OpenTelemetry: a span for the run, in it one for each layer, in these one for each call.

Attributes have the ``gen_ai.*`` names where there are any. No text of a conversation is in a trace, nor what an
endpoint says of an error: it may quote one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from attention_moa import __version__
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.events import (
    CallCancelled,
    CallFinished,
    CallFirstToken,
    CallHappening,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
    Event,
    Happening,
    LayerFinished,
    ResultLost,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import Usage
from attention_moa.ports import Observer
from attention_moa.records import UsageTotal

if TYPE_CHECKING:
    from opentelemetry.context import Context

Attributes: TypeAlias = dict[str, str | bool | int | float | tuple[str, ...]]


def otlp_provider() -> TracerProvider:
    """Return what sends spans by OTLP over HTTP, with the endpoint and headers of OpenTelemetry's own variables."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    resource = Resource.create({"service.name": "attention-moa", "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Tracing:
    """Makes spans of runs.

    Args:
        provider: Takes the spans; it is shut down with this.
        now_ns: Nanoseconds since 1970.
    """

    def __init__(self, provider: TracerProvider, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Keep the provider."""
        self._provider = provider
        self._tracer = provider.get_tracer("attention_moa", __version__)
        self._now_ns = now_ns

    def of_run(self, spec: EnsembleSpec, headers: Mapping[str, str] | None = None) -> Observer:
        """Return an observer of one run.

        Args:
            spec: What runs: events name agents, spans their models too.
            headers: Of the request that asked for it: a ``traceparent`` among them makes the run a part of that trace.
        """
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        parent = TraceContextTextMapPropagator().extract(lowered)
        models = {agent.name: agent.model for agent in all_agents(spec)}
        return _RunSpans(self._tracer, parent, models, self._now_ns)

    async def aclose(self) -> None:
        """Send what is left, beside the event loop, and let go; idempotent."""
        await asyncio.to_thread(self._provider.shutdown)


class _RunSpans:
    """The spans of one run.

    Args:
        tracer: Makes them.
        parent: The context of who asked.
        models: ``provider:model`` by agent.
        now_ns: Nanoseconds since 1970.
    """

    def __init__(self, tracer: Tracer, parent: Context, models: Mapping[str, str], now_ns: Callable[[], int]) -> None:
        """Start without any."""
        self._tracer = tracer
        self._parent = parent
        self._models = models
        self._now_ns = now_ns
        self._begin_ns = 0
        self._run: Span | None = None
        self._layers: dict[int, Span] = {}
        self._calls: dict[str, Span] = {}
        self._tells: dict[type[Happening], Callable[[Any, Span], None]] = {
            CallStarted: self._attempt,
            CallFirstToken: self._first_token,
            CallRetried: self._retried,
            CallFinished: self._finished,
            CallReplayed: self._replayed,
            CallLost: self._lost,
            CallCancelled: self._cancelled,
        }

    def __call__(self, event: Event, /) -> None:
        """Put an event down."""
        if isinstance(event, RunStarted):
            self._begin(event)
        elif self._run is None:
            return
        elif isinstance(event, CallQueued):
            self._queued(event)
        elif isinstance(event, CallHappening):
            tell, span = self._tells.get(type(event)), self._calls.get(event.call_id)
            if tell is not None and span is not None:
                tell(event, span)
        else:
            self._of_run(event, self._run)

    def _of_run(self, event: Happening, run: Span) -> None:
        if isinstance(event, LayerFinished):
            self._layer(event.layer, event).set_attributes(_total(event.usage))
        elif isinstance(event, VerdictReached):
            verdict = event.verdict
            layer = self._layers.pop(verdict.layer, None)
            if layer is not None:
                layer.set_attributes({"attention_moa.rule": verdict.rule, "attention_moa.is_stop": verdict.is_stop})
                layer.end(self._ns(event))
        elif isinstance(event, ResultLost):
            loss = event.loss
            about = {"attention_moa.stage": loss.stage.value, "gen_ai.agent.name": loss.agent, "error.type": loss.kind}
            run.add_event("result lost", about, self._ns(event))
        elif isinstance(event, RunFinished):
            self._end(event, run)

    def _ns(self, event: Happening) -> int:
        return self._begin_ns + round(event.at_s * 1e9)

    def _begin(self, event: RunStarted) -> None:
        self._begin_ns = self._now_ns() - round(event.at_s * 1e9)
        attributes: Attributes = {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": event.ensemble,
            "attention_moa.run_id": event.run_id,
            "attention_moa.is_resumed": event.is_resumed,
        }
        self._run = self._tracer.start_span(
            f"invoke_workflow {event.ensemble}", self._parent, attributes=attributes, start_time=self._ns(event)
        )

    def _end(self, event: RunFinished, run: Span) -> None:
        for span in (*self._calls.values(), *self._layers.values()):
            span.end(self._ns(event))
        self._calls.clear()
        self._layers.clear()
        run.set_attributes({"attention_moa.state": event.state, **_total(event.usage)})
        if event.state == "failed":
            run.set_status(Status(StatusCode.ERROR))
        run.end(self._ns(event))
        self._run = None

    def _layer(self, number: int, event: Happening) -> Span:
        """Return a layer's span, begun with its first event."""
        if number not in self._layers:
            self._layers[number] = self._tracer.start_span(
                f"layer {number}",
                self._in(self._run),
                attributes={"attention_moa.layer": number},
                start_time=self._ns(event),
            )
        return self._layers[number]

    @staticmethod
    def _in(span: Span | None) -> Context | None:
        return trace.set_span_in_context(span) if span is not None else None

    def _queued(self, event: CallQueued) -> None:
        model = self._models.get(event.agent, "")
        provider, _, name = model.partition(":")
        attributes: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.agent.name": event.agent,
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": name,
            "attention_moa.call_id": event.call_id,
            "attention_moa.stage": event.stage.value,
            "attention_moa.layer": event.layer,
        }
        if event.peer is not None:
            attributes["attention_moa.peer"] = event.peer
        self._calls[event.call_id] = self._tracer.start_span(
            f"chat {name}".rstrip(),
            self._in(self._layer(event.layer, event)),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=self._ns(event),
        )

    def _attempt(self, event: CallStarted, span: Span) -> None:
        span.add_event("attempt", {"attention_moa.attempt": event.attempt}, self._ns(event))

    def _first_token(self, event: CallFirstToken, span: Span) -> None:
        span.add_event("first token", timestamp=self._ns(event))

    def _retried(self, event: CallRetried, span: Span) -> None:
        about: Attributes = {
            "attention_moa.attempt": event.attempt,
            "error.type": event.kind,
            "attention_moa.wait_s": event.wait_s,
        }
        span.add_event("retry", about, self._ns(event))

    def _finished(self, event: CallFinished, span: Span) -> None:
        span.set_attributes({"gen_ai.response.finish_reasons": (event.finish_reason,), **_usage(event.usage)})
        self._close(event, span)

    def _replayed(self, event: CallReplayed, span: Span) -> None:
        span.set_attributes(
            {"gen_ai.response.finish_reasons": (event.finish_reason,), "attention_moa.replayed_from": event.source}
        )
        self._close(event, span)

    def _lost(self, event: CallLost, span: Span) -> None:
        span.set_attribute("error.type", event.kind)
        span.set_status(Status(StatusCode.ERROR))
        self._close(event, span)

    def _cancelled(self, event: CallCancelled, span: Span) -> None:
        span.set_attribute("attention_moa.is_cancelled", value=True)
        self._close(event, span)

    def _close(self, event: CallHappening, span: Span) -> None:
        span.end(self._ns(event))
        del self._calls[event.call_id]


def _usage(usage: Usage) -> Attributes:
    """Return a call's tokens, as far as they are known."""
    counts = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    return {name: count for name, count in counts.items() if count is not None}


def _total(usage: UsageTotal) -> Attributes:
    """Return a sum; a lower bound where something is not known, and then it says so."""
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "attention_moa.attempts": usage.calls,
        "attention_moa.cost_usd": usage.cost_usd,
        "attention_moa.is_lower_bound": bool(usage.unknown_calls or usage.unpriced_calls),
    }
