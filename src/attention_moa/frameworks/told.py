"""What frameworks are told of a run beside its answer: plain values that they keep with their own records."""

from __future__ import annotations

from typing import Any

from attention_moa.accounting import known_usd
from attention_moa.journaling import CUT_OFF
from attention_moa.records import RunRecord


def told(record: RunRecord) -> dict[str, Any]:
    """Return what is worth knowing of a run, without its texts: JSON values by name.

    Args:
        record: A run that has ended.
    """
    usage, verdict = record.usage, record.verdict
    return {
        "run_id": record.run_id,
        "layers": len(record.layers),
        "verdict": None if verdict is None else f"{verdict.rule}: {verdict.reason}",
        "calls": usage.calls,
        "losses": [f"{loss.layer}.{loss.stage.value}.{loss.agent}: {loss.message}" for loss in record.losses],
        "degraded": [f"{less.layer}.{less.stage.value}.{less.agent}: {less.what}" for less in record.degraded],
        "notes": list(record.notes),
        "cost_usd": known_usd(usage),
        "cost_is_lower_bound": usage.unpriced_calls > 0 or CUT_OFF in record.notes,
        "wall_s": record.wall_s,
    }
