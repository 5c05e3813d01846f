"""All that the command line prints goes through here: cleaned, to the right stream, in an encoding that cannot fail."""

from __future__ import annotations

import os
import re
import sys
from contextlib import AbstractContextManager, redirect_stdout
from io import TextIOWrapper
from typing import TextIO, cast

import click

from attention_moa.cli.clean import clean, one_line
from attention_moa.cli.layout import fold

_ACTIVE = re.compile(r"[\x7f-\x9f]")


def prepare_streams() -> None:
    """Make sure of the standard streams: there is one of each, and no character fails on its way out.

    Where the caller closed one, nothing is read or written; a file would take its number else.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="replace")


def results_apart() -> AbstractContextManager[object]:
    """Return a context in which whatever agents print goes to standard error: standard output is for results."""
    return redirect_stdout(sys.stderr)


def give_up_output() -> None:
    """Drop what could not be written to standard output: the interpreter would try again at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def room_of(stream: TextIO) -> int | None:
    """Return how many columns a stream's terminal has; None where it is no terminal, or one that does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # no terminal; no file
        return None


def say(text: str) -> None:
    """Print a result to standard output; on a terminal no word of it is cut."""
    click.echo(_printable(text, sys.stdout))


def say_answer(text: str) -> None:
    """Print an answer to standard output, its lines as they are."""
    click.echo(_encodable(clean(text), sys.stdout.encoding))


def say_json(document: bytes, stream: TextIO | None = None) -> None:
    """Print a line of JSON, in UTF-8 whatever the locale, at once.

    The control characters that JSON lets through are escaped: the value is the same, and no terminal obeys it.

    Args:
        document: The line, without its end.
        stream: Where to; None for standard output.
    """
    text = _ACTIVE.sub(lambda found: f"\\u{ord(found[0]):04x}", document.decode())
    click.echo(text.encode(), file=stream)


def say_file(text: str) -> None:
    """Print a file's text to standard output, in UTF-8 and as it is; on a terminal cleaned."""
    click.echo((clean(text) if sys.stdout.isatty() else text).encode(), nl=False)


def tell(text: str) -> None:
    """Print something about the run to standard error; on a terminal no word of it is cut."""
    click.echo(_printable(text, sys.stderr), err=True)


def complain(problem: object) -> None:
    """Print a problem to standard error, in one line; on a terminal no word of it is cut."""
    click.echo(_printable(f"attention-moa: {one_line(str(problem))}", sys.stderr), err=True)


def _printable(text: str, stream: TextIO) -> str:
    room = room_of(stream)
    lines = (fold(line, room) for line in clean(text).split("\n"))
    return _encodable("\n".join(lines), stream.encoding)


def _encodable(text: str, encoding: str | None) -> str:
    """Return the text with a question mark for what the stream's encoding does not have."""
    name = encoding or "utf-8"
    return text.encode(name, "replace").decode(name)
