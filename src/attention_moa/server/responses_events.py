"""The events of a response that streams, in the order in which the official clients put them together.

Pure but for its own state: what was told so far.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, TypeAlias

from attention_moa.events import AnswerDelta
from attention_moa.messages import ToolCall, ToolCallDelta
from attention_moa.records import RunRecord
from attention_moa.server.errors import ApiError
from attention_moa.server.responses_document import (
    Shown,
    call_item,
    failed_document,
    is_whole,
    message_item,
    open_document,
    reasoning_item,
    text_part,
    whole_document,
)
from attention_moa.server.usage import RunBody

Told: TypeAlias = dict[str, Any]
"""One event, as its JSON says it."""

_UNDER_WAY = "in_progress"


class _Open:
    """An item that is being told: its place in the output, and the pieces of its text."""

    def __init__(self, index: int, id: str) -> None:  # noqa: A002 - the API's own name
        self.index = index
        self.id = id
        self.pieces: list[str] = []

    @property
    def text(self) -> str:
        """What was told of it."""
        return "".join(self.pieces)

    def at(self, **more: int) -> dict[str, Any]:
        """Where it is."""
        return {"item_id": self.id, "output_index": self.index, **more}


class _OpenCall(_Open):
    """A tool call that is being told."""

    def __init__(self, index: int, id: str, call: ToolCallDelta) -> None:  # noqa: A002 - the API's own name
        super().__init__(index, id)
        self.call_id = call.id
        self.name = call.name


class ResponseEvents:
    """What a stream tells of one response, event by event.

    Args:
        shown: What the response says of its request.
        run_id: The run's.
    """

    def __init__(self, shown: Shown, run_id: str) -> None:
        """Start with nothing told."""
        self._shown = shown
        self._run_id = run_id
        self._number = 0
        self._count = 0
        self._thought: _Open | None = None
        self._is_thinking = False
        self._message: _Open | None = None
        self._calls: dict[int, _OpenCall] = {}

    @property
    def has_answer(self) -> bool:
        """Whether anything of the answer was told."""
        return self._message is not None or bool(self._calls)

    def opened(self) -> Iterator[Told]:
        """Yield that the response is there, and under way."""
        for name in ("created", "in_progress"):
            yield self._event(f"response.{name}", response=open_document(self._shown, self._run_id))

    def thought(self, line: str) -> Iterator[Told]:
        """Yield a line on the deliberation, as a piece of a summary of reasoning; none once the answer has begun.

        Args:
            line: With its line end.
        """
        if self.has_answer:
            return
        if self._thought is None:
            item = reasoning_item(self._run_id, None, status=_UNDER_WAY)
            self._thought = _Open(self._count, item["id"])
            self._is_thinking = True
            yield self._added(item)
            part = {"type": "summary_text", "text": ""}
            yield self._event("response.reasoning_summary_part.added", **self._thought.at(summary_index=0), part=part)
        self._thought.pieces.append(line)
        where = self._thought.at(summary_index=0)
        yield self._event("response.reasoning_summary_text.delta", **where, delta=line)

    def pieces(self, delta: AnswerDelta) -> Iterator[Told]:
        """Yield a piece of the answer: text, parts of tool calls, or both."""
        yield from self._thought_done()
        if delta.text:
            yield from self._text(delta.text)
        for piece in delta.tool_calls:
            yield from self._call(piece)

    def finished(self, record: RunRecord, run: RunBody) -> Iterator[Told]:
        """Yield what is left of the answer, and its end.

        Args:
            record: The run, over.
            run: What happened in it.

        Raises:
            ApiError: What was told of the answer is not how it stands.
        """
        yield from self._rest(record)
        status = "completed" if is_whole(record) else "incomplete"
        items = yield from self._done(status)
        yield self._event(f"response.{status}", response=whole_document(self._shown, record, items, run))

    def failed(self, record: RunRecord, error: ApiError) -> Iterator[Told]:
        """Yield the end of a response that has no answer, or whose answer does not stand.

        Args:
            record: What there is of the run.
            error: What went wrong.
        """
        yield from self._thought_done()
        items = yield from self._done("incomplete")
        yield self._event("response.failed", response=failed_document(self._shown, record, items, error))

    def _rest(self, record: RunRecord) -> Iterator[Told]:
        told, text = self._message.text if self._message is not None else "", record.text or ""
        if not text.startswith(told) or (self._calls and not record.tool_calls):
            raise broke_off("another text stands in its place", record.run_id)
        calls = () if self._calls else tuple(_whole(index, call) for index, call in enumerate(record.tool_calls))
        left = text[len(told) :]
        if left or calls:
            yield from self.pieces(AnswerDelta(run_id=record.run_id, at_s=record.wall_s, text=left, tool_calls=calls))
        yield from self._thought_done()

    # --------------------------------------------------------------------------------------------------------- pieces

    def _text(self, text: str) -> Iterator[Told]:
        if self._message is None:
            item = message_item(self._run_id, None, status=_UNDER_WAY)
            self._message = _Open(self._count, item["id"])
            yield self._added(item)
            where = self._message.at(content_index=0)
            yield self._event("response.content_part.added", **where, part=text_part(""))
        self._message.pieces.append(text)
        where = self._message.at(content_index=0)
        yield self._event("response.output_text.delta", **where, delta=text, logprobs=[])

    def _call(self, piece: ToolCallDelta) -> Iterator[Told]:
        call = self._calls.get(piece.index)
        if call is None:
            item = call_item(self._run_id, piece.index, ToolCall(piece.id, piece.name, ""), status=_UNDER_WAY)
            call = self._calls[piece.index] = _OpenCall(self._count, item["id"], piece)
            yield self._added(item)
        else:
            call.call_id += piece.id
            call.name += piece.name
        if piece.arguments:
            call.pieces.append(piece.arguments)
            yield self._event("response.function_call_arguments.delta", **call.at(), delta=piece.arguments)

    def _added(self, item: Told) -> Told:
        self._count += 1
        return self._event("response.output_item.added", output_index=self._count - 1, item=item)

    # ------------------------------------------------------------------------------------------------------------ ends

    def _thought_done(self) -> Iterator[Told]:
        thought = self._thought
        if thought is None or not self._is_thinking:
            return
        self._is_thinking = False
        where, text = thought.at(summary_index=0), thought.text
        yield self._event("response.reasoning_summary_text.done", **where, text=text)
        part = {"type": "summary_text", "text": text}
        yield self._event("response.reasoning_summary_part.done", **where, part=part)
        yield self._item_done(thought, reasoning_item(self._run_id, text, status="completed"))

    def _done(self, status: str) -> Generator[Told, None, list[Told]]:
        """Yield the ends of all items; return them whole, in their order."""
        items: dict[int, Told] = {}
        if self._thought is not None:
            items[self._thought.index] = reasoning_item(self._run_id, self._thought.text, status="completed")
        if (message := self._message) is not None:
            where, text = message.at(content_index=0), message.text
            items[message.index] = message_item(self._run_id, text, status=status)
            yield self._event("response.output_text.done", **where, text=text, logprobs=[])
            yield self._event("response.content_part.done", **where, part=text_part(text))
            yield self._item_done(message, items[message.index])
        for index, call in self._calls.items():
            whole = ToolCall(call.call_id, call.name, call.text)
            items[call.index] = call_item(self._run_id, index, whole, status=status)
            told = {"name": call.name, "arguments": whole.arguments}
            yield self._event("response.function_call_arguments.done", **call.at(), **told)
            yield self._item_done(call, items[call.index])
        return [items[index] for index in sorted(items)]

    def _item_done(self, told: _Open, item: Told) -> Told:
        return self._event("response.output_item.done", output_index=told.index, item=item)

    def _event(self, kind: str, **told: Any) -> Told:
        event = {"type": kind, "sequence_number": self._number, **told}
        self._number += 1
        return event


def broke_off(why: str, run_id: str) -> ApiError:
    """Return the error of a stream of which something was told that does not stand.

    Args:
        why: One line.
        run_id: The run, which has the answer.
    """
    message = f"the answer broke off: {why}. What was sent of it does not stand; GET /v1/runs/{run_id} has the answer"
    return ApiError(502, message, type="upstream_error", code="answer_broke_off", run_id=run_id)


def _whole(index: int, call: ToolCall) -> ToolCallDelta:
    return ToolCallDelta(index, id=call.id, name=call.name, arguments=call.arguments)
