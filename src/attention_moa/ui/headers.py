"""What browsers are told about the page: what it may load, run and be put into. Pure."""

from __future__ import annotations

import re

_TAGS = re.compile(rb"<(script|style)\b(?=[ >])")

_UNUSED_STYLES = re.compile(rb'@import url\("[^"]*/static/(fonts|quasar\.[a-z.]+)\.css"\) layer\(\w+\);')
"""Styles of components that no page has, four times as long as all others: nothing is drawn before they are read."""

_HIDDEN_BY_STYLE = b'style="display: none" '
"""The one style attribute in NiceGUI's template: the policy lets none be."""

_SCRIPTS = re.compile(rb'<script nonce="([^"]*)" ((?:defer|type="module")[^>]*)>')
_ADDRESS = re.compile(rb'src="[^"]*"')

# Not with cross-origin-opener-policy: a browser would begin a process for the page, and draw it in twice the time; what
# another site opens is in no process of that site anyway, and the page opens nothing that could reach it.
_EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer a form's Origin would be null, and the guard let none through
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}

FOREVER = "public, max-age=31536000, immutable"
"""For what has its version in its address."""


def page_headers(nonce: str, *, has_frame: bool = False) -> dict[str, str]:
    """Return the headers of a page that talks to the server.

    Scripts and styles are the server's own files, or stand in the page itself with its nonce; no text can be made one.

    Args:
        nonce: Drawn for this answer alone.
        has_frame: Whether another page of the server's is shown in it; of nobody else's any is.
    """
    policy = (
        "default-src 'none'",
        f"script-src 'self' 'nonce-{nonce}'",
        f"style-src 'self' 'nonce-{nonce}'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        *(["frame-src 'self'"] if has_frame else []),
        *_NOTHING_ELSE,
    )
    return {**_EVERYWHERE, "content-security-policy": "; ".join(policy), "cache-control": "no-store"}


def form_headers() -> dict[str, str]:
    """Return the headers of a page that is a form and nothing else: no script at all runs in it."""
    policy = ("default-src 'none'", "style-src 'self'", "img-src 'self'", *_NOTHING_ELSE)
    return {**_EVERYWHERE, "content-security-policy": "; ".join(policy), "cache-control": "no-store"}


def report_headers() -> dict[str, str]:
    """Return the headers of a report that somebody else's program made: it is shown in a frame, and has no rights.

    Its scripts draw its figures. They run in an origin of their own, without cookies, stores, sockets, forms or
    windows, and load nothing; the page around it lets the frame be led nowhere else.
    """
    policy = (
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "font-src data:",
        "object-src 'none'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return {**_EVERYWHERE, "content-security-policy": "; ".join(policy), "cache-control": "no-store"}


def file_headers() -> dict[str, str]:
    """Return the headers of a file of the page that has its version in its address."""
    return {**_EVERYWHERE, "cache-control": FOREVER}


_NOTHING_ELSE = (
    "object-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
)


def with_nonce(html: bytes, nonce: str) -> bytes:
    """Return a page whose own scripts and styles carry its nonce, without those that nothing on it needs.

    The scripts that make it live wait for ``static/later.js``.

    Texts cannot gain from it: whatever is not the page's own stands in it escaped, without a tag that could be meant.

    Args:
        html: As it was made.
        nonce: What the header names.
    """
    with_tags = _TAGS.sub(rb'<\1 nonce="' + nonce.encode() + rb'"', _UNUSED_STYLES.sub(b"", html, count=3))
    head, body, rest = with_tags.partition(b"<body>")
    shown = head + body + _SCRIPTS.sub(_held, rest)
    return shown.replace(_HIDDEN_BY_STYLE, b"hidden ", 1)


def _held(script: re.Match[bytes]) -> bytes:
    """Return the tag of a script that a browser leaves alone until ``static/later.js`` has it run."""
    kind = b"module" if b"module" in script[2] else b""
    address = _ADDRESS.search(script[2])
    return b'<script nonce="%s" type="text/plain" data-later="%s"%s>' % (
        script[1],
        kind,
        b"" if address is None else b" data-" + address[0],
    )
