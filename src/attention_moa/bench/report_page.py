"""A report as one HTML file: text, tables, figures and answers, with everything in it that a browser needs.

All text is data: it is escaped where it is put in, and the page's own policy lets the browser run our two scripts by
their hashes and nothing else, and ask no address for anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TypeAlias

import msgspec
from msgspec import Struct

from attention_moa.bench.plots import Figure
from attention_moa.bench.plots_plotly import chart_of, plotly_script

_PAGES = "bench/pages"
_ENDS = re.compile(r"</(?=script)|<!--", re.IGNORECASE)


class Cell(Struct, frozen=True, kw_only=True):
    """One field of a table.

    Args:
        text: What it says.
        note: What stands below in small letters: an interval, say.
        is_number: Whether it is set to the right.
        link: The address of a part of the page, or of a file beside it; None for none.
    """

    text: str
    note: str = ""
    is_number: bool = True
    link: str | None = None


class Table(Struct, frozen=True, kw_only=True, tag="table"):
    """Rows.

    Args:
        headings: One a column; the first column names the rows.
        rows: Cells, as many as there are headings.
        caption: What a reader has to know.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


class Words(Struct, frozen=True, kw_only=True, tag="words"):
    """Paragraphs.

    Args:
        lines: One a paragraph.
        is_list: Whether they are points of a list.
    """

    lines: tuple[str, ...]
    is_list: bool = False


class Listing(Struct, frozen=True, kw_only=True, tag="listing"):
    """Something long that is folded away: settings, say.

    Args:
        summary: The line that opens it.
        text: As it is, line by line.
    """

    summary: str
    text: str


class Reply(Struct, frozen=True, kw_only=True):
    """What one system said.

    Args:
        system: Who.
        text: The answer; None where there is none.
        facts: What it took, in a line.
        flags: ``failed``, ``truncated`` …: what can be filtered by.
    """

    system: str
    text: str | None
    facts: str = ""
    flags: tuple[str, ...] = ()


class Asked(Struct, frozen=True, kw_only=True):
    """A question and what came of it.

    Args:
        name: Its id, and the turn where there are several.
        text: What was asked.
        category: What it counts to.
        reference: The right answer; None where there is none.
        replies: One a system.
    """

    name: str
    text: str
    category: str = ""
    reference: str | None = None
    replies: tuple[Reply, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """What can be filtered by."""
        return tuple(dict.fromkeys(flag for reply in self.replies for flag in reply.flags))


class Questions(Struct, frozen=True, kw_only=True, tag="questions"):
    """All questions, to be searched and filtered.

    Args:
        asked: In order.
    """

    asked: tuple[Asked, ...]

    @property
    def categories(self) -> tuple[str, ...]:
        """What there is to choose from."""
        return tuple(dict.fromkeys(one.category for one in self.asked if one.category))

    @property
    def flags(self) -> tuple[str, ...]:
        """What there is to choose from."""
        return tuple(dict.fromkeys(flag for one in self.asked for flag in one.flags))


Part: TypeAlias = Table | Words | Listing | Questions | Figure


class Section(Struct, frozen=True, kw_only=True):
    """A heading and what is under it.

    Args:
        title: The heading.
        parts: In order.
    """

    title: str
    parts: tuple[Part, ...]


class Page(Struct, frozen=True, kw_only=True):
    """A whole report.

    Args:
        title: What it is about.
        lead: What came out, in a sentence; empty for none.
        facts: Names and values that stand at the top.
        warnings: What a reader must not miss.
        sections: In order.
    """

    title: str
    lead: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


def render_page(page: Page) -> str:
    """Return the HTML of a report.

    Args:
        page: The report.

    Raises:
        ConfigError: What draws figures is not installed.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    charts = [
        chart_of(part, panel)
        for section in page.sections
        for part in section.parts
        if isinstance(part, Figure)
        for panel in part.panels
    ]
    scripts = [_inert(plotly_script()), _inert(_asset("page.js"))] if charts else [_inert(_asset("page.js"))]
    return environment.from_string(_asset("page.html")).render(
        page=page,
        style=_asset("page.css"),
        scripts=scripts,
        policy=" ".join(f"'sha256-{_hash(script)}'" for script in scripts),
        charts=_in_script(msgspec.json.encode(charts).decode()),
        kind_of=_kind_of,
    )


def _kind_of(part: Part) -> str:
    return "figure" if isinstance(part, Figure) else str(part.__struct_config__.tag)


def _inert(script: str) -> str:
    """Return a script of ours that the element which holds it cannot mistake for its own end."""
    return _ENDS.sub(lambda found: f"\\x3c{found[0][1:]}", script.replace("\r\n", "\n"))


def _in_script(document: str) -> str:
    """Return JSON that no parser of HTML reads as anything else."""
    return document.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _asset(name: str) -> str:
    return resources.files("attention_moa").joinpath(_PAGES, name).read_text(encoding="utf-8")
