"""Files of benchmarks, packed with gzip or not: rows with the numbers of their lines, and errors that name both."""

from __future__ import annotations

import csv
import gzip
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import msgspec

from attention_moa.errors import ConfigError, describe

_GZIP = b"\x1f\x8b"


class Place(NamedTuple):
    """Where a row stands, for errors.

    Args:
        path: The file.
        line: The number of its line, from 1; None for the whole file.
        unit: What is counted: the elements of a JSON array have no lines.
    """

    path: Path
    line: int | None = None
    unit: Literal["line", "element"] = "line"

    def error(self, message: str, *, field: str | None = None) -> ConfigError:
        """Return an error that names file, line and field.

        Args:
            message: What is wrong, one line.
            field: Of the row; None where no single one is at fault.
        """
        line = "" if self.line is None else f", {self.unit} {self.line}"
        return ConfigError(f"{self.path}{line}{f', {field}' if field else ''}: {message}")


def benchmark_folder(data: Path, name: str) -> Path:
    """Return a benchmark's folder of data.

    Args:
        data: The folder that holds one folder a benchmark, or that folder itself.
        name: The folder's name.

    Raises:
        ConfigError: There is none.
    """
    for folder in (data / name, data):
        if folder.name == name and folder.is_dir():
            return folder
    raise ConfigError(f"{data} has no folder {name}: name the folder that holds it", key="--data")


def find_file(folder: Path, name: str) -> Path:
    """Return a file by its name, packed (``.gz``) or not.

    Raises:
        ConfigError: There is neither.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise ConfigError(f"{folder / name}: no such file, packed or not")


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes, unpacked where they are packed, whatever its name says.

    Raises:
        ConfigError: It cannot be read or unpacked.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else describe(error)
        raise Place(path).error(f"cannot be read: {reason}") from error


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        ConfigError: It cannot be read, or is not in UTF-8.
    """
    raw = read_bytes(path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Place(path, line).error("not in UTF-8") from error


def read_json(path: Path) -> object:
    """Return what a JSON file holds.

    Raises:
        ConfigError: It cannot be read, or is no JSON.
    """
    return _decoded(read_text(path), Place(path))


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file of JSON lines, each with the number of its line; empty lines are skipped.

    Raises:
        ConfigError: The file cannot be read, a line is no JSON or no object.
    """
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if text.strip():
            yield line, as_object(_decoded(text, Place(path, line)), Place(path, line))


def read_csv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with a header, each with the number of the line on which it ends.

    Raises:
        ConfigError: The file cannot be read, has no header, or a row has another number of fields.
    """
    reader = csv.reader(StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise Place(path, 1).error("no header")
        for row in reader:
            if len(row) not in (0, len(header)):
                raise Place(path, reader.line_num).error(f"{len(row)} fields, the header has {len(header)}")
            if row:
                yield reader.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise Place(path, reader.line_num).error(f"no CSV: {describe(error)}") from error


def read_rows(path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield the rows of a CSV file, a JSON array of objects or a file of JSON lines: what it is shows in its text.

    Raises:
        ConfigError: The file cannot be read, or is none of them.
    """
    begin = read_text(path).lstrip()[:1]
    if begin == "[":
        for number, row in enumerate(cast("list[object]", read_json(path)), start=1):
            place = Place(path, number, "element")
            yield place, as_object(row, place)
        return
    lines: Iterator[tuple[int, dict[str, Any]]] = read_lines(path) if begin == "{" else read_csv(path)
    yield from ((Place(path, line), row) for line, row in lines)


def as_object(value: object, place: Place) -> dict[str, Any]:
    """Return a value that is a JSON object.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(value, dict):
        raise place.error("not an object")
    return cast("dict[str, Any]", value)


def text_field(row: Mapping[str, Any], field: str, place: Place) -> str:
    """Return a field that holds text.

    Raises:
        ConfigError: It is missing, or no text.
    """
    value = _required(row, field, place)
    if not isinstance(value, str):
        raise place.error(f"not text: {_shown(value)}", field=field)
    return value


def number_field(row: Mapping[str, Any], field: str, place: Place) -> float:
    """Return a field that holds a finite number, as a number or (in CSV) as text.

    Raises:
        ConfigError: It is missing, or no number.
    """
    value = _required(row, field, place)
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise place.error(f"not a number: {_shown(value)}", field=field)
    return number


def integer_field(row: Mapping[str, Any], field: str, place: Place) -> int:
    """Return a field that holds a whole number, as a number or (in CSV) as text.

    Raises:
        ConfigError: It is missing, or no whole number.
    """
    number = number_field(row, field, place)
    if number != int(number):
        raise place.error(f"not a whole number: {_shown(row[field])}", field=field)
    return int(number)


def _required(row: Mapping[str, Any], field: str, place: Place) -> object:
    if field not in row:
        raise place.error("missing", field=field)
    return row[field]


def _decoded(text: str, place: Place) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        at = re.search(r"\(byte (\d+)\)", str(error))
        if place.line is None and at:
            place = place._replace(line=text.encode()[: int(at[1])].count(b"\n") + 1)
        raise place.error(f"no JSON: {describe(error)}") from error


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
