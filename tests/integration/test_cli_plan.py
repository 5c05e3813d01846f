"""``attention-moa plan`` as users run it: tables and JSON, with and without a journal, for questions and data sets."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from attention_moa import Ensemble
from attention_moa.messages import Usage
from attention_moa.plan import DECISION
from attention_moa.plan_account import plan_account, stored_plan
from attention_moa.providers.scripted import ScriptedProvider
from attention_moa.settings import load_spec
from attention_moa.store import open_journal
from tests.cli_world import only_line, run_cli
from tests.worlds import default_reply

PRICED = """
layers = 2
[[agents]]
name = "a"
model = "mine:a"
max_tokens = 100
price = { input = 1.0, output = 2.0 }
[[agents]]
name = "b"
model = "mine:b"
max_tokens = 100
"""


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    """Return the file of two agents, of which one has a price."""
    path = tmp_path / "mine.toml"
    path.write_text(PRICED, encoding="utf-8")
    return path


@pytest.fixture
def journal(tmp_path: Path, ensemble: Path) -> Path:
    """Return a journal that holds one run of them."""
    asyncio.run(a_run(ensemble, tmp_path / "journal.db"))
    return tmp_path / "journal.db"


async def a_run(ensemble: Path, journal: Path) -> str:
    """Run the ensemble on scripted models; return the run's id."""
    usage = Usage(input_tokens=200, cached_tokens=50, output_tokens=30)
    said = ScriptedProvider(default_reply, usage=usage)
    async with Ensemble(load_spec(ensemble), providers={"mine": said}, journal=journal) as loaded:
        return (await loaded.run("Why?")).run_id


def planned(*arguments: str | Path, folder: Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command with a data directory of its own."""
    return run_cli("plan", *arguments, folder=folder, text=text, env={"XDG_DATA_HOME": str(folder / "data")})


def document(done: subprocess.CompletedProcess[bytes]) -> Any:
    """Return what a command printed, as JSON."""
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_plan_needs_no_key_and_no_journal(tmp_path: Path) -> None:
    """What is not known is said, and the user's journal is not made."""
    done = planned("-e", "paper-small", "Why is the sky blue?", folder=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode()
    assert "110 calls in 3 layers; 73 if early stopping ends it after layer 2" in text
    assert "no journal was looked at" in text
    assert "tokens and money are at most so many" in text
    assert "seconds are not known" in text
    assert done.stderr == b""
    assert not (tmp_path / "data").exists()


def test_unknown_money_is_unknown(tmp_path: Path, ensemble: Path) -> None:
    """One agent without a price: the whole has none, and the mend is told."""
    found = document(planned("-e", ensemble, "--json", "Why?", folder=tmp_path))
    assert found["total"]["usd"] is None
    assert found["plans"][0]["agents"]["a"]["usd"] > 0
    text = planned("-e", ensemble, "Why?", folder=tmp_path).stdout.decode()
    assert "money is not known: no price for mine:b" in text


def test_a_journal_teaches_the_plan(tmp_path: Path, ensemble: Path, journal: Path) -> None:
    """Written tokens as they were, caches and seconds; and nothing in the journal has changed."""
    before = document(planned("-e", ensemble, "--no-journal", "--json", "Why?", folder=tmp_path))
    after = document(planned("-e", ensemble, "--journal", journal, "--json", "Why?", folder=tmp_path))
    assert before["total"]["written_tokens"] == 19 * 100
    assert after["total"]["written_tokens"] == 19 * 30
    assert (before["total"]["cached_tokens"], before["total"]["seconds"]) == (0, None)
    assert after["total"]["cached_tokens"] > 0
    assert after["total"]["seconds"] > 0
    assert [basis["seen_calls"] for basis in after["plans"][0]["models"]] == [11, 8]
    text = planned("-e", ensemble, "--journal", journal, "Why?", folder=tmp_path).stdout.decode()
    assert "from 19 calls in the journal" in text
    assert "at most so many" not in text


def test_the_user_s_own_journal_is_looked_at(tmp_path: Path, ensemble: Path) -> None:
    """Where it is there."""
    own = tmp_path / "data" / "attention-moa" / "journal.db"
    own.parent.mkdir(parents=True)
    asyncio.run(a_run(ensemble, own))
    assert "from 19 calls in the journal" in planned("-e", ensemble, "Why?", folder=tmp_path).stdout.decode()
    other = planned("-e", "paper-small", "Why?", folder=tmp_path).stdout.decode()
    assert "knows none of them" in other


def test_a_run_keeps_its_plan(ensemble: Path, tmp_path: Path) -> None:
    """Made by what the journal knew before it: the first of nothing, the second of the first."""

    async def scenario() -> None:
        file = tmp_path / "runs.db"
        first, second = await a_run(ensemble, file), await a_run(ensemble, file)
        async with open_journal(file) as journal:
            for run_id, is_bound in ((first, True), (second, False)):
                kept = stored_plan((await journal.decisions(run_id))[DECISION])
                assert kept is not None
                rows = plan_account(kept, await journal.record(run_id)).rows
                off = {row.what: row.off for row in rows}
                assert ((kept.written_is != "journal"), off["calls"]) == (is_bound, 0)
                assert (off["written tokens"] == 0) != is_bound

    asyncio.run(scenario())


def test_a_data_set_is_planned_as_a_whole_and_in_the_mean(tmp_path: Path, ensemble: Path) -> None:
    """A text a line, an object a line, a conversation a line."""
    lines = [
        '"Why?"',
        '{"question": "How?"}',
        '{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]}',
        "",
        '[{"role": "user", "content": "Where?"}]',
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = document(planned("-e", ensemble, "-f", "data.jsonl", "--json", folder=tmp_path))
    assert (found["questions"], len(found["plans"]), found["total"]["calls"]) == (4, 4, 4 * 19)
    text = planned("-e", ensemble, "-f", "data.jsonl", folder=tmp_path).stdout.decode()
    assert "76 calls in 2 layers for 4 questions" in text
    assert "\nall " in text
    assert "\nmean " in text


def test_a_text_file_has_a_question_a_line(tmp_path: Path, ensemble: Path) -> None:
    """Standard input too."""
    found = document(planned("-e", ensemble, "-f", "-", "--json", folder=tmp_path, text=b"Why?\n\nHow?\n"))
    assert found["questions"] == 2


def test_a_conversation_is_one_question(tmp_path: Path, ensemble: Path) -> None:
    """The file that ``ask --file`` takes."""
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Why?"},
    ]
    (tmp_path / "turns.json").write_text(json.dumps(turns, indent=2), encoding="utf-8")
    assert document(planned("-e", ensemble, "-f", "turns.json", "--json", folder=tmp_path))["questions"] == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no question"),
        (b'{"a": 1}\n{"question": "Why?"}', "data.jsonl, line 1: no question"),
        (
            b'{"question": "Why?"}\n{broken',
            "data.jsonl, line 2: not JSON: Expecting property name enclosed in double quotes (column 2)",
        ),
        (b'"fine"\n[1]', "data.jsonl, line 2, messages[0]: 1 is no object"),
        (b'"fine"\n\n" "', "data.jsonl, line 3: the question is empty"),
        (
            b'{"question": "Why?"}\n{"messages": [{"role": "assistant", "content": "x"}]}',
            "line 2: the last turn has to",
        ),
        (b'"fine"\n' + b"[" * 20_000, "data.jsonl, line 2: not a conversation: nested too deep"),
        (b"fine\n\xff\xfe", "not UTF-8 (line 2)"),
        (b'""', "the question is empty"),
    ],
)
def test_a_wrong_data_set_is_said(tmp_path: Path, ensemble: Path, content: bytes, told: str) -> None:
    """In one line that names the place."""
    (tmp_path / "data.jsonl").write_bytes(content)
    done = planned("-e", ensemble, "-f", "data.jsonl", folder=tmp_path)
    assert done.returncode == 2
    assert told in only_line(done.stderr)


def test_a_second_system_prompt_is_said_with_its_line(tmp_path: Path, ensemble: Path) -> None:
    """Which of the two is meant, nobody can know."""
    lines = '"Why?"\n[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]'
    (tmp_path / "data.jsonl").write_text(lines, encoding="utf-8")
    done = planned("-e", ensemble, "-f", "data.jsonl", "-s", "Be long.", folder=tmp_path)
    assert done.returncode == 2
    assert "data.jsonl, line 2: has a system message already: leave out --system" in only_line(done.stderr)


def test_a_file_or_a_journal_that_is_not_there_is_said(tmp_path: Path, ensemble: Path) -> None:
    """And no journal is made in its place."""
    assert "cannot be read" in only_line(planned("-e", ensemble, "-f", "no.jsonl", folder=tmp_path).stderr)
    done = planned("-e", ensemble, "--journal", "no.db", "Why?", folder=tmp_path)
    assert done.returncode == 2
    assert "is not there" in only_line(done.stderr)
    assert not (tmp_path / "no.db").exists()


def test_options_that_exclude_each_other_are_a_usage_error(tmp_path: Path, ensemble: Path) -> None:
    """Nothing is printed."""
    for arguments in (("--journal", "x.db", "--no-journal", "Why?"), ("-f", "x.jsonl", "Why?")):
        done = planned("-e", ensemble, *arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, b"")
        assert "exclude each other" in only_line(done.stderr)


def test_a_prompt_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """Before anything is spent."""
    done = planned("-f", "-", folder=tmp_path, text=b"why " * 20_000)
    assert "will fail: plain, answer: the prompt needs about" in done.stdout.decode()
