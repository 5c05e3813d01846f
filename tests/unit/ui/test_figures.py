"""Numbers as the page writes them."""

from __future__ import annotations

import pytest

from attention_moa.ui.figures import clock, money, number


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (950, "950"), (9500, "9,500"), (12_345, "12.3k"), (458_000, "458k"), (4_500_000, "4.5M"), (2e8, "200M")],
)
def test_counts_are_short(count: float, shown: str) -> None:
    """Four figures or less."""
    assert number(count).replace("\u202f", " ") == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (8.44, "8.4 s"), (59.4, "59 s"), (59.9, "1:00"), (185, "3:05"), (3729, "1:02:09")],
)
def test_times_are_as_long_as_needed(seconds: float, shown: str) -> None:
    """As the clock in the browser shows them."""
    assert clock(seconds).replace("\u202f", " ") == shown


def test_unknown_money_is_said_to_be_unknown() -> None:
    """It is never nothing."""
    assert money(None) == "unknown"
    assert money(0.0) == "$0"
