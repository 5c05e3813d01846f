"""What every agent is shown: templates, layouts, fences, and fitting to what a model can take."""

from __future__ import annotations

from attention_moa.prompts.contest import Ballot, render_compensate, render_extract, render_select
from attention_moa.prompts.fit import (
    Fitted,
    Prompt,
    Render,
    beside_tokens,
    clip,
    estimate_tokens,
    fit,
    room_tokens,
)
from attention_moa.prompts.rehearsal import rehearse
from attention_moa.prompts.seals import Seal
from attention_moa.prompts.seats import Desk
from attention_moa.prompts.stages import (
    Output,
    Section,
    render_answer,
    render_critique,
    render_panel,
    render_refine,
    render_repair,
    render_residual,
    render_summary,
    split_panel,
)
from attention_moa.prompts.templates import Templates, load_templates

__all__ = [
    "Ballot",
    "Desk",
    "Fitted",
    "Output",
    "Prompt",
    "Render",
    "Seal",
    "Section",
    "Templates",
    "beside_tokens",
    "clip",
    "estimate_tokens",
    "fit",
    "load_templates",
    "rehearse",
    "render_answer",
    "render_compensate",
    "render_critique",
    "render_extract",
    "render_panel",
    "render_refine",
    "render_repair",
    "render_residual",
    "render_select",
    "render_summary",
    "room_tokens",
    "split_panel",
]
