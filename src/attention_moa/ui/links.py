"""Where links go, and which may be followed: only whole addresses on the web and of mail, written plainly. Pure."""

from __future__ import annotations

import re

from attention_moa.ui.safe_html import is_address
from attention_moa.ui.visible import attribute, shown, visible

_MOST_CHARACTERS = 2_000
_MOST_SHOWN = 100
_MOST_PORT = 65_535
_HOST = r"(?:[a-z0-9][a-z0-9._-]*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
_WEB = re.compile(rf"https?://(?P<host>{_HOST})(?:[/?#][!-\[\]-~]*)?", re.IGNORECASE | re.ASCII)
_USUAL = re.compile(r"[a-z0-9._-]*[a-z](?::[0-9]+)?", re.IGNORECASE | re.ASCII)
_MAIL = re.compile(r"mailto:(?P<whom>[!->@-~]+)(?:\?[!-~]*)?", re.IGNORECASE | re.ASCII)


def place(address: str) -> str | None:
    """Return where a link goes, in few words: its host, or who gets a mail; None where it may not be followed.

    An address with a name before its host may not be followed: it is made to be misread.

    Args:
        address: As a browser would get it.
    """
    if len(address) > _MOST_CHARACTERS:
        return None
    mail, web = _MAIL.fullmatch(address), _WEB.fullmatch(address)
    if mail is not None:
        return mail["whom"]
    if web is None or int(web["port"] or 0) > _MOST_PORT:
        return None
    is_usual = _USUAL.fullmatch(web["host"]) is not None and "xn--" not in address.lower()
    return web["host"] if is_usual or is_address(address) else None


def opened(address: str, title: str = "", *, is_told: bool = False) -> tuple[str, str]:
    """Return the HTML before and behind a link's text: it says where it goes; one that may not be followed is none.

    Args:
        address: Where it goes.
        title: What its writer calls it.
        is_told: Whether its text is the address.
    """
    where = place(address)
    about = f"{address}\n{title}" if title else address
    if where is None:
        cut = address if len(address) <= _MOST_SHOWN else f"{address[:_MOST_SHOWN]}…"
        said = shown(f"({cut})")
        return (
            f'<span class="t-dead" dir="auto" title="{attribute(about[:_MOST_CHARACTERS])}">',
            f"</span> {_where(said)}",
        )
    link = f'<a href="{attribute(address)}" title="{attribute(about[:_MOST_CHARACTERS])}" dir="auto">'
    return link, "</a>" if is_told else f"</a> {_where(shown(f'({visible(where)[:_MOST_SHOWN]})'))}"


def _where(said: str) -> str:
    return f'<small class="t-where" dir="ltr">{said}</small>'
