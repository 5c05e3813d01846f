"""The link between a page in a browser and its maker on the server: what changed goes one way, what was done the other.

Pages are HTML that the server made; the link tells the browser which part of it to put in another's place. Nothing that
is sent is ever run: there are no scripts in it, and the policy of the page would not let them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct
from nicegui import ui

from attention_moa.ui.drawn import Drawn
from attention_moa.ui.ops import Op

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

Act: TypeAlias = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Is told what was done on the page, and the fields that go with it."""

_Text = Annotated[str, Meta(max_length=1_000_000)]


class _Deed(Struct, frozen=True):
    """What was done on a page, as the browser tells it."""

    do: _Text
    fields: Annotated[dict[_Text, _Text], Meta(max_length=64)]


class Link(ui.element, component="static/link.js"):
    """The server's end of a page's link.

    Args:
        act: Is told what was done on the page.
    """

    def __init__(self, act: Act) -> None:
        """Listen to the page."""
        super().__init__()
        self._act = act
        self._drawn = Drawn()
        self.on("act", self._hear)
        self.on("drawn", self._note)

    def send(self, ops: list[Op]) -> None:
        """Send changes, in order, to be made at once; where the page is gone nothing happens.

        Args:
            ops: Each a verb and its arguments, as ``static/link.js`` lists them.
        """
        client = self.client
        if ops and not client.is_deleted:
            client.outbox.enqueue_message("moa", {"ops": ops, "number": self._drawn.send()}, client.id)

    async def drawn(self) -> None:
        """Wait until the browser has drawn what it was sent, or for a second.

        Who sends often waits for it between two times: what a slow browser cannot draw in time is then told together,
        and does not wait in a queue that grows.
        """
        await self._drawn.wait()

    def _note(self, event: GenericEventArguments) -> None:
        """Take it that the browser has drawn all up to a message."""
        self._drawn.note(event.args)

    async def _hear(self, event: GenericEventArguments) -> None:
        try:
            deed = msgspec.convert(event.args, _Deed)
        except msgspec.ValidationError:
            return  # whoever sends such a thing is not our page
        await self._act(deed.do, deed.fields)
