"""The account of a run, in words: calls, tokens, time, what was lost, what stood in for what, why it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from attention_moa.accounting import call_counts, call_usage
from attention_moa.call_plan import planned_calls
from attention_moa.cli.clean import one_line
from attention_moa.cli.layout import fitted, table, without
from attention_moa.cli.progress import describe_call
from attention_moa.messages import Stage
from attention_moa.money import dollars
from attention_moa.not_made import not_made
from attention_moa.reading import NOT_OVER, degradations, is_of_only_layer, reason_of
from attention_moa.records import CallRecord, Loss, RunRecord, Verdict
from attention_moa.schedule import count_calls
from attention_moa.sums import has_lower_bound, told_tokens, told_usd

_HEADINGS = ("layer", "stage", "calls", "prompt", "cached", "written", "reasoning", "USD", "seconds")
"""The seconds of a row are from when the first of its calls could begin to when the last one ended."""
_NOT_NARROW = ("reasoning", "cached", "seconds")
"""What a narrow terminal does without, in this order, so that no number is broken."""
_MOST_MODELS = 3


def account(
    record: RunRecord,
    *,
    has_table: bool,
    replayed_calls: int = 0,
    room: int | None = None,
    standing: str = NOT_OVER,
) -> list[str]:
    """Return the account of a run, line by line.

    Args:
        record: The run, whole or in part.
        has_table: Whether the calls are also listed by layer and stage.
        replayed_calls: How many replies came out of the journal this time.
        room: Most columns of that table; None for any number.
        standing: How far the run is where it is not over.
    """
    head = [
        _time(record, standing),
        _calls(record, replayed_calls),
        f"tokens: {_tokens(record)}",
        f"cost: {cost(record)}",
    ]
    by_stage = ["", *by_layer_and_stage(record, room=room), ""] if has_table and record.calls else []
    lines = _verdicts(record)
    if (earlier := _answering_layer(record)) is not None:
        lines.append(f"the answer is the output of layer {earlier}")
    if record.is_truncated:
        lines.append("truncated: the answer hit its token limit (max_tokens)")
    lines += [f"lost in layer {loss.layer}: {_lost(loss)}" for loss in record.losses if _is_told(loss)]
    lines += _not_made(record)
    lines += [f"degraded in {told}" for told in degradations(record)]
    lines += [f"note: {note}" for note in record.notes]
    if record.state == "running":
        told = "what was under way when it was last heard of may have cost something that is in no sum here"
        lines.append(f"note: the run is {standing}: {told}")
    return [*map(one_line, head), *by_stage, *map(one_line, lines)]


def by_layer_and_stage(record: RunRecord, *, room: int | None = None) -> list[str]:
    """Return a run's calls by layer and stage, as a table: calls, tokens, money, seconds.

    Args:
        record: The run.
        room: Most columns; None for any number.
    """
    return _table(record, _HEADINGS, list(_rows(record)), room)


def by_agent(record: RunRecord, *, room: int | None = None) -> list[str]:
    """Return a run's calls by agent, as a table: as ``by_layer_and_stage``, without seconds.

    The agents come in the ensemble's order, other writers after them.
    """
    named = [agent.name for agent in record.ensemble.agents]
    places = {name: place for place, name in enumerate(named)}
    spoke = dict.fromkeys((call.agent, call.model) for call in record.calls)
    is_open = record.state == "running"
    agents = sorted(spoke, key=lambda one: places.get(one[0], len(places)))
    rows = [
        (
            agent,
            model,
            *_sums(
                record, [call for call in record.calls if (call.agent, call.model) == (agent, model)], is_open=is_open
            ),
        )
        for agent, model in agents
    ]
    return _table(record, ("agent", "model", *_HEADINGS[2:-1]), rows, room)


def _table(record: RunRecord, headings: Sequence[str], rows: Sequence[Sequence[str]], room: int | None) -> list[str]:
    """Return a table; without the column of thinking where no model thought, and those that have no room."""
    cells: Sequence[Sequence[str]] = [headings, *rows]
    if not record.usage.reasoning_tokens:
        cells = without("reasoning", cells)
    cells = fitted(cells, room, gives_up=_NOT_NARROW, names=("agent", "model"))
    return table(cells[0], cells[1:], room=room)


def cost(record: RunRecord) -> str:
    """Return what a run cost, in words; what is not known is said to be, and never counts as nothing."""
    usage = record.usage
    if not usage.unpriced_calls:
        if record.state == "running":
            return f"at least {dollars(usage.cost_usd)}" if usage.cost_usd else "nothing so far"
        return dollars(usage.cost_usd)
    models = list(
        dict.fromkeys(call.model for call in record.calls if any(attempt.cost_usd is None for attempt in call.attempts))
    )
    named = ", ".join(models[:_MOST_MODELS]) + (
        f" and {len(models) - _MOST_MODELS} more" * (len(models) > _MOST_MODELS)
    )
    if not usage.cost_usd:
        return f"unknown (no price or no token counts of {named})"
    least = dollars(usage.cost_usd)
    return f"at least {least}; of {usage.unpriced_calls} of {usage.calls} attempts it is unknown ({named})"


def count(number: int, thing: str) -> str:
    """Return a number of things in words: ``1 agent``, ``2 agents``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _time(record: RunRecord, standing: str) -> str:
    path = f" (critical path {record.critical_path_s:.1f} s)" if record.calls else ""
    state = standing if record.state == "running" else record.state
    return f"{record.ensemble.name}: {state} after {record.wall_s:.1f} s{path}, run {record.run_id}"


def _calls(record: RunRecord, replayed_calls: int) -> str:
    counts = call_counts(record.calls, record.losses)
    parts = [f"{counts.finished} of {count_calls(record.ensemble, record.wanted.choices)} planned"]
    others = (
        (counts.lost, "lost"),
        (counts.broken_off, "broken off"),
        (counts.unsent, "given up before they were sent"),
    )
    parts += [f"{number} {what}" for number, what in others if number]
    tries = [attempt.error for call in record.calls if call.state == "finished" for attempt in call.attempts]
    ended = tries.count("Cancelled")
    failed = sum(max(0, len(call.attempts) - 1) for call in record.calls) - ended
    if failed:
        parts.append(f"{failed} tried again")
    if ended:
        parts.append(f"{ended} asked twice (hedged, or interrupted before)")
    if replayed_calls:
        parts.append(f"{replayed_calls} from the journal, not paid again")
    return f"calls: {', '.join(parts)}"


def _not_made(record: RunRecord) -> list[str]:
    """Return the line that makes the calls of a run add up to its plan, where there is anything to say."""
    other, without_input, unread = not_made(record)
    unreads = {"finished": "given up before they began", "running": "under way or not begun when last heard of"}
    why = (
        (other, "of layers that did not run" if record.state != "running" else "of layers that have not begun"),
        (without_input, "whose input was lost"),
        (unread, unreads.get(record.state, "not begun before the run ended")),
    )
    what = "not made" if record.state != "running" else "not there"
    parts = [f"{number:,} {reason}" for number, reason in why if number]
    return [f"{what}: {count(other + without_input + unread, 'call')} ({', '.join(parts)})"] if parts else []


def _tokens(record: RunRecord) -> str:
    """Return a run's tokens in words; of one that is not over nobody knows what its calls under way have used."""
    usage = record.usage
    fresh = f"{usage.input_tokens:,} prompt ({usage.cached_tokens:,} of them cached)"
    thought = f" ({usage.reasoning_tokens:,} of them reasoning)" if usage.reasoning_tokens else ""
    known = f"{fresh}, {usage.output_tokens:,} written{thought}"
    if not usage.unknown_calls:
        if record.state == "running":
            return f"at least {known}" if has_lower_bound(usage) else "none so far"
        return known
    if not has_lower_bound(usage):
        return "not told by any call"
    return f"at least {known}; {usage.unknown_calls} of {usage.calls} attempts did not say"


def _rows(record: RunRecord) -> Iterator[tuple[str, ...]]:
    is_open = record.state == "running"
    made = {call.call_id for call in record.calls}
    planned = planned_calls(record.ensemble, record.wanted.choices)
    coming = {(call.layer, call.stage) for call in planned if call.call_id not in made}
    for layer in sorted({call.layer for call in record.calls}):
        for stage in Stage:
            calls = [call for call in record.calls if call.layer == layer and call.stage is stage]
            if calls:
                yield _row(record, (str(layer), stage.value), calls, is_open=is_open and (layer, stage) in coming)
    yield _row(record, ("all", ""), record.calls, is_open=is_open)


def _row(record: RunRecord, names: Sequence[str], calls: Sequence[CallRecord], *, is_open: bool) -> tuple[str, ...]:
    seconds = max(call.ended_s for call in calls) - min(call.queued_s for call in calls)
    return (*names, *_sums(record, calls, is_open=is_open), f"{seconds:.1f}")


def _sums(record: RunRecord, calls: Sequence[CallRecord], *, is_open: bool) -> tuple[str, ...]:
    """Return calls, tokens and money as a table shows them; lower bounds where other calls may be under way."""
    usage = call_usage(calls)
    if is_open:
        usage = replace(usage, unknown_calls=usage.unknown_calls + 1, unpriced_calls=usage.unpriced_calls + 1)
    counts = (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens)
    done, made = (
        call_counts(calls, record.losses).finished,
        sum(bool(call.attempts) or call.state == "finished" for call in calls),
    )
    number = str(done) if done == made else f"{done}/{made}"
    return (number, *(told_tokens(usage, count) for count in counts), told_usd(usage))


def _verdicts(record: RunRecord) -> list[str]:
    verdicts = [layer.verdict for layer in record.layers if layer.verdict is not None]
    return [f"layer {verdict.layer}: {_decided(verdict)}" for verdict in verdicts]


def _decided(verdict: Verdict) -> str:
    if is_of_only_layer(verdict):
        return reason_of(verdict)
    return f"{'stopped' if verdict.is_stop else 'last' if verdict.rule == 'last' else 'went on'}, {verdict.reason}"


def _answering_layer(record: RunRecord) -> int | None:
    """Return the layer whose output is the answer; None where it is the last one's, or nobody's."""
    if not record.layers or record.text is None or record.layers[-1].output == record.text:
        return None
    return next((layer.layer for layer in reversed(record.layers) if layer.output == record.text), None)


def _is_told(loss: Loss) -> bool:
    """Return whether a loss has a line of its own: what came late is told where it was left out."""
    return not loss.is_skipped and loss.kind != "Late"


def _lost(loss: Loss) -> str:
    return f"{describe_call(loss.stage, loss.agent, loss.peer)} ({loss.kind}: {loss.message})"
