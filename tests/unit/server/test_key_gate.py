"""Who is let in, what a run of theirs may take, and what servers left that died."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.requests import HTTPConnection

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.errors import StoreError
from attention_moa.money import Price
from attention_moa.records import RunRecord, UsageTotal
from attention_moa.rules import LimitSpec
from attention_moa.server.errors import ApiError
from attention_moa.server.gate import Pass, Visitor
from attention_moa.server.job import Job
from attention_moa.server.key_gate import KeyGate, open_key_gate, sweep
from attention_moa.server.key_ring import KeyRing
from attention_moa.server.key_store import KeyStore, open_key_database
from attention_moa.server.keys import KeyRules
from attention_moa.server.leftovers import UNBEGUN_S, settle_leftovers
from attention_moa.server.pricing import Expected, expected_cost
from attention_moa.server.rates import Rates
from attention_moa.server.spending import Held, Spending, Spent
from attention_moa.store import open_journal
from attention_moa.store.journal import SqlJournal
from tests import asking
from tests.journals import QUESTION, a_call, a_head, a_record
from tests.key_world import Day, Till, a_till
from tests.worlds import a_spec

PRICE = Price(input=1.0, output=1.0)
PRICED = a_spec(
    [AgentSpec(name=name, model=f"test:{name}", price=PRICE, max_tokens=100) for name in "ab"], name="small", layers=1
)


def a_job(spec: EnsembleSpec = PRICED, **fields: Any) -> Job:
    """Return a job."""
    told: dict[str, Any] = {"model": spec.name, "ensemble": spec.name, "spec": spec, "conversation": QUESTION}
    return Job(**(told | fields))


async def plan_of(path: Path) -> Expected:
    """Return what a run of the job is expected to cost."""
    async with open_journal(path / "journal.db") as journal:
        return await expected_cost(PRICED, QUESTION, journal)


class World:
    """A server's gate, another server's till, and the journal between them."""

    def __init__(self, gate: KeyGate, till: Till, journal: SqlJournal) -> None:
        self.gate = gate
        self.till = till
        self.journal = journal

    async def enter(self, name: str | None = None, rules: KeyRules | None = None, **scope: Any) -> Visitor:
        """Return who asks: the holder of a new key of that name, or somebody without one."""
        headers: list[tuple[bytes, bytes]] = []
        if name is not None:
            _, secret = await self.till.store.add(name, rules or KeyRules())
            headers = [(b"authorization", f"Bearer {secret}".encode())]
        told = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
        return await self.gate.enter(HTTPConnection(told | scope))

    async def refused(self, visitor: Visitor, job: Job | None = None) -> ApiError:
        """Return what a run is refused with."""
        with pytest.raises(ApiError) as error:
            await self.gate.admit(visitor, job or a_job())
        return error.value

    async def spent(self) -> dict[str, float]:
        """Return what keys spent in all."""
        return {name: spent.in_all for name, spent in (await self.till.spending.spent()).items()}


class Clock:
    """A clock on which every question is hours later: keys are always read anew, and no minute has two requests."""

    now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 10_000
        return self.now_s


@asynccontextmanager
async def a_world(path: Path, **settings: Any) -> AsyncIterator[World]:
    """Lend a world."""
    place, day = path / "journal.db", Day()
    async with (
        open_journal(place) as journal,
        a_till(place, day) as till,
        open_key_gate(place, journal, monotonic=Clock(), now=day, **settings) as gate,
    ):
        yield World(gate, till, journal)


def play(path: Path, scenario: Callable[[World], Awaitable[None]], **settings: Any) -> None:
    """Play a scenario in a new world."""

    async def played() -> None:
        async with a_world(path, **settings) as world:
            await scenario(world)

    asking.run(played)


def ended(run_id: str, usd: float, **fields: Any) -> RunRecord:
    """Return the record of a run that cost so much."""
    return a_record(a_head(run_id), usage=UsageTotal(calls=1, cost_usd=usd), **fields)


def test_without_any_key_everybody_is_let_in(tmp_path: Path) -> None:
    """As the one whom the command line is too; nothing is counted."""

    async def scenario(world: World) -> None:
        visitor = await world.enter()
        assert (visitor.owner, visitor.is_admin, visitor.salt) == ("", True, "")
        leave = await world.gate.admit(visitor, a_job(settings=frozenset({"usd"})))
        await leave.begun("run-1")
        await leave.settle(ended("run-1", 1))
        assert await world.spent() == {}

    play(tmp_path, scenario)


def test_with_a_key_only_who_has_one_is(tmp_path: Path) -> None:
    """As its owner, with its rules."""

    async def scenario(world: World) -> None:
        visitor = await world.enter("alice", KeyRules(ensembles=("small", "large")))
        assert visitor == Visitor(owner="alice", ensembles=frozenset({"small", "large"}))
        assert (await world.enter("root", KeyRules(is_admin=True))).is_admin
        with pytest.raises(ApiError) as refused:
            await world.enter()
        assert refused.value.status == 401

    play(tmp_path, scenario)


def test_what_a_key_may_not_ask_or_set_is_forbidden(tmp_path: Path) -> None:
    """The field is named, and what it may."""

    async def scenario(world: World) -> None:
        visitor = await world.enter("alice", KeyRules(ensembles=("large",)))
        error = await world.refused(visitor)
        assert (error.status, error.code, error.param) == (403, "model_not_allowed", "model")
        visitor = await world.enter("bob", KeyRules(may_set=("layers",)))
        error = await world.refused(visitor, a_job(settings=frozenset({"layers", "usd"})))
        assert (error.status, error.code, error.param) == (403, "setting_not_allowed", "attention_moa.usd")
        await world.gate.admit(visitor, a_job(settings=frozenset({"layers"})))
        visitor = await world.enter("carol", KeyRules(may_set=()))
        assert "it may set none" in (await world.refused(visitor, a_job(settings=frozenset({"usd"})))).message

    play(tmp_path, scenario)


def test_a_key_that_was_revoked_begins_no_run(tmp_path: Path) -> None:
    """Although it was good when the request came."""

    async def scenario(world: World) -> None:
        visitor = await world.enter("alice")
        await world.till.store.revoke("alice")
        assert (await world.refused(visitor)).status == 401

    play(tmp_path, scenario)


@asynccontextmanager
async def a_rated(path: Path, **rules: Any) -> AsyncIterator[tuple[KeyGate, Visitor]]:
    """Lend a gate at which no time passes, and who has a key with a rate of one."""
    place = path / "journal.db"
    async with open_journal(place) as journal, a_till(place) as till:
        _, secret = await till.store.add("alice", KeyRules(rpm=1, **rules))
        async with open_key_gate(place, journal, monotonic=lambda: 0.0) as gate:
            headers = [(b"authorization", f"Bearer {secret}".encode())]
            scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
            yield gate, await gate.enter(HTTPConnection(scope))


async def refused(gate: KeyGate, visitor: Visitor, job: Job) -> str | None:
    """Return the code of what a run is refused with."""
    with pytest.raises(ApiError) as error:
        await gate.admit(visitor, job)
    return error.value.code


def test_requests_that_begin_no_run_count_in_no_rate(tmp_path: Path) -> None:
    """A model, a setting, money that is not theirs: none of it is a request a minute."""

    async def scenario() -> None:
        costs = (await plan_of(tmp_path)).usd * 1.5
        rules: dict[str, Any] = {"ensembles": ("small",), "may_set": (), "usd": costs}
        async with a_rated(tmp_path, **rules) as (gate, visitor):
            for _ in range(3):
                assert await refused(gate, visitor, a_job(ensemble="large")) == "model_not_allowed"
                assert await refused(gate, visitor, a_job(settings=frozenset({"usd"}))) == "setting_not_allowed"
                assert await refused(gate, visitor, a_job(wanted=AnswerSpec(choices=9))) == "budget_exceeded"
                await (await gate.admit(visitor, a_job())).settle(None)
            leave = await gate.admit(visitor, a_job())
            await leave.settle(ended("run-1", 0.0))
            assert await refused(gate, visitor, a_job()) == "rate_limit_exceeded"

    asking.run(scenario)


def test_of_two_requests_that_come_at_once_a_rate_of_one_takes_one(tmp_path: Path) -> None:
    """Although neither has begun its run when the other comes; all runs of one request are one request."""

    async def scenario() -> None:
        async with a_rated(tmp_path, usd=100) as (gate, visitor), asyncio.TaskGroup() as group:
            first = group.create_task(gate.admit(visitor, a_job()))
            second = group.create_task(refused(gate, visitor, a_job()))
            await asyncio.wait({first, second})
            assert second.result() == "rate_limit_exceeded"
            await gate.admit(visitor, a_job(), sample=1)

    asking.run(scenario)


def test_a_run_is_a_key_s_until_it_is_settled_and_settled_once(tmp_path: Path) -> None:
    """Its place is given back once, however it ended."""

    async def scenario(world: World) -> None:
        visitor = await world.enter("alice", KeyRules(concurrency=1))
        leave = await world.gate.admit(visitor, a_job())
        assert (await world.refused(visitor)).code == "concurrency_exceeded"
        for _again in range(2):
            await leave.settle(ended("run-1", 0.5))
        again = await world.gate.admit(visitor, a_job())
        assert (await world.refused(visitor)).code == "concurrency_exceeded"
        await again.settle(None)
        assert await world.spent() == {"alice": 0.5}

    play(tmp_path, scenario)


async def held(world: World) -> list[float]:
    """Return what is held for runs under way."""
    return [each.usd for each in await world.till.spending.held()]


def test_what_a_run_may_cost_is_held_and_what_it_cost_is_counted(tmp_path: Path) -> None:
    """A run that never began costs nothing."""

    async def scenario(world: World) -> None:
        expected = await expected_cost(PRICED, QUESTION, world.journal)
        visitor = await world.enter("alice", KeyRules(usd=expected.usd * 1.5))
        leave = await world.gate.admit(visitor, a_job())
        assert await held(world) == [expected.usd]
        assert (await world.refused(visitor)).code == "budget_exceeded"
        await leave.settle(ended("run-1", expected.usd / 10))
        assert await held(world) == []
        assert await world.spent() == {"alice": expected.usd / 10}
        await (await world.gate.admit(visitor, a_job())).settle(None)
        assert await world.spent() == {"alice": expected.usd / 10}

    play(tmp_path, scenario)


def test_a_run_that_is_refused_for_its_money_takes_no_place(tmp_path: Path) -> None:
    """Else a key would be shut out by its own refusals."""

    async def scenario(world: World) -> None:
        visitor = await world.enter("alice", KeyRules(usd=1e-9, concurrency=1))
        for _again in range(3):
            assert (await world.refused(visitor)).code == "budget_exceeded"

    play(tmp_path, scenario)


def test_a_model_without_a_price_is_not_for_a_key_with_a_budget(tmp_path: Path) -> None:
    """Nobody could say when it is used up; other keys may ask it."""
    unpriced = a_job(a_spec(2, name="small"))

    async def scenario(world: World) -> None:
        error = await world.refused(await world.enter("alice", KeyRules(usd=100)), unpriced)
        assert (error.status, error.code) == (403, "price_unknown")
        assert "test:a" in error.message
        await world.gate.admit(await world.enter("bob"), unpriced)

    play(tmp_path, scenario)


def test_the_cost_of_a_run_is_its_plan_its_limit_and_its_choices(tmp_path: Path) -> None:
    """A limit below the plan holds; each further choice is one more writing."""

    async def scenario(world: World) -> None:
        plain = await expected_cost(PRICED, QUESTION, world.journal)
        limited = a_job(a_spec(PRICED.agents, layers=1, limits=LimitSpec(usd=plain.usd / 2))).spec
        assert (await expected_cost(limited, QUESTION, world.journal)).usd == plain.usd / 2
        three = await expected_cost(PRICED, QUESTION, world.journal, wanted=AnswerSpec(choices=3))
        two = await expected_cost(PRICED, QUESTION, world.journal, wanted=AnswerSpec(choices=2))
        assert three.usd - two.usd == pytest.approx(two.usd - plain.usd)
        assert two.usd > plain.usd > plain.call_usd > 0
        visitor = await world.enter("alice", KeyRules(usd=1))
        await world.gate.admit(visitor, a_job(wanted=AnswerSpec(choices=3)))
        assert await held(world) == [three.usd]

    play(tmp_path, scenario)


def test_caches_are_isolated_where_the_server_or_the_key_says_so(tmp_path: Path) -> None:
    """Each key has a line of its own, the same in every request; nobody can guess another's."""

    async def isolated(world: World) -> None:
        alice, bob = await world.enter("alice"), await world.enter("bob")
        assert len(alice.salt) == len(bob.salt) == 64
        assert alice.salt != bob.salt
        assert (await world.enter("carol", KeyRules(isolate_caches=False))).salt == ""

    async def shared(world: World) -> None:
        assert (await world.enter("dave")).salt == ""
        assert len((await world.enter("erin", KeyRules(isolate_caches=True))).salt) == 64

    play(tmp_path, isolated, has_isolated_caches=True)
    play(tmp_path, shared)


async def a_dead_run(world: World, run_id: str | None, *, calls_usd: float | None, state: str = "running") -> float:
    """Leave a run as a server leaves it that dies; return what was held for it."""
    visitor = await world.enter(f"owner-of-{run_id}", KeyRules(usd=100))
    leave: Pass = await world.gate.admit(visitor, a_job())
    if run_id is not None:
        await leave.begun(run_id)
    if run_id is not None and calls_usd is not None:
        place = await world.journal.begin(a_head(run_id))
        call = a_call()
        attempt = replace(call.attempts[0], cost_usd=calls_usd)
        await place.put("key", a_call(attempts=(attempt,)))
        if state == "finished":
            await place.end(ended(run_id, calls_usd))
        await place.release()
    world.gate.charges.clear()
    return max(await held(world))


async def settled(world: World, *, later_s: float = 0.0) -> int:
    """Return how many leftovers were settled by a server that looks for them some time later."""

    def now() -> datetime:
        return world.till.day() + timedelta(seconds=later_s)

    return await settle_leftovers(world.till.spending, world.journal, own=lambda: world.gate.charges, now=now)


def test_the_run_of_a_dead_server_counts_with_what_was_held(tmp_path: Path) -> None:
    """What was under way when it died nobody can say; what is known counts at the least."""

    async def scenario(world: World) -> None:
        was_held = await a_dead_run(world, "run-1", calls_usd=1e-9)
        assert await settled(world) == 1
        assert await world.spent() == {"owner-of-run-1": pytest.approx(was_held)}
        assert await held(world) == []
        assert await settled(world) == 0

    play(tmp_path, scenario)


def test_a_run_that_ended_and_was_not_settled_counts_with_what_it_cost(tmp_path: Path) -> None:
    """Its record says so."""

    async def scenario(world: World) -> None:
        await a_dead_run(world, "run-1", calls_usd=0.25, state="finished")
        assert await settled(world) == 1
        assert await world.spent() == {"owner-of-run-1": 0.25}

    play(tmp_path, scenario)


def test_runs_under_way_are_left_alone(tmp_path: Path) -> None:
    """This server's own, and another's that is at it."""

    async def scenario(world: World) -> None:
        visitor = await world.enter("alice", KeyRules(usd=100))
        leave = await world.gate.admit(visitor, a_job())
        await leave.begun("run-1")
        assert await settled(world, later_s=2 * UNBEGUN_S) == 0
        place = await world.journal.begin(a_head("run-1"))
        world.gate.charges.clear()
        assert await settled(world, later_s=2 * UNBEGUN_S) == 0
        await place.release()
        assert await settled(world) == 1

    play(tmp_path, scenario)


@pytest.mark.parametrize("run_id", [None, "deleted"])
def test_a_run_that_is_nowhere_counts_with_what_was_held_after_a_while(tmp_path: Path, run_id: str | None) -> None:
    """Until then another server may be about to begin it."""

    async def scenario(world: World) -> None:
        was_held = await a_dead_run(world, run_id, calls_usd=None)
        assert await settled(world, later_s=UNBEGUN_S) == 0
        assert await settled(world, later_s=UNBEGUN_S + 1) == 1
        assert await world.spent() == {f"owner-of-{run_id}": was_held}

    play(tmp_path, scenario)


def test_a_server_settles_what_it_left_when_it_comes_back(tmp_path: Path) -> None:
    """At once, and without being asked."""

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            await a_dead_run(world, "run-1", calls_usd=0.25, state="finished")
        async with a_world(tmp_path) as world:
            while await held(world):
                await asyncio.sleep(0.01)
            assert (await world.till.spending.spent())["owner-of-run-1"] == Spent(0.25, 0.25)

    asking.run(scenario)


class BrokenSpending(Spending):
    """What keys spent, in a database that is gone."""

    async def settle(self, held: Held, run_id: str | None, usd: float) -> None:  # noqa: ARG002 - the signature that it has
        raise StoreError("the disk is gone")

    async def held(self) -> list[Held]:
        raise StoreError("the disk is gone")


def test_a_database_that_fails_keeps_no_answer_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was held then is a leftover: it is settled from the journal once the database is there again."""

    async def scenario() -> None:
        place, day = tmp_path / "journal.db", Day()
        async with open_journal(place) as journal, a_till(place, day) as till:
            key = await till.key("alice", KeyRules(usd=100))
            async with open_key_database(place) as database:
                ring, broken = KeyRing(till.store, Clock()), BrokenSpending(database, day)
                gate = KeyGate(ring, Rates(Clock()), broken, journal, has_isolated_caches=False)
                leave = await gate.admit(Visitor(owner=key.owner), a_job())
                await leave.begun("run-1")
                assert len(gate.charges) == 1
                await leave.settle(ended("run-1", 0.25))
            place_of_run = await journal.begin(a_head("run-1"))
            await place_of_run.end(ended("run-1", 0.25))
            await place_of_run.release()
            world = World(gate, till, journal)
            assert await settled(world) == 1
            assert await world.spent() == {"alice": 0.25}

    asking.run(scenario)
    assert [line.getMessage() for line in caplog.records if line.levelname == "ERROR"] == ["server.run_not_settled"]


def test_leftovers_that_cannot_be_read_are_looked_for_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A database that is gone for a while ends no server."""

    async def scenario() -> None:
        place, day = tmp_path / "journal.db", Day()
        async with open_journal(place) as journal, open_key_database(place) as database:
            broken = BrokenSpending(database, day)
            gate = KeyGate(
                KeyRing(KeyStore(database), Clock()), Rates(Clock()), broken, journal, has_isolated_caches=False
            )
            async with asyncio.TaskGroup() as group:
                task = group.create_task(sweep(gate, broken, journal, day))
                while not caplog.records:
                    await asyncio.sleep(0.01)
                assert not task.done()
                task.cancel()

    asking.run(scenario)
    assert caplog.records[0].getMessage() == "server.leftovers_not_settled"


def test_a_run_whose_record_cannot_be_read_counts_with_what_was_held(tmp_path: Path) -> None:
    """Its money is not held for ever."""

    async def scenario(world: World) -> None:
        was_held = await a_dead_run(world, "run-1", calls_usd=0.25, state="finished")
        with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
            connection.execute("UPDATE moa_runs SET record = ?", (b"no record",))
        assert await settled(world) == 1
        assert await world.spent() == {"owner-of-run-1": was_held}

    play(tmp_path, scenario)
