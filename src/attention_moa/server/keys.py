"""What a key of the server is and what it lets its holder do. Pure; ``key_store.py`` keeps keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from math import isfinite
from secrets import token_urlsafe

from msgspec import Struct

from attention_moa.errors import ConfigError

PREFIX = "moa-"
HINT_CHARACTERS = 8
SETTINGS = (
    "layers",
    "deadline_s",
    "usd",
    "tokens",
    "attention",
    "early_stop",
    "fresh",
    "reuse",
    "progress",
    "cadence",
    "choices",
    "on_disconnect",
)
"""The fields of ``attention_moa`` that a request may have, where its key lets it."""

_RANDOM_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class KeyRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the holder of a key may do.

    Args:
        is_admin: Whether all runs are seen, the metrics too.
        usd_per_day: US dollars for a day of UTC, above 0; None for any.
        usd: US dollars in all, above 0; None for any.
        rpm: Requests that begin runs, a minute, from 1; None for any.
        concurrency: Runs at once, from 1; None for any.
        ensembles: Names of those that may be asked, and their agents one by one; empty for all that are served.
        may_set: Fields of ``attention_moa`` that a request may have; None for all.
        isolate_caches: Whether prompts begin with a line of the key's own; None takes the server's setting.
    """

    is_admin: bool = False
    usd_per_day: float | None = None
    usd: float | None = None
    rpm: int | None = None
    concurrency: int | None = None
    ensembles: tuple[str, ...] = ()
    may_set: tuple[str, ...] | None = None
    isolate_caches: bool | None = None

    def __post_init__(self) -> None:
        """Check the limits; raise a ``ConfigError`` that names the one at fault."""
        for field in ("usd_per_day", "usd"):
            dollars: float | None = getattr(self, field)
            if dollars is not None and not (isfinite(dollars) and dollars > 0):
                raise ConfigError(f"{dollars} is no sum of US dollars above 0", key=field)
        for field in ("rpm", "concurrency"):
            number: int | None = getattr(self, field)
            if number is not None and number < 1:
                raise ConfigError(f"{number} is no whole number from 1 up", key=field)
        for setting in self.may_set or ():
            if setting not in SETTINGS:
                known = ", ".join(SETTINGS)
                raise ConfigError(f"{setting!r} is no field of attention_moa: there are {known}", key="may_set")

    @property
    def has_budget(self) -> bool:
        """Whether money is counted before a run begins."""
        return self.usd is not None or self.usd_per_day is not None


class Key(Struct, frozen=True, kw_only=True):
    """A key without its secret.

    Args:
        name: Unique for good: it is the owner of the key's runs, and a name that was revoked is not given again.
        hint: The first characters of the secret, to tell keys apart by.
        created_at: ISO 8601 in UTC.
        rules: What it lets its holder do.
        revoked_at: ISO 8601 in UTC; None for a key that is good.
    """

    name: str
    hint: str
    created_at: str
    rules: KeyRules
    revoked_at: str | None = None

    @property
    def owner(self) -> str:
        """Whose its runs are."""
        return self.name

    def not_set(self, fields: Iterable[str]) -> list[str]:
        """Return those of some fields of ``attention_moa`` that no request of the key may have, sorted."""
        allowed = self.rules.may_set
        return [] if allowed is None else sorted(set(fields) - set(allowed))


def new_secret() -> str:
    """Return a new key: 256 random bits."""
    return PREFIX + token_urlsafe(_RANDOM_BYTES)


def digest_of(secret: str) -> bytes:
    """Return what is stored of a key.

    Source: ours. A key is 256 random bits, which nobody guesses: a slow hash, as passwords need, would add nothing.
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def require_name(name: str) -> None:
    """Raise a ``ConfigError`` for what can be no key's name."""
    if _NAME.fullmatch(name) is None:
        message = f"{name!r} is no name: write up to 64 letters, digits, '.', '_' and '-', a letter or digit first"
        raise ConfigError(message, key="NAME")
