"""What a run of a key with a budget is expected to cost at most, before it begins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.messages import Conversation
from attention_moa.plan import models_of, plan
from attention_moa.ports import Journal
from attention_moa.prices import known_price
from attention_moa.prompts import load_templates
from attention_moa.server.errors import ApiError


class Expected(NamedTuple):
    """US dollars.

    Args:
        usd: Of the whole run: what the plan says, or its limit where that is less.
        call_usd: Of one of its calls.
    """

    usd: float
    call_usd: float


async def expected_cost(
    spec: EnsembleSpec, conversation: Conversation, journal: Journal, *, wanted: AnswerSpec = PLAIN
) -> Expected:
    """Return what a run costs at most where nothing fails.

    Args:
        spec: What runs.
        conversation: What it is asked.
        journal: What its plan learns from.
        wanted: What the answer is to be; each further one is written again.

    Raises:
        ApiError: 403: the price of a model is not known, so that no budget can hold for it.
    """
    experience = await journal.experience(models_of(spec))

    def planned() -> Expected | str:
        templates = load_templates(Path(spec.prompts.folder) if spec.prompts.folder else None, style=spec.prompts.style)
        found = plan(spec, conversation, templates, experience=experience, price_of=known_price, wanted=wanted)
        if found.total.usd is None:
            return ", ".join(found.unpriced)
        usd = found.total.usd
        return Expected(usd if spec.limits.usd is None else min(usd, spec.limits.usd), usd / max(found.total.calls, 1))

    expected = await asyncio.to_thread(planned)
    if isinstance(expected, str):
        message = f"the price of {expected} is not known, and this key has a budget: the server's owner has to name it"
        raise ApiError(403, message, type="permission_error", code="price_unknown", param="model")
    return expected
