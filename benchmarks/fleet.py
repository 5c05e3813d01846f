"""How many requests a second the simulated fleet answers on one core, in one piece and streamed.

Run as ``python benchmarks/fleet.py [--requests N] [--clients N] [--max-tokens N]``. The fleet runs without waiting
(``time_scale = 0``) in a child process that is held to one core; the load comes from this process on another core, over
plain sockets, so that the client costs little. Columns: requests a second, milliseconds of the server's CPU time for a
request, the median and the 99th percentile of a request's time as the client sees it (all clients at once, so most of
it is waiting in line). The best of three passes is shown, since other work on the machine can only make it slower.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

SERVER = """
import asyncio, os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from attention_moa.fleet import Fleet, FleetSpec, ModelSpec
async def main():
    spec = FleetSpec(models=(ModelSpec(name="sim", concurrency=1000),), time_scale=0)
    async with Fleet(spec, most_visits=1000) as fleet:
        print(fleet.base_url.split(":")[2].split("/")[0], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""
PASSES = 3


class Row(NamedTuple):
    """One pass: requests and server CPU seconds, real seconds, and the seconds of each request."""

    requests: int
    cpu_s: float
    wall_s: float
    times_s: list[float]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.wall_s


def request(number: int, *, is_streamed: bool, max_tokens: int) -> bytes:
    """Return a whole HTTP request; each number asks something else."""
    document = {
        "model": "sim",
        "messages": [{"role": "user", "content": f"Question {number}: why is the sky blue?"}],
        "max_tokens": max_tokens,
    }
    if is_streamed:
        document |= {"stream": True, "stream_options": {"include_usage": True}}
    body = json.dumps(document).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: fleet\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def client(port: int, requests: list[bytes], times_s: list[float]) -> None:
    """Send requests one after the other on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for sent in requests:
        started_s = time.perf_counter()
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"the fleet answered {head.decode(errors='replace').splitlines()[0]}")
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        times_s.append(time.perf_counter() - started_s)
    writer.close()
    await writer.wait_closed()


async def load(port: int, clients: int, requests: list[bytes]) -> list[float]:
    """Send all requests over so many connections; return the seconds of each."""
    times_s: list[float] = []
    async with asyncio.timeout(300), asyncio.TaskGroup() as group:
        for place in range(clients):
            group.create_task(client(port, requests[place::clients], times_s))
    return times_s


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used (Linux)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - a plain read
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(server: subprocess.Popen[str], port: int, options: argparse.Namespace, *, is_streamed: bool) -> Row:
    """Return the best pass."""
    rows: list[Row] = []
    for each in range(PASSES):
        first = each * options.requests
        requests = [
            request(number, is_streamed=is_streamed, max_tokens=options.max_tokens)
            for number in range(first, first + options.requests)
        ]
        used_s, started_s = cpu_s(server.pid), time.perf_counter()
        times_s = asyncio.run(load(port, options.clients, requests))
        rows.append(Row(len(requests), cpu_s(server.pid) - used_s, time.perf_counter() - started_s, times_s))
    return max(rows, key=lambda row: row.rate)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=16)
    options = parser.parse_args()
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the fleet's process has no pipes")
        told = server.stdout.readline()
        if not told:
            raise RuntimeError(f"the fleet's process ended with exit code {server.wait(timeout=30)}: see above")
        port = int(told)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        print(f"{'':14} {'requests/s':>10} {'CPU ms':>7} {'median ms':>10} {'p99 ms':>7}")
        for name, is_streamed in (("in one piece", False), ("streamed", True)):
            row = measure(server, port, options, is_streamed=is_streamed)
            median = statistics.median(row.times_s) * 1000
            p99 = statistics.quantiles(row.times_s, n=100)[98] * 1000
            print(f"{name:14} {row.rate:10.0f} {row.cpu_s / row.requests * 1000:7.2f} {median:10.2f} {p99:7.2f}")
        server.stdin.close()
        server.wait(timeout=30)


if __name__ == "__main__":
    main()
