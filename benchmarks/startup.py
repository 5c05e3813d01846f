"""How long the command line and the library take to start, beside a bare interpreter and a minimal click program.

Run as ``python benchmarks/startup.py [REPEATS]``. Each line is the median of so many fresh processes, taken in turns so
that a busy machine disturbs all of them alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

CLICK = "import click; click.command()(lambda: None)(['--help'])"
HELP = "import sys; from attention_moa.cli import main; sys.argv = ['attention-moa', '--help']; main()"
PROGRAMS = {
    "python -c pass": "pass",
    "import click": "import click",
    "a minimal click program --help": CLICK,
    "import attention_moa": "import attention_moa",
    "attention-moa --help": HELP,
}


def seconds_of(code: str) -> float:
    """Return the seconds that a new interpreter takes for some code, from start to end."""
    started_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - started_s


def main(repeats: int) -> None:
    """Print the table."""
    for code in PROGRAMS.values():
        seconds_of(code)  # the first run writes bytecode and warms the file cache
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(repeats):
        for name, code in PROGRAMS.items():
            taken[name].append(seconds_of(code))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    bare, click = medians["python -c pass"], medians["a minimal click program --help"]
    print(f"{'median of ' + str(repeats):32} {'ms':>7} {'/ python':>9} {'/ click':>8}")
    for name, median in medians.items():
        print(f"{name:32} {median * 1000:7.1f} {median / bare:9.2f} {median / click:8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
