"""By which names a server may be called, and from which pages."""

from __future__ import annotations

import pytest

from attention_moa.server.origins import Origins, is_same_origin, name_of, single


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "10.1.2.3", "localhost.", "moa:80"],
)
def test_numbers_localhost_and_the_own_name_are_the_servers(host: str) -> None:
    """With and without a port, in any case."""
    assert Origins(host="MOA").knows(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "notmoa",
        "",
        " localhost",
        "localhost:port",
        "local host",
        "localhost/",
        "user@localhost",
        "localhost\n",
        "[::1",
        "::1",
        "a" * 10_000,
    ],
)
def test_other_names_are_not(host: str) -> None:
    """Under which a page of somebody else's might have been given the server's address."""
    assert not Origins(host="moa").knows(host)


def test_allowed_names_are_the_servers_too() -> None:
    """One by one, all below one, or any."""
    some = Origins(host="0.0.0.0", allowed_hosts=("Moa.Example.com", "*.lab.example", "box:8000"))  # noqa: S104 - a name
    assert some.knows("moa.example.com:443")
    assert some.knows("a.b.lab.example")
    assert some.knows("box")
    assert not some.knows("lab.example")
    assert not some.knows("evillab.example")
    assert not some.knows("x.moa.example.com")
    assert Origins(host="a", allowed_hosts=("*",)).knows("anything.example")


@pytest.mark.parametrize(
    ("origin", "host", "is_same"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("https://moa.example", "moa.example", True),
        ("https://moa.example", "MOA.example:443", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost:3000", "localhost:8000", False),
        ("http://evil.example", "localhost:8000", False),
        ("http://moa.example", "moa.example:443", False),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("http://", "localhost:8000", False),
        ("http://localhost:8000/", "localhost:8000", False),
        ("http://localhost:8000@evil.example", "localhost:8000", False),
        ("file://localhost:8000", "localhost:8000", False),
        ("http://a b", "a b", False),
    ],
)
def test_a_page_is_the_servers_own_where_host_and_port_are_equal(origin: str, host: str, is_same: bool) -> None:
    """A page on another port of the same machine is somebody else's."""
    assert is_same_origin(origin, host) == is_same


def test_origins_are_allowed_one_by_one() -> None:
    """As they were written, but for case and a slash behind."""
    origins = Origins(host="a", cors_origins=("https://App.example/", "http://localhost:3000"))
    assert origins.allows("https://app.example")
    assert origins.allows("http://localhost:3000")
    assert not origins.allows("https://app.example:8443")
    assert not origins.allows("https://x.app.example")
    assert not origins.allows("null")


def test_the_name_in_a_host_has_no_port() -> None:
    """Nor the brackets of an IPv6 number."""
    assert name_of("[::1]:80") == "::1"
    assert name_of("A.b:80") == "a.b"
    assert name_of("?") is None


def test_a_header_that_came_twice_has_no_value() -> None:
    """Two readers could take different ones of them."""
    assert single(["a"]) == "a"
    assert single([]) is None
    assert single(["a", "a"]) is None
