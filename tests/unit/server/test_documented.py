"""The page on the server says what the server does: fields, settings, errors."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import msgspec

from attention_moa.errors import RefusedError, ServerError
from attention_moa.server.chat_body import ChatBody
from attention_moa.server.config import ServerConfig
from attention_moa.server.fields import CHAT_IGNORED, REFUSED
from attention_moa.server.request_numbers import Answered, RequestNumbers
from attention_moa.server.settings_body import MoaBody
from attention_moa.server.usage import RunBody
from attention_moa.telemetry import open_metrics
from tests.worlds import World, a_spec, in_turn

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


def test_the_object_that_comes_back_is_shown_with_all_of_its_fields() -> None:
    """But for the ids of further runs, of which the text tells."""
    (shown,) = re.findall(r'```json\n"attention_moa": (.*?)```', PAGE, re.DOTALL)
    known = set(RunBody.__struct_fields__) - {"run_ids"}
    assert set(msgspec.json.decode(shown)) == known


PREFIX = "attention_moa_"
STATUSES = {"bad_request": 400, "not_found": 404, "busy": 503}
BY_RULE = {(405, "method_not_allowed"), (422, "refused"), (422, "context_length_exceeded")}
"""Errors whose status or code is worked out."""


def calls_in(*files: Path) -> list[ast.Call]:
    """Return all calls that are written in some files."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def errors_of(call: ast.Call) -> set[tuple[int, str]]:
    """Return the status and the code that a call makes an error with; none where it makes none."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    codes = [word.value.value for word in call.keywords if word.arg == "code" and isinstance(word.value, ast.Constant)]
    if name == "_Row":
        return {(int(str(values[0])), str(values[2]))}
    if name == "bad_request" and not codes and all(word.arg != "code" for word in call.keywords):
        codes = ["invalid_value"]
    status = STATUSES.get(name, values[0] if name == "ApiError" and values else None)
    return {(status, str(code)) for code in codes} if isinstance(status, int) else set()


def test_every_error_is_in_the_table_with_its_status_and_its_codes() -> None:
    """And no other is: so that programs can be written against it."""
    lines = PAGE.split("## Errors")[1].split("## Runs")[0].splitlines()
    rows = [line.split("|") for line in lines if re.match(r"\| \d", line)]
    told = {(int(row[1]), code) for row in rows for code in re.findall(r"`([a-z_]+)`", row[3])}
    used = {error for call in calls_in(*SOURCES.glob("*.py")) for error in errors_of(call)}
    assert told == used | BY_RULE


def test_every_number_is_in_the_table_with_its_labels() -> None:
    """By its name without the prefix that all of them have."""
    section = PAGE.split("| metric | labels | what |")[1].split("\n\n")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    told = {name: tuple(re.findall(r"`(\w+)`", row[2])) for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    metrics = open_metrics()
    RequestNumbers(metrics)(Answered("GET", "/v1/models", 200, 0.1))
    World(a_spec(2), {"1.answer.a": in_turn(ServerError("no"), RefusedError("no"))}, observers=[metrics]).run()
    families = {family.name.removeprefix(PREFIX): family for family in metrics.registry.collect()}
    assert set(told) == {name for name, family in families.items() if family.name.startswith(PREFIX)}
    shown = {name: {tuple(sample.labels) for sample in families[name].samples} for name in told}
    for name, labels in shown.items():
        assert {tuple(label for label in found if label != "le") for found in labels} <= {told[name]}, name
    assert sum(map(bool, shown.values())) > 10


def line_of(call: ast.Call) -> tuple[str, str] | None:
    """Return the level and the name of the log line that a call writes or describes; None where it does neither."""
    texts = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if isinstance(call.func, ast.Name) and call.func.id == "_Line":
        return ast.unparse(call.args[1]), str(texts[0])
    if texts and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "_LOG":
        return call.func.attr.upper().replace("EXCEPTION", "ERROR"), str(texts[0])
    return None


def test_every_line_of_the_log_is_in_the_table_with_its_level() -> None:
    """But that of a failed run, which is a warning."""
    rows = [line.split("|") for line in PAGE.split("| level | lines |")[1].split("\n\n")[0].splitlines()]
    told = {
        (row[1].strip(), name) for row in rows if len(row) == 4 for name in re.findall(r"`([a-z.]+\.[a-z_]+)`", row[2])
    }
    used = set(filter(None, map(line_of, calls_in(*SOURCES.glob("*.py"), SOURCES.parent / "telemetry" / "logs.py"))))
    assert told == used | {("WARNING", "run.finished")}
