"""What a test needs and the machine lacks."""

from __future__ import annotations

import pytest

from tests.machine import missing, require_module

LACK = "make is not installed: apt-get install make"


def test_what_a_developers_machine_lacks_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the tests are worth running."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"^{LACK}$"):
        missing(LACK)
    with pytest.raises(pytest.skip.Exception, match=r"^nowhere is not installed: "):
        require_module("nowhere.to.be_found")


def test_what_cis_machine_lacks_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody would see that a part of the suite never runs."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"^CI must have it: {LACK}$"):
        missing(LACK)
    with pytest.raises(pytest.fail.Exception, match="nowhere is not installed: "):
        require_module("nowhere.to.be_found")


def test_a_module_that_is_there_is_no_reason_to_skip() -> None:
    """One of the standard library."""
    require_module("xml.dom")
