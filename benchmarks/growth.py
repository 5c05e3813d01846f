"""How much longer four times the text takes, for texts that are made to take long.

Run as ``python benchmarks/growth.py [--characters N] [--tries N]``. What is done with them: the page shows them, words
and sentences are found, two of them compared, a reply is told as it comes, a benchmark counts the sentences. One line a
shape of text: the processor's milliseconds for a text of ``--characters`` and for one of four times as many, each
the least of ``--tries``, taken by turns and without looks for garbage, and how often the first goes into the
second. The tests count the steps of the same work; only a clock sees what one function written in C does inside, such
as a regular expression.

It ends with 1 where a long text takes more than 8 times the short one and more than 20 ms: a square takes 16 times.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where this is run as a file, only its own folder is there

from tests import long_texts

TIMES = 4
MOST_TIMES = 8.0
LEAST_MS = 20.0
GROUPS = {
    "page": long_texts.PAGE,
    "words": long_texts.WORDS,
    "changes": long_texts.CHANGES,
    "replies": long_texts.REPLIES,
    "sentences": long_texts.SENTENCES,
}


def taken_ms(work: Callable[[], object]) -> float:
    """Return the processor's milliseconds for some work."""
    began_ns = time.process_time_ns()
    work()
    return (time.process_time_ns() - began_ns) / 1e6


def measured(work: long_texts.Work, characters: int, tries: int) -> tuple[float, float]:
    """Return the least milliseconds for a text, and for one of four times as many characters."""
    short, long = work(characters), work(TIMES * characters)
    short()  # what is kept from call to call is made once
    pairs = [(taken_ms(short), taken_ms(long)) for _ in range(tries)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def main() -> int:
    """Print the table; return 1 where the work grows faster than the text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--characters", type=int, default=10_000, help="of the shorter text")
    parser.add_argument("--tries", type=int, default=3, help="the least of so many counts")
    options = parser.parse_args()
    gc.disable()
    too_fast = 0
    print(f"{'text':40} {'short ms':>9} {'long ms':>9} {'times':>6}")
    for group, works in GROUPS.items():
        for name, work in works.items():
            short_ms, long_ms = measured(work, options.characters, options.tries)
            is_square = long_ms > LEAST_MS and long_ms > MOST_TIMES * short_ms
            too_fast += is_square
            times = f"{long_ms / short_ms:6.1f}" if short_ms else "     -"
            print(f"{f'{group}: {name}':40} {short_ms:9.2f} {long_ms:9.2f} {times}{'  grows too fast' * is_square}")
            gc.collect()
    return int(too_fast > 0)


if __name__ == "__main__":
    sys.exit(main())
