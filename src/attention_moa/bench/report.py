"""The report of a benchmark's folder: one HTML file, and its figures as pictures beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from attention_moa.bench.plots import Figure
from attention_moa.bench.plots_static import write_pictures
from attention_moa.bench.questions import OWN, Question
from attention_moa.bench.report_answers import asked_of, known_questions
from attention_moa.bench.report_figures import figures_of
from attention_moa.bench.report_page import Listing, Page, Part, Questions, Section, Words, render_page
from attention_moa.bench.report_scores import main_name, score_of, score_title
from attention_moa.bench.report_tables import every_score, judging, losses, overview
from attention_moa.bench.report_words import count, money, number, spread
from attention_moa.bench.results import Results, told_notes
from attention_moa.bench.scores import Score
from attention_moa.errors import ConfigError, StoreError, describe

REPORT = "report.html"
FIGURES = "figures"


def write_report(
    folder: Path,
    *,
    questions: Sequence[Question] | None = None,
    title: str | None = None,
    front: tuple[Section, ...] = (),
) -> Path:
    """Return the report that was written into a benchmark's folder; its figures are in ``figures/``.

    Args:
        folder: As ``bench run`` writes it: ``scores.json``, ``settings.json``, ``runs/``.
        questions: What was asked; None reads them where the settings say that they are, and does without where they
            are gone.
        title: What the report is called; None for the benchmark's name.
        front: What it begins with in the place of scores and figures: a proof's; nothing for a benchmark's own.

    Raises:
        ConfigError: The folder has no results, or a file of it is damaged; what draws is not installed.
        StoreError: The report cannot be written.
    """
    results = read_results(folder)
    page = page_of(results, folder, questions=questions, title=title, front=front)
    figures = [part for one in page.sections for part in one.parts if isinstance(part, Figure)]
    write_pictures(figures, folder / FIGURES)
    return write_page(page, folder / REPORT)


def read_results(folder: Path) -> Results:
    """Return what a benchmark came to.

    Raises:
        ConfigError: There is nothing, or it is damaged.
    """
    path = folder / "scores.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except FileNotFoundError:
        raise ConfigError(f"{folder} has no scores.json: no benchmark has ended in it") from None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {describe(error)}") from error


def write_page(page: Page, path: Path) -> Path:
    """Write a page as HTML; return the file.

    Raises:
        ConfigError: What draws is not installed.
        StoreError: It cannot be written.
    """
    text = render_page(page)
    try:
        path.write_bytes(text.encode("utf-8", "replace"))  # half a pair of surrogates is no character
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {describe(error)}") from error
    return path


def page_of(
    results: Results,
    folder: Path,
    *,
    questions: Sequence[Question] | None,
    title: str | None,
    front: tuple[Section, ...] = (),
) -> Page:
    """Return the report of a benchmark.

    Args:
        results: What it came to.
        folder: Where its runs and settings are.
        questions: As ``write_report`` takes them.
        title: As ``write_report`` takes it.
        front: As ``write_report`` takes it.
    """
    name = Path(results.data).stem if results.task == OWN else results.task
    found = known_questions(results) if questions is None else questions
    settings = read_settings(folder)
    return Page(
        title=title or f"{name}: {count(len(results.systems), 'system')}, {count(results.asked, 'question')}",
        lead=_lead(results),
        facts=_facts(results),
        warnings=tuple(_warnings(results, settings)),
        sections=(
            *(front or _scores(results)),
            *_sections(results, folder, {one.id: one for one in found}, settings, has_scores=not front),
        ),
    )


def _scores(results: Results) -> Iterator[Section]:
    yield Section(title="Scores", parts=(overview(results), *_notes(results)))
    if figures := figures_of(results):
        yield Section(title="Figures", parts=figures)


def _notes(results: Results) -> list[Part]:
    notes = tuple(told_notes(results.systems))
    return [Words(lines=notes, is_list=True)] if notes else []


def _sections(
    results: Results,
    folder: Path,
    questions: Mapping[str, Question],
    settings: Mapping[str, Any],
    *,
    has_scores: bool,
) -> Iterator[Section]:
    yield Section(title="Losses and effort", parts=(losses(results), *([] if has_scores else _notes(results))))
    if (judged := judging(results)) is not None:
        yield Section(title="Judging", parts=(judged,))
    if has_scores and _has_scores(results):
        yield Section(title="Every score", parts=(every_score(results),))
    asked = asked_of(results, folder, questions)
    yield Section(title="Questions and answers", parts=(Questions(asked=asked),))
    yield Section(title="Settings", parts=tuple(_listings(settings)))


def _lead(results: Results) -> str:
    """Return what came out: a verdict, or who did best, only where that can be said of one; of one alone, its score."""
    if results.headline is not None:
        return results.headline
    main = main_name(results.task, results.systems)
    scored = [(score, one.name) for one in results.systems if main and (score := score_of(one, main)) is not None]
    ranked = sorted(scored, key=lambda pair: -(pair[0].value or 0.0))
    if not ranked:
        return ""
    score, name = ranked[0]
    equals = [who for other, who in ranked if number(other.value) == number(score.value)]
    if len(equals) > 1:
        return f"The highest {score_title(score.name)}, {number(score.value)}, is that of {', '.join(equals)} alike."
    if len(results.systems) == 1:
        interval = "" if score.interval is None else f" (95 % interval {spread(score.interval)})"
        return f"{name}: {score_title(score.name)} {number(score.value)}{interval}."
    begin = f"{name} has the highest {score_title(score.name)}: {number(score.value)}"
    if score.interval is not None:
        begin += f" (95 % interval {spread(score.interval)})"
    if len(ranked) == 1:
        return f"{begin}."
    second = ranked[1][0]
    rest = f"next is {ranked[1][1]} with {number(second.value)}"
    return f"{begin}; {rest}{_unless_apart(score, second)}."


def _unless_apart(first: Score, second: Score) -> str:
    """Return what is to be said of two scores whose intervals do not tell them apart; nothing where they do."""
    if first.interval is None or second.interval is None:
        return ", and without intervals nobody can say whether that is chance"
    return "" if first.interval.low > second.interval.high else ", and the intervals do not tell the two apart"


def _has_scores(results: Results) -> bool:
    return any(one.scores for one in results.systems)


def _facts(results: Results) -> tuple[tuple[str, str], ...]:
    drawn = "" if results.seed is None else f", drawn with seed {results.seed}"
    return (
        ("benchmark", results.task if results.task != OWN else Path(results.data).name),
        ("questions", f"{results.asked:,} of {results.total:,}{drawn}"),
        ("judge", results.judge or ("not asked: scored by rule" if _has_scores(results) else "nobody")),
        ("date", results.date.replace("T", " ").replace("+00:00", " UTC")),
        ("spent", money(results.usd, is_lower_bound=results.usd_is_lower_bound)),
        ("longest reply", "as each ensemble says" if results.max_tokens is None else f"{results.max_tokens:,} tokens"),
        ("settings", results.settings_hash),
        ("data", results.data_fingerprint),
        *((f"{name}", version) for name, version in results.versions.items()),
    )


def _warnings(results: Results, settings: Mapping[str, Any]) -> Iterator[str]:
    if results.stopped is not None:
        yield f"{results.stopped[:1].upper()}{results.stopped[1:]}: the scores are of what was answered."
    yield from results.warnings
    for model in judging_agents(settings):
        if not any(model in warning for warning in results.warnings):
            yield f"{model} judges, and is an agent of a system too: it may prefer its own words."
    if results.max_tokens is not None:
        yield f"Replies were capped at {results.max_tokens:,} tokens: longer answers were cut off."


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what ran in a folder, as it is written there.

    Raises:
        ConfigError: It cannot be read.
    """
    path = folder / "settings.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {describe(error)}") from error


def judging_agents(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models that judge and are agents of a system too.

    Args:
        settings: As ``settings.json`` has them.
    """
    spec: Mapping[str, Any] = settings.get("judge_spec") or {}
    judges = {settings.get("judge"), *(agent.get("model") for agent in spec.get("agents", ()))}
    systems = [system.get("spec", {}) for system in settings.get("systems", ())]
    models = {agent.get("model") for spec in systems for agent in spec.get("agents", ())}
    return tuple(sorted(str(model) for model in judges & models if model))


def _listings(settings: Mapping[str, Any]) -> Iterator[Part]:
    yield Listing(
        summary="The benchmark", text=_pretty({name: settings[name] for name in settings if name != "systems"})
    )
    for one in settings.get("systems", ()):
        yield Listing(summary=str(one.get("name")), text=_pretty(one.get("spec")))


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
