"""IFEval's scores: the share of instructions that are followed, and of prompts all of whose instructions are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from attention_moa.bench.bootstrap import PERCENT, mean_interval, ratio_interval
from attention_moa.bench.ifeval.language import language_of
from attention_moa.bench.ifeval.prompts import Answers, Prompt, read_answers, read_prompts
from attention_moa.bench.ifeval.punkt import read_model
from attention_moa.bench.ifeval.sentences import split_sentences
from attention_moa.bench.ifeval.tools import Tools
from attention_moa.bench.reading import benchmark_folder, find_file
from attention_moa.bench.scores import Score, TaskScores, coverage_notes

Strictness = Literal["strict", "loose"]
_BOTH: tuple[Strictness, ...] = ("strict", "loose")


class Verdict(NamedTuple):
    """Which instructions of a prompt an answer follows.

    Args:
        kinds: Of its instructions.
        strict: One for each: whether the answer as it is follows it.
        loose: One for each: whether any of eight versions of the answer does.
    """

    kinds: tuple[str, ...]
    strict: tuple[bool, ...]
    loose: tuple[bool, ...]

    def by(self, strictness: Strictness) -> tuple[bool, ...]:
        """Return one of the two."""
        return self.strict if strictness == "strict" else self.loose


def score(files: Sequence[Path], data: Path, *, asked: Collection[str] | None = None) -> TaskScores:
    """Return a model's scores in per cent: strict and loose, of prompts, of instructions and of their kinds.

    Args:
        files: Its answers: rows with ``response`` and ``key`` or ``prompt``.
        data: The folder of all benchmarks, or IFEval's: ``input_data.jsonl``, and in ``nltk_data`` the Punkt model.
        asked: Ids of the questions that were asked, where the files are of a run of ours: only these can be missing.
            None for files from elsewhere: none of them is missing.

    Raises:
        ConfigError: A file is wrong (the text names file, line and field), or langdetect is not installed.

    Source: J. Zhou et al., Instruction-Following Evaluation for Large Language Models, arXiv 2311.07911.
    """
    prompts, answers = read(files, data)
    verdicts = [judge(prompts[key], text) for key, text in answers.texts.items()]
    unseen = [prompts[key] for key in prompts.keys() - answers.texts.keys() if str(key) in (asked or ())]
    lost = Counter(one.kind for prompt in unseen for one in prompt.instructions)
    return TaskScores(
        task="ifeval",
        file=", ".join(map(str, files)),
        scores=(
            Score("n_prompts", len(verdicts), len(verdicts)),
            Score("n_instructions", sum(len(one.kinds) for one in verdicts), len(verdicts)),
            *_totals(verdicts, len(unseen), lost.total()),
            *_by_kind(verdicts, lost),
        ),
        notes=tuple(_notes(prompts, answers, None if asked is None else len(asked))),
    )


def read(files: Sequence[Path], data: Path) -> tuple[dict[int, Prompt], Answers]:
    """Return the benchmark's prompts and a model's answers.

    Args:
        files: The answers.
        data: The folder of all benchmarks, or IFEval's.

    Raises:
        ConfigError: A file is wrong.
    """
    folder = benchmark_folder(data, "ifeval")
    model = cache(lambda: read_model(folder))

    def sentences(text: str) -> list[str]:
        return split_sentences(text, model())

    prompts = read_prompts(find_file(folder, "input_data.jsonl"), Tools(sentences, language_of))
    return prompts, read_answers(files, prompts)


def judge(prompt: Prompt, answer: str) -> Verdict:
    """Return which of a prompt's instructions an answer follows; an empty answer follows none.

    Args:
        prompt: With its instructions.
        answer: As the model gave it.
    """
    versions = [version for version in loose_versions(answer) if version.strip()]
    return Verdict(
        kinds=tuple(one.kind for one in prompt.instructions),
        strict=tuple(bool(answer.strip()) and one.holds(answer) for one in prompt.instructions),
        loose=tuple(any(map(one.holds, versions)) for one in prompt.instructions),
    )


def loose_versions(answer: str) -> list[str]:
    """Return an answer as it is, without its first line, its last and both, and these four without any ``*``.

    A first line may be a greeting, a last one a farewell, and stars are Markdown. Versions that are equal come once.
    """
    lines = answer.split("\n")
    cut = ("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))
    with_stars = [answer, *cut]
    return list(dict.fromkeys([*with_stars, *(version.replace("*", "") for version in with_stars)]))


def _totals(verdicts: Sequence[Verdict], prompts: int, instructions: int) -> Iterable[Score]:
    """Yield the scores of all prompts, of which so many, with so many instructions, have no answer."""
    for strictness in _BOTH:
        held = [100.0 * all(one.by(strictness)) for one in verdicts]
        n, interval = len(held), mean_interval(held, within=PERCENT)
        yield Score(f"prompt_{strictness}", sum(held) / n, n, prompts, interval)
        yield _instructions(f"instruction_{strictness}", [one.by(strictness) for one in verdicts], instructions)


def _by_kind(verdicts: Sequence[Verdict], lost: Mapping[str, int]) -> Iterable[Score]:
    for kind in sorted({kind for one in verdicts for kind in one.kinds}):
        held: defaultdict[Strictness, list[list[bool]]] = defaultdict(list)
        for one in verdicts:
            for strictness in _BOTH:
                pairs = zip(one.kinds, one.by(strictness), strict=True)
                held[strictness].append([holds for name, holds in pairs if name == kind])
        missing = lost.get(kind, 0)
        yield from (_instructions(f"by_kind.{kind}.{strictness}", held[strictness], missing) for strictness in _BOTH)


def _instructions(name: str, held: Sequence[Sequence[bool]], missing: int) -> Score:
    """Return the share of instructions that are followed, given by prompt: an interval redraws whole prompts."""
    sums, counts = [100.0 * sum(one) for one in held], [float(len(one)) for one in held]
    n = int(sum(counts))
    return Score(name, sum(sums) / n, n, missing, ratio_interval(sums, counts, within=PERCENT))


def _notes(prompts: dict[int, Prompt], answers: Answers, asked: int | None) -> Iterable[str]:
    texts = answers.texts
    empty = sum(not text.strip() for text in texts.values())
    yield from coverage_notes("prompts", rows=len(texts), empty=empty, total=len(prompts), asked=asked)
    if answers.strangers:
        yield f"{answers.strangers} answers are to prompts that the data do not have: they are left out."
