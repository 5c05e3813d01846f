"""A fleet while it serves: how to use it, what it does, and its end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from attention_moa.cli.account import count
from attention_moa.cli.fleet_counts import describe
from attention_moa.cli.fleet_views import LiveCounts, PlainCounts
from attention_moa.cli.output import room_of, say
from attention_moa.cli.running import Signals
from attention_moa.errors import ConfigError
from attention_moa.fleet import Fleet
from attention_moa.fleet.snippet import KEY_VARIABLE, agent_names, render_ensemble

_MARK = "# Written by attention-moa simulate, which replaces this file; rename it to keep it.\n"


async def serve(fleet: Fleet, *, ensemble_file: Path | None, has_key: bool) -> int:
    """Return the exit code once the fleet was told to end.

    Args:
        fleet: The fleet; it does not listen yet.
        ensemble_file: Where to write an ensemble of its models; None for nowhere.
        has_key: Whether it asks for a key.

    Raises:
        ConfigError: The port is taken, or a file cannot be written.
    """
    if ensemble_file is not None:
        _require_ours(ensemble_file)
    async with fleet:
        if ensemble_file is not None:
            _write(ensemble_file, _MARK + render_ensemble(fleet.spec, fleet.base_url, has_key=has_key))
        for line in _introduction(fleet, ensemble_file, has_key=has_key):
            say(line)
        with Signals(lambda: None) as signals:
            try:
                with _view(fleet):
                    await asyncio.Event().wait()
            except asyncio.CancelledError:
                if signals.caught is None:
                    raise
                signals.task.uncancel()
    for line in describe(fleet.stats, fleet.bad_requests, room=room_of(sys.stdout)):
        say(line)
    return 0


def _view(fleet: Fleet) -> AbstractContextManager[object]:
    """Return the live table where somebody looks at one, else a line now and then."""
    terminal = next((stream for stream in (sys.stderr, sys.stdout) if stream.isatty()), None)
    return PlainCounts(fleet) if terminal is None else LiveCounts(fleet, terminal)


def _introduction(fleet: Fleet, ensemble_file: Path | None, *, has_key: bool) -> list[str]:
    spec = fleet.spec
    speed = "without waiting" if not spec.time_scale else f"time scale {spec.time_scale:g}"
    lines = [f"{count(len(spec.models), 'simulated model')} at {fleet.base_url} ({speed}, seed {spec.seed})"]
    if has_key:
        lines.append(f"a key is asked for: export {KEY_VARIABLE}=… (ensembles take it from there)")
    if ensemble_file is not None:
        lines.append(f"try: attention-moa ask -e {ensemble_file} 'Why is the sky blue?'")
    else:
        key = [f'api_key_env = "{KEY_VARIABLE}"'] if has_key else []
        lines += [
            "in an ensemble (--ensemble FILE writes a whole one):",
            "  [[agents]]",
            f'  name = "{agent_names(spec)[0]}"',
            f'  model = "openai:{spec.models[0].name}"',
            f'  base_url = "{fleet.base_url}"',
            *(f"  {line}" for line in key),
        ]
        if len(spec.models) > 1:
            lines.append(f"and so on for {', '.join(model.name for model in spec.models[1:])}")
    address = fleet.base_url.removesuffix("/v1")
    return [*lines, f"counts at {address}/stats; Ctrl-C ends it", ""]


def _require_ours(path: Path) -> None:
    """Raise a ``ConfigError`` for a file that somebody else wrote: it is not replaced."""
    try:
        if path.exists() and not path.read_bytes().startswith(_MARK.encode()):
            raise ConfigError(f"{str(path)!r} is there already: choose another name", key="--ensemble")
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error.strerror}", key="--ensemble") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be written: {error.strerror}", key="--ensemble") from error
