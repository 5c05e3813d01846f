"""How far runs are, as pages say it."""

from __future__ import annotations

from typing import get_args

import pytest

from attention_moa.records import RunState
from attention_moa.ui.run_states import MAY_RESUME, NOT_BEGUN, TOLD, shown_state, told_state


def test_every_state_that_a_run_may_have_is_told() -> None:
    """A state that was added and has no word would break every page that lists such a run."""
    assert set(TOLD) == {*get_args(RunState), "elsewhere"}
    assert len({told.word for told in TOLD.values()}) == len(TOLD)
    assert told_state(None) == NOT_BEGUN


@pytest.mark.parametrize("state", get_args(RunState))
def test_only_what_is_under_way_may_be_elsewhere(state: RunState) -> None:
    """A run that is over looks the same from every server."""
    assert shown_state(state, is_here=True) == state
    assert shown_state(state, is_here=False) == ("elsewhere" if state == "running" else state)


def test_what_came_to_no_answer_may_go_on() -> None:
    """What is finished has nothing to go on with, and what is under way goes on by itself."""
    assert set(TOLD) - {"running", "elsewhere", "finished"} == MAY_RESUME
