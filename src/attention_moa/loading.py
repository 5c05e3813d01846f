"""What a run needs before it begins: tried templates, a model file, images that are loaded, a log."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from attention_moa.answer_spec import AnswerSpec, require_possible
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.journaling import RunWish
from attention_moa.json_check import require_schema
from attention_moa.messages import Conversation, ImagePart
from attention_moa.ports import Observer
from attention_moa.prompts import Templates, load_templates, rehearse
from attention_moa.run_log import Deltas, RunLog


def with_model_file(spec: EnsembleSpec, path: Path) -> EnsembleSpec:
    """Return the ensemble with a GGUF file in the place of every embedded model.

    Args:
        spec: The ensemble.
        path: The file.

    Raises:
        ConfigError: The ensemble has no embedded model.
    """
    model = f"embedded:{path.absolute()}"

    def local(name: str) -> str:
        return model if name.startswith("embedded:") else name

    def chain(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(local, names))

    changed = replace(
        spec,
        agents=tuple(replace(agent, model=local(agent.model)) for agent in spec.agents),
        summary=replace(spec.summary, model=local(spec.summary.model), fallback=chain(spec.summary.fallback)),
        residual=replace(spec.residual, model=local(spec.residual.model), fallback=chain(spec.residual.fallback)),
    )
    if changed == spec:
        raise ConfigError(f"ensemble {spec.name!r} has no embedded model to replace", key="model_file")
    return changed


def tried_templates(spec: EnsembleSpec) -> Templates:
    """Return an ensemble's templates, each of them rendered once.

    Raises:
        ConfigError: One of them cannot be read or rendered.
    """
    templates = load_templates(Path(spec.prompts.folder) if spec.prompts.folder else None, style=spec.prompts.style)
    rehearse(spec, templates)
    return templates


async def inlined(conversation: Conversation) -> Conversation:
    """Return the conversation with the bytes of images that are only addresses so far."""
    parts = (part for message in conversation for part in message.content)
    if not any(isinstance(part, ImagePart) and not part.data for part in parts):
        return conversation
    from attention_moa.providers.images import load_images  # only runs with such images load it

    return await load_images(conversation)


def new_log(
    spec: EnsembleSpec,
    conversation: Conversation,
    observers: Sequence[Observer],
    *,
    wish: RunWish,
    wanted: AnswerSpec,
    has_deltas: Deltas,
) -> RunLog:
    """Return the log of a run that begins now.

    Args:
        spec: What runs.
        conversation: ``x``.
        observers: Who is told.
        wish: Whose run it is, and how it is labelled.
        wanted: What the answer is to be.
        has_deltas: Which pieces observers want.

    Raises:
        ConfigError: The answer cannot be what is wanted, or its form cannot be checked.
    """
    require_possible(wanted)
    if wanted.reply_format is not None:
        require_schema(wanted.reply_format)
    now = datetime.now(UTC)
    return RunLog(
        f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        now.isoformat(timespec="milliseconds"),
        spec,
        conversation,
        now=time.monotonic,
        observers=observers,
        has_deltas=has_deltas,
        wanted=wanted,
        owner=wish.owner,
        labels=wish.labels,
    )
