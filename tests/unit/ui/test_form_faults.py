"""Faults of an ensemble's file as its form tells them."""

from __future__ import annotations

import pytest

from attention_moa.ui.ensemble_form import parts_of
from attention_moa.ui.form_faults import Fault, fault_of

TEXT = """name = "duo"
layers = 2

[[agents]]
name = "ada"
model = "test:a"

[[agents]]
name = "bob"
temperature = 9

[limits]
usd = -1
"""


def fault(message: str, key: str | None, text: str = TEXT) -> Fault:
    """Return a fault of the file."""
    return fault_of(message, key, parts_of(text), text)


@pytest.mark.parametrize("key", ["agents[1].temperature", "agents.1.temperature"])
def test_a_fault_of_an_agent_names_it_and_its_field(key: str) -> None:
    """As a person sees them, however the check names them; with the line in which the setting stands."""
    assert fault(f"{key}: 9 is not from 0 to 2", key) == Fault(
        "agent bob, temperature: 9 is not from 0 to 2 (line 10 of the file)",
        "9 is not from 0 to 2",
        "f-agents-1-temperature",
        "f-agents-1",
    )


def test_what_is_missing_has_the_line_in_which_its_table_begins() -> None:
    """There it is to be written."""
    told = fault("agents[1].model: missing: add model = …", "agents[1].model")
    assert told.told == "agent bob, model: missing: add model = … (line 8 of the file)"
    assert told.field_id == "f-agents-1-model"


def test_the_ensembles_own_settings_and_other_tables_are_named_as_the_form_names_them() -> None:
    """A setting of the top needs no more than its name."""
    assert fault("layers: 2 is odd", "layers").told == "layers: 2 is odd (line 2 of the file)"
    assert fault("limits.usd: -1 is below 0", "limits.usd").told == "limits, usd: -1 is below 0 (line 13 of the file)"
    assert fault("limits.usd: -1 is below 0", "limits.usd").field_id == "f-limits-usd"


def test_an_agent_without_a_name_has_a_number() -> None:
    """From 1, as the form counts them."""
    text = '[[agents]]\nmodel = "test:a"\n'
    told = fault("agents[0].name: missing", "agents[0].name", text).told
    assert told == "agent 1, name: missing (line 1 of the file)"


def test_a_fault_that_no_field_has_is_told_with_its_line_alone() -> None:
    """A field that is unknown, a file that is not TOML, what nobody can name."""
    unknown = fault("agents[0].rol: no such field: did you mean role?", "agents[0].rol")
    assert unknown == Fault(
        "agent ada, rol: no such field: did you mean role? (line 4 of the file)",
        "no such field: did you mean role?",
        "",
        "",
    )
    assert fault("it is gone", None) == Fault("it is gone", "it is gone", "", "")
    assert fault("layes: no such field", "layes").told == "layes: no such field"
    broken = fault("ensemble: the file is not TOML: x (at line 3, column 1)", "ensemble", "= =")
    assert broken.told == "ensemble: the file is not TOML: x (at line 3, column 1)"
    assert fault("agents: there must be one", "agents", "layers = 1\n").field_id == ""
