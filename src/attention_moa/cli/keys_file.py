"""A key on its way out: to standard output, or into a file that nobody else may read."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from attention_moa.errors import ConfigError


@contextmanager
def key_written(to: Path | None) -> Generator[Callable[[str], None]]:
    """Lend what a new key is told by; a file for it is there beforehand, or no key is made at all.

    Args:
        to: The file, which is made, readable for this user alone; taken away again where no key comes. None for
            standard output.

    Raises:
        ConfigError: There is such a file already, or it cannot be made.
    """
    if to is None:
        from attention_moa.cli.output import say

        yield say
        return
    try:
        opened = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        message = f"{str(to)!r} is there already and may hold a key that is good: name another file, or delete it"
        raise ConfigError(message, key="--to") from error
    except OSError as error:
        raise ConfigError(f"{str(to)!r} cannot be written: {error.strerror}", key="--to") from error
    try:
        with os.fdopen(opened, "w", encoding="ascii") as file:
            yield lambda secret: print(secret, file=file)
    except BaseException:  # whatever kept the key from being made: an empty file would pass for one
        to.unlink()
        raise
