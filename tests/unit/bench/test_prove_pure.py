"""Scores, spend, frontier and words of a proof."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.bench.prove_frontier import point, reference_point, with_frontier
from attention_moa.bench.prove_scores import (
    Answers,
    Preference,
    best_agent,
    by_kind,
    is_cheaper,
    is_checkable,
    needs_judge,
    score_of,
    scores_of,
    tied_with,
)
from attention_moa.bench.prove_spend import (
    Cost,
    Ratio,
    cost_ratio,
    least_cost,
    least_mean,
    line_cost,
    mean_cost,
    nearest_size,
    plan_cost,
    spend_unit,
)
from attention_moa.bench.prove_systems import (
    BASELINES,
    parse_baselines,
    require_agent,
    selector_of,
    single_systems,
    sized_spec,
)
from attention_moa.bench.prove_verdict import Comparison, compared, decide
from attention_moa.bench.prove_words import equal_spend_words, rounded_up, verdict_words
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.sums import Money
from attention_moa.config import EnsembleSpec, summary_chain
from attention_moa.errors import ConfigError
from attention_moa.messages import user
from attention_moa.plan import PlanSum


def asked(number: str = "1", *, reference: str | None = None, category: str | None = None) -> Question:
    """Return a question."""
    return Question(id=number, conversation=(user("Why?"),), reference=reference, category=category)


def line(text: str | None, *, number: str = "1", **fields: object) -> RunLine:
    """Return a run's line; without a text it failed."""
    run = RunLine(question=number, turn=1, run_id="r", state="finished" if text is not None else "failed", text=text)
    return replace(run, **fields)


def both(ours: str | None, theirs: str | None) -> Answers:
    """Return the answers to question 1."""
    return Answers({"1": line(ours)}, {"1": line(theirs)})


@pytest.mark.parametrize(("preference", "score"), [("ours", 1.0), ("tie", 0.5), ("theirs", 0.0), ("missing", None)])
def test_a_judge_decides_where_nothing_can_be_checked(preference: Preference, score: float | None) -> None:
    """A missing judgement is no score."""
    answers = both("Because.", "Why not?")
    assert needs_judge(asked(), answers)
    assert score_of(asked(), answers, preference) == score


@pytest.mark.parametrize(
    ("ours", "theirs", "score"),
    [("The answer is 7.", "8", 1.0), ("6", "It is 7", 0.0), ("7", "#### 7", 0.5), ("1", "2", 0.5), ("7", None, 1.0)],
)
def test_a_right_answer_decides_where_it_can_be_checked(ours: str | None, theirs: str | None, score: float) -> None:
    """Whatever a judge says; both wrong is neither's win."""
    question = asked(reference="7")
    assert not needs_judge(question, both(ours, theirs))
    assert score_of(question, both(ours, theirs), "theirs") == score


@pytest.mark.parametrize(("ours", "theirs", "score"), [("yes", None, 1.0), (None, "yes", 0.0), (None, None, 0.5)])
def test_no_answer_loses_to_any(ours: str | None, theirs: str | None, score: float) -> None:
    """Nobody is asked to judge what is not there."""
    assert not needs_judge(asked(), both(ours, theirs))
    assert score_of(asked(), both(ours, theirs), None) == score


def test_equal_answers_are_a_tie_without_a_judge() -> None:
    """Best-of-n may well give the very same text."""
    assert not needs_judge(asked(), both("same", " same\n"))
    assert score_of(asked(), both("same", " same\n"), None) == 0.5


@pytest.mark.parametrize(
    ("reference", "is_so"),
    [
        (None, False),
        ("42", True),
        ("the capital of France", True),
        ("word " * 11, False),
        ("word " * 11 + "#### 3", True),
    ],
)
def test_only_short_right_answers_are_checked(reference: str | None, is_so: bool) -> None:
    """A model answer of three sentences is no right answer to compare with word by word."""
    assert is_checkable(asked(reference=reference)) == is_so


def test_prompts_that_were_not_reached_are_not_missing() -> None:
    """The budget's end is no judgement that cannot be read."""
    questions = [asked(str(number)) for number in range(4)]
    ours = {str(number): line(f"a{number}", number=str(number)) for number in range(4)}
    theirs = {number: one for number, one in ours.items() if number != "3"}
    theirs["1"] = line("b", number="1")
    theirs["2"] = line("b", number="2")
    assert scores_of(questions, Answers(ours, theirs), {"1": "missing"}) == {"0": 0.5, "1": None}


def test_kinds_are_the_categories_where_there_are_several() -> None:
    """One kind for all says nothing that the whole does not."""
    code, chat, none = asked("1", category="code"), asked("2", category="chat"), asked("3")
    assert by_kind([code, chat, none]) == {"code": [code], "chat": [chat]}
    assert by_kind([code, none]) == {"code": [code]}
    assert by_kind([code, code]) == {}
    assert by_kind([none]) == {}


def test_the_best_agent_has_the_highest_mean_and_of_equals_the_lowest_cost() -> None:
    """What is missing counts for nothing; who has nothing is last."""
    scores: dict[str, list[float | None]] = {"a": [1.0, 0.0], "b": [0.5, None], "c": [None, None], "d": [0.5, 0.5]}
    assert best_agent(scores, {"a": 3.0, "b": 2.0, "c": 0.1, "d": None}) == "b"
    assert best_agent({**scores, "d": [1.0, 1.0]}, {"a": 3.0, "b": 2.0, "c": 0.1, "d": 9.0}) == "d"
    assert best_agent({"c": [None], "a": [0.0]}, {"c": 0.1, "a": 3.0}) == "a"


def test_agents_that_did_equally_well_are_known() -> None:
    """And which of them is the cheaper one; what nobody knows is cheaper than nothing."""
    scores: dict[str, list[float | None]] = {"a": [1.0, 0.0], "b": [0.5, None], "c": [None], "d": [0.0]}
    assert (tied_with("b", scores), tied_with("d", scores), tied_with("c", scores)) == (("a",), (), ())
    assert [is_cheaper(*costs) for costs in ((1.0, 2.0), (1.0, 1.0), (1.0, None), (None, 1.0))] == [
        True, False, True, False,
    ]  # fmt: skip


def test_spend_is_money_where_all_of_it_is_known_and_any_is_above_nothing() -> None:
    """Free models on one's own machine take tokens all the same; a run that was cut off does not change it."""
    assert spend_unit([line("a", usd=0.1), line("a", usd=0.0)]) == "usd"
    assert spend_unit([line("a", usd=0.1), line("a", usd=None)]) == "usd"
    assert spend_unit([line("a", usd=0.1), line("a", usd=None), line("a", usd=None)]) == "tokens"
    assert spend_unit([line("a", usd=0.0)]) == "tokens"


def test_a_written_token_counts_four_times() -> None:
    """As on most price lists; what nobody counted has no cost."""
    run = line("a", input_tokens=100, output_tokens=10, usd=0.2)
    planned = PlanSum(
        calls=1, prompt_tokens=100, cached_tokens=0, written_tokens=10, reasoning_tokens=0, usd=0.2, seconds=None
    )
    assert line_cost(run, "tokens") == plan_cost(planned, "tokens") == 140.0
    assert line_cost(run, "usd") == plan_cost(planned, "usd") == 0.2
    assert line_cost(replace(run, unknown_calls=1), "tokens") is None
    assert mean_cost([run, replace(run, usd=0.4)], "usd") == pytest.approx(0.3)
    assert mean_cost([run, replace(run, usd=None)], "usd") == 0.2
    cut_off = replace(run, usd=0.1, input_tokens=1, is_cut_off=True)
    partly = replace(run, usd=0.1, unpriced_calls=1)
    assert mean_cost([run, cut_off], "usd") == mean_cost([run, partly], "usd") == 0.2
    assert mean_cost([run, cut_off], "tokens") == mean_cost([run], "tokens")
    assert mean_cost([run, replace(run, usd=None), replace(run, usd=None)], "usd") is None
    assert mean_cost([], "usd") is None


@pytest.mark.parametrize(("target", "size"), [(0.5, 2), (2.4, 2), (2.6, 3), (7.4, 7), (7.6, 8), (99.0, 10)])
def test_the_nearest_size_is_taken(target: float, size: int) -> None:
    """Sizes from 2 to 10 that cost as much as they are."""
    assert nearest_size(float, range(2, 11), target).size == size


@given(st.floats(0.1, 50.0), st.floats(0.01, 5.0), st.floats(0.0, 3.0))
def test_no_other_size_is_nearer(target: float, each: float, base: float) -> None:
    """Whatever a size costs."""
    sizes = range(2, 40)
    found = nearest_size(lambda size: base + each * size, sizes, target)
    assert abs(found.expected - target) <= min(abs(base + each * size - target) for size in sizes) + 1e-9


def test_dear_sizes_are_not_even_reckoned() -> None:
    """The search ends with the first size that costs more: plans of 64 samples take time."""
    seen: list[int] = []

    def cost(size: int) -> float:
        seen.append(size)
        return float(size)

    nearest_size(cost, range(2, 65), 4.2)
    assert seen == [2, 3, 4, 5]


AGENTS = tuple(
    AgentSpec(name=name, model=f"mine:{name}", base_url="http://127.0.0.1:1/v1", temperature=0.5) for name in "abc"
)
ENSEMBLE = EnsembleSpec(
    name="a",
    agents=AGENTS,
    layers=2,
    layout="paper",
    summary=WriterSpec(model="b", max_tokens=99, fallback=("c", "x:y")),
)


def test_every_agent_is_a_system_of_its_own() -> None:
    """One that is called like the ensemble gets another name."""
    found = single_systems(ENSEMBLE, "a")
    assert [(agent, one.name, one.spec.strategy) for agent, one in found.items()] == [
        ("a", "a-alone", "single"),
        ("b", "b", "single"),
        ("c", "c", "single"),
    ]


def test_baselines_keep_the_writer() -> None:
    """Its model, address and settings, whichever agent is the best; so do its fallbacks."""
    for name, size in (("best-of-n", 5), ("self-moa", 3)):
        spec = sized_spec(ENSEMBLE, name, size, best="c")  # type: ignore[arg-type]  # one of these names
        (writer, *rest) = summary_chain(spec)
        assert (spec.samples, [agent.name for agent in spec.agents]) == (size, ["c"])
        assert (writer.model, writer.base_url, writer.max_tokens) == ("mine:b", "http://127.0.0.1:1/v1", 99)
        assert [agent.model for agent in rest] == ["mine:c", "x:y"]
    moa = sized_spec(ENSEMBLE, "moa", 4, best="c")
    assert (moa.layers, moa.agents, moa.summary) == (4, AGENTS, ENSEMBLE.summary)
    assert selector_of(ENSEMBLE) == "mine:b"


def test_wrong_names_are_told() -> None:
    """Of baselines and of agents."""
    assert parse_baselines(None) == BASELINES
    assert parse_baselines("moa, single,moa") == ("moa", "single")
    with pytest.raises(ConfigError, match=r"--baselines: 'mao' is none: write single, best-of-n"):
        parse_baselines("mao")
    with pytest.raises(ConfigError, match="names none"):
        parse_baselines(" , ")
    with pytest.raises(ConfigError, match=r"--best: 'z' is no agent of 'a': write one of a, b, c"):
        require_agent(ENSEMBLE, "z")
    assert require_agent(ENSEMBLE, "b") == "b"


def test_the_frontier_is_what_nothing_cheaper_equals() -> None:
    """Dearer and no better is off it; unknown is off it."""
    points = with_frontier(
        [
            reference_point("ensemble", [Cost(10.0), Cost(12.0)], 2),
            point("cheap", [Cost(1.0), Cost(1.0)], [0.0, 0.5]),
            point("worse", [Cost(2.0), Cost(2.0)], [0.0, 0.0]),
            point("equal", [Cost(20.0), Cost(20.0)], [0.5, 0.5]),
            point("unknown", [Cost(0.0, is_lower_bound=True)] * 2, [1.0, 1.0]),
            point("silent", [Cost(1.0)], []),
        ]
    )
    assert {one.system for one in points if one.is_on_frontier} == {"ensemble", "cheap"}
    assert (points[0].cost, points[0].quality, points[0].quality_interval) == (11.0, 0.5, None)
    assert points[1].quality == 0.25


def comparison(wins: int, losses: int, *, ratio: float | None = 0.97) -> Comparison:
    """Return a comparison with a baseline b."""
    return compared("b", [1.0] * wins + [0.0] * losses, cost_ratio=ratio)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            comparison(70, 30),
            "Use mine. It scores 70 % against b, its strongest rival (70 wins, 0 ties, 30 losses; a tie counts half; "
            "95 % interval 60 to 79) at 0.97 times its cost.",
        ),
        (comparison(30, 70), "Do not use mine. It scores only 30 % against b (30 wins, 0 ties, 70 losses; a tie"),
        (
            comparison(500, 500),
            "Do not use mine. It scores 50 % against b (500 wins, 0 ties, 500 losses; a tie counts half; 95 % interval "
            "47 to 53) at 0.97 times its cost: not better by 5 points, if at all.",
        ),
        (comparison(55, 45), "Cannot tell whether mine is worth it. Over all prompts it scores 55 % against b, its"),
        (comparison(70, 30, ratio=None), "No baseline cost 80 % of what the ensemble does, as far as is known."),
    ],
)
def test_a_verdict_is_said_in_words(row: Comparison, words: str) -> None:
    """With the strongest baseline and what it cost."""
    assert words in " ".join(verdict_words(decide([row], {}), [row], ensemble="mine", usd_each=Money(0.02)))


def test_a_score_is_no_count_of_wins() -> None:
    """Six ties and two losses are a score of 38 %, and not one win."""
    row = compared("b", [0.5] * 6 + [0.0] * 2, cost_ratio=1.0)
    said = " ".join(verdict_words(decide([row], {}), [row], ensemble="mine"))
    assert "scores 38 % against b, its strongest rival (0 wins, 6 ties, 2 losses; a tie counts half; 95 %" in said
    assert "of the time" not in said


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Ratio(1.29), "b cost 1.29 times as much as mine: to beat it proves no less, but to lose to it is not held"),
        (Ratio(0.75), "b cost 0.75 times as much as mine: it has to be beaten, but that is no proof at equal spend."),
        (Ratio(1.4, "at-most"), "b cost at most 1.40 times as much as mine: it has to be beaten, but that is no proof"),
        (None, "What b cost is not known: mine has to beat it, but that is no proof at equal spend."),
    ],
)
def test_a_miss_of_equal_spend_is_said_in_the_verdict(ratio: Ratio | None, said: str) -> None:
    """Of baselines that should have met it; an agent alone costs what it costs."""
    row = compared("b", [1.0] * 70 + [0.0] * 30, cost_ratio=ratio)
    assert said in " ".join(verdict_words(decide([row], {}), [row], ensemble="mine", sized={"b"}))
    assert said not in " ".join(verdict_words(decide([row], {}), [row], ensemble="mine"))
    assert equal_spend_words(compared("b", [1.0], cost_ratio=1.0), "mine") is None


@pytest.mark.parametrize(
    ("ratio", "is_held", "is_equal"),
    [
        (Ratio(1.3, "at-least"), False, True),
        (Ratio(1.0, "at-least"), True, True),
        (Ratio(0.7, "at-least"), True, False),
        (Ratio(1.3, "at-most"), True, False),
        (Ratio(1.0, "about"), True, False),
    ],
)
def test_a_bound_excuses_nothing_that_it_does_not_show(ratio: Ratio, is_held: bool, is_equal: bool) -> None:
    """A baseline is let off only where it surely cost more, and is at equal spend only where it surely cost as much."""
    row = compared("b", [1.0] * 6, cost_ratio=ratio)
    assert (row.is_held_against, row.has_equal_spend) == (is_held, is_equal)


def test_runs_that_were_cut_off_leave_lower_bounds() -> None:
    """Where most of a system's were: the mean, the ratio to it and the price of another prompt say so."""
    whole = {str(at): line("a", number=str(at), usd=0.3) for at in range(4)}
    cut = {key: replace(run, usd=0.2, is_cut_off=True) for key, run in whole.items()}
    assert spend_unit([*cut.values()]) == "usd"
    assert cost_ratio(whole, cut, "usd") == Ratio(0.2 / 0.3, "at-least")
    assert cost_ratio(cut, whole, "usd") == Ratio(0.3 / 0.2, "at-most")
    assert cost_ratio(cut, cut, "usd") == Ratio(1.0, "about")
    assert cost_ratio(whole, whole | {"3": cut["3"]}, "usd") == Ratio(1.0)
    assert cost_ratio(whole, {}, "usd") is None
    found = point("a", [least_cost(run, "usd") for run in cut.values()], [1.0])
    assert (found.cost, found.is_cost_lower_bound, found.cost_interval) == (0.2, True, None)
    assert with_frontier([found])[0].is_on_frontier
    assert least_mean([Cost(0.0, is_lower_bound=True)]) is None
    row = comparison(55, 45)
    each = Money(0.02, is_lower_bound=True)
    said = verdict_words(decide([row], {}), [row], ensemble="mine", usd_each=each)[-1]
    assert said == "About 710 more prompts would tell, for about $14.20 or more."


@pytest.mark.parametrize(("agreed", "is_said"), [(0.59, True), (0.6, False), (None, False)])
def test_a_judge_who_changes_its_mind_is_told(agreed: float | None, is_said: bool) -> None:
    """Its ties are then no equals."""
    row = comparison(55, 45)
    said = " ".join(verdict_words(decide([row], {}), [row], ensemble="mine", agreed=agreed))
    assert ("most ties are then its own doubt" in said) == is_said


def test_what_would_tell_has_a_price() -> None:
    """Where the price is known."""
    row = comparison(55, 45)
    said = verdict_words(decide([row], {}), [row], ensemble="mine", usd_each=Money(0.02))[-1]
    assert said == "About 710 more prompts would tell, for about $14.20."
    assert verdict_words(decide([row], {}), [row], ensemble="mine")[-1] == "About 710 more prompts would tell."


def test_nothing_compared_has_words_too() -> None:
    """A proof without prompts says that, and no numbers."""
    assert verdict_words(decide([], {}), [], ensemble="mine") == (
        "Cannot tell whether mine is worth it.",
        "No prompt could be compared.",
    )


def test_kinds_are_listed() -> None:
    """Those for which to use it, and those for which not to."""
    kinds = {kind: [comparison(40, 5)] for kind in ("code", "maths", "law")} | {"poems": [comparison(2, 40)]}
    row = comparison(122, 105)
    said = " ".join(verdict_words(decide([row], kinds), [row], ensemble="mine"))
    assert said.startswith("Use mine for code, maths and law.")
    assert said.endswith("Do not use it for poems: there it is no better than a baseline.")


@pytest.mark.parametrize(
    ("count", "rounded"), [(1, 1), (9, 9), (10, 10), (99, 99), (101, 110), (683, 690), (1201, 1300)]
)
def test_numbers_of_prompts_are_rounded_up(count: int, rounded: int) -> None:
    """Two digits are all that anybody knows of it."""
    assert rounded_up(count) == rounded
