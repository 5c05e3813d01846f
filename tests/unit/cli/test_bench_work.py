"""How work over questions ends on the command line."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from attention_moa.bench.scores import Score
from attention_moa.cli.bench_views import Ended
from attention_moa.cli.bench_work import end, told_of
from attention_moa.errors import ConfigError


def ended_with(results: Score | None, folder: Path, *, is_json: bool = False, signum: int | None = None) -> int:
    """Return the exit code of work that came to one score."""
    return end(
        Ended(results, signum),
        folder,
        questions=(),
        lines_of=lambda score, _: [f"{score.name} is {score.value}"],
        is_json=is_json,
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigError("no such file", key="ensemble"), "--judge: no such file"),
        (ConfigError("wrong", key="judge"), "--judge: wrong"),
        (ConfigError("wrong"), "--judge: wrong"),
        (ConfigError("wrong", key="agents[0].model"), "--judge: agents[0].model: wrong"),
    ],
)
def test_an_error_names_the_option_once(error: ConfigError, said: str) -> None:
    """And the field of a file behind it."""
    assert str(told_of(error, "--judge")) == said


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_a_signal_ended_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], signum: int, code: int
) -> None:
    """Nothing is printed as a result, and where it is kept is said."""
    assert ended_with(None, tmp_path, signum=signum) == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"what was finished is kept in {tmp_path}: the same command goes on\n")


def test_results_are_told_also_where_no_report_can_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As lines, or as one document and nothing else."""
    score = Score("accuracy", 50.0, 4)
    assert ended_with(score, tmp_path) == 0
    said = capsys.readouterr()
    assert said.out == "accuracy is 50.0\n"
    assert said.err.splitlines() == [
        f"no report was written: {tmp_path} has no scores.json: no benchmark has ended in it",
        f"all of it is in {tmp_path}",
    ]
    assert ended_with(score, tmp_path, is_json=True) == 0
    assert capsys.readouterr().out.startswith('{"name":"accuracy","value":50.0')
