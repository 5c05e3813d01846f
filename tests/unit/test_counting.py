"""Work is counted the same each time, and a square is seen."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.counting import require_even_growth, steps_of


def a_line(characters: int) -> Callable[[], object]:
    """Return work that looks at each character once."""
    return lambda: [len(mark) for mark in "x" * characters]


def a_square(characters: int) -> Callable[[], object]:
    """Return work that looks at all characters again for each."""
    return lambda: [mark for mark in "x" * characters if any(mark == other for other in "y" * characters)]


def test_equal_work_is_equal_steps() -> None:
    """Twice the work is about twice of them."""
    assert steps_of(a_line(1_000)) == steps_of(a_line(1_000))
    assert 1.9 < steps_of(a_line(2_000)) / steps_of(a_line(1_000)) < 2.1


def test_work_that_grows_with_the_square_is_found() -> None:
    """And work that does not is let through."""
    require_even_growth(a_line)
    with pytest.raises(AssertionError):
        require_even_growth(a_square, 100)


def test_who_traced_before_traces_again() -> None:
    """Also where the work breaks: coverage is measured by a trace."""
    before = sys.gettrace(), sys.getprofile()

    def breaks() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        steps_of(breaks)
    assert (sys.gettrace(), sys.getprofile()) == before
