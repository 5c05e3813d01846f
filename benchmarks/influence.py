"""Who moved whom, where it is known: how often the critique that was followed has the largest share.

Run as ``python benchmarks/influence.py [--cases N] [--seed S]``. Each case is an answer of made-up sentences, a
refinement of it, and four critiques, of which one was followed, or two; the others praise, quote what stays, or ask for
something else. A case is right where each critique that was followed has a larger share than each that was not. Half of
the cases are in English, the others in German, Russian, Arabic, Chinese and Japanese. Columns: cases, how many of them
are right, the mean share of the critiques that were followed (together) and of those that were not, and the mean share
that is traced to nobody. Below, the same by language; then the seconds that texts of 200 kB take, with four critiques.

The exit code is 1 where fewer than ``--least`` of the cases are right.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from attention_moa.influence import Attribution, attribute

sys.path.insert(0, str(Path(__file__).parents[1]))  # where this is run as a file, only its own folder is there

from benchmarks._languages import ENGLISH, LANGUAGES
from benchmarks._planted import KINDS, LIMITS, Author, Case


class Judged(NamedTuple):
    """What came of a case."""

    kind: str
    language: str
    is_right: bool
    followed: float
    others: float
    nobody: float


def judged(kind: str, language: str, case: Case, found: Attribution) -> Judged:
    """Return what came of a case."""
    followed = [found.shares[critic] for critic in case.planted]
    others = [share for critic, share in found.shares.items() if critic not in case.planted]
    return Judged(kind, language, min(followed) > max(others), sum(followed), sum(others), found.unattributed)


def played(kinds: Mapping[str, Callable[[Author], Case]], cases: int, seed: int) -> Iterator[Judged]:
    """Yield what came of made-up cases of some kinds, in turn; every second one is in English."""
    foreign = [name for name in LANGUAGES if name != "English"]
    for number in range(cases):
        turn, which = divmod(number, len(kinds))
        kind = list(kinds)[which]
        language = foreign[turn // 2 % len(foreign)] if turn % 2 else "English"
        case = kinds[kind](Author(LANGUAGES[language], random.Random(f"{seed} {number}")))
        yield judged(kind, language, case, attribute(case.answer, case.refinement, case.critiques))


def show(name: str, some: Sequence[Judged]) -> None:
    """Print a line of the table."""
    right = sum(one.is_right for one in some)
    means = (fmean(getattr(one, field) for one in some) for field in ("followed", "others", "nobody"))
    cells = "".join(f"{mean:>10.1%}" for mean in means)
    print(f"{name:18}{len(some):>6}{right:>7}{right / len(some):>9.1%}{cells}")


def long_texts(seed: int, size: int) -> Iterator[tuple[str, float]]:
    """Yield how many seconds texts of 200 kB take, by how much of them was changed."""
    author = Author(ENGLISH, random.Random(seed))
    before: list[str] = []
    while sum(map(len, before)) < size:
        before.append(author.fact())
    for what, count in (("nothing", 0), ("20 sentences", 20), ("every tenth", len(before) // 10), ("all", len(before))):
        after = list(before)
        for place in author.chance.sample(range(len(before)), count):
            after[place] = author.fact()
        critiques = {f"critic {number}": author.text([author.fact() for _ in range(20)]) for number in range(4)}
        began_s = time.perf_counter()
        attribute(author.text(before), author.text(after), critiques)
        yield what, time.perf_counter() - began_s


def main() -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.95, help="the least share of right cases")
    parser.add_argument("--size", type=int, default=200_000, help="characters of the long texts")
    options = parser.parse_args()
    found = list(played(KINDS, options.cases, options.seed))
    print(f"{'':18}{'cases':>6}{'right':>7}{'':9}{'followed':>10}{'others':>10}{'nobody':>10}")
    for kind in KINDS:
        if some := [one for one in found if one.kind == kind]:
            show(kind, some)
    print()
    for language in LANGUAGES:
        if some := [one for one in found if one.language == language]:
            show(language, some)
    print()
    show("all", found)
    print("\nwhat overlap of words cannot tell, and is not counted:")
    for kind in LIMITS:
        show(kind, list(played({kind: LIMITS[kind]}, max(1, options.cases // 10), options.seed)))
    print()
    for what, seconds in long_texts(options.seed, options.size):
        print(f"{options.size:,} characters, changed: {what:14}{seconds:>7.2f} s")
    return 0 if sum(one.is_right for one in found) >= options.least * len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
