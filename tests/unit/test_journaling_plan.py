"""The plan that a new run keeps in its journal."""

from __future__ import annotations

import asyncio

import pytest

from attention_moa.errors import QuorumError, ServerError
from attention_moa.journaling import keep_plan
from attention_moa.messages import user
from attention_moa.plan import DECISION
from attention_moa.plan_account import stored_plan
from attention_moa.prices import known_price
from attention_moa.prompts import load_templates
from attention_moa.providers.scripted import ScriptedProvider
from attention_moa.runtime import Ensemble
from attention_moa.store.memory import MemoryJournal
from tests.journals import a_call, a_head
from tests.worlds import a_spec


@pytest.mark.parametrize("words", [1, 30_000])
def test_a_plan_is_made_of_what_the_journal_knows(words: int) -> None:
    """A long question too, which is counted beside the event loop."""

    async def scenario() -> None:
        journal = MemoryJournal()
        await (await journal.begin(a_head())).put("key", a_call())
        place = await journal.begin(a_head("run-2", conversation=(user("why " * words),)))
        await keep_plan(journal, place, load_templates(), known_price)
        kept = stored_plan((await journal.decisions("run-2"))[DECISION])
        assert kept is not None
        assert kept.total.prompt_tokens > words
        assert {basis.model: basis.seen_calls for basis in kept.models} == {"test:a": 1, "test:b": 0}

    asyncio.run(scenario())


def test_a_run_that_is_taken_up_keeps_its_first_plan() -> None:
    """What was learned since then makes no other one."""

    async def scenario() -> None:
        journal = MemoryJournal()
        down = ScriptedProvider(lambda _: ServerError("down", retryable=False))
        spec = a_spec(1, layers=1)
        async with Ensemble(spec, providers={"test": down}, journal=journal) as ensemble:
            with pytest.raises(QuorumError, match="down"):
                await ensemble.run("Why?")
        (row,) = await journal.rows()
        first = (await journal.decisions(row.run_id))[DECISION]
        await (await journal.begin(a_head("other"))).put("key", a_call())
        async with Ensemble(spec, providers={"test": ScriptedProvider("fine")}, journal=journal) as ensemble:
            record = await ensemble.run("Why?")
        assert record.run_id == row.run_id
        assert (await journal.decisions(row.run_id))[DECISION] == first

    asyncio.run(scenario())
