"""What ``plan --file`` reads: one conversation, or a data set of questions and conversations, one a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from attention_moa.cli.conversations import parse_conversation
from attention_moa.errors import ConfigError
from attention_moa.messages import Conversation, user

_TEXT_FIELDS = ("question", "prompt", "instruction", "input", "text")


def read_questions(path: Path) -> list[Conversation]:
    """Return the conversations of a file, each with a question at its end.

    Args:
        path: One JSON document: a conversation as ``ask --file`` takes it. Else lines: in JSON each a text, a list of
            messages, or an object with ``messages`` or with a text under ``question``, ``prompt``, ``instruction``,
            ``input`` or ``text``; in any other file each line a question. ``-`` is standard input.

    Raises:
        ConfigError: It cannot be read, or holds no question; the text names the line.
    """
    name = "standard input" if str(path) == "-" else path.name
    text = _read(path)
    if not text.strip():
        raise ConfigError("holds no question", key=name)
    if text.lstrip()[0] not in '[{"':
        return [(user(line.strip()),) for line in text.splitlines() if line.strip()]
    if _is_one_document(text):
        return [_conversation(text.strip(), name)]
    return list(_lines(text, name))


def _lines(text: str, name: str) -> Iterator[Conversation]:
    for number, line in enumerate(text.split("\n"), 1):  # a text in JSON may hold other separators of lines
        if line.strip():
            yield _conversation(line, f"{name}, line {number}")


def _conversation(line: str, source: str) -> Conversation:
    try:
        value: object = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"not JSON: {error}", key=source) from error
    if isinstance(value, dict) and "messages" not in value:
        fields = cast("dict[str, object]", value)
        value = next((fields[field] for field in _TEXT_FIELDS if isinstance(fields.get(field), str)), None)
        if value is None:
            raise ConfigError(f"no question: write one under {', '.join(_TEXT_FIELDS)} or messages", key=source)
    return (user(value),) if isinstance(value, str) else parse_conversation(line, source)


def _is_one_document(text: str) -> bool:
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _read(path: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error.strerror}", key="--file") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"not UTF-8 (line {line}): write it in UTF-8", key=str(path)) from error
