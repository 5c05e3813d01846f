"""All that the command line prints goes through here: cleaned, to the right stream, in an encoding that cannot fail."""

from __future__ import annotations

import re
import sys

import click

from attention_moa.cli.clean import clean, one_line

_ACTIVE = re.compile(r"[\x7f-\x9f]")


def say(text: str) -> None:
    """Print a result to standard output."""
    click.echo(_encodable(clean(text), sys.stdout.encoding))


def say_json(document: bytes) -> None:
    """Print a line of JSON to standard output, in UTF-8 whatever the locale, at once.

    The control characters that JSON lets through are escaped: the value is the same, and no terminal obeys it.
    """
    text = _ACTIVE.sub(lambda found: f"\\u{ord(found[0]):04x}", document.decode())
    click.echo(text.encode())


def say_file(text: str) -> None:
    """Print a file's text to standard output, in UTF-8 and as it is; on a terminal cleaned."""
    click.echo((clean(text) if sys.stdout.isatty() else text).encode(), nl=False)


def tell(text: str) -> None:
    """Print something about the run to standard error."""
    click.echo(_encodable(clean(text), sys.stderr.encoding), err=True)


def complain(problem: object) -> None:
    """Print a problem to standard error, in one line."""
    click.echo(_encodable(f"attention-moa: {one_line(str(problem))}", sys.stderr.encoding), err=True)


def _encodable(text: str, encoding: str | None) -> str:
    """Return the text with a question mark for what the stream's encoding does not have."""
    name = encoding or "utf-8"
    return text.encode(name, "replace").decode(name)
