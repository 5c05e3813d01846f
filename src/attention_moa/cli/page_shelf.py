"""The ensembles of a server as the page sees them: who may look, who may change, and what becomes of a change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.cli.check import check_models
from attention_moa.cli.edit_files import ReadFile, is_inside, read_file, write_file
from attention_moa.cli.edit_rules import EditRules
from attention_moa.cli.options import require_runnable
from attention_moa.cli.page_outside import ServedOutside, entered
from attention_moa.cli.page_trial import try_out
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError, RunError, describe
from attention_moa.experience import ModelExperience
from attention_moa.plan import Plan, models_of, plan
from attention_moa.prices import known_price
from attention_moa.prompts import load_templates
from attention_moa.questions import conversation_of
from attention_moa.readiness import require_models
from attention_moa.records import RunRecord
from attention_moa.server.for_clients import for_clients
from attention_moa.server.gate import Visitor as Guest
from attention_moa.server.service import Service
from attention_moa.settings import ensemble_text, load_spec, parse_spec, shipped_ensembles
from attention_moa.ui.ensemble_form import plainly
from attention_moa.ui.ports import RefusedError, Visitor
from attention_moa.ui.shelf import Checked, Draft, EnsembleFile

_CHECK_S = 30.0
_SAMPLE = "Why is the sky blue at noon and red at sunset?"


class _Place(NamedTuple):
    """Where an ensemble comes from: what ``-e`` named, its file, and the folder that was named, where one was."""

    told: str
    file: Path | None
    folder: Path | None


class ServedShelf:
    """The ensembles of a server in the same process.

    Args:
        service: The server's, before it has changed anything.
    """

    def __init__(self, service: Service) -> None:
        """Note where they come from, and what they do now: no edited one may do more."""
        self._service = service
        self._doors = ServedOutside(service)
        config, specs = service.config, service.catalogue.ensembles
        self._rules = EditRules(specs.values(), key_names=config.ui_key_names, hosts=config.ui_hosts)
        self._places = {name: place for name, place in _places(config.ensembles) if name in specs}
        self._writing = asyncio.Lock()
        self._trying = asyncio.Semaphore(1)

    async def enter(self, key: str | None) -> Visitor:
        """Return who brings a key."""
        return await self._doors.enter(key)

    async def files(self, key: str | None) -> Sequence[EnsembleFile]:
        """Return all ensembles that somebody may use."""
        names = dict.fromkeys(offer.ensemble for offer in await self._doors.offers(key))
        return [await self.file(key, name) for name in names]

    async def file(self, key: str | None, name: str) -> EnsembleFile:
        """Return one ensemble."""
        why_not = await self._why_not(key, name)
        async with self._faults(key) as guest:
            file = await asyncio.to_thread(self._file, name, why_not)
            return file if self._service.is_operator(guest) else replace(file, spec=for_clients(file.spec))

    async def read(self, key: str | None, draft: Draft) -> EnsembleSpec:
        """Return the ensemble that a draft describes, where it could be saved."""
        await self._require_admin(key, draft.name)
        async with self._faults(key):
            return await asyncio.to_thread(self._read, draft)

    async def ask_models(self, key: str | None, draft: Draft) -> Checked:
        """Return what the models of a draft say."""
        spec = await self.read(key, draft)
        async with self._faults(key), self._trying:
            found = await check_models(spec, _CHECK_S)
        return Checked(rows=tuple(found.rows), faults=tuple(f"{name}: {why}" for name, why in found.faults.items()))

    async def plan(self, key: str | None, name: str, draft: Draft | None, question: str) -> Plan:
        """Return what a question would take."""
        spec, journal = await self._wanted(key, name, draft), self._service.journal
        async with self._faults(key):
            experience: Mapping[str, ModelExperience] = (
                {} if journal is None else await journal.experience(models_of(spec))
            )
            folder = Path(spec.prompts.folder) if spec.prompts.folder else None

            def planned() -> Plan:
                templates = load_templates(folder, style=spec.prompts.style)
                asked = conversation_of(question.strip() or _SAMPLE, None)
                return plan(spec, asked, templates, experience=experience, price_of=known_price)

            return await asyncio.to_thread(planned)

    async def try_out(self, key: str | None, name: str, draft: Draft | None, question: str) -> RunRecord:
        """Return a run on simulated models."""
        spec = await self._wanted(key, name, draft)
        async with self._faults(key) as guest, self._trying:
            record = await try_out(spec, question.strip() or _SAMPLE)
            return record if self._service.is_operator(guest) else for_clients(record)

    async def save(self, key: str | None, draft: Draft) -> EnsembleFile:
        """Write a draft, and serve it from now on."""
        async with self._writing:
            spec = await self.read(key, draft)
            place = self._places[draft.name]
            async with self._faults(key):
                if place.file is None:  # read has refused it
                    raise ConfigError("it has no file", key="ensemble")
                await require_models([(spec.name, spec)], own={})
                await asyncio.to_thread(write_file, place.file, draft.text, digest=draft.digest)
                await self._service.renew(spec)
        return await self.file(key, draft.name)

    async def _wanted(self, key: str | None, name: str, draft: Draft | None) -> EnsembleSpec:
        if draft is not None:
            return await self.read(key, draft)
        await self._why_not(key, name)
        return self._service.catalogue.ensembles[name]

    async def _why_not(self, key: str | None, name: str) -> str:
        """Return why somebody may not edit an ensemble; empty where they may."""
        visitor = await self._doors.enter(key)
        if name not in {offer.ensemble for offer in await self._doors.offers(key)}:
            raise RefusedError(f"there is no ensemble {name[:80]!r}", code="no_ensemble")
        if not visitor.is_admin:
            return "To edit it takes an admin's key."
        if not self._service.config.is_loopback and not await self._service.gate.has_keys():
            return "It can be edited where the server has keys, or is reached from its own machine alone."
        place = self._places.get(name, _NOWHERE)
        if place.folder is None or place.file is None:
            return "Only files in a folder that was given with -e can be edited here."
        is_there = await asyncio.to_thread(is_inside, place.file, place.folder)
        return "" if is_there else "Its file is not in the folder any more, or is a link."

    async def _require_admin(self, key: str | None, name: str) -> None:
        if why := await self._why_not(key, name):
            raise RefusedError(why, code="read_only")

    @asynccontextmanager
    async def _faults(self, key: str | None) -> AsyncGenerator[Guest, None]:
        """Lend who brings a key; who runs the server is told what is wrong with a file, as who may mend it."""
        async with entered(self._service, key) as guest:
            try:
                yield guest
            except (ConfigError, RunError) as error:
                if not self._service.is_operator(guest):
                    raise
                field = error.key if isinstance(error, ConfigError) else None
                raise RefusedError(describe(error), code="wrong_file", field=field) from None

    def _file(self, name: str, why_not: str) -> EnsembleFile:
        """Return an ensemble with its file, as it is now."""
        place, spec = self._places.get(name, _NOWHERE), self._service.catalogue.ensembles[name]
        read, is_served = ReadFile("", ""), False
        with suppress(ConfigError):  # it is gone, or was made wrong by hand: what is served goes on
            read = _text_of(place)
            is_served = _parsed(read.text, place) == spec
        return EnsembleFile(
            name=name,
            spec=spec,
            source=place.file.name if place.file is not None else "shipped",
            text=plainly(read.text) if why_not else read.text,
            digest=read.digest,
            is_served=is_served,
            is_there=bool(read.text),
            may_edit=not why_not,
            why_not=why_not,
            key_names=() if why_not else self._rules.key_names,
        )

    def _read(self, draft: Draft) -> EnsembleSpec:
        """Return what a draft describes, checked as a run would be at its start, and against the rules."""
        place = self._places[draft.name]
        spec = _parsed(draft.text, place)
        if spec.name != draft.name:
            why = f"{spec.name!r}: on the page it stays {draft.name!r}, which keys and requests know it by"
            raise ConfigError(why, key="name")
        self._rules.require(spec)
        if place.folder is not None:
            self._rules.require_folder(draft.text, place.folder)
        require_runnable(spec)
        return spec


_NOWHERE = _Place("", None, None)


def _places(told: Sequence[str]) -> Iterator[tuple[str, _Place]]:
    """Yield ensembles by name, each with where it comes from, as ``server.models.load_ensembles`` finds them."""
    for one in told:
        folder = Path(one)
        if one in shipped_ensembles():
            yield load_spec(one).name, _Place(one, None, None)
        elif folder.is_dir():
            for file in sorted(folder.glob("*.toml")):
                yield load_spec(str(file)).name, _Place(str(file), file, folder)
        else:
            yield load_spec(one).name, _Place(one, folder, None)


def _text_of(place: _Place) -> ReadFile:
    if place.file is not None:
        return read_file(place.file)
    return ReadFile(ensemble_text(place.told) if place.told else "", "")


def _parsed(text: str, place: _Place) -> EnsembleSpec:
    if place.file is None:
        return parse_spec(text, name=place.told, folder=None)
    return parse_spec(text, name=place.file.stem, folder=place.file.parent)
