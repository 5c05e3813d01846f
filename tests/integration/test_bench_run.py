"""``attention-moa bench run`` as a child process, on the simulated fleet."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from attention_moa.fleet import Fleet, FleetSpec, ModelSpec, Visit, render_ensemble
from attention_moa.store import open_journal
from benchmarks._crash_world import Key, key_of, told
from tests.alpaca_world import write_judged_data
from tests.bench_world import gsm8k_data, mt_bench_data, write_jsonl
from tests.cli_loop import Done, end_of, started
from tests.cli_world import ROOT, only_line, run_cli

CALLS = 33
PRICED = "[[agents]]\nprice = { input = 1.0, output = 2.0 }\nmax_tokens = 200\n"
JUDGE = """
strategy = "single"
[[agents]]
name = "judge"
model = "openai:{model}"
base_url = "{base_url}"
price = {{ input = 1.0, output = 2.0 }}
"""


class World:
    """A fleet of three models, an ensemble on it (N=3, L=2, 33 calls), and a judge.

    Args:
        fleet: Running.
        folder: Where the commands run.
    """

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        """Write the ensemble and the judge."""
        self.fleet = fleet
        self.folder = folder
        text = render_ensemble(fleet.spec, fleet.base_url).replace("[[agents]]\n", PRICED)
        (folder / "fleet.toml").write_text(text, encoding="utf-8")
        judge = JUDGE.format(model="sim-judge", base_url=fleet.base_url)
        (folder / "judge.toml").write_text(judge, encoding="utf-8")
        (folder / "agent.toml").write_text(judge.replace("sim-judge", "sim-a"), encoding="utf-8")

    async def start(self, *arguments: str | Path) -> asyncio.subprocess.Process:
        """Return the command, under way."""
        return await started("bench", "run", *arguments, folder=self.folder)

    async def run(self, *arguments: str | Path) -> Done:
        """Return how a command ended."""
        return await end_of(await self.start(*arguments))

    def visits(self) -> list[Visit]:
        """Return all requests so far."""
        return list(self.fleet.log)


@asynccontextmanager
async def a_world(folder: Path, **fields: Any) -> AsyncIterator[World]:
    """Lend a fleet and what runs on it."""
    models = tuple(
        ModelSpec(name=f"sim-{name}", output_tokens=30, first_token_s=0.3, concurrency=100)
        for name in ("a", "b", "c", "judge")
    )
    spec = FleetSpec(models=models, **({"time_scale": 0.05} | fields))
    agents = FleetSpec(models=models[:3], **({"time_scale": 0.05} | fields))
    async with Fleet(spec, has_messages=True) as fleet:
        fleet.spec = agents  # what render_ensemble sees: the judge is no agent
        yield World(fleet, folder)


def folders_in(place: Path) -> list[Path]:
    """Return the folders of benchmarks that nobody named."""
    return list(place.glob("bench-*"))


def scores_in(folder: Path) -> dict[str, Any]:
    """Return what a benchmark wrote."""
    scores: dict[str, Any] = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return scores


def test_a_benchmark_is_answered_scored_and_told(tmp_path: Path) -> None:
    """A table, a folder, and the same command again for nothing; ``--json`` prints what the folder has."""
    data = gsm8k_data(tmp_path)

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            words = ("gsm8k", "--data", data, "-e", "fleet.toml", "--limit", "3", "--max-tokens", "40")
            done = await world.run(*words)
            assert done.code == 0, done.err
            assert done.out.startswith("gsm8k: 3 of 4 questions, replies of at most 40 tokens, ")
            assert len(world.visits()) == 3 * CALLS
            (folder,) = folders_in(tmp_path)
            assert f"all of it is in {folder.name}" in done.err
            assert "fleet: 3 of 3 questions done, $" in done.err
            again = await world.run(*words, "--judge", "judge.toml", "--json")
            assert json.loads(again.out) == scores_in(folder)
            assert (again.code, again.err) == (0, "")
            assert scores_in(folder)["judge"] is None  # GSM8K asks none
            assert scores_in(folder)["warnings"] == ["the judge judge.toml was not asked: gsm8k is scored without one"]
            assert len(world.visits()) == 3 * CALLS
            (mine,) = scores_in(folder)["systems"]
            assert (mine["answered"], mine["calls"], mine["usd"] > 0) == (3, 99, True)
            assert scores_in(folder)["max_tokens"] == 40

    asyncio.run(scenario())


def test_a_judge_judges_and_a_null_model_stands_beside(tmp_path: Path) -> None:
    """The judge's money counts in the budget, and a judge that is an agent too is warned of."""
    data = write_judged_data(tmp_path)

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            words = ("alpaca-eval", "--data", data, "-e", "fleet.toml", "--limit", "4", "--layers", "1")
            done = await world.run(*words, "--judge", "judge.toml", "--budget", "1", "--out", "one")
            assert done.code == 0, done.err
            assert "the budget reaches for about 4 of 4 questions: $1.0000 left" in done.err
            scores = scores_in(tmp_path / "one")
            fleet, null = scores["systems"]
            assert (fleet["name"], null["name"]) == ("fleet", "null-model")
            assert {one["name"] for one in null["scores"]} > {"win_rate", "length_controlled_winrate", "avg_length"}
            assert fleet["judgement"]["n"] == null["judgement"]["n"] == 4
            assert scores["usd"] == pytest.approx(fleet["usd"] + fleet["judge_usd"] + null["judge_usd"])
            assert scores["warnings"] == []
            requests = len(world.visits())
            await world.run(*words, "--judge", "judge.toml", "--budget", "0.000001", "--out", "one")
            assert scores_in(tmp_path / "one")["systems"] == scores["systems"]
            assert len(world.visits()) == requests
            done = await world.run(*words, "--judge", "agent.toml", "--out", "one")
            assert "the judge openai:sim-a is also an agent" in done.out
            assert len(world.visits()) == requests + 8  # the answers are there
            done = await world.run(*words, "--no-judge", "--out", "one")
            assert "nobody judged: alpaca-eval has its scores from a judge (--judge)" in done.out

    asyncio.run(scenario())


def test_a_killed_benchmark_pays_for_no_call_twice(tmp_path: Path) -> None:
    """Killed three times at random it ends as an undisturbed one; only what was in flight is sent again."""
    data = gsm8k_data(tmp_path, count=8)
    chance = random.Random(7)

    async def scenario() -> None:
        await journals_of_one_secret(tmp_path / "calm", tmp_path / "hurt")
        async with a_world(tmp_path, time_scale=0.15) as world:
            words = ("gsm8k", "--data", data, "-e", "fleet.toml", "--parallel", "3")
            calm = await world.run(*words, "--out", "calm")
            assert calm.code == 0, calm.err
            begin = len(world.visits())
            assert begin == 8 * CALLS
            kept: set[Key] = set()
            for _ in range(3):
                process = await world.start(*words, "--out", "hurt")
                before = len(world.visits())
                most = before + chance.randint(20, 70)
                while len(world.visits()) < most:
                    await asyncio.sleep(0.01)
                process.kill()
                assert (await end_of(process)).code == -signal.SIGKILL
                assert not kept & set(map(key_of, world.visits()[before:]))
                kept = await finished_calls(tmp_path / "hurt" / "journal.db")
                assert kept
            before = len(world.visits())
            done = await world.run(*words, "--out", "hurt")
            assert done.code == 0, done.err
            assert not kept & set(map(key_of, world.visits()[before:]))
            sent = Counter(map(key_of, world.visits()[begin:]))
            assert set(sent) == set(map(key_of, world.visits()[:begin]))
            assert sent.total() - len(sent) <= 3 * 3 * CALLS
            assert answers(tmp_path / "hurt") == answers(tmp_path / "calm")
            assert without_times(scores_in(tmp_path / "hurt")) == without_times(scores_in(tmp_path / "calm"))
            assert_told_as_cut_off(done, tmp_path / "hurt", tmp_path / "calm")

    asyncio.run(scenario())


def assert_told_as_cut_off(done: Done, hurt: Path, calm: Path) -> None:
    """Assert that what a kill cost and nobody counted is told: the sums are lower bounds, in every place."""
    (one,), (other,) = scores_in(hurt)["systems"], scores_in(calm)["systems"]
    bounds = ("usd_is_lower_bound", "tokens_are_lower_bound")
    assert [one[name] for name in bounds] == [True, True]
    assert [other[name] for name in bounds] == [False, False]
    assert scores_in(hurt)["usd_is_lower_bound"]
    assert (0 < one["cut_off"] <= 9, other["cut_off"]) == (True, 0)
    assert f"{one['cut_off']} of 8 runs were cut off and went on: what was under way then" in done.out
    assert f"{one['input_tokens'] + one['output_tokens']:,}+" in done.out
    assert "+</td>" in (hurt / "report.html").read_text(encoding="utf-8")
    assert sum(json.loads(line)["is_cut_off"] for line in run_lines(hurt)) == one["cut_off"]


def run_lines(folder: Path) -> list[str]:
    """Return the lines of the runs, as written."""
    return (folder / "runs" / "fleet.jsonl").read_text(encoding="utf-8").splitlines()


async def journals_of_one_secret(*folders: Path) -> None:
    """Make a journal in each folder, all with one secret: equal questions are then equal prompts."""
    for folder in folders:
        folder.mkdir()
    async with open_journal(folders[0] / "journal.db") as journal:
        await journal.secret()
    for folder in folders[1:]:
        shutil.copy(folders[0] / "journal.db", folder / "journal.db")


async def finished_calls(path: Path) -> set[Key]:
    """Return the calls that a journal has finished."""
    found: set[Key] = set()
    async with open_journal(path) as journal:
        for row in await journal.rows(limit=1000):
            calls = (await journal.record(row.run_id)).calls
            found |= {told(call) for call in calls if call.state == "finished"}
    return found


def answers(folder: Path) -> str:
    """Return the answers that were written."""
    return (folder / "answers" / "fleet.jsonl").read_text(encoding="utf-8")


def without_times(scores: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what does not hang on the clock, nor on what the fleet's cache holds, nor on an earlier end."""
    timed = ("seconds", "critical_path_s", "cached_tokens", "usd")
    ended = ("usd_is_lower_bound", "tokens_are_lower_bound", "cut_off", "notes")
    return [{name: value for name, value in one.items() if name not in (*timed, *ended)} for one in scores["systems"]]


def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    """With its exit code, and what is finished is kept."""
    data = gsm8k_data(tmp_path, count=8)

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            words = ("gsm8k", "--data", data, "-e", "fleet.toml", "--out", "out", "--parallel", "2")
            process = await world.start(*words)
            while not (tmp_path / "out" / "runs" / "fleet.jsonl").exists() or len(world.visits()) < CALLS:
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
            done = await end_of(process)
            assert done.code == 130
            assert done.err.splitlines()[-2:] == [
                "stopping (Ctrl-C again kills)",
                "what was finished is kept in out: the same command goes on",
            ]
            assert not (tmp_path / "out" / "scores.json").exists()
            done = await world.run(*words)
            assert done.code == 0, done.err
            (mine,) = scores_in(tmp_path / "out")["systems"]
            assert mine["answered"] == 8
            assert mine["usd_is_lower_bound"] == bool(mine["unpriced_calls"] or mine["cut_off"])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("mmlu", "-e", "free.toml"),
            "TASK: 'mmlu' is no benchmark and no file: write one of alpaca-eval, mt-bench, flask, ifeval, gsm8k",
        ),
        (("gsm8k", "-e", "free.toml"), "--data: gsm8k needs its data: name the folder that holds them"),
        (
            ("bad.jsonl", "-e", "free.toml"),
            "bad.jsonl, line 2: no question: write one under prompt, question or messages",
        ),
        (("good.jsonl",), "Missing option '-e' / '--ensemble'."),
        (("good.jsonl", "-e", "none.toml"), "ensemble: "),
        (("good.jsonl", "-e", "free.toml", "--budget", "1"), "--budget: the price of python:"),
        (("good.jsonl", "-e", "free.toml", "--out", "taken"), "--out: taken/settings.json"),
        (
            ("mt-bench", "--data", ".", "-e", "free.toml"),
            "--judge: mt-bench has its scores from a judge: name one, such as",
        ),
        (
            ("mt-bench", "--data", ".", "-e", "free.toml", "--judge", "openai:m", "--no-judge"),
            "--no-judge: says that nobody judges",
        ),
        (("mt-bench", "--data", ".", "-e", "free.toml", "--judge", "free.toml"), "mt_bench/judge_prompts.jsonl: "),
        (("good.jsonl", "-e", "free.toml", "--baselines", "mao"), "--baselines: 'mao' is none: known are single"),
        (("good.jsonl", "-e", "free.toml", "-e", "free.toml"), "-e: free.toml is given twice"),
        (("good.jsonl", "-e", "free.toml", "-e", "keyed.toml"), "keyed: api_key_env: NO_SUCH_KEY is not set"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    """It names file, line and field, and the mend; nothing is begun."""
    write_jsonl(tmp_path / "good.jsonl", [{"prompt": "Why?"}])
    write_jsonl(tmp_path / "bad.jsonl", [{"prompt": "Why?"}, {"ask": "Why?"}])
    agent = '[[agents]]\nname = "a"\nmodel = "python:tests.bench_world:adds"\n'
    (tmp_path / "free.toml").write_text(agent, encoding="utf-8")
    keyed = agent.replace("python:tests.bench_world:adds", "openai:m") + 'api_key_env = "NO_SUCH_KEY"\n'
    (tmp_path / "keyed.toml").write_text(keyed, encoding="utf-8")
    mt_bench_data(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "settings.json").write_text("{", encoding="utf-8")
    done = run_cli("bench", "run", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert only_line(done.stderr).startswith(f"attention-moa: {line}")
    assert not list(tmp_path.glob("bench-*"))


def test_the_scale_benchmark_does_its_work() -> None:
    """Twenty questions with five agents in three layers, in bounded memory; the times are for a person to read."""
    command = [sys.executable, "benchmarks/bench_scale.py", "--questions", "20", "--time-scale", "0.02"]
    done = subprocess.run(
        [*command, "--most-ratio", "10000"], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    measured = {line[:12].strip(): line[12:].split()[0] for line in done.stdout.splitlines()}
    assert (measured["answered"], measured["requests"]) == ("20", "2,200")
    assert float(measured["peak memory"]) < 500
