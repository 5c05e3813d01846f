"""How much work something is, without a clock: what it does is counted, and so is the same on every machine."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps_of(work: Callable[[], object]) -> int:
    """Return how many lines of Python and how many functions written in C this thread runs through for some work.

    What one such function does inside is one step, whatever it takes: ``benchmarks/growth.py`` has a clock for that.
    What is kept from call to call (compiled patterns, imported modules) is to be there before: do it once uncounted.
    """
    steps = 0

    def trace(_: FrameType, event: str, __: object) -> Any:
        nonlocal steps
        steps += event == "line"
        return trace

    def profile(_: FrameType, event: str, __: object) -> None:
        nonlocal steps
        steps += event == "c_call"

    tracer, profiler, is_collecting = sys.gettrace(), sys.getprofile(), gc.isenabled()
    gc.disable()  # what a look for garbage calls is no part of the work
    sys.setprofile(profile)
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(tracer)  # coverage's, where it measures
        sys.setprofile(profiler)
        if is_collecting:
            gc.enable()
    return steps


def require_even_growth(work: Callable[[int], Callable[[], object]], characters: int = 2_500) -> None:
    """Assert that four times the text is some four times the steps, not sixteen.

    Args:
        work: Makes a text of so many characters; what it returns does the work.
        characters: Of the shorter text.
    """
    work(characters)()
    few, many = steps_of(work(characters)), steps_of(work(4 * characters))
    assert many < 5 * few, (few, many)
