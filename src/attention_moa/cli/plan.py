"""``attention-moa plan``: what a question or a data set will take, before anything is spent."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.choice import Choice
from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.options import ensemble_option, layers_option, system_option
from attention_moa.cli.printing import json_option

if TYPE_CHECKING:
    from attention_moa.config import EnsembleSpec
    from attention_moa.experience import ModelExperience
    from attention_moa.messages import Conversation
    from attention_moa.plan import Plan


@click.command(epilog=EXIT_CODES)
@click.argument("question", required=False)
@ensemble_option
@layers_option
@system_option
@click.option(
    "-f",
    "--file",
    "data_file",
    metavar="DATA",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Plan for these questions: a conversation, or a data set of one question or conversation a line; - reads "
    "standard input.",
)
@click.option(
    "--journal",
    metavar="PATH|URL",
    help="Learn from this journal what the models write, cost and take; by default from the user's own.",
)
@click.option("--no-journal", "is_unjournaled", is_flag=True, help="Look at no journal.")
@json_option("Print the plan as one JSON document.")
def plan(
    *,
    question: str | None,
    ensemble: str,
    layers: int | None,
    system: str | None,
    data_file: Path | None,
    journal: str | None,
    is_unjournaled: bool,
    is_json: bool,
) -> int:
    """Show what QUESTION, or every question of a data set, will take: calls, tokens, money, seconds.

    Nothing is asked: it needs no key and no network. What models write and how fast they are is known from the journal
    of earlier runs, prices from the ensemble's file or the price list; what is not known is shown as unknown, and as an
    upper bound where there is one.
    """
    from attention_moa.cli.output import room_of, say
    from attention_moa.experience import NOTHING

    if journal is not None and is_unjournaled:
        raise click.UsageError("--journal and --no-journal exclude each other")
    if question is not None and data_file is not None:
        raise click.UsageError("QUESTION and --file exclude each other")
    spec = Choice(ensemble, layers).spec()
    conversations = _conversations(question, data_file, system)
    name, experience = (None, NOTHING) if is_unjournaled else _learnt(spec, journal)

    from attention_moa.cli.plan_views import plan_lines
    from attention_moa.plan import plan as plan_of
    from attention_moa.prices import known_price
    from attention_moa.prompts import load_templates

    templates = load_templates(Path(spec.prompts.folder) if spec.prompts.folder else None, style=spec.prompts.style)
    plans = [
        plan_of(spec, conversation, templates, experience=experience, price_of=known_price)
        for conversation in conversations
    ]
    if is_json:
        _say_json(plans)
        return 0
    for line in plan_lines(plans, journal=name, limits=spec.limits, room=room_of(sys.stdout)):
        say(line)
    return 0


def _conversations(question: str | None, data_file: Path | None, system: str | None) -> list[Conversation]:
    from attention_moa.cli.plan_questions import read_questions
    from attention_moa.cli.question import read_question
    from attention_moa.questions import conversation_of

    if data_file is None:
        return [conversation_of(read_question(question, None), system)]
    return [asked.complete(system) for asked in read_questions(data_file)]


def _learnt(spec: EnsembleSpec, journal: str | None) -> tuple[str | None, Mapping[str, ModelExperience]]:
    """Return a journal's name and what it knows; a journal that is not there yet knows nothing, and is not made.

    Raises:
        ConfigError: The journal that was named is not there.
    """
    from attention_moa.cli.opened import has_journal
    from attention_moa.errors import ConfigError
    from attention_moa.experience import NOTHING
    from attention_moa.settings import default_journal
    from attention_moa.store.address import parse_address

    address = parse_address(default_journal() if journal is None else journal)
    if not has_journal(address):
        if journal is not None:
            raise ConfigError(f"{address.name} is not there", key="--journal")
        return None, NOTHING

    import asyncio

    from attention_moa.plan import models_of
    from attention_moa.store import open_journal

    async def learnt() -> Mapping[str, ModelExperience]:
        opened = open_journal(default_journal() if journal is None else journal, is_only_read=True)
        try:
            return await opened.experience(models_of(spec))
        finally:
            await opened.aclose()

    return address.name, asyncio.run(learnt())


def _say_json(plans: list[Plan]) -> None:
    import msgspec

    from attention_moa.cli.output import say_json
    from attention_moa.plan import add_plans

    document = {
        "questions": len(plans),
        "total": add_plans(one.total for one in plans),
        "least": add_plans(one.least for one in plans),
        "plans": plans,
    }
    say_json(msgspec.json.encode(document))
