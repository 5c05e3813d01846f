"""A run as its events tell it: what each call does, how far the layers are, what it took, what the answer is so far.

One story serves a run that is watched, a run that is replayed, and one that goes on after an interruption. Each event
says what has to be drawn anew and no more; what it costs to hear one does not grow with the size of the run. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from attention_moa.accounting import add
from attention_moa.call_costs import PriceOf
from attention_moa.call_plan import planned_calls
from attention_moa.config import EnsembleSpec
from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallDelta,
    CallEvent,
    CallFinished,
    CallHappening,
    CallRetried,
    Degraded,
    Event,
    LayerFinished,
    ResultLost,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import Stage
from attention_moa.reading import told_of
from attention_moa.records import CallRecord, Loss, UsageTotal
from attention_moa.ui.answer_story import AnswerStory
from attention_moa.ui.call_prices import CallPrices
from attention_moa.ui.call_story import CallStory, State, close, hear, miss, not_made, settled, take_up, waiting
from attention_moa.ui.changes import NOTHING, Changed, together
from attention_moa.ui.standing import Head, LayerStory, Notice, NoticeKind
from attention_moa.ui.words import call_name, one_line

_ANSWER_LOST = "its answer is lost"
_LAYER_OVER = "the layer ended without it"
_RUN_OVER = "the run ended before"


class RunStory:
    """A run so far; all that is in it may be read, and is changed by ``hear`` alone.

    ``calls`` are by name, ``layers`` by number, ``answers`` by choice, ``counts`` of calls by state, ``after_retry``
    how many of the finished ones were tried more than once, ``heard`` the number of the newest event.

    Args:
        spec: What runs.
        choices: How many answers are written.
        price_of: What a model's tokens cost; None asks the ensemble's own file alone.
    """

    def __init__(self, spec: EnsembleSpec, *, choices: int = 1, price_of: PriceOf | None = None) -> None:
        """Start before the first event: all that is planned waits."""
        planned = planned_calls(spec, choices)
        self.spec = spec
        self.calls = {call.call_id: waiting(call) for call in planned}
        in_layers = Counter(call.layer for call in planned)
        self.layers = {number: LayerStory(layer=number, planned_calls=count) for number, count in in_layers.items()}
        self.head = Head(planned_calls=len(planned))
        self.answers: dict[int, AnswerStory] = {}
        self.notices: list[Notice] = []
        self.notes: dict[str, None] = {}
        self.counts: Counter[State] = Counter({State.WAITING: len(planned)})
        self.after_retry = 0
        self.heard = 0
        self._by_layer: dict[int, list[str]] = {number: [] for number in in_layers}
        for call in planned:
            self._by_layer[call.layer].append(call.call_id)
        self._in_state: dict[State, dict[str, None]] = {state: {} for state in State}
        self._in_state[State.WAITING] = dict.fromkeys(self.calls)
        self._prices = CallPrices(spec, {call.call_id: call.agent for call in planned}, price_of)
        self._before = UsageTotal()
        self._in_layers: dict[int, UsageTotal] = {}
        self._in_all: UsageTotal | None = None

    @property
    def used(self) -> UsageTotal:
        """What all calls took, with what the run paid for before it was interrupted; the run's own sum at its end."""
        return self._in_all if self._in_all is not None else add((self._before, *self._in_layers.values()))

    @property
    def under_way(self) -> list[CallStory]:
        """The calls that are out or about to be tried again, the one that was ready first at the front."""
        return sorted(self.calls_in(State.RUNNING, State.RETRIED), key=lambda call: call.queued_s or 0.0)

    def calls_in(self, *states: State) -> list[CallStory]:
        """Return the calls in some states, in each in the order in which they came to it; without a look at others."""
        return [self.calls[name] for state in states for name in self._in_state[state]]

    def copy(self) -> RunStory:
        """Return another story that is equal and goes its own way; calls and layers are values, and shared."""
        other = object.__new__(RunStory)
        other.__dict__ |= self.__dict__
        for name in ("calls", "layers", "notices", "notes", "counts", "_in_layers"):
            setattr(other, name, getattr(self, name).copy())
        other.answers = {choice: answer.copy() for choice, answer in self.answers.items()}
        other._by_layer = {layer: list(names) for layer, names in self._by_layer.items()}
        other._in_state = {state: dict(names) for state, names in self._in_state.items()}
        return other

    def become(self, other: RunStory) -> None:
        """Be what another story of the same run is, which goes no way of its own from then on.

        Who shows this story goes on showing it.

        Args:
            other: The other one.
        """
        self.__dict__.update(other.__dict__)

    def hear_all(self, events: Iterable[tuple[int | None, Event]]) -> Changed:
        """Hear several events, each with its number; return what changed in all."""
        return together([self.hear(event, number) for number, event in events])

    def hear(self, event: Event, number: int | None = None) -> Changed:
        """Take in an event; return what has to be drawn anew.

        Args:
            event: What happened.
            number: Its number among the run's events; one that was heard already says nothing. Pieces of text have
                that of the last event before them. None where events have none, and come once.
        """
        if number is not None and not self._is_new(event, number):
            return NOTHING
        if event.at_s > self.head.now_s:
            self.head = replace(self.head, now_s=event.at_s)
        match event:
            case CallHappening():
                return self._hear_call(event)
            case AnswerDelta() | AnswerReset():
                return self._hear_answer(event)
            case ResultLost(loss=loss):
                return self._lose(loss, event.at_s)
            case Degraded(degradation=less):
                return self._notice(event.at_s, "stand-in", f"{told_of(less)} ({less.why})")
            case _:
                return self._hear_run(event)

    def rejoin(self) -> Changed:
        """Take it that listening was broken off and begins anew: answers are then told from their start again."""
        for answer in self.answers.values():
            if not answer.is_final:
                answer.reset()
        return Changed(answers=frozenset(self.answers))

    def _is_new(self, event: Event, number: int) -> bool:
        if isinstance(event, (CallDelta, AnswerDelta, AnswerReset)):
            return number >= self.heard
        is_new = number > self.heard
        self.heard = max(number, self.heard)
        return is_new

    # ------------------------------------------------------------------------------------------------------- calls

    def _hear_call(self, event: CallEvent) -> Changed:
        before = self.calls.get(event.call_id)
        call = before or self._unplanned(event)
        after = hear(call, event, self._prices.of(call))
        changed = self._put(after) if after is not call or before is None else NOTHING
        if isinstance(event, CallRetried) and changed:
            changed = together((changed, self._notice(event.at_s, "retried", f"{after.name}: {after.why}", call)))
        if isinstance(event, CallFinished) and event.notes:
            changed = together((changed, self._note(event)))
        return changed

    def _unplanned(self, event: CallEvent) -> CallStory:
        """Return a call that nobody planned: of a fallback, which reads what the writer would have; or of a repair."""
        planned = (self.calls[name] for name in self._by_layer.get(event.layer, ())[::-1])
        instead = next((call for call in planned if call.stage is event.stage and call.peer == event.peer), None)
        return CallStory(
            call_id=event.call_id,
            stage=event.stage,
            layer=event.layer,
            agent=event.agent,
            peer=event.peer,
            reads=instead.reads if instead is not None else (),
            is_planned=False,
        )

    def settle(self, calls: Iterable[CallRecord]) -> Changed:
        """Take it from the run's record how calls ended that were under way when the run's end was told.

        Args:
            calls: Of the record.
        """
        known = ((call, record) for record in calls if (call := self.calls.get(record.call_id)) is not None)
        return together([self._put(after) for call, record in known if (after := settled(call, record)) is not call])

    def _put(self, call: CallStory) -> Changed:
        """Put down a call as it is now, and what follows for counts, sums and its layer."""
        before = self.calls.get(call.call_id)
        self.calls[call.call_id] = call
        if before is None:
            self._by_layer.setdefault(call.layer, []).append(call.call_id)
        is_state_new = before is None or before.state is not call.state
        if is_state_new:
            self._count(call, before.state if before is not None else None)
        self.after_retry += bool(call.retries) - (before is not None and bool(before.retries))
        used = before.used if before is not None else UsageTotal()
        if used is not call.used:
            self._spend(call, used)
        return Changed(
            calls=frozenset({call.call_id}),
            layers=self._put_in_layer(before, call),
            has_numbers=is_state_new or used is not call.used,
            has_graph=before is None,
        )

    def _count(self, call: CallStory, before: State | None) -> None:
        self.counts[call.state] += 1
        self._in_state[call.state][call.call_id] = None
        if before is not None:
            self.counts[before] -= 1
            del self._in_state[before][call.call_id]

    def _spend(self, call: CallStory, before: UsageTotal) -> None:
        """Add what a call used since it had used so much to its layer's sum."""
        in_layer = self._in_layers.get(call.layer, UsageTotal())
        self._in_layers[call.layer] = _and_more(in_layer, before, call.used)

    def _put_in_layer(self, before: CallStory | None, call: CallStory) -> frozenset[int]:
        known = self.layers.get(call.layer)
        layer = known or LayerStory(layer=call.layer, planned_calls=0)
        more = call.state.is_over - (before is not None and before.state.is_over)
        if more:
            layer = replace(layer, calls_over=layer.calls_over + more)
        if layer.state is State.WAITING and call.queued_s is not None:
            layer = replace(layer, state=State.RUNNING, since_s=call.queued_s)
        if layer is known:
            return frozenset()
        self.layers[call.layer] = layer
        return frozenset({call.layer})

    def _lose(self, loss: Loss, at_s: float) -> Changed:
        """Put down that a result is missing, and what cannot be made without it."""
        changed = [self._put(call) for call in self._missed(loss)]
        if not loss.is_skipped and loss.kind != "Late":  # the one follows from a loss, the other is told as a stand-in
            text = f"{call_name(loss.layer, loss.stage, loss.agent, loss.peer)}: {loss.kind}: {loss.message}"
            changed.append(self._notice(at_s, "lost", text, self.calls.get(loss.call_id or "")))
        return together(changed)

    def _missed(self, loss: Loss) -> Iterator[CallStory]:
        """Yield the calls that a loss changes, as they are then."""
        parts = (str(loss.layer), loss.stage.value, loss.agent, loss.peer)
        name = loss.call_id or ".".join(part for part in parts if part is not None)
        call = self.calls.get(name)
        if call is not None and (after := miss(call, loss)) is not call:
            yield after
        if loss.stage is Stage.ANSWER:  # without an answer there is nothing to refine, and a panel has no critic
            for stage in (Stage.REFINE, Stage.CRITIQUE):
                reader = self.calls.get(f"{loss.layer}.{stage.value}.{loss.agent}")
                if reader is not None and reader.state is State.WAITING:
                    yield not_made(reader, _ANSWER_LOST)

    # ----------------------------------------------------------------------------------------------------- answers

    def _hear_answer(self, event: AnswerDelta | AnswerReset) -> Changed:
        answer = self.answers.setdefault(event.choice, AnswerStory(event.choice))
        changed = Changed(answers=frozenset({event.choice}))
        if isinstance(event, AnswerDelta):
            answer.add(event.text, event.tool_calls)
            return changed
        answer.reset(one_line(event.message))
        text = f"what was told of the answer does not stand: {event.message}"
        return together((changed, self._notice(event.at_s, "reset", text)))

    # ----------------------------------------------------------------------------------------------------- the run

    def _hear_run(self, event: RunStarted | LayerFinished | VerdictReached | RunFinished) -> Changed:
        match event:
            case RunStarted():
                return self._begin(event)
            case LayerFinished():
                return self._end_layer(event)
            case VerdictReached(verdict=verdict):
                layer = self.layers.get(verdict.layer) or LayerStory(layer=verdict.layer, planned_calls=0)
                self.layers[verdict.layer] = replace(layer, verdict=verdict)
                return Changed(layers=frozenset({verdict.layer}))
            case _:
                return self._end(event)

    def _begin(self, event: RunStarted) -> Changed:
        self.head = Head(
            run_id=event.run_id,
            state="running",
            now_s=self.head.now_s,
            life_s=event.at_s,
            is_resumed=event.is_resumed,
            planned_calls=event.planned_calls,
        )
        begun = Changed(has_run=True, has_numbers=True)
        if not event.is_resumed:
            return begun
        self._before, self._in_layers, self._in_all = event.used_before, {}, None
        taken_up = [self._put(after) for call in self.calls.values() if (after := take_up(call)) is not call]
        for number, layer in self.layers.items():
            if layer.state is not State.DONE:
                self.layers[number] = replace(layer, state=State.WAITING, since_s=None)
        text = f"goes on with run {one_line(event.run_id, 80)} from the journal"
        notice = self._notice(event.at_s, "resumed", text)
        return together((begun, *taken_up, notice, Changed(layers=frozenset(self.layers))))

    def _end_layer(self, event: LayerFinished) -> Changed:
        layer = self.layers.get(event.layer) or LayerStory(layer=event.layer, planned_calls=0)
        self.layers[event.layer] = replace(
            layer, state=State.DONE, ended_s=event.at_s, output=event.output, used=event.usage
        )
        if self._before == UsageTotal():  # else part of it was counted before
            self._in_layers[event.layer] = event.usage
        unmade = [
            self._put(not_made(self.calls[name], _LAYER_OVER))
            for name in self._by_layer.get(event.layer, ())
            if _is_never_begun(self.calls[name]) and "#" not in name  # further answers may come behind the layer
        ]
        return together((*unmade, Changed(layers=frozenset({event.layer}), has_numbers=True)))

    def _end(self, event: RunFinished) -> Changed:
        closed = [
            self._put(after)
            for call in self.calls.values()
            if (after := close(call, event.at_s, _RUN_OVER)) is not call
        ]
        for number, layer in self.layers.items():
            if not layer.state.is_over:
                was_begun = layer.state is State.RUNNING
                self.layers[number] = replace(layer, state=State.CANCELLED if was_begun else State.NOT_MADE)
        self._in_all = event.usage
        error = None if event.error is None else one_line(event.error)
        self.head = replace(self.head, run_id=event.run_id, state=event.state, error=error, text=event.text)
        if event.text is not None:
            self.answers.setdefault(0, AnswerStory(0))
        for choice, answer in self.answers.items():
            answer.settle(event.text if choice == 0 else None, is_final=event.state == "finished")
        whole = Changed(answers=frozenset(self.answers), layers=frozenset(self.layers), has_numbers=True, has_run=True)
        return together((*closed, whole))

    def _notice(self, at_s: float, kind: NoticeKind, text: str, call: CallStory | None = None) -> Changed:
        call_id = call.call_id if call is not None else None
        self.notices.append(Notice(at_s=at_s, kind=kind, text=one_line(text), call_id=call_id))
        return Changed(has_notices=True)

    def _note(self, event: CallFinished) -> Changed:
        known = len(self.notes)
        self.notes |= dict.fromkeys(one_line(f"{event.agent}: {note}") for note in event.notes)
        return Changed(has_notices=len(self.notes) > known)


def _is_never_begun(call: CallStory) -> bool:
    return call.state is State.WAITING and call.queued_s is None


def _and_more(total: UsageTotal, before: UsageTotal, after: UsageTotal) -> UsageTotal:
    """Return a sum in which one part has grown."""
    grown = {
        field: getattr(total, field) + getattr(after, field) - getattr(before, field)
        for field in UsageTotal.__struct_fields__
    }
    return UsageTotal(**grown)
