"""The question of ``make run`` reaches the program as it was typed, whatever is in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = "Why is the sky blue at noon and red at sunset?"


def asked(tmp_path: Path, *words: str, **variables: str) -> str:
    """Return the question that ``make run`` hands to the program, a stand-in that writes it to a file."""
    heard, program = tmp_path / "heard", tmp_path / "program"
    program.write_text(
        f"#!{sys.executable}\nimport os, pathlib\n"
        f"pathlib.Path({str(heard)!r}).write_bytes(os.environb[b'ATTENTION_MOA_QUESTION'])\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}  # noqa: TID251 - the child's own
    subprocess.run(
        ["make", "run", *words, f"ATTENTION_MOA={program}"],
        cwd=ROOT,
        env=inherited | variables,
        check=True,
        capture_output=True,
        timeout=300,
    )
    return heard.read_text(encoding="utf-8")


HOSTILE = [
    "it's",
    'say "yes"',
    "$HOME and ${HOME} and $$",
    "$x $(x) $",
    "$(shell touch PWNED) `touch PWNED` $(error no)",
    "$(",
    "; touch PWNED & touch PWNED | touch PWNED > PWNED",
    "a # is no comment, a % no pattern, a: no rule, = no value, \\n no line",
    "ends with \\",
    "-n --help",
    "*?[a-z] ~ !! {a,b}",
    "warum ist der Himmel blau? 空はなぜ青い? 🌇",
    "two\nlines",
]


@pytest.mark.parametrize("question", HOSTILE)
def test_a_question_on_the_command_line_survives(tmp_path: Path, question: str) -> None:
    """With make run Q='…', every character is handed over and none is run."""
    assert asked(tmp_path, f"Q={question}") == question
    assert not (ROOT / "PWNED").exists()


@pytest.mark.parametrize("question", HOSTILE)
def test_a_question_in_the_environment_survives(tmp_path: Path, question: str) -> None:
    """With Q='…' make run, every character is handed over and none is run."""
    assert asked(tmp_path, Q=question) == question
    assert not (ROOT / "PWNED").exists()


def test_a_sample_question_is_asked_where_none_is_given(tmp_path: Path) -> None:
    """A bare make run asks something."""
    assert asked(tmp_path) == SAMPLE
