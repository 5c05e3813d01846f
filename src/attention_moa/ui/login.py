"""Coming in and leaving: a key goes by a form into a cookie that no script can read, and nowhere else. Pure."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

MOST_BODY_BYTES = 4096
_NAME = "attention_moa_key"
_LASTS_S = 30 * 24 * 3600
_KEY = re.compile(r"[!-~]{1,512}")


def cookie_name(host: str) -> str:
    """Return what the cookie is called; a browser keeps one for all ports of a host, so that the port is in its name.

    Args:
        host: The request's ``Host``.
    """
    port = host.rpartition(":")[2]
    return f"{_NAME}_{port}" if port.isascii() and port.isdecimal() else _NAME


def key_in(cookies: str, host: str) -> str | None:
    """Return the key that a request's cookies hold; None where they hold none that could be one.

    Args:
        cookies: The header ``Cookie``.
        host: The header ``Host``.
    """
    name = cookie_name(host)
    for part in cookies.split(";"):
        told, _, value = part.strip().partition("=")
        if told == name:
            return value if _KEY.fullmatch(value) else None
    return None


def key_of_form(body: bytes) -> str | None:
    """Return the key that somebody wrote into the form; None where it cannot be one."""
    try:
        told = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8).get("key", [""])[0].strip()
    except ValueError:  # more fields than the form has
        return None
    return told if _KEY.fullmatch(told) and not {";", ",", '"', "\\"} & set(told) else None


def kept(key: str, *, host: str, origin: str) -> str:
    """Return the header that has a browser keep a key.

    Args:
        key: It was let in.
        host: The request's ``Host``.
        origin: Its ``Origin``: over TLS the cookie is sent over TLS alone, whoever ends that before the server.
    """
    return _cookie(host, key, lasts_s=_LASTS_S, is_secure=urlsplit(origin).scheme == "https")


def forgotten(*, host: str) -> str:
    """Return the header that has a browser forget its key."""
    return _cookie(host, "", lasts_s=0, is_secure=False)


def _cookie(host: str, value: str, *, lasts_s: int, is_secure: bool) -> str:
    name = cookie_name(host)
    cookie: SimpleCookie = SimpleCookie({name: value})
    morsel = cookie[name]
    morsel["path"], morsel["max-age"], morsel["httponly"], morsel["samesite"] = "/", lasts_s, True, "Strict"
    if is_secure:
        morsel["secure"] = True
    return morsel.OutputString()


def place_after(told: str) -> str:
    """Return where somebody goes after coming in: an address of this server, else the page's first.

    Args:
        told: As the request has it.
    """
    is_plain = re.fullmatch(r"/(?![/\\])[!-~]*", told) is not None and "\\" not in told
    return told if is_plain and not told.startswith(("/login", "/leave")) else "/"


def login_at(place: str) -> str:
    """Return the address of the form that leads on to a place."""
    return "/login" if place == "/" else f"/login?next={quote(place, safe='/')}"
