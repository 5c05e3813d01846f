"""The log of a run: what is there at any moment, and what is told."""

from __future__ import annotations

from attention_moa.events import Degraded, Event, LayerFinished, ResultLost, VerdictReached
from attention_moa.messages import Stage
from attention_moa.records import Answer, Critique, Loss, Summary, Verdict
from attention_moa.run_log import RunLog
from attention_moa.schedule import Pair, pairs
from tests.worlds import QUESTION, a_spec

SPEC = a_spec(2)
GOING_ON = Verdict(layer=1, is_stop=False, rule="none", reason="first layer")


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self.now_s = start_s

    def __call__(self) -> float:
        return self.now_s


def a_log(clock: Clock | None = None) -> tuple[RunLog, list[Event]]:
    """Return a log and what its observer is told."""
    told: list[Event] = []
    log = RunLog("run", "2026-01-01T00:00:00+00:00", SPEC, QUESTION, now=clock or Clock(), observers=[told.append])
    return log, told


def a_loss(agent: str = "a") -> Loss:
    """Return a lost answer."""
    return Loss(stage=Stage.ANSWER, layer=1, agent=agent, kind="ServerError", message="down")


def test_seconds_count_from_the_start() -> None:
    """The clock's own zero does not matter."""
    clock = Clock()
    log, _ = a_log(clock)
    clock.now_s += 2.5
    assert log.seconds() == 2.5
    assert log.record().wall_s == 2.5


def test_a_new_log_is_a_running_run_without_text() -> None:
    """It can be asked from the first moment."""
    log, told = a_log()
    record = log.record()
    assert (record.state, record.text, record.layers, record.calls) == ("running", None, (), ())
    assert (record.run_id, record.ensemble, record.conversation) == ("run", SPEC, QUESTION)
    assert told == []


def test_results_are_shown_in_the_ensembles_order_however_they_came() -> None:
    """What is not there yet is left out."""
    log, _ = a_log()
    board = log.open_layer(1, pairs(SPEC, 1))
    for name in ("b", "a"):
        board.answers[name] = Answer(agent=name, text=name, call_id=f"1.answer.{name}")
    for critic, author in (("b", "a"), ("a", "b")):
        board.critiques[Pair(critic, author)] = Critique(critic=critic, author=author, text="x", call_id="1")
    (layer,) = log.record().layers
    assert list(layer.answers) == ["a", "b"]
    assert list(layer.critiques) == [("a", "b"), ("b", "a")]
    assert (layer.refinements, layer.summary, layer.output) == ({}, None, None)


def test_losses_and_stand_ins_are_told_and_kept() -> None:
    """Each once, with its time."""
    clock = Clock()
    log, told = a_log(clock)
    clock.now_s += 1
    assert log.lose(a_loss()) == a_loss()
    log.degrade(1, Stage.REFINE, "a", what="its own answer", why="down")
    lost, degraded = told
    assert isinstance(lost, ResultLost)
    assert isinstance(degraded, Degraded)
    assert (lost.loss, lost.at_s, lost.run_id) == (a_loss(), 1.0, "run")
    assert log.record().losses == (a_loss(),)
    assert log.record().degraded == (degraded.degradation,)


def test_a_closed_layer_is_told_with_its_output_and_then_its_verdict() -> None:
    """In this order, at one time."""
    log, told = a_log()
    board = log.open_layer(1, ())
    log.close_layer(board, "out", GOING_ON)
    finished, verdict = told
    assert isinstance(finished, LayerFinished)
    assert isinstance(verdict, VerdictReached)
    assert (finished.output, verdict.verdict, finished.at_s) == ("out", GOING_ON, verdict.at_s)
    assert log.record().layers[0].output == "out"


def test_the_best_output_is_the_newest_finished_one() -> None:
    """A layer's output, else its summary, else that of the layer before."""
    log, _ = a_log()
    assert log.best_output() is None
    first = log.open_layer(1, ())
    assert log.best_output() is None
    first.summary = Summary(agent="a", text="s1", call_id="1.summary.a")
    assert log.record().text == log.best_output() == "s1"
    first.output = "o1"
    assert log.best_output() == "o1"
    second = log.open_layer(2, ())
    second.summary = Loss(stage=Stage.SUMMARY, layer=2, agent="a", kind="Skipped", message="nothing left")
    assert log.best_output() == "o1"


def test_an_ended_run_stays_as_it_ended() -> None:
    """Whatever comes later is no part of it."""
    clock = Clock()
    log, _ = a_log(clock)
    clock.now_s += 1
    ended = log.end("failed", None, "no answer")
    clock.now_s += 1
    log.lose(a_loss())
    assert log.record() == ended
    assert (ended.state, ended.error, ended.wall_s, ended.losses) == ("failed", "no answer", 1.0, ())
