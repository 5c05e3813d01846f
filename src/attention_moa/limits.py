"""What a run does when its limits come near: fewer critiques, fewer layers, and at last the best that is finished.

The calls keep to the limits by themselves (``budget.py``); here is what a layer, and a run, make of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from msgspec.structs import replace

from attention_moa.calls import Caller
from attention_moa.config import EnsembleSpec
from attention_moa.layer_run import LayerRun
from attention_moa.messages import Stage
from attention_moa.records import Answer, Loss, Refinement, Summary, Verdict
from attention_moa.run_log import RunLog
from attention_moa.stopping import most_central
from attention_moa.synthesis import Merged

EVERYBODY = "all agents"
_NO_LAYER = -1


async def affordable(spec: EnsembleSpec, caller: Caller, log: RunLog, number: int) -> EnsembleSpec | None:
    """Return the ensemble as the next layer can be paid: with fewer peers if need be; None where no layer can.

    It is decided once for a run: a resumed one decides the same. The first layer is always tried.

    Args:
        spec: The ensemble.
        caller: Knows what is left.
        log: What the last layer cost; a cut is put down there.
        number: The next layer.
    """
    if number == 1 or not spec.limits.has_budget:
        return spec
    key = f"{number}.peers"
    peers = caller.decision(key)
    if not isinstance(peers, int):
        last = [call for call in log.calls if call.layer == number - 1]
        found = caller.budget.affordable_peers(spec, last)
        peers = _NO_LAYER if found is None else found
        await caller.decide(key, peers)
    planned = len(spec.agents) - 1 if spec.attention.peers == "all" else spec.attention.peers
    if peers == planned:
        return spec
    why = f"{caller.budget.describe()} left"
    if peers == _NO_LAYER:
        what = f"the output of layer {number - 1} is returned"
        log.degrade(number, Stage.ANSWER, EVERYBODY, what=what, why=f"too little for another layer: {why}")
        return None
    what = f"{peers} of {planned} peers criticise each answer"
    log.degrade(number, Stage.CRITIQUE, EVERYBODY, what=what, why=f"too little for all: {why}")
    return replace(spec, attention=replace(spec.attention, peers=peers))


class Deadline:
    """The time that a run has.

    Args:
        seconds: From now on; None for no end.
        log: The run's clock.
    """

    def __init__(self, seconds: float | None, log: RunLog) -> None:
        """Start the time."""
        self._seconds = seconds
        self._end_s = None if seconds is None else log.seconds() + seconds
        self._log = log

    async def hold(self, layer: LayerRun, work: Coroutine[Any, Any, Merged]) -> Merged:
        """Return what a layer ends with; where the time is over before, the best that is finished, labelled.

        Args:
            layer: The layer.
            work: Runs it.
        """
        limit = asyncio.timeout(None if self._end_s is None else self._end_s - self._log.seconds())
        try:
            async with limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
        return self._best(layer)

    def _best(self, layer: LayerRun) -> Merged:
        why = f"the deadline of {self._seconds:g} s passed"
        verdict = Verdict(layer=layer.number, is_stop=True, rule="deadline", reason=why)
        board, past = layer.board, layer.past
        if isinstance(board.summary, Summary):
            self._say(layer, Stage.RESIDUAL, "the layer's summary is returned", why)
            return Merged(board.summary.text, verdict, (board.summary.call_id,))
        if past.output is not None:
            self._say(layer, Stage.SUMMARY, f"the output of layer {layer.number - 1} is returned", why)
            return Merged(past.output, verdict, past.writers)
        found: Mapping[str, Answer | Loss | Refinement] = {**board.answers, **board.refinements}
        texts = [part for part in found.values() if not isinstance(part, Loss)]
        if not texts:
            return Merged(None, verdict, ())
        best = texts[most_central([part.text for part in texts])]
        self._say(layer, Stage.SUMMARY, f"the text of {best.agent}, the one most like all the others, is returned", why)
        return Merged(best.text, verdict, (best.call_id,))

    def _say(self, layer: LayerRun, stage: Stage, what: str, why: str) -> None:
        self._log.degrade(layer.number, stage, EVERYBODY, what=what, why=why)
