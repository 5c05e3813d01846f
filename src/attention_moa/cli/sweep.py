"""``attention-moa sweep``: one benchmark over many variants of an ensemble, and what comes of it as figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from attention_moa.cli.bench_options import POSITIVE, data_option, ensemble_options, no_judge_option
from attention_moa.cli.exits import EXIT_CODES

if TYPE_CHECKING:
    from attention_moa.bench.sweep_file import SweepSpec
    from attention_moa.bench.sweep_points import Points
    from attention_moa.cli.sweep_running import Told


@click.command("sweep", epilog=EXIT_CODES)
@click.argument("sweep", metavar="[NAME|FILE]", required=False)
@click.option("-e", "--ensemble", metavar="NAME|FILE", help="Vary this ensemble.")
@click.option("--benchmark", metavar="TASK|FILE", help="Ask these questions.")
@data_option("Where a benchmark's own data is.")
@click.option("--judge", metavar="MODEL|FILE", help="Who judges: provider:model, or an ensemble.")
@no_judge_option
@click.option("--limit", type=POSITIVE, metavar="N", help="Ask N questions of each set.")
@click.option("--seed", type=int, metavar="S", help="Draw the N questions of --limit with this seed.")
@ensemble_options(layers="Let the ensemble have N layers.", spent_on="it")
@click.option("--json", "is_json", is_flag=True, help="Print the results as one JSON document.")
@click.option("--list", "is_list", is_flag=True, help="List the sweeps that come with the package.")
@click.option("--show", "is_show", is_flag=True, help="Print the sweep's file.")
@click.option("--points", "is_points", is_flag=True, help="List what would be run, and run nothing.")
def sweep(*, is_json: bool, is_list: bool, is_show: bool, is_points: bool, **told: object) -> int:
    """Run a benchmark over many variants of an ensemble: NAME of a shipped sweep, or FILE that describes one.

    Every call is kept in a journal: whatever ends the command, the same command goes on and pays for no call twice.
    """
    from attention_moa.bench.sweep_file import sweep_text
    from attention_moa.cli.output import room_of, say, say_file
    from attention_moa.cli.sweep_running import Told, run_sweep

    wanted = Told(**told)  # type: ignore[arg-type]  # click gives what the options above say
    if is_list:
        for line in _shipped_lines(room_of(sys.stdout)):
            say(line)
        return 0
    if wanted.sweep is None:
        raise click.UsageError("name a sweep, or a file (--list lists the sweeps that come with the package)")
    if is_show:
        say_file(sweep_text(wanted.sweep))
        return 0
    spec, points = _points(wanted)
    if is_points:
        for line in _point_lines(points, room_of(sys.stdout)):
            say(line)
        return 0
    return run_sweep(wanted, spec, points, is_json=is_json)


def _shipped_lines(room: int | None) -> Iterator[str]:
    from attention_moa.bench.sweep_file import load_sweep, shipped_sweeps
    from attention_moa.cli.layout import table

    found = [(name, load_sweep(name)) for name in shipped_sweeps()]
    rows = [(name, ", ".join(vary.axis for vary in one.vary), one.description) for name, one in found]
    yield from table(("name", "varies", "asks"), rows, room=room)


def _points(told: Told) -> tuple[SweepSpec, Points]:
    """Return the sweep as the command line changes it, and its points.

    Raises:
        ConfigError: The sweep, the ensemble or a value is wrong.
    """
    from msgspec.structs import replace

    from attention_moa.bench.sweep_file import load_sweep
    from attention_moa.bench.sweep_points import points_of
    from attention_moa.cli.options import require_runnable, with_layers
    from attention_moa.settings import load_spec

    fields = ("ensemble", "benchmark", "judge", "limit", "seed", "max_tokens")
    spec = replace(
        load_sweep(told.sweep or ""),
        **{field: value for field in fields if (value := getattr(told, field)) is not None},
    )
    base = load_spec(spec.ensemble)
    points = points_of(spec, base if told.layers is None else with_layers(base, told.layers))
    for point in points.points:
        require_runnable(point.system.spec)
    return spec, points


def _point_lines(points: Points, room: int | None) -> Iterator[str]:
    from attention_moa.cli.layout import table
    from attention_moa.schedule import count_calls

    rows = [
        (
            *point.labels,
            point.system.spec.strategy,
            str(len(point.system.spec.agents)),
            str(point.system.spec.layers),
            str(count_calls(point.system.spec)),
        )
        for point in points.points
    ]
    yield from table((*points.axes, "strategy", "N", "L", "calls a question"), rows, room=room)
    for line in points.left_out:
        yield f"left out: {line}"
