"""Templates: ours, and a user's in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.errors import ConfigError
from attention_moa.prompts import load_templates
from attention_moa.prompts.templates import NAMES, Templates


def test_all_of_our_templates_load() -> None:
    """One for each prompt."""
    assert set(load_templates().sources) == set(NAMES)


def test_a_template_is_filled_and_stripped() -> None:
    """White space around it is no part of a prompt."""
    assert Templates({"answer": "\n\nHello {{ name }}.\n"}).render("answer", name="you") == "Hello you."


def test_marks_in_values_stay_as_they_are() -> None:
    """A model's text is data: no mark in it is run, nothing is escaped."""
    assert Templates({"answer": "{{ x }}"}).render("answer", x="{{ 7 * 6 }} <b>&</b>") == "{{ 7 * 6 }} <b>&</b>"


def test_a_users_template_takes_the_place_of_ours(tmp_path: Path) -> None:
    """The others stay; only Markdown files count."""
    tmp_path.joinpath("summary.md").write_text("Sum up.", encoding="utf-8")
    tmp_path.joinpath("notes.txt").write_text("mine", encoding="utf-8")
    ours, mixed = load_templates(), load_templates(tmp_path)
    assert mixed.sources["summary"] == "Sum up."
    assert mixed.sources["answer"] == ours.sources["answer"]


def test_a_changed_template_has_another_digest(tmp_path: Path) -> None:
    """It is another template; the others are the same."""
    tmp_path.joinpath("summary.md").write_text("Sum up.", encoding="utf-8")
    ours, mixed = load_templates(), load_templates(tmp_path)
    assert len(ours.digest("summary")) == 64
    assert ours.digest("summary") != mixed.digest("summary")
    assert ours.digest("answer") == mixed.digest("answer")


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("sumary.md", b"x", "sumary.md is no template of any stage: the names are answer.md, compensate.md"),
        ("summary.md", b"\xff\xfe", "summary.md cannot be read"),
        ("summary.md", b"one\n{% if %}", "summary.md, line 2"),
        ("summary.txt", b"x", "holds no .md template"),
    ],
)
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, name: str, source: bytes, message: str) -> None:
    """The text names the file and the fault."""
    tmp_path.joinpath(name).write_bytes(source)
    with pytest.raises(ConfigError) as caught:
        load_templates(tmp_path)
    assert message in str(caught.value)
    assert caught.value.key == "prompts.folder"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A misspelt path does not mean our templates."""
    with pytest.raises(ConfigError, match="is no folder"):
        load_templates(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "source",
    [
        "{{ no_such_value }}",
        "{{ name.no_such_attribute }}",
        "{{ name.__class__.__mro__ }}",
        "{{ name + 1 }}",
        "{{ 1 / 0 }}",
        "{{ name.format.__globals__ }}",
        "{% for i in range(1000000) %}{% endfor %}",
        "{% include 'answer.md' %}",
    ],
)
def test_a_template_reaches_nothing_but_its_values(source: str) -> None:
    """What it must not do and what it cannot do are errors that name it."""
    with pytest.raises(ConfigError, match=r"^prompts\.folder: summary\.md"):
        Templates({"summary": source}).render("summary", name="x")
