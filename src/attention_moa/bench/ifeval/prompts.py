"""IFEval's prompts and a model's answers to them, out of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from attention_moa.bench.ifeval.arguments import arguments_of
from attention_moa.bench.ifeval.kinds import KINDS
from attention_moa.bench.ifeval.tools import Check, Tools
from attention_moa.bench.reading import Place, integer_field, read_lines, read_rows, text_field


class Instruction(NamedTuple):
    """One thing that a prompt asks for and that a program can check.

    Args:
        kind: Its name in the data.
        holds: Says of an answer whether it does as told.
    """

    kind: str
    holds: Check


class Prompt(NamedTuple):
    """One question.

    Args:
        key: Its number.
        text: What the model is asked.
        instructions: In the order of the data.
    """

    key: int
    text: str
    instructions: tuple[Instruction, ...]


class Answers(NamedTuple):
    """What a model answered.

    Args:
        texts: By the prompt's key.
        strangers: How many answers are to prompts that the data do not have.
    """

    texts: dict[int, str]
    strangers: int


def read_prompts(path: Path, tools: Tools) -> dict[int, Prompt]:
    """Return the prompts by key.

    Args:
        path: ``input_data.jsonl``.
        tools: What the checks look at answers with.

    Raises:
        ConfigError: A line is wrong, or a key comes twice.
    """
    prompts: dict[int, Prompt] = {}
    for line, row in read_lines(path):
        place = Place(path, line)
        key = integer_field(row, "key", place)
        if key in prompts:
            raise place.error(f"{key} comes twice", field="key")
        prompts[key] = Prompt(key, text_field(row, "prompt", place), _instructions(row, place, tools))
    if not prompts:
        raise Place(path).error("no prompts")
    return prompts


def read_answers(files: Sequence[Path], prompts: Mapping[int, Prompt]) -> Answers:
    """Return a model's answers.

    A row names its prompt by ``key``; without one, as in the benchmark's own files, by the ``prompt``'s words. Words
    that the data do not have are counted and left out: a prompt was reworded after answers to it were published.

    Args:
        files: Rows with ``response`` and ``key`` or ``prompt``.
        prompts: Those of the data.

    Raises:
        ConfigError: A line is wrong, a prompt has two answers, or none has any.
    """
    keys = {prompt.text: prompt.key for prompt in prompts.values()}
    texts: dict[int, str] = {}
    strangers = 0
    for path in files:
        for place, row in read_rows(path):
            response = text_field(row, "response", place)
            key = _key(row, place, prompts) if "key" in row else keys.get(text_field(row, "prompt", place))
            if key is None:
                strangers += 1
                continue
            if key in texts:
                raise place.error(f"a second answer to {key}", field="key" if "key" in row else "prompt")
            texts[key] = response
    if not texts:
        raise Place(files[0]).error("no answer to any of the prompts")
    return Answers(texts, strangers)


def _key(row: Mapping[str, Any], place: Place, prompts: Mapping[int, Prompt]) -> int:
    key = integer_field(row, "key", place)
    if key not in prompts:
        raise place.error(f"{key} is not in the prompts", field="key")
    return key


def _instructions(row: Mapping[str, Any], place: Place, tools: Tools) -> tuple[Instruction, ...]:
    kinds = _list(row, "instruction_id_list", place)
    arguments = _list(row, "kwargs", place)
    if len(kinds) != len(arguments):
        raise place.error(f"{len(arguments)} for {len(kinds)} instructions", field="kwargs")
    instructions: list[Instruction] = []
    for index, (kind, given) in enumerate(zip(kinds, arguments, strict=True)):
        maker = KINDS.get(kind) if isinstance(kind, str) else None
        if maker is None:
            raise place.error(f"no such kind of instruction: {kind!r}", field=f"instruction_id_list[{index}]")
        instructions.append(Instruction(str(kind), maker(arguments_of(given, index, place), tools)))
    return tuple(instructions)


def _list(row: Mapping[str, Any], field: str, place: Place) -> list[object]:
    value = row.get(field)
    if not isinstance(value, list) or not value:
        raise place.error("missing" if value is None else "not a list with something in it", field=field)
    return cast("list[object]", value)
