"""``attention-moa runs`` as a user meets it: list, show, resume, export, diff, delete, and runs that were killed."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from attention_moa.answer_spec import AnswerSpec
from attention_moa.codec import record_from_json
from attention_moa.records import RunRecord
from attention_moa.settings import load_spec
from attention_moa.store import open_journal
from tests.cli_world import TIMEOUT_S, only_line, run_cli, start_cli, wait_until, write_ensemble
from tests.journals import a_head


def asked(folder: Path, question: str = "Why?", *more: str) -> None:
    """Ask, with the journal of the folder's own data directory."""
    mine = write_ensemble(folder, "quick", "quick")
    done = run_cli("ask", "-q", "-e", mine, *more, question, folder=folder)
    assert done.returncode == 0, done.stderr.decode()


def runs(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command of ``runs`` that works."""
    done = run_cli("runs", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr.decode()
    return done


def listed(folder: Path) -> list[dict[str, object]]:
    """Return the rows of the list."""
    rows: list[dict[str, object]] = json.loads(runs(folder, "list", "--json").stdout)
    return rows


def test_a_run_is_listed_shown_exported_and_deleted(tmp_path: Path) -> None:
    """The whole life of two runs in the journal."""
    asked(tmp_path, "Why is the sky blue?")
    asked(tmp_path, "And red?")
    newest, oldest = listed(tmp_path)
    assert (newest["question"], oldest["question"]) == ("And red?", "Why is the sky blue?")
    table = runs(tmp_path, "list").stdout.decode().splitlines()
    assert str(newest["run_id"]) in table[1]
    assert "finished" in table[1]
    assert "more: attention-moa runs list --before" in runs(tmp_path, "list", "--limit", "1").stderr.decode()
    shown = runs(tmp_path, "show", str(oldest["run_id"])[:-2]).stdout.decode()
    for part in (
        "Why is the sky blue?",
        "Critique of b by a",
        "Verdict",
        "cost: unknown",
        "planned",
        "    **a** says answer",
    ):
        assert part in shown
    assert "\x1b" not in shown
    call = runs(tmp_path, "show", "last", "--call", "1.refine.a").stdout.decode()
    assert "**b** says critique red" in call
    exported = tmp_path / "run.json"
    runs(tmp_path, "export", "last", "--format", "json", "-o", exported)
    assert record_from_json(exported.read_bytes()).run_id == newest["run_id"]
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    refused = run_cli("runs", "export", "last", "-o", exported, folder=tmp_path)
    assert refused.returncode == 2
    assert "--force" in only_line(refused.stderr)
    exported.write_text("x" * 1_000_000, encoding="utf-8")
    runs(tmp_path, "export", "last", "-o", exported, "--force")
    assert record_from_json(exported.read_bytes()).run_id == newest["run_id"]
    assert len(runs(tmp_path, "export", "last", "--format", "jsonl").stdout.splitlines()) == newest["calls"]
    assert runs(tmp_path, "export", "last", "--format", "markdown").stdout.startswith(b"# Run ")
    differing = runs(tmp_path, "diff", str(oldest["run_id"]), "last").stdout.decode()
    assert "they were asked different things" in differing
    assert "1.answer.a      another prompt" in differing
    kept = run_cli("runs", "delete", "last", folder=tmp_path)
    assert kept.returncode == 2
    assert "say --yes" in only_line(kept.stderr)
    runs(tmp_path, "delete", "last", "--yes")
    assert [row["run_id"] for row in listed(tmp_path)] == [oldest["run_id"]]


def a_killed_run(folder: Path) -> Path:
    """Kill an ``ask`` with its refinements under way, its answers and critiques in the journal."""
    mine = write_ensemble(folder, "once_stuck", "once_stuck")
    child = start_cli("ask", "-e", mine, "Why?", folder=folder)
    wait_until((folder / "begun").exists, "a refinement")
    child.kill()
    child.communicate(timeout=TIMEOUT_S)
    return mine


@pytest.mark.parametrize("by_id", [True, False])
def test_a_run_that_was_killed_goes_on_and_pays_for_nothing_twice(tmp_path: Path, by_id: bool) -> None:
    """By ``runs resume``, or by asking the same again, which says so."""
    mine = a_killed_run(tmp_path)
    (killed,) = listed(tmp_path)
    again = ("runs", "resume", str(killed["run_id"])) if by_id else ("ask", "-e", mine, "Why?")
    sent = tmp_path / "sent"
    before = len(sent.read_text(encoding="utf-8").splitlines())
    done = run_cli(*again, folder=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    told = done.stderr.decode()
    assert f"going on with run {killed['run_id']}" in told
    kept = killed["calls"]
    assert isinstance(kept, int)
    assert kept >= 3
    assert f"{kept} from the journal, not paid again" in told
    assert len(sent.read_text(encoding="utf-8").splitlines()) - before == 9 - kept
    (row,) = listed(tmp_path)
    assert row["state"] == "finished"


def test_a_run_of_somebody_else_goes_on_as_his(tmp_path: Path) -> None:
    """Whoever has the journal goes on with any run in it: it keeps its owner, its labels, its wanted answer."""
    mine = write_ensemble(tmp_path, "quick", "quick")
    wanted = AnswerSpec(stop=("says",))
    head = a_head(ensemble=load_spec(mine), owner="alice", labels={"team": "blue"}, wanted=wanted)

    async def begin() -> None:
        async with open_journal(tmp_path / "runs.db") as journal:
            await (await journal.begin(head)).release()

    async def kept() -> tuple[RunRecord, str]:
        async with open_journal(tmp_path / "runs.db") as journal:
            (row,) = await journal.rows(owner="alice")
            return await journal.record("run-1"), row.state

    asyncio.run(begin())
    runs(tmp_path, "resume", "run-1", "--journal", tmp_path / "runs.db")
    record, state = asyncio.run(kept())
    assert (state, record.owner, record.labels, record.wanted) == ("finished", "alice", {"team": "blue"}, wanted)
    assert record.text == "**a**", "it ends before the first stop"


def test_fresh_begins_anew_and_reuse_and_replay_send_nothing_again(tmp_path: Path) -> None:
    """The three wishes, on one killed run."""
    mine = a_killed_run(tmp_path)
    sent = tmp_path / "sent"
    before = len(sent.read_text(encoding="utf-8").splitlines())
    assert run_cli("ask", "-q", "--fresh", "-e", mine, "Why?", folder=tmp_path).returncode == 0
    after = len(sent.read_text(encoding="utf-8").splitlines())
    assert after - before == 9
    for wishes in (("--fresh", "--reuse"), ("--replay",)):
        assert run_cli("ask", "-q", *wishes, "-e", mine, "Why?", folder=tmp_path).returncode == 0
    assert len(sent.read_text(encoding="utf-8").splitlines()) == after
    there = listed(tmp_path)
    lacking = run_cli("ask", "-q", "--replay", "-e", mine, "Why else?", folder=tmp_path)
    assert lacking.returncode == 1
    assert "the journal has no reply" in only_line(lacking.stderr)
    assert listed(tmp_path) == there, "what found nothing was no run"


def test_a_replay_of_a_run_with_a_lost_call_names_it_and_the_mends(tmp_path: Path) -> None:
    """A lost call has no reply, and a replay asks for none."""
    mine = write_ensemble(tmp_path, "quick", "half_broken")
    assert run_cli("ask", "-q", "-e", mine, "Why?", folder=tmp_path).returncode == 0
    done = run_cli("ask", "-q", "--replay", "-e", mine, "Why?", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    line, rest = done.stderr.decode().splitlines()
    assert rest.startswith("what was finished is kept: attention-moa runs resume ")
    assert "no reply to the call 1.critique.b." in line
    assert "it was lost or never made" in line
    assert "runs show" in line
    assert "without --replay" in line


def test_what_is_wrong_with_a_journal_is_said_in_one_line(tmp_path: Path) -> None:
    """A file of something else, one that was cut, a URL that is none, a journal and a run that are not there."""
    none = run_cli("runs", "list", folder=tmp_path)
    assert none.returncode == 2
    assert "there is no journal" in only_line(none.stderr)
    asked(tmp_path)
    (tmp_path / "text.db").write_text("no database at all, but long enough to be read as one" * 40, encoding="utf-8")
    whole = (tmp_path / "data" / "attention-moa" / "journal.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 3])
    for place, status in (("text.db", 1), ("cut.db", 1), ("foo://x", 2), ("postgresql://127.0.0.1:1/x", 1)):
        done = run_cli("runs", "show", "--journal", place, folder=tmp_path)
        assert (place, done.returncode) == (place, status), done.stderr.decode()
        only_line(done.stderr)
    unknown = run_cli("runs", "show", "nope", folder=tmp_path)
    assert unknown.returncode == 1
    assert "the journal has no run 'nope'" in only_line(unknown.stderr)


def test_who_only_looks_writes_nothing_where_no_journal_is(tmp_path: Path) -> None:
    """Not beside a text, half a journal or an empty file, nor into a folder."""
    asked(tmp_path)
    whole = (tmp_path / "data" / "attention-moa" / "journal.db").read_bytes()
    place = tmp_path / "place"
    (place / "folder").mkdir(parents=True)
    (place / "text.db").write_text("no database at all", encoding="utf-8")
    (place / "half.db").write_bytes(whole[: len(whole) // 2])
    (place / "empty.db").touch()
    before = {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")}
    looks: list[tuple[tuple[str, ...], str]] = [
        (("runs", "list"), name) for name in ("text.db", "half.db", "empty.db", "folder", "none.db")
    ]
    looks += [(tuple(words.split()), "half.db") for words in ("runs show", "runs export", "runs diff a b")]
    for words, name in [*looks, (("plan", "Why?"), "empty.db")]:
        done = run_cli(*words, "--journal", place / name, folder=tmp_path)
        assert done.returncode in (1, 2), (words, name)
        assert str(place / name) in only_line(done.stderr)
    assert {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")} == before


@pytest.mark.parametrize("limit", ["--usd", "--tokens", "--deadline"])
def test_a_limit_of_zero_is_refused(tmp_path: Path, limit: str) -> None:
    """Before anything is asked."""
    for value in ("0", "-1", "nan", "x"):
        done = run_cli("ask", "-e", write_ensemble(tmp_path, "quick"), limit, value, "Why?", folder=tmp_path)
        assert done.returncode == 2, value
        assert limit.strip("-") in only_line(done.stderr.splitlines()[-1] + b"\n")


def test_runs_are_kept_on_a_server(tmp_path: Path, database: str) -> None:
    """PostgreSQL: asked, listed, shown."""
    asked(tmp_path, "Why?", "--journal", database)
    assert len(runs(tmp_path, "list", "--journal", database).stdout.splitlines()) == 2
    assert b"Critique of b by a" in runs(tmp_path, "show", "--journal", database).stdout


def test_a_run_that_somebody_is_at_is_listed_as_running(tmp_path: Path) -> None:
    """And is not deleted."""
    asked(tmp_path)

    async def held() -> None:
        async with open_journal(tmp_path / "data" / "attention-moa" / "journal.db") as journal:
            place = await journal.begin(a_head("early"))
            assert "running" in runs(tmp_path, "list").stdout.decode()
            assert f"process {os.getpid()} on " in runs(tmp_path, "show", "early").stdout.decode()
            done = await asyncio.to_thread(run_cli, "runs", "delete", "early", "--yes", folder=tmp_path)
            assert done.returncode == 1
            await place.release()

    asyncio.run(held())
