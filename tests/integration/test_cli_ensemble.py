"""``attention-moa ensemble``: list, show, check, new, as a program."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from attention_moa.settings import load_spec, shipped_text
from tests.cli_world import ROOT, only_line, run_cli, write_ensemble
from tests.fake_openai import Behaviour, FakeOpenAI, chunk, fails, hangs, says, streams


def test_the_shipped_ensembles_and_those_in_the_folder_are_listed(tmp_path: Path) -> None:
    """Each with its agents, layers and calls; a wrong one says what is wrong; other files are left alone."""
    write_ensemble(tmp_path, "quick", "quick", layers=2)
    (tmp_path / "wrong.toml").write_text("layers = 1\nagents = 3\n", encoding="utf-8")
    (tmp_path / "other.toml").write_text("[tool]\nx = 1\n", encoding="utf-8")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    done = run_cli("ensemble", "list", folder=tmp_path)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    rows = {line.split()[0]: line.split()[1:4] for line in lines}
    assert rows["paper-large"] == ["5", "3", "110"]
    assert rows["mine.toml"] == ["2", "2", "19"]
    assert any(line.startswith("wrong.toml") and "wrong: agents: " in line for line in lines)
    assert not {"other.toml", "odd.toml"} & rows.keys()


def test_an_ensemble_is_shown_with_its_calls_and_writers(tmp_path: Path) -> None:
    """Who is in it, who writes, and what a question costs."""
    shown = run_cli("ensemble", "show", "paper-large", folder=tmp_path).stdout.decode()
    assert "calls: 110 (36 for layer 1, 37 for each later one)" in shown
    assert "openrouter:anthropic/claude-sonnet-4.5" in shown
    assert "summary: claude (openrouter:anthropic/claude-sonnet-4.5) then gpt" in shown


def test_a_shipped_file_can_be_copied_out(tmp_path: Path) -> None:
    """``show --toml`` prints the file byte by byte."""
    shown = run_cli("ensemble", "show", "embedded", "--toml", folder=tmp_path)
    assert shown.stdout.decode() == shipped_text("embedded")


def checked(
    folder: Path, *behaviours: Behaviour, settings: str = "", options: tuple[str, ...] = ()
) -> tuple[subprocess.CompletedProcess[bytes], FakeOpenAI]:
    """Return what ``check`` says about one agent on a server that behaves so, and the server."""

    async def scenario() -> tuple[subprocess.CompletedProcess[bytes], FakeOpenAI]:
        async with FakeOpenAI(*behaviours) as server:
            path = folder / "mine.toml"
            path.write_text(
                f'[[agents]]\nname = "q"\nmodel = "openai:fake"\nbase_url = "{server.base_url}"\n{settings}',
                encoding="utf-8",
            )
            return await asyncio.to_thread(run_cli, "ensemble", "check", path, *options, folder=folder), server

    return asyncio.run(scenario())


def test_a_model_that_works_is_asked_once_for_a_few_tokens(tmp_path: Path) -> None:
    """One request of at most 16 tokens, with the agent's own settings, though three roles use the model."""
    done, server = checked(tmp_path, says("ok"), settings="temperature = 0.5\nmax_tokens = 4096\n")
    shown = done.stdout.decode()
    assert done.returncode == 0, shown
    assert "all models work" in shown
    assert [line.split()[:2] for line in shown.splitlines()[1:4]] == [
        ["q", "openai:fake"],
        ["summary:", "q"],
        ["residual:", "q"],
    ]
    (request,) = server.requests
    assert request.body.get("max_tokens", request.body.get("max_completion_tokens")) == 16
    assert request.body["temperature"] == 0.5


@pytest.mark.parametrize(
    ("behaviour", "cells", "fault"),
    [
        (fails(401, "bad key"), "refused", "AuthError: HTTP 401: bad key. Mend: set the right key"),
        (fails(404, "no such model"), "fails", "RefusedError: HTTP 404: no such model. Mend: correct the model's name"),
        (fails(429, "slow down"), "rate limit", "RateLimitError: HTTP 429: slow down. Mend: wait"),
        (fails(500, "oops"), "fails", "ServerError: HTTP 500: oops"),
        (hangs(), "fails", "CallTimeoutError: no reply within 1 s"),
    ],
)
def test_what_fails_is_named_with_the_mend(tmp_path: Path, behaviour: Behaviour, cells: str, fault: str) -> None:
    """The cell that is at fault, the agent, the cause, the mend; exit code 1."""
    done, _ = checked(tmp_path, behaviour, options=("--timeout", "1" if "within 1 s" in fault else "60"))
    shown = done.stdout.decode()
    assert done.returncode == 1
    assert cells in shown.splitlines()[1]
    assert f"q: {fault}" in shown
    assert "1 of 1 fail" in shown


@pytest.mark.parametrize(
    ("behaviour", "settings", "fault"),
    [
        (says(""), "", "BadReplyError: the reply is empty. Mend: try again, or take another model"),
        (says(["", " \n"]), "stream = false\n", "BadReplyError: the reply is empty"),
        (streams(chunk({"role": "assistant"})), "", "BadReplyError: the stream ended without a finish reason"),
        (says("", finish="content_filter"), "", "BadReplyError: a content filter withheld the reply"),
        (says("No.", finish="content_filter"), "stream = false\n", "BadReplyError: a content filter withheld"),
    ],
)
def test_a_reply_without_words_fails_the_check(tmp_path: Path, behaviour: Behaviour, settings: str, fault: str) -> None:
    """An address that answers is not yet a model that works."""
    done, _ = checked(tmp_path, behaviour, settings=settings)
    shown = done.stdout.decode()
    assert done.returncode == 1
    assert shown.splitlines()[1].split() == ["q", "openai:fake", "-", "ok", "fails", "-"]
    assert f"q: {fault}" in shown


@pytest.mark.parametrize(
    "behaviour",
    [
        says("", thinking="Let me see."),
        says("", thinking="Let me see.", finish="length"),
        says("", finish="length"),
        says("ok", finish="length"),
        hangs(chunk({"role": "assistant", "content": "o"})),
    ],
)
def test_few_tokens_are_enough_for_a_model_that_works(tmp_path: Path, behaviour: Behaviour) -> None:
    """Thinking is a sign of life, an end by the few tokens is ours, and nobody waits for more than a first word."""
    done, _ = checked(tmp_path, behaviour)
    assert done.returncode == 0, done.stdout
    assert "all models work" in done.stdout.decode()


def test_an_address_that_nobody_listens_on_fails_the_check(tmp_path: Path) -> None:
    """The address is what fails, not the key or the model."""
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[agents]]\nname = "q"\nmodel = "openai:m"\nbase_url = "http://127.0.0.1:9/v1"\n', encoding="utf-8"
    )
    done = run_cli("ensemble", "check", path, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[1].split() == ["q", "openai:m", "-", "fails", "-", "-"]


def test_keys_that_are_missing_are_named_before_anything_is_asked(tmp_path: Path) -> None:
    """Each agent with the variable that it needs."""
    done = run_cli("ensemble", "check", "paper-large-direct", folder=tmp_path)
    shown = done.stdout.decode()
    assert done.returncode == 1
    for variable in ("ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY", "ALIBABA_API_KEY", "DEEPSEEK_API_KEY"):
        assert f"{variable} is not set" in shown or f"{variable} or " in shown
    assert "5 of 5 fail" in shown


def test_what_cannot_be_used_at_all_is_named(tmp_path: Path) -> None:
    """A function that is not there."""
    done = run_cli("ensemble", "check", write_ensemble(tmp_path, "nowhere"), folder=tmp_path)
    assert done.returncode == 1
    assert "unusable" in done.stdout.decode()
    assert "a: " in done.stdout.decode()


def test_a_file_is_written_that_loads_and_is_never_overwritten(tmp_path: Path) -> None:
    """With the keys that are there, none of them in the file; --force replaces it."""
    env = {"OPENAI_API_KEY": "sk-secret", "DEEPSEEK_API_KEY": "d-secret"}
    done = run_cli("ensemble", "new", "--yes", "-o", "my.toml", folder=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "my.toml").read_text(encoding="utf-8")
    assert {"openai:gpt-4.1", "deepseek:deepseek-chat"} <= {
        agent.model for agent in load_spec(tmp_path / "my.toml").agents
    }
    assert "secret" not in text + done.stdout.decode() + done.stderr.decode()
    again = run_cli("ensemble", "new", "--yes", "-o", "my.toml", folder=tmp_path)
    assert again.returncode == 2
    assert "'my.toml' exists" in again.stderr.decode()
    assert (tmp_path / "my.toml").read_text(encoding="utf-8") == text
    assert run_cli("ensemble", "new", "-y", "--force", "-o", "my.toml", folder=tmp_path, env=env).returncode == 0


def test_the_questions_can_be_answered(tmp_path: Path) -> None:
    """Which sources, how many layers, which file; a slip is asked again."""
    env = {"OPENAI_API_KEY": "k"}
    found = run_cli("ensemble", "new", "--yes", "-o", "-", folder=tmp_path, env=env).stderr.decode()
    number = next(line.split()[0] for line in found.splitlines() if "OPENAI_API_KEY" in line)
    answers = f"99\n{number}\n3\nmine.toml\n".encode()
    done = run_cli("ensemble", "new", folder=tmp_path, env=env, text=answers)
    assert done.returncode == 0, done.stderr
    spec = load_spec(tmp_path / "mine.toml")
    assert (spec.layers, {agent.model for agent in spec.agents}) == (3, {"openai:gpt-4.1"})
    assert "write numbers from 1 to" in done.stderr.decode()


def test_keys_that_cannot_be_used_yet_are_named_and_not_offered(tmp_path: Path) -> None:
    """With what to do about each; the embedded model is there all the same."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['google.genai'] = sys.modules['anthropic'] = None\n", encoding="utf-8"
    )
    env = {"GEMINI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "HEROKU_INFERENCE_KEY": "k"}
    path = os.pathsep.join(map(str, (tmp_path, ROOT)))
    done = run_cli("ensemble", "new", "--yes", "-o", "mine.toml", folder=tmp_path, env=env | {"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    told = done.stderr.decode()
    assert "key in GEMINI_API_KEY, not usable yet: pip install 'attention-moa[google]'" in told
    assert "key in ANTHROPIC_API_KEY, not usable yet: pip install 'attention-moa[anthropic]'" in told
    assert 'key in HEROKU_INFERENCE_KEY: name a model yourself, as "heroku:MODEL"' in told
    assert {agent.model.partition(":")[0] for agent in load_spec(tmp_path / "mine.toml").agents}.isdisjoint(
        {"google", "anthropic", "heroku"}
    )


def test_an_input_that_ends_too_soon_is_told(tmp_path: Path) -> None:
    """It is no interruption; nothing is written."""
    done = run_cli("ensemble", "new", folder=tmp_path)
    assert done.returncode == 2
    assert "the input ended before all was answered: --yes asks nothing" in done.stderr.decode()
    assert not list(tmp_path.iterdir())


def test_an_unknown_command_is_told_with_the_nearest(tmp_path: Path) -> None:
    """In one line, and in the exit code."""
    done = run_cli("ensemble", "chekc", folder=tmp_path)
    assert done.returncode == 2
    assert "No such command 'chekc'. Did you mean check?" in only_line(done.stderr)
    assert "Did you mean" not in only_line(run_cli("xyzzy", folder=tmp_path).stderr)


@pytest.mark.parametrize(("peers", "words"), [('"all"', "all peers"), ("1", "1 peer"), ("2", "2 peers")])
def test_peers_are_counted_in_words(tmp_path: Path, peers: str, words: str) -> None:
    """One peer is no plural."""
    file = write_ensemble(tmp_path, "quick", "quick", "quick", more=f"[attention]\npeers = {peers}\n")
    shown = run_cli("ensemble", "show", file, folder=tmp_path).stdout.decode()
    assert f"attention: each agent criticises its own answer and {words}, pairwise" in shown


@pytest.mark.parametrize("seconds", ["0.5", "nan", "inf", "0", "-1", "1e9"])
def test_a_check_ends_in_time(tmp_path: Path, seconds: str) -> None:
    """No timeout that is none."""
    done = run_cli("ensemble", "check", "--timeout", seconds, folder=tmp_path)
    assert done.returncode == 2
    assert "--timeout" in only_line(done.stderr)


def test_a_dash_prints_the_file_and_writes_none(tmp_path: Path) -> None:
    """What is printed is the file."""
    done = run_cli("ensemble", "new", "--yes", "-o", "-", folder=tmp_path)
    assert done.returncode == 0
    path = tmp_path / "piped.toml"
    path.write_bytes(done.stdout)
    assert load_spec(path).layers == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """One line beside what was found."""
    done = run_cli("ensemble", "new", "--yes", "-o", "no/where.toml", folder=tmp_path)
    assert done.returncode == 2
    assert "--output: 'no/where.toml' cannot be written: No such file" in done.stderr.decode()


@pytest.mark.parametrize("command", ["show", "check"])
def test_an_unknown_ensemble_is_one_line(tmp_path: Path, command: str) -> None:
    """With the nearest name."""
    done = run_cli("ensemble", command, "embeded", folder=tmp_path)
    assert done.returncode == 2
    assert "did you mean embedded?" in only_line(done.stderr)
