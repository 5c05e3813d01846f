"""A benchmark under the eyes of a person: painted on a terminal, told line by line elsewhere; Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, Self, TextIO, TypeVar

from attention_moa.bench.board import Board, SystemBoard
from attention_moa.bench.results import Results
from attention_moa.bench.running import Benchmark, Wanted
from attention_moa.cli.exits import INTERRUPTED, TERMINATED
from attention_moa.cli.layout import table
from attention_moa.cli.output import results_apart, tell
from attention_moa.cli.running import Signals
from attention_moa.money import amount

if TYPE_CHECKING:
    from rich.console import RenderableType

_EVERY_S = 10.0
_HEADINGS = ("system", "done", "running", "failed", "usd")
_REFRESH_HZ = 4


T = TypeVar("T")


class Ended(NamedTuple, Generic[T]):
    """How a benchmark ended.

    Args:
        results: What it came to; None where a signal ended it.
        signum: That signal.
    """

    results: T | None
    signum: int | None = None

    @property
    def status(self) -> int:
        """The exit code."""
        if self.signum is None:
            return 0
        return TERMINATED if self.signum == signal.SIGTERM else INTERRUPTED


class BoardView(Protocol):
    """Someone who shows how far a benchmark is."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *_: object) -> None:
        """End it."""
        ...

    def changed(self) -> None:
        """Take a change of the board."""
        ...

    def stopping(self) -> None:
        """Say that it is being ended."""
        ...


def run_shown(wanted: Wanted, *, is_quiet: bool) -> Ended[Results]:
    """Return how a benchmark ended, whichever way it did; nothing of it is left running.

    Args:
        wanted: What is to be run.
        is_quiet: Whether nothing is told without a terminal.
    """
    return show(lambda board: Benchmark(wanted, board, tell).run(), is_quiet=is_quiet)


def show(work: Callable[[Board], Awaitable[T]], *, is_quiet: bool) -> Ended[T]:
    """Return how something that tells a board how far it is ended, whichever way it did.

    Args:
        work: Begins it.
        is_quiet: Whether nothing is told without a terminal.
    """
    board = Board()
    view = _view(board, is_quiet=is_quiet)
    with view, results_apart():
        return asyncio.run(_watched(work, board, view))


async def _watched(work: Callable[[Board], Awaitable[T]], board: Board, view: BoardView) -> Ended[T]:
    board.on_change = view.changed
    with Signals(view.stopping) as signals:
        try:
            return Ended(await work(board))
        except asyncio.CancelledError:
            if signals.caught is None:
                raise
            signals.task.uncancel()
            return Ended(None, signals.caught)


def _view(board: Board, *, is_quiet: bool) -> BoardView:
    if sys.stderr.isatty():
        from attention_moa.cli.live import can_repaint

        if can_repaint(sys.stderr):
            return PaintedBoard(board, sys.stderr)
    return LineBoard(board, is_silent=is_quiet)


class LineBoard:
    """Tells a line when a system begins and ends, and in between every ten seconds.

    Args:
        board: What is shown.
        is_silent: Whether nothing is told.
    """

    def __init__(self, board: Board, *, is_silent: bool = False) -> None:
        """Prepare it."""
        self._board = board
        self._is_silent = is_silent
        self._said_s = -_EVERY_S
        self._said = ("", False)

    def __enter__(self) -> Self:
        """Say nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say nothing more."""

    def changed(self) -> None:
        """Tell where it is, where there is reason to."""
        now_s = time.monotonic()
        if self._board.phase == "judging":
            self._judging(now_s)
        current = self._current()
        if current is None or self._is_silent:
            return
        news = (current.name, current.done == current.total)
        if news != self._said or now_s - self._said_s >= _EVERY_S:
            self._said, self._said_s = news, now_s
            tell(system_line(current, self._board.left_s))

    def _judging(self, now_s: float) -> None:
        if not self._is_silent and now_s - self._said_s >= _EVERY_S:
            self._said_s = now_s
            cost = _money(self._board.judge_usd, self._board.judge_unpriced)
            tell(f"judging: {self._board.judged:,} of {self._board.to_judge:,}, {cost}")

    def _current(self) -> SystemBoard | None:
        if self._board.phase != "answering":
            return None
        begun = [one for one in self._board.systems if one.running or one.done > one.before]
        return begun[-1] if begun else None

    def stopping(self) -> None:
        """Say that it is being ended."""
        tell("stopping (Ctrl-C again kills)")


class PaintedBoard:
    """A table that is painted anew four times a second, and leaves no trace.

    Args:
        board: What is shown.
        file: The terminal.
    """

    def __init__(self, board: Board, file: TextIO) -> None:
        """Prepare it; nothing is painted yet."""
        from rich.console import Console

        self._console = Console(file=file, highlight=False, markup=False, emoji=False)
        self._board = board
        self._closing = ExitStack()
        self._is_stopping = False

    def __enter__(self) -> Self:
        """Paint."""
        from rich.live import Live

        live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=_REFRESH_HZ,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._closing.enter_context(live)
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._closing.close()

    def changed(self) -> None:
        """Do nothing: the next picture shows it."""

    def stopping(self) -> None:
        """Say from now on that it is being ended."""
        self._is_stopping = True

    def _render(self) -> RenderableType:
        from rich.text import Text

        lines = board_lines(self._board, room=self._console.size.width, is_stopping=self._is_stopping)
        return Text("\n".join(lines), no_wrap=True, overflow="crop")


def board_lines(board: Board, *, room: int | None = None, is_stopping: bool = False) -> Iterator[str]:
    """Yield how far all systems are.

    Args:
        board: What is shown.
        room: Most columns; None for any number.
        is_stopping: Whether it is being ended.
    """
    yield from table(_HEADINGS, [_cells(one) for one in board.systems], room=room)
    state = "stopping (Ctrl-C again kills)" if is_stopping else board.phase
    left = "" if board.phase != "answering" else f", {_left(board.left_s)}"
    judged = f" {board.judged:,}/{board.to_judge:,}" if board.phase == "judging" else ""
    yield f"{state}{judged}, {_clock(board.elapsed_s)}{left}"


def system_line(one: SystemBoard, left_s: float | None) -> str:
    """Return how far a system is, in a line.

    Args:
        one: The system.
        left_s: About how long all of it may still take; None where nothing is known.
    """
    failed = f", {one.failed:,} failed" if one.failed else ""
    stopped = ", stopped by the budget" if one.is_stopped else ""
    running = f", {one.running:,} running" if one.running else ""
    done = f"{one.done:,} of {one.total:,} {one.what} done"
    return f"{one.name}: {done}{running}{failed}, {_usd(one)}{stopped}, {_left(left_s)}"


def _cells(one: SystemBoard) -> tuple[str, ...]:
    what = " turns" if one.what == "turns" else ""
    done = f"{one.done:,}/{one.total:,}{what}"
    return one.name, done, f"{one.running:,}", f"{one.failed:,}", _usd(one).removeprefix("$")


def _usd(one: SystemBoard) -> str:
    return _money(one.usd, one.unpriced)


def _money(usd: float, unpriced: int) -> str:
    if unpriced:
        return f"${amount(usd)}+" if usd else "cost unknown"
    return f"${amount(usd)}"


def _left(seconds: float | None) -> str:
    return "time left not known yet" if seconds is None else f"about {_clock(seconds)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
