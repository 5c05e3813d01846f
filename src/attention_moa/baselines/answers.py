"""How the baselines get answers: from several agents at once, or each agent from the answers of others."""

from __future__ import annotations

from collections.abc import Sequence

from attention_moa.agents import AgentSpec
from attention_moa.attention import answer, give_answer
from attention_moa.layer_run import LayerRun
from attention_moa.prompts import render_summary
from attention_moa.records import Answer, Loss
from attention_moa.waiting import together
from attention_moa.wording import wording_of


async def answers_of(layer: LayerRun, agents: Sequence[AgentSpec]) -> tuple[Answer, ...]:
    """Return the answers that there are, in the agents' order; all agents are asked at once.

    From layer 2 on each sees the answers that the layer before hands on.

    Args:
        layer: The layer.
        agents: Who is asked.
    """
    async with together() as group:
        tasks = [group.create_task(_propose(layer, agent)) for agent in agents]
    return tuple(found for task in tasks if isinstance(found := task.result(), Answer))


async def _propose(layer: LayerRun, agent: AgentSpec) -> Answer | Loss:
    given = layer.past.answers
    if not given:
        return await answer(layer, agent)
    texts = {part.agent: wording_of(part).quoted for part in given}
    # As in the MoA paper, who proposes again gets the very task of who aggregates.
    render = render_summary(layer.desk, agent, layer.number, texts, writes=False)
    return await give_answer(layer, agent, render, reads=[*(part.call_id for part in given), *layer.past.writers])
