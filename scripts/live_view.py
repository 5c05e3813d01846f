"""Draw ``docs/images/live-view.svg``: the live view of a run on the embedded model, at the moment after some calls.

.venv/bin/python scripts/live_view.py [CALLS]
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import time
from contextlib import aclosing
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME

from attention_moa import Ensemble, RunRecord
from attention_moa.cli.picture import render
from attention_moa.cli.progress import Progress
from attention_moa.events import CallFinished

QUESTION = "Why is the sky blue at noon and red at sunset?"
TARGET = Path(__file__).resolve().parent.parent / "docs" / "images" / "live-view.svg"
_WIDTH, _HEIGHT = 92, 30
_FETCHED_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def _watched(calls: int) -> tuple[Progress, float, float]:
    """Return what the view knows after so many calls, and the times that it is painted with."""
    ensemble = Ensemble.load("embedded")
    progress, started_s, done = Progress(ensemble.spec), time.monotonic(), 0
    async with aclosing(ensemble.stream(QUESTION, deltas=True)) as stream:
        async for item in stream:
            if isinstance(item, RunRecord):
                break
            progress.apply(item, time.monotonic())
            done += isinstance(item, CallFinished)
            if done >= calls:
                break
    return progress, started_s, time.monotonic()


def main() -> None:
    """Run the ensemble up to the moment, and write the picture."""
    progress, started_s, now_s = asyncio.run(_watched(int(sys.argv[1]) if len(sys.argv) > 1 else 13))
    console = Console(record=True, width=_WIDTH, height=_HEIGHT, file=io.StringIO(), force_terminal=True)
    size = console.size
    console.print(render(progress, now_s=now_s, started_s=started_s, width=size.width, height=size.height))
    svg = console.export_svg(title="attention-moa ask", theme=DEFAULT_TERMINAL_THEME, unique_id="live")
    TARGET.write_text(_FETCHED_FONT.sub("", svg), encoding="utf-8")


if __name__ == "__main__":
    main()
