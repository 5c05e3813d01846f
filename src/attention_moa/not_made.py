"""The calls of a run's plan that were never made, and why: so that what was made and what was not add up to the plan.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from attention_moa.call_plan import planned_calls
from attention_moa.messages import Stage
from attention_moa.records import Loss, RunRecord


class NotMade(NamedTuple):
    """How many planned calls were not made, by why.

    Args:
        of_other_layers: Of layers that did not run: the run stopped, or ended, before; or it has not come to them.
        without_input: What they would have read was lost.
        unread: Nobody waited for them any more, or there was no money for them, or the run ended before; of a run
            that is not over, those under way too, of which nothing is known.
    """

    of_other_layers: int
    without_input: int
    unread: int


def not_made(record: RunRecord) -> NotMade:
    """Return how many of the planned calls a run did not make.

    A call that was begun counts as made, whatever became of it.

    Args:
        record: The run, whole or in part.
    """
    made = {call.call_id for call in record.calls}
    planned = planned_calls(record.ensemble, record.wanted.choices)
    missing = {call.call_id: call.layer for call in planned if call.call_id not in made}
    begun = max((len(record.layers), *(call.layer for call in record.calls)))
    if record.state == "running" and begun not in missing.values():
        begun += 1  # nothing of it is there, but its calls may be under way
    other = sum(layer > begun for layer in missing.values())
    without_input = missing.keys() & {name for loss in record.losses for name in _prevented(loss)}
    return NotMade(other, len(without_input), len(missing) - other - len(without_input))


def _prevented(loss: Loss) -> Iterator[str]:
    """Yield the calls that a loss may have prevented: itself where it was skipped, a refinement of a lost answer."""
    if loss.is_skipped:
        yield f"{loss.layer}.{loss.stage.value}.{loss.agent}"
        yield f"{loss.layer}.{loss.stage.value}.{loss.agent}.{loss.peer}"
    elif loss.stage is Stage.ANSWER:
        yield f"{loss.layer}.{Stage.REFINE.value}.{loss.agent}"
