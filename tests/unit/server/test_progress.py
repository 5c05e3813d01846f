"""What a run says of itself while it goes on."""

from __future__ import annotations

from attention_moa.errors import RefusedError, ServerError
from attention_moa.events import AnswerReset, CallRetried, RunStarted
from attention_moa.messages import Stage, user
from attention_moa.rules import AttentionSpec, StopRule
from attention_moa.server.progress import progress_line
from tests.worlds import Says, World, a_spec, in_turn, verdict


def told(world: World) -> list[str]:
    """Return the lines of a run."""
    world.run()
    return [line for event in world.events if (line := progress_line(event)) is not None]


def test_a_run_tells_who_does_what() -> None:
    """Layer by layer, to its end."""
    lines = told(World(a_spec(2, layers=1)))
    assert "layer 1: a answers" in lines
    assert "layer 1: a reassesses its own answer" in lines
    assert "layer 1: b reads a's answer" in lines
    assert lines[-2:] == ["layer 1 is finished", "layer 1: the run ends (last)"]


def test_a_panel_reads_the_answers_of_others() -> None:
    """In one call."""
    spec = a_spec(2, layers=1, attention=AttentionSpec(mode="panel"))
    assert "layer 1: a reads the answers of others" in told(World(spec))


def test_a_layer_that_is_not_the_last_says_that_the_run_goes_on() -> None:
    """And why."""
    assert any(line.startswith("layer 1: the run goes on") for line in told(World(a_spec(2, layers=2))))
    kept_on = told(World(a_spec(2, layers=2, early_stop=StopRule(rule="none"))))
    assert "layer 1: the run goes on" in kept_on, "there was no rule to name"


def test_what_fails_is_told_without_what_the_endpoint_said() -> None:
    """Its words may be anybody's."""
    world = World(a_spec(2, layers=1), {"1.critique.a.b": ServerError("SECRET", retryable=False)})
    lines = told(world)
    assert "layer 1: a is lost (ServerError)" in lines
    assert not any("SECRET" in line for line in lines)


def test_no_text_of_a_user_or_a_model_is_in_a_line() -> None:
    """Whatever they say, and whatever fails because of it."""
    lost = RefusedError("MARKED is not spoken of")
    script: dict[str, Says] = {
        "1.answer.a": in_turn(ServerError("MARKED"), "MARKED"),
        "1.refine.b": lost,
        "2.summary.a": lost,
        "3.answer.a": lost,
        "3.answer.b": lost,
        "residual": lambda request: f"{verdict(request, is_stop=False)}\nMARKED",
        **dict.fromkeys(("answer", "critique", "refine", "summary"), "MARKED"),
    }
    world = World(a_spec(2, layers=3), script, conversation=(user("MARKED?"),), has_deltas=True)
    lines = told(world)
    assert {"layer 1: a answers", "layer 3: a is lost (RefusedError)"} <= set(lines)
    assert any("tries again" in line for line in lines)
    assert len(world.record.degraded) > 1
    assert "MARKED" in str(world.events)
    assert "MARKED" not in str(lines)


def test_a_further_try_and_a_run_that_goes_on_are_told() -> None:
    """And an answer that does not stand."""
    retried = CallRetried(
        run_id="r", at_s=0, call_id="c", stage=Stage.ANSWER, layer=2, agent="a", attempt=1, kind="TransportError",
        message="", wait_s=1.25,
    )  # fmt: skip
    assert progress_line(retried) == "layer 2: a tries again in 1.2 s (TransportError)"
    started = RunStarted(run_id="r", at_s=0, ensemble="duo", agents=("a",), layers=2, planned_calls=3, is_resumed=True)
    assert progress_line(started) == "duo goes on with 1 agent, 2 layers"
    assert progress_line(AnswerReset(run_id="r", at_s=0, message="")) == "what was written of the answer does not stand"
