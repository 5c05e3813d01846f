"""The built wheel: it holds all that a run needs, and works away from the source tree."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = {"embedded", "ollama", "openrouter", "paper-large", "paper-small", "vllm"}


def output_of(*command: str | Path, folder: Path) -> str:
    """Return what a program prints when it is run in a folder; it must succeed."""
    child = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert child.returncode == 0, child.stdout + child.stderr
    return child.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel, built from the source tree without any download."""
    folder = tmp_path_factory.mktemp("dist")
    output_of(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of an environment that has the wheel, and sees the dependencies of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet", "--no-index", "--no-deps"]
    output_of(*pip, wheel, folder=folder)
    # A path entry, not a site folder: the source tree's own path entry in there is not followed.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


def test_the_wheel_holds_the_data_files(wheel: Path) -> None:
    """Ensembles, prompt templates and the typing marker travel with the code."""
    names = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    package = Path("attention_moa")
    assert package / "py.typed" in names
    assert {name.stem for name in names if name.parent == package / "ensembles" and name.suffix == ".toml"} >= SHIPPED
    sources = {path.relative_to(ROOT / "src") for path in (ROOT / "src/attention_moa/prompts").rglob("*.md")}
    assert sources
    assert sources <= names


def test_the_wheel_holds_no_test_and_no_cache(wheel: Path) -> None:
    """Only the package and its metadata are in it."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"attention_moa"}
    assert not [name for name in names if "__pycache__" in name]


def test_the_licence_is_in_the_wheel(wheel: Path) -> None:
    """Who gets the wheel gets the licence."""
    assert [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("licenses/LICENSE")]


def test_the_installed_wheel_is_what_runs(programs: Path, tmp_path: Path) -> None:
    """The environment of these tests imports the wheel's code, not the source tree's."""
    code = "import attention_moa; print(attention_moa.__file__)"
    assert Path(output_of(programs / "python", "-c", code, folder=tmp_path).strip()).is_relative_to(programs.parent)


def test_the_installed_program_lists_the_shipped_ensembles(programs: Path, tmp_path: Path) -> None:
    """``attention-moa ensemble list`` works from any folder."""
    shown = output_of(programs / "attention-moa", "ensemble", "list", folder=tmp_path)
    assert [name for name in sorted(SHIPPED) if name not in shown] == []
