"""AlpacaEval judged: each answer against the baseline's, out of the judge's log-probabilities or its letter."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from attention_moa.bench.alpaca_eval_judge import FIRST, SECOND, is_model_first, preference_of
from attention_moa.bench.judgements import Judged, Judgement, judged_of, last_call, write_array, write_details
from attention_moa.bench.judging import Case, Judge, judge_all
from attention_moa.bench.prompt_files import fill
from attention_moa.bench.reading import (
    Place,
    as_object,
    benchmark_folder,
    find_file,
    number_field,
    read_rows,
    read_text,
    text_field,
)
from attention_moa.messages import Conversation, Message, TextPart, TokenChances, user
from attention_moa.messages import system as system_turn
from attention_moa.records import RunRecord

_TASK = "alpaca-eval"
_FOLDER = "alpaca_eval"
_DRAW = 1.5
_TURN = re.compile(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>", re.DOTALL)
_SETTING = re.compile(r"^[ \t]*([a-z_]+):[ \t]*(.*?)[ \t]*(?:#.*)?$", re.MULTILINE)
_LETTER = re.compile(r"[\s\"'`*.]*([mM])[\s\"'`*.]*")
_BY_LETTER = (
    "the judge told no log-probabilities in {} of {} judgements: these are 1 or 2 by the letter that it wrote, and the "
    "standard error and the length-controlled win rate rest on them"
)


class Preference(NamedTuple):
    """What the judge says of one answer.

    Args:
        value: 1 (the baseline wins) to 2 (the model wins).
        is_weighed: Whether it comes out of log-probabilities; else it is 1 or 2.
    """

    value: float
    is_weighed: bool


class _Pair(NamedTuple):
    """A question with both answers.

    Args:
        place: Its position in the baseline's list.
        baseline: The baseline's row.
        answer: The model's.
        is_equal: Whether both answers are the same: then nobody is asked.
        is_model_first: Whether the judge reads the model's answer first.
    """

    place: int
    baseline: Mapping[str, Any]
    answer: Mapping[str, Any]
    is_equal: bool
    is_model_first: bool

    @property
    def key(self) -> str:
        """What it is called among the judgements."""
        return str(self.place)


def read_settings(data: Path) -> dict[str, Any]:
    """Return the judge's sampling as ``judge_config.yaml`` has it: ``temperature``, ``max_tokens``, ``top_logprobs``.

    Args:
        data: The folder that holds ``alpaca_eval``.

    Raises:
        ConfigError: The file is not there, lacks a field, or wants another parser than the one that is here.
    """
    path = find_file(benchmark_folder(data, _FOLDER), "judge_config.yaml")
    fields = dict(_SETTING.findall(read_text(path)))
    place = Place(path)
    for field, known in (("numerator_token", f'"{FIRST}"'), ("denominator_tokens", f'["{FIRST}", "{SECOND}"]')):
        if fields.get(field) != known:
            raise place.error(f"only {known} is known, not {fields.get(field)}", field=field)
    return {
        "temperature": number_field(fields, "temperature", place),
        "max_tokens": int(number_field(fields, "max_tokens", place)),
        "top_logprobs": int(number_field(fields, "top_logprobs", place)),
    }


def read_prompt(data: Path) -> tuple[Message, ...]:
    """Return the judge's prompt as turns with placeholders.

    It is cut into turns before anything is put in, so no answer can begin a turn of its own.

    Args:
        data: The folder that holds ``alpaca_eval``.

    Raises:
        ConfigError: The file is not there, or has no turns.
    """
    path = find_file(benchmark_folder(data, _FOLDER), "judge_prompt.txt")
    turns = _TURN.findall(read_text(path))
    roles = {"system": system_turn, "user": user}
    if not turns or any(role not in roles for role, _ in turns):
        raise Place(path).error("no turns of system and user between <|im_start|> and <|im_end|>")
    return tuple(roles[role](text.strip()) for role, text in turns)


def render(turns: Sequence[Message], instruction: str, first: str, second: str) -> Conversation:
    """Return what the judge reads.

    Args:
        turns: Of ``read_prompt``.
        instruction: The question.
        first: The answer that it reads first and calls ``m``.
        second: The one that it calls ``M``.
    """
    values = {"instruction": instruction, "output_1": first, "output_2": second}
    filled = (fill(turn.text, values, key="judge_prompt.txt") for turn in turns)
    return tuple(Message(turn.role, (TextPart(text),)) for turn, text in zip(turns, filled, strict=True))


def parse(record: RunRecord, *, is_model_first: bool) -> Preference | None:
    """Return what a judge's run says.

    Out of the log-probabilities of its first token where they are there: of a model that thinks first, they would be
    those of a thought. Else out of the letter, where that is all that it wrote.

    Args:
        record: Of the run.
        is_model_first: Whether the model's answer came first.

    Returns:
        None where neither names an answer.
    """
    call = last_call(record)
    if call is not None and call.logprobs and not call.thinking:
        value = preference_of(call.logprobs[0].top, is_model_first=is_model_first)
        return None if math.isnan(value) else Preference(value, is_weighed=True)
    letter = _LETTER.fullmatch(record.text or "")
    if letter is None:
        return None
    return Preference(2.0 if (letter[1] == FIRST) == is_model_first else 1.0, is_weighed=False)


def position_bias(preferences: Sequence[tuple[bool, float]]) -> float | None:
    """Return how often the judge prefers the answer that it reads first, 0 to 1; 0.5 is no bias.

    The mean of two shares: that of the pairs where the model's answer came first, and that of the others. So a better
    model, or an uneven order, is no bias.

    Args:
        preferences: Of each pair: whether the model's answer came first, and the preference, 1 to 2.

    Returns:
        None where one of the two orders has no pair.

    Source: ours.
    """
    shares: list[float] = []
    for is_first in (True, False):
        ours = [value - 1 if is_first else 2 - value for first, value in preferences if first == is_first]
        if not ours:
            return None
        shares.append(sum((share > 0.5) + (share == 0.5) / 2 for share in ours) / len(ours))
    return sum(shares) / 2


def require_data(data: Path) -> None:
    """Raise a ``ConfigError`` where the prompt is not there or has odd placeholders, or scoring lacks a file.

    Args:
        data: The folder that holds ``alpaca_eval``.
    """
    render(read_prompt(data), "", "", "")
    find_file(benchmark_folder(data, _FOLDER), "instruction_difficulty.csv")


async def judge(answers: Path, data: Path, judge: Judge, *, system: str, folder: Path) -> Judged:
    """Return what judging came to; see ``Judging`` for what is told and raised.

    Answers are the official ``model_outputs.json``, judgements the official ``annotations.json``.

    Equal answers are a draw and cost no call; a question without an answer has no annotation.

    Source: AlpacaEval 0.6.6, ``weighted_alpaca_eval_gpt4_turbo``.
    """
    turns = read_prompt(data)
    pairs = list(_pairs(answers, benchmark_folder(data, _FOLDER)))
    cases = [_case(turns, pair) for pair in pairs if not pair.is_equal]
    judgements = await judge_all(cases, judge)
    said = {one.key: one for one in judgements}
    rows = [_annotation(pair, said.get(pair.key), judge, system) for pair in pairs]
    file = write_array(folder / f"{system}.json", rows)
    by_key = {pair.key: pair for pair in pairs}
    values = [(by_key[one.key].is_model_first, one.value.value) for one in judgements if one.value is not None]
    return judged_of(
        _TASK,
        judge.name,
        judgements,
        system=system,
        files=(file, write_details(folder / f"{system}.judge.jsonl", judgements)),
        position_bias=position_bias(values),
        notes=list(_notes(pairs, judgements)),
    )


def _pairs(answers: Path, folder: Path) -> Iterator[_Pair]:
    """Yield every question that has an answer, in the baseline's order."""
    path = find_file(folder, "alpaca_eval_gpt4_baseline.json")
    theirs = dict(_by_instruction(answers))
    for number, (place, row) in enumerate(read_rows(path)):
        instruction, output = text_field(row, "instruction", place), text_field(row, "output", place)
        answer = theirs.pop(instruction, None)
        if answer is not None:
            yield _Pair(number, row, answer, answer["output"] == output, is_model_first(instruction))
    if theirs:
        raise Place(answers).error(f"no question of the benchmark: {next(iter(theirs))[:60]!r}", field="instruction")


def _by_instruction(answers: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    seen: set[str] = set()
    for place, row in read_rows(answers):
        instruction = text_field(as_object(row, place), "instruction", place)
        text_field(row, "output", place)
        if instruction in seen:
            raise place.error("a second answer to one question", field="instruction")
        seen.add(instruction)
        yield instruction, row


def _case(turns: Sequence[Message], pair: _Pair) -> Case[Preference]:
    outputs = (pair.answer["output"], pair.baseline["output"])
    first, second = outputs if pair.is_model_first else reversed(outputs)
    conversation = render(turns, pair.baseline["instruction"], first, second)
    return Case(pair.key, conversation, partial(parse, is_model_first=pair.is_model_first))


def _annotation(pair: _Pair, said: Judgement[Preference] | None, judge: Judge, system: str) -> dict[str, Any]:
    """Return a row as the official file has it; a judgement that is missing has no preference."""
    preference = _DRAW if said is None else said.value.value if said.value is not None else None
    return {
        "instruction": pair.baseline["instruction"],
        "output_1": pair.baseline["output"],
        "generator_1": pair.baseline.get("generator"),
        "dataset": pair.baseline.get("dataset"),
        "output_2": pair.answer["output"],
        "generator_2": pair.answer.get("generator", system),
        "annotator": judge.name,
        "preference": preference,
        "price_per_example": 0.0 if said is None else said.usd,
        "raw_completion": None if said is None or said.reply is None else _completion(said.reply, said.chances),
    }


def _completion(reply: str, chances: Sequence[TokenChances]) -> dict[str, Any]:
    content = [
        {
            "token": place.token,
            "logprob": place.logprob,
            "top_logprobs": [{"token": token, "logprob": logprob} for token, logprob in place.top],
        }
        for place in chances
    ]
    return {"text": reply, "logprobs": {"content": content} if content else None}


def _notes(pairs: Sequence[_Pair], judgements: Sequence[Judgement[Preference]]) -> Iterator[str]:
    values = [one.value for one in judgements if one.value is not None]
    if by_letter := sum(not value.is_weighed for value in values):
        yield _BY_LETTER.format(by_letter, len(values))
    if equal := sum(pair.is_equal for pair in pairs):
        yield f"answers equal to the baseline's, a draw without a call: {equal}"
