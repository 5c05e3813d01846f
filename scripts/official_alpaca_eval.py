"""Compare our length-controlled win rates with those of the official ``alpaca_eval`` package, on the same files.

Run as ``python scripts/official_alpaca_eval.py DATA``, with the folder ``alpaca_eval`` of the benchmarks' data, in an
environment of its own that has ``alpaca-eval`` and this package with its extra ``bench``. Nothing is fetched: the
official code is given the data's own ``df_gamed`` file in the place of its download. It fits twice: as it does, and to
a tighter tolerance, which shows that what differs is where its solver stops.
"""

from __future__ import annotations

import gzip
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from attention_moa.bench.alpaca_eval_lc import Anchors, fit_model, read_anchors
from attention_moa.bench.alpaca_eval_rows import Annotation, read_annotations

_NAME = "length_controlled_v1"
_TIGHT = {"tol": 1e-10, "max_iter": 10_000}


def main(folder: Path) -> int:
    """Return 0 where every win rate agrees with the tightly fitted one to 0.0001 and with the usual one to 0.02."""
    anchors = read_anchors(folder)
    is_fine = True
    print(f"{'model':36} {'ours':>9} {'official':>9} {'difference':>11} {'tight':>9} {'difference':>11}")
    with TemporaryDirectory() as place:
        official = prepared(anchors, Path(place))
        for path in sorted((folder / "annotations").iterdir()):
            annotations = read_annotations(path, folder)
            if all(one.preference == 1.5 for one in annotations):
                continue  # the baseline itself: nothing is fitted
            ours = fit_model(annotations, anchors).win_rate
            usual, tight = win_rate(official, annotations), win_rate(official, annotations, **_TIGHT)
            name = path.name.removesuffix(".csv.gz")
            print(f"{name:36} {ours:9.4f} {usual:9.4f} {ours - usual:+11.6f} {tight:9.4f} {ours - tight:+11.6f}")
            is_fine = is_fine and abs(ours - usual) <= 0.02 and abs(ours - tight) <= 0.0001
    return 0 if is_fine else 1


def prepared(anchors: Anchors, place: Path) -> ModuleType:
    """Return the package's module of the fit, with the anchors' file in the place of its download."""
    raw = anchors.source.read_bytes()
    file = place / "df_gamed.csv"
    file.write_bytes(gzip.decompress(raw) if anchors.source.suffix == ".gz" else raw)
    module = import_module("alpaca_eval.metrics.glm_winrate")
    vars(module)["hf_hub_download"] = lambda **_: str(file)
    return module


def win_rate(official: ModuleType, annotations: list[Annotation], **settings: float) -> float:
    """Return the package's length-controlled win rate.

    Args:
        official: Its module of the fit.
        annotations: Of one model; texts are made up, their lengths alone count.
        settings: Of its solver, on top of its own.
    """
    frame = import_module("pandas").DataFrame(
        {
            "preference": [one.preference for one in annotations],
            "output_1": ["x" * (one.len_baseline or 0) for one in annotations],
            "output_2": ["x" * (one.len_output or 0) for one in annotations],
            "generator_1": "baseline",
            "generator_2": "model",
            "annotator": "judge",
        }
    )
    frame.index.name = "index"
    usual = official.GLM_INFO[_NAME]
    info = {**usual, "kwargs": {**usual["kwargs"], **settings}}
    metrics = official.get_length_controlled_winrate(frame, save_weights_dir=None, glm_info=info)
    return float(metrics["length_controlled_winrate"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
