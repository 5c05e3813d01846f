"""The public API under the type checkers: a user's program passes, a wrong one does not, and the program runs."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PROGRAM = Path(__file__).with_name("public_api.py").read_text(encoding="utf-8")
WRONG = """
from attention_moa import AgentSpec, Ensemble, EnsembleSpec

agent = AgentSpec(name="a", model="test:a", temprature=1.0)
print(Ensemble(EnsembleSpec(agents=(agent,)), providers={"test": object()}).run_sync("Why?").texts)
"""
# As for a user who has installed the package: it is read for its types, and what it is made of is taken for granted.
MYPY = f"""
[mypy]
strict = True
mypy_path = {SOURCE}
[mypy-attention_moa.*]
follow_imports = silent
[mypy-aiohttp.*,httpx.*,openai.*,pydantic.*,pydantic_ai.*,rapidfuzz.*,rich.*]
follow_imports = skip
"""


def errors_of(checker: str, program: str, folder: Path) -> list[str]:
    """Return the lines of errors that a type checker finds in a program."""
    folder.joinpath("program.py").write_text(program, encoding="utf-8")
    folder.joinpath("mypy.ini").write_text(MYPY, encoding="utf-8")
    config = {"include": ["program.py"], "typeCheckingMode": "strict", "extraPaths": [str(SOURCE)]}
    folder.joinpath("pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    command = {
        "mypy": ["mypy", "--config-file=mypy.ini", "--cache-dir=cache", "program.py"],
        "pyright": ["pyright", f"--pythonpath={sys.executable}"],
    }[checker]
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False, cwd=folder, timeout=300
    )
    lines = [line for line in done.stdout.splitlines() if "program.py:" in line]
    assert done.returncode == (1 if lines else 0), done.stdout + done.stderr
    return lines


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_users_program_passes_the_type_checkers(checker: str, tmp_path: Path) -> None:
    """Ensembles in code, own providers, streams and records are fully typed."""
    assert errors_of(checker, PROGRAM, tmp_path) == []


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_wrong_program_does_not(checker: str, tmp_path: Path) -> None:
    """The types say something: a misspelt field, a provider that is none and a misspelt attribute are found."""
    found = "\n".join(errors_of(checker, WRONG, tmp_path))
    assert "temprature" in found
    assert "texts" in found
    assert ":5:" in found


def test_the_users_program_runs() -> None:
    """What type-checks also works."""
    runpy.run_path(str(Path(__file__).with_name("public_api.py")), run_name="__main__")
