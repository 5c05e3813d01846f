"""What a browser would wait for stands in the page itself; what makes it live waits until the page is drawn."""

from __future__ import annotations

import re
from pathlib import Path

import nicegui

from attention_moa.ui.files import Files
from attention_moa.ui.headers import with_nonce
from attention_moa.ui.html import render

TEMPLATE = (
    (Path(nicegui.__file__).parent / "templates" / "index.html").read_bytes().replace(b"{{ prefix | safe }}", b"")
)


def a_page(said: bytes = b"") -> bytes:
    """Return NiceGUI's template with our head, and something said in it."""
    head = render("head.html", files=Files.address).encode()
    return TEMPLATE.replace(b"{{ head_html | safe }}", head).replace(b"{{ body_html | safe }}", said)


def test_nothing_is_waited_for_before_a_page_is_drawn() -> None:
    """No style is loaded, and no script that holds up what stands behind it."""
    made = with_nonce(Files().within(a_page()), "N")
    head = made.partition(b"<body>")[0]
    assert b'rel="stylesheet"' not in head
    assert b"nicegui.css" not in head
    assert b"@layer nicegui {" in head
    assert b".graph {" in head
    assert all(b"defer" in tag for tag in re.findall(rb"<script[^>]* src=[^>]*>", head))
    assert head.count(b"<style") == head.count(b'<style nonce="N"')


def test_what_makes_it_live_waits_in_its_order() -> None:
    """Scripts of the body are data until the page is drawn; the script that has them run stands before them."""
    head, _, body = with_nonce(Files().within(a_page()), "N").partition(b"<body>")
    assert b"script[data-later]" in head
    held = re.findall(rb'<script nonce="N" type="text/plain" data-later="(|module)"([^>]*)>', body)
    assert len(held) == body.count(b"<script") == TEMPLATE.partition(b"<body>")[2].count(b"<script")
    assert [kind for kind, _ in held if kind] == [b"module", b"module"]
    assert b"socket.io" in held[0][1]
    assert b' src="' not in body.replace(b" data-src=", b"")


def test_what_somebody_said_is_no_file() -> None:
    """What looks like one is looked for in the head alone, and one that is not ours stays."""
    said = b'<link rel="stylesheet" href="' + Files.address("page.css").encode() + b'">'
    assert said in Files().within(a_page(said))
    strange = b'<link rel="stylesheet" href="/other.css"><body>'
    assert Files().within(strange).startswith(b'<link rel="stylesheet" href="/other.css">')


def test_what_is_no_page_is_left_alone() -> None:
    """As a refusal is."""
    assert Files().within(b"refused") == b"refused"
