"""A run as a file for others: the record as JSON, its calls as lines of JSON, the whole as Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from attention_moa.codec import record_to_json
from attention_moa.money import amount
from attention_moa.reading import NOT_OVER, Section, degradations, sections
from attention_moa.records import RunRecord, UsageTotal

Form: TypeAlias = Literal["json", "jsonl", "markdown"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What a terminal would obey; the JSON forms keep it, escaped."""
_MARKUP = re.compile(r"([\\`*_<>\[\]#|~])")


def export(record: RunRecord, form: Form) -> str:
    """Return a run as the text of a file.

    Args:
        record: The run, over or not.
        form: ``json``: the whole record, which ``record_from_json`` reads back equal; ``jsonl``: one call a line;
            ``markdown``: to be read.
    """
    if form == "json":
        return record_to_json(record, indent=2).decode() + "\n"
    if form == "jsonl":
        return "".join(f"{msgspec.json.encode(call).decode()}\n" for call in record.calls)
    return "\n".join(_markdown(record)) + "\n"


def _markdown(record: RunRecord) -> Iterator[str]:
    yield f"# Run {record.run_id}"
    yield ""
    state = NOT_OVER if record.state == "running" else record.state
    yield f"{_plain(record.ensemble.name)}, {state}, {record.created_at}, {record.wall_s:.1f} s"
    yield ""
    for section in sections(record):
        yield from _section(section)
    yield from _account(record)


def _section(section: Section) -> Iterator[str]:
    yield f"{'#' * (section.level + 1)} {_plain(section.title)}"
    yield ""
    if section.remark:
        yield f"*{_plain(section.remark)}*"
        yield ""
    if section.text is not None:
        yield from _quoted(section.text)
        yield ""


def _account(record: RunRecord) -> Iterator[str]:
    usage = record.usage
    unknown = f" ({usage.unknown_calls:,} did not tell)" * bool(usage.unknown_calls)
    yield "## Account"
    yield ""
    yield f"- attempts: {usage.calls:,}"
    yield (
        f"- tokens: {usage.input_tokens:,} prompt, {usage.cached_tokens:,} of them cached, {usage.output_tokens:,} "
        f"written{unknown}"
    )
    yield f"- US dollars: {_cost(usage)}"
    if record.state == "running":
        yield "- the run is not over: what was or is under way is in no sum here"
    for loss in record.losses:
        yield f"- lost in layer {loss.layer}, {loss.stage.value} by {_plain(loss.agent)}: {_plain(loss.message)}"
    for told in degradations(record):
        yield f"- degraded in {_plain(told)}"
    for note in record.notes:
        yield f"- note: {_plain(note)}"


def _cost(usage: UsageTotal) -> str:
    """Return what a run cost; what is not known never counts as nothing."""
    if usage.unpriced_calls and not usage.cost_usd:
        return "unknown"
    if usage.unpriced_calls:
        return f"at least {amount(usage.cost_usd)}, {usage.unpriced_calls:,} of {usage.calls:,} attempts are not known"
    return amount(usage.cost_usd)


def _quoted(text: str) -> Iterator[str]:
    """Yield a text as a block quote: no heading or fence of a model's can be taken for one of this document."""
    for line in _CONTROLS.sub("", text).splitlines() or [""]:
        yield f"> {line}".rstrip()


def _plain(text: str) -> str:
    """Return a text in one line that has no markup of its own."""
    return _MARKUP.sub(r"\\\1", " ".join(_CONTROLS.sub("", text).split()))
