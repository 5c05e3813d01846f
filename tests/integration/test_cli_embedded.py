"""The command line on the real embedded model: few tokens, one agent."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from attention_moa.codec import record_from_json
from attention_moa.providers.weights import find_weights
from tests.cli_world import TIMEOUT_S, only_line, run_cli, start_cli, wait_until, write_ensemble

SMALL = """
layers = 1
[[agents]]
name = "tiny"
model = "embedded:smollm2"
temperature = 0.0
max_tokens = 8
[attention]
self = false
peers = 0
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return the file of an ensemble of one agent without attention: two calls."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that live."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text(encoding="utf-8").split()]


def test_the_embedded_model_answers(tmp_path: Path, small: Path) -> None:
    """A real answer with real token counts, and a reply that hit its limit says so."""
    trace = tmp_path / "trace.json"
    done = run_cli("ask", "-e", small, "--trace", trace, "What is the capital of France?", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    record = record_from_json(trace.read_bytes())
    assert record.usage.unknown_calls == 0
    assert 0 < record.usage.output_tokens <= 8 * record.usage.calls
    assert f"tokens: {record.usage.input_tokens:,} prompt (" in done.stderr.decode()
    assert ("truncated: the answer hit its token limit" in done.stderr.decode()) is record.is_truncated


def test_the_check_of_the_embedded_model_works(tmp_path: Path, small: Path) -> None:
    """No key, an address of its own, a reply."""
    done = run_cli("ensemble", "check", small, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert b"all models work" in done.stdout


def test_the_model_stays_loaded_between_the_turns_of_a_chat(tmp_path: Path, small: Path) -> None:
    """Two turns, two answers, and nothing is left running."""
    done = run_cli("chat", "-e", small, folder=tmp_path, text=b"Say hello.\nAnd now goodbye.\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode().count("calls: 2 of 2 planned") == 2


def test_ctrl_c_ends_the_model_s_server_too(tmp_path: Path) -> None:
    """The child process that serves the model is gone when the program is."""
    path = tmp_path / "long.toml"
    path.write_text(SMALL.replace("max_tokens = 8", "max_tokens = 4000"), encoding="utf-8")
    child = start_cli("ask", "-e", path, "--events", "Tell me a long story.", folder=tmp_path)
    assert child.stdout is not None
    for line in child.stdout:
        if b"call_first_token" in line:
            break
    servers = children_of(child.pid)
    assert servers
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 130

    def is_gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in servers)

    wait_until(is_gone, "the end of the model's server")


def test_another_gguf_file_takes_the_embedded_model_s_place(tmp_path: Path, small: Path) -> None:
    """What is no GGUF file is refused in one line that names it; a link to the real one works."""
    other = tmp_path / "other.gguf"
    other.symlink_to(find_weights("smollm2").path)
    assert run_cli("ask", "-q", "-e", small, "--model-file", other, "Hello?", folder=tmp_path).returncode == 0
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model" * 100)
    done = run_cli("ask", "-q", "-e", small, "--model-file", broken, "Hello?", folder=tmp_path)
    assert done.returncode == 2
    assert "broken.gguf" in only_line(done.stderr)


def test_a_model_file_needs_an_embedded_model_to_replace(tmp_path: Path) -> None:
    """An option that would do nothing is refused."""
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    ensemble = write_ensemble(tmp_path, "quick")
    done = run_cli("ask", "-q", "-e", ensemble, "--model-file", "x.gguf", "Hello?", folder=tmp_path)
    assert done.returncode == 2
    assert "has no embedded model to replace" in only_line(done.stderr)
