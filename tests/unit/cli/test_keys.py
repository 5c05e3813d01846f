"""``attention-moa keys``: made, listed, revoked, and their runs deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attention_moa.server.keys import digest_of
from tests.asking import run
from tests.cli_inside import Done, inside, keep
from tests.journals import a_head
from tests.key_world import a_till


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal may be; there is none."""
    return tmp_path / "journal.db"


def keys(path: Path, command: str, *words: str, typed: str = "", columns: int | None = None) -> Done:
    """Return how a command ended."""
    return inside("keys", command, *words, "--journal", path, typed=typed, columns=columns)


def test_a_key_is_printed_once_and_works(path: Path) -> None:
    """It alone is on standard output; a journal is made where there is none."""
    done = keys(path, "add", "alice", "--usd-per-day", "5", "--rpm", "30", "-e", "paper-small")
    assert done.status == 0
    assert done.out.startswith("moa-")
    assert "shown once" in done.err
    assert f"keys revoke alice --journal {path}" in done.err

    async def good() -> None:
        async with a_till(path) as till:
            key = (await till.store.by_digest())[digest_of(done.out.strip())]
            assert (key.rules.usd_per_day, key.rules.rpm, key.rules.ensembles) == (5, 30, ("paper-small",))
            assert (key.rules.may_set, key.rules.isolate_caches, key.rules.is_admin) == (None, None, False)

    run(good)
    assert done.out.strip() not in keys(path, "list").out


def test_a_key_for_a_program_is_one_json_document(path: Path) -> None:
    """With its rules."""
    words = ("--admin", "--may-set", "layers", "--may-set", "usd", "--isolate-caches", "--concurrency", "2", "--json")
    done = keys(path, "add", "robot", *words)
    told = json.loads(done.out)
    assert (told["name"], told["key"][:4]) == ("robot", "moa-")
    assert told["rules"] == {
        "is_admin": True,
        "concurrency": 2,
        "may_set": ["layers", "usd"],
        "isolate_caches": True,
    }


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("no name",), "is no name"),
        (("alice", "--rpm", "0"), "whole number from 1"),
        (("alice", "--usd", "0"), "finite number above 0"),
        (("alice", "--may-set", "model"), "no field of attention_moa"),
        (("alice", "--may-set", "nothing", "--may-set", "layers"), "nothing stands alone"),
        (("alice", "--to", "key", "--json"), "exclude each other"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(path: Path, words: tuple[str, ...], why: str) -> None:
    """What is wrong is told in one line."""
    done = keys(path, "add", *words)
    assert (done.status, done.out) == (2, "")
    assert why in done.err


def test_a_key_goes_into_a_new_file_that_nobody_else_reads(path: Path, tmp_path: Path) -> None:
    """And nowhere else; what is there already stays, and then no key is made."""
    file = tmp_path / "alice.key"
    done = keys(path, "add", "alice", "--to", str(file))
    assert (done.status, done.out) == (0, "")
    secret = file.read_text("ascii").strip()
    assert secret.startswith("moa-")
    assert secret not in done.err
    assert file.stat().st_mode & 0o777 == 0o600
    again = keys(path, "add", "bob", "--to", str(file))
    assert again.status == 2
    assert "is there already" in again.err
    assert file.read_text("ascii").strip() == secret
    assert keys(path, "list").out.count("moa-") == 1


def test_no_file_is_left_where_no_key_was_made(path: Path, tmp_path: Path) -> None:
    """It would pass for one with a key in it."""
    keys(path, "add", "alice")
    file = tmp_path / "alice.key"
    assert keys(path, "add", "alice", "--to", str(file)).status == 2
    assert not file.exists()
    missing = keys(path, "add", "bob", "--to", str(tmp_path / "no" / "file"))
    assert missing.status == 2
    assert "cannot be written" in missing.err
    assert "bob" not in keys(path, "list").out


def test_an_option_of_a_command_that_stands_before_it_is_told_where_it_goes(path: Path) -> None:
    """Not that it is unknown."""
    done = inside("keys", "--journal", path, "list")
    assert done.status == 2
    assert "options of list stand behind list" in done.err
    assert "No such option" in inside("keys", "--nothing").err


def test_keys_are_listed_with_what_they_may_and_spent(path: Path) -> None:
    """Those that were revoked where that is wanted."""
    keys(path, "add", "alice", "--usd", "10", "--may-set", "nothing", "--share-caches")
    keys(path, "add", "bob", "--admin", "-e", "small", "-e", "large", "--isolate-caches")
    keys(path, "add", "carol")
    keys(path, "revoke", "carol")

    async def spend() -> None:
        async with a_till(path) as till:
            alice = await till.store.get("alice")
            await till.spending.count(alice, "run-1", 1.25)
            for _ in range(2):
                await till.spending.hold(alice, 0.5, call_usd=0.1)

    run(spend)
    assert len(keys(path, "list").out.splitlines()) == 3, "what was revoked is of no use any more"
    head, alice, bob, carol = keys(path, "list", "--revoked").out.splitlines()
    assert head.split()[:2] == ["name", "key"]
    assert " 1.0000 " in alice, "what its runs under way hold"
    assert "1.2500/10 " in alice
    assert alice.endswith("sets nothing; shared caches")
    assert bob.endswith("admin; asks small, large; own caches")
    assert "revoked 20" in carol
    listed = json.loads(keys(path, "list", "--json").out)
    assert [(key["name"], key["spent_usd"], key["held_usd"]) for key in listed] == [("alice", 1.25, 1), ("bob", 0, 0)]
    assert "digest" not in listed[0]


def test_money_is_listed_with_as_many_digits_as_it_takes(path: Path) -> None:
    """A small model's answers cost less than a cent each."""
    keys(path, "add", "alice", "--usd", "0.002")
    keys(path, "add", "bob")

    async def spend() -> None:
        async with a_till(path) as till:
            await till.spending.count(await till.store.get("alice"), "run-1", 0.0012)
            await till.spending.count(await till.store.get("bob"), "run-2", 0.0000034)

    run(spend)
    _, alice, bob = keys(path, "list").out.splitlines()
    assert " 0.0012/0.002 " in alice
    assert " 0.0000034 " in bob


def test_a_journal_without_keys_lets_everybody_in(path: Path) -> None:
    """Which is what the list of none says."""
    keep(path)
    done = keys(path, "list")
    assert (done.status, done.out) == (0, "")
    assert "lets everybody in" in done.err


def test_a_journal_whose_keys_were_all_revoked_lets_nobody_in(path: Path) -> None:
    """Which the list of none says too."""
    keys(path, "add", "alice")
    keys(path, "revoke", "alice")
    done = keys(path, "list")
    assert (done.status, done.out) == (0, "")
    assert "lets nobody in" in done.err


@pytest.mark.parametrize("command", [("list",), ("revoke", "alice"), ("delete-runs", "alice", "--yes")])
def test_no_journal_is_made_to_look_into(path: Path, command: tuple[str, ...]) -> None:
    """Whoever mistypes its path is told."""
    done = keys(path, *command)
    assert done.status == 2
    assert "there is no journal" in done.err
    assert not path.exists()


def test_a_key_that_is_not_there_cannot_be_revoked(path: Path) -> None:
    """Those that are there are named."""
    keys(path, "add", "alice")
    done = keys(path, "revoke", "bob")
    assert done.status == 2
    assert "there are alice" in done.err


def test_the_runs_of_a_key_are_deleted_and_no_others(path: Path) -> None:
    """Only where somebody is sure."""
    keys(path, "add", "alice")
    keep(path, (a_head("hers", owner="alice"), None), (a_head("bobs", owner="bob"), None), (a_head("mine"), None))
    refused = keys(path, "delete-runs", "alice")
    assert refused.status == 2
    assert "all runs of alice: say --yes" in refused.err
    assert "nothing was deleted" in keys(path, "delete-runs", "alice", typed="n\n", columns=80).err
    assert keys(path, "delete-runs", "alice", "--yes").err == "deleted: 1 run\n"
    left = json.loads(inside("runs", "list", "--json", "--journal", path).out)
    assert {row["run_id"] for row in left} == {"bobs", "mine"}
