"""Records: the little that they compute."""

from __future__ import annotations

from attention_moa.messages import Stage
from attention_moa.records import Critique, LayerRecord, Loss, Residual, RunRecord, Summary, Verdict
from tests.worlds import QUESTION, a_spec


def a_run(*layers: LayerRecord, text: str | None = "best") -> RunRecord:
    """Return a record of some layers."""
    return RunRecord(
        run_id="run",
        created_at="2026-01-01T00:00:00+00:00",
        ensemble=a_spec(2),
        conversation=QUESTION,
        state="finished",
        text=text,
        layers=layers,
    )


def a_summary(text: str, *, is_truncated: bool = False) -> Summary:
    """Return a summary."""
    return Summary(agent="a", text=text, call_id="1.summary.a", is_truncated=is_truncated)


def test_a_loss_without_a_call_is_skipped() -> None:
    """The error's name tells a failed call from one that was not made."""
    loss = Loss(stage=Stage.CRITIQUE, layer=1, agent="a", peer="b", kind="Skipped", message="lost")
    assert loss.is_skipped
    assert not Loss(stage=Stage.ANSWER, layer=1, agent="a", kind="ServerError", message="down").is_skipped


def test_a_critique_of_the_own_answer_is_self_attention() -> None:
    """Critic and author are the same."""
    assert Critique(critic="a", author="a", text="x", call_id="1").is_self
    assert not Critique(critic="a", author="b", text="x", call_id="1").is_self


def test_critiques_are_found_by_critic_and_author() -> None:
    """A lost one is in its place; one whose author nobody knows is found without."""
    critique = Critique(critic="a", author="b", text="x", call_id="1")
    loss = Loss(stage=Stage.CRITIQUE, layer=1, agent="b", peer="a", kind="ServerError", message="down")
    nameless = Loss(stage=Stage.CRITIQUE, layer=1, agent="c", kind="ServerError", message="down")
    layer = LayerRecord(layer=1, answers={}, critique_list=(critique, loss, nameless))
    assert layer.critiques == {("a", "b"): critique, ("b", "a"): loss, ("c", ""): nameless}


def test_the_verdict_of_a_run_is_that_of_its_last_layer() -> None:
    """A run without layers has none."""
    verdict = Verdict(layer=1, is_stop=False, rule="last", reason="all ran")
    assert a_run(LayerRecord(layer=1, answers={}, verdict=verdict)).verdict == verdict
    assert a_run().verdict is None


def test_an_answer_whose_text_hit_its_limit_is_truncated() -> None:
    """Whoever wrote it."""
    residual = Residual(agent="a", text="best", call_id="2.residual.a", is_truncated=True)
    assert a_run(LayerRecord(layer=1, answers={}, summary=a_summary("best", is_truncated=True))).is_truncated
    assert a_run(LayerRecord(layer=2, answers={}, summary=a_summary("good"), residual=residual)).is_truncated


def test_an_answer_of_an_earlier_layer_is_truncated_too() -> None:
    """A stopped run may return the output before the last."""
    first = LayerRecord(layer=1, answers={}, summary=a_summary("best", is_truncated=True))
    assert a_run(first, LayerRecord(layer=2, answers={}, summary=a_summary("worse"))).is_truncated


def test_an_answer_is_whole_where_only_others_are_truncated() -> None:
    """What is not returned does not count."""
    layer = LayerRecord(layer=1, answers={}, summary=a_summary("else", is_truncated=True))
    assert not a_run(layer).is_truncated
    assert not a_run(text=None).is_truncated
