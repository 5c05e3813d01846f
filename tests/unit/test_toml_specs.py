"""TOML texts become specs, and every fault of one is a line that names the field and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from attention_moa.errors import ConfigError
from attention_moa.toml_specs import parse_toml, read_toml, to_spec


class Wheel(Struct, frozen=True, forbid_unknown_fields=True):
    size: int = 1


class Cart(Struct, frozen=True, forbid_unknown_fields=True):
    wheels: tuple[Wheel, ...]
    spare: Wheel | None = None
    load: float | None = None


def problem(text: str) -> str:
    """Return what is said about a faulty cart."""
    with pytest.raises(ConfigError) as caught:
        to_spec(parse_toml(text, name="cart.toml", key="cart"), Cart, {"wheels": "[[wheels]] tables"})
    return str(caught.value)


def test_a_document_becomes_a_spec() -> None:
    """Tables in tables, and fields that may be left out."""
    assert to_spec(parse_toml("[[wheels]]\nsize = 3\n[spare]\n", name="c", key="c"), Cart, {}) == Cart(
        wheels=(Wheel(3),), spare=Wheel()
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "wheels: missing: add [[wheels]] tables"),
        ("whels = 1\nwheels = []", "whels: no such field: did you mean wheels?"),
        ("wheels = []\nqqqqqqq = 1", "qqqqqqq: no such field: known are load, spare, wheels"),
        ("[[wheels]]\nsize = 'x'", "wheels[0].size: 'x' is not right here: write a whole number"),
        ("[wheels]\nsize = 1", "wheels: a table is not right here: write [[…]] tables, with two brackets"),
        ("wheels = []\n[spare]\nsize = true", "spare.size: True is not right here: write a whole number"),
        ("wheels = []\n[spare]\nsise = 1", "spare.sise: no such field: did you mean size?"),
        ("wheels = []\nspare = 1", "spare: 1 is not right here: write a table"),
        ("wheels = []\nload = []", "load: a list is not right here: write a number"),
        ("wheels = ", "cart: cart.toml is not TOML"),
    ],
)
def test_a_fault_names_the_field_and_the_mend(text: str, said: str) -> None:
    """Also within a table that may be left out."""
    assert problem(text).startswith(said)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, not UTF-8."""
    with pytest.raises(ConfigError, match="cart: look elsewhere"):
        read_toml(tmp_path / "none.toml", key="cart", missing="look elsewhere")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path, key="cart", missing="")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigError, match=r"latin\.toml, line 2: not UTF-8"):
        read_toml(path, key="cart", missing="")
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(path, key="cart", missing="") == "a = 1\n"
