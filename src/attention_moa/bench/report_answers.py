"""The questions of a report, and what each system said to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attention_moa.bench.questions import OWN, Question, read_question_set
from attention_moa.bench.report_page import Asked, Reply
from attention_moa.bench.report_words import at_least, count, money, seconds
from attention_moa.bench.results import Results
from attention_moa.bench.run_lines import RunLine, read_lines_of
from attention_moa.errors import ConfigError

_LONGEST = 20_000


def known_questions(results: Results) -> Sequence[Question]:
    """Return the questions from where they were read; none where they are gone or have changed."""
    place = results.data if results.task == OWN else results.task
    try:
        found = read_question_set(place, None if results.task == OWN else Path(results.data).parent)
    except ConfigError:
        return ()
    return found.questions if found.fingerprint == results.data_fingerprint else ()


def asked_of(results: Results, folder: Path, questions: Mapping[str, Question]) -> tuple[Asked, ...]:
    """Return every question and turn with what each system said.

    Args:
        results: Of the benchmark.
        folder: Where its runs are.
        questions: By id, as many as are known; they give the order.

    Raises:
        ConfigError: A file of runs is damaged.
    """
    lines = {one.name: _lines(folder, one.name) for one in results.systems}
    keys = list(dict.fromkeys(key for found in lines.values() for key in found))
    if len(questions) == results.asked:
        keys = [key for key in keys if key[0] in questions]  # others were asked earlier
    if questions:
        places = {name: place for place, name in enumerate(questions)}
        keys.sort(key=lambda key: (places.get(key[0], len(places)), key[1]))
    has_turns = any(turn > 1 for _, turn in keys)
    asked: list[Asked] = []
    for key in keys:
        question = questions.get(key[0])
        replies = tuple(_reply(name, found[key]) for name, found in lines.items() if key in found)
        category = next((found[key].category for found in lines.values() if key in found), None)
        asked.append(
            Asked(
                name=f"{key[0]}, turn {key[1]}" if has_turns else key[0],
                text=_turn_text(question, key[1]),
                category=category or "",
                reference=question.reference if question is not None else None,
                replies=replies,
            )
        )
    return tuple(asked)


def _lines(folder: Path, system: str) -> dict[tuple[str, int], RunLine]:
    return {line.key: line for line in read_lines_of(folder / "runs" / f"{system}.jsonl")}


def _turn_text(question: Question | None, turn: int) -> str:
    if question is None:
        return "(the text of this question is not where it was)"
    texts = ("\n\n".join(message.text for message in question.conversation), *question.later)
    return _short(texts[turn - 1])


def _reply(system: str, line: RunLine) -> Reply:
    flags = (
        ("failed", line.state == "failed"),
        ("cut-off", line.is_truncated),
        ("degraded", line.degraded > 0),
        ("losses", line.losses > 0),
    )
    facts = [
        seconds(line.seconds),
        count(line.calls, "call"),
        _tokens(line),
        money(line.usd, is_lower_bound=line.money.is_lower_bound),
        f"run {line.run_id}",
    ]
    if line.error is not None:
        facts.insert(0, line.error)
    return Reply(
        system=system,
        text=None if line.text is None else _short(line.text),
        facts=" · ".join(facts),
        flags=tuple(name for name, is_so in flags if is_so),
    )


def _tokens(line: RunLine) -> str:
    if not line.has_all_tokens and not line.tokens:
        return "tokens not told"
    counts = (line.input_tokens, line.output_tokens)
    read, written = (at_least(f"{n:,}", is_lower_bound=not line.has_all_tokens) for n in counts)
    return f"{read} prompt {'token' if line.input_tokens == 1 else 'tokens'}, {written} written"


def _short(text: str) -> str:
    more = len(text) - _LONGEST
    return text if more <= 0 else f"{text[:_LONGEST]}\n\n… {count(more, 'more character')} in runs/"
