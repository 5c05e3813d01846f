"""Where the question comes from: an argument, a conversation file, the environment, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from attention_moa.cli.conversations import parse_conversation
from attention_moa.errors import ConfigError
from attention_moa.messages import Conversation, user
from attention_moa.settings import QUESTION_VARIABLE, question_from_environment


def read_question(argument: str | None, conversation_file: Path | None, *, system: str | None = None) -> Conversation:
    """Return the turns to ask.

    The first of these that is there counts: the argument (``-`` is standard input), the file alone, the environment,
    standard input where it is no terminal. An argument beside a file is asked after the file's turns.

    Args:
        argument: The QUESTION of the command line, or None.
        conversation_file: The file of ``--file``, or None.
        system: The system prompt of ``--system``, or None.

    Raises:
        ConfigError: The file or the text is wrong, or the file has a system message beside ``--system``.
        click.UsageError: There is no question, or two things are to be read from standard input.
    """
    if argument == "-" and conversation_file is not None and str(conversation_file) == "-":
        raise click.UsageError("QUESTION and --file are both -: standard input can be only one of them")
    past = parse_conversation(_read_file(conversation_file), conversation_file.name) if conversation_file else ()
    if conversation_file:
        require_one_system(past, system, conversation_file.name)
    if argument is None and past:
        return past
    question = _question_of(argument)
    if not question.strip():
        raise click.UsageError("the question is empty: write one in quotes, or - to read it from standard input")
    return (*past, user(question))


def require_one_system(turns: Conversation, system: str | None, source: str) -> None:
    """Raise a ``ConfigError`` where turns bring a system message of their own beside that of ``--system``.

    Args:
        turns: Out of a file.
        system: Of the command line; None or empty for none.
        source: What the file is called.
    """
    if system and any(turn.role == "system" for turn in turns):
        raise ConfigError("has a system message already: leave out --system, or take that message out", key=source)


def _question_of(argument: str | None) -> str:
    if argument is not None and argument != "-":
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise ConfigError("not UTF-8: write it in UTF-8", key="QUESTION") from error
        return argument
    if argument is None and (question := question_from_environment()) is not None:
        return question
    if argument is None and sys.stdin.isatty():
        raise click.UsageError(
            f"no question: write one in quotes, pipe it in, or set {QUESTION_VARIABLE}; for a conversation: chat"
        )
    return _decoded(sys.stdin.buffer.read(), "standard input").strip()


def _read_file(path: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error.strerror}", key="--file") from error
    return _decoded(content, str(path))


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"not UTF-8 (line {line}): write it in UTF-8", key=source) from error
