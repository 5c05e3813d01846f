"""``attention-moa serve``: what of it is decided before any server is made."""

from __future__ import annotations

from tests.child import printed_by

WITHOUT = """
import contextlib, sys
from attention_moa.cli import main
sys.modules[sys.argv.pop()] = None
try:
    with contextlib.redirect_stderr(sys.stdout):
        main(["serve", "--port", "0", "--no-journal"])
except SystemExit as end:
    print("ended with", end.code)
except ImportError as bug:
    print("a bug:", bug)
"""


def test_without_its_extra_the_command_says_how_to_get_it() -> None:
    """With the exit code of what can be put right beforehand."""
    told = printed_by(WITHOUT, "fastapi")
    assert "pip install 'attention-moa[server]'" in told
    assert "ended with 2" in told


def test_a_module_of_our_own_that_is_missing_is_a_bug_and_not_hidden() -> None:
    """No extra brings it."""
    assert "a bug:" in printed_by(WITHOUT, "attention_moa.server.hub")
