"""``attention-moa prove``, whole: models over HTTP whose worth is known, judges with a taste, and what is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from attention_moa.bench.prove_result import Proof
from attention_moa.bench.prove_verdict import Comparison
from attention_moa.bench.proving import Wish
from attention_moa.bench.results import Results
from attention_moa.errors import ConfigError
from attention_moa.fleet import Fleet, FleetSpec, ModelSpec, render_ensemble
from tests.cli_loop import PATIENCE_S, Done, end_of, started
from tests.cli_world import only_line, run_cli
from tests.prove_world import ProveWorld, a_wish, prompts_file, proven

# Hundreds of calls over HTTP: minutes, on a machine that has much else to do.
_PATIENCE_S = 8 * PATIENCE_S

FIRST_WORDS = {
    "use": "Use fleet.",
    "do-not-use": "Do not use fleet",
    "cannot-tell": "Cannot tell whether fleet is worth it.",
}

JUDGE = """
strategy = "single"
[[agents]]
name = "judge"
model = "openai:sim-judge"
base_url = "{base_url}"
price = {{ input = 1.0, output = 2.0 }}
"""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a key that opens nothing."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def shown(scenario: Callable[[ProveWorld], Awaitable[Any]]) -> Any:
    """Return what a scenario comes to with all models at hand."""

    async def run() -> Any:
        async with asyncio.timeout(_PATIENCE_S), ProveWorld() as world:
            return await scenario(world)

    return asyncio.run(run())


def against(proof: Proof, system: str) -> Comparison:
    """Return the comparison with a baseline."""
    return next(one for one in proof.comparisons if one.system == system)


def sizes_in(proof: Proof) -> list[int | None]:
    """Return the size of each system; None for one that has none."""
    return [one.size.size if one.size is not None else None for one in proof.systems]


def test_an_ensemble_that_beats_all_is_to_be_used(tmp_path: Path) -> None:
    """At equal spend, by a judge that reads both orders; the folder has all of it, and a second time costs nothing."""
    prompts_file(tmp_path, 10)

    async def scenario(world: ProveWorld) -> None:
        def wish() -> Wish:
            return a_wish(tmp_path, world.ensemble("brief", "wordy"), world.judge())

        said: list[str] = []
        proof = await proven(wish(), said)
        assert proof.verdict.decision == "use"
        assert proof.words[0] == "Use mine."
        assert said[0] == "pilot: 4 prompts find the best agent, and are not used again"
        assert all(" times what the ensemble did on 6 prompts: " in line for line in said[1:])
        assert (proof.best.agent, proof.best.how, dict(proof.best.rates)) == ("b", "judge", {"a": 0.0, "b": 1.0})
        assert (proof.prompts, proof.asked, proof.unit) == (6, 10, "usd")
        assert [one.name for one in proof.systems] == ["mine", "a", "b", "best-of-n", "self-moa", "moa"]
        for system in ("best-of-n", "self-moa", "moa"):
            ratio = against(proof, system).cost_ratio
            assert ratio is not None
            assert 0.8 < ratio < 1.25
        sizes = {one.name: one.size for one in proof.systems if one.size is not None}
        assert [size.selector for size in sizes.values()] == ["openai:merger", None, None]
        _check_trials(proof)
        assert proof.judge is not None
        assert (proof.judge.comparisons, proof.judge.agreed, proof.judge.first) == (4 + 5 * 6, 1.0, 0.5)
        pilot = {path.stem for path in (tmp_path / "out" / "pilot").glob("*.jsonl")}
        assert pilot == {"a", "b"}
        _check_folder(tmp_path / "out", proof)
        count = len(world.requests)
        again = await proven(wish())
        assert len(world.requests) == count
        assert msgspec.structs.replace(again, date=proof.date) == proof

    shown(scenario)


def _check_trials(proof: Proof) -> None:
    sizes = {one.name: one.size for one in proof.systems if one.size is not None}
    for name, size in sizes.items():
        (kept,) = (one for one in size.tried if one.size == size.size)
        assert kept.cost_ratio == pytest.approx(against(proof, name).cost_ratio)
        assert kept.prompts == 6
    wrong = sum(len(size.tried) - 1 for size in sizes.values())
    assert wrong  # the plan was wrong, and what was answered by it is told apart
    parts = {one.what: one for one in proof.spent}
    assert parts["trials at sizes that were not kept"].count == 6 * wrong
    assert [parts[what].count for what in ("judge", "judge, pilot", "answers of the pilot")] == [5 * 6, 4, 8]
    assert sum(one.usd or 0.0 for one in proof.spent) == pytest.approx(proof.usd)


def _check_folder(folder: Path, proof: Proof) -> None:
    assert msgspec.json.decode((folder / "prove.json").read_bytes(), type=Proof) == proof
    results = msgspec.json.decode((folder / "scores.json").read_bytes(), type=Results)
    names = [one.name for one in results.systems]
    assert names == [one.name for one in proof.systems]
    assert [[score.value for score in one.scores] for one in results.systems] == [[], *[[100.0]] * 5]
    settings = json.loads((folder / "settings.json").read_bytes())
    assert [one["name"] for one in settings["systems"]] == names
    for name in names:
        assert len((folder / "answers" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()) == 6
        runs = [
            json.loads(line) for line in (folder / "runs" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        assert len(runs) == 6
        assert not {run["question"] for run in runs} & set(proof.best.prompts)
    judged = (folder / "judgements" / "moa.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(judged) == 2 * 6


def test_an_ensemble_that_loses_is_not_to_be_used(tmp_path: Path) -> None:
    """Its writer spoils what its agents wrote; one agent alone is better, and costs less."""
    prompts_file(tmp_path, 8)

    async def scenario(world: ProveWorld) -> Proof:
        spec = world.ensemble("brief", "wordy", writer="mangler")
        return await proven(a_wish(tmp_path, spec, world.judge(), best="b", baselines=("single",)))

    proof: Proof = shown(scenario)
    assert proof.verdict.decision == "do-not-use"
    assert proof.verdict.is_worse
    assert proof.verdict.strongest == "a"
    assert (proof.best.how, proof.best.prompts, proof.prompts) == ("told", (), 8)
    frontier = {one.system for one in proof.frontier if one.is_on_frontier}
    assert "mine" not in frontier


def test_a_judge_who_takes_what_stands_first_tells_nothing(tmp_path: Path) -> None:
    """Every prompt is a tie, since the orders disagree; how often they do is told."""
    prompts_file(tmp_path, 6)

    async def scenario(world: ProveWorld) -> Proof:
        spec = world.ensemble("brief", "wordy")
        return await proven(a_wish(tmp_path, spec, world.judge("judge-order"), best="b", baselines=("single",)))

    proof: Proof = shown(scenario)
    assert proof.verdict.decision == "cannot-tell"
    assert [one.counts.ties for one in proof.comparisons] == [6, 6]
    assert proof.judge is not None
    assert (proof.judge.agreed, proof.judge.first) == (0.0, 1.0)
    assert "The judge gave the same verdict in both orders on only 0 % of the pairs" in " ".join(proof.words)
    assert any("agrees with itself in both orders on 0 % of 12 pairs" in line for line in proof.warnings)


def test_judgements_that_nobody_can_read_are_missing(tmp_path: Path) -> None:
    """They are asked for three times, counted, and are no numbers."""
    prompts_file(tmp_path, 6)

    async def scenario(world: ProveWorld) -> Proof:
        spec = world.ensemble("brief", "wordy")
        wish = a_wish(tmp_path, spec, world.judge("judge-riddles"), best="b", baselines=("single",))
        proof = await proven(wish)
        assert world.asked["judge-riddles"] == 3 * 2 * 2 * 6
        return proof

    proof: Proof = shown(scenario)
    assert (proof.verdict.decision, proof.verdict.doubt) == ("cannot-tell", "nothing-compared")
    assert [one.counts.missing for one in proof.comparisons] == [6, 6]
    assert proof.words[-1] == "No prompt could be compared."


def test_right_answers_need_no_judge(tmp_path: Path) -> None:
    """The pilot, the comparisons and the frontier's quality are by what is right; kinds are shown apart."""
    prompts_file(tmp_path, 24, kinds=("even", "odd"), is_checked=True)

    async def scenario(world: ProveWorld) -> Proof:
        spec = world.ensemble("adds", "brief", writer="adds")
        return await proven(a_wish(tmp_path, spec, None, baselines=("single", "best-of-n")))

    proof: Proof = shown(scenario)
    assert proof.judge is None
    assert (proof.best.agent, proof.best.how, proof.quality_is) == ("a", "right-answers", "right")
    points = {one.system: one.quality for one in proof.frontier}
    assert points["mine"] == 1.0
    assert points["b"] == 0.0
    assert set(proof.by_kind) == {"even", "odd"}
    assert against(proof, "a").counts.losses == 0
    assert proof.verdict.decision == "use"


def test_prompts_without_a_right_answer_need_a_judge(tmp_path: Path) -> None:
    """Before anything is asked, or written."""
    prompts_file(tmp_path, 12)

    async def scenario(world: ProveWorld) -> None:
        with pytest.raises(ConfigError, match=r"--judge: 12 of 12 prompts have no right answer"):
            await proven(a_wish(tmp_path, world.ensemble("brief", "wordy"), None))
        assert not world.requests
        assert not (tmp_path / "out").exists()

    shown(scenario)


def test_no_answer_can_steer_judge_or_selector(tmp_path: Path) -> None:
    """Agents give orders to both, and the judge reads them out aloud: what is longer wins all the same."""
    prompts_file(tmp_path, 6)

    async def scenario(world: ProveWorld) -> Proof:
        spec = world.ensemble("hostile", "brief")
        wish = a_wish(tmp_path, spec, world.judge("judge-echo"), best="a", baselines=("single", "best-of-n"))
        return await proven(wish)

    proof: Proof = shown(scenario)
    assert proof.judge is not None
    assert (proof.judge.missing, proof.judge.agreed) == (0, 1.0)
    lengths = {one.name: one.average_length or 0.0 for one in proof.systems}
    for one in proof.comparisons:
        expected = 1.0 if lengths["mine"] > lengths[one.system] else 0.0
        assert one.rate == expected, one.system


def test_who_gives_no_answer_loses(tmp_path: Path) -> None:
    """An agent that always fails is a baseline like any other; nobody judges what is not there."""
    prompts_file(tmp_path, 6)

    async def scenario(world: ProveWorld) -> Proof:
        spec = world.ensemble("wordy", "failing")
        proof = await proven(a_wish(tmp_path, spec, world.judge(), best="a", baselines=("single",)))
        assert world.asked["judge-length"] == 2 * 6
        return proof

    proof: Proof = shown(scenario)
    assert against(proof, "b").counts.wins == 6
    assert [(one.name, one.failed) for one in proof.systems] == [("mine", 0), ("a", 0), ("b", 6)]


def test_a_proof_that_is_cut_off_goes_on(tmp_path: Path) -> None:
    """Twice, in the middle; it ends as an undisturbed one does, and hardly anything is asked twice."""
    prompts_file(tmp_path, 7)
    (tmp_path / "calm").mkdir()
    prompts_file(tmp_path / "calm", 7)

    async def scenario(world: ProveWorld) -> None:
        def wish(place: Path) -> Wish:
            spec = world.ensemble("brief", "wordy")
            return a_wish(place, spec, world.judge(), best="b", baselines=("single", "self-moa"), parallel=2)

        calm = await proven(wish(tmp_path / "calm"))
        whole = len(world.requests)
        for share in (0.3, 0.5):
            task = asyncio.ensure_future(proven(wish(tmp_path)))  # noqa: TID251 - it is cut off from outside
            while len(world.requests) < whole * (1 + share):
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        proof = await proven(wish(tmp_path))
        assert [(one.system, one.counts) for one in proof.comparisons] == [
            (one.system, one.counts) for one in calm.comparisons
        ]
        assert all(one.cost_ratio is not None for one in proof.comparisons)
        assert proof.verdict == calm.verdict
        assert sizes_in(proof) == sizes_in(calm)
        under_way = 2 * 2 * 20  # two lives that ended with two runs under way, of at most so many calls at once
        assert len(world.requests) - whole <= whole + under_way

    shown(scenario)


def test_added_prompts_are_all_that_is_paid_for(tmp_path: Path) -> None:
    """The same folder goes on with what was decided: the pilot, the best agent, the sizes."""
    prompts_file(tmp_path, 10)

    async def scenario(world: ProveWorld) -> None:
        def wish() -> Wish:
            spec = world.ensemble("brief", "wordy")
            return a_wish(tmp_path, spec, world.judge(), baselines=("single", "best-of-n"))

        before = await proven(wish())
        count = len(world.requests)
        prompts_file(tmp_path, 12)
        after = await proven(wish())
        assert after.best == before.best
        assert [one.size for one in after.systems] == [one.size for one in before.systems]
        assert (before.prompts, after.prompts) == (6, 8)
        size = next(one.size for one in after.systems if one.size is not None)
        each = 9 + 1 + 1 + (size.size + 1) + 3 * 2  # the ensemble, two agents, best-of-n, three pairs in both orders
        assert len(world.requests) - count == 2 * each

    shown(scenario)


def test_a_folder_holds_one_proof(tmp_path: Path) -> None:
    """Another judge, another ensemble: another folder, told before anything is asked."""
    prompts_file(tmp_path, 6)

    async def scenario(world: ProveWorld) -> None:
        spec = world.ensemble("brief", "wordy")
        await proven(a_wish(tmp_path, spec, world.judge(), best="b", baselines=("single",)))
        count = len(world.requests)
        for other in (
            a_wish(tmp_path, spec, world.judge("judge-order"), best="b", baselines=("single",)),
            a_wish(tmp_path, world.ensemble("wordy", "brief"), world.judge(), best="b", baselines=("single",)),
        ):
            with pytest.raises(ConfigError, match=r"--out: .* holds another proof"):
                await proven(other)
        assert len(world.requests) == count

    shown(scenario)


def test_a_budget_is_kept_and_more_of_it_goes_on(tmp_path: Path) -> None:
    """One that reaches for nothing is refused; one that ends halfway says so; one that reaches finishes the rest."""
    prompts_file(tmp_path, 8)

    async def scenario(world: ProveWorld) -> None:
        def wish(usd: float | None) -> Wish:
            spec = world.ensemble("brief", "wordy")
            told = {"best": "b", "baselines": ("single", "best-of-n"), "parallel": 2}
            return a_wish(tmp_path, spec, world.judge(), budget_usd=usd, **told)

        with pytest.raises(ConfigError, match=r"--budget: the budget reaches for about 0 of 8 questions"):
            await proven(wish(0.0001))
        said: list[str] = []
        part = await proven(wish(0.02), said)
        assert said[0].startswith("the budget reaches for about ")
        assert part.stopped is not None
        assert part.stopped.startswith("stopped by the budget of $0.0200: of 8 prompts it reached ")
        reached = [one.answered for one in part.systems]
        assert max(reached) <= reached[0] < 8  # nothing is spent on prompts that cannot be compared
        assert part.usd <= 0.02
        assert not part.unpriced
        left: list[str] = []
        whole = await proven(wish(5.0), left)
        assert f" of the {8 - reached[0]} questions that are left: $" in left[0]
        silent: list[str] = []
        await proven(wish(5.0), silent)
        assert silent == []
        assert whole.stopped is None
        assert whole.prompts == 8
        assert whole.verdict.decision == "use"

    shown(scenario)


@asynccontextmanager
async def a_fleet(folder: Path) -> AsyncIterator[Fleet]:
    """Lend a fleet of two agents and a judge, and write an ensemble and a judge for the command line."""
    models = tuple(ModelSpec(name=f"sim-{name}", output_tokens=20, first_token_s=0.2) for name in ("a", "b", "judge"))
    async with Fleet(FleetSpec(models=models, time_scale=0.0)) as fleet:
        agents = render_ensemble(FleetSpec(models=models[:2]), fleet.base_url)
        priced = agents.replace("[[agents]]\n", "[[agents]]\nprice = { input = 1.0, output = 2.0 }\nmax_tokens = 60\n")
        (folder / "fleet.toml").write_text(priced, encoding="utf-8")
        judge = JUDGE.format(base_url=fleet.base_url)
        (folder / "judge.toml").write_text(judge, encoding="utf-8")
        yield fleet


def _folders(place: Path) -> list[Path]:
    return list(place.glob("prove-prompts-fleet-*"))


def test_the_command_says_its_verdict(tmp_path: Path) -> None:
    """As text, as JSON, and with a report; which one it is, hangs on the dice that the simulated judge throws."""
    prompts_file(tmp_path, 10)
    words = ("prompts.jsonl", "-e", "fleet.toml", "-l", "1", "--judge", "judge.toml", "--baselines", "single,moa")

    async def run(*more: str) -> Done:
        return await end_of(await started("prove", *words, *more, folder=tmp_path, env={"OPENAI_API_KEY": "none"}))

    async def scenario() -> None:
        async with a_fleet(tmp_path):
            code, out, err = await run()
            assert code == 0, err
            (folder,) = _folders(tmp_path)
            proof = msgspec.json.decode((folder / "prove.json").read_bytes(), type=Proof)
            assert out.startswith(FIRST_WORDS[proof.verdict.decision])
            assert out.startswith(proof.words[0])
            assert "fleet against what the same money buys, 10 prompts:" in out
            assert f"all of it is in {folder.name}" in err
            code, out, err = await run("--json")
            assert (code, err) == (0, "")
            assert json.loads(out) == json.loads((folder / "prove.json").read_bytes())
            assert _folders(tmp_path) == [folder]
            page = (folder / "report.html").read_text(encoding="utf-8")
            for part in ("fleet against what the same money buys, 10 prompts", "How it was found out", "in all"):
                assert part in page, part

    asyncio.run(scenario())


def test_what_is_to_be_proven_has_to_be_said(tmp_path: Path) -> None:
    """Nobody's money is spent on an ensemble that they did not name."""
    prompts_file(tmp_path, 12)
    done = run_cli("prove", "prompts.jsonl", "--judge", "openai:judge", folder=tmp_path)
    assert done.returncode == 2
    assert "-e: say what is to be proven, such as -e mine.toml" in only_line(done.stderr)
    assert not list(tmp_path.glob("prove-*"))


@pytest.mark.parametrize(
    ("count", "more", "line"),
    [
        (3, (), "PROMPTS: 3 prompts can prove nothing: bring 6 or more"),
        (
            12,
            ("--baselines", "mao"),
            "--baselines: 'mao' is none: write single, best-of-n, self-moa, moa, or some of them",
        ),
        (12, ("--best", "z"), "--best: 'z' is no agent of 'mine': write one of a"),
        (12, (), "--judge: api_key_env: OPENAI_API_KEY is not set: openai:judge"),
        (12, ("--judge", "none.toml"), "--judge: 'none.toml' is neither a file nor"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, count: int, more: tuple[str, ...], line: str) -> None:
    """Before anything is asked or written."""
    prompts_file(tmp_path, count)
    agent = '[[agents]]\nname = "a"\nmodel = "python:tests.cli_agents:echo"\n'
    (tmp_path / "mine.toml").write_text(agent, encoding="utf-8")
    judge = ("--judge", "openai:judge") if "--judge" not in more else ()
    done = run_cli("prove", "prompts.jsonl", "-e", "mine.toml", *judge, *more, folder=tmp_path)
    assert done.returncode == 2
    assert line in only_line(done.stderr)
    assert not list(tmp_path.glob("prove-*"))
