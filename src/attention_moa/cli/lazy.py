"""A group of commands that imports a command when it is called, not when it is listed."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A click group whose commands are only named until one of them is wanted.

    Args:
        lazy: For each name the place of the command (``package.module:attribute``) and its line in the list.
        others: As ``click.Group`` takes them.
    """

    def __init__(self, *, lazy: Mapping[str, tuple[str, str]], **others: Any) -> None:
        """Keep the names."""
        super().__init__(**others)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in their order."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command, imported now; None where there is none of that name."""
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command's name; an option of the command's own is told to stand behind it."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            named = next((word for word in args if word in self._lazy), None)
            if named is None:
                raise
            message = f"{error.option_name} is no option of {ctx.command_path}: options of {named} stand behind {named}"
            raise click.UsageError(message, ctx) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called; where there is none of that name, the nearest is told."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            nearest = get_close_matches(args[0], self._lazy, n=1)
            if not nearest:
                raise
            raise click.UsageError(f"{error.format_message()} Did you mean {nearest[0]}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])
