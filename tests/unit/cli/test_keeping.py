"""What a command line says of the journal and of limits."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from attention_moa.cli.keeping import Keeping, Limits, keeping_options, limit_options, named, where_is
from attention_moa.config import LimitSpec
from attention_moa.errors import ConfigError
from attention_moa.settings import default_journal
from tests.worlds import a_spec


def test_a_limit_takes_the_place_of_the_ensembles_own_and_leaves_the_others() -> None:
    """None says nothing."""
    spec = a_spec(2, limits=LimitSpec(tokens=1_000, deadline_s=5.0))
    assert Limits().apply(spec) is spec
    assert Limits(usd=0.5, tokens=2_000).apply(spec).limits == LimitSpec(usd=0.5, tokens=2_000, deadline_s=5.0)
    assert Limits(deadline=1.5).apply(spec).limits == LimitSpec(tokens=1_000, deadline_s=1.5)


def test_a_limit_that_is_no_number_is_refused() -> None:
    """As one of the ensemble's own would be."""
    with pytest.raises(ConfigError):
        Limits(usd=float("nan")).apply(a_spec(2))


def test_the_journal_is_the_one_that_was_named_or_the_default_or_none() -> None:
    """In this order."""
    assert Keeping(journal="x.db").place == "x.db"
    assert Keeping().place == default_journal() == where_is(None)
    assert Keeping(is_unjournaled=True).place is None


def test_an_interrupted_run_goes_on_unless_a_fresh_one_is_wanted() -> None:
    """The wish names no run."""
    assert (Keeping().wish.is_fresh, Keeping().wish.run_id) == (False, None)
    assert Keeping(is_fresh=True).wish.is_fresh


def test_without_a_journal_nothing_can_be_asked_of_it() -> None:
    """Each of the other options is refused beside it, by its name."""
    others = {
        "--journal": Keeping(journal="x.db"),
        "--fresh": Keeping(is_fresh=True),
        "--reuse": Keeping(has_reuse=True),
        "--replay": Keeping(is_replay=True),
    }
    for name, keeping in others.items():
        assert keeping.require() is keeping
        with pytest.raises(click.UsageError, match=f"--no-journal and {name} exclude each other"):
            keeping._replace(is_unjournaled=True).require()
    assert Keeping(is_unjournaled=True).require().place is None


def test_what_sends_nothing_begins_nothing_anew() -> None:
    """A replay and a fresh run exclude each other."""
    with pytest.raises(click.UsageError, match="--replay and --fresh exclude each other"):
        Keeping(is_replay=True, is_fresh=True).require()


def test_a_command_to_copy_names_the_journal_only_where_it_must() -> None:
    """Quoted for a shell; a URL, which may hold a password, is not repeated."""
    assert named(default_journal()) == ""
    assert named("my runs.db") == " --journal 'my runs.db'"
    assert named(Path("runs.db")) == " --journal runs.db"
    assert named("postgresql://me:hunter2@db/moa") == " --journal URL"


def test_the_options_reach_a_command_as_one_value() -> None:
    """Those of the journal with the limits, and the limits alone."""
    seen: list[Keeping | Limits] = []

    @click.command()
    @keeping_options
    def keeps(*, keeping: Keeping) -> int:
        seen.append(keeping)
        return 0

    @click.command()
    @limit_options
    def limited(*, limits: Limits) -> int:
        seen.append(limits)
        return 0

    words = ["--usd", "0.5", "--tokens", "7", "--deadline", "1.5"]
    keeps.main([*words, "--journal", "x.db", "--fresh", "--reuse"], standalone_mode=False)
    limited.main(words, standalone_mode=False)
    limits = Limits(0.5, 7, 1.5)
    assert seen == [Keeping("x.db", is_fresh=True, has_reuse=True, limits=limits), limits]
    with pytest.raises(click.UsageError, match="--no-journal and --reuse"):
        keeps.main(["--no-journal", "--reuse"], standalone_mode=False)
