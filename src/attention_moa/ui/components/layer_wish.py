"""What somebody wants to see of a layer, as its address says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.ui.components.layer_look import LayerLook
from attention_moa.ui.names import plain_name

Kind: TypeAlias = Literal["agent", "matrix", "cell", "summary", "residual"]

_VIEWS: dict[str, Kind] = {"matrix": "matrix", "summary": "summary", "residual": "residual"}


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants to see of a layer.

    Args:
        kind: The tab; ``cell`` is a cell of the matrix.
        agent: Whose tab, or whose column.
        critic: The row of the cell.
    """

    kind: Kind
    agent: str = ""
    critic: str = ""


def title_of_layer(look: LayerLook, wish: Wish) -> str:
    """Return what the browser's tab is called."""
    what = {"matrix": "who moved whom", "cell": f"{plain_name(wish.critic)} on {plain_name(wish.agent)}"}
    return f"Layer {look.number}: {what.get(wish.kind) or plain_name(wish.agent or wish.kind)}"


def wish_of(look: LayerLook, fields: Iterable[tuple[str, str]]) -> Wish | None:
    """Return what an address asks for; None where there is no such thing in the layer.

    Args:
        look: The layer.
        fields: Of the address.
    """
    asked = dict(fields)
    critic, author, agent, view = (asked.get(name, "") for name in ("critic", "author", "agent", "view"))
    agents = set(look.agents)
    if critic or author:
        return Wish(kind="cell", agent=author, critic=critic) if {critic, author} <= agents else None
    if agent:
        return Wish(kind="agent", agent=agent) if agent in agents else None
    if view:
        kind = _VIEWS.get(view)
        return None if kind is None else Wish(kind=kind)
    if look.has_critiques or look.loose_calls:
        return Wish(kind="matrix")
    return Wish(kind="agent", agent=look.speakers[0]) if look.speakers else Wish(kind="summary")
