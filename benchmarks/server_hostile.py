"""Thousands of hostile requests: does anything break, does anything stay behind, is the next good request served.

Run as ``python benchmarks/server_hostile.py [--requests N] [--at-once N] [--seed S] [--only KIND]``. A server of its
own (bodies of 1 MiB at most, 1 s for a body to arrive) gets requests that are no JSON, no text, no HTTP, too deep, too
large, of wrong types, half closed, slow, or left in the middle; ``_hostile.py`` says each kind. A good request among
every 50 has to be answered right.

Printed are, by kind, how many were sent, which statuses came (0: closed without a word) and the longest time; then the
server's memory and open files after each fifth of the requests. The exit code is 1 where a status is none of those that
the kind allows, a reply shows a stack trace, something takes longer than ``--patience``, a good request is not served,
or memory or files grew by more than the limits from the first fifth, which warms it up, to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # where this is run as a file, only its own folder is there

from benchmarks import _server_world as world  # noqa: E402 - see above
from benchmarks._hostile import KINDS, MODEL, Kind  # noqa: E402 - see above

CONFIG = "max_body_mib = 1\nbody_timeout_s = 1.0\n"
ENSEMBLES = ROOT / "tests" / "clients" / "ensembles"
GOOD_EVERY = 50
PARTS = 5
REST_S = 3.0
AGAIN_S = 1.0


class Sent(NamedTuple):
    """A request that was sent.

    Args:
        kind: Its kind.
        status: What came; 0 for a connection that was closed without a word.
        took_s: Seconds until then.
        wrong: What is not as it has to be; None where all is.
    """

    kind: str
    status: int
    took_s: float
    wrong: str | None


async def send(port: int, kind: Kind, seed: str, patience_s: float) -> Sent:
    """Return what became of one hostile request."""
    started_s = time.perf_counter()
    heard, wrong = b"", None
    try:
        async with asyncio.timeout(patience_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                heard = await kind.deed(random.Random(seed), reader, writer)
            finally:
                writer.close()
    except TimeoutError:
        wrong = f"no end within {patience_s:g} s"
    except ConnectionError:
        heard = b""  # closed without a word
    status = int(heard[9:12]) if heard[:5] == b"HTTP/" and heard[9:12].isdigit() else 0
    if b"Traceback" in heard or b"site-packages" in heard:
        wrong = "a stack trace is shown"
    elif wrong is None and status not in kind.allowed:
        wrong = f"status {status}: {heard[-300:]!r}"
    return Sent(kind.name, status, time.perf_counter() - started_s, wrong and f"{kind.name} ({seed}): {wrong}")


async def good(port: int, patience_s: float) -> Sent:
    """Return what became of a good request; one that is told to try again does so."""
    started_s = time.perf_counter()
    text = ""
    while not text or ("overloaded" in text and time.perf_counter() < started_s + patience_s):
        if text:
            await asyncio.sleep(AGAIN_S)
        try:
            text = await world.answer(port, MODEL, "What is 19 + 23?")
        except (OSError, TimeoutError, RuntimeError, asyncio.IncompleteReadError) as error:
            text = f"{type(error).__name__}: {error}"
    wrong = None if text == "19 + 23 = 42" else f"a good request is answered: {text}"
    return Sent("good ones", 200 if wrong is None else 0, time.perf_counter() - started_s, wrong)


async def attack(port: int, numbers: range, options: argparse.Namespace) -> list[Sent]:
    """Return what became of so many requests, some at once; each number says by itself what is sent."""
    left: Iterator[int] = iter(numbers)
    sent: list[Sent] = []
    kinds = [kind for kind in KINDS if options.only in ("", kind.name)]

    async def work() -> None:
        for number in left:
            kind = kinds[number % len(kinds)]
            sent.append(await send(port, kind, f"{options.seed} {number}", options.patience))
            if number % GOOD_EVERY == 0:
                sent.append(await good(port, options.patience))

    async with asyncio.TaskGroup() as group:
        for _ in range(options.at_once):
            group.create_task(work())
    sent.append(await good(port, options.patience))
    return sent


def rested(pid: int) -> world.Used:
    """Return what the server uses when its connections have had the time to end."""
    time.sleep(REST_S)
    return world.used_by(pid)


def report(sent: Sequence[Sent], used: Sequence[world.Used], options: argparse.Namespace) -> list[str]:
    """Print all; return what is not as it has to be."""
    by_kind: defaultdict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        by_kind[one.kind].append(one)
    print(f"{'':16} {'sent':>6} {'longest s':>9}  statuses")
    for kind, ones in by_kind.items():
        statuses = ", ".join(
            f"{status}: {count}" for status, count in sorted(Counter(one.status for one in ones).items())
        )
        print(f"{kind:16} {len(ones):6} {max(one.took_s for one in ones):9.2f}  {statuses}")
    growth_mib = used[-1].resident_mib - used[0].resident_mib
    growth_handles = used[-1].handles - used[0].handles
    for name, numbers in (
        ("memory in MiB", [one.resident_mib for one in used]),
        ("open files", [one.handles for one in used]),
        ("threads", [one.threads for one in used]),
    ):
        print(f"{name:14} {' '.join(f'{number:6.0f}' for number in numbers)}")
    wrong = [one.wrong for one in sent if one.wrong]
    if growth_mib > options.most_growth:
        wrong.append(f"memory grew by {growth_mib:.0f} MiB")
    if growth_handles > options.most_handles:
        wrong.append(f"{growth_handles} more files are open")
    return wrong


def main() -> int:
    """Return 1 where something is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="one kind of the table")
    parser.add_argument("--patience", type=float, default=30.0, help="most seconds for any of them")
    parser.add_argument("--most-growth", type=float, default=48.0, help="MiB")
    parser.add_argument("--most-handles", type=int, default=16, help="more of them: the journal has a pool")
    options = parser.parse_args()
    with world.a_folder() as name:
        folder = Path(name)
        (folder / "server.toml").write_text(CONFIG, encoding="utf-8")
        with world.serving(["-e", str(ENSEMBLES), "--config", str(folder / "server.toml")], folder) as server:
            ends = [options.requests * part // PARTS for part in range(PARTS + 1)]
            sent: list[Sent] = []
            used: list[world.Used] = []
            for first, last in pairwise(ends):
                sent += asyncio.run(attack(server.port, range(first, last), options))
                used.append(rested(server.pid))
            wrong = report(sent, used, options)
            if server.process.poll() is not None:
                wrong.append("the server is gone")
            if "Traceback" in (log := server.log_tail(10**7)):
                trace = log.index("Traceback")
                wrong.insert(0, f"the log has a stack trace: …{log[max(trace - 300, 0) : trace + 5000]}")
    for what in wrong[:20]:
        print(what, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
