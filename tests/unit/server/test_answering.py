"""A request's runs, whichever API it came by."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from msgspec.structs import replace
from starlette.types import Message

from attention_moa.agents import AgentSpec
from attention_moa.errors import ConfigError, QuorumError, ServerError
from attention_moa.events import Event, RunFinished
from attention_moa.messages import CallRequest, Stage
from attention_moa.rules import LimitSpec
from attention_moa.server.answering import Answering, Outcome
from attention_moa.server.app import create_app
from attention_moa.server.errors import ApiError
from attention_moa.server.gate import Visitor
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun
from attention_moa.telemetry.lines import FIELDS
from tests import virtual_time
from tests.server_world import ASKED, DUO, QUIET, ServerWorld, a_server, run, scripted
from tests.worlds import QUESTION, Says, a_spec

JOB = Job(model="duo", ensemble="duo", spec=DUO, conversation=QUESTION)


class Script:
    """Writes a stream of plain words; may break at its end."""

    def __init__(self, run_id: str, *, error: Exception | None = None) -> None:
        self.run_id = run_id
        self._error = error

    def begin(self) -> bytes:
        return b"begun "

    def of(self, event: Event, number: int) -> bytes:
        return b"%d " % number if isinstance(event, RunFinished) else b""

    def end(self, outcome: Outcome) -> bytes:
        if self._error is not None:
            raise self._error
        return b"ended with %d" % len(outcome.records)

    def fail(self, error: ApiError) -> bytes:
        return f"failed: {error.code}".encode()


async def nobody_leaves() -> Message:
    """Wait for ever."""
    await asyncio.Event().wait()
    raise AssertionError


async def answering(world: ServerWorld, job: Job = JOB) -> Answering:
    """Return a request whose runs were just begun."""
    return Answering(world.service, job, await world.service.hub.start_all(job, Visitor()))


async def written(asked: Answering, *, error: Exception | None = None) -> str:
    """Return all that a stream sends."""
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    response = await asked.stream(lambda run_id: Script(run_id, error=error))
    await response({"type": "http"}, nobody_leaves, send)
    return b"".join(sent).decode()


def test_a_stream_tells_of_every_run_and_ends_with_all_of_them() -> None:
    """By their numbers."""

    async def test() -> None:
        async with a_server() as world:
            told = await written(await answering(world, replace(JOB, runs=2)))
            assert sorted(told.split()[1:3]) == ["0", "1"]
            assert told.endswith("ended with 2")

    run(test)


def test_a_bug_of_ours_ends_the_stream_in_the_apis_shape() -> None:
    """What it was is nobody's business but the log's."""

    async def test() -> None:
        async with a_server() as world:
            assert (await written(await answering(world), error=ZeroDivisionError("SECRET"))).endswith("internal_error")

    run(test)


def test_what_the_server_lacks_is_in_its_log_also_where_a_stream_was_told(caplog: pytest.LogCaptureFixture) -> None:
    """Else its owner would never hear of it."""

    async def test() -> None:
        async with a_server() as world:
            error = ConfigError("a key is missing", key="api_key_env")
            assert (await written(await answering(world), error=error)).endswith("failed: misconfigured")

    run(test)
    (line,) = [line for line in caplog.records if line.levelname == "ERROR"]
    assert line.getMessage() == "server.request_failed"
    assert vars(line)[FIELDS]["why"] == "api_key_env: a key is missing"


def failing_once() -> Says:
    """Return a script whose first two answers, a whole run's, are lost."""
    left = [ServerError("down", retryable=False)] * 2
    return lambda _: left.pop() if left else "here"


async def first_alone(world: ServerWorld) -> tuple[LiveRun, ...]:
    """Return two runs of one request, the first of which gives no answer."""
    first = await world.service.hub.start(JOB, Visitor())
    await first.over()
    second = await world.service.hub.start(JOB, Visitor())
    await second.over()
    return first, second


def test_whole_runs_that_failed_are_noted_beside_those_that_answered() -> None:
    """One answer is better than none."""

    async def test() -> None:
        async with a_server({"answer": failing_once()}) as world:
            runs = await first_alone(world)
            asked = Answering(world.service, replace(JOB, runs=2), runs)
            assert (await written(asked)).endswith("ended with 1")
            assert runs[0].error is not None

    run(test)


def test_a_request_none_of_whose_runs_answered_fails() -> None:
    """As its first run did."""

    async def test() -> None:
        async with a_server(scripted({"answer": ServerError("down", retryable=False)})) as world:
            asked = await answering(world, replace(JOB, runs=2))
            for live in asked.runs:
                await live.over()
            assert (await written(asked)).endswith("failed: no_answer")
            with pytest.raises(QuorumError):
                await asked.runs[0].result()

    run(test)


def test_something_is_sent_every_ten_seconds_whatever_happens() -> None:
    """While an agent says nothing for minutes, and while things happen of which nothing is shown."""

    async def wait(request: CallRequest) -> None:
        await asyncio.sleep(4.0 if request.stage is not Stage.SUMMARY else 300.0)

    async def test() -> list[float]:
        now = asyncio.get_running_loop().time
        sent_s: list[float] = []

        async def send(message: Message) -> None:
            if message.get("body"):
                sent_s.append(now())

        app = create_app(QUIET, specs=[DUO], providers={"test": scripted(wait=wait)})
        service = app.state.service
        async with app.router.lifespan_context(app):
            asked = Answering(service, JOB, await service.hub.start_all(JOB, Visitor()))
            await (await asked.stream(Script))({"type": "http"}, nobody_leaves, send)
        return sent_s

    sent_s = virtual_time.run(test())
    assert sent_s[0] < 1.0
    assert sent_s[-1] > 300.0
    assert max(later - earlier for earlier, later in pairwise(sent_s)) <= QUIET.keepalive_s == 10.0


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_a_limit_of_the_requests_own_that_nothing_fits_in_is_a_wrong_field(path: str, *, is_streamed: bool) -> None:
    """It shows before anything begins, streamed or not: no run is there, and nothing was sent."""

    async def test() -> None:
        async with a_server() as world:
            body = {"model": "duo", "messages": ASKED} if path == "chat/completions" else {"model": "duo", "input": "?"}
            told = await world.http.post(
                f"/v1/{path}", json=body | {"stream": is_streamed, "attention_moa": {"tokens": 10, "usd": None}}
            )
            error = told.json()["error"]
            assert (told.status_code, error["code"], error["param"]) == (400, "invalid_value", "attention_moa.tokens")
            assert "10 is too little for even one call" in error["message"]
            assert "run_id" not in error
            assert not world.service.hub.known
            assert not world.models.requests

    run(test)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_limit_that_a_reused_call_might_have_fitted_in_is_wrong_when_none_did(*, is_streamed: bool) -> None:
    """Nobody can tell before the run: nobody's quota is spent, and the request has to ask for more."""

    async def test() -> None:
        async with a_server() as world:
            settings = {"tokens": 5, "reuse": True}
            told = await world.post(stream=is_streamed, attention_moa=settings)
            error = json.loads(told.text.rpartition("data: ")[2])["error"] if is_streamed else told.json()["error"]
            assert (error["code"], error["param"]) == ("invalid_value", "attention_moa.tokens")
            assert error["run_id"]
            assert is_streamed or told.status_code == 400
            assert not world.models.requests

    run(test)


def test_what_is_seen_before_a_run_is_what_the_run_would_see() -> None:
    """The smallest of its first calls counts; a run that may use calls of before looks for itself."""
    agents = [
        AgentSpec(name="wordy", model="test:a", max_tokens=4000, role="You are an expert of everything. " * 30),
        AgentSpec(name="brief", model="test:b", max_tokens=20),
    ]
    spec = a_spec(agents, name="duo", strategy="majority", layers=1)

    async def test() -> None:
        async with a_server(specs=(spec,)) as world:
            found: list[tuple[int, int]] = []
            for tokens in range(30, 60):
                both = [await world.post(attention_moa={"tokens": tokens, "reuse": reuse}) for reuse in (False, True)]
                found.append((both[0].status_code, both[1].status_code))
            assert set(found) == {(400, 400), (200, 200)}
            assert found == sorted(found, reverse=True)

    run(test)


def test_a_question_that_fits_no_window_is_the_runs_to_tell() -> None:
    """It is no matter of the limit."""
    agents = [AgentSpec(name=name, model=f"test:{name}", context_tokens=600, max_tokens=100) for name in "ab"]

    async def test() -> None:
        async with a_server(specs=(a_spec(agents, name="duo", layers=1),)) as world:
            asked = [{"role": "user", "content": "why? " * 9000}]
            told = await world.post(messages=asked, attention_moa={"tokens": 100})
            assert (told.status_code, told.json()["error"]["code"]) == (422, "context_length_exceeded")

    run(test)


def test_an_ensembles_own_limit_stays_a_budget() -> None:
    """A request cannot raise it."""
    spec = replace(DUO, limits=LimitSpec(tokens=5))

    async def test() -> None:
        async with a_server(specs=(spec,)) as world:
            told = await world.post(model="duo", messages=ASKED, attention_moa={"tokens": 900})
            assert (told.status_code, told.json()["error"]["code"]) == (429, "budget_exceeded")

    run(test)
