"""``/keys-help?page=PAGE``: the keys of a page's keyboard, for who has no script that shows them over it."""

from __future__ import annotations

from attention_moa.ui.html import render
from attention_moa.ui.still import Look, Shown


async def show(look: Look) -> Shown:
    """Return the keys of the page that the address names, and those of all pages."""
    return Shown(title="Keys", body=render("keys-page.html", keys=look.field("page")), tab="")
