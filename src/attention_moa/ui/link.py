"""The link between a page in a browser and its maker on the server: what changed goes one way, what was done the other.

Pages are HTML that the server made; the link tells the browser which part of it to put in another's place. Nothing that
is sent is ever run: there are no scripts in it, and the policy of the page would not let them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from nicegui import ui

from attention_moa.ui.ops import Op

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

Act: TypeAlias = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Is told what was done on the page, and the fields that go with it."""

_MOST_FIELDS = 64
_MOST_CHARACTERS = 1_000_000


class Link(ui.element, component="static/link.js"):
    """The server's end of a page's link.

    Args:
        act: Is told what was done on the page.
    """

    def __init__(self, act: Act) -> None:
        """Listen to the page."""
        super().__init__()
        self._act = act
        self.on("act", self._hear)

    def send(self, ops: list[Op]) -> None:
        """Send changes, in order, to be made at once; where the page is gone nothing happens.

        Args:
            ops: Each a verb and its arguments, as ``static/link.js`` lists them.
        """
        client = self.client
        if ops and not client.is_deleted:
            client.outbox.enqueue_message("moa", {"ops": ops}, client.id)

    async def _hear(self, event: GenericEventArguments) -> None:
        told: Any = event.args
        if not (isinstance(told, dict) and isinstance(told.get("do"), str) and isinstance(told.get("fields"), dict)):
            return  # whoever sends such a thing is not our page
        fields = {str(name): value for name, value in list(told["fields"].items())[:_MOST_FIELDS]}
        await self._act(told["do"], {name: text for name, text in fields.items() if _is_text(text)})


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_CHARACTERS
