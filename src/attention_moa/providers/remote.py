"""Models behind an API: a thin adapter of pydantic-ai's direct interface. Messages and errors, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec.structs import replace
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
)
from pydantic_ai.models.openai import OpenAIChatModel

from attention_moa.agents import ModelSettings
from attention_moa.errors import CallError, RateLimitError, ServerError
from attention_moa.messages import CONNECT_TIMEOUT_S, CallRequest, Chunk, FinishReason, RateHint, Sampling, Usage
from attention_moa.providers.echoes import Echoes
from attention_moa.providers.http import SharedHttp, listening, timeout
from attention_moa.providers.logprobs import read_logprobs
from attention_moa.providers.remote_errors import as_call_error
from attention_moa.providers.remote_messages import Rendered, render_messages, render_settings
from attention_moa.providers.remote_models import build_model
from attention_moa.providers.remote_tools import CallPieces, render_wishes, whole_calls

if TYPE_CHECKING:
    from pydantic_ai.models import ModelRequestParameters, StreamedResponse
    from pydantic_ai.settings import ModelSettings as Settings
    from pydantic_ai.usage import RequestUsage

_FINISHES: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
}
_BROKEN_OFF = {"error", "abort", "aborted", "cancelled", "failed"}


class _Finish(NamedTuple):
    """Why a reply ended, and what there is to note about it."""

    reason: FinishReason | None
    notes: tuple[str, ...] = ()


class RemoteProvider:
    """One model behind an API.

    One call of ``stream`` is one HTTP request: the SDKs' own retries are off. Unset sampling settings are not sent.

    Args:
        settings: ``model`` and ``base_url`` decide where requests go.
        api_key: None where the endpoint needs none.
        http: The HTTP client that providers share; None for one of its own, which it then closes.
        key: The dotted name of the field that holds the model, for errors.

    Raises:
        ConfigError: The provider is not known, its package is missing, or it lacks a key or an address.
    """

    def __init__(
        self, settings: ModelSettings, *, api_key: str | None = None, http: SharedHttp | None = None, key: str = "model"
    ) -> None:
        """Build the library's model; nothing is connected yet."""
        self._http = http or SharedHttp()
        self._owns_http = http is None
        self._settings = settings
        self._api_key = api_key
        self._key = key
        self._client = self._http.client()
        self._remote = build_model(settings, api_key, self._client, key=key)
        self._stack: AsyncExitStack | None = None

    async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the reply to one request, as ``Provider.stream`` says."""
        await self._enter()
        model = self._remote.model
        messages = render_messages(request, model)
        rendered, parameters = self._render(request)
        settings = rendered.settings
        heard: list[RateHint] = []
        echoes = Echoes(self._api_key)
        try:
            if not request.is_streamed:
                with listening() as heard:
                    whole = await model_request(
                        model, messages, model_settings=settings, model_request_parameters=parameters
                    )
                yield echoes.clean(self._whole(whole, rendered, heard), is_last=True)
                return
            async with AsyncExitStack() as stack:
                with listening() as heard:
                    opening = model_request_stream(
                        model, messages, model_settings=settings, model_request_parameters=parameters
                    )
                    reply = await stack.enter_async_context(opening)
                calls = CallPieces()
                try:
                    if heard:
                        yield Chunk(rate=heard[-1])
                    async for event in reply:
                        if (chunk := _delta(event, calls)) is not None:
                            yield echoes.clean(chunk)
                except GeneratorExit:
                    # In a task of its own: awaited from in here, while this generator itself is being closed, it makes
                    # CPython 3.11 crash at exit (seen with PYTHONMALLOC=debug).
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_close(reply))
                    raise
                yield echoes.clean(self._last(reply, rendered), is_last=True)
        except CallError:
            raise
        except Exception as error:  # foreign code over a foreign reply: whatever comes out is mapped
            mapped = as_call_error(error, address=self._remote.provider.base_url, secret=self._api_key)
            raise _with_wait(mapped, heard) from error

    async def aclose(self) -> None:
        """Close the SDK's own client and, where it is ours alone, the HTTP client; idempotent.

        A later call opens them anew.
        """
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()
        if self._owns_http:
            await self._http.aclose()

    async def _enter(self) -> None:
        """Make sure of an open client, and tell an SDK with one of its own that it is in use, so that it closes it."""
        if self._client is not self._http.client():
            self._client = self._http.client()
            self._remote = build_model(self._settings, self._api_key, self._client, key=self._key)
        if self._stack is None:
            self._stack = AsyncExitStack()
            await self._stack.enter_async_context(self._remote.provider)

    def _render(self, request: CallRequest) -> tuple[Rendered, ModelRequestParameters]:
        """Return the settings and parameters that are sent, and notes on what cannot be."""
        wishes = render_wishes(request, self._remote.model)
        sampling, notes = request.sampling, wishes.notes
        if wishes.has_no_thinking:
            sampling = replace(sampling, thinking=False)
            notes += ("thinking was switched off: the model cannot think where it is made to call a tool",)
        if wishes.body:
            sampling = replace(sampling, extra_body={**(sampling.extra_body or {}), **wishes.body})
        rendered = self._rendered(request, sampling)
        settings = cast("Settings", {**rendered.settings, **wishes.settings})
        return Rendered(settings, (*notes, *rendered.notes)), wishes.parameters

    def _rendered(self, request: CallRequest, sampling: Sampling) -> Rendered:
        limits = timeout(request.connect_timeout_s) if self._remote.has_our_client else None
        rendered = render_settings(sampling, self._remote.model, timeout=limits)
        if limits is not None or request.connect_timeout_s == CONNECT_TIMEOUT_S:
            return rendered
        note = f"connect_timeout_s has no effect on {request.model}: its client library has a limit of its own"
        return rendered._replace(notes=(*rendered.notes, note))

    def _whole(self, reply: ModelResponse, rendered: Rendered, heard: list[RateHint]) -> Chunk:
        finish, notes = self._finish(reply, is_whole=True)
        return Chunk(
            text="".join(part.content for part in reply.parts if isinstance(part, TextPart)),
            thinking="".join(part.content for part in reply.parts if isinstance(part, ThinkingPart)),
            finish_reason=finish,
            usage=_usage(reply.usage),
            model=reply.model_name,
            notes=(*rendered.notes, *notes),
            logprobs=read_logprobs((reply.provider_details or {}).get("logprobs")),
            rate=heard[-1] if heard else None,
            tool_calls=whole_calls(reply),
        )

    def _last(self, reply: StreamedResponse, rendered: Rendered) -> Chunk:
        finish, notes = self._finish(reply, is_whole=False)
        return Chunk(
            finish_reason=finish,
            usage=_usage(reply.usage),
            model=reply.model_name,
            notes=(*rendered.notes, *notes),
            logprobs=read_logprobs((reply.provider_details or {}).get("logprobs")),
        )

    def _finish(self, reply: ModelResponse | StreamedResponse, *, is_whole: bool) -> _Finish:
        """Return why a reply ended, in the endpoint's own words where the library makes one up."""
        found = _FINISHES.get(reply.finish_reason or "")
        details = reply.provider_details or {}
        said = details.get("finish_reason")
        if said in _BROKEN_OFF or reply.finish_reason == "error":
            raise ServerError(f"the endpoint broke off its reply: {said or 'error'}")
        if said and not found:
            return _Finish("stop", (f"finish reason {said!r} was taken as stop",))
        if said or "refusal" in details or not isinstance(self._remote.model, OpenAIChatModel):
            return _Finish(found)
        if is_whole:
            # A JSON document that parses is whole, whatever it leaves out.
            return _Finish("stop", ("the endpoint gave no finish reason",))
        return _Finish(None)


def _with_wait(error: CallError, heard: list[RateHint]) -> CallError:
    """Return a refusal that says how long to wait also where only the rate headers tell it."""
    if isinstance(error, RateLimitError) and error.retry_after_s is None and heard and heard[-1].is_spent:
        error.retry_after_s = heard[-1].reset_s
    return error


async def _close(reply: StreamedResponse) -> None:
    """End a stream that is not wanted any more: close the connection, then run the library's generators to their end.

    Left to the garbage collector, each of those would be closed by a task of its own, some time later.
    """
    await reply.cancel()
    with suppress(Exception):  # how a stream ends after its connection was closed is of no interest
        async for _ in reply:
            pass


def _delta(event: ModelResponseStreamEvent, calls: CallPieces) -> Chunk | None:
    """Return what an event adds to text, thinking or tool calls; None where it adds nothing."""
    if pieces := calls.of(event):
        return Chunk(tool_calls=pieces)
    text = thinking = ""
    if isinstance(event, PartStartEvent):
        text = event.part.content if isinstance(event.part, TextPart) else ""
        thinking = event.part.content if isinstance(event.part, ThinkingPart) else ""
    elif isinstance(event, PartDeltaEvent):
        text = event.delta.content_delta if isinstance(event.delta, TextPartDelta) else ""
        thinking = (event.delta.content_delta or "") if isinstance(event.delta, ThinkingPartDelta) else ""
    return Chunk(text=text, thinking=thinking) if text or thinking else None


def _usage(usage: RequestUsage) -> Usage:
    """Return the tokens of a reply; what the endpoint did not say is unknown, not zero."""
    if usage.unmeasured_requests:
        return Usage()
    said = vars(usage)  # the attributes read as 0 where the endpoint said nothing; these are the ones that were set
    return Usage(
        input_tokens=said.get("input_tokens"),
        cached_tokens=said.get("cache_read_tokens"),
        cache_write_tokens=said.get("cache_write_tokens"),
        output_tokens=said.get("output_tokens"),
        reasoning_tokens=said.get("output_reasoning_tokens"),
    )
