"""A small IFEval of our own: prompts, a sentence model of a few words, and answers, as files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attention_moa.bench.ifeval.arguments import arguments_of
from attention_moa.bench.ifeval.kinds import KINDS
from attention_moa.bench.ifeval.punkt import Model, Seen
from attention_moa.bench.ifeval.sentences import split_sentences
from attention_moa.bench.ifeval.tools import Check, Tools
from attention_moa.bench.reading import Place

MODEL = Model(
    abbreviations=frozenset({"dr", "p.m", "etc"}),
    collocations=frozenset({("st", "ives")}),
    starters=frozenset({"yet"}),
    seen={
        "the": Seen.BEGIN_UPPER | Seen.MIDDLE_LOWER,
        "smith": Seen.MIDDLE_UPPER,
        "he": Seen.BEGIN_UPPER | Seen.MIDDLE_LOWER,
    },
)
_FILES = {
    "abbrev_types.txt": "dr\np.m\netc\n",
    "collocations.tab": "st\tives\n",
    "sent_starters.txt": "yet\n",
    "ortho_context.tab": "the\t34\nsmith\t4\nhe\t34\n",
}


def checker(kind: str, given: Mapping[str, object], *, language: str | None = "en") -> Check:
    """Return the check of one instruction; the detector says of every text that it is in one language."""
    tools = Tools(lambda text: split_sentences(text, MODEL), lambda _text: language)
    return KINDS[kind](arguments_of(given, 0, Place(Path("prompts.jsonl"), 3)), tools)


def prompt_row(key: int, *kinds: str, arguments: Iterable[Mapping[str, object]] | None = None) -> dict[str, Any]:
    """Return a row of a prompt with instructions of some kinds."""
    given = [{} for _ in kinds] if arguments is None else list(arguments)
    return {"key": key, "prompt": f"Question {key}?", "instruction_id_list": list(kinds), "kwargs": given}


def write_rows(path: Path, rows: Iterable[object]) -> Path:
    """Write a file of JSON lines and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def write_world(folder: Path, rows: Iterable[object]) -> Path:
    """Write the data of a benchmark and return the folder of all benchmarks."""
    write_rows(folder / "ifeval" / "input_data.jsonl", rows)
    write_model(folder / "ifeval")
    return folder


def write_model(folder: Path) -> Path:
    """Write a sentence model and return the folder of its files."""
    files = folder / "nltk_data" / "tokenizers" / "punkt_tab" / "english"
    files.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (files / name).write_text(text, encoding="utf-8")
    return files
