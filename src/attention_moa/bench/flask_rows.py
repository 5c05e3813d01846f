"""Reviews of FLASK: of the hard set, by ``idx``; or of the full set, where each row names its own skills."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from attention_moa.bench.flask_judge import KEYS, SkillScores, parse_review, skill_key
from attention_moa.bench.reading import Place, find_file, integer_field, read_lines, text_field

_NO_DOMAIN = "-1"


class Instance(NamedTuple):
    """One question of FLASK.

    Args:
        skills: The names of the skills that it is scored for.
        domains: What it is about.
        difficulty: Its level; None where nobody says.
    """

    skills: tuple[str, ...]
    domains: tuple[str, ...] = ()
    difficulty: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The skills as tables of scores call them."""
        return tuple(map(skill_key, self.skills))


class Review(NamedTuple):
    """What the judge says of one answer.

    Args:
        instance: The question.
        said: Scores by skill; None where the reply cannot be read, or there is no reply.
        is_there: Whether there is a reply.
    """

    instance: Instance
    said: SkillScores | None
    is_there: bool = True


def read_hard_set(folder: Path) -> dict[int, Instance]:
    """Return the instances of the hard set by ``idx``.

    Args:
        folder: FLASK's data.

    Raises:
        ConfigError: The file is not there, or has another form.
    """
    path = find_file(folder, "flask_hard_evaluation.jsonl")
    instances: dict[int, Instance] = {}
    for line, row in read_lines(path):
        place = Place(path, line)
        instances[integer_field(row, "idx", place)] = Instance(
            _skills(row, "skill", place), _texts(row, "domain", place), text_field(row, "difficulty", place)
        )
    return instances


def read_reviews(
    files: Sequence[Path], hard_set: Mapping[int, Instance], asked: Collection[str] | None = None
) -> list[Review]:
    """Return the reviews of one model's answers, those of the hard set that are not there at the end.

    Args:
        files: JSON lines, packed or not.
        hard_set: Instances by ``idx``.
        asked: Those of them that should be there, of which a reviewer may have said nothing; None for all, and there
            is at least one review.

    Raises:
        ConfigError: A row cannot be used; names file, line and field. Or there is none.
    """
    reviews: list[Review] = []
    seen: set[tuple[str, int]] = set()
    for path in files:
        for line, row in read_lines(path):
            place = Place(path, line)
            field = "idx" if "idx" in row else "question_id"
            number = integer_field(row, field, place)
            if (field, number) in seen:
                raise place.error(f"a second review of {number}", field=field)
            seen.add((field, number))
            instance = _hard(number, hard_set, place) if field == "idx" else _labelled(row, place)
            reviews.append(Review(instance, parse_review(text_field(row, "review", place), instance.skills)))
    if not reviews and asked is None:
        raise Place(files[0]).error("no reviews")
    if not seen or any(field == "idx" for field, _ in seen):
        wanted = [number for number in hard_set if asked is None or str(number) in asked]
        unseen = (hard_set[number] for number in wanted if ("idx", number) not in seen)
        reviews += [Review(instance, None, is_there=False) for instance in unseen]
    return reviews


def _hard(number: int, hard_set: Mapping[int, Instance], place: Place) -> Instance:
    if number not in hard_set:
        raise place.error(f"the hard set has no instance {number}", field="idx")
    return hard_set[number]


def _labelled(row: Mapping[str, Any], place: Place) -> Instance:
    """Return the instance of a row that brings its own labels, as the official reviews of the full set do."""
    domains = _texts(row, "domain_labeled", place) if "domain_labeled" in row else ()
    difficulty = text_field(row, "difficulty_labeled", place) if "difficulty_labeled" in row else None
    return Instance(_skills(row, "metrics", place), domains, difficulty)


def _skills(row: Mapping[str, Any], field: str, place: Place) -> tuple[str, ...]:
    skills = _texts(row, field, place)
    for skill in skills:
        if skill_key(skill) not in KEYS:
            raise place.error(f"{skill!r} is no skill of the benchmark", field=field)
    if not skills:
        raise place.error("no skills", field=field)
    return skills


def _texts(row: Mapping[str, Any], field: str, place: Place) -> tuple[str, ...]:
    if field not in row:
        raise place.error("missing", field=field)
    value = row[field]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in cast("list[object]", value)):
        raise place.error("not a list of texts", field=field)
    return tuple(text for text in cast("list[str]", value) if text != _NO_DOMAIN)
