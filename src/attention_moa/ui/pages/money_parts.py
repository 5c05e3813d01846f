"""What the page of time and money shows, part by part: of a run that is over, and of one under way. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from attention_moa.accounting import CallCounts
from attention_moa.money import dollars
from attention_moa.plan import bound_of, bound_remark
from attention_moa.plan_account import AccountRow
from attention_moa.records import RunRecord
from attention_moa.ui.call_story import State
from attention_moa.ui.components.timeline_view import KINDS, timeline_html
from attention_moa.ui.figures import number
from attention_moa.ui.html import render
from attention_moa.ui.names import error_html, isolated, name_html
from attention_moa.ui.pages.run_head import run_head
from attention_moa.ui.ports import Standing
from attention_moa.ui.spending import (
    LimitState,
    Spent,
    beside_plan,
    by_agent,
    by_stage,
    limit_states,
    limits_of,
    share_is_of,
)
from attention_moa.ui.story import RunStory
from attention_moa.ui.timeline import Bar, Timeline
from attention_moa.ui.words import percent, seconds
from attention_moa.usefulness import Spending, Usefulness, told

_NAME = 40
_NONE = "\N{EN DASH}"
"""For what there is nothing of."""


class _Row(NamedTuple):
    what: str
    planned: str
    actual: str
    off: str


def money_parts(
    standing: Standing, run: RunStory | RunRecord, timeline: Timeline, useful: Sequence[Usefulness] = ()
) -> dict[str, Markup]:
    """Return what is shown, by the ids of the page's parts.

    Args:
        standing: The run.
        run: It, as events tell it so far, or its record.
        timeline: Of the same.
        useful: What everybody was good for; nothing where that is not known.
    """
    count = sum(len(lane.bars) for lane in timeline.lanes)
    share_of, has_ended = share_is_of(run), _has_finished(run)
    return {
        "money-run": run_head(standing, "money"),
        "money-words": render("money-words.html", words=list(_words(timeline, useful))),
        "money-time": timeline_html(timeline),
        "money-path": render("money-path.html", timeline=timeline, seconds=seconds),
        "money-plan": render(
            "money-plan.html",
            plan=[_account(row, has_finished=has_ended) for row in beside_plan(run, standing.plan)],
            has_finished=has_ended,
            has_plan=standing.plan is not None,
            bound="" if standing.plan is None else bound_of(standing.plan.written_is),
            remark="" if standing.plan is None else bound_remark(standing.plan.written_is),
            limits=_limits(run),
        ),
        "money-agent": render("money-spent.html", rows=_spent(by_agent(run))),
        "money-stage": render("money-spent.html", rows=_spent(by_stage(run))),
        "money-agent-share": Markup("Share of {}").format(share_of) if share_of else Markup("Share"),
        "money-stage-share": Markup("Share of {}").format(share_of) if share_of else Markup("Share"),
        "money-notes": render("money-notes.html", notes=[error_html(note) for note in run.notes]),
        "money-useful": render("money-useful.html", useful=[_useful(one) for one in useful]),
        "money-count": Markup("All {} call{}").format(f"{count:,}", "" if count == 1 else "s"),
    }


def money_rows(timeline: Timeline, numbers: dict[str, int]) -> dict[str, Markup]:
    """Return a row of the table for each call, by the row's id.

    Args:
        timeline: When they were.
        numbers: Of the calls that have a row already, by name: each keeps its own. New ones come behind, and are added.
    """
    bars = _bars(timeline)
    placed = sorted(((numbers.setdefault(bar.call_id, len(numbers)), bar) for bar in bars), key=lambda one: one[0])
    return {
        f"money-call-{place}": render("money-call.html", row=f"money-call-{place}", call=_call(bar, timeline))
        for place, bar in placed
    }


def _has_finished(run: RunStory | RunRecord) -> bool:
    """Return whether a run came to its end: what it took until then says nothing of its plan."""
    return (run.state if isinstance(run, RunRecord) else run.head.state) == "finished"


def _limits(run: RunStory | RunRecord) -> Sequence[LimitState]:
    if isinstance(run, RunStory):
        return limits_of(run)
    return tuple(limit_states(run.ensemble.limits, run.usage, run.wall_s))


def _words(timeline: Timeline, useful: Sequence[Usefulness]) -> Iterator[str]:
    """Yield what stands out, a sentence each."""
    if timeline.slowest is not None:
        slowest = timeline.slowest.told
        yield f"{slowest[0].upper()}{slowest[1:]}."
    least = told(useful, named=isolated)
    if least is not None:
        yield least


def _account(row: AccountRow, *, has_finished: bool) -> _Row:
    off = "" if row.off is None or not has_finished else _off(row.off)
    actual = _amount(row, row.actual)
    return _Row(
        row.what.removesuffix(" s"),
        _amount(row, row.planned),
        f"at least {actual}" if row.is_least and row.actual else actual,
        off,
    )


def _off(share: float) -> str:
    """Return by how much something was not as planned."""
    return "as planned" if abs(share) < 0.005 else f"{share:+.0%}".replace("-", "\N{MINUS SIGN}")


def _amount(row: AccountRow, amount: float | None) -> str:
    if amount is None:
        return "unknown"
    if row.unit == "usd":
        return dollars(amount)
    return seconds(amount) if row.unit == "seconds" else f"{amount:,.0f}"


def _spent(rows: Sequence[Spent]) -> list[dict[str, object]]:
    """Return what each took, as it is shown; who made no call that was sent stands there with nothing."""
    return [
        {
            "name": name_html(row.name, _NAME),
            "calls": row.counts.sent,
            "of_them": _of_them(row.counts),
            "attempts": f"{row.attempts} attempts" if row.attempts > row.counts.sent else "",
            "tokens": [_count(row, count) for count in row.tokens[:3]],
            "cost": row.cost if row.counts.sent else _NONE,
            "share": None if row.share is None else percent(row.share),
            "bar": None if row.share is None else f"{100 * min(row.share, 1):.1f}%",
        }
        for row in rows
    ]


def _of_them(counts: CallCounts) -> str:
    """Return in words what became of calls that were sent; empty where all of them finished."""
    if counts.finished == counts.sent and not counts.lost:
        return ""
    unsent = counts.finished + counts.lost + counts.broken_off - counts.sent
    lost = f"lost, {unsent} of them before {'it was' if unsent == 1 else 'they were'} sent" if unsent > 0 else "lost"
    parts = ((counts.finished, "finished"), (counts.broken_off, "broken off"), (counts.lost, lost))
    return ", ".join(f"{number} {what}" for number, what in parts if number)


def _count(row: Spent, count: int) -> str:
    if not row.counts.sent:
        return _NONE
    if not row.tokens.is_known:
        return "unknown"
    return f"≥ {number(count)}" if row.tokens.is_least else number(count)


def _useful(one: Usefulness) -> dict[str, object]:
    return {
        "name": name_html(one.agent, _NAME),
        "is_agent": one.is_agent,
        "shares": [_share(share) for share in (one.hand, one.as_author, one.as_critic, one.as_writer)],
        "moved": _share(one.moved),
        "is_doubted": bool(one.is_by_chance and one.moved),
        "path": seconds(one.path_s),
        "saved": _saved(one.saved) if one.is_agent else _NONE,
    }


def _share(share: float | None) -> str:
    return _NONE if share is None else percent(share)


def _saved(saved: Spending) -> str:
    """Return what would not have been spent, in the best measure that is known."""
    if saved.usd is not None and saved.usd_share is not None:
        return f"{dollars(saved.usd)} ({percent(saved.usd_share)})"
    if saved.tokens is not None and saved.tokens_share is not None:
        return f"{number(saved.tokens)} tokens ({percent(saved.tokens_share)})"
    return f"{saved.calls} calls"


def _bars(timeline: Timeline) -> list[Bar]:
    bars = [placed.bar for lane in timeline.lanes for placed in lane.bars]
    return sorted(bars, key=lambda bar: (bar.queued_s, bar.ended_s))


def _call(bar: Bar, timeline: Timeline) -> dict[str, object]:
    state: State = bar.state
    return {
        "name": bar.name,
        "state": state.value,
        "sign": state.sign,
        "is_critical": bar.call_id in timeline.critical,
        "ready": seconds(bar.queued_s),
        "took": seconds(bar.ended_s - bar.queued_s),
        "parts": [_part(bar, kind) for kind in KINDS],
    }


def _part(bar: Bar, kind: str) -> str | Markup:
    took_s = sum(part.end_s - part.start_s for part in bar.parts if part.kind == kind)
    return seconds(took_s) if took_s else _NONE
