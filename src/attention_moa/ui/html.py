"""HTML made of templates: every value in it is escaped, unless it was made safe before. Pure."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from attention_moa.accounting import call_counts
from attention_moa.not_made import not_made
from attention_moa.plan import bound_of, bound_remark
from attention_moa.reading import reason_of
from attention_moa.records import RunRecord
from attention_moa.ui.figures import clock, money, number
from attention_moa.ui.keyboard import keys_of
from attention_moa.ui.run_states import told_state
from attention_moa.ui.visible import shown


def _lost(record: RunRecord) -> int:
    """Return how many calls of a run were lost."""
    return call_counts(record.calls, record.losses).lost


def _not_made(record: RunRecord) -> int:
    """Return how many of a run's planned calls were not made."""
    return sum(not_made(record))


def _seen(text: str) -> Markup:
    """Return a text as HTML, with signs for what could not be seen, or would turn what stands beside it."""
    return Markup(shown(text))  # noqa: S704 - escaped there


_EVERYWHERE = {"keys_of": keys_of, "told_state": told_state, "lost_calls": _lost, "calls_not_made": _not_made}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("attention_moa.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        seen=_seen, clock=clock, money=money, number=number, reason=reason_of, bound=bound_of, bound_remark=bound_remark
    )
    return made


def render(template: str, **values: object) -> Markup:
    """Return a template's HTML.

    Args:
        template: Its file's name.
        values: What stands in it; only ``Markup`` is taken as HTML.
    """
    return Markup(_environment().get_template(template, globals=_EVERYWHERE).render(**values))  # noqa: S704 - the environment escapes
