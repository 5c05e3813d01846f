"""Pages that NiceGUI makes, as their first answer: what stands there before any script, and what is not there."""

from __future__ import annotations

import asyncio

import httpx2
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from attention_moa.ui.app import Pages
from attention_moa.ui.ports import RefusedError, Visitor
from attention_moa.ui.reports import Reports
from tests.page_shelf import URL, RunShelf, a_priced_run


class NoShelf:
    """A shelf on which there is no ensemble."""

    async def enter(self, _key: str | None) -> Visitor:
        return Visitor(name="", is_admin=False)

    async def file(self, _key: str | None, name: str) -> None:
        raise RefusedError(f"there is no ensemble {name}", code="no_ensemble")


def test_every_page_says_at_once_what_there_is_and_what_is_not() -> None:
    """With its status; one whose run is over is sent on to where that stands, one without a key to the form."""
    shelf = RunShelf([a_priced_run(), replace(a_priced_run(state="running"), run_id="live")], under_way=["live"])
    pages = Pages(shelf, NoShelf(), Reports(()))  # type: ignore[arg-type]  # all that is asked for

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await pages.front({**scope, "state": {}}, receive, send)

    async def ask() -> None:
        transport = httpx2.ASGITransport(app)
        async with pages.running(), httpx2.AsyncClient(transport=transport, base_url=URL, timeout=60) as client:
            for path, words in (
                ("/runs/run/layers/1", "Who moved whom"),
                ("/runs/run/replay?step=5", 'id="replay-slider"'),
                ("/runs/live/money/live", "It is under way"),
                ("/", 'id="question"'),
                ("/runs/run", 'class="layers cols-2"'),
            ):
                page = await client.get(path)
                assert page.status_code == 200, path
                assert words in page.text, path
                assert "unsafe" not in page.headers["content-security-policy"]
            missing = ("/runs/no", "/runs/no/layers/1", "/runs/run/layers/9", "/runs/no/replay", "/runs/no/money/live")
            for path in (*missing, "/ensembles/none"):
                page = await client.get(path)
                assert page.status_code == 404, path
                assert "Not here" in page.text, path
            over = await client.get("/runs/run/money/live")
            assert (over.status_code, over.headers["location"]) == (303, "/runs/run/money")
            shelf.is_key_good = False
            assert (await client.get("/runs/run/replay")).headers["location"].startswith("/login")

    asyncio.run(ask())
