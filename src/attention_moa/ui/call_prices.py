"""What the calls of a run cost: the price of each one's model, looked up once. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from attention_moa.agents import ModelSettings
from attention_moa.call_costs import PriceOf
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.messages import Stage
from attention_moa.money import Price
from attention_moa.ui.call_story import CallStory


def _of_its_file(model: ModelSettings) -> Price | None:
    return model.price


class CallPrices:
    """The prices of a run's calls.

    Args:
        spec: What runs.
        planned: The model of each planned call, by the call's name.
        price_of: What a model's tokens cost; None asks the ensemble's own file alone.
    """

    def __init__(self, spec: EnsembleSpec, planned: Mapping[str, ModelSettings], price_of: PriceOf | None) -> None:
        """Look up nothing yet."""
        self._models: dict[str, ModelSettings] = {agent.name: agent for agent in all_agents(spec)}
        self._planned = planned
        self._price_of = price_of or _of_its_file
        self._known: dict[tuple[str, Stage], Price | None] = {}

    def of(self, call: CallStory) -> Price | None:
        """Return what a call's model costs; None where that is not known, or where nobody knows the model."""
        key = call.agent, call.stage
        if key not in self._known:
            model = self._planned.get(call.call_id) or self._models.get(call.agent)
            self._known[key] = None if model is None else self._price_of(model)
        return self._known[key]
