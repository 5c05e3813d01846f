"""What is told to whom: addresses to who runs the server alone, to its log who asked and what was refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from attention_moa.errors import ServerError, TransportError
from attention_moa.messages import CallRequest
from attention_moa.server.config import ServerConfig
from attention_moa.telemetry.lines import FIELDS
from attention_moa.telemetry.logs import LOGGER
from tests.integration.test_server_keys import Keyed, a_keyed_server
from tests.server_world import ASKED, a_server, run
from tests.worlds import Says

UNSURE = "127.1"
"""This machine's own address to the system, in a spelling that the server does not know: it counts as public."""

HOST = "10.9.8.7"
WHY = f"cannot connect to http://{HOST}:8999/v1/ (no): is the server running, is base_url right?"


def down() -> TransportError:
    """Return what a provider says where nobody listens."""
    return TransportError(WHY, retryable=False)


def one_down() -> Says:
    """Return a script by which the first agent is not reached."""

    def say(request: CallRequest) -> str:
        if request.agent == "a":
            raise down()
        return "here"

    return say


def everything() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return requests whose answers tell of a run that failed, or lost something: an address and a body each."""
    responses = {"model": "duo", "input": "Why?"}
    chat = {"model": "duo", "messages": ASKED}
    both = chat | {"n": 2, "attention_moa": {"choices": "runs"}}
    return {
        "chat": ("/v1/chat/completions", chat),
        "chat streamed": ("/v1/chat/completions", chat | {"stream": True}),
        "two runs": ("/v1/chat/completions", both),
        "responses": ("/v1/responses", responses),
        "responses streamed": ("/v1/responses", responses | {"stream": True}),
    }


async def all_told(keyed: Keyed, headers: Mapping[str, str]) -> dict[str, str]:
    """Return all that a key is told of runs, request by request, of each run's record and events too."""
    http, told = keyed.world.http, dict[str, str]()
    for name, (path, body) in everything().items():
        told[name] = (await http.post(path, json=body, headers=headers)).text
    runs = (await http.get("/v1/runs", headers=headers)).json()["data"]
    assert len(runs) > 2
    for line in runs:
        for path in (f"runs/{line['id']}", f"runs/{line['id']}?view=summary", f"runs/{line['id']}/events",
                     f"responses/resp_{line['id']}"):  # fmt: skip
            told[path] = (await http.get(f"/v1/{path}", headers=headers)).text
    return told


@pytest.mark.parametrize("script", [{"answer": down()}, {"answer": one_down()}], ids=["none", "one"])
def test_no_address_of_a_model_reaches_a_key_that_is_no_admins(tmp_path: Path, script: Mapping[str, Says]) -> None:
    """By no way out; an admin is told all."""

    async def test() -> None:
        async with a_keyed_server(tmp_path, models=script) as keyed:
            alice, root = await keyed.client("alice"), await keyed.client("root", is_admin=True)
            for name, text in (await all_told(keyed, alice.auth_headers)).items():
                assert HOST not in text, (name, text[max(0, text.find(HOST) - 300) :][:600])
                assert "base_url right" not in text, name
                assert "cannot be reached" in text or "view=summary" not in name, name
            admin = await all_told(keyed, root.auth_headers)
            assert all(HOST in admin[name] for name in everything())

    run(test)


@pytest.mark.parametrize(("host", "is_shown"), [("127.0.0.1", True), (UNSURE, False)])
def test_who_reaches_a_server_without_keys_runs_it_where_nobody_else_does(*, host: str, is_shown: bool) -> None:
    """Where it is forced to be public, anybody may ask."""

    async def test() -> None:
        config = ServerConfig(host=host, is_unjournaled=True, is_public_forced=True)
        async with a_server({"answer": down()}, config=config) as world:
            told = await world.post()
            assert (told.status_code, HOST in told.text) == (502, is_shown)

    run(test)


def lines_of(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """Return the fields of all lines of a name."""
    return [vars(line)[FIELDS] for line in caplog.records if line.getMessage() == event]


SECRET = "hush"


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v1/chat/completions", {"temperature": 9}, (400, "invalid_value", "temperature")),
        ("/v1/chat/completions", {"top_k": 9}, (400, "unknown_parameter", "top_k")),
        ("/v1/chat/completions", {f"My {SECRET}": 9}, (400, "unknown_parameter", "…")),
        ("/v1/chat/completions", {"metadata": {SECRET: 9}}, (400, "invalid_value", "metadata")),
        ("/v1/chat/completions", {"attention_moa": {f"A {SECRET}": 9}}, (400, "unknown_parameter", "attention_moa.…")),
        ("/v1/chat/completions", {"model": SECRET}, (404, "model_not_found", "model")),
        ("/v1/responses", {}, (400, "unknown_parameter", "messages")),
        ("/v1/chat/completions", {"metadata": {SECRET: "x" * 600}}, (400, "invalid_value", "metadata")),
        ("/v1/nothing", {}, (404, "unknown_url", None)),
    ],
)
def test_every_refusal_is_in_the_log_without_what_was_sent(
    *, path: str, body: dict[str, Any], told: tuple[int, str, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    """By field, status and code, and once."""
    caplog.set_level("INFO", LOGGER)

    async def test() -> None:
        async with a_server() as world:
            assert (await world.post(path, **body)).status_code == told[0]

    run(test)
    (line,) = lines_of(caplog, "server.request_refused")
    assert (line["status"], line["code"], line["param"], line["path"]) == (*told, path)
    assert line["request_id"] == lines_of(caplog, "server.request")[0]["request_id"]
    assert SECRET not in str([vars(record) for record in caplog.records])


def test_what_the_guard_refuses_is_in_the_log_too(caplog: pytest.LogCaptureFixture) -> None:
    """It comes before any route."""
    caplog.set_level("INFO", LOGGER)

    async def test() -> None:
        async with a_server() as world:
            await world.http.get("/v1/models", headers={"host": "evil.example"})

    run(test)
    assert [line["code"] for line in lines_of(caplog, "server.request_refused")] == ["host_not_allowed"]


def test_the_log_says_who_asked_and_which_run_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By the key's name, in the lines of requests, refusals and runs; never by the key."""
    caplog.set_level("INFO", LOGGER)

    async def test() -> None:
        async with a_keyed_server(tmp_path) as keyed:
            keyed.world.service.log = logging.getLogger(LOGGER)
            alice = await keyed.client("alice")
            for fields in ({}, {"stream": True}, {"temperature": 9}):
                body = {"model": "duo", "messages": ASKED} | fields
                await keyed.world.http.post("/v1/chat/completions", json=body, headers=alice.auth_headers)
            assert alice.api_key not in str([vars(line) for line in caplog.records])

    run(test)
    whole, streamed, refused = [line for line in lines_of(caplog, "server.request") if line["method"] == "POST"]
    runs = lines_of(caplog, "run.finished")
    assert [line["key"] for line in (whole, streamed, refused, *runs)] == ["alice"] * 5
    assert [whole["run_id"], streamed["run_id"], refused["run_id"]] == [*(line["run_id"] for line in runs), None]
    assert [line["key"] for line in lines_of(caplog, "run.started")] == ["alice"] * 2
    assert lines_of(caplog, "server.request_refused")[-1]["key"] == "alice"


def test_without_keys_no_line_names_one(caplog: pytest.LogCaptureFixture) -> None:
    """There is nobody to name."""
    caplog.set_level("INFO", LOGGER)

    async def test() -> None:
        async with a_server() as world:
            assert (await world.post()).status_code == 200

    run(test)
    (line,) = lines_of(caplog, "server.request")
    assert line["key"] is None
    assert line["run_id"]


def test_an_error_of_an_endpoint_is_told_by_its_kind() -> None:
    """A public server's client learns that it is not its own fault."""

    async def test() -> None:
        config = ServerConfig(host=UNSURE, is_unjournaled=True, is_public_forced=True)
        async with a_server({"answer": ServerError(f"HTTP 500: {HOST}", retryable=False)}, config=config) as world:
            told = await world.http.post("/v1/responses", json={"model": "duo", "input": "Why?"})
            failed = "the model's endpoint failed"
            assert told.json()["error"]["message"] == f"no agent gave an answer: a: {failed}; b: {failed}"

    run(test)


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("PUT", "/v1/chat/completions", {}, "there is no PUT /v1/chat/completions here, only POST"),
        (
            "POST",
            "/v1/chat/completions",
            {
                "tools": [{"type": "function", "function": {"name": name}} for name in ("look", "find")],
                "tool_choice": {"type": "function", "function": {"name": "seek"}},
            },
            "tool_choice: there is no tool 'seek': there are look, find",
        ),
    ],
)
def test_what_there_is_in_its_place_is_told(method: str, path: str, body: dict[str, Any], message: str) -> None:
    """Methods and tools by their names."""

    async def test() -> None:
        async with a_server() as world:
            told = await world.http.request(method, path, json={"model": "duo", "messages": ASKED} | body)
            assert told.json()["error"]["message"] == message

    run(test)


def test_a_filter_that_is_none_is_refused_by_its_name() -> None:
    """All runs would be shown for the few that were meant."""

    async def test() -> None:
        async with a_server() as world:
            told = (await world.http.get("/v1/runs?stat=running")).json()["error"]
            assert (told["param"], told["code"]) == ("stat", "unknown_parameter")
            assert told["message"] == "'stat' is no filter of runs: there are limit, before, state, model"
            assert (await world.http.get("/v1/runs?state=running&limit=3")).status_code == 200

    run(test)


def test_what_is_refused_by_its_size_counts_for_its_route() -> None:
    """Nothing of it was read, yet where it was to go is known."""

    async def test() -> None:
        config = ServerConfig(is_unjournaled=True, max_body_mib=0.001)
        async with a_server(config=config) as world:
            for path in ("/v1/chat/completions", "/v1/runs/x/cancel", "/nowhere"):
                assert (await world.http.post(path, content=b"x" * 2000)).status_code == 413
            told = (await world.http.get("/metrics")).text
            for route in ("POST /v1/chat/completions", "POST /v1/runs/{run_id}/cancel", "other"):
                assert f'attention_moa_requests_total{{route="{route}",status="413"}} 1.0' in told

    run(test)


def test_models_can_be_asked_for_without_their_list() -> None:
    """As programs do that look whether a server is there."""

    async def test() -> None:
        async with a_server() as world:
            for path, status in (("/v1/models", 200), ("/v1/models/duo", 200), ("/v1/models/gone", 404)):
                told = await world.http.head(path)
                assert (told.status_code, told.content) == (status, b"")

    run(test)
