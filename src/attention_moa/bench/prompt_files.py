"""Prompt templates that come with a benchmark's data: only their own placeholders are filled, and each once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attention_moa.errors import ConfigError

_PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")


def fill(template: str, values: Mapping[str, str], *, key: str) -> str:
    """Return a template with its placeholders filled; braces in what is put in stay as they are.

    Args:
        template: Its placeholders are ``{name}``.
        values: By name; those that the template does not have are left out.
        key: What the template is called, for errors.

    Raises:
        ConfigError: The template has a placeholder that nothing is known for.
    """
    unknown = next((name for name in _PLACEHOLDER.findall(template) if name not in values), None)
    if unknown is not None:
        raise ConfigError(f"nothing is known to put in the place of {{{unknown}}}", key=key)
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)
