"""Which scores stand in front."""

from __future__ import annotations

from attention_moa.bench.alpaca_eval import LEAST_JUDGED
from attention_moa.bench.report_scores import counted_score, length_of, main_name, score_of
from attention_moa.bench.scores import Interval, Score
from tests.report_world import a_score, a_system

LC, PLAIN = "length_controlled_winrate", "win_rate"


def rates(n: int) -> tuple[Score, Score]:
    """Return both win rates of so many judged questions."""
    return a_score(PLAIN, 40.0, n=n), a_score(LC, 60.0, n=n)


def test_a_length_controlled_win_rate_of_few_is_not_compared_by() -> None:
    """Not of any system: all are compared by the same score."""
    many, few = a_system("a", scores=rates(LEAST_JUDGED)), a_system("b", scores=rates(LEAST_JUDGED - 1))
    assert main_name("alpaca-eval", [many]) == LC
    assert main_name("alpaca-eval", [few]) == PLAIN
    assert main_name("alpaca-eval", [many, few]) == PLAIN


def test_a_score_without_a_value_is_of_nothing_and_says_what_is_missing() -> None:
    """The name of what should be there stays, for the counts."""
    lost = a_system("a", scores=(Score("average", None, 0, 4),))
    assert main_name("mt-bench", [lost]) == "average"
    assert (score_of(lost, "average"), counted_score(lost, "average")) == (None, Score("average", None, 0, 4))
    skills = a_system("a", scores=(Score("skills_mean", None, 0, 3), Score("skills.wit.average", None, 0, 3)))
    assert (main_name("flask", [skills]), score_of(skills, "skills_mean")) == ("skills_mean", None)
    assert counted_score(a_system("a", scores=()), "skills_mean") is None
    assert main_name("flask", [a_system("a", scores=())]) is None


def test_there_is_one_average_length() -> None:
    """The benchmark's own, cut to whole characters, where it has one."""
    own = a_system("a", average_length=812.7)
    official = a_system(
        "a", average_length=812.7, scores=(Score("avg_length", 790, 9, interval=Interval(700.5, 800.5)),)
    )
    assert length_of(own) == (812, Interval(700, 930))
    assert length_of(official) == (790, Interval(700.5, 800.5))
    assert length_of(a_system("a", average_length=None, average_length_interval=None)) == (None, None)
