"""One call, opened: its reply and the prompt that it was sent, the calls that it reads and those that read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from attention_moa.messages import ImagePart, Message
from attention_moa.records import CallRecord
from attention_moa.ui.call_story import CallStory
from attention_moa.ui.figures import number
from attention_moa.ui.html import render
from attention_moa.ui.markdown import plain, to_html
from attention_moa.ui.names import isolated
from attention_moa.ui.story import RunStory
from attention_moa.ui.visible import visible
from attention_moa.ui.words import seconds

_EDGES = 12
"""Most calls that are named as read, and as readers."""


class Neighbour(NamedTuple):
    """A call that this one reads, or that reads it."""

    call_id: str
    name: str
    href: str


class Edges(NamedTuple):
    """The calls that one reads, or that read it; and how many more there are than are named."""

    what: str
    named: list[Neighbour]
    more: int


def call_panel(story: RunStory, call_id: str, record: CallRecord | None, *, turn: str, run_id: str) -> Markup:
    """Return a call, opened.

    Args:
        story: The run.
        call_id: The call, one of the story's.
        record: It whole; None while it is under way, and where it was not made.
        turn: The id of the turn that it belongs to.
        run_id: The run's.
    """
    call = story.calls[call_id]
    reads = [story.calls[name] for name in call.reads if name in story.calls]
    readers = [other for other in story.calls.values() if call_id in other.reads]
    return render(
        "call.html",
        call=call,
        title=call.name,
        turn=turn,
        facts=list(_facts(call, record)),
        edges=[_edges("reads", call, reads, run_id), _edges("read by", call, readers, run_id)],
        reply=None if record is None or record.text is None else to_html(record.text),
        thinking=plain(record.thinking) if record is not None and record.thinking else None,
        words=visible(call.words),
        messages=[] if record is None else [(message.role, _text_of(message)) for message in record.messages],
    )


def _edges(what: str, call: CallStory, others: list[CallStory], run_id: str) -> Edges:
    place, here = f"/runs/{quote(run_id, safe='')}?call=", f"layer {call.layer}, "
    named = [
        Neighbour(other.call_id, other.name.removeprefix(here), place + quote(other.call_id, safe=""))
        for other in others[:_EDGES]
    ]
    return Edges(what, named, len(others) - len(named))


def _facts(call: CallStory, record: CallRecord | None) -> Iterator[str]:
    """Yield what is known of a call in few words."""
    if record is not None:
        yield isolated(record.model)
    took_s = call.seconds(call.queued_s or 0.0)
    if call.ended_s is not None and took_s is not None:
        yield seconds(took_s)
    usage = call.usage
    if usage.input_tokens is not None and usage.output_tokens is not None:
        yield f"{number(usage.input_tokens)} tokens in, {number(usage.output_tokens)} out"
    if call.attempt > 1:
        yield f"{call.attempt} attempts"
    if call.is_cut:
        yield "cut at its token limit"


def _text_of(message: Message) -> Markup:
    """Return a message as it was sent; of an image its kind alone."""
    images = [part for part in message.content if isinstance(part, ImagePart)]
    told = "\n".join((message.text, *(f"[image: {part.media_type or 'at an address'}]" for part in images)))
    return plain(told.strip("\n"))
