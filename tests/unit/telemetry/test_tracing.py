"""Traces: a run, its layers, its calls, with the library's own exporter."""

from __future__ import annotations

import asyncio
import sys
import threading
import zlib
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FunctionType
from typing import Any, ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from attention_moa.errors import ConfigError, MoaError, RefusedError, ServerError
from attention_moa.events import AnswerDelta, CallCancelled, CallDelta, CallFinished, CallQueued, Event
from attention_moa.messages import Stage, Usage, user
from attention_moa.telemetry import open_metrics, open_tracing
from attention_moa.telemetry.tracing import Tracing
from tests.child import printed_by
from tests.lives import Cut, Story
from tests.worlds import Says, World, a_spec, in_turn

START_NS = 1_800_000_000_000_000_000
MARK = "plum-pudding-4711"


class Traced:
    """Spans of what happened in a world.

    Args:
        world: What ran there.
        events: What was told.
        headers: Of the request.
    """

    def __init__(
        self, world: World | Story, events: Sequence[Event] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracing = Tracing(provider, now_ns=lambda: START_NS)
        observer = tracing.of_run(world.spec, headers)
        for event in world.events if events is None else events:
            observer(event)
        self.spans: Sequence[ReadableSpan] = exporter.get_finished_spans()
        asyncio.run(tracing.aclose())
        asyncio.run(tracing.aclose())

    def named(self, start: str) -> list[ReadableSpan]:
        """Return the spans whose names begin so, in the order of their starts."""
        found = (span for span in self.spans if span.name.startswith(start))
        return sorted(found, key=lambda span: span.start_time or 0)

    def call(self, call_id: str) -> ReadableSpan:
        """Return a call's span."""
        (span,) = (span for span in self.spans if attributes(span).get("attention_moa.call_id") == call_id)
        return span


def attributes(span: ReadableSpan) -> dict[str, object]:
    """Return a span's attributes."""
    return dict(span.attributes or {})


def parent_of(span: ReadableSpan) -> int | None:
    """Return the id of the span that another is in."""
    return span.parent.span_id if span.parent is not None else None


def id_of(span: ReadableSpan) -> int:
    """Return a span's id."""
    assert span.context is not None
    return int(span.context.span_id)


def test_a_run_has_layers_and_they_have_calls() -> None:
    """Each in the one above, with the times of the run's own clock."""
    world = World(a_spec(2, name="two"), latency_s=lambda _: 2.0)
    record = world.run()
    traced = Traced(world)
    (run,) = traced.named("invoke_workflow two")
    layers = traced.named("layer ")
    assert [layer.name for layer in layers] == ["layer 1", "layer 2"]
    assert {parent_of(layer) for layer in layers} == {id_of(run)}
    calls = traced.named("chat ")
    assert len(calls) == len(record.calls)
    assert [parent_of(call) for call in calls[:9]] == [id_of(layers[0])] * 9
    assert parent_of(run) is None
    assert (run.start_time, run.end_time) == (START_NS, START_NS + round(record.wall_s * 1e9))
    answer = traced.call("1.answer.b")
    assert (answer.start_time, answer.end_time) == (START_NS, START_NS + 2_000_000_000)
    assert layers[0].end_time == layers[1].start_time


def test_attributes_have_the_agreed_names() -> None:
    """Those of ``gen_ai`` where there are any; unknown tokens are not there."""
    world = World(a_spec(2, name="two"))
    record = world.run()
    traced = Traced(world)
    call = attributes(traced.call("1.critique.a.b"))
    assert call == {
        "gen_ai.operation.name": "chat",
        "gen_ai.agent.name": "a",
        "gen_ai.provider.name": "test",
        "gen_ai.request.model": "a",
        "attention_moa.call_id": "1.critique.a.b",
        "attention_moa.stage": "critique",
        "attention_moa.layer": 1,
        "attention_moa.peer": "b",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 1,
    }
    (run,) = traced.named("invoke_workflow")
    told = attributes(run)
    assert (told["gen_ai.workflow.name"], told["attention_moa.state"]) == ("two", "finished")
    assert told["attention_moa.run_id"] == "run"
    assert told["gen_ai.usage.input_tokens"] == record.usage.input_tokens
    assert told["attention_moa.is_lower_bound"] is True
    last = attributes(traced.named("layer 2")[0])
    assert (last["attention_moa.rule"], last["attention_moa.is_stop"]) == ("last", False)
    assert sum(int(str(attributes(layer)["attention_moa.attempts"])) for layer in traced.named("layer")) == len(
        record.calls
    )


def test_what_goes_wrong_is_in_the_trace_and_no_text_is() -> None:
    """Attempts, retries and losses by kind; a failed run is an error."""
    script: dict[str, Says] = {
        "1.answer.a": in_turn(ServerError(f"you said {MARK}"), MARK),
        "1.answer.b": RefusedError(f"not {MARK}"),
        "summary": MARK,
    }
    world = World(a_spec(2), script, conversation=(user(MARK),), has_deltas=True)
    world.run()
    traced = Traced(world)
    names = [event.name for event in traced.call("1.answer.a").events]
    assert names == ["attempt", "retry", "attempt", "first token"]
    lost = traced.call("1.answer.b")
    assert lost.status.status_code is StatusCode.ERROR
    assert attributes(lost)["error.type"] == "RefusedError"
    (run,) = traced.named("invoke_workflow")
    kinds = [dict(event.attributes or {})["error.type"] for event in run.events if event.name == "result lost"]
    assert "RefusedError" in kinds
    assert run.status.status_code is not StatusCode.ERROR
    assert MARK not in "".join(span.to_json() for span in traced.spans)


def test_a_failed_run_is_an_error() -> None:
    """And all its spans have ended."""
    world = World(a_spec(1), {"answer": RefusedError("no")})
    with pytest.raises(MoaError):
        world.run()
    (run,) = Traced(world).named("invoke_workflow")
    assert run.status.status_code is StatusCode.ERROR
    assert attributes(run)["attention_moa.state"] == "failed"


def test_a_run_that_goes_on_names_who_paid() -> None:
    """Its spans begin where its clock goes on."""
    story = Story(a_spec(2), seed=3)
    story.live(Cut(at_s=9.0, is_kill=False))
    of_first = len(story.events)
    record = story.live()
    first = Traced(story, story.events[:of_first])
    assert any(attributes(span).get("attention_moa.is_cancelled") for span in first.spans)
    traced = Traced(story, story.events[of_first:])
    (run,) = traced.named("invoke_workflow")
    assert attributes(run)["attention_moa.is_resumed"] is True
    assert run.start_time == START_NS
    replayed = [span for span in traced.spans if "attention_moa.replayed_from" in attributes(span)]
    assert replayed
    assert {attributes(span)["attention_moa.replayed_from"] for span in replayed} == {record.run_id}


def test_spans_that_are_left_open_end_with_the_run() -> None:
    """And what comes before its start, or after its end, is no part of it."""
    world = World(a_spec(1))
    world.run()
    call: dict[str, Any] = {
        "run_id": "run",
        "at_s": 0.5,
        "call_id": "1.answer.x",
        "stage": Stage.ANSWER,
        "layer": 1,
        "agent": "x",
    }
    queued = CallQueued(**call)
    start, *rest = world.events
    end = rest.pop()
    stray = CallFinished(**call, text="", finish_reason="stop", usage=Usage(), elapsed_s=0.0)
    unknown = CallCancelled(**(call | {"call_id": "9"}))
    pieces = (CallDelta(**call, text="x"), AnswerDelta(run_id="run", at_s=0.0, text="x"))
    traced = Traced(world, (stray, start, queued, unknown, *pieces, end, stray))
    open_call = traced.call("1.answer.x")
    assert attributes(open_call)["gen_ai.request.model"] == ""
    assert open_call.name == "chat"
    assert open_call.end_time == traced.named("invoke_workflow")[0].end_time == traced.named("layer 1")[0].end_time


def test_a_run_is_part_of_the_trace_that_asked_for_it() -> None:
    """By the request's ``traceparent``; nonsense in it begins a trace of its own."""
    world = World(a_spec(1))
    world.run()
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    (run,) = Traced(world, headers={"Traceparent": f"00-{trace_id}-{span_id}-01"}).named("invoke_workflow")
    assert run.context is not None
    assert (f"{run.context.trace_id:032x}", parent_of(run)) == (trace_id, int(span_id, 16))
    (other,) = Traced(world, headers={"traceparent": "00-zz-1\r\n-01", "tracestate": "x" * 9999}).named(
        "invoke_workflow"
    )
    assert parent_of(other) is None


class Receiver(BaseHTTPRequestHandler):
    """Takes spans as a collector does."""

    got: ClassVar[list[tuple[str, ExportTraceServiceRequest]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = zlib.decompress(body, 31) if self.headers.get("Content-Encoding") == "gzip" else body
        self.got.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


def test_spans_are_sent_to_where_the_usual_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """By OTLP over HTTP; closing sends what is left."""
    world = World(a_spec(1, name="one"))
    world.run()
    Receiver.got.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
            tracing = open_tracing()
            observer = tracing.of_run(world.spec)
            for event in world.events:
                observer(event)
            asyncio.run(tracing.aclose())
        finally:
            server.shutdown()
            serving.join()
    (path, sent), *more = Receiver.got
    assert (path, more) == ("/v1/traces", [])
    (resource,) = sent.resource_spans
    assert "attention-moa" in {attribute.value.string_value for attribute in resource.resource.attributes}
    assert "invoke_workflow one" in {span.name for scope in resource.scope_spans for span in scope.spans}


@pytest.mark.parametrize(
    ("library", "opens", "extra"),
    [("prometheus_client", open_metrics, "server"), ("opentelemetry", open_tracing, "otel")],
)
def test_what_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, library: str, opens: FunctionType, extra: str
) -> None:
    """A fault of our own is not taken for it."""
    ours = f"attention_moa.telemetry.{opens.__name__.removeprefix('open_')}"
    monkeypatch.delitem(sys.modules, ours, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=rf"pip install 'attention-moa\[{extra}\]'"):
        opens()
    monkeypatch.setitem(sys.modules, ours, None)
    with pytest.raises(ModuleNotFoundError, match=ours):
        opens()


def test_no_library_is_loaded_before_it_is_needed() -> None:
    """The package and its log lines do without them."""
    code = (
        "import sys, attention_moa.telemetry.logs;"
        " print(*(name for name in sys.modules if name.startswith(('prometheus', 'opentelemetry'))))"
    )
    assert printed_by(code).strip() == ""
