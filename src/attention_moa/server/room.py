"""Whether even one call fits into the limits that a request sets for itself: seen before anything begins."""

from __future__ import annotations

import asyncio
from math import floor
from pathlib import Path

from attention_moa.budget import Budget
from attention_moa.call_plan import planned_calls
from attention_moa.errors import ContextTooLongError, OverLimitError
from attention_moa.money import as_written
from attention_moa.prices import known_price
from attention_moa.prompt_sizes import PromptSizes
from attention_moa.prompts import load_templates
from attention_moa.server.errors import ApiError, bad_request
from attention_moa.server.job import Job


async def require_room(job: Job) -> None:
    """Return where one of a run's first calls may be made; what serves it without a call is not known beforehand.

    Raises:
        ApiError: 400: none of them fits a limit of the request's own.
    """
    if not job.limited_by or job.has_reuse:
        return
    told = await asyncio.to_thread(_why_none_fits, job)
    if told is not None and (refused := too_little(job, [told])) is not None:
        raise refused


def too_little(job: Job, told: list[str]) -> ApiError | None:
    """Return the error of a request whose own limit is too small for any call; None where it is another's limit.

    Args:
        job: What is asked.
        told: Why the calls could not be made.
    """
    for name in sorted(job.limited_by):
        if any(f"limits.{name}" in message for message in told):
            field, limit = f"attention_moa.{name}", as_written(getattr(job.spec.limits, name))
            return bad_request(
                f"{field}: {limit} is too little for even one call: raise it, or leave it out", param=field
            )
    return None


def _why_none_fits(job: Job) -> str | None:
    """Return why no call can be made that reads no other; None where one can, or where that shows in the run alone."""
    spec = job.spec
    templates = load_templates(Path(spec.prompts.folder) if spec.prompts.folder else None, style=spec.prompts.style)
    sizes = PromptSizes(spec, job.conversation, templates, job.wanted)
    budget, why = Budget(spec.limits, known_price), None
    for call in planned_calls(spec):
        if call.reads:
            continue
        try:
            budget.reserve(call.agent, floor(sizes.size(call, {}).tokens))
        except OverLimitError as error:
            why = str(error)
        except ContextTooLongError:
            return None
        else:
            return None
    return why
