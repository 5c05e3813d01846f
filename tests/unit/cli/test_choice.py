"""Which ensemble a command runs, with its layers and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.cli.choice import Choice
from attention_moa.cli.keeping import Keeping, Limits
from attention_moa.errors import ConfigError
from tests.cli_world import write_ensemble


def test_the_spec_is_the_file_s_with_what_was_said(tmp_path: Path) -> None:
    """Layers and limits of the command line go before those of the file."""
    file = str(write_ensemble(tmp_path, "quick", layers=2, more="[limits]\ntokens = 9\nusd = 1.5\n"))
    assert Choice(file).spec().layers == 2
    spec = Choice(file, layers=1).spec(Limits(tokens=7))
    assert (spec.layers, spec.limits.tokens, spec.limits.usd) == (1, 7, 1.5)
    with pytest.raises(ConfigError, match="layers: 99"):
        Choice(file, layers=99).spec()
    with pytest.raises(ConfigError, match="is neither"):
        Choice("papper-small").spec()


def test_the_ensemble_is_loaded_with_the_same_spec(tmp_path: Path) -> None:
    """And makes no journal before it runs."""
    file = str(write_ensemble(tmp_path, "quick", layers=2))
    keeping = Keeping(journal=str(tmp_path / "journal.db"), limits=Limits(tokens=7))
    choice = Choice(file, layers=1)
    assert choice.load(keeping).spec == choice.spec(keeping.limits)
    assert not (tmp_path / "journal.db").exists()
