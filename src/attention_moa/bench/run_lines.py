"""What a benchmark keeps of its runs: a line each, in a file that survives any end of the process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self, TypeAlias

import msgspec
from msgspec import Struct

from attention_moa.bench.questions import Question
from attention_moa.bench.sums import Money, is_cut_off, run_money
from attention_moa.errors import ConfigError, StoreError, describe
from attention_moa.records import RunRecord

Key: TypeAlias = tuple[str, int]
"""A question's id and a turn, from 1."""


class RunLine(Struct, frozen=True, kw_only=True):
    """A run in one line.

    Args:
        question: The question's id.
        turn: From 1.
        run_id: Its name in the journal.
        state: ``failed`` where there is no answer.
        text: The answer; None where there is none.
        error: Why there is none, one line.
        category: The question's.
        created_at: Start of the run, ISO 8601 in UTC.
        seconds: From the run's start to its end.
        critical_path_s: Of the longest chain of calls that waited for each other.
        calls: Attempts that were sent.
        unknown_calls: Those of them whose tokens are not known.
        input_tokens: Of all prompts, cached ones included.
        cached_tokens: Those out of a cache.
        output_tokens: Generated, thinking included.
        reasoning_tokens: Those that are thinking.
        usd: What it cost, as far as that is known; None where nothing is.
        unpriced_calls: Attempts whose cost is not known: ``usd`` is then a lower bound.
        is_cut_off: Whether a process ended while it ran: calls of then may be in no count and no sum.
        is_truncated: Whether the answer hit a limit of tokens.
        degraded: How often something stood in for something better.
        losses: How many results are missing.
        layers: How many the run had.
        ended_by: What the last verdict went by: ``last``, ``verdict``, ``similarity`` …; None where there is none.
    """

    question: str
    turn: int
    run_id: str
    state: Literal["finished", "failed"]
    text: str | None
    error: str | None = None
    category: str | None = None
    created_at: str = ""
    seconds: float = 0.0
    critical_path_s: float = 0.0
    calls: int = 0
    unknown_calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    usd: float | None = None
    unpriced_calls: int = 0
    is_cut_off: bool = False
    is_truncated: bool = False
    degraded: int = 0
    losses: int = 0
    layers: int = 0
    ended_by: str | None = None

    @property
    def key(self) -> Key:
        """Which question and turn it is of."""
        return self.question, self.turn

    @property
    def money(self) -> Money:
        """What it cost, and whether more belongs to that."""
        return Money(self.usd, self.usd is None or self.unpriced_calls > 0 or (self.is_cut_off and self.usd > 0))

    @property
    def whole_usd(self) -> float | None:
        """What it cost; None where more belongs to it that nobody told."""
        return None if self.money.is_lower_bound else self.usd

    @property
    def tokens(self) -> int:
        """Of prompts and replies, as far as they are known."""
        return self.input_tokens + self.output_tokens

    @property
    def has_all_tokens(self) -> bool:
        """Whether all tokens are known."""
        return not self.unknown_calls and not self.is_cut_off


def line_of(record: RunRecord, question: Question, turn: int, *, error: str | None = None) -> RunLine:
    """Return what is kept of a run.

    Args:
        record: Whole, or in part where the run failed.
        question: What was asked.
        turn: From 1.
        error: Why it failed; None where it did not.
    """
    is_finished = error is None and record.text is not None
    usage = record.usage
    return RunLine(
        question=question.id,
        turn=turn,
        run_id=record.run_id,
        state="finished" if is_finished else "failed",
        text=record.text if is_finished else None,
        error=None if is_finished else error or record.error or "no answer",
        category=question.category,
        created_at=record.created_at,
        seconds=round(record.wall_s, 3),
        critical_path_s=round(record.critical_path_s, 3),
        calls=usage.calls,
        unknown_calls=usage.unknown_calls,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usd=run_money(record).usd,
        unpriced_calls=usage.unpriced_calls,
        is_cut_off=is_cut_off(record),
        is_truncated=record.is_truncated,
        degraded=len(record.degraded),
        losses=len(record.losses),
        layers=len(record.layers),
        ended_by=None if record.verdict is None else record.verdict.rule,
    )


class LineFile:
    """The lines of one system; those of an earlier life of the benchmark are there already.

    Args:
        path: The file; made where there is none.
        names: The runs' names by question and turn: lines of other runs stay in the file, and are looked at no more.
    """

    def __init__(self, path: Path, names: Mapping[Key, str]) -> None:
        """Read what there is; a last line that was cut off by the process's end is none."""
        self._path = path
        self._file: IO[bytes] | None = None
        found = _read(path)
        self._others = [line for line in found if names.get(line.key) != line.run_id]
        self.lines: dict[Key, RunLine] = {line.key: line for line in found if names.get(line.key) == line.run_id}

    def __enter__(self) -> Self:
        """Open the file to write what comes.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            write_lines(self._path, (*self._others, *self.lines.values()))
            self._file = self._path.open("ab")
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {describe(error)}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()

    def add(self, line: RunLine) -> None:
        """Write a line, at once.

        Raises:
            StoreError: It cannot be written.
        """
        if self._file is None:
            raise RuntimeError("the file is not open")
        self.lines[line.key] = line
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {describe(error)}") from error

    def put_in_order(self, lines: Sequence[RunLine]) -> None:
        """Write the whole file anew, once it is closed.

        Args:
            lines: All, in the order to be read; lines of other runs come before them.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            write_lines(self._path, (*self._others, *lines))
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {describe(error)}") from error

    def finished(self, key: Key) -> RunLine | None:
        """Return the line of a run that has an answer; None for any other."""
        line = self.lines.get(key)
        return line if line is not None and line.state == "finished" else None


def read_lines_of(path: Path) -> list[RunLine]:
    """Return the lines of a file, the last one of each question and turn.

    Raises:
        ConfigError: A line in the middle is damaged.
    """
    return list({line.key: line for line in _read(path)}.values())


def write_lines(path: Path, lines: Iterable[RunLine]) -> None:
    """Write a file of lines, all or nothing.

    Raises:
        OSError: It cannot be written.
    """
    beside = path.with_suffix(".tmp")
    beside.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    beside.replace(path)


def _read(path: Path) -> list[RunLine]:
    if not path.exists():
        return []
    *whole, rest = path.read_bytes().split(b"\n")
    del rest  # empty, or cut off
    lines: list[RunLine] = []
    for number, line in enumerate(whole, start=1):
        try:
            lines.append(msgspec.json.decode(line, type=RunLine))
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"{path}, line {number}: {describe(error)}: take the file away to write it anew"
            ) from error
    return lines
