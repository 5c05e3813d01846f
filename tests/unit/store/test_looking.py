"""A journal that its reader may not write: it is read all the same, and nothing is made or changed beside it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from attention_moa.errors import StoreError
from attention_moa.store import open_journal
from attention_moa.store.looking import looking_url
from attention_moa.store.migrations import STEPS
from tests.asking import run
from tests.child import printed_by
from tests.journals import a_call, a_head, a_record

READER = """
import asyncio, json, os, sys, tempfile
from pathlib import Path
from attention_moa.errors import MoaError
from attention_moa.store import open_journal
from tests.cli_inside import inside
from tests.journals import a_head

WORDS = ["list"], ["list", "--json"], ["show", "over"], ["export", "over"], ["diff", "over", "cut"]
path, deed = Path(sys.argv[1]), sys.argv[2]

def drop():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setegid(65534)
        os.seteuid(65534)

def printed(journal):
    return [tuple(inside("runs", *words, "--journal", journal)) for words in WORDS]

if deed == "print":  # before the event loop: commands have one of their own
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal.db"
        copy.write_bytes(path.read_bytes())
        ours = printed(copy)  # imports all that these commands need
    drop()
    print(json.dumps([ours, printed(path)]))
    raise SystemExit

async def main():
    with tempfile.TemporaryDirectory() as folder:
        # All that is imported at first use is imported now, with this user's rights.
        async with open_journal(Path(folder) / "journal.db") as journal:
            await journal.begin(a_head())
            await told(journal)
    drop()
    async with open_journal(path, is_only_read=True) as journal:
        if deed == "delete":
            await journal.delete("over")
        if deed == "begin":
            await journal.begin(a_head("new"))
        print(json.dumps(await told(journal)))

async def told(journal):
    rows = await journal.rows()
    calls = {row.run_id: len((await journal.record(row.run_id)).calls) for row in rows}
    runs = [[row.run_id, row.is_held, calls[row.run_id]] for row in rows]
    return {"runs": runs, "secret": (await journal.secret()).hex()}

try:
    asyncio.run(main())
except MoaError as error:
    print(json.dumps(f"{type(error).__name__}: {error}"))
"""


def seen(path: Path, deed: str = "look") -> object:
    """Return what a process sees of a journal that may write nothing of it; assert that it leaves no trace."""
    before = snapshot(path.parent)
    said = printed_by(READER, path, deed)
    assert snapshot(path.parent) == before
    found: object = json.loads(said)
    return found


def snapshot(folder: Path) -> dict[Path, bytes]:
    """Return what is in a folder; the index of a journal in use has marks of its readers in it, and is left out."""
    files = [file for file in folder.glob("*") if file.is_file()]
    return {file: b"" if file.name.endswith("-shm") else file.read_bytes() for file in files}


@pytest.fixture
def path() -> Iterator[Path]:
    """Lend the path of a journal in a folder that everybody may see and enter; it has a run that is over."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "a journal%20.db"
        written(file)
        yield file
        Path(folder).chmod(0o755)


def written(file: Path) -> None:
    """Make a journal of a run that is over and one that was interrupted."""

    async def scenario() -> None:
        async with open_journal(file) as journal:
            for name, state in (("over", "finished"), ("cut", "running")):
                head, call = a_head(name, minute=state == "running"), a_call()
                place = await journal.begin(head)
                await place.put("key", call)
                if state == "finished":
                    await place.end(a_record(head, call))
                await place.release()

    run(scenario)


def close_off(folder: Path) -> None:
    """Let nobody but root write a journal's folder or anything in it."""
    for made in folder.iterdir():
        made.chmod(0 if made.is_dir() else 0o444)
    folder.chmod(0o555)


def secret_of(file: Path) -> str:
    """Return a journal's secret."""
    with sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True) as connection:
        ((value,),) = connection.execute("SELECT value FROM moa_meta WHERE key = 'secret'")
    connection.close()
    return bytes(value).hex()


def test_a_journal_that_cannot_be_written_is_read(path: Path) -> None:
    """All of it; whether somebody is at a run that is not over cannot be seen, so somebody may be."""
    close_off(path.parent)
    assert seen(path) == {"runs": [["cut", True, 1], ["over", False, 1]], "secret": secret_of(path)}


def test_commands_that_only_look_print_it_all_the_same(path: Path) -> None:
    """As they print a journal of this user's own: but who is at a run that is not over is not known."""
    close_off(path.parent)
    found = seen(path, "print")
    assert isinstance(found, list)
    mine, theirs = found
    assert [status for status, _, _ in mine] == [status for status, _, _ in theirs] == [0, 0, 0, 0, 0]
    assert "over" in theirs[0][1]
    assert " running " in theirs[0][1].splitlines()[1]
    assert theirs[2:] == mine[2:]


def test_what_was_written_a_moment_ago_is_read(path: Path) -> None:
    """While another process has the journal open, which goes on writing to it."""

    async def scenario() -> None:
        async with open_journal(path) as journal:
            place = await journal.begin(a_head("now", minute=2))
            await place.put("key", a_call())
            close_off(path.parent)
            assert isinstance(found := seen(path), dict)
            assert found["runs"] == [["now", True, 1], ["cut", True, 1], ["over", False, 1]]
            await place.put("other", a_call("later"))
            assert isinstance(found := seen(path), dict)
            assert found["runs"][0] == ["now", True, 2]
            path.parent.chmod(0o755)
            path.with_name(f"{path.name}.locks").chmod(0o700)

    run(scenario)


def copied_in_use(path: Path) -> Path:
    """Return a copy of a journal as it is left by a process that was killed."""
    copy = path.parent / "left" / path.name

    async def scenario() -> None:
        async with open_journal(path) as journal:
            await (await journal.begin(a_head("new", minute=2))).put("key", a_call())
            copy.parent.mkdir()
            for file in path.parent.glob(f"{path.name}*"):
                if file.is_file():
                    shutil.copyfile(file, copy.with_name(file.name))

    run(scenario)
    return copy


def test_what_a_killed_process_left_is_read(path: Path) -> None:
    """Its newest rows are still beside the file."""
    copy = copied_in_use(path)
    close_off(copy.parent)
    assert isinstance(found := seen(copy), dict)
    assert found["runs"] == [["new", False, 1], ["cut", False, 1], ["over", False, 1]]


@pytest.mark.parametrize("ending", ["-shm", "-wal"])
def test_newest_rows_that_cannot_be_read_are_not_left_out(path: Path, ending: str) -> None:
    """Nobody is shown half of a journal for the whole."""
    copy = copied_in_use(path)
    close_off(copy.parent)
    copy.with_name(f"{copy.name}-shm").chmod(0)
    copy.with_name(f"{copy.name}{ending}").chmod(0)
    said = str(seen(copy))
    assert said.startswith(f"StoreError: the journal {copy} has its newest rows in ")
    assert f"let it read {copy.name}-wal and {copy.name}-shm too" in said


@pytest.mark.parametrize("deed", ["delete", "begin"])
def test_what_is_only_read_is_not_written(path: Path, deed: str) -> None:
    """The mend is said, and nothing has changed."""
    close_off(path.parent)
    assert "let this user write the file and its folder" in str(seen(path, deed))


def test_a_journal_of_an_earlier_version_has_to_be_written_first(path: Path) -> None:
    """A later one is named as such."""
    for version, words in ((len(STEPS) - 1, "is of an earlier version: let who may"), (99, "upgrade attention-moa")):
        path.parent.chmod(0o755)
        path.chmod(0o644)
        path.with_name(f"{path.name}.locks").chmod(0o700)
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE moa_meta SET value = ? WHERE key = 'schema_version'", (str(version).encode(),))
        connection.close()
        close_off(path.parent)
        assert words in str(seen(path))


def test_a_journal_that_can_be_written_is_opened_as_ever(tmp_path: Path) -> None:
    """To be brought to this version's schema, and mended after a crash."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db", is_only_read=True) as journal:
            assert await journal.rows() == []
            await journal.begin(a_head())

    run(scenario)


def test_another_application_s_file_is_refused(path: Path) -> None:
    """Whether it can be written or not."""
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    close_off(path.parent)
    assert "another application's" in str(seen(path))
    with pytest.raises(StoreError, match="another application's"):
        run(lambda: _opened(path))


async def _opened(path: Path) -> None:
    async with open_journal(path, is_only_read=True):
        pass


def test_a_file_in_use_is_read_with_what_is_beside_it(tmp_path: Path) -> None:
    """One that nobody uses as it is; one whose newest rows have no index not at all."""
    file = tmp_path / "journal.db"
    written(file)
    assert looking_url(file).query["immutable"] == "1"
    wal, shm = file.with_name("journal.db-wal"), file.with_name("journal.db-shm")
    wal.touch()
    assert looking_url(file).query["immutable"] == "1"
    wal.write_bytes(b"rows")
    with pytest.raises(StoreError, match=r"newest rows in journal\.db-wal"):
        looking_url(file)
    shm.touch()
    assert "immutable" not in looking_url(file).query
