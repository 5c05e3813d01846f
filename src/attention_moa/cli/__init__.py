"""The command line: parse, call the library, print.

Commands are imported when they are called, and what they need when they need it: ``--help`` loads click and little
else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from attention_moa.cli.exits import EXIT_CODES, FAILED, INTERRUPTED, UNREAD, USAGE, status_of
from attention_moa.cli.lazy import LazyGroup
from attention_moa.cli.output import complain, give_up_output, prepare_streams
from attention_moa.errors import MoaError, describe

_COMMANDS = {
    "ask": ("attention_moa.cli.ask:ask", "Ask a question and get one answer."),
    "chat": ("attention_moa.cli.chat:chat", "Talk with an ensemble, turn by turn."),
    "plan": ("attention_moa.cli.plan:plan", "Show what a question will take, before anything is spent."),
    "runs": ("attention_moa.cli.runs:runs", "List, show, resume, export, compare and delete runs."),
    "ensemble": ("attention_moa.cli.ensembles:ensemble", "List, show, check and write ensembles."),
    "keys": ("attention_moa.cli.keys:keys", "Make, list and revoke the keys of a server."),
    "serve": ("attention_moa.cli.serve:serve", "Serve ensembles behind the OpenAI API."),
    "bench": ("attention_moa.cli.bench:bench", "Run and score benchmarks."),
    "prove": ("attention_moa.cli.prove:prove", "Say whether an ensemble is worth its money on your prompts."),
    "sweep": ("attention_moa.cli.sweep:sweep", "Run a benchmark over many variants of an ensemble."),
    "simulate": ("attention_moa.cli.simulate:simulate", "Serve a fleet of simulated models, to try and to test."),
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="attention-moa", prog_name="attention-moa", message="%(prog)s %(version)s")
def root() -> None:
    """Ask several language models that answer, criticise and refine together (Attention-MoA)."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code.

    Args:
        arguments: What follows the program's name; None takes the process's own.
    """
    prepare_streams()
    written = sys.stdout
    try:
        status = _run(None if arguments is None else list(arguments))
    except SystemExit:
        if sys.stdout is written:
            raise
        status = UNREAD  # click ends so, having put both streams away, where nobody reads what is written any more
    sys.exit(status)


def _run(arguments: list[str] | None) -> int:
    try:
        status = root.main(arguments, prog_name="attention-moa", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "attention-moa"
        complain(f"{error.format_message()} ({command} --help)")
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except MoaError as error:
        complain(error)
        return status_of(error)
    except OSError as error:  # a disk that is full, a device that is gone: all else has errors of ours
        complain(describe(error))
        give_up_output()
        return FAILED
    return status if isinstance(status, int) else 0
