"""The command line and the library start at once: nothing heavy is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp",
    "fastapi",
    "genai_prices",
    "httpx",
    "jinja2",
    "langdetect",
    "nicegui",
    "numpy",
    "openai",
    "pydantic",
    "pydantic_ai",
    "rapidfuzz",
    "rich",
    "sqlalchemy",
    "xllamacpp",
}


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a new interpreter has loaded after running some code."""
    shown = f"import sys\n{code}\nprint('\\n' + ' '.join(sys.modules), file=sys.stderr)"
    child = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=False, timeout=300)
    assert child.returncode == 0, child.stderr
    return {name.partition(".")[0] for name in child.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_a_heavy_library_that_is_loaded_would_be_seen(name: str) -> None:
    """The measure works: a module by that name shows up in it."""
    assert name in modules_after(f"import types; sys.modules[{name!r}] = types.ModuleType({name!r})")


def test_importing_the_library_loads_nothing_heavy() -> None:
    """``import attention_moa`` leaves models, servers and the network alone."""
    loaded = modules_after("import attention_moa")
    assert "attention_moa" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["--version"],
        ["ask", "--help"],
        ["ensemble", "--help"],
        ["bench", "score", "--help"],
        ["serve", "--help"],
    ],
)
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    """Asking for help needs no model, and no library that talks to one."""
    loaded = modules_after(
        f"from attention_moa.cli import main\n"
        f"sys.argv = ['attention-moa', *{command!r}]\n"
        f"try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert "click" in loaded
    assert loaded & HEAVY == set()
