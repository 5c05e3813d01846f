"""``attention-moa chat``: a conversation, turn by turn."""

from __future__ import annotations

from pathlib import Path

import click

from attention_moa.cli.choice import Choice
from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.keeping import Keeping, keeping_options
from attention_moa.cli.options import ensemble_option, layers_option, model_file_option, system_option


@click.command(epilog=EXIT_CODES)
@ensemble_option
@layers_option
@system_option
@model_file_option
@keeping_options
def chat(*, ensemble: str, layers: int | None, system: str | None, model_file: Path | None, keeping: Keeping) -> int:
    """Talk with an ensemble, turn by turn; the turns so far go along with each question.

    /help lists what can be done meanwhile. Ctrl-C ends the answer under way and keeps the conversation; Ctrl-D leaves.
    Without a terminal every line of standard input is a question.
    """
    choice = Choice(ensemble, layers, model_file)
    choice.spec(keeping.limits)  # a fault of the file is told before anything heavy is loaded
    from attention_moa.cli.talk import Talk

    return Talk(choice.load(keeping), system, wish=keeping.wish).run()
