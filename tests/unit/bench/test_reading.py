"""Benchmark files are read packed or not; what is wrong in them is named with its place."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.reading import (
    Place,
    as_object,
    benchmark_folder,
    find_file,
    integer_field,
    number_field,
    read_csv,
    read_json,
    read_lines,
    read_rows,
    text_field,
)
from attention_moa.errors import ConfigError


def written(folder: Path, content: bytes, name: str = "rows") -> Path:
    """Return a file with some bytes in it."""
    path = folder / name
    path.write_bytes(content)
    return path


def test_lines_are_read_with_their_numbers(tmp_path: Path) -> None:
    """Empty lines count, but give nothing."""
    path = written(tmp_path, b'{"a": 1}\n\n{"a": 2}\r\n')
    assert list(read_lines(path)) == [(1, {"a": 1}), (3, {"a": 2})]


def test_a_separator_of_lines_within_a_text_is_text(tmp_path: Path) -> None:
    """Only a line feed ends a line of JSON: what else Unicode calls one may stand in an answer."""
    path = written(tmp_path, '{"a": "one\u2028two\x85"}\n'.encode())
    assert list(read_lines(path)) == [(1, {"a": "one\u2028two\x85"})]


def test_a_packed_file_is_read_whatever_its_name_says(tmp_path: Path) -> None:
    """What a file is shows in its first bytes."""
    assert list(read_lines(written(tmp_path, gzip.compress(b'{"a": 1}')))) == [(1, {"a": 1})]


def test_rows_of_csv_are_read_with_the_lines_they_end_on(tmp_path: Path) -> None:
    """A field may hold a line's end; empty lines give nothing; a byte-order mark is no part of a name."""
    path = written(tmp_path, b'\xef\xbb\xbfa,b\n1,"x\ny"\n\n2,z\n')
    assert list(read_csv(path)) == [(3, {"a": "1", "b": "x\ny"}), (5, {"a": "2", "b": "z"})]


@pytest.mark.parametrize(
    ("content", "units"),
    [
        (b'[{"a": "1"},\n {"a": "2"}]', ["element 1", "element 2"]),
        (b'{"a": "1"}\n{"a": "2"}\n', ["line 1", "line 2"]),
        (b"a\n1\n2\n", ["line 2", "line 3"]),
    ],
)
def test_rows_of_any_form_are_read(tmp_path: Path, content: bytes, units: list[str]) -> None:
    """An array, lines of JSON and CSV hold the same rows."""
    rows = list(read_rows(written(tmp_path, content)))
    assert [row for _, row in rows] == [{"a": "1"}, {"a": "2"}]
    assert [f"{place.unit} {place.line}" for place, _ in rows] == units


@pytest.mark.parametrize(
    ("read", "content", "told"),
    [
        (read_lines, b'{"a": 1}\n{"a": \n', "rows, line 2: no JSON: "),
        (read_lines, b'{"a": 1}\n[1]\n', "rows, line 2: not an object"),
        (read_lines, b"[" * 100_000, "rows, line 1: no JSON: "),
        (read_lines, b'{"a": "\xff"}', "rows, line 1: not in UTF-8"),
        (read_lines, gzip.compress(b"x" * 100, mtime=0)[:-9], "rows: cannot be read: "),
        (read_rows, b'[{"a": 1},\n{"a": }]', "rows, line 2: no JSON: "),
        (read_rows, b'[{"a": 1}, 2]', "rows, element 2: not an object"),
        (read_csv, b"", "rows, line 1: no header"),
        (read_csv, b"a,b\n1,2\n1,2,3\n", "rows, line 3: 3 fields, the header has 2"),
        (read_csv, b'a,b\n1,"2\n', "rows, line 2: no CSV: "),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, read: Callable[[Path], Iterator[Any]], content: bytes, told: str
) -> None:
    """One line names the file and the line."""
    path = written(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        list(read(path))
    assert str(caught.value).startswith(f"{tmp_path}/{told}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """A missing file, and a folder in a file's place."""
    with pytest.raises(ConfigError, match=r"none\.json: cannot be read: No such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_json(tmp_path)


def test_a_file_is_found_packed_or_not(tmp_path: Path) -> None:
    """The plain one first."""
    packed = written(tmp_path, b"", "a.csv.gz")
    assert find_file(tmp_path, "a.csv") == packed
    plain = written(tmp_path, b"", "a.csv")
    assert find_file(tmp_path, "a.csv") == plain
    with pytest.raises(ConfigError, match=r"b\.csv: no such file, packed or not"):
        find_file(tmp_path, "b.csv")


def test_the_data_are_a_benchmark_s_folder_or_the_one_above(tmp_path: Path) -> None:
    """Both are understood; another folder is said to be none."""
    folder = tmp_path / "gsm8k"
    folder.mkdir()
    assert benchmark_folder(tmp_path, "gsm8k") == folder
    assert benchmark_folder(folder, "gsm8k") == folder
    with pytest.raises(ConfigError, match=r"--data: .* has no folder flask"):
        benchmark_folder(tmp_path, "flask")


PLACE = Place(Path("f.jsonl"), 7)


@pytest.mark.parametrize(("value", "number"), [(1, 1.0), (1.5, 1.5), ("2", 2.0), (" 1e-3 ", 0.001)])
def test_numbers_are_numbers_or_text_of_one(value: object, number: float) -> None:
    """As in JSON, and as in CSV."""
    assert number_field({"a": value}, "a", PLACE) == number


@pytest.mark.parametrize("value", [None, True, "", "nan", "inf", [], "one", 10**400])
def test_what_is_no_number_is_an_error(value: object) -> None:
    """It names the field and shows the value."""
    with pytest.raises(ConfigError, match=r"f\.jsonl, line 7, a: not a number: "):
        number_field({"a": value}, "a", PLACE)


def test_fields_have_their_kinds() -> None:
    """Text is text, a whole number is whole, and what is not there is missing."""
    assert text_field({"a": "b"}, "a", PLACE) == "b"
    assert integer_field({"a": "12"}, "a", PLACE) == 12
    with pytest.raises(ConfigError, match=r"f\.jsonl, line 7, a: not text: 1"):
        text_field({"a": 1}, "a", PLACE)
    with pytest.raises(ConfigError, match=r"f\.jsonl, line 7, a: not a whole number: 1\.5"):
        integer_field({"a": 1.5}, "a", PLACE)
    with pytest.raises(ConfigError, match=r"f\.jsonl, line 7, b: missing"):
        number_field({"a": 1}, "b", PLACE)
    with pytest.raises(ConfigError, match=r"f\.jsonl: not an object"):
        as_object([], Place(Path("f.jsonl")))


def test_a_long_value_is_shown_cut() -> None:
    """An error stays readable whatever a field holds."""
    with pytest.raises(ConfigError) as caught:
        number_field({"a": "x" * 1000}, "a", PLACE)
    assert str(caught.value).endswith("x…")
    assert len(str(caught.value)) < 120
