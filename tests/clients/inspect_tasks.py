"""The tasks that Inspect AI evaluates, on the server and in process: sums, and one that needs a tool."""

from __future__ import annotations

import tempfile
from typing import Any

from checks import require
from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool


@tool
def weather() -> Any:
    """The weather."""

    async def execute(city: str) -> str:
        """Tell the weather in a city.

        Args:
            city: Which one.
        """
        return f"31 degrees in {city}"

    return execute


def sums() -> Task:
    """Return four sums."""
    samples = [Sample(input=f"What is {first} + 1?", target=f"= {first + 1}") for first in range(4)]
    return Task(dataset=samples, solver=generate(), scorer=includes())


def weathers() -> Task:
    """Return a question that is answered with a tool's help."""
    samples = [Sample(input="What is the weather in Turin?", target="31 degrees in Turin")]
    return Task(dataset=samples, solver=[use_tools(weather()), generate()], scorer=includes())


def accuracy(task: Task, model: str, **options: object) -> float:
    """Return the share of the samples that were answered right."""
    with tempfile.TemporaryDirectory() as folder:
        (log,) = evaluate(task, model=model, display="none", log_dir=folder, **options)
    require(log.status == "success", log.error)
    return float(log.results.scores[0].metrics["accuracy"].value)
