"""The report of a benchmark: one file, no address asked, and every text in it is only a text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from attention_moa.bench.questions import Question
from attention_moa.bench.report import judging_agents, read_results, write_report
from attention_moa.bench.results import Spread
from attention_moa.bench.scores import Score
from attention_moa.errors import ConfigError, StoreError
from attention_moa.messages import user
from tests.report_world import HOSTILE, a_line, a_score, a_system, some_results, write_folder


class _Elements(HTMLParser):
    """What a browser would make of a page: elements with their attributes, and text by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._is_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._is_script = tag == "script" and not attrs
        if self._is_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_script = self._is_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts[-1] += data
        else:
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def _report(folder: Path, text: str = "An answer.", **fields: object) -> _Elements:
    results = some_results(a_system("one"), a_system("two", 40.0, usd=0.1), **fields)
    lines = {"one": [a_line("1", text)], "two": [a_line("1", None, error="QuorumError: nobody answered")]}
    question = Question(id="1", conversation=(user(f"What? {text}"),), reference=text, category=text)
    path = write_report(write_folder(folder, results, lines), questions=[question])
    return _Elements(path.read_text(encoding="utf-8"))


def test_a_report_shows_every_system_with_its_scores_and_intervals(tmp_path: Path) -> None:
    """Scores without their intervals say too much."""
    page = _report(tmp_path / "b")
    for expected in (
        "50.00",
        "46.00 to 54.00",
        "40.00",
        "36.00 to 44.00",
        "$0.4200",
        "$0.1000",
        "12.5 s",
        "31.0 s",
        "812",
    ):
        assert expected in page.text
    assert "one has the highest prompts, strict, %: 50.00 (95 % interval 46.00 to 54.00)" in page.text
    assert "tell the two apart" not in page.text


def test_one_system_alone_is_no_winner(tmp_path: Path) -> None:
    """Its score is what came out; a verdict is told in the place of any score."""
    results = some_results(a_system("one", 50.0))
    path = write_report(write_folder(tmp_path / "b", results, {}), questions=[])
    assert "one: prompts, strict, % 50.00 (95 % interval 46.00 to 54.00)." in path.read_text(encoding="utf-8")
    results = replace(some_results(a_system("one", 50.0), a_system("two", 9.0)), headline="Use one.")
    text = write_report(write_folder(tmp_path / "c", results, {}), questions=[]).read_text(encoding="utf-8")
    assert "Use one." in text
    assert "has the highest" not in text


def test_judging_is_told_in_words(tmp_path: Path) -> None:
    """Names of models with commas, money once."""
    judgement = {"n": 3, "usd": 0.06, "is_lower_bound": False, "reply_models": ["m-1", "m-2"], "notes": []}
    system = replace(a_system("one", 50.0), judgement=judgement, judge_usd=0.0595)
    path = write_report(write_folder(tmp_path / "b", some_results(system), {}), questions=[])
    page = _Elements(path.read_text(encoding="utf-8"))
    assert "m-1, m-2" in page.text
    assert "$0.0595" in page.text
    assert not any(sign in page.text for sign in ("['m-1", "0.06 ", "lower bound"))


def test_systems_that_are_not_told_apart_are_said_so(tmp_path: Path) -> None:
    """The first of two that overlap is no winner."""
    results = some_results(a_system("one", 51.0), a_system("two", 50.0))
    path = write_report(write_folder(tmp_path / "b", results, {}), questions=[])
    assert "the intervals do not tell the two apart" in path.read_text(encoding="utf-8")


def test_scores_without_intervals_are_not_said_to_have_any(tmp_path: Path) -> None:
    """Nobody can say whether the first of them is first by chance."""
    systems = a_system("one", 9.0), a_system("two", 5.0)
    bare = [replace(one, scores=tuple(replace(score, interval=None) for score in one.scores)) for one in systems]
    path = write_report(write_folder(tmp_path / "b", some_results(*bare), {}), questions=[])
    text = path.read_text(encoding="utf-8")
    assert "without intervals nobody can say whether that is chance" in text
    assert "do not tell the two apart" not in text


def test_systems_that_did_equally_well_are_named_together(tmp_path: Path) -> None:
    """None of them is said to be the best."""
    results = some_results(a_system("one", 50.0), a_system("two", 50.0), a_system("three", 20.0))
    path = write_report(write_folder(tmp_path / "b", results, {}), questions=[])
    assert "The highest prompts, strict, %, 50.00, is that of one, two alike." in path.read_text(encoding="utf-8")


def test_what_is_noted_of_several_systems_is_said_once(tmp_path: Path) -> None:
    """By name, and in short where it holds for all."""
    systems = [
        replace(a_system(name, 50.0), notes=("few answers",) if name == "two" else ("few answers", "cut"))
        for name in ("one", "two", "three")
    ]
    path = write_report(write_folder(tmp_path / "b", some_results(*systems), {}), questions=[])
    text = path.read_text(encoding="utf-8")
    assert text.count("few answers") == 1
    assert "all systems: few answers" in text
    assert "one, three: cut" in text


def test_a_report_names_judge_versions_date_and_settings(tmp_path: Path) -> None:
    """A score says what it was made with, or it cannot be compared with any other."""
    page = _report(tmp_path / "b", judge="openai:gpt-4.1", stopped="stopped by the budget of $1.00 after 3 of 40")
    for expected in ("openai:gpt-4.1", "fedcba9876543210", "2026-11-21 14:00:00 UTC", "0.1.0", "40 of 541"):
        assert expected in page.text
    assert "Stopped by the budget of $1.00 after 3 of 40: the scores are of what was answered." in page.text
    assert "Replies were capped at 512 tokens" in page.text


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Answers, questions and errors are written by strangers: not one element of theirs may come to be."""
    plain, hostile = _report(tmp_path / "a"), _report(tmp_path / "b", HOSTILE)
    assert [tag for tag, _ in plain.elements] == [tag for tag, _ in hostile.elements]
    assert HOSTILE in hostile.text
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)


def test_a_report_asks_no_address_for_anything(tmp_path: Path) -> None:
    """It is one file: it opens where there is no network, and tells nobody that it was opened."""
    page = _report(tmp_path / "b")
    assert not page.all("link")
    assert not any({"src", "href", "action", "data"} & set(attributes) for _, attributes in page.elements)
    (policy,) = [one["content"] or "" for one in page.all("meta") if one.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_only_our_scripts_may_run(tmp_path: Path) -> None:
    """The page's policy names them by their hashes: one that slipped in would not run."""
    page = _report(tmp_path / "b", HOSTILE)
    (policy,) = [one["content"] or "" for one in page.all("meta") if one.get("http-equiv")]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.scripts]
    assert re.findall(r"sha256-([^']+)", policy) == hashes
    assert "plotly.js" in page.scripts[0][:200]
    assert len(hashes) == 2


def test_figures_are_pictures_beside_the_report(tmp_path: Path) -> None:
    """A paper takes SVG and PNG, and no browser is there to make them."""
    _report(tmp_path / "b")
    names = {path.name for path in (tmp_path / "b" / "figures").iterdir()}
    assert {"scores.svg", "scores.png", "cost-quality.svg", "cost-quality.png", "by-kind.svg", "by-kind.png"} == names
    assert (tmp_path / "b" / "figures" / "scores.png").read_bytes().startswith(b"\x89PNG")
    svg = (tmp_path / "b" / "figures" / "scores.svg").read_text(encoding="utf-8")
    assert "prompts, strict, %" in svg


def test_a_question_shows_what_failed_and_why(tmp_path: Path) -> None:
    """A failed run has no text, and the report makes none up."""
    page = _report(tmp_path / "b")
    assert "QuorumError: nobody answered" in page.text
    (question,) = [one for one in page.all("details") if one.get("class") == "question"]
    assert question["data-flags"] == "failed"


def test_a_judge_that_is_an_agent_is_warned_of(tmp_path: Path) -> None:
    """It may prefer its own words."""
    folder = write_folder(tmp_path / "b", some_results(a_system("one"), judge="openai:x"), {})
    settings = {"judge": "openai:x", "systems": [{"name": "one", "spec": {"agents": [{"model": "openai:x"}]}}]}
    (folder / "settings.json").write_bytes(msgspec.json.encode(settings))
    text = write_report(folder, questions=[]).read_text(encoding="utf-8")
    assert "openai:x judges, and is an agent of a system too" in text
    ensemble = {"judge": "j.toml", "judge_spec": {"agents": [{"model": "openai:y"}]}, "systems": settings["systems"]}
    assert judging_agents(ensemble) == ()


def test_a_report_of_nothing_says_so_in_one_line(tmp_path: Path) -> None:
    """A folder without results is the user's mistake, not a traceback."""
    with pytest.raises(ConfigError, match=r"no scores\.json"):
        write_report(tmp_path)
    (tmp_path / "scores.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"scores\.json: "):
        read_results(tmp_path)


def test_damaged_settings_are_named(tmp_path: Path) -> None:
    """Which file is wrong is half of the mend."""
    folder = write_folder(tmp_path / "b", some_results(), {})
    (folder / "settings.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"settings\.json: "):
        write_report(folder, questions=[])


def test_a_report_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    """A full disk is told in one line."""
    folder = write_folder(tmp_path / "b", some_results(), {})
    (folder / "report.html").mkdir()
    with pytest.raises(StoreError, match=r"report\.html cannot be written"):
        write_report(folder, questions=[])
    (folder / "report.html").rmdir()
    (folder / "figures" / "scores.svg").unlink()
    (folder / "figures" / "scores.svg").mkdir()
    with pytest.raises(StoreError, match="figures cannot be written"):
        write_report(folder, questions=[])


def test_questions_are_read_from_where_they_were(tmp_path: Path) -> None:
    """A folder holds no questions of a benchmark: they may not be passed on with it."""
    own = tmp_path / "own.jsonl"
    own.write_text('{"id": "1", "prompt": "Where is it?", "answer": "here"}\n', encoding="utf-8")
    fingerprint = hashlib.sha256(own.read_bytes()).hexdigest()[:16]
    results = some_results(a_system("one"), task="file", data=str(own), data_fingerprint=fingerprint)
    path = write_report(write_folder(tmp_path / "b", results, {"one": [a_line("1")]}))
    assert "Where is it?" in path.read_text(encoding="utf-8")
    own.write_text('{"id": "1", "prompt": "Quite another one?"}\n', encoding="utf-8")
    text = write_report(tmp_path / "b").read_text(encoding="utf-8")
    assert "the text of this question is not where it was" in text
    assert "Quite another one?" not in text
    own.unlink()
    assert "is not where it was" in write_report(tmp_path / "b").read_text(encoding="utf-8")


def test_turns_and_long_answers(tmp_path: Path) -> None:
    """A second turn shows its own question; a text without end is cut, and says where the rest is."""
    question = Question(id="81", conversation=(user("First?"),), later=("Second?",))
    lines = [a_line("81", "x" * 30_000, turn=2), a_line("81", "y", turn=1, is_truncated=True, degraded=1, losses=2)]
    folder = write_folder(tmp_path / "b", some_results(a_system("one")), {"one": lines})
    page = _Elements(write_report(folder, questions=[question]).read_text(encoding="utf-8"))
    assert page.text.index("81, turn 1") < page.text.index("81, turn 2")
    assert "Second?" in page.text
    assert "10,000 more characters in runs/" in page.text
    flags = [one["data-flags"] for one in page.all("details") if one.get("class") == "question"]
    assert flags == ["cut-off degraded losses", ""]


def test_judging_has_a_table_of_its_own(tmp_path: Path) -> None:
    """What judging cost, and how often it failed, stands beside what it said."""
    judged = a_system("one", judgement={"position_bias": 0.61, "judge": "openai:x", "bias": None}, judge_usd=0.5)
    page = _Elements(
        write_report(write_folder(tmp_path / "b", some_results(judged), {}), questions=[]).read_text(encoding="utf-8")
    )
    assert "position bias" in page.text
    assert "0.61" in page.text
    assert "judge $0.5000" in page.text


def test_unknown_prices_and_null_models_are_shown_as_they_are(tmp_path: Path) -> None:
    """What nobody knows is a question mark, never nothing."""
    flask = (
        Score("skills_mean", 3.5, 8),
        Score("skills.logic.average", 3.0, 4),
        Score("skills.wit.average", 4.0, 4),
        Score("n_reviews", 4, 4),
    )
    null = a_system("null", strategy=None, planned_calls=0, usd=0.0, seconds=None, critical_path_s=None, scores=flask)
    results = some_results(
        null, a_system("one", usd=None, scores=flask), task="flask", usd=None, max_tokens=None, seed=3
    )
    text = write_report(write_folder(tmp_path / "b", results, {}), questions=[]).read_text(encoding="utf-8")
    page = _Elements(text)
    assert "constant text" in page.text
    assert "mean of skills (ours), 1 to 5" in page.text
    assert "3.50" in page.text
    assert "drawn with seed 3" in page.text
    assert "?" in page.text
    assert (tmp_path / "b" / "figures" / "by-skill.svg").exists()


def test_a_benchmark_without_scores_has_a_report(tmp_path: Path) -> None:
    """Answers, costs and times are there even where nobody can score."""
    bare = a_system("one", scores=(), seconds=Spread(median=120.0, p95=130.0), average_length=None)
    page = _Elements(
        write_report(write_folder(tmp_path / "b", some_results(bare, task="file"), {}), questions=[]).read_text("utf-8")
    )
    assert "120 s" in page.text
    assert "Every score" not in page.text
    assert not (tmp_path / "b" / "figures" / "scores.svg").exists()


def test_scores_of_few_have_their_missing_ones_told(tmp_path: Path) -> None:
    """A mean over those that could be judged says how many could not."""
    one = a_system("one", scores=(a_score("average", 8.1, reach=0.4, missing=3),))
    page = _Elements(
        write_report(write_folder(tmp_path / "b", some_results(one, task="mt-bench"), {}), questions=[]).read_text(
            "utf-8"
        )
    )
    assert "7.70 to 8.50, 3 missing" in page.text
