"""Worlds of baselines: specs by strategy, and replies that choose and decide as their prompts ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attention_moa.config import EnsembleSpec
from attention_moa.messages import CallRequest
from tests.worlds import a_spec

STRATEGIES = ("single", "best-of-n", "majority", "moa", "self-moa", "self-moa-seq", "smoa", "rmoa")
ONE_AGENT = ("single", "self-moa", "self-moa-seq")
SAMPLED = ("best-of-n", "majority", "self-moa", "self-moa-seq")
LAYERED = ("moa", "smoa", "rmoa")


def a_baseline(strategy: str, agents: int = 3, layers: int = 3, **fields: Any) -> EnsembleSpec:
    """Return an ensemble of a strategy; those that ask one agent sample it as often as there would be agents."""
    if strategy in LAYERED:
        return a_spec(agents, strategy=strategy, layers=layers, **fields)
    if strategy in ONE_AGENT[1:]:
        fields = {"samples": agents} | fields
    return a_spec(1 if strategy in ONE_AGENT else agents, strategy=strategy, layers=3, **fields)


def choice(*numbers: int, is_stop: bool = False) -> Callable[[CallRequest], str]:
    """Return what says these numbers, in the very line that the prompt asks for."""

    def say(request: CallRequest) -> str:
        word = "STOP" if is_stop else "CONTINUE"
        text = request.messages[-1].text
        lines: list[str] = re.findall(r"^CHOICE [0-9a-f]{12}(?: #)+(?: STOP| CONTINUE)?$", text, re.MULTILINE)
        nonce = lines[-1].split()[1]  # what is quoted comes before
        line = next((line for line in lines if nonce in line and line.endswith(word)), lines[-1])
        for number in numbers:
            line = line.replace("#", str(number), 1)
        return line

    return say


def reply_numbers(request: CallRequest) -> dict[str, int]:
    """Return which number each quoted reply has in a prompt, by the first line of its text."""
    found = re.findall(r"^Reply (\d+)[^\n]*:\n<[^\n]+>\n([^\n]*)", request.messages[-1].text, re.MULTILINE)
    return {text: int(number) for number, text in found}


def chooses(*texts: str, is_stop: bool = False) -> Callable[[CallRequest], str]:
    """Return what chooses the replies that begin with these lines."""

    def say(request: CallRequest) -> str:
        numbers = reply_numbers(request)
        return choice(*(numbers[text] for text in texts), is_stop=is_stop)(request)

    return say
