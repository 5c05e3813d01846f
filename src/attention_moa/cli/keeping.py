"""What a command line says of the journal and of limits: options that several commands share, put into one object."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from attention_moa.cli.numbers import Number, Whole
from attention_moa.cli.options import with_options
from attention_moa.cli.printing import require_one

if TYPE_CHECKING:
    from attention_moa.config import EnsembleSpec
    from attention_moa.journaling import RunWish

journal_option = click.option(
    "--journal",
    metavar="PATH|URL",
    help="The journal of all calls: a file, or postgresql+asyncpg://…; else ATTENTION_MOA_JOURNAL says which, else it "
    "is a file in your data directory.",
)
reuse_option = click.option(
    "--reuse", "has_reuse", is_flag=True, help="Take replies to equal calls out of other runs, unpaid."
)
_JOURNAL = (
    journal_option,
    click.option("--no-journal", "is_unjournaled", is_flag=True, help="Keep no journal: an interrupted run is lost."),
    click.option("--fresh", "is_fresh", is_flag=True, help="Begin anew, also where an equal run was interrupted."),
    reuse_option,
    click.option("--replay", "is_replay", is_flag=True, help="Send nothing: what the journal lacks is an error."),
)
_POSITIVE = Number(min=0, min_open=True)
_LIMITS = (
    click.option("--usd", type=_POSITIVE, metavar="USD", help="Spend at most so many US dollars."),
    click.option("--tokens", type=Whole(min=1), metavar="N", help="Use at most so many tokens."),
    click.option(
        "--deadline",
        type=_POSITIVE,
        metavar="S",
        help="Answer within so many seconds, counted from when libraries and journal are open: 1 to 3 s after the "
        "start, and nothing is sent before.",
    ),
)


class Limits(NamedTuple):
    """Limits of a run from the command line; None leaves what the ensemble says.

    Args:
        usd: Money.
        tokens: Prompt and reply, all calls together.
        deadline: Seconds.
    """

    usd: float | None = None
    tokens: int | None = None
    deadline: float | None = None

    def apply(self, spec: EnsembleSpec) -> EnsembleSpec:
        """Return the ensemble with these limits in the place of its own.

        Raises:
            ConfigError: One is no number from above 0.
        """
        named = {"usd": self.usd, "tokens": self.tokens, "deadline_s": self.deadline}
        told = {field: limit for field, limit in named.items() if limit is not None}
        if not told:
            return spec
        from msgspec.structs import replace

        return replace(spec, limits=replace(spec.limits, **told))


class Keeping(NamedTuple):
    """Which journal, which run in it, and which limits.

    Args:
        journal: What was said of it; None for the default.
        is_unjournaled: Whether there is to be none.
        is_fresh: Whether an interrupted equal run is left alone.
        has_reuse: Whether replies of other runs serve this one.
        is_replay: Whether no new call may be made.
        limits: Of money, tokens, time.
    """

    journal: str | None = None
    is_unjournaled: bool = False
    is_fresh: bool = False
    has_reuse: bool = False
    is_replay: bool = False
    limits: Limits = Limits()

    @property
    def place(self) -> str | Path | None:
        """The journal's path or URL; None for none."""
        return None if self.is_unjournaled else where_is(self.journal)

    @property
    def wish(self) -> RunWish:
        """Which run of the journal."""
        from attention_moa.journaling import RunWish

        return RunWish(is_fresh=self.is_fresh)

    def require(self) -> Keeping:
        """Return this; raise a usage error for options that exclude each other."""
        require_one({"--replay": self.is_replay, "--fresh": self.is_fresh})
        others = {"--journal": self.journal is not None, "--fresh": self.is_fresh, "--reuse": self.has_reuse}
        chosen = [name for name, is_on in {**others, "--replay": self.is_replay}.items() if is_on]
        if self.is_unjournaled and chosen:
            raise click.UsageError(f"--no-journal and {chosen[0]} exclude each other")
        return self


def where_is(journal: str | None) -> str | Path:
    """Return a journal's path or URL; the default one where none was named."""
    from attention_moa.settings import default_journal

    return default_journal() if journal is None else journal


def named(journal: str | Path) -> str:
    """Return how a command line names a journal, a space before it; nothing for the default one.

    A URL is not repeated: it may hold a password.
    """
    if journal == where_is(None):
        return ""
    return " --journal URL" if "://" in str(journal) else f" --journal {quote(str(journal))}"


def keeping_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of journal and limits; it gets them as one argument, ``keeping``."""

    @wraps(command)
    def collected(
        *,
        journal: str | None,
        is_unjournaled: bool,
        is_fresh: bool,
        has_reuse: bool,
        is_replay: bool,
        usd: float | None,
        tokens: int | None,
        deadline: float | None,
        **told: Any,
    ) -> int:
        limits = Limits(usd, tokens, deadline)
        keeping = Keeping(journal, is_unjournaled, is_fresh, has_reuse, is_replay, limits)
        return command(keeping=keeping.require(), **told)

    return with_options(collected, (*_JOURNAL, *_LIMITS))


def limit_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of limits; it gets them as one argument, ``limits``."""

    @wraps(command)
    def collected(*, usd: float | None, tokens: int | None, deadline: float | None, **told: Any) -> int:
        return command(limits=Limits(usd, tokens, deadline), **told)

    return with_options(collected, _LIMITS)
