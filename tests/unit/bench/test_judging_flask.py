"""FLASK judged: the rubrics of each question's skills, reviews asked for again, and FLASK's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from attention_moa.bench.flask import score
from attention_moa.bench.flask_judging import judge, read_prompt, read_questions, read_rubrics, require_data
from attention_moa.bench.judgements import Judged
from attention_moa.errors import ConfigError, RefusedError
from attention_moa.messages import CallRequest
from attention_moa.providers.scripted import Said
from tests.asking import run
from tests.judges import a_judge

TEMPLATE = "{prompt1}\n{skills}\nQ {question} R {sample_answer} A {response}\n{prompt2}"
SKILLS = ("Factuality", "Logical Correctness", "Conciseness")


def lines(path: Path, *rows: Any) -> Path:
    """Write rows as lines of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def a_folder(path: Path, *, skills: tuple[str, ...] = SKILLS, prompts: tuple[int, ...] = (1, 2)) -> Path:
    """Return a folder of data with instances 1 and 2, each with three skills."""
    folder = path / "data" / "flask"
    rubrics = [
        {"Skill": name, "Criteria": f"Is it {name}?", "Scoring": {str(n): f"{name} {n}" for n in range(1, 6)}}
        for name in skills
    ]
    folder.mkdir(parents=True)
    (folder / "skillset_description.json").write_bytes(msgspec.json.encode(rubrics))
    defaults = {"prompt1": "A", "prompt2": "Z"}
    rows = [
        {"prompt_id": n, "system_prompt": f"S{n}", "prompt_template": TEMPLATE, "defaults": defaults} for n in prompts
    ]
    lines(folder / "gpt_review_prompt.jsonl", *rows)
    instances: list[dict[str, Any]] = [
        {"idx": n, "instruction": f"Why {n}?", "answer": "So.", "skill": SKILLS, "domain": [], "difficulty": "expert"}
        for n in (1, 2)
    ]
    lines(folder / "flask_hard_evaluation.jsonl", *instances)
    return path / "data"


def judged(path: Path, script: Any, *rows: dict[str, Any]) -> tuple[Judged, list[CallRequest]]:
    """Return what judging came to, and what the judge was asked."""
    data = a_folder(path)
    file = lines(path / "answers.jsonl", *(rows or [{"idx": 1, "text": "Mine {skills}."}]))

    async def scenario() -> tuple[Judged, list[CallRequest]]:
        async with a_judge(script) as bench:
            found = await judge(file, data, bench.judge, system="mine", folder=path / "judged")
            return found, bench.requests

    return run(scenario)


WHOLE = "Good.\n{'Factuality': 4, 'Logical Correctness': 3, 'Conciseness': 'N/A'}"
HALF = "Good.\n{'Factuality': 4}"


def test_the_prompt_has_a_rubric_for_each_skill_in_its_order(tmp_path: Path) -> None:
    """Each as FLASK writes it; the prompt is the one that shows the right answer."""
    _, (request,) = judged(tmp_path, [WHOLE])
    scores = {name: "".join(f"Score {n}: {name} {n}\n" for n in range(1, 6)) for name in SKILLS}
    rubric = "".join(f"\n{name}: Is it {name}?\n{scores[name]}\n" for name in SKILLS)
    assert request.messages[0].text == "S2"
    assert request.messages[-1].text == f"A\n{rubric}\nQ Why 1? R So. A Mine {{skills}}.\nZ"


def test_the_file_is_flasks_and_is_scored(tmp_path: Path) -> None:
    """What does not apply is no score and not missing."""
    found, _ = judged(tmp_path, [WHOLE], {"question_id": 2, "text": "Mine."})
    (row,) = [msgspec.json.decode(line) for line in found.file.read_bytes().splitlines()]
    assert (row["idx"], row["target_txt"], row["review"]) == (2, "Mine.", WHOLE)
    assert row["score"] == {"factuality": 4.0, "correctness": 3.0}
    assert (found.n, found.missing) == (1, 0)
    scores = {one.name: one.value for one in score([found.file], tmp_path / "data").scores}
    assert (scores["skills.factuality.average"], scores["skills.correctness.average"]) == (4.0, 3.0)


def test_a_review_that_leaves_out_a_skill_is_asked_for_again(tmp_path: Path) -> None:
    """In the end the last one counts for the skills that it has, and the judgement as missing."""
    found, _ = judged(tmp_path, [HALF, WHOLE])
    assert (found.missing, found.retried) == (0, 1)
    again = tmp_path / "again"
    found, _ = judged(again, ["Nothing.", "Nothing.", HALF])
    assert (found.missing, found.unreadable) == (1, 1)
    scores = {one.name: one for one in score([found.file], again / "data").scores}
    assert (scores["skills.factuality.average"].value, scores["skills.conciseness.average"].n) == (4.0, 0)


def test_a_review_that_nobody_wrote_has_no_row(tmp_path: Path) -> None:
    """And one that cannot be read has no scores."""
    script: list[Said] = [RefusedError("no"), "Nothing.", "Nothing.", "Nothing."]
    rows = [{"idx": 1, "text": "Mine."}, {"idx": 2, "text": "Mine."}]
    data = a_folder(tmp_path)
    file = lines(tmp_path / "answers.jsonl", *rows)

    async def scenario() -> Judged:
        async with a_judge(script, parallel=1) as bench:
            return await judge(file, data, bench.judge, system="mine", folder=tmp_path)

    found = run(scenario)
    (row,) = [msgspec.json.decode(line) for line in found.file.read_bytes().splitlines()]
    assert (row["idx"], row["score"], found.missing) == (2, {}, 2)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"idx": 3, "text": "Mine."}], "line 1, idx: the hard set has no instance 3"),
        ([{"idx": 1, "text": "Mine."}] * 2, "line 2, idx: a second answer to 1"),
        ([{"question_id": 1}], "line 1, text: missing"),
    ],
)
def test_answers_that_do_not_fit_are_named(rows: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    """File, line and field."""
    with pytest.raises(ConfigError, match=said):
        judged(tmp_path, [WHOLE], *rows)


def test_data_that_lack_something_are_named(tmp_path: Path) -> None:
    """A prompt, a rubric, the form."""
    folder = a_folder(tmp_path, skills=SKILLS[:2], prompts=(1,)) / "flask"
    with pytest.raises(ConfigError, match=r"gpt_review_prompt\.jsonl: no prompt 2"):
        require_data(folder.parent)
    with pytest.raises(ConfigError, match=r"gpt_review_prompt\.jsonl: no prompt 2"):
        read_prompt(folder)
    with pytest.raises(ConfigError, match=r"line 1, skill: nothing describes 'Conciseness'"):
        read_questions(folder, read_rubrics(folder))
    (folder / "skillset_description.json").write_text("{}")
    with pytest.raises(ConfigError, match="not an array"):
        read_rubrics(folder)
