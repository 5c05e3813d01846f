"""The project's own files: locks, Makefile, settings, documentation, and what no file may hold."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions that a lock file pins, by package name; more than one where a marker decides."""
    found: dict[str, set[str]] = {}
    for name, pin in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(pin)
    return found


def wanted(*groups: str) -> list[Requirement]:
    """Return what pyproject.toml asks for: the dependencies, and those of the extras and groups that are named."""
    project = pyproject()
    optional = project["project"]["optional-dependencies"] | project["dependency-groups"]
    texts = [*project["project"]["dependencies"], *(text for group in groups for text in optional[group])]
    return [Requirement(text) for text in texts if isinstance(text, str)]


def locked_extras() -> list[str]:
    """Return the extras that are locked: all but the one whose packages are tested in an environment of their own."""
    return [extra for extra in pyproject()["project"]["optional-dependencies"] if extra != "inspect"]


def layers_of_the_tree() -> list[list[str]]:
    """Return the layers that import-linter holds, from the top: the modules of each."""
    contract = pyproject()["tool"]["importlinter"]["contracts"][0]
    return [re.findall(r"\w+", layer) for layer in contract["layers"]]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_a_hash(lock: str) -> None:
    """A lock names each package with its version and at least one hash, and says nothing else."""
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip())
    assert blocks
    for block in blocks:
        assert re.fullmatch(r"[\w.-]+==\S+( ; [^\\]+)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\\n)?)+", block), block


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_brings_a_c_build_or_a_tensor_library(lock: str) -> None:
    """The packages that the weights' package declares, and does not need here, stay out; so does torch."""
    assert not {"llm", "llama-cpp-python", "torch", "transformers"} & pins(lock).keys()


def test_the_development_lock_holds_the_other_one() -> None:
    """What is tested is what runs: the same versions in both locks."""
    run, development = (pins(lock) for lock in LOCKS)
    assert run.items() <= development.items()


@pytest.mark.parametrize(
    ("lock", "groups"),
    [
        ("requirements.lock", ["embedded", "build"]),
        ("requirements-dev.lock", [*locked_extras(), "build", "docs", "dev"]),
    ],
)
def test_the_locks_fit_what_pyproject_asks_for(lock: str, groups: list[str]) -> None:
    """After a change in pyproject.toml the locks are made anew: every wish is met by a pin."""
    pinned = pins(lock)
    for requirement in wanted(*groups):
        found = pinned.get(re.sub(r"[-_.]+", "-", requirement.name).lower(), set())
        assert found, f"{requirement} is not in {lock}: make lock"
        assert all(requirement.specifier.contains(pin) for pin in found), f"{requirement}: make lock"


def test_all_locked_extras_go_into_the_lock() -> None:
    """An extra that is new in pyproject.toml is new in the Makefile too."""
    (line,) = re.findall(r"^EXTRAS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(line.split()) == sorted(locked_extras())


def test_every_extra_for_a_vendor_exists_in_the_provider_library() -> None:
    """An extra that asks the provider library for an extra asks for one that it has."""
    offered = set(metadata("pydantic-ai-slim").get_all("Provides-Extra") or ())
    asked = {
        extra
        for requirement in wanted(*pyproject()["project"]["optional-dependencies"])
        if requirement.name == "pydantic-ai-slim"
        for extra in requirement.extras
    }
    assert asked
    assert asked <= offered


def test_the_coverage_rule_of_the_engine_covers_all_its_layers() -> None:
    """The Makefile's list of what must be covered whole is the contract's layers from errors up to the ensemble."""
    layers = layers_of_the_tree()
    above = next(place for place, modules in enumerate(layers) if "ensemble" in modules)
    engine = {module for modules in layers[above:] for module in modules}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    listed = re.search(r"^ENGINE := (.*)$", makefile, re.MULTILINE)
    assert listed
    assert {*listed[1].split(), "prompts", "baselines"} == engine


def test_every_page_of_the_documentation_is_in_its_navigation() -> None:
    """No page is left where nobody finds it."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert pages
    assert [page for page in pages if not re.search(rf": {re.escape(page)}$", navigation, re.MULTILINE)] == []


def test_the_citation_names_the_version() -> None:
    """Who cites the software cites the version that is in the package."""
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version('attention-moa')}\n" in citation
    assert "2601.16596" in citation


def tracked_files() -> list[Path]:
    """Return the files that git keeps and that exist."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60)
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_holds_what_belongs_to_one_machine_or_to_nobody() -> None:
    """No registry address, no path of a home or work folder, no note to oneself is committed."""
    home, here = Path.home(), ROOT.parent
    folders = [re.escape(f"{folder}/") for folder in (home, here) if len(folder.parts) > 2]
    # Written in pieces, so that this file does not hold them itself.
    patterns = [
        "pypi" r"\.org|pythonhosted" r"\.org|registry\.npm" r"js|deb\.deb" r"ian\.org",
        r"(?<![\w.~-])/(home|root|work|Users)/\w",
        *(rf"(?<![\w.~-]){folder}" for folder in folders),
        r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b",
        r"(?i:co-authored" r"-by:|sub-?" r"agent)",
    ]
    forbidden = re.compile("|".join(patterns))
    found = []
    for path in tracked_files():
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), start=1):
            if forbidden.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_a_rule_that_is_waived_on_a_line_is_waived_for_a_reason() -> None:
    """The reason stands on the line, for linters and type checkers and where every exception is caught."""
    waiver = re.compile(r"# (noqa|type: ignore|pyright: ignore)\b|^\s*except BaseException\b")
    reasoned = re.compile(r"# noqa: [A-Z0-9, ]+ - \S|: ignore\[[\w, -]+\] +# \S|BaseException( as \w+)?: +# \S")
    folders = (ROOT / "tests", ROOT / "src", ROOT / "benchmarks", ROOT / "examples", ROOT / "scripts")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked_files()
        if path.suffix == ".py" and any(folder in path.parents for folder in folders) and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if waiver.search(line) and not reasoned.search(line)
    ]
    assert found == []


def test_no_file_of_the_package_is_longer_than_four_hundred_lines() -> None:
    """What has grown so long is about two things, and is read by nobody."""
    files = [path for path in tracked_files() if ROOT / "src" in path.parents]
    lengths = {str(path.relative_to(ROOT)): path.read_bytes().count(b"\n") for path in files}
    assert lengths
    assert {name: count for name, count in lengths.items() if count > 400} == {}
