"""Fill a virtual environment from a lock file, saying what happens from the first second.

Run as ``python3 scripts/install.py VENV LOCK``, from the repository's root, with any Python from 3.11 on; it needs
nothing but the standard library. Every package is checked against its hash in the lock; the project itself is then
installed in place, with the build tool that the lock brings.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import venv
from collections import deque
from pathlib import Path

LOG_LINES = 40


def main(arguments: list[str]) -> int:
    """Return 0 when the environment holds all that the lock names, else pip's exit status."""
    folder, lock = Path(arguments[0]), Path(arguments[1])
    python = folder / "bin" / "python"
    total = sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())
    started_s = time.monotonic()
    print(f"Installing the {total} packages of {lock} into {folder}: some 15 to 60 s on a fast line.", flush=True)
    if not (folder / "bin" / "pip").exists():
        try:
            # Half an environment, left by an interruption, is made anew; any other folder is left alone.
            venv.create(folder, with_pip=True, clear=(folder / "pyvenv.cfg").exists())
        except subprocess.CalledProcessError:
            print(f"Cannot put pip into {folder}. On Debian: apt-get install python3-venv", file=sys.stderr)
            return 1
    mark = folder / ".unfinished"
    # Of what was broken off while it was unpacked pip may take half a package for a whole one.
    anew = ["--force-reinstall"] if mark.exists() else []
    mark.touch()
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-deps"]
    status = follow([*pip, "--progress-bar=off", *anew, "--require-hashes", "-r", str(lock)], total)
    status = status or follow([*pip, "--no-build-isolation", "--no-index", "--editable", "."], 1)
    if status == 0:
        mark.unlink()
        print(f"Installed into {folder} in {time.monotonic() - started_s:.0f} s.", flush=True)
    return status


def follow(command: list[str], total: int, *, silence_s: float = 2.0) -> int:
    """Return a pip command's exit status; show one line that counts packages, and pip's own words only where it fails.

    Args:
        command: The pip command.
        total: How many packages it goes through.
        silence_s: Least seconds between two lines where nobody watches a terminal.
    """
    is_terminal = sys.stdout.isatty()
    log: deque[str] = deque(maxlen=LOG_LINES)
    seen, last_said_s = 0, time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        for line in child.stdout or ():
            log.append(line)
            package = re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
            if package:
                seen += 1
                says = f"[{seen}/{total}] {package[1]}"
            elif line.startswith("Installing collected packages"):
                says = "unpacking"
            else:
                continue
            if is_terminal:
                print(f"\r\033[K  {says}", end="", flush=True)
            elif time.monotonic() - last_said_s >= silence_s:
                print(f"  {says}", flush=True)
                last_said_s = time.monotonic()
    if is_terminal:
        print("\r\033[K", end="", flush=True)
    if child.returncode:
        sys.stderr.writelines(log)
    return child.returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the same command goes on from here.")
