"""The prompt templates: Markdown files with Jinja2 marks, ours or a user's own.

Templates run in Jinja2's sandbox and can reach nothing but the values that the stage hands them. A folder of the user's
may replace any of ours by a file of the same name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from attention_moa.config import PromptStyle
from attention_moa.errors import ConfigError

NAMES = (
    "answer",
    "compensate",
    "critique",
    "extract",
    "format",
    "panel",
    "refine",
    "repair",
    "residual",
    "select",
    "self_critique",
    "summary",
    "tools",
)


class Templates:
    """The templates of a run, compiled once.

    Args:
        sources: Template text by name; all of ``NAMES``.

    Raises:
        ConfigError: A template's syntax is wrong; the text names file and line.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Compile every template."""
        self.sources: Mapping[str, str] = MappingProxyType(dict(sources))
        self._compiled: dict[str, Template] = {}
        for name, source in sources.items():
            try:
                self._compiled[name] = _compiled(source)
            except TemplateSyntaxError as error:
                raise ConfigError(f"{name}.md, line {error.lineno}: {error.message}", key="prompts.folder") from error

    def render(self, name: str, /, **values: Any) -> str:
        """Return a template's text with its values put in, white space around it stripped.

        Raises:
            ConfigError: The template uses a value that its stage does not have, or does what the sandbox forbids.
        """
        try:
            return self._compiled[name].render(**values).strip()
        except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            raise ConfigError(f"{name}.md: {error}", key="prompts.folder") from error

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a template's source, in hex: a changed template is another template."""
        return hashlib.sha256(self.sources[name].encode()).hexdigest()


@lru_cache(maxsize=4 * len(NAMES))
def _compiled(source: str) -> Template:
    """Return a template; compiling ours anew for each run and each plan would take longer than the plan does."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    return environment.from_string(source)


def load_templates(folder: Path | None = None, *, style: PromptStyle = "full") -> Templates:
    """Return our templates, with those of a user's folder in the place of ours.

    Args:
        style: ``small`` takes the shorter ones, where there are such.
        folder: Holds ``answer.md``, ``critique.md`` and so on, any of them; None for ours alone.

    Raises:
        ConfigError: The folder or a file in it cannot be read, or has a name that no stage uses.
    """
    ours = resources.files("attention_moa.prompts")
    sources = {name: ours.joinpath(f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
    if style == "small":
        shorter = (ours.joinpath("small", f"{name}.md") for name in NAMES)
        sources.update(
            {file.name.removesuffix(".md"): file.read_text(encoding="utf-8") for file in shorter if file.is_file()}
        )
    if folder is not None:
        sources.update(_read_folder(folder))
    return Templates(sources)


def _read_folder(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is no folder: give one that holds .md templates", key="prompts.folder")
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.md")):
        if path.stem not in NAMES:
            known = ", ".join(f"{name}.md" for name in NAMES)
            raise ConfigError(f"{path.name} is no template of any stage: the names are {known}", key="prompts.folder")
        try:
            found[path.stem] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path.name} cannot be read: {error}", key="prompts.folder") from error
    if not found:
        raise ConfigError(f"{str(folder)!r} holds no .md template", key="prompts.folder")
    return found
