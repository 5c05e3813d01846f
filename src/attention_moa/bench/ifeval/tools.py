"""What some of IFEval's instructions need to look at an answer, and the shape of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from attention_moa.bench.ifeval.arguments import Arguments

Check: TypeAlias = Callable[[str], bool]
"""Says of an answer whether it follows one instruction."""


class Tools(NamedTuple):
    """What is not in an answer itself.

    Args:
        sentences: Parts a text into its sentences.
        language: Says which language a text is in; None where nothing tells.
    """

    sentences: Callable[[str], list[str]]
    language: Callable[[str], str | None]


Kind: TypeAlias = "Callable[[Arguments, Tools], Check]"
"""Makes the check of one instruction; raises ConfigError where its arguments are wrong."""
