"""The benchmarks by name: what scores the files of each is imported when it is wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

from attention_moa.bench.scores import TaskScores

TASKS = {
    "alpaca-eval": "attention_moa.bench.alpaca_eval:score",
    "mt-bench": "attention_moa.bench.mt_bench:score",
    "flask": "attention_moa.bench.flask:score",
    "ifeval": "attention_moa.bench.ifeval:score",
    "gsm8k": "attention_moa.bench.gsm8k:score",
}
"""Names on the command line, and where their scoring is (``module:function``)."""


class Scoring(Protocol):
    """What scores the files of a benchmark."""

    def __call__(self, files: Sequence[Path], data: Path, *, asked: Collection[str] | None = None) -> TaskScores:
        """Return the scores of one model.

        Args:
            files: Its answers, judgements or annotations.
            data: The folder that holds a folder for each benchmark, or this benchmark's own.
            asked: Ids of the questions that were asked, where the files are of a run of ours: only these can be
                missing. None for files from elsewhere, which are read as the official code reads them.

        Raises:
            ConfigError: A file is wrong; the text names file, line and field.
        """
        ...


def scoring_of(task: str) -> Scoring:
    """Return what scores a benchmark's files, imported now.

    Args:
        task: One of ``TASKS``.
    """
    module, _, function = TASKS[task].partition(":")
    scoring: Scoring = getattr(import_module(module), function)
    return scoring
