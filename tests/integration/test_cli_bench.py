"""``attention-moa bench score`` as a child process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.alpaca_world import annotation_rows, write_annotations, write_data
from tests.cli_world import only_line, run_cli


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with a benchmark's data."""
    return write_data(tmp_path)


def test_scores_are_a_table(data: Path, tmp_path: Path) -> None:
    """Score, value, interval, how many and how many are missing; what else there is to know goes to standard error."""
    rows = [
        row | {"preference": "" if place == 3 else row["preference"]} for place, row in enumerate(annotation_rows())
    ]
    file = write_annotations(tmp_path, rows)
    done = run_cli("bench", "score", "alpaca-eval", file, "--data", data, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    title, headings, *lines = done.stdout.decode().splitlines()
    assert title == f"alpaca-eval: {file}"
    assert headings.split() == ["score", "value", "95", "%", "interval", "n", "missing"]
    cells = {line.split()[0]: line.split()[1:] for line in lines}
    assert cells["win_rate"][0] == "66.67"
    assert cells["win_rate"][-2:] == ["39", "1"]
    assert cells["n_wins"] == ["26", "-", "39", "1"]
    assert "mine: fit: length" in done.stderr.decode()


def test_scores_are_json_by_file(data: Path, tmp_path: Path) -> None:
    """The benchmark's own names of scores, and beside them intervals, counts and notes."""
    files = [write_annotations(tmp_path, annotation_rows(count), f"{count}.csv") for count in (40, 30)]
    done = run_cli("bench", "score", "alpaca-eval", *files, "--data", data / "alpaca_eval", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    found = json.loads(done.stdout)
    assert list(found) == ["40", "30"]
    assert found["30"]["n_total"] == found["30"]["counts"]["win_rate"] == 30
    assert found["40"]["file"] == str(files[0])
    low, high = (found["40"]["intervals"]["win_rate"][end] for end in ("low", "high"))
    assert low < found["40"]["win_rate"] < high
    assert {*found["40"]} > {
        "win_rate",
        "standard_error",
        "length_controlled_winrate",
        "avg_length",
        "missing",
        "notes",
    }


def test_files_of_one_name_are_told_apart(data: Path, tmp_path: Path) -> None:
    """As the official folders have them: one folder a model, one name for all."""
    files: list[Path] = []
    for model in ("a", "b"):
        (tmp_path / model).mkdir()
        files.append(write_annotations(tmp_path / model, annotation_rows(), "annotations.csv"))
    done = run_cli("bench", "score", "alpaca-eval", *files, "--data", data, "--json", folder=tmp_path)
    assert list(json.loads(done.stdout)) == [str(file) for file in files]


def test_a_wrong_file_is_one_line(data: Path, tmp_path: Path) -> None:
    """It names the file, the line and the field, and the exit code is that of what a user can put right."""
    file = write_annotations(tmp_path, [*annotation_rows(2), annotation_rows(1)[0] | {"preference": "good"}])
    done = run_cli("bench", "score", "alpaca-eval", file, "--data", data, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert only_line(done.stderr) == f"attention-moa: {file}, line 4, preference: not a number: 'good'"


def test_data_that_are_not_there_are_told(tmp_path: Path) -> None:
    """The folder that is looked for is named."""
    file = write_annotations(tmp_path, annotation_rows())
    done = run_cli("bench", "score", "alpaca-eval", file, "--data", tmp_path, folder=tmp_path)
    assert done.returncode == 2
    assert "has no folder alpaca_eval" in only_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chess", "mine.csv", "--data", "."], "'chess' is not one of"),
        (["alpaca-eval", "mine.csv"], "Missing option '--data'"),
        (["alpaca-eval", "none.csv", "--data", "."], "'none.csv' does not exist"),
        (["alpaca-eval", "--data", "."], "Missing argument 'FILE...'"),
    ],
)
def test_a_wrong_command_line_is_told(tmp_path: Path, arguments: list[str], told: str) -> None:
    """With the exit code of usage errors."""
    write_annotations(tmp_path, annotation_rows())
    done = run_cli("bench", "score", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr.decode()


def test_published_annotations_are_scored_from_the_command_line(benchmark_data: Path, tmp_path: Path) -> None:
    """The names are those of the expected numbers, and so are the numbers."""
    expected = json.loads((benchmark_data / "alpaca_eval" / "expected.json").read_text(encoding="utf-8"))["claude-2"]
    file = benchmark_data / "alpaca_eval" / "annotations" / "claude-2.csv.gz"
    done = run_cli("bench", "score", "alpaca-eval", file, "--data", benchmark_data, "--json", folder=tmp_path)
    found = json.loads(done.stdout)["claude-2"]
    for name, value in expected["published"].items():
        tolerance = 0.01 if name.startswith("length") else 1e-9
        assert value is None or found[name] == pytest.approx(value, rel=0, abs=tolerance), name


@pytest.mark.parametrize(
    ("task", "files"), [("gsm8k", "gsm8k/solutions_*.jsonl.gz"), ("mt-bench", "mt_bench/judgments/*.jsonl.gz")]
)
def test_the_names_of_scores_are_those_of_the_expected_numbers(
    benchmark_data: Path, tmp_path: Path, task: str, files: str
) -> None:
    """Whatever else a document says, no score of the benchmark is hidden by it."""
    folder = benchmark_data / files.partition("/")[0]
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    paths = sorted(benchmark_data.glob(files))
    done = run_cli("bench", "score", task, *paths, "--data", benchmark_data, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {name.removeprefix("solutions_"): scores for name, scores in json.loads(done.stdout).items()}
    assert found.keys() == expected.keys()
    for model, numbers in expected.items():
        for name in numbers.keys() & found[model].keys():
            value = pytest.approx(numbers[name], rel=0, abs=1e-9)
            assert found[model][name] == value, (model, name)
        assert numbers.keys() - found[model].keys() <= {"source", "judge", "note"}
