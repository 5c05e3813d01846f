"""How pages of runs look that no shipped model makes at will: with faults, limits and tokens that nobody told."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.config import LimitSpec
from attention_moa.errors import ServerError
from attention_moa.money import Price
from attention_moa.records import RunRecord
from tests.page_shelf import RunShelf, a_plan
from tests.page_world import Chromium, fits, shoot
from tests.shelf_browser import apart, shown
from tests.worlds import Says, World, a_spec, in_turn


def a_faulty_run() -> RunRecord:
    """Return a run of three agents with faults, limits, an agent without a price and attempts that told no tokens."""
    agents = [AgentSpec(name=name, model=f"test:{name}") for name in ("thorough", "sceptic", "plain-speaker")]
    agents[0] = replace(agents[0], price=Price(input=3e3, output=9e3))
    limits = LimitSpec(usd=1_000.0, tokens=1_000_000, deadline_s=3_600.0)
    down = ServerError("the machine is overloaded, try again later")
    again = in_turn(down, "After a while it says that light scatters.")
    script = {
        "1.critique.sceptic.thorough": again,
        "2.answer.plain-speaker": again,
        "2.critique.sceptic.thorough": down,
    }
    record = World(a_spec(agents, limits=limits), script, latency_s=lambda request: 7.3 * request.layer).run()
    return replace(record, run_id="run")


@pytest.fixture(scope="module")
def shelf() -> RunShelf:
    """Return a shelf with that run and its plan."""
    record = apart(a_faulty_run)
    shelf = RunShelf([record])
    shelf.plan = a_plan(record)
    return shelf


@pytest.mark.parametrize("width", [390, 320])
def test_time_and_money_of_a_run_with_faults_fits_a_phone(browser: Chromium, shelf: RunShelf, width: int) -> None:
    """Also where numbers are lower bounds, and nothing is cut off that could not be reached."""
    page = shown(browser, shelf, "/runs/run/money", width=width)
    assert "at least" in page.inner_text("#money-plan")
    shoot(page, f"money-faults-{width}", is_whole=True)
    assert fits(page)
