"""A module whose import waits until a file named ``go`` is there: like a heavy library, as slow as a test wants.

That it is being imported a file named ``importing`` tells.
"""

from __future__ import annotations

import time
from pathlib import Path

Path("importing").touch()
_deadline_s = time.monotonic() + 60
while not Path("go").exists() and time.monotonic() < _deadline_s:
    time.sleep(0.01)


def quick(messages: list[dict[str, object]]) -> str:
    """Say something."""
    return f"loaded, {len(messages)} turns"
