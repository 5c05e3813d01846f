"""Whose turn it is to call a model: one queue for each model and key, shared by all runs of an ensemble.

Runs take turns, and within a run who came first goes first. Nothing polls and nothing runs beside the calls: whoever
comes, leaves or is cancelled looks who may go, and a timer of the event loop does where only time is missing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from math import inf

from attention_moa.agents import ModelSettings
from attention_moa.messages import RateHint
from attention_moa.pacing import TIMER_S, Pace, Rate, Spent

PAUSE_MAX_S = 60.0
"""Longest pause where nothing else is said."""


class Turn:
    """One call's leave to go.

    Args:
        limiter: Who gives it.
        tokens: What the call is thought to need.
        run: Whose call it is.
    """

    def __init__(self, limiter: Limiter, tokens: int, run: str) -> None:
        """Start to wait, now."""
        loop = asyncio.get_running_loop()
        self.tokens = tokens
        self.run = run
        self.asked_s = loop.time()
        self.leave: asyncio.Future[None] = loop.create_future()
        self.waited_s = 0.0
        self.epoch = 0
        self.spent: Spent | None = None
        self._limiter = limiter

    def used(self, tokens: int) -> None:
        """Count the tokens that the call really took, as soon as they are known."""
        self._limiter.used(self, tokens)

    def refused(self, retry_after_s: float | None) -> None:
        """Tell that the endpoint asked to slow down (HTTP 429, or 503 with Retry-After).

        Args:
            retry_after_s: Seconds that it asks to wait; None where it does not say.
        """
        self._limiter.refused(self, retry_after_s)


class Limiter:
    """The calls to one model with one key. It belongs to the event loop that its calls run in.

    Args:
        rate: The limits that are set.
        pause_max_s: Longest pause, whatever the endpoint asks for.
    """

    def __init__(self, rate: Rate, *, pause_max_s: float = PAUSE_MAX_S) -> None:
        """Start with every place free."""
        self._pace = Pace(rate, pause_max_s=pause_max_s)
        self._runs: OrderedDict[str, OrderedDict[Turn, None]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self.under_way = 0

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return sum(map(len, self._runs.values()))

    @property
    def places(self) -> float:
        """How many calls may be under way at once as things stand; infinity for no limit."""
        return inf if self._pace.places == inf else int(self._pace.places)

    @asynccontextmanager
    async def turn(self, tokens: int = 0, *, run: str = "") -> AsyncGenerator[Turn, None]:
        """Wait for a turn and hold a place. Leaving without an exception tells that the call succeeded.

        Args:
            tokens: What the call is thought to need, prompt and reply.
            run: The run that it belongs to, for fairness among runs.
        """
        turn = Turn(self, tokens, run)
        await self._wait(turn)
        try:
            yield turn
            self._pace.succeeded(turn.epoch)
        finally:
            self.under_way -= 1
            self._look()

    def used(self, turn: Turn, tokens: int) -> None:
        """Count the tokens that a call really took."""
        if turn.spent is not None:
            self._pace.minute.correct(turn.spent, tokens)
            self._look()

    def refused(self, turn: Turn, retry_after_s: float | None) -> None:
        """Learn that the endpoint refused a call for its rate."""
        self._pace.refused(turn.epoch, self.under_way, retry_after_s, _now_s())

    def hint(self, hint: RateHint) -> None:
        """Learn what the endpoint says is left: where that is nothing, nobody starts before the reset."""
        if hint.is_spent and hint.reset_s is not None:
            self._pace.pause(hint.reset_s, _now_s())

    async def _wait(self, turn: Turn) -> None:
        self._runs.setdefault(turn.run, OrderedDict())[turn] = None
        self._look()
        try:
            await turn.leave
        except asyncio.CancelledError:
            if turn.spent is None:
                self._remove(turn)
            else:  # its turn came in the moment in which it was ended
                self._pace.minute.drop(turn.spent)
                self.under_way -= 1
            self._look()
            raise

    def _look(self) -> None:
        """Let all go whose turn it is, and set the timer for the next one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_s = _now_s()
        while self._runs:
            turn = next(iter(next(iter(self._runs.values()))))
            if turn.leave.cancelled():
                self._remove(turn)
                continue
            free_s = self._pace.free_s(turn.tokens, self.under_way, now_s)
            if free_s <= now_s + TIMER_S:
                self._let_go(turn, now_s)
                continue
            if free_s < inf:
                self._timer = asyncio.get_running_loop().call_at(free_s, self._look)
            return

    def _let_go(self, turn: Turn, now_s: float) -> None:
        self._remove(turn)
        if turn.run in self._runs:
            self._runs.move_to_end(turn.run)
        self.under_way += 1
        turn.epoch = self._pace.epoch
        turn.waited_s = now_s - turn.asked_s
        turn.spent = self._pace.started(turn.tokens, now_s)
        turn.leave.set_result(None)

    def _remove(self, turn: Turn) -> None:
        turns = self._runs.get(turn.run, OrderedDict[Turn, None]())
        turns.pop(turn, None)
        if not turns:
            self._runs.pop(turn.run, None)


class Limiters:
    """The limiters of all models that an ensemble calls; shared by its runs.

    Args:
        rate_of: The limits that are set for a model.
        pause_max_s: Longest pause.
    """

    def __init__(self, rate_of: Callable[[ModelSettings], Rate], *, pause_max_s: float = PAUSE_MAX_S) -> None:
        """Start with none."""
        self._rate_of = rate_of
        self._pause_max_s = pause_max_s
        self._by_model: dict[tuple[str, str | None, str | None], Limiter] = {}

    def of(self, model: ModelSettings) -> Limiter:
        """Return the limiter of a model, address and key, the same one every time."""
        key = (model.model, model.base_url, model.api_key_env)
        if key not in self._by_model:
            self._by_model[key] = Limiter(self._rate_of(model), pause_max_s=self._pause_max_s)
        return self._by_model[key]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
