"""When things happened in a layer of which a record holds no time: missing results, and what stood in for them. Pure.

A result turned out to be missing when its call failed; where none was made, when what it would have read was lost, or
when whoever waited for it went on. What stood in did so then, or when another writer was done. Of replies that had to
be shorter only the order is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from attention_moa.call_records import CallRecord
from attention_moa.errors import DeadlineError
from attention_moa.messages import Stage
from attention_moa.records import Degradation, LayerRecord, Loss, Residual, Selection, Summary


class Moments:
    """When things happened in one layer.

    Args:
        calls: The layer's, in the order in which they ended.
        layer: Its results; None where there are none.
        ended_s: When it was over.
        has_panels: Whether one call criticised several answers.
    """

    def __init__(
        self, calls: Sequence[CallRecord], layer: LayerRecord | None, *, ended_s: float, has_panels: bool
    ) -> None:
        """Keep them."""
        self.ended_s = ended_s
        self._has_panels = has_panels
        self._calls = calls
        self._by_id = {call.call_id: call for call in calls}
        self._layer = layer

    def of_losses(self, losses: Sequence[Loss]) -> list[tuple[float, Loss]]:
        """Return the layer's losses with their times: in the order in which they were told, no time goes back."""
        timed: list[tuple[float, Loss]] = []
        for loss in losses:
            before_s = timed[-1][0] if timed else 0.0
            timed.append((max(self._of_loss(loss, timed), before_s), loss))
        return timed

    def _of_loss(self, loss: Loss, before: Sequence[tuple[float, Loss]]) -> float:
        """Return when a result turned out to be missing.

        Args:
            loss: What is missing.
            before: The layer's losses before this one.
        """
        failed = self._by_id.get(loss.call_id or "")
        if failed is not None:
            return failed.ended_s
        if loss.kind == "Late":
            return self._reader_of(loss)
        if loss.kind == DeadlineError.__name__:  # a further answer: those that were under way ended with it
            return max((call.ended_s for call in self._calls), default=self.ended_s)
        if loss.stage is Stage.CRITIQUE:  # an answer that it needs is lost
            return self._end_of(Stage.ANSWER, {loss.agent, *self._read_with(loss)})
        earlier = [at_s for at_s, other in before if loss.stage is Stage.SUMMARY or other.peer == loss.agent]
        agents = {loss.agent} if loss.stage is Stage.REFINE else None
        return max((self._end_of(Stage.ANSWER, agents), *earlier))

    def _read_with(self, loss: Loss) -> Iterable[str | None]:
        """Return whose answers a critic waited for: all that it was to criticise, where one call does that."""
        if self._has_panels and self._layer is not None:
            return [author for critic, author in self._layer.critiques if critic == loss.agent]
        return [loss.peer]

    def _reader_of(self, loss: Loss) -> float:
        """Return when the call went on that did not wait any longer; the layer's end where there is none."""
        stage, agent = (Stage.SUMMARY, None) if loss.stage is Stage.REFINE else (Stage.REFINE, loss.peer)
        return self._first(call.queued_s for call in self._calls_of(stage, {agent} if agent else None))

    def of_stand_ins(
        self, stand_ins: Iterable[Degradation], losses: Sequence[tuple[float, Loss]]
    ) -> list[tuple[float, Degradation]]:
        """Return what stood in for what in the layer, with the times, none of which goes back.

        Args:
            stand_ins: In the order in which they were told.
            losses: The layer's, with their times.
        """
        left = list(losses)
        mended = iter(sorted(call.ended_s for call in self._calls_of(Stage.REPAIR, None) if call.state == "finished"))
        of_losses = [
            (next(mended, None) if stand_in.stage is Stage.REPAIR else self._of_lost(stand_in, left), stand_in)
            for stand_in in stand_ins
        ]
        starts = self._starts([stand_in for at_s, stand_in in of_losses if at_s is None])
        timed: list[tuple[float, Degradation]] = []
        for at_s, stand_in in of_losses:
            before_s = timed[-1][0] if timed else 0.0
            told_s = at_s if at_s is not None else next(starts[stand_in.stage, stand_in.agent], self._of_all(stand_in))
            timed.append((max(told_s, before_s), stand_in))
        return timed

    def _of_all(self, stand_in: Degradation) -> float:
        """Return when a layer was cut short, or returned less: fewer critiques are planned before it begins."""
        is_planned = stand_in.stage is Stage.CRITIQUE
        return self._first(call.queued_s for call in self._calls) if is_planned else self.ended_s

    def _of_lost(self, stand_in: Degradation, left: list[tuple[float, Loss]]) -> float | None:
        """Return when something stood in for a loss, which is then taken out of those that are left; None for none."""
        about = stand_in.stage, stand_in.agent, stand_in.why
        lost = next((one for one in left if (one[1].stage, one[1].agent, one[1].message) == about), None)
        if lost is None:
            return None
        left.remove(lost)
        return self._end_of_another(stand_in) or lost[0]

    def _starts(self, cuts: Sequence[Degradation]) -> dict[tuple[Stage, str], Iterator[float]]:
        """Return when attempts began whose replies had to be shorter: the last ones of a call, as money only goes.

        Args:
            cuts: What was less than planned though nothing was lost.
        """
        often = Counter((cut.stage, cut.agent) for cut in cuts)
        return {place: iter(self._last_starts(*place, times)) for place, times in often.items()}

    def _last_starts(self, stage: Stage, agent: str, times: int) -> list[float]:
        calls = self._calls_of(stage, {agent})
        return sorted(attempt.started_s for call in calls for attempt in call.attempts)[-times:]

    def _end_of_another(self, stand_in: Degradation) -> float | None:
        """Return when the writer was done who wrote in the place of one who failed; None where none did."""
        layer = self._layer
        if layer is None:
            return None
        parts: dict[Stage, Summary | Residual | Selection | Loss | None] = {
            Stage.SUMMARY: layer.summary,
            Stage.RESIDUAL: layer.residual,
            Stage.SELECT: layer.selection,
            Stage.EXTRACT: layer.extract,
        }
        part = parts.get(stand_in.stage)
        wrote = self._by_id.get(part.call_id or "") if part is not None else None
        is_another = wrote is not None and wrote.stage is stand_in.stage and wrote.agent != stand_in.agent
        return wrote.ended_s if wrote is not None and is_another else None

    def _calls_of(self, stage: Stage, agents: Iterable[str | None] | None) -> Iterator[CallRecord]:
        """Return the calls of a stage, by these agents; None for any."""
        names = None if agents is None else set(agents)
        return (call for call in self._calls if call.stage is stage and (names is None or call.agent in names))

    def _end_of(self, stage: Stage, agents: Iterable[str | None] | None) -> float:
        return max((call.ended_s for call in self._calls_of(stage, agents)), default=self.ended_s)

    def _first(self, times: Iterable[float]) -> float:
        return min(times, default=self.ended_s)
