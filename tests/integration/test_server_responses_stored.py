"""Responses by their id: whose they are, what becomes of those without an answer, of those under way elsewhere."""

from __future__ import annotations

import pytest
from openai import APIStatusError, BadRequestError, ConflictError, NotFoundError
from starlette.requests import HTTPConnection

from attention_moa.errors import ServerError, StoreError
from attention_moa.ports import RunJournal
from attention_moa.server.gate import OpenGate, Visitor
from attention_moa.store.memory import MemoryJournal
from attention_moa.stored_runs import RunHead
from tests.journals import a_head, a_record
from tests.server_world import a_server, run

WHY = "Why is the sky blue?"


class ByKey(OpenGate):
    """A gate that lets everybody in as who they say they are; ``root`` sees all."""

    async def enter(self, connection: HTTPConnection) -> Visitor:
        owner = connection.headers["authorization"].removeprefix("Bearer ")
        return Visitor(owner=owner, is_admin=owner == "root")


async def a_run(journal: MemoryJournal, run_id: str = "run-1") -> RunJournal:
    """Return a run's place in a journal, held."""
    return await journal.begin(a_head(run_id))


def test_a_response_is_there_for_its_own_key_and_for_who_sees_all() -> None:
    """For others it is not there: not to be seen, gone on from, ended or deleted."""

    async def test() -> None:
        async with a_server({"summary": "Scattering."}, journal=MemoryJournal(), gate=ByKey()) as world:
            alice, bob, root = (world.client.with_options(api_key=name) for name in ("alice", "bob", "root"))
            mine = await alice.responses.create(model="duo", input=WHY)
            for refused in (
                bob.responses.retrieve(mine.id),
                bob.responses.cancel(mine.id),
                bob.responses.delete(mine.id),
                bob.responses.create(model="duo", input=WHY, previous_response_id=mine.id),
            ):
                with pytest.raises(NotFoundError):
                    await refused
            assert (await root.responses.retrieve(mine.id)).output_text == "Scattering."
            then = await root.responses.create(model="duo", input="And then?", previous_response_id=mine.id)
            with pytest.raises(NotFoundError):
                await alice.responses.retrieve(then.id)
            await alice.responses.delete(mine.id)

    run(test)


def test_a_response_without_an_answer_says_so_and_is_not_gone_on_from() -> None:
    """Also when nobody waited for it."""

    async def test() -> None:
        models = {"answer": ServerError("down", retryable=False)}
        async with a_server(models, journal=MemoryJournal()) as world:
            begun = await world.client.responses.create(model="duo", input=WHY, background=True)
            live = world.service.hub.get(begun.id.removeprefix("resp_"))
            assert live is not None
            await live.over()
            failed = await world.client.responses.retrieve(begun.id)
            assert failed.status == "failed"
            assert failed.error is not None
            assert "down" in failed.error.message
            with pytest.raises(BadRequestError) as refused:
                await world.client.responses.create(model="duo", input=WHY, previous_response_id=begun.id)
            assert refused.value.param == "previous_response_id"

    run(test)


def test_a_response_that_failed_in_an_earlier_server_says_why() -> None:
    """As its record has it."""

    async def test() -> None:
        journal = MemoryJournal()
        place = await a_run(journal)
        await place.end(a_record(place.head, state="failed", text=None, error="no agent gave an answer"))
        await place.release()
        async with a_server(journal=journal) as world:
            failed = await world.client.responses.retrieve("resp_run-1")
        assert failed.error is not None
        assert (failed.status, failed.error.message) == ("failed", "no agent gave an answer")

    run(test)


def test_a_response_that_was_interrupted_says_how_it_goes_on() -> None:
    """Its server died."""

    async def test() -> None:
        journal = MemoryJournal()
        await (await a_run(journal)).release()
        async with a_server(journal=journal) as world:
            failed = await world.client.responses.retrieve("resp_run-1")
            assert failed.error is not None
            assert "POST /v1/runs/run-1/resume" in failed.error.message

    run(test)


def test_a_response_under_way_in_another_server_is_left_to_that_one() -> None:
    """It is seen, and neither ended nor deleted from here."""

    async def test() -> None:
        journal = MemoryJournal()
        place = await a_run(journal)
        async with a_server(journal=journal) as world:
            assert (await world.client.responses.retrieve("resp_run-1")).status == "in_progress"
            for refused in (world.client.responses.cancel("resp_run-1"), world.client.responses.delete("resp_run-1")):
                with pytest.raises(ConflictError):
                    await refused
        await place.release()

    run(test)


def test_a_journal_that_cannot_be_read_is_no_missing_response() -> None:
    """Who goes on from one is told to try again."""

    async def test() -> None:
        journal = Broken()
        async with a_server(journal=journal) as world:
            with pytest.raises(APIStatusError) as refused:
                await world.client.responses.create(model="duo", input=WHY, previous_response_id="resp_run-1")
        assert refused.value.status_code == 503

    run(test)


class Broken(MemoryJournal):
    """A journal whose disk is gone."""

    async def head(self, run_id: str) -> RunHead:
        """Fail."""
        raise StoreError(f"the disk of {run_id} is gone")
