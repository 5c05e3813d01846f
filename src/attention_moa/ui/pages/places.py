"""The addresses of the pages that stand still."""

from __future__ import annotations

import re

from attention_moa.ui.pages import compare, keys_help, money, runs
from attention_moa.ui.still import Place, Show

_RUN = r"/runs/(?P<run>[^/]+)"


def _place(pattern: str, show: Show, method: str = "GET") -> Place:
    return Place(re.compile(pattern), method, show)


PLACES = (
    _place("/runs", runs.show_list),
    _place("/compare", compare.show),
    _place("/keys-help", keys_help.show),
    _place(f"{_RUN}/money", money.show),
    _place(f"{_RUN}/export", runs.show_file),
    _place(f"{_RUN}/delete", runs.show_deletion),
    _place(f"{_RUN}/delete", runs.delete, "POST"),
    _place(f"{_RUN}/resume", runs.resume, "POST"),
)
"""Each with what shows it."""
