"""An ensemble as a model of pydantic-ai: whatever runs on such a model runs on an ensemble, in process.

    from pydantic_ai import Agent
    from attention_moa.frameworks.pydantic_ai import EnsembleModel

    agent = Agent(EnsembleModel("paper-small"), tools=[search])
    print(agent.run_sync("Why is the sky blue?").output)

One request of the agent is one run of the ensemble. The ensemble's agents advise on the tools, its writers call them. A
structured output is asked of the writers natively and checked; a text that does not fit goes back once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import ModelAPIError, UserError
from pydantic_ai.messages import FinishReason, ModelMessage, ModelResponse, ModelResponseStreamEvent
from pydantic_ai.messages import TextPart as TheirTextPart
from pydantic_ai.messages import ToolCallPart as TheirToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.usage import RequestUsage

from attention_moa.errors import ConfigError, MoaError, describe
from attention_moa.events import AnswerDelta, AnswerReset
from attention_moa.frameworks.pydantic_ai_messages import IGNORED, Asked, read_request
from attention_moa.frameworks.shared import SharedEnsemble
from attention_moa.frameworks.told import told
from attention_moa.messages import FinishReason as OurFinishReason
from attention_moa.records import RunRecord, UsageTotal
from attention_moa.run_stream import RunStream
from attention_moa.runtime import Ensemble
from attention_moa.sampled import sampled

if TYPE_CHECKING:
    from pydantic_ai import RunContext
    from pydantic_ai.profiles import ModelProfileSpec
    from pydantic_ai.settings import ModelSettings

_SYSTEM = "attention-moa"
_PROFILE = ModelProfile(
    supports_tools=True,
    supports_json_schema_output=True,
    supports_json_object_output=True,
    supports_image_input=True,
    supports_thinking=True,
    default_structured_output_mode="native",  # it is checked, and goes back once where it does not fit
)
_FINISHES: dict[OurFinishReason | None, FinishReason] = {
    "stop": "stop",
    "cut": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_call",
}


@dataclass(init=False, eq=False)
class EnsembleModel(Model[None]):
    """A model of pydantic-ai that is an ensemble.

    Args:
        ensemble: A shipped name, the path of a file, or an ensemble. One that is named is open while a request is under
            way, and while an agent or the model is entered; an ensemble is entered by who made it.
        journal: Where every finished call of a named one is kept: a path or a URL; None keeps nothing.
        settings: Defaults of the model's settings; ``temperature``, ``max_tokens`` and the like go to the agents that
            write the answer.
        profile: Over what is known of ensembles: tools, JSON schemas, images and thinking can be asked for.

    Raises:
        ConfigError: The name is unknown, or the file is wrong.
    """

    unsupported_settings = IGNORED
    _unsupported_file_inputs = frozenset({"audio", "document", "video"})

    ensemble: SharedEnsemble = field(repr=False)

    def __init__(
        self,
        ensemble: Ensemble | str | Path,
        *,
        journal: str | Path | None = None,
        settings: ModelSettings | None = None,
        profile: ModelProfileSpec | None = None,
    ) -> None:
        """Load the ensemble where it is named; nothing is connected yet."""
        self.ensemble = SharedEnsemble(ensemble, journal=journal)
        super().__init__(settings=settings, profile=profile if profile is not None else _PROFILE)

    @property
    def model_name(self) -> str:
        """The ensemble's name."""
        return self.ensemble.spec.name

    @property
    def system(self) -> str:
        """Who provides the model."""
        return _SYSTEM

    async def __aenter__(self) -> EnsembleModel:
        """Keep a named ensemble open until the last who entered leaves."""
        await self.ensemble.enter()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        """Let go of it with the last."""
        await self.ensemble.leave()

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Return the answer of one run.

        Raises:
            UserError: The request asks for what an ensemble cannot do, or the ensemble cannot run as it is.
            ModelAPIError: There is no answer; ``__cause__`` has the run's record in ``partial``.
        """
        asked, _ = self._asked(messages, model_settings, model_request_parameters)
        with _errors_of(self.model_name):
            spec = sampled(self.ensemble.spec, asked.sampling)
            async with self.ensemble.used() as ensemble:
                record = await ensemble.run(asked.conversation, wanted=asked.wanted, spec=spec)
        return ModelResponse(
            parts=list(_parts(record)),
            usage=_usage(record.usage),
            model_name=self.model_name,
            timestamp=datetime.fromisoformat(record.created_at),
            provider_name=_SYSTEM,
            provider_details=_details(record, asked),
            provider_response_id=record.run_id,
            finish_reason=_FINISHES.get(record.finish_reason),
        )

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,  # noqa: ARG002 - the library's signature
    ) -> AsyncGenerator[StreamedResponse]:
        """Yield the answer of one run as it is written; it opens with the answer's first piece.

        Raises:
            UserError: As ``request``.
            ModelAPIError: As ``request``, also in mid-answer, where what was told does not stand.
        """
        asked, parameters = self._asked(messages, model_settings, model_request_parameters)
        async with AsyncExitStack() as stack:
            with _errors_of(self.model_name):
                spec = sampled(self.ensemble.spec, asked.sampling)
                ensemble = await stack.enter_async_context(self.ensemble.used())
                run = ensemble.stream(asked.conversation, wanted=asked.wanted, spec=spec, deltas=True)
                await stack.enter_async_context(aclosing(run))
                items = _answer(run)
                first = await anext(items)
            yield EnsembleStream(parameters, run=run, first=first, items=items, name=self.model_name, asked=asked)

    def _asked(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> tuple[Asked, ModelRequestParameters]:
        settings, parameters = self.prepare_request(settings, parameters)
        instructions = self._get_instruction_parts(messages, parameters) or ()
        return read_request(messages, instructions, settings, parameters), parameters


@dataclass
class EnsembleStream(StreamedResponse):
    """An answer as it is written.

    Args:
        run: The run under way.
        first: What came first.
        items: What comes after.
        name: The ensemble's name.
        asked: What was asked.
    """

    run: RunStream = field(kw_only=True)
    first: AnswerDelta | RunRecord = field(kw_only=True)
    items: AsyncIterator[AnswerDelta | RunRecord] = field(kw_only=True)
    name: str = field(kw_only=True)
    asked: Asked = field(kw_only=True)

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        for event in self._events(self.first):
            yield event
        with _errors_of(self.name):
            async for item in self.items:
                for event in self._events(item):
                    yield event

    def _events(self, item: AnswerDelta | RunRecord) -> Iterator[ModelResponseStreamEvent]:
        if isinstance(item, RunRecord):
            self._usage = _usage(item.usage)
            self.finish_reason = _FINISHES.get(item.finish_reason)
            self.provider_response_id = item.run_id
            self.provider_details = _details(item, self.asked)
            return
        if item.text:
            yield from self._parts_manager.handle_text_delta(vendor_part_id="text", content=item.text)
        for piece in item.tool_calls:
            yield from self._parts_manager.handle_tool_call_delta_events(
                vendor_part_id=piece.index,
                tool_name=piece.name or None,
                args=piece.arguments or None,
                tool_call_id=piece.id or None,
            )

    async def close_stream(self) -> None:
        """Cancel the run and all of its calls."""
        await self.run.aclose()

    @property
    def model_name(self) -> str:
        """The ensemble's name."""
        return self.name

    @property
    def provider_name(self) -> str:
        """Who provides the model."""
        return _SYSTEM

    @property
    def provider_url(self) -> None:
        """No address: it runs in process."""
        return

    @property
    def timestamp(self) -> datetime:
        """When the run began."""
        return datetime.fromisoformat(self.run.record.created_at)


async def _answer(run: RunStream) -> AsyncGenerator[AnswerDelta | RunRecord, None]:
    """Yield the pieces of a run's answer, then its record.

    Raises:
        ModelAPIError: What was told of the answer does not stand; nothing told can be taken back here.
    """
    is_told = False
    async for item in run:
        if isinstance(item, AnswerDelta) and not item.choice:
            is_told = True
            yield item
        elif isinstance(item, RunRecord):
            yield item
        elif isinstance(item, AnswerReset) and is_told:
            raise ModelAPIError(run.record.ensemble.name, f"the answer broke off: {item.message}")


@contextmanager
def _errors_of(name: str) -> Generator[None]:
    """Raise the library's errors in the place of ours.

    Raises:
        UserError: The ensemble or the request is wrong.
        ModelAPIError: There is no answer.
    """
    try:
        yield
    except ConfigError as error:
        raise UserError(describe(error)) from error
    except MoaError as error:
        raise ModelAPIError(name, describe(error)) from error


def _parts(record: RunRecord) -> Iterator[TheirTextPart | TheirToolCallPart]:
    if record.text:
        yield TheirTextPart(record.text)
    for call in record.tool_calls:
        yield TheirToolCallPart(call.name, call.arguments, tool_call_id=call.id)


def _usage(usage: UsageTotal) -> RequestUsage:
    """Return what all calls of a run used; a cost that is not wholly known is none."""
    return RequestUsage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
        unmeasured_requests=usage.unknown_calls,
        cost=None if usage.unpriced_calls else Decimal(str(usage.cost_usd)),
    )


def _details(record: RunRecord, asked: Asked) -> dict[str, Any]:
    return told(record) | {"ignored": list(asked.ignored)}
