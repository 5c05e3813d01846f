"""An ensemble for any number of users, on any event loop: open on a loop for as long as somebody there uses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

from attention_moa.config import EnsembleSpec
from attention_moa.runtime import Ensemble
from attention_moa.waiting import to_the_end


class _Place:
    """The ensemble on one event loop, and how many use it there."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.ensemble = ensemble
        self.users = 0
        self.lock = asyncio.Lock()


class SharedEnsemble:
    """An ensemble that opens with its first user and closes with its last.

    Users at the same time share its connections, its local models and what it knows of rates.

    Args:
        ensemble: A shipped name or the path of a file; an ensemble is used as it is, and left to who made it.
        layers: Another number of layers than the file says.
        journal: Where every finished call is kept: a path or a URL; None keeps nothing.

    Raises:
        ConfigError: The name is unknown, or the file is wrong.
    """

    def __init__(
        self, ensemble: Ensemble | str | Path, *, layers: int | None = None, journal: str | Path | None = None
    ) -> None:
        """Load it; nothing is connected yet."""
        self._given = ensemble if isinstance(ensemble, Ensemble) else None
        loaded = ensemble if isinstance(ensemble, Ensemble) else Ensemble.load(ensemble, layers=layers)
        self.spec: EnsembleSpec = loaded.spec
        self._journal = journal
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, _Place] = WeakKeyDictionary()
        self._guard = threading.Lock()

    async def enter(self) -> Ensemble:
        """Return the ensemble, open here until as many have left as have entered."""
        if self._given is not None:
            return self._given
        place = self._place()
        async with place.lock:
            if place.users == 0:
                await place.ensemble.__aenter__()
            place.users += 1
        return place.ensemble

    async def leave(self) -> None:
        """Let go of it; the last one closes it, to the end whatever happens."""
        if self._given is None:
            await to_the_end(self._left(self._place()))

    @asynccontextmanager
    async def used(self) -> AsyncGenerator[Ensemble]:
        """Yield the ensemble, open for as long."""
        ensemble = await self.enter()
        try:
            yield ensemble
        finally:
            await self.leave()

    def _place(self) -> _Place:
        loop = asyncio.get_running_loop()
        with self._guard:  # other loops run in other threads
            if loop not in self._places:
                self._places[loop] = _Place(Ensemble(self.spec, journal=self._journal))
            return self._places[loop]

    async def _left(self, place: _Place) -> None:
        async with place.lock:
            place.users -= 1
            if place.users == 0:
                await place.ensemble.aclose()
