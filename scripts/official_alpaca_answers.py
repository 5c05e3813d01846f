"""Let the official ``alpaca_eval`` package read the answers and judgements that ``bench run alpaca-eval`` wrote.

Run as ``python scripts/official_alpaca_answers.py OUT DATA``, with the folder of a judged benchmark and the folder
``alpaca_eval`` of the benchmarks' data, in an environment of its own that has ``alpaca-eval``; this package is not
needed. The official code joins our answers with the baseline's, finds all of our judgements in its cache, so that it
asks nobody, and computes the win rate. Nothing is fetched.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_JUDGE = "weighted_alpaca_eval_gpt4_turbo"


def main(out: Path, data: Path) -> int:
    """Return 0 where every win rate of the official code is the one that was written."""
    os.environ["OPENAI_API_KEY"] = "none"  # noqa: TID251 - the official code wants one, and makes no request
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    is_fine = True
    print(f"{'system':24} {'answers':>8} {'ours':>9} {'official':>9}")
    with TemporaryDirectory() as place:
        for system in scores["systems"]:
            ours = next(one["value"] for one in system["scores"] if one["name"] == "win_rate")
            row = official(out, data, system["name"], Path(place))
            print(f"{system['name']:24} {row['n_total']:8} {ours:9.4f} {row['win_rate']:9.4f}")
            is_fine = is_fine and abs(ours - row["win_rate"]) < 1e-9 and row["n_total"] == system["answered"]
    return 0 if is_fine else 1


def official(out: Path, data: Path, system: str, place: Path) -> dict[str, Any]:
    """Return what the package makes of a system's answers and judgements."""
    judgements = json.loads((out / "judgements" / f"{system}.json").read_text(encoding="utf-8"))
    cache = place / f"{system}.json"
    cache.write_text(json.dumps([row | {"annotator": _JUDGE} for row in judgements]), encoding="utf-8")
    asked = {row["instruction"] for row in judgements}
    table, _ = import_module("alpaca_eval").evaluate(
        model_outputs=str(out / "answers" / f"{system}.json"),
        reference_outputs=[row for row in baseline(data) if row["instruction"] in asked],
        annotators_config=_JUDGE,
        fn_metric="get_winrate",
        sort_by="win_rate",
        name=system,
        precomputed_leaderboard=None,
        is_return_instead_of_print=True,
        is_cache_leaderboard=False,
        output_path=None,
        caching_path=cache,
    )
    row: dict[str, Any] = table.loc[system].to_dict()
    return row


def baseline(data: Path) -> list[dict[str, Any]]:
    """Return the baseline's answers."""
    path = next(iter(sorted(data.glob("alpaca_eval_gpt4_baseline.json*"))))
    raw = path.read_bytes()
    rows: list[dict[str, Any]] = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return rows


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
