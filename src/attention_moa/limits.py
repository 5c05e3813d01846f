"""What a run does when its limits come near: fewer critiques, fewer layers, and at last the best that is finished.

The calls keep to the limits by themselves (``budget.py``); here is what a layer, and a run, make of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from attention_moa.calls import Caller
from attention_moa.config import EnsembleSpec
from attention_moa.layer_run import LayerRun
from attention_moa.messages import Stage
from attention_moa.records import Answer, Loss, Refinement, Summary, Verdict
from attention_moa.run_log import RunLog
from attention_moa.stopping import most_central
from attention_moa.synthesis import Merged
from attention_moa.wording import Wording, wording_of

Finished: TypeAlias = Callable[[], Sequence[Answer | Summary]]
"""Tells what is finished at a moment, as far as it may be returned."""

EVERYBODY = "all agents"
_NO_LAYER = -1


async def affordable(spec: EnsembleSpec, caller: Caller, log: RunLog, number: int) -> EnsembleSpec | None:
    """Return the ensemble as the next layer can be paid: with fewer peers if need be; None where no layer can.

    It is decided once for a run: a resumed one decides the same. The first layer is always tried.

    Args:
        spec: The ensemble as the last layer ran it.
        caller: Knows what is left.
        log: What was planned, and what the last layer cost; a cut is put down there.
        number: The next layer.
    """
    if number == 1 or not spec.limits.has_budget:
        return spec
    key = f"{number}.peers"
    peers = caller.decision(key)
    if not isinstance(peers, int):
        last = [call for call in log.all_calls if call.layer == number - 1]
        found = caller.budget.affordable_peers(spec, last)
        peers = _NO_LAYER if found is None else found
        await caller.decide(key, peers)
    planned = len(spec.agents) - 1 if log.spec.attention.peers == "all" else log.spec.attention.peers
    if peers == planned:
        return spec
    why = f"{caller.budget.describe()} left"
    if peers == _NO_LAYER:
        what = f"the output of layer {number - 1} is returned"
        log.degrade(number, Stage.ANSWER, EVERYBODY, what=what, why=f"too little for another layer: {why}")
        log.overrule(Verdict(layer=number - 1, is_stop=True, rule="limit", reason=f"too little for another: {why}"))
        return None
    what = f"{peers} of {planned} peers {'criticises' if peers == 1 else 'criticise'} each answer"
    log.degrade(number, Stage.CRITIQUE, EVERYBODY, what=what, why=f"too little for all: {why}")
    return replace(spec, attention=replace(spec.attention, peers=peers))


async def left_for_no_layer(caller: Caller, log: RunLog, number: int, *, more: float = 0.0) -> str | None:
    """Return what is left where that is too little for a baseline's next layer; None where it is enough.

    It is decided once for a run: a resumed one decides the same. The first layer is always tried.

    Args:
        caller: Knows what is left.
        log: What the last layer cost; it is taken for what the next one does.
        number: The next layer.
        more: What has to come after it, as a share of a layer.
    """
    if number == 1 or not caller.budget.is_limited:
        return None
    key = f"{number}.left"
    left = caller.decision(key)
    if not isinstance(left, str):
        last = [call for call in log.all_calls if call.layer == number - 1]
        left = "" if caller.budget.affords(last, more=more) else f"{caller.budget.describe()} left"
        await caller.decide(key, left)
    return left or None


class Deadline:
    """The time that a run has.

    Args:
        seconds: From now on; None for no end.
        caller: Keeps what was done when it was over.
        log: The run's clock.
    """

    def __init__(self, seconds: float | None, caller: Caller, log: RunLog) -> None:
        """Start the time."""
        self._caller = caller
        self._seconds = seconds
        self._end_s = None if seconds is None else log.seconds() + seconds
        self._log = log

    async def hold(
        self, layer: LayerRun, work: Coroutine[Any, Any, Merged], *, finished: Finished | None = None
    ) -> Merged:
        """Return what a layer ends with; where the time is over before, the best that is finished, labelled.

        What that was is decided once for a run: a resumed one, which has new time, returns the same.

        Args:
            layer: The layer.
            work: Runs it.
            finished: What may be returned of it in mid-work, where that is more than the layer's own.
        """
        key = f"{layer.number}.deadline"
        decided = self._decided(layer, self._caller.decided_names(key) or ())
        if decided is not None:
            work.close()
            return decided
        limit = asyncio.timeout(None if self._end_s is None else self._end_s - self._log.seconds())
        try:
            async with limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
        best = self._best(layer) if finished is None else self._most_central(layer, finished())
        if best.output is not None:
            await self._caller.decide(key, list(best.writers))
        return best

    def _decided(self, layer: LayerRun, names: tuple[str, ...]) -> Merged | None:
        """Return again what was the best when the time was over; None where the run had not come to that."""
        if layer.past.output is not None and names == layer.past.writers:
            return self._past(layer)
        before = next((part for part in layer.past.answers if names == (part.call_id,)), None)
        if before is not None:
            self._say(layer, Stage.ANSWER, f"the text of {before.agent} is returned")
            return Merged(wording_of(before), self._verdict(layer), names)
        call = next((found for name in names if (found := layer.log.earlier(name)) is not None), None)
        if call is None or call.text is None:
            return None
        self._say(layer, call.stage, f"the text of {call.agent} is returned")
        text = Wording(call.text, call.call_id, call.tool_calls, call.finish_reason == "length")
        return Merged(text, self._verdict(layer), (call.call_id,))

    @property
    def _why(self) -> str:
        return f"the deadline of {self._seconds:g} s passed"

    def _verdict(self, layer: LayerRun) -> Verdict:
        return Verdict(layer=layer.number, is_stop=True, rule="deadline", reason=self._why)

    def _past(self, layer: LayerRun) -> Merged:
        self._say(layer, Stage.SUMMARY, f"the output of layer {layer.number - 1} is returned")
        return Merged(layer.past.output, self._verdict(layer), layer.past.writers)

    def _best(self, layer: LayerRun) -> Merged:
        verdict = self._verdict(layer)
        board = layer.board
        if isinstance(board.summary, Summary):
            self._say(layer, Stage.RESIDUAL, "the layer's summary is returned")
            return Merged(wording_of(board.summary), verdict, (board.summary.call_id,))
        if layer.past.output is not None:
            return self._past(layer)
        found: Mapping[str, Answer | Loss | Refinement] = {**board.answers, **board.refinements}
        texts = [part for part in found.values() if not isinstance(part, Loss)]
        return self._most_central(layer, texts or layer.past.answers)

    def _most_central(self, layer: LayerRun, texts: Sequence[Answer | Refinement | Summary]) -> Merged:
        verdict = self._verdict(layer)
        if not texts:
            return Merged(None, verdict)
        best = texts[most_central([wording_of(part).quoted for part in texts])]
        self._say(layer, Stage.SUMMARY, f"the text of {best.agent}, the one most like all the others, is returned")
        return Merged(wording_of(best), verdict, (best.call_id,))

    def _say(self, layer: LayerRun, stage: Stage, what: str) -> None:
        self._log.degrade(layer.number, stage, EVERYBODY, what=what, why=self._why)
