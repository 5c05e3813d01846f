"""Changes of a page that is open, as the link sends them."""

from __future__ import annotations

from typing import TypeAlias

Op: TypeAlias = list[str | None]
"""A verb and its arguments, as ``static/link.js`` lists them."""
