"""``attention-moa chat``: a conversation, turn by turn."""

from __future__ import annotations

from pathlib import Path

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.options import ensemble_option, layers_option, model_file_option, system_option, with_layers


@click.command(epilog=EXIT_CODES)
@ensemble_option
@layers_option
@system_option
@model_file_option
def chat(*, ensemble: str, layers: int | None, system: str | None, model_file: Path | None) -> int:
    """Talk with an ensemble, turn by turn; the turns so far go along with each question.

    /help lists what can be done meanwhile. Ctrl-C ends the answer under way and keeps the conversation; Ctrl-D leaves.
    Without a terminal every line of standard input is a question.
    """
    from attention_moa.cli.talk import Talk
    from attention_moa.settings import load_spec

    with_layers(load_spec(ensemble), layers)  # a fault of the file is told before anything heavy is loaded
    from attention_moa.runtime import Ensemble

    return Talk(Ensemble.load(ensemble, layers=layers, model_file=model_file), system).run()
