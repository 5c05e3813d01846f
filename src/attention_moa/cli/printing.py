"""What ``ask`` and ``runs resume`` print of a run, and how it is watched: their common options, in one object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from attention_moa.cli.options import with_options

if TYPE_CHECKING:
    from attention_moa.cli.running import Outcome, View
    from attention_moa.cli.views import Form
    from attention_moa.config import EnsembleSpec


def require_one(options: Mapping[str, bool]) -> None:
    """Raise a usage error where several options were given that exclude each other.

    Args:
        options: Whether each was given, by its name.
    """
    chosen = [name for name, is_on in options.items() if is_on]
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0]} and {chosen[1]} exclude each other")


def json_option(what: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return the option ``--json`` of a command; ``what`` is its help."""
    return click.option("--json", "is_json", is_flag=True, help=what)


_OPTIONS = (
    json_option("Print the whole record of the run: one JSON document."),
    click.option(
        "--events", "is_events", is_flag=True, help="Print what happens while it happens: one JSON event a line."
    ),
    click.option("-q", "--quiet", "is_quiet", is_flag=True, help="Print the answer and nothing else."),
    click.option(
        "--trace",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Write the whole record to FILE as JSON, also when the run fails or is interrupted.",
    ),
)


class Printing(NamedTuple):
    """What goes where.

    Args:
        form: What goes to standard output.
        trace: The file that the record goes to; None for none.
    """

    form: Form
    trace: Path | None = None

    def watch(self, spec: EnsembleSpec, run: Callable[[View], Outcome]) -> Outcome:
        """Return how a run ended that was shown while it went on.

        Args:
            spec: What runs.
            run: Makes the run. It is called with the view on the screen: what it imports may take its time.

        Raises:
            ConfigError: The trace could not be written; nothing was run.
        """
        from attention_moa.cli.views import choose_view

        with choose_view(spec, self.form) as view:
            if self.trace is not None:
                from attention_moa.cli.results import require_writable

                require_writable(self.trace)
            return run(view)


def printing_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of what is printed; it gets them as one argument, ``printing``."""

    @wraps(command)
    def collected(*, is_json: bool, is_events: bool, is_quiet: bool, trace: Path | None, **told: Any) -> int:
        from attention_moa.cli.views import choose_form

        form = choose_form(is_json=is_json, is_events=is_events, is_quiet=is_quiet)
        return command(printing=Printing(form, trace), **told)

    return with_options(collected, _OPTIONS)
