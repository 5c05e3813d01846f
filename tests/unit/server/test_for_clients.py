"""What a client that does not run the server sees of errors: no address, and all that it needs."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import msgspec
import pytest
from aiohttp.client_reqrep import ConnectionKey
from msgspec.structs import replace
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic_ai.exceptions import ModelHTTPError
from yarl import URL

from attention_moa.agents import AgentSpec
from attention_moa.codec import record_from_json, record_to_json
from attention_moa.errors import CallError
from attention_moa.events import AnswerReset, CallLost, Degraded, Event, ResultLost, RunFinished
from attention_moa.messages import Stage
from attention_moa.providers.remote_errors import as_call_error
from attention_moa.records import Attempt, Degradation, Loss, RunRecord, Summary, UsageTotal
from attention_moa.rules import PromptSpec
from attention_moa.server.for_clients import for_clients, told_of_call, without_addresses
from tests.worlds import World, a_spec

HOST = "secret.example"
ADDRESS = f"http://{HOST}:8999/v1/"
PLACE = ConnectionKey(HOST, 8999, False, True, None, None, None)

REQUEST = aiohttp.RequestInfo(URL(ADDRESS), "POST", CIMultiDictProxy(CIMultiDict[str]()))


def refused() -> BaseException:
    """Return what aiohttp raises where nobody listens."""
    return aiohttp.ClientConnectorError(PLACE, OSError(111, f"Connect call failed ('10.1.2.3', 8999) {HOST}"))


FOREIGN: list[Callable[[], BaseException]] = [
    refused,
    lambda: aiohttp.ClientConnectorDNSError(PLACE, OSError(-2, "unknown")),
    lambda: aiohttp.ServerDisconnectedError(f"{HOST} is gone"),
    lambda: TimeoutError("late"),
    lambda: aiohttp.ClientResponseError(REQUEST, (), message=f"bad {ADDRESS}"),
    lambda: ModelHTTPError(301, "m", None),
    lambda: ModelHTTPError(503, "m", {"error": {"message": f"{HOST} is full"}}),
    lambda: ModelHTTPError(401, "m", {"error": {"message": f"wrong key for {HOST}"}}),
    lambda: ModelHTTPError(400, "m", {"error": {"message": f"no such field, see {ADDRESS}help"}}),
]


@pytest.mark.parametrize("made", FOREIGN)
def test_nothing_that_an_endpoint_does_shows_its_address(made: Callable[[], BaseException]) -> None:
    """Neither as an error of its own nor within another text."""
    error: CallError = as_call_error(made(), address=ADDRESS)
    kind, message = type(error).__name__, str(error)
    assert HOST in message or "m" in message
    for told in (told_of_call(kind, message), without_addresses(f"a, b: {message}; c: too late")):
        assert HOST not in told
        assert "10.1.2.3" not in told
        assert "base_url" not in told
        assert told
    assert without_addresses(f"{message}; c: too late").endswith("; c: too late")


@pytest.mark.parametrize("text", ["at 10.0.0.7:80", "at [::1]:80", "at ('10.0.0.7', 80)", "at postgresql://u@h/db"])
def test_an_address_is_hidden_however_it_is_written(text: str) -> None:
    """As a number or with a scheme."""
    assert without_addresses(f"{text} today") == "at (address) today"


def test_what_was_wrong_with_a_request_is_told_as_it_is() -> None:
    """A prompt that is too long is the client's to mend."""
    said = "HTTP 400: prompt is too long: 5000 > 4096"
    assert told_of_call("ContextTooLongError", said) == said


def told() -> str:
    """Return what a provider says where it reaches nobody."""
    return str(as_call_error(refused(), address=ADDRESS))


def a_loss() -> Loss:
    """Return a loss that names an address."""
    return Loss(stage=Stage.ANSWER, layer=1, agent="a", kind="TransportError", message=told())


def test_no_event_shows_an_address() -> None:
    """Whatever it is about; what models wrote stays."""
    less = Degradation(layer=1, stage=Stage.SUMMARY, agent="a", what="b stands in", why=told())
    events: list[Event] = [
        ResultLost(run_id="r", at_s=0.0, loss=a_loss()),
        Degraded(run_id="r", at_s=0.0, degradation=less),
        AnswerReset(run_id="r", at_s=0.0, message=told()),
        RunFinished(run_id="r", at_s=0.0, state="failed", text=None, usage=UsageTotal(), error=told()),
        CallLost(run_id="r", at_s=0.0, call_id="c", stage=Stage.ANSWER, layer=1, agent="a", kind="TransportError",
                 message=told(), attempts=1),
    ]  # fmt: skip
    for event in events:
        shown = for_clients(event)
        assert HOST in str(event)
        assert HOST not in str(shown)
        assert "the model cannot be reached" in str(shown)


def a_record() -> RunRecord:
    """Return a run in which addresses stand wherever they can, and one in the question."""
    world = World(a_spec([AgentSpec(name="a", model="test:a", base_url=ADDRESS)]))
    record = world.run()
    call = replace(record.calls[0], error="TransportError", message=told(), notes=(told(), "plain"), attempts=(
        Attempt(started_s=0.0, ended_s=1.0, error="TransportError", message=told()),))  # fmt: skip
    stood_in = Summary(agent="a", text="see http://kept.example", call_id="c", stands_in=told())
    layer = replace(record.layers[0], summary=stood_in)
    return replace(record, calls=(call,), layers=(layer,), losses=(a_loss(),), notes=(told(),), error=told())


def test_no_record_shows_an_address_and_its_texts_stay() -> None:
    """It can be read back like any other."""
    record = a_record()
    shown = for_clients(record)
    written = record_to_json(shown)
    assert HOST.encode() in record_to_json(record)
    assert HOST.encode() not in written
    assert b"http://kept.example" in written
    assert record_from_json(written) == shown
    assert (shown.calls[0].notes[1], shown.conversation) == ("plain", record.conversation)


def test_where_there_is_nothing_to_hide_nothing_is_copied() -> None:
    """Records are large."""
    record = World(a_spec(2)).run()
    assert for_clients(record) is record
    assert msgspec.to_builtins(for_clients(a_loss()))["agent"] == "a"


def test_how_a_model_is_reached_and_where_templates_are_is_hidden() -> None:
    """Wherever the settings stand, also as they were sent; such a record can be read back."""
    agent = AgentSpec(
        name="a", model="test:a", base_url=ADDRESS, api_key_env="MY_KEY", extra_body={"token": HOST}, temperature=0.5
    )
    spec = replace(a_spec([agent, AgentSpec(name="b", model="test:b")]), prompts=PromptSpec(folder=f"/home/{HOST}"))
    record = World(spec).run()
    shown = for_clients(record)
    for secret in (HOST, "MY_KEY"):
        assert secret in str(record)
        assert secret not in str(shown)
    assert shown.ensemble.agents[0].temperature == 0.5
    assert shown.ensemble.agents[1] is record.ensemble.agents[1]
    assert record_from_json(record_to_json(shown)) == shown
