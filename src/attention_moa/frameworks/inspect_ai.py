"""An ensemble as a model of Inspect AI, in process: ``inspect eval task.py --model attention-moa/paper-small``.

One request of a solver is one run of the ensemble. What follows the slash is a shipped name or the path of a file. The
extra ``inspect`` brings Inspect AI, which finds the provider by the package's entry point.
"""

# pyright: basic, reportMissingImports=false
# Inspect AI comes with an extra of its own: where the package is checked it is not there, and all of it is unknown.

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput

from attention_moa.errors import ConfigError
from attention_moa.frameworks.inspect_messages import output_of, read_request
from attention_moa.frameworks.shared import SharedEnsemble
from attention_moa.sampled import sampled

if TYPE_CHECKING:
    from inspect_ai.tool import ToolChoice, ToolInfo


_NAME = "attention-moa"


class EnsembleAPI(ModelAPI):
    """The model provider ``attention-moa``.

    The ensemble is open for as long as any request is under way; requests at the same time share its connections, its
    local models and what it knows of rates. It tries calls again itself: a run that failed is not tried again.

    Args:
        model_name: A shipped name, or the path of a file.
        base_url: None: the ensemble's agents have addresses of their own.
        api_key: None: their keys are in the environment.
        config: Settings of all requests.
        layers: Another number of layers than the file says (``-M layers=2``).
        journal: Where every finished call is kept: a path or a URL; None keeps nothing (``-M journal=runs.db``).

    Raises:
        ConfigError: There is no such ensemble, or an address or a key was given.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - never changed: the library's own default
        *,
        layers: int | None = None,
        journal: str | None = None,
    ) -> None:
        """Load the ensemble; nothing is connected yet."""
        super().__init__(model_name, base_url, api_key, [], config)
        if base_url is not None or api_key is not None:
            message = "an ensemble's agents have addresses and keys of their own: say them in the ensemble's file"
            raise ConfigError(message, key="base_url" if base_url is not None else "api_key")
        self._name = model_name
        self._ensemble = SharedEnsemble(model_name, layers=layers, journal=journal)

    def connection_key(self) -> str:
        """Return what shares one limit of connections: the ensemble."""
        return f"{_NAME}/{self._name}"

    async def generate(
        self,
        input: list[ChatMessage],  # noqa: A002 - the library's own name
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Return the answer of one run.

        Raises:
            ConfigError: The request asks for what an ensemble cannot do.
            RunError: There is no answer; ``partial`` has what was finished.
        """
        asked = read_request(input, tools, tool_choice, config)
        spec = sampled(self._ensemble.spec, asked.sampling)
        async with self._ensemble.used() as ensemble:
            record = await ensemble.run(asked.conversation, wanted=asked.wanted, spec=spec)
        return output_of(record, self._name)
