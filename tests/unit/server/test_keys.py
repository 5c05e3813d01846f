"""What keys are, and what their rules say."""

from __future__ import annotations

import re
from math import inf, nan
from typing import Any

import pytest

from attention_moa.errors import ConfigError
from attention_moa.server.keys import SETTINGS, Key, KeyRules, digest_of, new_secret, require_name
from attention_moa.server.settings_body import MoaBody


def test_a_secret_has_256_random_bits_and_says_whose_it_is() -> None:
    """Two are never the same."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"moa-[A-Za-z0-9_-]{43}", secret) for secret in secrets)


def test_what_is_stored_of_a_secret_is_a_hash() -> None:
    """Equal for equal secrets, and also for what no header should hold."""
    assert digest_of("moa-a") == digest_of("moa-a") != digest_of("moa-b")
    assert len(digest_of("\ud800")) == 32


def test_a_key_never_shows_its_secret() -> None:
    """It does not have it."""
    assert set(Key.__struct_fields__) == {"name", "hint", "created_at", "rules", "revoked_at"}


@pytest.mark.parametrize(
    ("rules", "at"),
    [
        ({"usd": 0.0}, "usd"),
        ({"usd": nan}, "usd"),
        ({"usd_per_day": inf}, "usd_per_day"),
        ({"rpm": 0}, "rpm"),
        ({"concurrency": -1}, "concurrency"),
        ({"may_set": ("layers", "model")}, "may_set"),
    ],
)
def test_a_limit_that_is_none_is_refused_by_name(rules: dict[str, Any], at: str) -> None:
    """A key without a limit leaves it out."""
    with pytest.raises(ConfigError) as refused:
        KeyRules(**rules)
    assert refused.value.key == at


def test_a_key_is_told_of_every_field_that_a_request_may_have() -> None:
    """One that requests get is one that keys may be kept from."""
    assert MoaBody.__struct_fields__ == SETTINGS


def test_a_budget_is_of_a_day_or_in_all() -> None:
    """One of them is enough for money to be counted beforehand."""
    assert not KeyRules(rpm=1, concurrency=1).has_budget
    assert KeyRules(usd=1).has_budget
    assert KeyRules(usd_per_day=1).has_budget


def test_a_key_may_set_what_its_rules_name() -> None:
    """Without such a rule everything."""
    fields = ["layers", "usd", "fresh"]

    def not_set(rules: KeyRules) -> list[str]:
        return Key(name="a", hint="", created_at="", rules=rules).not_set(fields)

    assert not_set(KeyRules()) == []
    assert not_set(KeyRules(may_set=("layers",))) == ["fresh", "usd"]
    assert not_set(KeyRules(may_set=())) == ["fresh", "layers", "usd"]


@pytest.mark.parametrize("name", ["", " a", "-a", "a b", "a/b", "é", "a" * 65, "a\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """Names stand in logs, labels and addresses as they are."""
    with pytest.raises(ConfigError, match="is no name"):
        require_name(name)


@pytest.mark.parametrize("name", ["a", "Alice.B-2_x", "7", "a" * 64])
def test_plain_names_are_names(name: str) -> None:
    """Letters, digits, and a few signs between them."""
    require_name(name)
