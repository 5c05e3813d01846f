"""Files of one's own: the share of answers that agree with the right ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from attention_moa.bench.bootstrap import PERCENT, mean_interval
from attention_moa.bench.gsm8k import final_number
from attention_moa.bench.reading import Place, read_rows, text_field
from attention_moa.bench.scores import Score, TaskScores

_LONE_NUMBER = re.compile(r"[-\u2212]?[$€£]?\s?\d[\d,]*(\.\d+)?\s?%?")
_GOLD = "####"
_ANNOUNCED = re.compile(r"(?:answer is|answer:|####)[ \t]*(.+)", re.IGNORECASE)
_EDGES = " \t\n\r.,;:!?\"'`*_()[]{}$\\"


def score(files: Sequence[Path], data: Path, *, asked: Collection[str] | None = None) -> TaskScores:
    """Return how many answers agree with the right ones, and their share in per cent.

    Args:
        files: Rows with ``response`` and ``reference``; rows without a reference count for nothing.
        data: Not needed.
        asked: Ids of the questions with a right answer that were asked: those without a row are missing. None where
            nobody knows.

    Raises:
        ConfigError: A file is wrong; the text names file, line and field.

    Source: ours.
    """
    del data
    verdicts: list[float] = []
    without = 0
    for path in files:
        for place, row in read_rows(path):
            if row.get("reference") is None:
                without += 1
                continue
            verdicts.append(100.0 * agrees(text_field(row, "response", place), text_field(row, "reference", place)))
    if not verdicts and not without:
        raise Place(files[0]).error("no answers")
    n = len(verdicts)
    accuracy = sum(verdicts) / n if n else None
    missing = 0 if asked is None else max(len(asked) - n, 0)
    return TaskScores(
        task="file",
        file=", ".join(map(str, files)),
        scores=(
            Score("n", n, n),
            Score("n_correct", sum(one > 0 for one in verdicts), n, missing),
            Score("accuracy", accuracy, n, missing, mean_interval(verdicts, within=PERCENT)),
        )
        if n
        else (),
        notes=(f"{without} questions have no right answer: nothing is scored there.",) if without else (),
    )


def agrees(answer: str, reference: str) -> bool:
    """Return whether an answer is the right one.

    Where the right one is a number, or ends in ``#### NUMBER``, the answer's final number is compared; else the words:
    those of the whole answer, of its last line, or of what follows the last "answer is" or "answer:", without case and
    without punctuation and marks around them.

    Args:
        answer: As it was given.
        reference: The right one.
    """
    number = _number(reference)
    if number is not None:
        return final_number(answer) == number
    right = _words(reference)
    lines = answer.strip().splitlines() or [""]
    announced = _ANNOUNCED.findall(answer)
    return right in {_words(answer), _words(lines[-1]), *(_words(text) for text in announced[-1:])}


def _number(reference: str) -> Decimal | None:
    if _GOLD in reference:
        return final_number(reference)
    if _LONE_NUMBER.fullmatch(reference.strip()) is None:
        return None
    plain = re.sub(r"[^\d.-]", "", reference.replace("\u2212", "-"))
    try:
        return Decimal(plain)
    except InvalidOperation:  # pragma: no cover - the pattern lets through nothing else
        return None


def _words(text: str) -> str:
    return " ".join(text.split()).strip(_EDGES).casefold()
