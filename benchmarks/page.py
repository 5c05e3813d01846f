"""What the page costs: how soon it is there, how late it shows what happens, and what a long run makes of that.

Run as ``python benchmarks/page.py [--loads N] [--tokens N] [--agents N] [--runs N]``. It needs a Chromium at
``/usr/bin/chromium``, and takes a minute.

The first table: milliseconds until something is drawn, of our page and of a bare NiceGUI page with one word on it, each
loaded by turns in the same browser; cold with an empty cache, warm with what the load before left in it. The second:
milliseconds from the moment when an agent said a word until the frame that shows it is drawn: in the answer of a run of
one agent; in the boxes of six agents who speak at the same time, and of thirty, whose critiques are folded; and in the
answers of these runs, after the thousands of events that they told before. The third: what a run costs the server that
nobody watches, without the page and with it, and what it costs while a page watches it. The last: for how long at most
the server's loop is held by 200 kB of dense Markdown, come at once and in pieces.

It ends with 1 where the page is drawn later than 1.3 times the bare one, or one word of twenty comes later than 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # where this is run as a file, only its own folder is there

from attention_moa.ui.components.answer import AnswerText  # noqa: E402 - beside what stands below
from tests.page_world import CHROMIUM, linked, until  # noqa: E402 - see above
from tests.serve_child import ServeChild, serve_child  # noqa: E402 - see above

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST_TIMES = 1.3
MOST_LATE_MS = 100.0
_LOOK_S = 0.002
TEAMS = (6, 30)
"""Agents of the runs of many."""

AGENTS = """
import asyncio, time

TOKENS = {tokens}

async def stamped(messages):
    for _ in range(TOKENS):
        await asyncio.sleep(0.02)
        yield f"t{{time.time_ns()}} "

async def at_once(messages):
    return "So it is."

async def by_stage(messages, request):
    if request.stage == "critique" or (request.stage == "summary" and request.layer == 1):
        yield "So it is."
        return
    async for word in stamped(messages):
        yield word
"""
ONE = 'name = "one"\nstrategy = "single"\n[[agents]]\nname = "ann"\nmodel = "python:bench_agents:stamped"\n'
QUICK = 'name = "quick"\nlayers = 2\n' + "".join(
    f'[[agents]]\nname = "agent{number}"\nmodel = "python:bench_agents:at_once"\n' for number in range(3)
)

BARE = """
import sys
from nicegui import ui

@ui.page("/")
def first():
    ui.label("hello")

ui.run(host="127.0.0.1", port=int(sys.argv[1]), reload=False, show=False, show_welcome_message=False)
"""

# Notes for each stamp, in a box of the graph and in the answer, how late the first frame with it is drawn.
WATCH = """() => {
    window.late = { box: [], answer: [] };
    const seen = { box: new Set(), answer: new Set() };
    new MutationObserver((changes) => {
        const fresh = { box: [], answer: [] };
        for (const { target, addedNodes } of changes) {
            const at = target.nodeType === 1 ? target : target.parentElement;
            const kind = at?.closest('.words') ? 'box' : at?.closest('.answer') ? 'answer' : null;
            if (!kind) continue;
            for (const node of addedNodes) for (const [stamp] of node.textContent.matchAll(/t\\d{19}/g)) {
                if (seen[kind].has(stamp)) continue;
                seen[kind].add(stamp);
                fresh[kind].push(stamp);
            }
        }
        if (fresh.box.length + fresh.answer.length) requestAnimationFrame(() => {
            const channel = new MessageChannel();  // it is told of after the frame
            channel.port1.onmessage = () => {
                const now = performance.timeOrigin + performance.now();
                const late = (stamp) => now - Number(stamp.slice(1)) / 1e6;
                for (const kind in fresh) window.late[kind].push(...fresh[kind].map(late));
            };
            channel.port2.postMessage(0);
        });
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
PAINTED = "performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)[0] || 0"


_LINES = (
    "# Sky\n\nWhy it is *blue*: [light](https://example.com/light), `code` and $x^2$.\n\n- one\n- two\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint(1)\n```\n\n"
)
DENSE = (_LINES * 2000)[:200_000]
"""An answer of which every line is something."""


class Cost(NamedTuple):
    """What runs cost.

    Args:
        wall_s: Seconds for one.
        cpu_s: Seconds of the server's processor for one.
    """

    wall_s: float
    cpu_s: float


def main() -> int:
    """Print the tables; return 0 where all is soon enough."""
    parser = argparse.ArgumentParser(description="How soon the page is there, and how late it shows what happens.")
    parser.add_argument("--loads", type=int, default=7, help="loads of each page, cold and warm")
    parser.add_argument("--tokens", type=int, default=150, help="words of an answer")
    parser.add_argument("--runs", type=int, default=20, help="runs of which the cost is measured")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        _write(folder, tokens=args.tokens)
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which root's Chromium does not start in
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=sandbox)
        with serve_child(folder, *_options()) as server:
            is_soon = paints(browser, server.url, args.loads)
            is_prompt = latencies(browser, server.url)
            costs(folder, browser, args.runs)
        browser.close()
    holds()
    return 0 if is_soon and is_prompt else 1


def _options() -> list[str]:
    """Return what the server is told of the ensembles."""
    return [part for name in ("one", *(f"of{agents}" for agents in TEAMS)) for part in ("-e", f"{name}.toml")]


def _write(folder: Path, *, tokens: int) -> None:
    (folder / "bench_agents.py").write_text(AGENTS.format(tokens=tokens), encoding="utf-8")
    (folder / "one.toml").write_text(ONE, encoding="utf-8")
    (folder / "quick.toml").write_text(QUICK, encoding="utf-8")
    for agents in TEAMS:
        team = "".join(
            f'[[agents]]\nname = "agent{number}"\nmodel = "python:bench_agents:by_stage"\n' for number in range(agents)
        )
        (folder / f"of{agents}.toml").write_text(f'name = "of{agents}"\nlayers = 2\n{team}', encoding="utf-8")


# ------------------------------------------------------------------------------------------------------- first paint


def paints(browser: Browser, url: str, loads: int) -> bool:
    """Print when pages are drawn first; return whether ours is soon enough."""
    is_soon = True
    print(f"{'first paint, ms':24}{'bare':>8}{'ours':>8}{'times':>8}")
    with bare_page() as bare:
        for kind, is_warm in (("cold", False), ("warm", True)):
            found: dict[str, list[float]] = {bare: [], url: []}
            for _ in range(loads):
                for address, times in found.items():
                    times.append(_painted(browser, address, is_warm=is_warm))
            theirs, ours = (statistics.median(times) for times in found.values())
            is_soon = is_soon and ours <= MOST_TIMES * theirs
            print(f"{kind:24}{theirs:8.0f}{ours:8.0f}{ours / theirs:8.2f}")
    return is_soon


@contextmanager
def bare_page() -> Iterator[str]:
    """Lend the address of a NiceGUI page with one word on it."""
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-c", BARE, str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(lambda: _answers(url))
            yield url
        finally:
            process.kill()


def _painted(browser: Browser, url: str, *, is_warm: bool) -> float:
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(url)
        if is_warm:
            page.wait_for_load_state("networkidle")
            page.goto("about:blank")
            page.goto(url)
        _wait(lambda: page.evaluate(PAINTED) > 0)
        return float(page.evaluate(PAINTED))
    finally:
        context.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - an address of our own
            return bool(response.status == 200)
    except OSError:
        return False


def _wait(is_so: Callable[[], bool], pause: Callable[[float], object] = lambda ms: time.sleep(ms / 1000)) -> None:
    end_s = time.monotonic() + 120
    while not is_so():
        if time.monotonic() > end_s:
            raise TimeoutError("nothing came within two minutes")
        pause(20)


# ----------------------------------------------------------------------------------------------------------- latency


def latencies(browser: Browser, url: str) -> bool:
    """Print how late words are on the screen; return whether they are soon enough."""
    is_prompt = True
    print(f"\n{'said to seen, ms':24}{'median':>8}{'p95':>8}{'most':>8}{'words':>8}{'events':>8}")
    for name in ("one", *(f"of{agents}" for agents in TEAMS)):
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        page = context.new_page()
        page.goto(url)
        linked(page)
        page.evaluate(WATCH)
        _ask(page, name)
        found = cast("dict[str, list[float]]", page.evaluate("window.late"))
        events = _events(url, page.url.rpartition("/")[2])
        for kind, late in found.items():
            if name != "one" or kind == "answer":
                is_prompt = _is_prompt(f"{name}, {kind}", sorted(late), events) and is_prompt
        context.close()
    return is_prompt


def _is_prompt(title: str, late: Sequence[float], events: int) -> bool:
    """Print how late words were; return whether all but one of twenty were soon enough."""
    p95 = late[int(0.95 * (len(late) - 1))]
    print(f"{title:24}{statistics.median(late):8.0f}{p95:8.0f}{late[-1]:8.0f}{len(late):8}{events:8}")
    return p95 <= MOST_LATE_MS


def _ask(page: Page, model: str) -> None:
    page.select_option("#model", model)
    page.fill("#question", f"Why, at {time.time_ns()}?")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/runs/*")
    _wait(lambda: page.locator(".turn .state.is-finished").count() == 1, page.wait_for_timeout)
    page.wait_for_timeout(300)


def _events(url: str, run_id: str) -> int:
    with urllib.request.urlopen(f"{url}/v1/runs/{run_id}/events", timeout=30) as response:  # noqa: S310 - our own
        return sum(line.startswith(b"id:") for line in response)


# -------------------------------------------------------------------------------------------------------------- cost


def costs(folder: Path, browser: Browser, runs: int) -> None:
    """Print what runs cost the server, unwatched and watched."""
    print(f"\n{'a run of 33 calls, ms':24}{'wall':>8}{'cpu':>8}")
    for title, options in (("without the page", ["--no-page"]), ("with it, unwatched", [])):
        with serve_child(folder, "-e", "quick.toml", *options) as server:
            _print(title, _cost(server, runs, _asked))
    with serve_child(folder, "-e", "quick.toml") as server:
        page = browser.new_context().new_page()
        page.goto(server.url)
        linked(page)
        _print("watched by a page", _cost(server, runs, lambda _: _watched(page)))


def _print(title: str, cost: Cost) -> None:
    print(f"{title:24}{1000 * cost.wall_s:8.1f}{1000 * cost.cpu_s:8.1f}")


def _cost(server: ServeChild, runs: int, ask: Callable[[str], None]) -> Cost:
    ask(server.url)  # what the first one loads is not counted
    cpu_s, began_s = _cpu_s(server.process.pid), time.monotonic()
    for _ in range(runs):
        ask(server.url)
    return Cost((time.monotonic() - began_s) / runs, (_cpu_s(server.process.pid) - cpu_s) / runs)


def _asked(url: str) -> None:
    question = [{"role": "user", "content": f"Why, at {time.time_ns()}?"}]
    request = urllib.request.Request(  # noqa: S310 - an address of our own
        f"{url}/v1/chat/completions",
        data=dumps({"model": "quick", "messages": question}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - an address of our own
        response.read()


def _watched(page: Page) -> None:
    before = page.locator(".state.is-finished").count()
    page.fill("#question", f"Why, at {time.time_ns()}?")
    page.keyboard.press("Control+Enter")
    until(page, lambda: page.locator(".state.is-finished").count() > before)
    until(page, lambda: page.locator("main[data-busy]").count() == 0)


def _cpu_s(pid: int) -> float:
    fields: Sequence[str] = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -------------------------------------------------------------------------------------------------------- the answer


def holds() -> None:
    """Print for how long the loop of a server is held by a large answer."""
    print(f"\n{'200 kB of answer, ms':24}{'held':>8}{'took':>8}")
    for title, step in (("at once", len(DENSE)), ("4,000 characters", 4000), ("500 characters", 500)):
        held_s, took_s = asyncio.run(_held(step))
        print(f"{title:24}{1000 * held_s:8.0f}{1000 * took_s:8.0f}")


async def _held(step: int) -> tuple[float, float]:
    """Return for how long nothing else was done at most, and what all took, in seconds."""
    answer, most_s, began_s = AnswerText("answer"), 0.0, time.perf_counter()

    async def write() -> None:
        for end in range(step, len(DENSE) + 1, step):
            await answer.follow(DENSE[:end], is_over=end == len(DENSE))
            answer.changes()
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write())
        while not writing.done():
            before_s = time.perf_counter()
            await asyncio.sleep(_LOOK_S)
            most_s = max(most_s, time.perf_counter() - before_s - _LOOK_S)
    return most_s, time.perf_counter() - began_s


if __name__ == "__main__":
    sys.exit(main())
