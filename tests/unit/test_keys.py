"""What is taken for a key in settings, and what is masked in texts."""

from __future__ import annotations

import pytest

from attention_moa.keys import holds_key, masked

KEYS = (
    "sk-proj-0123456789abcdefghij",
    "sk-ant-api03-0123456789_abcdefghij",
    "gsk_0123456789abcdefghij",
    "hf_0123456789abcdefghij",
    "xai-0123456789abcdefghij",
    "AIzaSyD0123456789abcdefghij0123456789",
)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_seen_and_masked_wherever_it_stands(key: str) -> None:
    """Alone, in a command, in a table, in a list in a table."""
    assert holds_key(key)
    assert holds_key(f"command:ask --key={key} now")
    assert holds_key({"more": ["a", {"deep": key}]})
    assert masked(f"Incorrect key {key}.") == "Incorrect key ***."


@pytest.mark.parametrize("field", ["api_key", "apiKey", "Authorization", "X-Api-Key", "db_password", "access_token"])
def test_a_field_that_says_that_it_is_a_key_is_one(field: str) -> None:
    """Whatever its value looks like."""
    assert holds_key({field: "opaque"})


@pytest.mark.parametrize(
    "value",
    [
        "openai:gpt-4.1",
        "openai:hf-mistralai-Mixtral-8x7B-Instruct-v0.1",
        "command:ask --verbose",
        "http://127.0.0.1:8080/v1",
        {"max_tokens": 5, "keyboard": "qwertz", "tokens": [1, 2.5, None, True], "secretary": "Ann"},
        5,
        None,
    ],
)
def test_other_settings_are_none(value: object) -> None:
    """They are not refused."""
    assert not holds_key(value)


def test_a_known_secret_is_masked_whatever_it_looks_like() -> None:
    """Every time; without one only what looks like a key is."""
    assert masked("swordfish is not swordfish", "swordfish") == "*** is not ***"
    assert masked("swordfish", None) == masked("swordfish", "") == "swordfish"
    assert masked("Authorization: Bearer abc123def456ghi") == "Authorization: ***"
