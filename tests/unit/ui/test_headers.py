"""What browsers are told about the page, and what is taken out of it for that."""

from __future__ import annotations

from pathlib import Path

import nicegui
import pytest

from attention_moa.ui.headers import file_headers, form_headers, page_headers, with_nonce

TEMPLATE = Path(nicegui.__file__).parent / "templates" / "index.html"


@pytest.mark.parametrize("headers", [page_headers("n"), form_headers(), file_headers()])
def test_no_answer_may_be_taken_for_something_else(headers: dict[str, str]) -> None:
    """Whatever it is."""
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("headers", [page_headers("n"), form_headers()])
def test_a_page_is_in_no_frame_and_sends_forms_here_alone(headers: dict[str, str]) -> None:
    """Nothing is allowed that is not named."""
    rules = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} < set(rules)
    assert not any("unsafe" in rule or "*" in rule or "http" in rule for rule in rules)


def test_nicegui_s_template_is_dressed_whole() -> None:
    """Each of its tags has the nonce, no style attribute is left, and neither are styles that no page needs."""
    html = TEMPLATE.read_bytes()
    dressed = with_nonce(html.replace(b"{{ prefix | safe }}", b""), "N")
    assert dressed.count(b'<script nonce="N"') == html.count(b"<script")
    assert dressed.count(b'<style nonce="N"') == html.count(b"<style")
    assert b"style=" not in dressed
    assert b"quasar.unimportant.prod.css" not in dressed
    assert b"fonts.css" not in dressed
    assert b"nicegui.css" in dressed


def test_what_only_looks_like_a_tag_gets_no_nonce() -> None:
    """A name that goes on, or what was escaped."""
    html = b"<scripts> &lt;script&gt; <stylesheet>"
    assert with_nonce(html, "N") == html
