"""``attention-moa sweep`` as a child process, on the simulated fleet."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attention_moa.fleet import Fleet, FleetSpec, ModelSpec, render_ensemble
from attention_moa.schedule import count_calls
from attention_moa.settings import load_spec
from attention_moa.store import open_journal
from tests.alpaca_world import write_judged_data
from tests.bench_world import write_jsonl
from tests.cli_loop import PATIENCE_S, Done, end_of, started
from tests.cli_world import only_line, run_cli

CALLS = 3 * (9 + 19 + 3)
"""Of three questions to N=2: L=1 and 2 of Attention-MoA, L=2 of MoA."""
SWEEP = """
title = "Depth"
ensemble = "fleet.toml"
benchmark = "q.jsonl"

[change]
"early_stop.rule" = "none"

[[vary]]
axis = "layers"
values = [{layers}]

[[vary]]
axis = "strategy"
values = ["attention-moa", "moa"]
"""


class World:
    """A fleet of two models, an ensemble on it, and a sweep of it over three questions."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.folder = folder
        (folder / "fleet.toml").write_text(render_ensemble(fleet.spec, fleet.base_url), encoding="utf-8")
        rows = [{"id": f"q{n}", "prompt": f"What is {n} and {n}?", "answer": str(2 * n)} for n in range(3)]
        write_jsonl(folder / "q.jsonl", rows)
        self.write("1, 2")

    def write(self, layers: str) -> None:
        """Write the sweep."""
        (self.folder / "depth.toml").write_text(SWEEP.format(layers=layers), encoding="utf-8")

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Return the command, under way."""
        return await started("sweep", *arguments, folder=self.folder)

    async def run(self, *arguments: str) -> Done:
        """Return how a command ended."""
        return await end_of(await self.start(*arguments))


@asynccontextmanager
async def a_world(folder: Path, **fields: Any) -> AsyncIterator[World]:
    """Lend a fleet and what runs on it."""
    models = tuple(ModelSpec(name=f"sim-{name}", output_tokens=20, concurrency=50) for name in "ab")
    async with Fleet(FleetSpec(models=models, **({"time_scale": 0.0} | fields)), has_messages=True) as fleet:
        yield World(fleet, folder)


def test_a_sweep_runs_every_point_once(tmp_path: Path) -> None:
    """It ends in a table and figures; the same command again, or with a value more, pays only for what is new."""

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            done = await world.run("depth.toml")
            assert done.code == 0, done.err
            assert done.out.startswith("layers  strategy ")
            assert "left out: 1, moa: moa has 2 layers or more" in done.err
            assert "all of it is in sweep-depth-fleet" in done.err
            folder = tmp_path / "sweep-depth-fleet"
            results = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
            assert [point["labels"] for point in results["points"]] == [
                ["1", "attention-moa"], ["2", "attention-moa"], ["2", "moa"],
            ]  # fmt: skip
            assert [point["score"]["n"] for point in results["points"]] == [3, 3, 3]
            for place in ("report.html", "figures/sweep.svg", "figures/sweep.png", "runs-q/report.html"):
                assert (folder / place).stat().st_size > 0
            calls = sum(point["system"]["calls"] for point in results["points"])
            assert calls == CALLS == len(world.fleet.log)
            again = await world.run("depth.toml", "--json")
            assert json.loads(again.out)["points"] == results["points"]
            assert len(world.fleet.log) == calls
            world.write("1, 2, 3")
            assert (await world.run("depth.toml")).code == 0
            assert len(world.fleet.log) == calls + 3 * (29 + 5)

    asyncio.run(scenario())


async def finished_calls(folder: Path) -> int:
    """Return how many calls the journal has whose replies are whole."""
    async with open_journal(folder / "journal.db") as journal:
        records = [await journal.record(row.run_id) for row in await journal.rows(limit=100)]
    return sum(call.state == "finished" for record in records for call in record.calls)


def test_a_sweep_that_is_killed_goes_on(tmp_path: Path) -> None:
    """What was finished is not asked again, whether it was killed or ended in order."""
    folder = tmp_path / "sweep-depth-fleet"

    async def visited(world: World, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(world.fleet.log) < count:
                await asyncio.sleep(0.01)

    async def scenario() -> None:
        async with a_world(tmp_path, time_scale=0.05) as world:
            process = await world.start("depth.toml")
            await visited(world, 20)
            process.kill()
            await end_of(process)
            process = await world.start("depth.toml")
            await visited(world, 45)
            process.send_signal(signal.SIGINT)
            done = await end_of(process)
            assert done.code == 130
            assert "the same command goes on" in done.err
            before, visits = await finished_calls(folder), len(world.fleet.log)
            assert before < CALLS
            done = await world.run("depth.toml")
            assert done.code == 0, done.err
            assert len(world.fleet.log) - visits == CALLS - before
            results = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
            assert [point["system"]["answered"] for point in results["points"]] == [3, 3, 3]
            assert any("were cut off and went on" in note for note in results["notes"])
            assert any(point["tokens"]["is_lower_bound"] for point in results["points"])

    asyncio.run(scenario())


def test_a_shipped_sweep_asks_the_questions_that_ship(tmp_path: Path) -> None:
    """Two sets of questions, adversaries of our own, no data and no judge; a budget is shared."""
    sweep = """
    ensemble = "fleet.toml"
    [[vary]]
    axis = "adversary"
    values = ["none", "injector", "garbage"]
    [[vary]]
    axis = "benchmark"
    values = ["adversarial", "unusual"]
    """

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            path = tmp_path / "fleet.toml"
            priced = path.read_text(encoding="utf-8").replace(
                "[[agents]]\n", "[[agents]]\nprice = { input = 1.0, output = 2.0 }\nmax_tokens = 50\n"
            )
            path.write_text(priced, encoding="utf-8")
            (tmp_path / "s.toml").write_text(sweep, encoding="utf-8")
            done = await world.run(
                "s.toml", "--limit", "2", "-l", "1", "--budget", "5", "--out", "o", "--max-tokens", "9"
            )
            assert done.code == 0, done.err
            results = json.loads((tmp_path / "o" / "sweep.json").read_text(encoding="utf-8"))
            assert len(results["points"]) == 6
            assert all(point["system"]["answered"] == 2 for point in results["points"])
            assert (tmp_path / "o" / "questions" / "unusual.jsonl").exists()
            prompts = "".join(visit.text for visit in world.fleet.log)
            assert "BANANA" in prompts
            texts = (tmp_path / "o" / "runs-adversarial" / "report.html").read_text(encoding="utf-8")
            assert "hidden order" in texts

    asyncio.run(scenario())


def test_a_judge_judges_every_point(tmp_path: Path) -> None:
    """And is warned of where it is an agent too; without one, costs are all that is compared."""
    data = write_judged_data(tmp_path)

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            agent = f'name = "j"\nmodel = "openai:sim-a"\nbase_url = "{world.fleet.base_url}"'
            (tmp_path / "judge.toml").write_text(f'strategy = "single"\n[[agents]]\n{agent}', encoding="utf-8")
            words = ("depth.toml", "--benchmark", "alpaca-eval", "--data", str(data), "--limit", "3", "--out")
            done = await world.run(*words, "a", "--judge", "judge.toml")
            assert done.code == 0, done.err
            assert "openai:sim-a" in done.err
            results = json.loads((tmp_path / "a" / "sweep.json").read_text(encoding="utf-8"))
            assert results["judge"] == "judge.toml (openai:sim-a)"
            assert all("rate" in point["score"]["name"] for point in results["points"])
            refused = await world.run(*words, "b")
            assert (refused.code, "name one, such as --judge openai:gpt-4.1" in refused.err) == (2, True)
            done = await world.run(*words, "b", "--no-judge")
            assert "nobody judged: alpaca-eval" in done.err
            results = json.loads((tmp_path / "b" / "sweep.json").read_text(encoding="utf-8"))
            assert [point["score"] for point in results["points"]] == [None] * 3

    asyncio.run(scenario())


def test_judgements_that_failed_are_told_in_a_sweep(tmp_path: Path) -> None:
    """In the table, in the results and in the report: nobody takes a point without judgements for one with answers."""
    data = write_judged_data(tmp_path)

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            agent = f'name = "j"\nmodel = "openai:nobody"\nbase_url = "{world.fleet.base_url}"'
            (tmp_path / "judge.toml").write_text(f'strategy = "single"\n[[agents]]\n{agent}', encoding="utf-8")
            words = ("depth.toml", "--benchmark", "alpaca-eval", "--data", str(data), "--limit", "2")
            done = await world.run(*words, "--judge", "judge.toml", "--out", "a")
            assert done.code == 0, done.err
            results = json.loads((tmp_path / "a" / "sweep.json").read_text(encoding="utf-8"))
            told = results["warnings"][0]
            assert told.startswith("6 of 6 judgements are missing (1, attention-moa: 2 of 2, ")
            counts = [(one["score"]["value"], one["score"]["n"], one["score"]["missing"]) for one in results["points"]]
            assert counts == [(None, 0, 2)] * 3
            assert any("of 2 judgements, 2 failed (" in note for note in results["notes"])
            assert told in done.err
            report = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
            assert "6 of 6 judgements are missing" in report
            assert "of 2 judgements, 2 failed (" in report

    asyncio.run(scenario())


def test_points_are_listed_before_anything_is_asked(tmp_path: Path) -> None:
    """What it would run, and how many calls that makes."""
    listed = run_cli("sweep", "--list", folder=tmp_path)
    assert b"ablations" in listed.stdout
    shown = run_cli("sweep", "layers", "--show", folder=tmp_path)
    assert shown.stdout.startswith(b"# The paper's figure")
    points = run_cli("sweep", "agents", "--points", "-l", "2", folder=tmp_path).stdout.decode()
    calls = count_calls(load_spec("paper-small")) // 3 * 2
    assert points.splitlines()[4].split() == ["5", "attention-moa", "5", "2", str(calls + 1)]
    left_out = run_cli("sweep", "layers", "--points", folder=tmp_path).stdout.decode()
    assert "left out: 1, moa" in left_out


def test_who_cannot_judge_a_later_set_of_questions_ends_it_before_the_first(tmp_path: Path) -> None:
    """Nothing is asked of anybody."""
    data = write_judged_data(tmp_path)
    sweep = """
    ensemble = "fleet.toml"
    [[vary]]
    axis = "benchmark"
    values = ["adversarial", "alpaca-eval"]
    """
    (tmp_path / "s.toml").write_text(sweep, encoding="utf-8")

    async def scenario() -> None:
        async with a_world(tmp_path) as world:
            words = ("s.toml", "--data", str(data), "--limit", "1")
            for more, said in (
                ((), "name one, such as --judge"),
                (("--judge", "groq:m"), "--judge: api_key_env: GROQ_API_KEY is not set"),
            ):
                done = await world.run(*words, *more)
                assert (done.code, said in done.err) == (2, True), done.err
            assert len(world.fleet.log) == 0

    asyncio.run(scenario())


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    """With the field that is wrong, and exit code 2."""
    for arguments, said in (
        (("sweep",), "name a sweep, or a file"),
        (("sweep", "layer"), "did you mean layers"),
        (("sweep", "layers", "-e", "no.toml"), "no.toml"),
        (("sweep", "layers", "-e", "embedded"), "needs its data"),
        (("sweep", "order", "-e", "embedded", "--benchmark", "no.jsonl"), "no benchmark and no file"),
    ):
        done = run_cli(*arguments, folder=tmp_path)
        assert done.returncode == 2
        assert said in only_line(done.stderr)
