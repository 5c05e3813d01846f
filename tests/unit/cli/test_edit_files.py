"""Files that are changed on the page: whole or not at all, and the old one kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.cli.edit_files import MOST_BYTES, is_inside, read_file, write_file
from attention_moa.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file."""
    file = tmp_path / "trio.toml"
    file.write_bytes(b"layers = 2\n")
    file.chmod(0o640)
    return file


def names(file: Path) -> list[str]:
    """Return what is in a file's folder."""
    return sorted(path.name for path in file.parent.iterdir())


def test_a_file_is_written_and_the_old_one_kept(file: Path) -> None:
    """With the rights that it had, and nothing else left beside it."""
    write_file(file, "layers = 3\n", digest=read_file(file).digest)
    assert file.read_text() == "layers = 3\n"
    assert (file.parent / "trio.toml.before").read_text() == "layers = 2\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert names(file) == ["trio.toml", "trio.toml.before"]
    write_file(file, "layers = 4\n", digest=read_file(file).digest)
    assert (file.parent / "trio.toml.before").read_text() == "layers = 3\n"


def test_what_is_the_same_is_not_written(file: Path) -> None:
    """So the file kept beside it stays what it was."""
    write_file(file, "layers = 2\n", digest=read_file(file).digest)
    assert names(file) == ["trio.toml"]


def test_a_file_that_was_changed_meanwhile_stays(file: Path) -> None:
    """Whoever changed it."""
    digest = read_file(file).digest
    file.write_text("theirs\n")
    with pytest.raises(ConfigError, match=r"trio\.toml was changed by somebody else meanwhile"):
        write_file(file, "ours\n", digest=digest)
    assert file.read_text() == "theirs\n"
    assert names(file) == ["trio.toml"]


@pytest.mark.parametrize(
    ("before", "after"), [(b"a = 1\r\nb = 2\r\n", b"a = 3\r\nb = 2\r\n"), (b"a = 1\r\nb = 2\n", b"a = 3\nb = 2\n")]
)
def test_ends_of_lines_stay_what_they_were(file: Path, before: bytes, after: bytes) -> None:
    """Where all were of one kind; a browser knows but one."""
    file.write_bytes(before)
    write_file(file, "a = 3\r\nb = 2\n", digest=read_file(file).digest)
    assert file.read_bytes() == after


def test_what_is_too_long_is_not_written(file: Path) -> None:
    """Nor anything beside it."""
    with pytest.raises(ConfigError, match="longer than 256 KiB"):
        write_file(file, "#" * (MOST_BYTES + 1), digest=read_file(file).digest)
    assert names(file) == ["trio.toml"]


def test_a_file_that_is_gone_is_told(file: Path) -> None:
    """To who reads it and to who writes it."""
    digest = read_file(file).digest
    file.unlink()
    with pytest.raises(ConfigError, match=r"trio\.toml is not there any more"):
        read_file(file)
    with pytest.raises(ConfigError, match=r"trio\.toml cannot be read"):
        write_file(file, "x", digest=digest)


def test_where_nothing_can_be_put_nothing_is_lost(file: Path) -> None:
    """The file stays, and what was begun is taken away again."""
    (file.parent / "trio.toml.before").mkdir()
    (file.parent / "trio.toml.before" / "full").touch()
    with pytest.raises(ConfigError, match=r"trio\.toml cannot be written"):
        write_file(file, "layers = 3\n", digest=read_file(file).digest)
    assert file.read_text() == "layers = 2\n"
    assert names(file) == ["trio.toml", "trio.toml.before"]


def test_only_a_files_own_folder_counts(file: Path) -> None:
    """Neither a link, nor what is deeper, nor what is not there."""
    folder = file.parent
    (folder / "deep").mkdir()
    (folder / "deep" / "trio.toml").touch()
    (folder / "link.toml").symlink_to(folder / "deep" / "trio.toml")
    (folder / "deep" / "back").symlink_to(folder)
    assert is_inside(file, folder)
    assert is_inside(folder / "deep" / "back" / "trio.toml", folder)
    assert not is_inside(folder / "deep" / "trio.toml", folder)
    assert not is_inside(folder / "link.toml", folder)
    assert not is_inside(folder / "none.toml", folder)
