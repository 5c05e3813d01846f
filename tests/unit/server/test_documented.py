"""The page on the server says what the server does: fields, settings, errors."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from attention_moa.server.chat_body import ChatBody
from attention_moa.server.config import ServerConfig
from attention_moa.server.fields import CHAT_IGNORED, REFUSED
from attention_moa.server.settings_body import MoaBody

PAGE = (Path(__file__).parents[3] / "docs" / "server.md").read_text(encoding="utf-8")
SOURCES = Path(__file__).parents[3] / "src" / "attention_moa" / "server"


def row(begins: str) -> set[str]:
    """Return the names in backquotes of the first line of a table that begins so; without what follows a colon."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {begins}"))
    return {name.partition(":")[0] for name in re.findall(r"`([^`]+)`", line)}


def test_every_field_of_a_request_is_in_its_class() -> None:
    """And no other is."""
    applied, ignored, refused = row("applied"), row("no effect"), row("refused by name")
    fields = set(ChatBody.__struct_fields__)
    assert applied | (ignored & fields) | (refused & fields) == fields
    assert set(CHAT_IGNORED) == ignored & fields
    assert applied & (set(CHAT_IGNORED) | set(REFUSED)) == set()
    assert set(REFUSED) & fields <= refused


def test_every_setting_of_a_request_is_explained() -> None:
    """By its name."""
    section = PAGE.split("**Per request**")[1].split("## What comes back")[0]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([^`]+)`", "".join(first))) == set(MoaBody.__struct_fields__)


def test_the_file_that_is_shown_has_every_setting_with_what_holds_without_it() -> None:
    """But for the last four, which show how they are written."""
    shown = tomllib.loads(re.findall(r"```toml\n(ensembles.*?)```", PAGE, re.DOTALL)[0])
    known = [field.encode_name for field in msgspec.structs.fields(ServerConfig)]
    assert sorted(shown) == sorted(known)
    defaults = dict(list(shown.items())[:-4])
    assert msgspec.convert(defaults, ServerConfig) == ServerConfig()
    msgspec.convert({name: value for name, value in shown.items() if name != "no_journal"}, ServerConfig)


def test_every_code_of_an_error_is_in_the_table() -> None:
    """So that programs can be written against it."""
    table = PAGE.split("## Errors")[1].split("## Runs")[0]
    told = set(re.findall(r"`([a-z_]+)`", table))
    used = {code for file in SOURCES.glob("*.py") for code in re.findall(r'code="([a-z_]+)"', file.read_text("utf-8"))}
    assert used - told == set()
