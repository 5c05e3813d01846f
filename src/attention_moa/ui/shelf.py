"""What the page needs of the world outside for ensembles: their files, checks, trials; and who may change them.

Every method takes the key that a visitor brought and checks it anew, and raises ``RefusedError``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from attention_moa.config import EnsembleSpec
from attention_moa.plan import Plan
from attention_moa.records import RunRecord
from attention_moa.ui.ports import Visitor


class EnsembleFile(Struct, frozen=True, kw_only=True):
    """An ensemble that is served, and the file that it comes from.

    Args:
        name: What it is called.
        spec: What is served.
        source: Its file's name, or what else it comes from, in words.
        text: The file as it is now; for who may not edit it without comments, addresses and names of keys.
        digest: Of the file as it is now.
        is_served: Whether what is in the file is what is served.
        is_there: Whether there is a file that can be read; what is served goes on without one.
        may_edit: Whether the visitor may change it.
        why_not: Why not, one sentence; empty where they may.
        key_names: Variables that its models may take their keys from; empty for who may not edit it.
    """

    name: str
    spec: EnsembleSpec
    source: str
    text: str
    digest: str
    is_served: bool
    is_there: bool = True
    may_edit: bool
    why_not: str
    key_names: tuple[str, ...]


class Draft(Struct, frozen=True, kw_only=True):
    """A file as somebody would have it.

    Args:
        name: The ensemble's.
        text: The whole file.
        digest: Of the file that they began with.
    """

    name: str
    text: str
    digest: str


class Checked(Struct, frozen=True, kw_only=True):
    """What every model of an ensemble said when it was asked for a word.

    Args:
        rows: One for everybody who speaks: agent, model, key, address, reply, limits.
        faults: What went wrong and how to mend it, a line each; none where all is well.
    """

    rows: tuple[tuple[str, ...], ...]
    faults: tuple[str, ...]


class Shelf(Protocol):
    """The ensembles of a server. A draft is looked at for who may save it; None stands for what is served."""

    async def enter(self, key: str | None) -> Visitor:
        """Return who brings a key."""
        ...

    async def files(self, key: str | None) -> Sequence[EnsembleFile]:
        """Return all ensembles that somebody may use, in the server's order."""
        ...

    async def file(self, key: str | None, name: str) -> EnsembleFile:
        """Return one of them."""
        ...

    async def read(self, key: str | None, draft: Draft) -> EnsembleSpec:
        """Return the ensemble that a draft describes, where it could be saved; nothing is asked and nothing written."""
        ...

    async def ask_models(self, key: str | None, draft: Draft) -> Checked:
        """Return what the models of a draft say: each is asked for a word, which may cost a little."""
        ...

    async def plan(self, key: str | None, name: str, draft: Draft | None, question: str) -> Plan:
        """Return what a question would take."""
        ...

    async def try_out(self, key: str | None, name: str, draft: Draft | None, question: str) -> RunRecord:
        """Return a run on simulated models: nothing is paid, and nothing is kept of it."""
        ...

    async def save(self, key: str | None, draft: Draft) -> EnsembleFile:
        """Write a draft, whole or not at all, and serve it from now on; return the file as it then is."""
        ...
