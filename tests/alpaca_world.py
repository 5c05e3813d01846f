"""A benchmark of the form of AlpacaEval, small and invented: its data, and annotations of a model."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

QUESTIONS = 40
INSTRUCTIONS = [f"Say something about number {number}." for number in range(QUESTIONS)]


def write_data(folder: Path) -> Path:
    """Write the benchmark's data under a folder; return the folder."""
    place = folder / "alpaca_eval"
    place.mkdir()
    baseline = [{"instruction": text, "output": f"Yes, {text}", "generator": "baseline"} for text in INSTRUCTIONS]
    (place / "alpaca_eval_gpt4_baseline.json").write_text(json.dumps(baseline), encoding="utf-8")
    difficulties = [{"index": place, "instruction_difficulty": (place % 5) / 2 - 1} for place in range(QUESTIONS)]
    (place / "instruction_difficulty.csv").write_text(as_csv(difficulties), encoding="utf-8")
    anchors = [
        {"preference": value, "std_delta_len": delta, "instruction_difficulty": row["instruction_difficulty"]}
        for value, delta in ((0.3, 1.5), (0.6, -1.0))
        for row in difficulties
    ]
    (place / "df_gamed_standin.csv").write_text(as_csv(anchors), encoding="utf-8")
    return folder


def write_judged_data(folder: Path) -> Path:
    """Write the benchmark's data with what its judge needs under a folder; return the folder."""
    place = write_data(folder) / "alpaca_eval"
    prompt = "<|im_start|>user\n{instruction}\n{output_1}\n{output_2}\nWhich of them: m or M.<|im_end|>"
    (place / "judge_prompt.txt").write_text(prompt, encoding="utf-8")
    config = 'temperature: 1\nmax_tokens: 1\ntop_logprobs: 5\nnumerator_token: "m"\ndenominator_tokens: ["m", "M"]\n'
    (place / "judge_config.yaml").write_text(config, encoding="utf-8")
    return folder


def annotation_rows(count: int = QUESTIONS) -> list[dict[str, object]]:
    """Return annotations of a model that wins when it writes more, as rows of a CSV."""
    return [
        {
            "index": place,
            "instruction_index": place,
            "preference": 1.9 if place % 3 else 1.2,
            "len_baseline": 100,
            "len_output": 150 + place if place % 3 else 60,
        }
        for place in range(count)
    ]


def write_annotations(folder: Path, rows: Sequence[Mapping[str, object]], name: str = "mine.csv") -> Path:
    """Write annotations as CSV; return the file."""
    path = folder / name
    path.write_text(as_csv(rows), encoding="utf-8")
    return path


def as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as CSV, with a header."""
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
