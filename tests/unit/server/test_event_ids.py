"""The ids of a run's events: each stands for all that came before it."""

from __future__ import annotations

import pytest

from attention_moa.events import CallFirstToken, Event, RunStarted
from attention_moa.messages import Stage
from attention_moa.server.event_ids import EventIds


def started(*, is_resumed: bool = False) -> Event:
    """Return the beginning of a run, or of its next life."""
    return RunStarted(
        run_id="r", at_s=0.0, ensemble="duo", agents=("a",), layers=1, planned_calls=2, is_resumed=is_resumed
    )


def token(at_s: float, call_id: str = "1.answer.a") -> Event:
    """Return something that happened in a call."""
    return CallFirstToken(run_id="r", at_s=at_s, call_id=call_id, stage=Stage.ANSWER, layer=1, agent="a")


def test_one_log_has_the_same_ids_whoever_tells_it() -> None:
    """Live, from the journal, by another server."""
    log = [started(), token(1.0), token(2.0)]
    grown: list[Event] = []
    live = EventIds(grown)
    ids: list[str] = []
    for number, event in enumerate(log, 1):
        grown.append(event)
        ids.append(live.of(number))
    assert [EventIds(log).of(number) for number in (1, 2, 3)] == ids
    assert [EventIds(log).known(one) for one in ids] == [1, 2, 3]


@pytest.mark.parametrize(
    "other",
    [
        [started(), token(1.5), token(2.0)],
        [started(), token(1.0, "1.answer.b"), token(2.0)],
        [started(is_resumed=True), token(1.0), token(2.0)],
        [started(), token(1.0)],
    ],
)
def test_an_id_of_another_log_says_nothing_of_this_one(other: list[Event]) -> None:
    """All of it is told then: something is repeated, and nothing is missed."""
    last = EventIds([started(), token(1.0), token(2.0)]).of(3)
    assert EventIds(other).known(last) == 0


def test_what_two_logs_share_at_their_beginning_is_known_in_both() -> None:
    """A run that was cancelled and goes on keeps its log."""
    before = [started(), token(1.0)]
    after = [*before, started(is_resumed=True), token(2.0)]
    assert EventIds(after).known(EventIds(before).of(2)) == 2


@pytest.mark.parametrize(("number", "known"), [("0", 0), ("1", 1), ("2", 2), ("3", 0), ("999999999", 0)])
def test_a_number_alone_counts_in_this_log(number: str, known: int) -> None:
    """One that the log has not come to is another log's."""
    assert EventIds([started(), token(1.0)]).known(number) == known


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1-", "1-xyz", "1-0123456789ABC", "1234567890", "٣", "0-0123456789a"])
def test_what_is_no_id_is_refused(wrong: str) -> None:
    """As by whoever mistyped it."""
    with pytest.raises(ValueError, match=r"^"):
        EventIds([started()]).known(wrong)
