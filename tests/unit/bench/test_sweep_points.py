"""What a sweep's file may say, and the ensembles that come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.bench.sweep_adversaries import garbage, injector, with_adversary
from attention_moa.bench.sweep_axes import ABLATIONS, AXES, applied
from attention_moa.bench.sweep_file import SweepSpec, Value, Vary, load_sweep, shipped_sweeps, sweep_text
from attention_moa.bench.sweep_points import Points, points_of
from attention_moa.bench.tasks import TASKS
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError, MoaError
from attention_moa.settings import load_spec
from tests.worlds import a_spec

QUESTIONS = "adversarial"


def vary(axis: str, *values: Value) -> Vary:
    """Return one thing that is varied."""
    return Vary(axis=axis, values=values)


def points(*varied: Vary, base: EnsembleSpec | None = None, **fields: Any) -> Points:
    """Return the points of a sweep."""
    return points_of(SweepSpec(vary=varied, **fields), base or a_spec(3))


def specs(*varied: Vary, base: EnsembleSpec | None = None) -> dict[str, EnsembleSpec]:
    """Return the ensembles of a sweep by their points' labels."""
    return {one.label: one.system.spec for one in points(*varied, base=base).points}


def test_every_shipped_sweep_has_points() -> None:
    """A sweep that comes with the package runs as it is, but for keys and data."""
    assert set(shipped_sweeps()) == {
        "ablations", "agents", "aggregators", "early-stop", "layers", "order", "robustness",
    }  # fmt: skip
    for name in shipped_sweeps():
        sweep = load_sweep(name)
        found = points_of(sweep, load_spec(sweep.ensemble))
        assert len(found.points) > 4, name
        assert all(one.benchmark in {*TASKS, "adversarial", "unusual"} for one in found.points)
        assert sweep.title
        assert sweep.description


def test_every_combination_is_a_point_of_its_own_name() -> None:
    """Names of runs and files come from it."""
    found = points(vary("layers", 1, 2), vary("attention.labels", False, True))
    assert [one.labels for one in found.points] == [("1", "false"), ("1", "true"), ("2", "false"), ("2", "true")]
    assert [one.system.name for one in found.points] == ["1_false", "1_true", "2_false", "2_true"]
    assert [one.system.spec.layers for one in found.points] == [1, 1, 2, 2]
    assert found.axes == ("layers", "attention.labels")


def test_more_agents_are_further_ones_of_the_same_models() -> None:
    """They have names and seeds of their own, so that no call serves two of them."""
    agents = tuple(AgentSpec(name=name, model=f"test:{name}", seed=seed) for name, seed in (("a", 1), ("b", None)))
    found = specs(vary("agents", 1, 2, 5), base=a_spec(agents, summary=WriterSpec(fallback=("b",))))
    assert [agent.name for agent in found["5"].agents] == ["a", "b", "a-2", "b-2", "a-3"]
    assert [agent.seed for agent in found["5"].agents] == [1, None, 2, None, 3]
    assert found["1"].summary.fallback == ()
    assert found["2"].summary.fallback == ("b",)


@pytest.mark.parametrize(
    ("value", "base", "said"),
    [
        ("two", a_spec(2), "'two' is not a number of agents"),
        (True, a_spec(2), "True is not a number of agents"),
        (0, a_spec(2), "0 is not a number of agents"),
        (1, a_spec(2, summary=WriterSpec(model="b")), "with 1 agents 'b' is none of them"),
    ],
)
def test_numbers_of_agents_that_cannot_be(value: Value, base: EnsembleSpec, said: str) -> None:
    """One line says which point and why."""
    with pytest.raises(ConfigError, match=said):
        points(vary("agents", value), base=base)


def test_too_many_peers_for_few_agents_are_told() -> None:
    """It is the combination that is wrong, so both are named."""
    base = replace(a_spec(3), attention=replace(a_spec(3).attention, peers=2))
    with pytest.raises(ConfigError, match="2 peers are too many for 2 agents"):
        points(vary("agents", 2), base=base)


def test_an_aggregator_writes_summary_and_residual() -> None:
    """As in the paper, where they are one model."""
    base = a_spec(2, residual=ResidualSpec(model="a"))
    found = specs(vary("aggregator", "*", "test:other"), base=base)
    assert list(found) == ["a", "b", "test:other"]
    assert found["b"].summary.model == "b"
    assert found["b"].residual.model == ""


def test_a_strategy_is_a_baseline_of_the_same_agents() -> None:
    """One agent alone is named."""
    found = specs(vary("strategy", "attention-moa", "moa", "single-b"))
    assert [one.strategy for one in found.values()] == ["attention-moa", "moa", "single"]
    assert [agent.name for agent in found["single-b"].agents] == ["b"]
    for wrong in ("single", "mao", 3):
        with pytest.raises(ConfigError, match="strategy"):
            points(vary("strategy", wrong))


def test_a_depth_that_a_strategy_cannot_have_is_left_out() -> None:
    """MoA with one layer would be run with two, under a label that is not true."""
    found = points(vary("layers", 1, 2), vary("strategy", "attention-moa", "moa"))
    assert [one.label for one in found.points] == ["1, attention-moa", "2, attention-moa", "2, moa"]
    assert found.left_out == ("1, moa: moa has 2 layers or more",)


def test_critiques_of_more_peers_than_there_are_agents_are_left_out() -> None:
    """The shipped ablations run on any ensemble; one of more agents has them all."""
    found = points(vary("ablation", "full", "sparse-3"))
    assert [one.label for one in found.points] == ["full"]
    assert found.left_out == ("sparse-3: 3 agents, and 3 peers of each take 4",)
    more = points(vary("agents", 2, 4), vary("ablation", "sparse-2"))
    assert [one.label for one in more.points] == ["4, sparse-2"]


def test_what_is_the_same_is_run_once() -> None:
    """Nobody pays twice for one ensemble under two names."""
    found = points(vary("ablation", "full", "pairwise", "panel"))
    assert [one.label for one in found.points] == ["full", "panel"]
    assert found.left_out == ("pairwise: the same as full",)


def test_every_ablation_changes_what_it_says() -> None:
    """But for those that are what the ensemble is anyway."""
    base = a_spec(3)
    same = {name for name in ABLATIONS if applied(base, "ablation", name) == base}
    assert same == {"full", "pairwise", "layout-continue", "history-outputs"}
    without = applied(replace(base, residual=ResidualSpec(model="b")), "ablation", "no-residual")
    assert not without.residual.enabled
    assert applied(base, "ablation", "sparse-1").attention.peers == 1
    for wrong in ("none", "sparse-x", 3):
        with pytest.raises(ConfigError, match=r"^ablation: ") as caught:
            points(vary("ablation", wrong))
        assert str(caught.value).count("ablation:") == 1
        assert str(caught.value).count(repr(wrong)) == 1


def test_an_adversary_never_writes_the_summary() -> None:
    """It has the place of the last agent who does not, and stands in for nobody."""
    base = a_spec(3, summary=WriterSpec(model="c", fallback=("b", "a")))
    found = specs(vary("adversary", "none", "liar", "injector", "garbage"), base=base)
    assert found["none"] == base
    assert [agent.name for agent in found["liar"].agents] == ["a", "b", "c"]
    assert "wrong answer" in (found["liar"].agents[1].role or "")
    assert found["liar"].agents[1].model == "test:b"
    for kind in ("injector", "garbage"):
        assert found[kind].agents[1].model == f"python:attention_moa.bench.sweep_adversaries:{kind}"
        assert found[kind].summary.fallback == ("a",)
    with pytest.raises(ConfigError, match="known are none, liar"):
        with_adversary(base, "thief")
    with pytest.raises(ConfigError, match="none can be an adversary"):
        with_adversary(a_spec(1), "liar")


def test_adversaries_say_the_same_to_the_same() -> None:
    """A sweep that goes on meets the same adversary."""
    asked = [{"role": "user", "content": "Why?"}]
    assert garbage(asked) == garbage(asked) != garbage([{"role": "user", "content": "What?"}])
    assert len(garbage(asked)) == 600
    assert "BANANA" in injector(asked)


def test_an_order_moves_agents_and_not_the_writer() -> None:
    """Unset, the first agent writes: another order would change two things at once."""
    found = specs(vary("order", "given", "reversed", 7), base=a_spec(4))
    assert [agent.name for agent in found["reversed"].agents] == ["d", "c", "b", "a"]
    assert sorted(agent.name for agent in found["7"].agents) == ["a", "b", "c", "d"]
    assert {one.summary.model for one in found.values()} == {"a"}
    with pytest.raises(ConfigError, match="is no order"):
        points(vary("order", "random"))


def test_settings_are_tables_with_a_label() -> None:
    """Several fields change together under one name."""
    table: Value = {"label": "0.8", "early_stop.rule": "similarity", "early_stop.threshold": 0.8}
    found = specs(vary("settings", table))
    assert found["0.8"].early_stop.threshold == 0.8
    with pytest.raises(ConfigError, match="no label"):
        points(vary("settings", {"layers": 2}))
    with pytest.raises(ConfigError, match="no table"):
        points(vary("settings", "0.8"))


@pytest.mark.parametrize(
    ("axis", "value", "said"),
    [
        ("layer", 2, "^layer: 2: no such field: did you mean layers"),
        ("layers", "two", "^layers: 'two' is not right here: write a whole number"),
        ("early_stop.treshold", 0.5, "did you mean threshold"),
        ("agents.name", "x", "agents is no table"),
        ("attention.self.x", "x", "attention.self"),
    ],
)
def test_a_field_that_is_none_is_named(axis: str, value: Value, said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(MoaError, match=said):
        points(vary(axis, value))


def test_changes_hold_for_every_point() -> None:
    """And the command line's cap of replies too."""
    found = points(vary("layers", 1, 2), change={"early_stop.rule": "none"}, max_tokens=50)
    assert {one.system.spec.early_stop.rule for one in found.points} == {"none"}
    assert {agent.max_tokens for one in found.points for agent in one.system.spec.agents} == {50}


def test_questions_can_be_varied() -> None:
    """Systems have names of their own all the same: they share a journal."""
    found = points(vary("layers", 1, 2), vary("benchmark", "adversarial", "gsm8k"))
    assert found.benchmarks == ("adversarial", "gsm8k")
    assert len({one.system.name for one in found.points}) == 4


def test_too_many_points_are_refused() -> None:
    """A typing error should not cost a fortune."""
    with pytest.raises(ConfigError, match="at most 500"):
        points(vary("seed", *range(30)), vary("limits.tokens", *range(1, 31)))


def test_axes_are_applied_in_an_order_of_their_own() -> None:
    """Whatever stands first in the file: a baseline is made last, of what all others made."""
    assert next(iter(AXES)) == "agents"
    assert list(AXES)[-1] == "strategy"
    one = specs(vary("strategy", "moa"), vary("layers", 4), vary("agents", 2))["moa, 4, 2"]
    assert (one.strategy, one.layers, len(one.agents)) == ("moa", 4, 2)


def _file(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_names_others_beside_it(tmp_path: Path) -> None:
    """It can be run from anywhere."""
    text = """
    ensemble = "e.toml"
    benchmark = "q.jsonl"
    [[vary]]
    axis = "benchmark"
    values = ["r.jsonl", "unusual", "ifeval"]
    """
    sweep = load_sweep(_file(tmp_path, text))
    assert sweep.ensemble == str(tmp_path / "e.toml")
    assert sweep.benchmark == str(tmp_path / "q.jsonl")
    assert sweep.vary[0].values == (str(tmp_path / "r.jsonl"), "unusual", "ifeval")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 3\nvary = []", "title: 3 is not right here: write text in quotes"),
        ("vary = []", r"vary: nothing is varied: add at least one \[\[vary\]\]"),
        ("title = 'x'", "vary: missing"),
        ("[[vary]]\naxis = 'layers'\nvalues = []", r"vary\[0\].values: no value"),
        ("[[vary]]\naxis = 'layers'\nvalues = [1]\n[[vary]]\naxis = 'layers'\nvalues = [2]", "varied twice"),
        ("limit = 0\n[[vary]]\naxis = 'layers'\nvalues = [1]", "limit: 0 is not 1 or more"),
        ("[[vary]]\naxis = 'layers'\nvalue = [1]", "did you mean values"),
        ("[[vary", "is not TOML"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    """With the field and the mend."""
    with pytest.raises(ConfigError, match=said):
        load_sweep(_file(tmp_path, text))


def test_an_unknown_name_has_its_nearest_told() -> None:
    """A typing error is seen at once."""
    with pytest.raises(ConfigError, match="did you mean layers"):
        sweep_text("layer")


def test_the_shipped_questions_have_computed_answers(tmp_path: Path) -> None:
    """Forty each, of four kinds in turn, all different, and the same wherever they are made."""
    from attention_moa.bench.questions import read_question_set
    from attention_moa.bench.sweep_prompts import SETS, write_set

    for name in SETS:
        path = write_set(name, tmp_path / "q")
        found = read_question_set(str(path), None)
        assert len({one.text for one in found.questions}) == 40
        assert set(Counter(one.category for one in found.questions).values()) == {10}
        assert all(one.reference for one in found.questions)
        assert len({one.category for one in found.questions[:4]}) == 4
        assert path.read_bytes() == write_set(name, tmp_path / "again").read_bytes()


def test_the_shipped_answers_are_right() -> None:
    """Those kinds whose answer can be found again from the question's text."""
    from attention_moa.bench.sweep_prompts import questions_of

    def product(text: str) -> str:
        one, two = text.rpartition("What is ")[2].split("?")[0].split(" times ")
        return str(int(one) * int(two))

    def base(text: str) -> str:
        words = text.split()
        return str(int(words[2], int(words[7].rstrip("."))))

    def letters(text: str) -> str:
        return str(len(text.split("'")[1]))

    def last(text: str) -> str:
        return text.split('"')[1].rsplit(maxsplit=1)[-1]

    checks: dict[str, Callable[[str], str]] = {
        "wrong hint": product, "odd base": base, "false premise": letters, "hidden order": last,
        "backwards": lambda text: text.split(": ")[1].split("?")[0][::-1],
    }  # fmt: skip
    rows = [row for name in ("adversarial", "unusual") for row in questions_of(name) if row["category"] in checks]
    assert len(rows) == 50
    for row in rows:
        assert checks[row["category"]](row["prompt"]) == row["answer"], row
