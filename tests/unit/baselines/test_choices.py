"""Best of N, majority, SMoA, RMoA: what goes on, what is returned, when they stop."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.config import AttentionSpec, StopRule
from attention_moa.errors import RefusedError
from attention_moa.messages import CallRequest, Stage
from attention_moa.records import Loss, Residual, RunRecord, Selection
from attention_moa.stopping import most_diverse
from tests.baseline_world import a_baseline, choice, chooses, reply_numbers
from tests.worlds import Says, World, a_spec, default_reply, verdict

NO = RefusedError("no")


def chosen(record: RunRecord, layer: int = 1) -> Selection:
    """Return a layer's selection."""
    found = record.layers[layer - 1].selection
    assert found is not None
    return found


def test_the_chosen_answer_is_returned_as_it_is() -> None:
    """Its text, not the selector's."""
    record = World(a_baseline("best-of-n"), {"select": chooses("says 1.answer.b")}).run()
    assert record.text == "says 1.answer.b"
    assert chosen(record) == Selection(chosen=("b",), reason="chosen by a out of 3", agent="a", call_id="1.select.a")


def test_without_a_choice_the_most_central_answer_stands_in() -> None:
    """Labelled; the reply that chose nothing is a loss."""
    script: dict[str, Says] = {"a": "one two three", "1.answer.b": "one two", "1.answer.c": "nine", "select": "b"}
    record = World(a_baseline("best-of-n"), script).run()
    assert record.text in ("one two", "one two three")
    assert chosen(record).stands_in == "the reply holds no choice"
    assert [loss.kind for loss in record.losses] == ["BadReplyError"]
    assert record.degraded[0].what.endswith("most like all the others, stands in for a choice")


def test_a_fallback_chooses_in_its_own_order() -> None:
    """Its numbers are those of its own prompt."""
    spec = a_baseline("best-of-n", summary=WriterSpec(model="a", fallback=("c",)))
    record = World(spec, {"1.select.a": "?", "1.select.c": chooses("says 1.answer.c")}).run()
    assert record.text == "says 1.answer.c"


def test_answers_are_anonymous_unless_labels_are_on() -> None:
    """And in an order that says nothing."""
    for has_labels in (False, True):
        world = World(a_baseline("best-of-n", attention=AttentionSpec(labels=has_labels)), {"select": choice(1)})
        world.run()
        prompt = world.requests[-1].messages[-1].text
        assert ("(by b)" in prompt) is has_labels
        assert sorted(reply_numbers(world.requests[-1]).values()) == [1, 2, 3]


def test_most_agree_on_a_value_however_it_is_written() -> None:
    """The one of them that is most like the others is returned."""
    said: dict[str, Says] = {"a": "#### 4", "b": "so the answer is 5.", "c": "well then: the answer is 4."}
    record = World(a_baseline("majority", 3), said).run()
    assert record.text in ("#### 4", "well then: the answer is 4.")
    assert set(chosen(record).chosen) == {"a", "c"}
    assert chosen(record).reason == "2 of 3 answers agree on 4"
    assert record.degraded == ()


@pytest.mark.parametrize("said", ["The sky is blue by {}.", "The answer is {}."])
def test_where_nothing_agrees_the_most_central_answer_stands_in(said: str) -> None:
    """Prose cannot be compared, and values that all differ have no majority."""
    script: dict[str, Says] = {name: said.format(ord(name)) for name in "abc"}
    record = World(a_baseline("majority", 3), script).run()
    why = "no two of 3 answers have the same final value"
    assert chosen(record).stands_in == why
    assert record.text == said.format(ord("a"))
    assert [degraded.why for degraded in record.degraded] == [why]


def test_of_equal_groups_the_one_with_more_agreement_counts() -> None:
    """Not the one that was first."""
    said = ["#### 1", "quite other words #### 1\n#### 1", "we get the answer is 2", "we get: the answer is 2"]
    script: dict[str, Says] = dict(zip("abcd", said, strict=True))
    record = World(a_baseline("majority", 4), script).run()
    assert chosen(record).chosen == ("c", "d")


def test_smoa_passes_on_what_the_judge_chose_and_nothing_else() -> None:
    """The next layer and the aggregator see those answers only."""
    script: dict[str, Says] = {
        "1.select.a": chooses("says 1.answer.c", "says 1.answer.a"),
        "2.select.a": chooses("says 2.answer.b", "says 2.answer.c"),
    }
    world = World(a_baseline("smoa", 3, 2), script)
    record = world.run()
    assert chosen(record).chosen == ("c", "a")
    shown = {call.call_id: "\n".join(m.text for m in call.messages) for call in record.calls}
    assert "says 1.answer.b" not in shown["2.answer.b"]
    assert "says 1.answer.c" in shown["2.answer.b"]
    assert "says 2.answer.a" not in shown["2.summary.a"]
    assert record.text == "says 2.summary.a"


@pytest.mark.parametrize(("first", "layers"), [(1, 1), (2, 2), (9, 3)])
def test_the_moderator_ends_the_work_from_its_layer_on(first: int, layers: int) -> None:
    """The aggregator follows at once; in the last layer there is nothing to end."""
    spec = a_baseline("smoa", 3, 3, early_stop=StopRule(min_layers=first))
    record = World(spec, {"select": choice(1, 2, is_stop=True)}).run()
    assert len(record.layers) == layers
    assert record.verdict is not None
    assert record.verdict.is_stop is (layers < 3)
    assert record.text == f"says {layers}.summary.a"
    assert len(record.calls) == layers * 4 + 1


def test_the_rule_none_lets_no_moderator_end_anything() -> None:
    """Nobody is even offered to."""
    spec = a_baseline("smoa", 3, 3, early_stop=StopRule(rule="none", min_layers=1))
    world = World(spec, {"select": choice(1, 2)})
    assert len(world.run().layers) == 3
    assert not any("STOP" in message.text for request in world.requests for message in request.messages)


def test_roles_stay_with_their_agents() -> None:
    """Each has its part in every layer."""
    agents = [AgentSpec(name=name, model=f"test:{name}", role=f"You are {name}.") for name in "ab"]
    world = World(a_spec(agents, strategy="smoa"), {"select": choice(1, 2)})
    world.run()
    asked = [request for request in world.requests if request.stage is Stage.ANSWER]
    assert all(f"You are {request.agent}." in request.messages[0].text for request in asked)


def extracts(request: CallRequest, *, is_stop: bool = False) -> str:
    """Say what differs, or that nothing does."""
    line = verdict(request, is_stop=is_stop)
    return f"{line}\nnew: a fact" if line and not is_stop else line or "new: a fact"


def test_rmoa_works_what_differs_into_the_output_so_far() -> None:
    """The difference and the output before stand in the prompt of the aggregation."""
    record = World(a_baseline("rmoa", 3, 2), {"extract": extracts}).run()
    shown = {call.call_id: "\n".join(m.text for m in call.messages) for call in record.calls}
    assert record.text == "says 2.residual.a"
    assert "new: a fact" in shown["2.residual.a"]
    assert "says 1.summary.a" in shown["2.residual.a"]
    assert "says 1.summary.a" in shown["2.answer.b"]
    found = record.layers[1].extract
    assert isinstance(found, Residual)
    assert found.text == "new: a fact"


def test_rmoa_ends_with_the_output_so_far_where_nothing_is_new() -> None:
    """Without another aggregation."""
    record = World(a_baseline("rmoa", 3, 3), {"extract": lambda request: extracts(request, is_stop=True)}).run()
    assert (record.text, len(record.layers)) == ("says 1.summary.a", 2)
    assert record.verdict is not None
    assert (record.verdict.rule, record.verdict.is_stop) == ("verdict", True)
    assert isinstance(record.layers[1].extract, Residual)
    assert "2.residual.a" not in {call.call_id for call in record.calls}


def test_rmoa_without_a_rule_offers_no_end() -> None:
    """All layers run."""
    world = World(a_baseline("rmoa", 3, 3, early_stop=StopRule(rule="none")), {"extract": default_reply})
    assert len(world.run().layers) == 3


def test_a_lost_extraction_or_aggregation_of_rmoa_is_labelled() -> None:
    """The answers are worked in without it; the output so far stays."""
    record = World(a_baseline("rmoa", 3, 2), {"extract": NO}).run()
    assert record.text == "says 2.residual.a"
    assert isinstance(record.layers[1].extract, Loss)
    assert [degraded.what for degraded in record.degraded] == ["the answers are worked in without what differs"]
    record = World(a_baseline("rmoa", 3, 2), {"extract": extracts, "residual": NO}).run()
    assert record.text == "says 1.summary.a"
    assert [degraded.what for degraded in record.degraded] == ["the output of layer 1 stays"]


def test_rmoa_without_answers_in_a_layer_keeps_the_output() -> None:
    """And ends, labelled."""
    record = World(a_baseline("rmoa", 3, 3), {f"2.answer.{name}": NO for name in "abc"}).run()
    assert (record.text, record.state, len(record.layers)) == ("says 1.summary.a", "finished", 2)


def test_the_least_alike_are_found_greedily() -> None:
    """First the one with the most agreement, then what differs most from all that are chosen."""
    texts = ["a b c d", "a b c e", "x y z", "a b c d e", "x y w"]
    assert most_diverse(texts, 2) == [3, 2]
    assert most_diverse(texts, 3)[:2] == [3, 2]
    assert len(most_diverse(texts, 9)) == 5
    assert most_diverse(["one"], 2) == [0]
