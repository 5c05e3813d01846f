"""Coming in: what is a key, where it is kept, where one goes then."""

from __future__ import annotations

import pytest

from attention_moa.ui.login import cookie_name, kept, key_in, key_of_form, login_at, place_after


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8000", "attention_moa_key_8000"),
        ("moa.example", "attention_moa_key"),
        ("[::1]:80", "attention_moa_key_80"),
    ],
)
def test_each_port_has_a_cookie_of_its_own(host: str, name: str) -> None:
    """A browser keeps one store for all ports of a host."""
    assert cookie_name(host) == name


@pytest.mark.parametrize(
    ("cookies", "key"),
    [
        ("attention_moa_key_1=moa-a", "moa-a"),
        ("x=1;  attention_moa_key_1=moa-a; y=2", "moa-a"),
        ("attention_moa_key_2=moa-a", None),
        ("attention_moa_key_1=", None),
        ("attention_moa_key_1=a b", None),
        ("", None),
    ],
)
def test_a_key_is_found_in_cookies(cookies: str, key: str | None) -> None:
    """By the very name; what could not be a key is none."""
    assert key_in(cookies, "localhost:1") == key


@pytest.mark.parametrize("body", [b"", b"key=", b"other=moa-a", b"key=a%3Bb", b'key="', b"key=\xff", b"&" * 20])
def test_what_cannot_be_a_key_is_none(body: bytes) -> None:
    """Nothing that could end the cookie, or stand beside it."""
    assert key_of_form(body) is None


def test_a_cookie_is_named_without_what_could_break_its_header() -> None:
    """A ``Host`` is what somebody sent."""
    for host in ("h:8\u0668", "h:8;x", "h:8\r\n"):
        assert kept("moa-a", host=host, origin="").startswith("attention_moa_key=")


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ("/runs/r-1", "/runs/r-1"),
        ("/", "/"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("https://evil.example", "/"),
        ("/login?next=/", "/"),
        ("/leave", "/"),
        ("/a b", "/"),
        ("/a\r\nx: y", "/"),
    ],
)
def test_one_goes_on_within_the_server_alone(told: str, place: str) -> None:
    """An address of another server, or what a browser may take for one, is none."""
    assert place_after(told) == place


def test_the_form_knows_where_one_was_going() -> None:
    """The first page is where one goes anyway."""
    assert login_at("/") == "/login"
    assert login_at("/runs/a&b") == "/login?next=/runs/a%26b"
