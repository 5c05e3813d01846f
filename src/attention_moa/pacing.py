"""How fast calls may go to one endpoint: the limits that are set, and what its refusals teach. Pure: told the time.

Concurrency is cut in half by a refusal and raised by one place for every round of successes, which lets several
processes with one key come to equal shares without knowing of each other. Requests and tokens are counted over the last
sixty seconds, so that no minute, wherever it begins, holds more than is allowed.

Source: ours; additive increase and multiplicative decrease after Chiu and Jain (1989), slow start after RFC 5681.
"""

from __future__ import annotations

from collections import deque
from math import inf, isfinite

from msgspec import Struct

from attention_moa.agents import require

MINUTE_S = 60.0
TIMER_S = 1e-6
"""How early a timer may ring: what is due within it is due."""

_FIRST_PAUSE_S = 1.0
_FIRST_GAP_S = 0.5
_GAP_HALVES_S = 1.5
_LEAST_GAP_S = 0.001


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may go to one model with one key; None for no limit.

    Args:
        concurrency: Most calls under way at once, from 1.
        rpm: Most requests in any sixty seconds, from 1.
        tpm: Most tokens in any sixty seconds, from 1. A call that needs more than that goes alone.
    """

    concurrency: int | None = None
    rpm: int | None = None
    tpm: int | None = None

    def check(self, at: str) -> None:
        """Raise a ``ConfigError`` that names the field under ``at`` if a limit is not above 0."""
        for field in self.__struct_fields__:
            value = getattr(self, field)
            require(value is None or value >= 1, f"{at}.{field}" if at else field, f"{value} is not 1 or more")


class Spent:
    """What one call takes of its minute.

    Args:
        at_s: When it started.
        tokens: What it is thought to need, later what it used.
        is_counted: Whether it is in the sums; no more once its minute is over.
    """

    __slots__ = ("at_s", "is_counted", "tokens")

    def __init__(self, at_s: float, tokens: int, *, is_counted: bool) -> None:
        """Keep them."""
        self.at_s = at_s
        self.tokens = tokens
        self.is_counted = is_counted


class Minute:
    """The requests and tokens of the last sixty seconds."""

    def __init__(self, rate: Rate) -> None:
        """Start empty."""
        self._rpm = inf if rate.rpm is None else rate.rpm
        self._tpm = inf if rate.tpm is None else rate.tpm
        self._is_counted = min(self._rpm, self._tpm) < inf
        self._spent: deque[Spent] = deque()
        self._tokens = 0

    def free_s(self, tokens: int, now_s: float) -> float:
        """Return when a call of so many tokens may start; not after ``now_s`` where it may at once."""
        while self._spent and self._spent[0].at_s + MINUTE_S <= now_s + TIMER_S:
            self._uncount(self._spent.popleft())
        requests = len(self._spent) + 1 - self._rpm
        excess = self._tokens + tokens - self._tpm
        free_s = -inf
        for spent in self._spent:
            if requests <= 0 and excess <= 0:
                break
            requests -= 1
            excess -= spent.tokens
            free_s = spent.at_s + MINUTE_S
        return free_s

    def add(self, tokens: int, now_s: float) -> Spent:
        """Count a call that starts, and return what can be corrected later."""
        spent = Spent(now_s, max(tokens, 0), is_counted=self._is_counted)
        if spent.is_counted:
            self._spent.append(spent)
            self._tokens += spent.tokens
        return spent

    def correct(self, spent: Spent, tokens: int) -> None:
        """Count what a call used in the place of what it was thought to need."""
        if spent.is_counted:
            self._tokens += max(tokens, 0) - spent.tokens
            spent.tokens = max(tokens, 0)

    def drop(self, spent: Spent) -> None:
        """Take out a call that was not made after all."""
        if spent.is_counted:
            self._spent.remove(spent)
            self._uncount(spent)

    def _uncount(self, spent: Spent) -> None:
        self._tokens -= spent.tokens
        spent.is_counted = False


class Pace:
    """When the next call may start.

    Args:
        rate: The limits that are set; what is learnt only lowers them.
        pause_max_s: Longest pause. An endpoint that asks for more is asked again after it, so that each call hears its
            own refusal and none waits for ever.
    """

    def __init__(self, rate: Rate, *, pause_max_s: float) -> None:
        """Start at full speed."""
        self.minute = Minute(rate)
        self.places: float = inf if rate.concurrency is None else rate.concurrency
        self.epoch = 0
        self._most = self.places
        self._flown = 0
        self._pause_max_s = pause_max_s
        self._refusals = 0
        self._resumed_s = -inf
        self._gap_s = 0.0
        self._next_s = -inf

    def free_s(self, tokens: int, under_way: int, now_s: float) -> float:
        """Return when a call of so many tokens may start; infinity where a place has to become free first."""
        if under_way >= int(min(self.places, under_way + 1)):
            return inf
        return max(self._next_s, self.minute.free_s(tokens, now_s))

    def started(self, tokens: int, now_s: float) -> Spent:
        """Count a call that starts now. Soon after a pause the next one has to leave a gap."""
        gap_s = self._gap_s * 0.5 ** min((now_s - self._resumed_s) / _GAP_HALVES_S, 1000.0)
        if gap_s >= _LEAST_GAP_S:
            self._next_s = max(self._next_s, now_s + gap_s)
        return self.minute.add(tokens, now_s)

    def succeeded(self, epoch: int) -> None:
        """Learn from a reply to a call that started in an epoch: those from before the last refusal tell nothing."""
        if epoch != self.epoch:
            return
        self._refusals = 0
        self.places = min(self._most, self.places + 1.0 / self.places)
        if self._most == inf and self.places > self._flown:
            self.places, self._flown = inf, 0

    def refused(self, epoch: int, under_way: int, retry_after_s: float | None, now_s: float) -> None:
        """Learn from a refusal: pause, and cut the concurrency once for all calls that were under way together.

        Args:
            epoch: When the call started.
            under_way: How many calls are, the refused one included.
            retry_after_s: What the endpoint asks for; None where it does not say: then a pause that doubles with every
                epoch without a success.
            now_s: The time.
        """
        if epoch == self.epoch:
            self.epoch += 1
            self._refusals += 1
            self._flown = max(self._flown, under_way)
            self.places = max(1.0, min(self.places, under_way) // 2)
        if retry_after_s is None or not isfinite(retry_after_s):
            retry_after_s = _FIRST_PAUSE_S * 2.0 ** min(self._refusals - 1, 60)
        self.pause(retry_after_s, now_s)

    def pause(self, seconds: float, now_s: float) -> None:
        """Let nobody start for so long, and start slowly afterwards."""
        pause_s = min(max(seconds, 0.0), self._pause_max_s)
        if now_s + pause_s > self._resumed_s:
            self._resumed_s = now_s + pause_s
            self._gap_s = min(_FIRST_GAP_S, pause_s)  # a short pause tells of a short jam
        self._next_s = max(self._next_s, self._resumed_s)
