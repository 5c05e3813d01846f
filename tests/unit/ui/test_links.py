"""Which links may be followed, and what they say."""

from __future__ import annotations

import pytest

from attention_moa.ui.links import opened, place


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("https://a.example/x?y#z", "a.example"),
        ("HTTP://A.example:8080", "A.example:8080"),
        ("https://xn--pple-43d.com/", "xn--pple-43d.com"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("http://[::1]:80/", "[::1]:80"),
        ("mailto:a@b.example?subject=x", "a@b.example"),
    ],
)
def test_a_link_says_where_it_goes(address: str, where: str) -> None:
    """Its host, or who gets a mail."""
    assert place(address) == where


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.b/",
        "//a.b/",
        "/runs",
        "#x",
        "",
        "mailto:",
        "https://",
        "https://*",
        "https://a.b:70000/",
        "https://a.b\\@c.d/",
        "https://a.b@c.d/",
        "https://a.b/\u202e",
        "http://[:::]/",
        "https://xn--moc-4q0a.live",
        "https://a.b/" + "x" * 2000,
    ],
)
def test_what_is_no_plain_address_may_not_be_followed(address: str) -> None:
    """Nor one that is made to be misread."""
    assert place(address) is None


def test_what_may_not_be_followed_is_shown() -> None:
    """As words, the address behind it; a long one is cut."""
    before, behind = opened("javascript:" + "x" * 200)
    assert before.startswith('<span class="t-dead" dir="auto" title="javascript:')
    assert behind.endswith(f"(javascript:{'x' * 89}…)</small>")


def test_a_link_whose_text_is_its_address_needs_no_more() -> None:
    """It says where it goes already."""
    assert opened("https://a.b/", is_told=True)[1] == "</a>"
    assert (
        opened("https://a.b/", "its title")[0] == '<a href="https://a.b/" title="https://a.b/\nits title" dir="auto">'
    )
