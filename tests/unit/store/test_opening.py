"""Opening a file: a new one is made for its user alone, one that is not ours or damaged is named and left as it is."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import create_engine, inspect

from attention_moa.errors import SchemaVersionError, StoreError
from attention_moa.store import open_journal
from attention_moa.store.migrations import STEPS
from attention_moa.store.tables import METADATA
from tests.asking import run
from tests.child import printed_by
from tests.journals import a_call, a_head

MINE_ALONE = {0o600, 0o700}


def opened(path: Path) -> None:
    """Open a journal and close it."""

    async def scenario() -> None:
        async with open_journal(path, busy_timeout_s=0.3):
            pass

    run(scenario)


def written(path: Path, *, calls: int = 1) -> None:
    """Make a journal with one run in it."""

    async def scenario() -> None:
        async with open_journal(path) as journal:
            place = await journal.begin(a_head())
            for number in range(calls):
                await place.put("key", a_call(f"1.answer.{number}"))
            await place.release()

    run(scenario)


def refused(path: Path, because: str) -> None:
    """Assert that a file is refused in one line, stays as it is, and gets nothing beside it."""
    before = path.read_bytes() if path.is_file() else None
    beside = sorted(path.parent.glob("*"))
    with pytest.raises(StoreError, match=because) as caught:
        opened(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert before is None or path.read_bytes() == before
    assert sorted(path.parent.glob("*")) == beside


def test_a_new_journal_is_for_its_user_alone(tmp_path: Path) -> None:
    """The file, what belongs to it, and the folders that were made for it."""
    path = tmp_path / "deep" / "er" / "journal.db"

    async def scenario() -> None:
        async with open_journal(path) as journal:
            await journal.begin(a_head())
            for made in (path.parent, *path.parent.iterdir(), *path.parent.glob("journal.db.locks/*")):
                assert stat.S_IMODE(made.stat().st_mode) in MINE_ALONE, made
            assert (path.parent / "journal.db-wal").exists()
            assert journal.name == str(path)

    old = os.umask(0)
    try:
        run(scenario)
    finally:
        os.umask(old)
    assert not (path.parent / "journal.db-wal").exists()


def test_nothing_is_touched_before_the_first_use(tmp_path: Path) -> None:
    """A journal that is made and closed leaves no file."""

    async def scenario() -> None:
        journal = open_journal(tmp_path / "journal.db")
        await journal.aclose()
        await journal.aclose()

    run(scenario)
    assert list(tmp_path.iterdir()) == []


def test_a_journal_works_in_one_loop_after_another(tmp_path: Path) -> None:
    """Closed in one, it connects again in the next; awaited, it connects at once."""
    journal = open_journal(tmp_path / "journal.db")

    async def scenario() -> bytes:
        async with await journal:
            return await journal.secret()

    assert run(scenario) == run(scenario)


def test_the_schema_is_what_the_queries_name(tmp_path: Path) -> None:
    """Migrations and tables agree in every column; the file says whose it is."""
    path = tmp_path / "journal.db"
    opened(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = inspect(connection)
        made = {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}
        assert connection.exec_driver_sql("PRAGMA application_id").scalar_one() == 0x4D6F4131
    engine.dispose()
    assert made == {table.name: {column.name for column in table.columns} for table in METADATA.sorted_tables}


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    """By its number, with the mend; the file is left as it is."""
    path = tmp_path / "journal.db"
    opened(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE moa_meta SET value = ? WHERE key = 'schema_version'", (b"99",))
    connection.close()
    with pytest.raises(SchemaVersionError, match="upgrade attention-moa") as caught:
        opened(path)
    assert (caught.value.found, caught.value.known) == (99, len(STEPS))


@pytest.mark.parametrize("change", ["DELETE FROM moa_meta", "UPDATE moa_meta SET value = 'x'"])
def test_a_journal_without_a_version_is_refused(tmp_path: Path, change: str) -> None:
    """It is not guessed at."""
    path = tmp_path / "journal.db"
    opened(path)
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(StoreError, match="does not say which schema"):
        opened(path)


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()


def _marked(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id=42")
    connection.close()


def _text(path: Path) -> None:
    path.write_text("Dear diary, this is a text of more than a hundred bytes. " * 100, encoding="utf-8")


def _short(path: Path) -> None:
    path.write_bytes(b"x")


def _header(path: Path) -> None:
    written(path)
    path.write_bytes(path.read_bytes()[:50])


def _copied_in_part(path: Path) -> None:
    whole = path.with_name("whole.db")
    written(whole, calls=50)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made, chdir(path.parent):  # the address of one is a hundred bytes at most
        made.bind(path.name)


@pytest.mark.parametrize(
    ("make", "because"),
    [
        (_foreign, "another application's"),
        (_marked, "another application's"),
        (_text, "no SQLite database"),
        (_short, "no SQLite database|damaged"),
        (_header, "no SQLite database|damaged"),
        (_copied_in_part, "is damaged: put a copy back"),
        (Path.mkdir, "cannot be"),
        (os.mkfifo, "is no file to keep a journal in"),
        (_socket, "is no file to keep a journal in"),
        (lambda path: path.symlink_to(os.devnull), "is no file to keep a journal in"),
    ],
)
def test_what_is_no_journal_is_refused(tmp_path: Path, make: Callable[[Path], None], because: str) -> None:
    """And left as it is."""
    path = tmp_path / "journal.db"
    make(path)
    refused(path, because)


def test_a_truncated_journal_is_damaged(tmp_path: Path) -> None:
    """Whatever is asked of it, it says so."""
    path = tmp_path / "journal.db"
    written(path, calls=50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "is damaged: put a copy back")


def test_a_copy_of_a_journal_is_one(tmp_path: Path) -> None:
    """Also one without the locks of the place where it came from, and an empty file or database."""
    written(tmp_path / "journal.db")
    (tmp_path / "copy.db").write_bytes((tmp_path / "journal.db").read_bytes())
    (tmp_path / "empty.db").touch()
    with sqlite3.connect(tmp_path / "bare.db") as connection:
        connection.execute("VACUUM")
    connection.close()
    for name in ("copy.db", "empty.db", "bare.db"):
        opened(tmp_path / name)


def test_an_overwritten_page_is_damage(tmp_path: Path) -> None:
    """Read, it is named; nothing is made up in its place."""
    path = tmp_path / "journal.db"
    written(path, calls=200)
    whole = bytearray(path.read_bytes())
    whole[8192:] = b"\xa5" * (len(whole) - 8192)
    path.write_bytes(whole)

    async def scenario() -> None:
        async with open_journal(path) as journal:
            await journal.record("run-1")

    with pytest.raises(StoreError, match="damaged"):
        run(scenario)


@pytest.mark.parametrize("damaged", [b"x\x9cnothing", b"{", b'{"call_id": 1}', b"\xff", "a text"])
def test_a_damaged_call_is_named(tmp_path: Path, damaged: bytes | str) -> None:
    """It is an error, never a reply."""
    path = tmp_path / "journal.db"
    written(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE moa_calls SET record = ?", (damaged,))
    connection.close()

    async def scenario() -> None:
        async with open_journal(path) as journal:
            place = await journal.resume("run-1")
            with pytest.raises(StoreError, match="the journal holds something"):
                await place.find("key", call_id="1.answer.0")
            with pytest.raises(StoreError, match="the journal holds something"):
                await journal.record("run-1")

    run(scenario)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Here a file is in its place."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    refused(tmp_path / "file" / "journal.db", "Not a directory|File exists")


def test_a_locked_journal_says_so(tmp_path: Path) -> None:
    """After the timeout; what was stored before is there when the lock is gone."""
    path = tmp_path / "journal.db"
    written(path)

    async def scenario() -> None:
        async with open_journal(path, busy_timeout_s=0.2) as journal:
            place = await journal.resume("run-1")
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="is locked by another process"):
                await place.put("key", a_call("late"))
            assert await place.find("key", call_id="late") is None
            with pytest.raises(StoreError, match="is locked by another process"):
                await journal.begin(a_head("run-2"))
            assert len(await journal.rows()) == 1
            other.execute("ROLLBACK")
            other.close()
            await place.put("key", a_call("late"))
            assert [row.calls for row in await journal.rows()] == [2]
            await journal.begin(a_head("run-2"))

    run(scenario)


def test_a_journal_that_is_moved_away_is_not_made_anew(tmp_path: Path) -> None:
    """Its runs would seem to be gone; put back, it has them all."""
    path, moved = tmp_path / "journal.db", tmp_path / "moved.db"

    async def scenario() -> None:
        async with open_journal(path) as journal:
            await (await journal.begin(a_head())).put("key", a_call())
            path.rename(moved)
            with pytest.raises(ExceptionGroup) as caught:  # as many reads at once as there are connections, and more
                async with asyncio.TaskGroup() as group:
                    for _ in range(10):
                        group.create_task(journal.rows())
            assert "see that it is there" in str(caught.value.exceptions[0])
        assert not path.exists()
        moved.rename(path)
        async with open_journal(path) as journal:
            assert [row.calls for row in await journal.rows()] == [1]

    run(scenario)


def test_a_new_journal_is_made_once_by_many(tmp_path: Path) -> None:
    """All that open it at the same time have one secret."""
    path = tmp_path / "journal.db"

    async def scenario() -> None:
        journals = [open_journal(path) for _ in range(6)]
        async with asyncio.TaskGroup() as group:
            secrets = [group.create_task(journal.secret()) for journal in journals]
        assert len({secret.result() for secret in secrets}) == 1
        for journal in journals:
            await journal.aclose()

    run(scenario)


def test_opening_waits_only_so_long_for_another_that_opens(tmp_path: Path) -> None:
    """Then it says that there is no answer."""
    path = tmp_path / "journal.db"
    opened(path)
    with FileLock(tmp_path / "journal.db.locks" / "open.lock"):
        refused(path, "does not answer in time")


ANOTHER = """
import asyncio, os, resource, signal, sys, tempfile
from pathlib import Path
from attention_moa.errors import MoaError
from attention_moa.store import open_journal
from tests.journals import a_call, a_head

path, kind = Path(sys.argv[1]), sys.argv[2]

async def main():
    if kind == "full":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        async with open_journal(path) as journal:
            place = await journal.begin(a_head())
            await place.put("key", a_call("first"))
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
            try:
                for number in range(1000):
                    await place.put("key", a_call(f"1.answer.{number}", reply=os.urandom(5_000).hex()))
            finally:
                print(number)
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        with tempfile.TemporaryDirectory() as folder:
            async with open_journal(Path(folder) / "journal.db"):
                pass  # all that is imported at first use is imported now, with this user's rights
        if os.geteuid() == 0:
            os.setgroups([])
            os.setegid(65534)
            os.seteuid(65534)
        async with open_journal(path) as journal:
            await journal.begin(a_head("another"))

try:
    asyncio.run(main())
except MoaError as error:
    print(type(error).__name__, error)
"""


def child(path: Path, kind: str) -> str:
    """Return what another process says of a journal."""
    return printed_by(ANOTHER, path, kind)


@pytest.fixture
def commons() -> Iterator[Path]:
    """Lend a folder that everybody can see and enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _closed_folder(path: Path) -> None:
    path.parent.chmod(0o555)


def _closed_file(path: Path) -> None:
    written(path)
    for made in (path.parent, *path.parent.rglob("*")):
        made.chmod(0o777)
        if os.geteuid() == 0:
            os.chown(made, 65534, 65534)
    path.chmod(0o444)


def _closed_locks(path: Path) -> None:
    written(path)
    for made in (path.parent, *path.parent.rglob("*")):
        made.chmod(0o555 if made.is_dir() else 0o444)


@pytest.mark.parametrize("close", [_closed_folder, _closed_file, _closed_locks])
def test_what_may_not_be_written_is_named(commons: Path, close: Callable[[Path], None]) -> None:
    """With the mend; what is there stays as it is."""
    path = commons / "journal.db"
    close(path)
    before = path.read_bytes() if path.exists() else None
    said = child(path, "closed")
    assert said.startswith(f"StoreError the journal {path} cannot be ")
    assert "let this user write the file and its folder" in said
    assert before is None or path.read_bytes() == before


def test_a_full_disk_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """What was acknowledged is there when there is room again."""
    path = tmp_path / "journal.db"
    said = child(path, "full").splitlines()
    assert "StoreError" in said[1]
    assert "the disk" in said[1]

    async def scenario() -> None:
        async with open_journal(path) as journal:
            record = await journal.record("run-1")
            assert len(record.calls) == int(said[0]) + 1
            await (await journal.resume("run-1")).put("key", a_call("last"))

    assert int(said[0]) > 0
    run(scenario)


def test_opening_that_is_cancelled_leaves_no_connection_behind(tmp_path: Path) -> None:
    """At whatever moment: the connection is opened to its end, and then closed."""

    async def cancelled_after(turns: int) -> bool:
        journal = open_journal(tmp_path / f"{turns}.db")
        opening = asyncio.get_running_loop().create_task(journal.secret())
        for _ in range(turns):
            await asyncio.sleep(0)
        is_early = not opening.done()
        opening.cancel()
        await asyncio.wait({opening})
        await journal.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return is_early

    before = set(threading.enumerate())
    for turns in range(1, 60, 6):
        assert asyncio.run(cancelled_after(turns))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=60)
        assert not thread.is_alive()
