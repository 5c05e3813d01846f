"""``/v1/runs`` over real HTTP: listed, shown, watched, cancelled, resumed, deleted, and each key's alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from attention_moa.errors import ServerError
from attention_moa.ports import Journal, RunJournal
from attention_moa.server.config import ServerConfig
from attention_moa.server.gate import Visitor
from attention_moa.server.job import Job
from attention_moa.server.key_store import KeyStore, open_key_database
from attention_moa.server.keys import KeyRules
from attention_moa.store import open_journal
from attention_moa.store.memory import MemoryJournal
from tests.journals import QUESTION, a_call, a_head, a_record
from tests.server_world import ASKED, DUO, ServerWorld, a_server, run, scripted, until


class Held(NamedTuple):
    """Models that wait until they are let go."""

    go: asyncio.Event
    asked: asyncio.Event

    async def wait(self, _: object) -> None:
        """Wait."""
        self.asked.set()
        await self.go.wait()


def held() -> Held:
    """Return what holds models."""
    return Held(asyncio.Event(), asyncio.Event())


def at(path: Path) -> ServerConfig:
    """Return a configuration with a journal."""
    return ServerConfig(journal=str(path / "journal.db"))


async def a_run(world: ServerWorld, **body: Any) -> str:
    """Return the id of a run that has ended."""
    response = await world.post(**body)
    assert response.status_code == 200, response.text
    run_id: str = response.headers["x-attention-moa-run-id"]
    return run_id


async def get(world: ServerWorld, path: str, **headers: str) -> Any:
    """Return a document."""
    response = await world.http.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def failure(response: httpx2.Response) -> tuple[int, str]:
    """Return status and code of an error."""
    return response.status_code, response.json()["error"]["code"]


async def watched(world: ServerWorld, run_id: str, *, query: str = "", **headers: str) -> list[tuple[str | None, Any]]:
    """Return the events of a run, with their ids."""
    found: list[tuple[str | None, Any]] = []
    told_as: str | None = None
    async with world.http.stream("GET", f"/v1/runs/{run_id}/events{query}", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                told_as = line[4:]
            if line.startswith("data: "):
                found.append((told_as, json.loads(line[6:])))
                told_as = None
    return found


def test_runs_are_listed_the_newest_first_page_by_page(tmp_path: Path) -> None:
    """Those under way and those that are over; by state and by model."""

    async def test() -> None:
        async with a_server(config=at(tmp_path)) as world:
            runs = [await a_run(world, attention_moa={"fresh": True}) for _ in range(3)]
            first = await get(world, "/v1/runs?limit=2")
            assert [line["id"] for line in first["data"]] == runs[:0:-1]
            assert first["has_more"]
            line = first["data"][0]
            assert (line["state"], line["model"], line["is_under_way"]) == ("finished", "duo", False)
            assert (line["question"], line["calls"]) == ("Why is the sky blue?", 9)
            assert line["usage"]["total_tokens"] > 0
            rest = await get(world, f"/v1/runs?before={runs[1]}")
            assert [line["id"] for line in rest["data"]] == runs[:1]
            assert not rest["has_more"]
            assert (await get(world, "/v1/runs?state=failed"))["data"] == []
            assert len((await get(world, "/v1/runs?state=finished&model=duo"))["data"]) == 3
            assert (await get(world, "/v1/runs?model=other"))["data"] == []

    run(test)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("limit=0", 400, "invalid_value"),
        ("limit=201", 400, "invalid_value"),
        ("limit=x", 400, "invalid_value"),
        ("limit=%C2%B2", 400, "invalid_value"),
        ("state=odd", 400, "invalid_value"),
        ("before=nothing", 404, "run_not_found"),
    ],
)
def test_a_list_that_cannot_be_is_refused(tmp_path: Path, query: str, status: int, code: str) -> None:
    """What is wrong is named."""

    async def test() -> None:
        async with a_server(config=at(tmp_path)) as world:
            assert await failure(await world.http.get(f"/v1/runs?{query}")) == (status, code)

    run(test)


def test_a_run_is_shown_whole_or_without_its_texts(tmp_path: Path) -> None:
    """Under way, just ended, and by a server that never knew it."""

    async def test() -> None:
        async with a_server({"summary": "secret words"}, config=at(tmp_path)) as world:
            run_id = await a_run(world, metadata={"team": "blue"})
            record = await get(world, f"/v1/runs/{run_id}")
        async with a_server(config=at(tmp_path)) as world:
            assert await get(world, f"/v1/runs/{run_id}") == record
            response = await world.http.get(f"/v1/runs/{run_id}?view=summary")
            assert "secret words" not in response.text
            assert "sky" not in response.text
            summary = response.json()
            assert await failure(await world.http.get(f"/v1/runs/{run_id}?view=odd")) == (400, "invalid_value")
        assert (record["text"], record["labels"]) == ("secret words", {"team": "blue"})
        assert summary["labels"] == {"team": "blue"}
        assert summary["attention_moa"]["run_id"] == run_id
        assert {call["state"] for call in summary["calls"]} == {"finished"}
        assert len(summary["calls"]) == len(record["calls"])

    run(test)


def test_a_run_can_be_watched_while_it_goes_on_and_afterwards(tmp_path: Path) -> None:
    """Whoever comes late, or comes back, hears all; live, out of this process, or out of the journal: the same."""
    models = held()

    async def test() -> None:
        async with a_server(scripted(wait=models.wait), config=at(tmp_path)) as world:
            asked = asyncio.ensure_future(a_run(world))  # noqa: TID251 - ends with the test's own await
            await models.asked.wait()
            (live,) = world.service.hub.running
            watching = asyncio.ensure_future(watched(world, live.run_id))  # noqa: TID251 - as well
            await asyncio.sleep(0)
            models.go.set()
            run_id = await asked
            events = await watching
            ids = [told_as or "" for told_as, _ in events]
            assert [told_as.partition("-")[0] for told_as in ids] == [str(n + 1) for n in range(len(events))]
            assert (events[0][1]["event"], events[-1][1]["event"]) == ("run_started", "run_finished")
            assert await watched(world, run_id) == events
            assert await watched(world, run_id, **{"last-event-id": ids[2]}) == events[3:]
            assert await watched(world, run_id, **{"last-event-id": "3"}) == events[3:]
            assert await watched(world, run_id, query=f"?after={len(events) - 1}") == events[-1:]
            for last in (ids[-1], str(len(events))):
                over = await world.http.get(f"/v1/runs/{run_id}/events", headers={"last-event-id": last})
                assert over.status_code == 204, "a browser is told to come back no more"
            assert await watched(world, run_id, query=f"?after={len(events) + 1}") == events, "that is another log's"
            for wrong in ("?after=x", "?after=-1", "?after=3-x", "?deltas=1"):
                response = await world.http.get(f"/v1/runs/{run_id}/events{wrong}")
                assert await failure(response) == (400, "invalid_value")
        async with a_server(config=at(tmp_path)) as world:
            assert await watched(world, run_id) == events
            assert await watched(world, run_id, query="?after=2") == events[2:]
            assert await watched(world, run_id, query=f"?after={ids[1]}") == events[2:]

    run(test)


def test_pieces_of_the_answer_are_told_to_who_asks_for_them(tmp_path: Path) -> None:
    """They have no id: a client that comes back asks for what follows the last event."""
    models = held()

    async def test() -> None:
        async with a_server(
            scripted({"summary": "one two three"}, wait=models.wait, pieces=3), config=at(tmp_path)
        ) as world:
            asked = asyncio.ensure_future(a_run(world))  # noqa: TID251 - ends with the test's own await
            await models.asked.wait()
            (live,) = world.service.hub.running
            watching = asyncio.ensure_future(watched(world, live.run_id, query="?deltas=true"))  # noqa: TID251 - as well
            await until(lambda: bool(live._watchers))  # noqa: SLF001 - that it is heard shows nowhere else
            models.go.set()
            run_id = await asked
            pieces = [event for told_as, event in await watching if told_as is None]
            assert "".join(piece["text"] for piece in pieces) == "one two three"
            assert all(piece["event"] == "answer_delta" for piece in pieces)
            assert all(told_as is not None for told_as, _ in await watched(world, run_id))

    run(test)


def test_events_that_nobody_kept_are_made_of_the_record(tmp_path: Path) -> None:
    """Those of the command line's runs, and of servers that died."""

    async def test() -> None:
        head = a_head("mine", ensemble=DUO)
        async with open_journal(tmp_path / "journal.db") as journal:
            place = await journal.begin(head)
            await place.put("key", a_call())
            await place.end(a_record(head, a_call()))
            await place.release()
        async with a_server(config=at(tmp_path)) as world:
            events = await watched(world, "mine")
            assert [event["event"] for _, event in events][-1] == "run_finished"
            assert "call_finished" in {event["event"] for _, event in events}
            assert await watched(world, "mine", query="?after=1") == events[1:]

    run(test)


def test_a_run_is_cancelled_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was finished is not paid twice; both are idempotent."""
    models = held()
    is_blocked = True

    async def wait(request: Any) -> None:
        if is_blocked and request.stage.value == "summary":
            await models.wait(request)

    async def test() -> None:
        nonlocal is_blocked
        async with a_server(scripted(wait=wait), config=at(tmp_path)) as world:
            asked = asyncio.ensure_future(world.post())  # noqa: TID251 - ends with the test's own await
            await models.asked.wait()
            (live,) = world.service.hub.running
            run_id = live.run_id
            assert (await world.http.post(f"/v1/runs/{run_id}/resume")).json()["is_under_way"]
            for _again in range(2):
                told = (await world.http.post(f"/v1/runs/{run_id}/cancel")).json()
                assert told == {"id": run_id, "object": "run", "state": "cancelled", "is_under_way": False}
            assert (await failure(await asked))[1] == "run_cancelled"
            before = len(world.models.requests)
            is_blocked = False
            response = await world.http.post(f"/v1/runs/{run_id}/resume")
            assert response.status_code in (200, 202)
            assert response.headers["x-attention-moa-run-id"] == response.json()["id"] == run_id
            events = await watched(world, run_id)
            assert (events[-1][1]["event"], events[-1][1]["state"]) == ("run_finished", "finished")
            assert len(world.models.requests) - before == 1, "only the call that was cut off is sent again"
            again = (await world.http.post(f"/v1/runs/{run_id}/resume")).json()
            assert (again["state"], again["is_under_way"]) == ("finished", False)
            assert (await world.http.post(f"/v1/runs/{run_id}/cancel")).json()["state"] == "finished"

    run(test)


def test_a_run_that_is_resumed_twice_at_once_goes_on_once(tmp_path: Path) -> None:
    """Who comes second is told so, and is no failed run of it."""

    async def test() -> None:
        async with open_journal(tmp_path / "journal.db") as journal:
            await (await journal.begin(a_head("mine", ensemble=DUO))).release()
        async with a_server(config=at(tmp_path)) as world:
            resumed = [world.http.post("/v1/runs/mine/resume") for _ in range(3)]
            told = [await response for response in asyncio.as_completed(resumed)]
            assert {response.status_code for response in told} <= {200, 202, 409}
            assert {response.status_code for response in told} & {200, 202}
            events = [event["event"] for _, event in await watched(world, "mine")]
            assert (events.count("run_started"), events.count("run_finished"), events[-1]) == (1, 1, "run_finished")
            counted = (await world.http.get("/metrics")).text.splitlines()
            ended = [line for line in counted if line.startswith("attention_moa_runs_total{")]
            assert ended == ['attention_moa_runs_total{ensemble="duo",state="finished"} 1.0']

    run(test)


def test_a_run_whose_model_is_not_served_here_cannot_go_on(tmp_path: Path) -> None:
    """Nobody could make its calls."""

    async def test() -> None:
        async with open_journal(tmp_path / "journal.db") as journal:
            await (await journal.begin(a_head("mine"))).release()
        async with a_server(config=at(tmp_path)) as world:
            assert await failure(await world.http.post("/v1/runs/mine/resume")) == (404, "model_not_found")

    run(test)


def test_a_run_that_fails_again_says_so_in_its_events(tmp_path: Path) -> None:
    """Nobody waits for its answer; its lost calls are sent once more."""

    async def test() -> None:
        async with a_server({"answer": ServerError("down", retryable=False)}, config=at(tmp_path)) as world:
            run_id = (await world.post()).json()["error"]["run_id"]
            response = await world.http.post(f"/v1/runs/{run_id}/resume")
            assert (response.status_code, response.json()["is_under_way"]) == (202, True)
            ended = (await watched(world, run_id))[-1][1]
            assert (ended["event"], ended["state"]) == ("run_finished", "failed")
            assert len(world.models.requests) == 4

    run(test)


def test_a_run_that_another_server_is_at_is_left_to_it(tmp_path: Path) -> None:
    """It is shown as far as it is; it can be neither cancelled, resumed nor deleted here."""

    async def test() -> None:
        async with open_journal(tmp_path / "journal.db") as other:
            place = await other.begin(a_head("theirs", ensemble=DUO))
            await place.put("key", a_call())
            async with a_server(config=at(tmp_path)) as world:
                (line,) = (await get(world, "/v1/runs"))["data"]
                assert (line["id"], line["is_under_way"]) == ("theirs", True)
                assert len((await get(world, "/v1/runs/theirs"))["calls"]) == 1
                for response in (
                    await world.http.post("/v1/runs/theirs/cancel"),
                    await world.http.post("/v1/runs/theirs/resume"),
                    await world.http.delete("/v1/runs/theirs"),
                ):
                    assert await failure(response) == (409, "run_busy")
                assert await other.events("theirs") == []
                assert (await get(world, "/v1/runs/theirs?view=summary"))["attention_moa"]["state"] == "running"
                counted = (await world.http.get("/metrics")).text
                assert not [line for line in counted.splitlines() if line.startswith("attention_moa_runs_total{")]

    run(test)


async def stored(journal: Journal, *states: str) -> list[RunJournal]:
    """Put a run in each state into a journal, the newest last; return the places of those that are under way."""
    places: list[RunJournal] = []
    for minute, state in enumerate(states):
        head = a_head(f"run-{minute}", minute=minute % 60, created_at=f"2026-01-01T{minute // 60:02}:{minute % 60:02}")
        place = await journal.begin(head)
        if state == "finished":
            await place.end(a_record(head))
        if state == "running":
            places.append(place)
        else:
            await place.release()
    return places


async def ids(world: ServerWorld, query: str) -> list[str]:
    """Return the ids of a list, page by page."""
    found: list[str] = []
    while True:
        before = f"&before={found[-1]}" if found else ""
        page = await get(world, f"/v1/runs?{query}{before}")
        found += [line["id"] for line in page["data"]]
        if not page["has_more"]:
            return found


def test_a_run_whose_server_died_is_interrupted_wherever_it_is_looked_at(tmp_path: Path) -> None:
    """In the list, by the filter, in record and summary, as a response; what somebody is at is running."""

    async def test() -> None:
        async with open_journal(tmp_path / "journal.db") as other:
            (place,) = await stored(other, "interrupted", "finished", "running", "interrupted")
            async with a_server(config=at(tmp_path)) as world:
                lines = (await get(world, "/v1/runs"))["data"]
                told = [(line["id"], line["state"], line["is_under_way"]) for line in lines]
                assert told == [
                    ("run-3", "interrupted", False),
                    ("run-2", "running", True),
                    ("run-1", "finished", False),
                    ("run-0", "interrupted", False),
                ]
                assert await ids(world, "state=interrupted&limit=1") == ["run-3", "run-0"]
                assert await ids(world, "state=running") == ["run-2"]
                for run_id, state in (("run-3", "interrupted"), ("run-2", "running"), ("run-1", "finished")):
                    assert (await get(world, f"/v1/runs/{run_id}"))["state"] == state
                    summary = await get(world, f"/v1/runs/{run_id}?view=summary")
                    assert (summary["attention_moa"]["state"], summary["is_under_way"]) == (state, state == "running")
                response = await get(world, "/v1/responses/resp_run-3")
                assert (response["status"], response["attention_moa"]["state"]) == ("failed", "interrupted")
                assert (await get(world, "/v1/responses/resp_run-2"))["status"] == "in_progress"
                told = (await world.http.post("/v1/runs/run-3/cancel")).json()
                assert (told["state"], told["is_under_way"]) == ("interrupted", False)
            await place.release()

    run(test)


def test_a_run_that_was_cancelled_before_it_began_is_not_running() -> None:
    """Nobody is at it, and nothing of it is there."""

    async def test() -> None:
        async with a_server() as world:
            job = Job(model="duo", ensemble="duo", spec=DUO, conversation=QUESTION)
            live = await world.service.hub.start(job, Visitor(is_admin=True))
            live.cancel()
            await live.over()
            (line,) = (await get(world, "/v1/runs"))["data"]
            assert (line["state"], line["is_under_way"]) == ("cancelled", False)
            assert (await get(world, f"/v1/runs/{live.run_id}"))["state"] == "cancelled"

    run(test)


def test_a_list_by_state_goes_on_behind_many_runs_of_another() -> None:
    """However many are under way, those that were interrupted before are found."""

    async def test() -> None:
        journal = MemoryJournal()
        await stored(journal, *("interrupted", "interrupted", "finished"), *("running",) * 230)
        async with a_server(journal=journal) as world:
            assert await ids(world, "state=interrupted&limit=1") == ["run-1", "run-0"]
            assert len(await ids(world, "state=running&limit=100")) == 230
            unknown = await world.http.get("/v1/runs?state=interrupted&before=nosuch")
            assert await failure(unknown) == (404, "run_not_found")

    run(test)


def test_a_run_that_ends_while_it_is_looked_at_was_not_interrupted() -> None:
    """It was under way when its record was read, and over when it was asked who is at it."""
    places: list[RunJournal] = []

    class Ending(MemoryJournal):
        async def holder(self, run_id: str) -> str | None:
            await places[0].end(a_record(a_head(run_id)))
            await places[0].release()
            return await super().holder(run_id)

    async def test() -> None:
        journal = Ending()
        places.extend(await stored(journal, "running"))
        async with a_server(journal=journal) as world:
            assert (await get(world, "/v1/runs/run-0"))["state"] == "finished"

    run(test)


def test_a_deleted_run_is_gone(tmp_path: Path) -> None:
    """From the journal and from the server's memory; not while it is under way."""
    models = held()

    async def test() -> None:
        async with a_server(scripted(wait=models.wait), config=at(tmp_path)) as world:
            asked = asyncio.ensure_future(a_run(world))  # noqa: TID251 - ends with the test's own await
            await models.asked.wait()
            (live,) = world.service.hub.running
            assert await failure(await world.http.delete(f"/v1/runs/{live.run_id}")) == (409, "run_busy")
            models.go.set()
            run_id = await asked
            gone = (await world.http.delete(f"/v1/runs/{run_id}")).json()
            assert gone == {"id": run_id, "object": "run.deleted", "deleted": True}
            for path in ("", "/events", "?view=summary"):
                assert await failure(await world.http.get(f"/v1/runs/{run_id}{path}")) == (404, "run_not_found")
            assert await failure(await world.http.delete(f"/v1/runs/{run_id}")) == (404, "run_not_found")
            assert (await get(world, "/v1/runs"))["data"] == []

    run(test)


def test_without_a_journal_there_are_the_runs_of_this_server() -> None:
    """For as long as it remembers them."""

    async def test() -> None:
        async with a_server() as world:
            run_id = await a_run(world)
            (line,) = (await get(world, "/v1/runs?state=finished&model=duo"))["data"]
            assert (line["id"], line["state"]) == (run_id, "finished")
            assert (await get(world, "/v1/runs?state=failed"))["data"] == []
            assert (await get(world, f"/v1/runs/{run_id}"))["state"] == "finished"
            assert (await get(world, f"/v1/runs/{run_id}?view=summary"))["id"] == run_id
            assert (await watched(world, run_id))[-1][1]["event"] == "run_finished"
            assert (await world.http.post(f"/v1/runs/{run_id}/resume")).json()["state"] == "finished"
            assert await failure(await world.http.get("/v1/runs/nothing")) == (404, "run_not_found")
            assert (await world.http.delete(f"/v1/runs/{run_id}")).status_code == 200
            assert await failure(await world.http.get(f"/v1/runs/{run_id}")) == (404, "run_not_found")

    run(test)


@asynccontextmanager
async def clients(world: ServerWorld, **secrets: str) -> AsyncGenerator[dict[str, httpx2.AsyncClient], None]:
    """Lend a client for each key."""
    found = {
        name: httpx2.AsyncClient(base_url=world.url, headers={"authorization": f"Bearer {secret}"}, timeout=60)
        for name, secret in secrets.items()
    }
    try:
        yield found
    finally:
        for client in found.values():
            await client.aclose()


async def secrets_of(path: Path, **rules: KeyRules) -> dict[str, str]:
    """Return the secrets of new keys."""
    async with open_key_database(path / "journal.db") as database:
        store = KeyStore(database)
        return {name: (await store.add(name, rule))[1] for name, rule in rules.items()}


def test_another_key_s_run_is_not_there(tmp_path: Path) -> None:
    """Whatever is asked of it, the answer is the one for a run that never was; an admin sees it."""

    async def test() -> None:
        secrets = await secrets_of(tmp_path, alice=KeyRules(), bob=KeyRules(), root=KeyRules(is_admin=True))
        run_id = ""
        asked = {"model": "duo", "messages": ASKED}
        for is_known_here in (True, False):
            async with a_server(config=at(tmp_path)) as world, clients(world, **secrets) as by:
                if is_known_here:
                    response = await by["alice"].post("/v1/chat/completions", json=asked)
                    run_id = response.headers["x-attention-moa-run-id"]
                for path, method in (("", "GET"), ("?view=summary", "GET"), ("/events", "GET"), ("", "DELETE"),
                                     ("/cancel", "POST"), ("/resume", "POST")):  # fmt: skip
                    theirs = await by["bob"].request(method, f"/v1/runs/{run_id}{path}")
                    nobodys = await by["bob"].request(method, f"/v1/runs/{'x' * len(run_id)}{path}")
                    assert await failure(theirs) == (404, "run_not_found")
                    assert theirs.text == nobodys.text.replace("x" * len(run_id), run_id)
                assert (await by["bob"].get("/v1/runs")).json()["data"] == []
                assert (await by["bob"].get(f"/v1/runs?before={run_id}")).status_code == 404
                (line,) = (await by["alice"].get("/v1/runs")).json()["data"]
                assert (line["id"], line["owner"]) == (run_id, "alice")
                assert (await by["root"].get(f"/v1/runs/{run_id}")).json()["owner"] == "alice"
                refused = await by["root"].post(f"/v1/runs/{run_id}/resume")
                assert await failure(refused) == (403, "not_the_owner")
                assert (await world.http.get("/v1/runs")).status_code == 401

    run(test)
