"""The stream of a response: the events of its run as the messages that clients read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attention_moa.events import AnswerDelta, AnswerReset, Event
from attention_moa.records import RunRecord
from attention_moa.server.answering import Outcome
from attention_moa.server.errors import ApiError
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun
from attention_moa.server.progress import progress_line
from attention_moa.server.responses_document import shown_of
from attention_moa.server.responses_events import ResponseEvents, Told, broke_off
from attention_moa.server.sse import comment, data


class ResponseWriter:
    """Writes the stream of a response.

    It begins once the run has: until then its id is not sure.

    Args:
        live: The run.
        job: What was asked.
        shown: Gives a record as who asks may see it.
    """

    def __init__(self, live: LiveRun, job: Job, *, shown: Callable[[RunRecord], RunRecord]) -> None:
        """Start with nothing told."""
        self._live = live
        self._shown = shown
        self._progress = job.progress
        self._events: ResponseEvents | None = None

    def begin(self) -> bytes:
        """Return a comment, so that there is something at once."""
        return comment("attention-moa")

    def of(self, event: Event, number: int) -> bytes:  # noqa: ARG002 - a response has one run
        """Return what is sent of an event.

        Raises:
            ApiError: What was sent of the answer does not stand.
        """
        return self._opened() + _sent(self._told(event)) + self._commented(event)

    def end(self, outcome: Outcome) -> bytes:
        """Return the rest of the answer, and the response whole.

        Raises:
            ApiError: What was sent of the answer does not stand.
        """
        return self._opened() + _sent(self._open.finished(outcome.records[0], outcome.run))

    def fail(self, error: ApiError) -> bytes:
        """Return the response without an answer, then an error, which official clients raise."""
        opened = self._opened()
        failed = _sent(self._open.failed(self._shown(self._live.record), error))
        return opened + failed + data(error.body, event="error")

    @property
    def _open(self) -> ResponseEvents:
        if self._events is None:
            self._events = ResponseEvents(shown_of(self._live.record), self._live.run_id)
        return self._events

    def _opened(self) -> bytes:
        return _sent(self._open.opened()) if self._events is None else b""

    def _commented(self, event: Event) -> bytes:
        line = progress_line(event) if self._progress == "comments" else None
        return b"" if line is None else comment(line)

    def _told(self, event: Event) -> Iterator[Told]:
        events = self._open
        if isinstance(event, AnswerDelta):
            return events.pieces(event) if event.choice == 0 else iter(())
        if isinstance(event, AnswerReset) and events.has_answer:
            raise broke_off(event.message, event.run_id)
        line = progress_line(event) if self._progress == "reasoning" else None
        return iter(()) if line is None else events.thought(f"{line}\n")


def _sent(told: Iterator[Told]) -> bytes:
    return b"".join(data(event, event=event["type"]) for event in told)
