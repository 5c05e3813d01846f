"""What ``plan --file`` reads: one conversation, or a data set of questions and conversations, one a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

from attention_moa.cli.conversations import parse_conversation
from attention_moa.cli.failures import without_key
from attention_moa.cli.question import require_one_system
from attention_moa.errors import ConfigError
from attention_moa.messages import Conversation, user
from attention_moa.questions import conversation_of

_TEXT_FIELDS = ("question", "prompt", "instruction", "input", "text")


class Asked(NamedTuple):
    """A conversation out of a file.

    Args:
        place: The file, and the line where it has several.
        conversation: Its turns.
    """

    place: str
    conversation: Conversation

    def complete(self, system: str | None) -> Conversation:
        """Return the turns that agents get.

        Args:
            system: A system prompt to put first; None for none.

        Raises:
            ConfigError: There is no question at their end, or they have a system prompt of their own; the text names
                the place.
        """
        require_one_system(self.conversation, system, self.place)
        try:
            return conversation_of(self.conversation, system)
        except ConfigError as error:
            raise ConfigError(without_key(error), key=self.place) from error


def read_questions(path: Path) -> list[Asked]:
    """Return the conversations of a file.

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
        return [Asked(place, (user(line),)) for place, line in _lines(text, name)]
    if _is_one_document(text):
        return [Asked(name, _conversation(text.strip(), name))]
    return [Asked(place, _conversation(line, place)) for place, line in _lines(text, name)]


def _lines(text: str, name: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), 1):  # a text in JSON may hold other separators of lines
        if line.strip():
            yield f"{name}, line {number}", line.strip()


def _conversation(line: str, source: str) -> Conversation:
    try:
        value: object = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error.msg} (column {error.colno})", key=source) from error
    except RecursionError as error:
        raise ConfigError("not a conversation: nested too deep", key=source) from error
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
