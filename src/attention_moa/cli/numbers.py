"""Numbers on a command line: one that is none is told in our words, with what would be one."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

import click


class Whole(click.IntRange):
    """A whole number from a bound up, or to another one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - as click
        """Return the number; raise a usage error where it is none, or not in the range."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            most = "up" if self.max is None else f"to {self.max:,}"
            what = f"write a whole number from {self.min or 0:,} {most}, not {str(value)!r}"
            raise click.BadParameter(what, ctx, param) from error


class Number(click.FloatRange):
    """A finite number above a bound, or from the bound up."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as click
        """Return the number; raise a usage error where it is none, not finite, or not in the range."""
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = nan
        if isfinite(number):
            return number
        least = f"above {self.min or 0:g}" if self.min_open else f"from {self.min or 0:g} up"
        raise click.BadParameter(f"write a finite number {least}, not {str(value)!r}", ctx, param)
