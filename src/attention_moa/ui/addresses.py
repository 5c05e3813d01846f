"""The page's addresses as patterns, ``/runs/{run_id}/layers/{layer}``: for who counts requests. Pure."""

from __future__ import annotations

_METHODS = frozenset({"GET", "HEAD", "POST"})
_FILES = frozenset({"_page", "_nicegui", "_nicegui_ws"})
_VALUES = {"runs": "{run_id}", "layers": "{layer}", "ensembles": "{name}", "benchmarks": "{report}"}
"""What follows a word of an address."""

_WORDS = frozenset(
    (
        "login",
        "leave",
        "favicon.ico",
        "compare",
        "keys-help",
        "money",
        "live",
        "export",
        "delete",
        "resume",
        "replay",
        "report",
    )
) | frozenset(_VALUES)


def pattern_of(path: str, method: str) -> str:
    """Return one of the page's addresses as a pattern; empty where it is none that is known by its words.

    However many paths there are, there are only so many patterns: what somebody made up stands in none of them.

    Args:
        path: An address that the page serves.
        method: HTTP's; empty comes back for one that the page has not.
    """
    if method not in _METHODS:
        return ""
    steps = path.split("/")[1:]
    if steps[0] in _FILES:
        return f"/{steps[0]}/{{file}}"
    if steps == [""]:
        return "/"
    told: list[str] = []
    for step in steps:
        before = told[-1] if told else ""
        known = _VALUES.get(before) or (step if step in _WORDS else "")
        if not known:
            return ""
        told.append(known)
    return "/" + "/".join(told)
