"""``attention-moa simulate``: a fleet of simulated models behind an OpenAI-compatible API on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.numbers import Whole

if TYPE_CHECKING:
    from attention_moa.fleet import FleetSpec

_EPILOG = """\b
Exit codes:
  0    ended by Ctrl-C (or terminated)
  2    the command line or the fleet's file is wrong, or the port is taken"""


@click.command(epilog=_EPILOG)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("-p", "--port", type=Whole(0, 65535), default=8090, show_default=True,
              help="Where to listen, on 127.0.0.1; 0 takes a free port.")  # fmt: skip
@click.option("-o", "--ensemble", "ensemble_file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Write an ensemble of the fleet's models to FILE.")  # fmt: skip
@click.option("--key", metavar="KEY", help="Refuse requests that do not bring this API key.")
@click.option("--seed", type=int, help="Draw otherwise: replaces seed in FILE.")
@click.option("--time-scale", type=float, metavar="X",
              help="Real seconds for a simulated one, 0 for no waiting: replaces time_scale.")  # fmt: skip
@click.option("--stop-rate", type=float, metavar="SHARE",
              help="How often a run is told that it may stop, 0 to 1: replaces stop_rate.")  # fmt: skip
@click.option("--faults", "fault_rate", type=float, metavar="SHARE",
              help="Each of the ten common faults for this share of the requests: replaces all [faults].")  # fmt: skip
@click.option("--log", "log_file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Add a line of JSON to FILE for each request that is over.")  # fmt: skip
@click.option("--log-messages", "has_messages", is_flag=True,
              help="Log the messages and the text of the reply too; needs --log.")  # fmt: skip
@click.option("--show", "is_show", is_flag=True,
              help="Print FILE, or the ready fleet's: the beginning of one of your own.")  # fmt: skip
def simulate(
    *,
    file: Path | None,
    port: int,
    ensemble_file: Path | None,
    key: str | None,
    seed: int | None,
    time_scale: float | None,
    stop_rate: float | None,
    fault_rate: float | None,
    log_file: Path | None,
    has_messages: bool,
    is_show: bool,
) -> int:
    """Pretend to be several models: serve the fleet that the TOML file FILE describes until Ctrl-C.

    Without FILE: five models of different speeds. They write plain words without a meaning, take the time that their
    settings say, cache prefixes, and fail as often as they are told to; every request is drawn from a seed, so that a
    run can be repeated. Try an ensemble's cost and speed on it before paying, or see how it takes faults.
    """
    if has_messages and log_file is None:
        raise click.UsageError("--log-messages needs --log FILE")
    from attention_moa.fleet.files import fleet_text, load_fleet

    spec = load_fleet(file)
    if is_show:
        from attention_moa.cli.output import say_file

        say_file(fleet_text(file))
        return 0
    spec = _changed(spec, seed=seed, time_scale=time_scale, stop_rate=stop_rate)
    if fault_rate is not None:
        spec = _with_faults(spec, fault_rate)
    import asyncio

    from attention_moa.cli.simulating import serve
    from attention_moa.fleet import Fleet

    fleet = Fleet(spec, port=port, key=key, log_file=log_file, has_messages=has_messages, most_visits=1000)
    return asyncio.run(serve(fleet, ensemble_file=ensemble_file, has_key=key is not None))


def _changed(spec: FleetSpec, **options: float | None) -> FleetSpec:
    """Return the fleet with what the options say; None leaves it as it is."""
    from msgspec.structs import replace

    return replace(spec, **{name: value for name, value in options.items() if value is not None})


def _with_faults(spec: FleetSpec, rate: float) -> FleetSpec:
    from msgspec.structs import replace

    from attention_moa.fleet.spec import FaultSpec

    models = tuple(replace(model, faults=None) for model in spec.models)
    return replace(spec, models=models, faults=FaultSpec.of_each(rate))
