"""What is printed of a run: options as one value, the view around the run, the trace looked at before it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from attention_moa.cli.printing import Printing, printing_options, require_one
from attention_moa.cli.running import Outcome, View
from attention_moa.cli.views import Form
from attention_moa.errors import ConfigError
from tests.worlds import World, a_spec

SEEN: list[Printing] = []


@click.command()
@printing_options
def prints(*, printing: Printing) -> int:
    """Keep what it is told."""
    SEEN.append(printing)
    return 0


def test_the_options_reach_a_command_as_one_value() -> None:
    """The form that the flags ask for, and the trace."""
    SEEN.clear()
    prints.main([], standalone_mode=False)
    prints.main(["-q", "--trace", "x.json"], standalone_mode=False)
    assert [Printing(Form.ANSWER), Printing(Form.QUIET, Path("x.json"))] == SEEN
    with pytest.raises(click.UsageError, match="--json and --events exclude each other"):
        prints.main(["--json", "--events"], standalone_mode=False)


def test_a_run_is_made_under_its_view(capsys: pytest.CaptureFixture[str]) -> None:
    """It says nothing before the run does."""
    spec = a_spec(2, layers=1, name="mine")
    outcome = Outcome(World(spec).run())
    views: list[View] = []

    def run(view: View) -> Outcome:
        views.append(view)
        return outcome

    assert Printing(Form.ANSWER).watch(spec, run) is outcome
    assert len(views) == 1
    assert capsys.readouterr().err == ""


def test_exclusive_options_are_named() -> None:
    """The first two of those that were given."""
    require_one({"--json": True, "--calls": False})
    with pytest.raises(click.UsageError, match="--json and --brief exclude each other"):
        require_one({"--json": True, "--calls": False, "--brief": True})


def _never(_: View) -> Outcome:
    raise AssertionError("nothing may run")


def test_a_trace_that_cannot_be_written_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    """The run is not begun."""
    printing = Printing(Form.QUIET, tmp_path / "none" / "x.json")
    with pytest.raises(ConfigError, match="cannot be written"):
        printing.watch(a_spec(1), _never)
