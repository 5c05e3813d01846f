"""The exit codes: what they mean, and which error has which."""

from __future__ import annotations

from attention_moa.errors import ConfigError, MoaError

FAILED = 1
USAGE = 2
INTERRUPTED = 130
UNREAD = 141
TERMINATED = 143

# click keeps the lines of a paragraph that begins with this character.
EXIT_CODES = """\b
Exit codes:
  0    an answer, also where something stood in for something better
  1    the run failed and there is no answer, a check failed, or a journal or a run in it cannot be had
  2    the command line, a file or a setting is wrong, or a key is missing
  130  interrupted (Ctrl-C); what was finished is shown
  141  nobody reads standard output any more (as in: | head)
  143  terminated; what was finished is shown"""


def status_of(error: MoaError) -> int:
    """Return the exit code of an error: 2 for what the user can put right beforehand, else 1."""
    return USAGE if isinstance(error, ConfigError) else FAILED
