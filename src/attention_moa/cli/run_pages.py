"""A stored run and a stored call as pages: texts, each with its style and how far it is indented. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from attention_moa.accounting import attempt_usage, call_usage
from attention_moa.cli.clean import one_line
from attention_moa.cli.layout import table
from attention_moa.messages import Message
from attention_moa.money import dollars
from attention_moa.reading import NOT_OVER, Section, sections, title_of
from attention_moa.records import Attempt, CallRecord, RunRecord
from attention_moa.sums import told_tokens, told_usd
from attention_moa.wording import quoted

Line: TypeAlias = tuple[str, str, int]
"""A text, its style in the terms of the terminal library, and how many columns it is indented."""

_CALL_HEADINGS = ("call", "state", "tries", "prompt", "cached", "written", "USD", "from s", "to s")
_WIDE = 90
_NARROW = (0, 1, 3, 5, 6, 8)
"""The columns that a narrow terminal gets."""


def run_page(
    record: RunRecord, *, most: int | None = None, standing: str = NOT_OVER, remark: str = ""
) -> Iterator[Line]:
    """Yield a run as it is read, up to its answer.

    Args:
        record: The run.
        most: Most characters of each text, in one line; None for whole texts.
        standing: How far it is where it is not over.
        remark: What else is to be said of that; empty for nothing.
    """
    state = standing if record.state == "running" else record.state
    yield f"Run {record.run_id}", "bold", 0
    yield f"{record.ensemble.name}, {state}, began {record.created_at}", "dim", 0
    if remark:
        yield one_line(remark), "italic", 0
    yield "", "", 0
    for section in sections(record, standing=standing):
        yield from _section(section, most)


def _section(section: Section, most: int | None) -> Iterator[Line]:
    indent = 2 * (section.level - 1)
    yield one_line(section.title), "bold" if section.level == 1 else "underline", indent
    if section.remark:
        yield one_line(section.remark), "italic", indent + 2
    if section.text is not None:
        yield section.text if most is None else one_line(section.text, most), "", indent + 2
    if section.text is not None or section.remark:
        yield "", "", 0


def calls_page(record: RunRecord, *, room: int | None = None) -> list[str]:
    """Return a run's calls as a table, in the order in which they ended."""
    rows = [_CALL_HEADINGS, *(_call_cells(call) for call in record.calls)]
    if room is not None and room < _WIDE:
        rows = [tuple(row[place] for place in _NARROW) for row in rows]
    return table(rows[0], rows[1:], room=room)


def _call_cells(call: CallRecord) -> tuple[str, ...]:
    used = call_usage([call])
    counts = (used.input_tokens, used.cached_tokens, used.output_tokens)
    shown = (told_tokens(used, number) for number in counts)
    state = call.state if call.replayed_from is None else f"from {call.replayed_from}"
    times = (f"{call.queued_s:.1f}", f"{call.ended_s:.1f}")
    return (call.call_id, state, str(used.calls), *shown, told_usd(used), *times)


def call_page(call: CallRecord) -> Iterator[Line]:
    """Yield one call whole: what it is, its prompt, its reply, its attempts."""
    yield f"{call.call_id}: {title_of(call.stage, call.agent, call.peer)}", "bold", 0
    settings = {name: value for name, value in _settings(call) if value not in (None, (), {})}
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    yield one_line(f"{call.model}, {call.state}{f', {told}' if told else ''}"), "dim", 0
    if call.replayed_from is not None:
        yield f"the reply came from run {call.replayed_from}", "italic", 0
    if call.reads:
        yield f"reads {', '.join(call.reads)}", "dim", 0
    yield "", "", 0
    yield from _messages(call.messages)
    if call.thinking:
        yield from _titled("thinking", call.thinking)
    if call.text is not None:
        yield from _titled(f"reply ({call.finish_reason})", quoted(call.text, call.tool_calls))
    if call.error is not None:
        yield from _titled("lost", f"{call.error}: {call.message or ''}")
    for number, attempt in enumerate(call.attempts, 1):
        yield one_line(_attempt(number, attempt)), "", 0
    for note in call.notes:
        yield one_line(f"note: {note}"), "", 0
    yield "", "", 0


def _settings(call: CallRecord) -> Iterator[tuple[str, object]]:
    for name in call.sampling.__struct_fields__:
        yield name, getattr(call.sampling, name)


def _messages(messages: Sequence[Message]) -> Iterator[Line]:
    for message in messages:
        text = quoted(message.text, message.tool_calls)
        yield from _titled(message.role, text + (" [with images]" if message.has_images else ""))


def _titled(title: str, text: str) -> Iterator[Line]:
    yield title, "underline", 0
    yield text, "", 2
    yield "", "", 0


def _attempt(number: int, attempt: Attempt) -> str:
    used = attempt_usage(attempt)
    tokens = "tokens not told" if used.unknown_calls else f"{used.input_tokens:,} + {used.output_tokens:,} tokens"
    price = "cost unknown" if used.unpriced_calls else dollars(used.cost_usd)
    how = "gave the reply" if attempt.error is None else f"{attempt.error}: {attempt.message}"
    return f"attempt {number}: {attempt.started_s:.1f} to {attempt.ended_s:.1f} s, {tokens}, {price}: {how}"


def indented(text: str, indent: int) -> str:
    """Return a text, each of its lines indented."""
    return "\n".join(f"{' ' * indent}{line}".rstrip() for line in text.split("\n"))
