"""Log lines: constant names and fields, one line each, and no text of a conversation above DEBUG."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from attention_moa.errors import MoaError, RefusedError, ServerError, TransportError
from attention_moa.events import AnswerDelta, AnswerReset, CallDelta, CallReplayed, RunFinished, RunStarted
from attention_moa.messages import Stage, Usage, user
from attention_moa.records import UsageTotal
from attention_moa.telemetry.logs import EventLog, log_to, say
from tests.worlds import Says, World, a_spec, in_turn, verdict

MARK = "plum-pudding-4711"
KEY = "sk-abcdefghijklmnop1234"
OTHERS = "tests.another_library"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave the loggers as they were."""
    loggers = [logging.getLogger(name) for name in ("attention_moa", OTHERS)]
    before = [(logger, list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def marked_world(observer: EventLog, **how: Any) -> World:
    """Return a world in which all that people, models and endpoints say holds the mark."""
    spec = a_spec(3, layers=3)
    script: dict[str, Says] = {
        "1.answer.a": in_turn(ServerError(f"you said {MARK}"), f"{MARK} it is"),
        "1.answer.b": RefusedError(f"we do not speak of {MARK}"),
        "2.answer.a": RefusedError(f"nor of {MARK}"),
        "2.answer.b": RefusedError(f"nor of {MARK}"),
        "2.answer.c": RefusedError(f"nor of {MARK}"),
        "answer": f"I say {MARK}",
        "critique": f"{MARK} is wrong",
        "refine": f"then {MARK}",
        "summary": f"so {MARK}",
        "residual": lambda request: f"{verdict(request, is_stop=False)}\n{MARK} in all",
    }
    return World(spec, script, conversation=(user(f"What is {MARK}?"),), observers=[observer], has_deltas=True, **how)


def logged(form: str, level: int, **how: Any) -> str:
    """Return what is logged of a marked run, and of one that fails altogether."""
    stream = io.StringIO()
    logger = log_to(stream, form="json" if form == "json" else "text", level=level)
    marked_world(EventLog(logger), **how).run()
    nothing = World(a_spec(1), {"answer": RefusedError(f"no {MARK} here")}, observers=[EventLog(logger)])
    with pytest.raises(MoaError, match=MARK):
        nothing.run()
    return stream.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_of_a_conversation_is_in_the_log(form: str) -> None:
    """Not what was asked, answered, criticised or merged, nor what endpoints say of errors; at DEBUG all of it is."""
    lines = logged(form, logging.INFO)
    assert "run.finished" in lines
    assert "call.lost" in lines
    assert "call.retried" in lines
    assert "run.degraded" in lines
    assert MARK not in lines
    assert logged(form, logging.DEBUG).count(MARK) > 20


def test_an_exception_is_told_without_what_it_says() -> None:
    """Its type, those of its causes, and where it came from; what it says is told at DEBUG alone."""

    def breaks() -> None:
        try:
            vars(logging)[MARK]
        except KeyError as error:
            raise ValueError(f"{MARK} {KEY}") from error

    told = {}
    for level in (logging.INFO, logging.DEBUG):
        stream = io.StringIO()
        logger = log_to(stream, form="json", level=level)
        try:
            breaks()
        except ValueError:
            logger.getChild("server").exception("server.run_broke", extra={"run_id": "run-1"})
        told[level] = json.loads(stream.getvalue())
    line = told[logging.INFO]
    assert (line["event"], line["level"], line["run_id"]) == ("server.run_broke", "error", "run-1")
    assert (line["error"], line["caused_by"]) == ("ValueError", ["KeyError"])
    assert line["where"][-1].startswith("test_logs.py:")
    assert line["where"][-1].endswith(" breaks")
    assert MARK not in json.dumps(line)
    assert told[logging.DEBUG]["error_message"] == f"{MARK} ***"


def test_every_line_of_a_run_has_its_id_and_time() -> None:
    """As JSON each line is one object; a call's line says which call."""
    stream = io.StringIO()
    world = World(a_spec(2), observers=[EventLog(log_to(stream, form="json", level=logging.DEBUG))])
    world.run()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["run_id"] for line in lines} == {"run"}
    assert all(line["at_s"] >= 0 and line["time"].endswith("Z") for line in lines)
    assert [line["event"] for line in lines].count("layer.finished") == 2
    (call,) = (line for line in lines if line["event"] == "call.finished" and line["call_id"] == "1.critique.a.b")
    assert (call["stage"], call["layer"], call["agent"], call["peer"]) == ("critique", 1, "a", "b")
    assert (call["input_tokens"], call["output_tokens"], call["text"]) == (10, 5, "says 1.critique.a.b")
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["state"]) == ("run.started", "run.finished", "finished")
    assert lines[-1]["calls"] == len(world.record.calls)


def test_where_no_endpoint_was_reached_the_log_says_which() -> None:
    """Nobody but whoever runs the server can mend that; the key's name is in every line of the run."""
    stream = io.StringIO()
    why = "cannot connect to http://127.0.0.1:9/ (refused): is the server running, is base_url right?"
    log = EventLog(log_to(stream, form="json"), key="alice")
    for error in (TransportError(why, retryable=False), TransportError(f"it broke: {MARK}", retryable=False)):
        with pytest.raises(MoaError):
            World(a_spec(1), {"answer": error}, observers=[log]).run()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("why") for line in lines if line["event"] == "call.lost"] == [why, None]
    assert {line["key"] for line in lines} == {"alice"}


def test_a_run_at_info_is_a_few_lines() -> None:
    """However many calls it makes; a failed one ends with a warning."""
    lines = [json.loads(line) for line in logged("json", logging.INFO).splitlines()]
    assert not {"call.queued", "call.started", "call.finished"} & {line["event"] for line in lines}
    levels = {line["event"]: line["level"] for line in lines}
    assert (levels["run.started"], levels["call.lost"], levels["run.finished"]) == ("info", "warning", "warning")
    assert [line["kind"] for line in lines if line["event"] == "call.retried"] == ["ServerError"]


def test_below_its_level_nothing_is_written() -> None:
    """Neither events nor other lines."""
    assert "run.started" not in logged("text", logging.WARNING)
    stream = io.StringIO()
    say(log_to(stream, level=logging.ERROR), logging.WARNING, "server.odd")
    assert stream.getvalue() == ""


def test_pieces_of_replies_have_no_lines() -> None:
    """Not even at DEBUG: there are thousands. That an answer is taken back is told."""
    stream = io.StringIO()
    log = EventLog(log_to(stream, form="json", level=logging.DEBUG))
    log(CallDelta(run_id="r", at_s=0.0, call_id="1", stage=Stage.ANSWER, layer=1, agent="a", text=MARK))
    log(AnswerDelta(run_id="r", at_s=0.0, text=MARK))
    assert stream.getvalue() == ""
    log(AnswerReset(run_id="r", at_s=0.0, message="it broke off"))
    assert json.loads(stream.getvalue())["event"] == "answer.reset"


def test_a_replayed_call_names_the_run_that_paid() -> None:
    """At DEBUG, as other calls that went well."""
    stream = io.StringIO()
    EventLog(log_to(stream, level=logging.DEBUG))(
        CallReplayed(
            run_id="r",
            at_s=0.0,
            call_id="1.answer.a",
            stage=Stage.ANSWER,
            layer=1,
            agent="a",
            text="x",
            finish_reason="stop",
            usage=Usage(),
            source="run-0",
        )
    )
    assert " DEBUG   call.replayed run_id=r " in stream.getvalue()
    assert " source=run-0 " in stream.getvalue()


NASTY = 'a b\n2026-01-01 INFO run.finished state="finished"\r\x1b[31m\u2028\u202e end=1'


def test_no_value_makes_a_line_or_a_field_of_its_own() -> None:
    """Line ends, quotes, escapes of terminals and marks that turn text around stay within the value."""
    for form in ("text", "json"):
        stream = io.StringIO()
        logger = log_to(stream, form="json" if form == "json" else "text")
        say(logger, logging.INFO, "server.odd", path=NASTY, parts=[NASTY, {NASTY: 1}], plain="a/b:c", none=None)
        (line,) = stream.getvalue().splitlines()
        if form == "json":
            fields = json.loads(line)
            assert (fields["path"], fields["parts"]) == (NASTY, [NASTY, {NASTY: 1}])
            assert "none" not in fields
        else:
            assert line.isprintable()
            assert json.loads(line.partition(" path=")[2].partition(" parts=")[0]) == NASTY
            assert line.endswith(" plain=a/b:c")


def test_keys_are_masked_wherever_they_stand() -> None:
    """In messages of other libraries, in fields, deep in them, and in names."""
    stream = io.StringIO()
    logger = log_to(stream, form="json", also=[OTHERS])
    say(logger, logging.INFO, "server.odd", key=KEY, deep=[{KEY: (KEY, 1, 1.5, True)}], usage=UsageTotal(calls=1))
    logging.getLogger(OTHERS).warning("the key is %s", KEY)
    logger.warning("server.other", extra={"key": KEY})
    assert KEY not in stream.getvalue()
    first, second, third = map(json.loads, stream.getvalue().splitlines())
    assert first["deep"] == [{"***": ["***", 1, 1.5, True]}]
    assert first["usage"]["calls"] == 1
    assert (second["event"], second["message"]) == (OTHERS, "the key is ***")
    assert (third["event"], third["key"]) == ("server.other", "***")


def test_half_a_character_breaks_no_line() -> None:
    """What cannot be encoded is replaced."""
    stream = io.StringIO()
    say(log_to(stream, form="json"), logging.INFO, "server.odd", text="\ud83d!", object=object, number=float("nan"))
    fields = json.loads(stream.getvalue())
    assert fields["text"] == "\ufffd!"
    assert fields["number"] == "nan"


def test_other_libraries_tell_nothing_below_warnings() -> None:
    """At DEBUG they may tell whole requests, and below warnings nothing that is not told anyhow."""
    stream = io.StringIO()
    logger = log_to(stream, level=logging.DEBUG, also=[OTHERS])
    logging.getLogger(OTHERS).debug("request %s", MARK)
    say(logger, logging.DEBUG, "server.odd")
    logging.getLogger(OTHERS).info("Started")
    logging.getLogger(OTHERS).warning("Odd")
    first, second = stream.getvalue().splitlines()
    assert " server.odd" in first
    assert second.endswith(f" {OTHERS} message=Odd")


def test_setting_up_twice_writes_once() -> None:
    """The second place takes the place of the first; nothing goes to the root logger."""
    first, second = io.StringIO(), io.StringIO()
    log_to(first)
    say(log_to(second), logging.INFO, "server.started", port=8000)
    assert first.getvalue() == ""
    assert second.getvalue().count("server.started port=8000") == 1


def test_the_end_of_a_run_that_never_began_is_told() -> None:
    """With what went wrong at DEBUG."""
    stream = io.StringIO()
    log = EventLog(log_to(stream, form="json", level=logging.DEBUG))
    log(RunStarted(run_id="r", at_s=0.0, ensemble="e", agents=("a",), layers=1, planned_calls=1))
    log(RunFinished(run_id="r", at_s=0.5, state="failed", text=None, usage=UsageTotal(cost_usd=1e-10), error="why"))
    _, line = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["level"], line["why"], line["cost_usd"]) == ("run.finished", "warning", "why", 0.0)
    assert "text" not in line
