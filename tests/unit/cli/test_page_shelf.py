"""The server's ensembles as the page sees them: who may look, who may change, what becomes of a change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.cli.page_shelf import ServedShelf
from attention_moa.server.config import ServerConfig
from attention_moa.server.gate import OpenGate, Visitor
from attention_moa.server.service import Service
from attention_moa.ui.ports import RefusedError
from attention_moa.ui.shelf import Draft

MODEL = "python:tests.function_agents:who"
TRIO = f"""# Ours.
name = "trio"
layers = 1
[[agents]]
name = "ada"
model = "{MODEL}"
[[agents]]
name = "bob"
model = "{MODEL}"
"""


class Guests(OpenGate):
    """A gate at which everybody is somebody who is no admin."""

    async def has_keys(self) -> bool:
        return True

    async def enter(self, connection: object) -> Visitor:  # noqa: ARG002 - the seam's signature
        return Visitor(owner="eve", ensembles=frozenset({"trio"}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an ensemble."""
    (tmp_path / "trio.toml").write_text(TRIO, encoding="utf-8")
    return tmp_path


@pytest.fixture
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the server in that folder."""
    monkeypatch.chdir(folder)


def with_shelf(
    config: ServerConfig,
    do: Callable[[ServedShelf, Service], Awaitable[None]],
    gate: OpenGate | None = None,
) -> None:
    """Do something with the shelf of a server that lives."""

    async def whole() -> None:
        service = Service(replace(config, is_unjournaled=True), gate=gate or OpenGate())
        shelf = ServedShelf(service)
        async with service:
            await do(shelf, service)

    asyncio.run(whole())


def test_what_is_saved_is_served_and_runs_under_way_end(folder: Path) -> None:
    """The next question is answered by the new one; the file and the old one beside it are as they should be."""

    async def do(shelf: ServedShelf, service: Service) -> None:
        file = await shelf.file(None, "trio")
        assert (file.may_edit, file.is_served, file.source, file.text) == (True, True, "trio.toml", TRIO)
        draft = Draft(name="trio", text=TRIO.replace("layers = 1", "layers = 2"), digest=file.digest)
        saved = await shelf.save(None, draft)
        assert (saved.spec.layers, saved.is_served, saved.text) == (2, True, draft.text)
        assert service.catalogue.served["trio"].spec.layers == 2
        assert (folder / "trio.toml").read_text() == draft.text
        with pytest.raises(RefusedError, match="was changed by somebody else meanwhile"):
            await shelf.save(None, draft)

    with_shelf(ServerConfig(ensembles=(str(folder),)), do)


def test_what_may_not_be_is_refused_and_nothing_is_written(folder: Path) -> None:
    """Another name, a program, templates from elsewhere, no TOML, a wrong number."""

    async def do(shelf: ServedShelf, service: Service) -> None:
        digest = (await shelf.file(None, "trio")).digest
        for text, why in (
            (TRIO.replace('"trio"', '"other"'), "name: 'other': on the page it stays 'trio'"),
            (TRIO.replace(MODEL, "command:touch ran", 1), "would run or read something of this machine"),
            (TRIO + "[prompts]\nfolder = '../x'\n", "templates are taken from the ensemble's own folder"),
            (TRIO + "[prompts]\nfolder = 'none'\n", "is no folder"),
            ("layers =", "is not TOML"),
            (TRIO.replace("layers = 1", "layers = 99"), "layers: 99 is not from 1 to 64"),
        ):
            with pytest.raises(RefusedError, match=why):
                await shelf.save(None, Draft(name="trio", text=text, digest=digest))
        assert (folder / "trio.toml").read_text() == TRIO
        assert service.catalogue.ensembles["trio"].layers == 1

    with_shelf(ServerConfig(ensembles=(str(folder),)), do)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    ("config", "gate", "why"),
    [
        (ServerConfig(ensembles=("trio.toml",)), None, "Only files in a folder that was given with -e"),
        (ServerConfig(ensembles=("embedded",)), None, "Only files in a folder"),
        (ServerConfig(ensembles=(".",)), Guests(), "To edit it takes an admin's key"),
        (
            ServerConfig(ensembles=(".",), host="0.0.0.0", is_public_forced=True),  # noqa: S104 - nothing listens
            None, "where the server has keys, or is reached from its own machine alone",
        ),
    ],
)  # fmt: skip
def test_who_may_not_edit_may_look(config: ServerConfig, gate: OpenGate | None, why: str) -> None:
    """Without comments; a draft of theirs is not even read."""

    async def do(shelf: ServedShelf, service: Service) -> None:  # noqa: ARG001 - all are given both
        (file,) = await shelf.files(None)
        assert why in file.why_not
        assert not file.may_edit
        assert "Ours" not in file.text
        assert "agents" in file.text
        draft = Draft(name=file.name, text=TRIO, digest=file.digest)
        for deed in (shelf.read(None, draft), shelf.ask_models(None, draft), shelf.save(None, draft)):
            with pytest.raises(RefusedError, match="edit"):
                await deed
        assert (await shelf.plan(None, file.name, None, "")).total.calls > 0

    with_shelf(config, do, gate)


def test_a_link_and_a_file_that_is_gone_are_read_only(folder: Path) -> None:
    """What is served goes on."""

    async def do(shelf: ServedShelf, service: Service) -> None:  # noqa: ARG001 - all are given both
        (folder / "trio.toml").unlink()
        file = await shelf.file(None, "trio")
        assert (file.may_edit, file.is_served, file.text) == (False, False, "")
        assert "is not in the folder any more, or is a link" in file.why_not

    with_shelf(ServerConfig(ensembles=(str(folder),)), do)


def test_an_ensemble_that_is_not_theirs_is_not_there(folder: Path) -> None:
    """As one that never was."""
    (folder / "other.toml").write_text(TRIO.replace('"trio"', '"other"'), encoding="utf-8")

    async def do(shelf: ServedShelf, service: Service) -> None:  # noqa: ARG001 - all are given both
        assert [file.name for file in await shelf.files(None)] == ["trio"]
        for name in ("other", "none"):
            with pytest.raises(RefusedError, match=f"there is no ensemble '{name}'"):
                await shelf.file(None, name)
            with pytest.raises(RefusedError, match="there is no ensemble"):
                await shelf.plan(None, name, None, "Why?")

    with_shelf(ServerConfig(ensembles=(str(folder),)), do, Guests())


def test_models_are_asked_and_plans_made_of_a_draft(folder: Path) -> None:
    """Each distinct model is asked once; a plan is of what stands in the draft."""

    async def do(shelf: ServedShelf, service: Service) -> None:  # noqa: ARG001 - all are given both
        digest = (await shelf.file(None, "trio")).digest
        draft = Draft(name="trio", text=TRIO.replace("layers = 1", "layers = 2"), digest=digest)
        checked = await shelf.ask_models(None, draft)
        assert [row[0] for row in checked.rows] == ["ada", "bob", "summary: ada", "residual: ada"]
        assert checked.faults == ()
        one, two = [(await shelf.plan(None, "trio", what, "Why?")).total.calls for what in (None, draft)]
        assert one < two

    with_shelf(ServerConfig(ensembles=(str(folder),)), do)
