"""IFEval: instructions that a program can check, by kind, strictly and loosely."""

from __future__ import annotations

from attention_moa.bench.ifeval.scoring import score

__all__ = ["score"]
