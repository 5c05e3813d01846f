"""What the stages of a layer share: chains of writers."""

from __future__ import annotations

import pytest

from attention_moa.layer_run import LayerRun, Past
from attention_moa.messages import Stage
from attention_moa.prompts import render_answer
from attention_moa.run_log import RunLog
from tests import virtual_time
from tests.worlds import World


def test_a_chain_of_no_writers_is_a_mistake_of_ours() -> None:
    """It has no loss to return."""
    world = World()

    async def scenario() -> None:
        log = RunLog("run", "", world.spec, world.desk.conversation, now=lambda: 0.0)
        layer = LayerRun(world.desk, world.caller(log), log, number=1, past=Past(), pairs=())
        await layer.ask_chain((), Stage.SUMMARY, lambda agent: render_answer(world.desk, agent, 1, None), reads=())

    with pytest.raises(ValueError, match="at least one writer"):
        virtual_time.run(scenario())
