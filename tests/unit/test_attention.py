"""The agents' stages: what each reads, and what is made of a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.config import AttentionSpec
from attention_moa.errors import CallError, ServerError
from attention_moa.events import ResultLost
from attention_moa.messages import CallRequest, Reply
from attention_moa.records import Answer, Critique, LayerRecord, Loss, RunRecord
from tests.worlds import Says, World, a_spec, call

DOWN = ServerError("down", retryable=False)
PANEL = AttentionSpec(mode="panel")


def ran(script: Mapping[str, Says], **fields: Any) -> tuple[RunRecord, LayerRecord]:
    """Return the record of a run of three agents and one layer, and that layer."""
    record = World(a_spec(3, **({"layers": 1} | fields)), script).run()
    return record, record.layers[0]


def lost_pairs(layer: LayerRecord) -> dict[tuple[str, str], str]:
    """Return the kinds of a layer's lost critiques."""
    return {pair: found.kind for pair, found in layer.critiques.items() if isinstance(found, Loss)}


def test_every_result_is_in_its_place() -> None:
    """Answers by agent, critiques by pair, refinements by agent, each with the call that wrote it."""
    _, layer = ran({})
    assert layer.answers["b"] == Answer(agent="b", text="says 1.answer.b", call_id="1.answer.b")
    assert len(layer.critiques) == 9
    assert layer.critiques["a", "c"] == Critique(
        critic="a", author="c", text="says 1.critique.a.c", call_id="1.critique.a.c"
    )
    assert layer.refinements["c"].text == "says 1.refine.c"
    assert layer.refinements["c"].stands_in is None


def test_every_call_says_what_it_read() -> None:
    """The edges of the dataflow: the critical path is made of them."""
    record, _ = ran({}, layers=2)
    reads = {call.call_id: call.reads for call in record.calls}
    assert reads["1.answer.a"] == ()
    assert reads["1.critique.a.b"] == ("1.answer.a", "1.answer.b")
    assert reads["1.critique.a.a"] == ("1.answer.a",)
    assert reads["1.refine.b"] == ("1.answer.b", "1.critique.a.b", "1.critique.b.b", "1.critique.c.b")
    assert reads["1.summary.a"] == ("1.refine.a", "1.refine.b", "1.refine.c")
    assert reads["2.answer.c"] == ("1.summary.a",)
    assert reads["2.residual.a"] == ("1.summary.a", "2.summary.a")


def test_a_prompt_holds_the_texts_that_its_call_read() -> None:
    """What the record says of the dataflow is what was sent."""
    record, _ = ran({}, layers=2)
    written = {call.call_id: call.text or "" for call in record.calls}
    for made in record.calls:
        sent = "\n".join(message.text for message in made.messages)
        for read in made.reads:
            assert written[read].removeprefix("VERDICT").splitlines()[-1] in sent, (made.call_id, read)


def test_a_failed_answer_takes_its_agent_out_of_the_layer() -> None:
    """Its critiques and those of it are not made; each is a labelled loss; the others go on."""
    record, layer = ran({"1.answer.b": DOWN})
    assert isinstance(layer.answers["b"], Loss)
    assert layer.answers["b"].kind == "ServerError"
    assert lost_pairs(layer) == dict.fromkeys([("a", "b"), ("b", "a"), ("b", "b"), ("b", "c"), ("c", "b")], "Skipped")
    assert list(layer.refinements) == ["a", "c"]
    messages = {loss.message for loss in record.losses if loss.is_skipped}
    assert messages == {"the answer of b is lost"}
    assert len(record.losses) == 6
    assert record.text == "says 1.summary.a"
    assert not [call for call in record.calls if call.agent == "b" and call.stage != "answer"]


def test_an_agent_that_is_out_is_back_in_the_next_layer() -> None:
    """A loss is for its layer."""
    record, _ = ran({"1.answer.b": DOWN}, layers=2)
    assert isinstance(record.layers[1].answers["b"], Answer)
    assert list(record.layers[1].refinements) == ["a", "b", "c"]


def test_a_failed_critique_is_left_out() -> None:
    """The author works with the others."""
    record, layer = ran({"1.critique.a.b": DOWN})
    assert lost_pairs(layer) == {("a", "b"): "ServerError"}
    assert record.losses[0].call_id == "1.critique.a.b"
    assert call(record, "1.refine.b").reads == ("1.answer.b", "1.critique.b.b", "1.critique.c.b")
    assert layer.refinements["b"].stands_in is None
    assert record.degraded == ()


def test_a_failed_refinement_leaves_the_own_answer_labelled() -> None:
    """Nothing is made up, and the record says so in three places."""
    record, layer = ran({"1.refine.b": DOWN})
    refinement = layer.refinements["b"]
    assert (refinement.text, refinement.call_id, refinement.stands_in) == ("says 1.answer.b", "1.answer.b", "down")
    (degraded,) = record.degraded
    assert (degraded.agent, degraded.stage, degraded.why) == ("b", "refine", "down")
    assert [loss.call_id for loss in record.losses] == ["1.refine.b"]
    assert call(record, "1.summary.a").reads == ("1.refine.a", "1.answer.b", "1.refine.c")


def test_an_own_answer_that_stands_in_keeps_its_label_of_truncation() -> None:
    """Half an answer stays half an answer."""
    _, layer = ran({"1.answer.b": Reply(text="half", finish_reason="length"), "1.refine.b": DOWN})
    assert layer.refinements["b"].is_truncated


def test_an_answer_whose_critiques_are_all_lost_stands_as_it_is_labelled() -> None:
    """There is nothing to work in: no call is made."""
    script: dict[str, Says] = {f"1.critique.{critic}.b": DOWN for critic in "abc"}
    record, layer = ran(script)
    assert layer.refinements["b"].stands_in == "no critique of the answer arrived"
    assert [(loss.stage, loss.is_skipped) for loss in record.losses][-1] == ("refine", True)
    assert [degraded.agent for degraded in record.degraded] == ["b"]
    assert "1.refine.b" not in [call.call_id for call in record.calls]


def test_without_attention_the_answers_go_to_the_summary_as_they_are() -> None:
    """By plan: neither a loss nor a stand-in to speak of."""
    record, layer = ran({}, attention=AttentionSpec(own=False, peers=0))
    assert layer.refinements["b"].stands_in == "attention is off"
    assert (record.losses, record.degraded) == ((), ())


def test_critiques_may_have_a_length_of_their_own() -> None:
    """The other stages keep the agent's."""
    world = World(a_spec(2, layers=1, attention=AttentionSpec(max_tokens=50)))
    world.run()
    lengths = {(request.stage.value, request.sampling.max_tokens) for request in world.requests}
    assert lengths == {("answer", None), ("critique", 50), ("refine", None), ("summary", None)}


def test_truncated_texts_are_labelled() -> None:
    """Whatever the stage."""
    _, layer = ran(dict.fromkeys(("answer", "critique", "refine"), Reply(text="half", finish_reason="length")))
    results = [*layer.answers.values(), *layer.critique_list, *layer.refinements.values()]
    assert all(getattr(result, "is_truncated", False) for result in results)


# ------------------------------------------------------------------------------------------------------------- panels


def sections(request: CallRequest) -> list[tuple[str, str]]:
    """Return the marks that a panel prompt asks for, in order, as a model reads them."""
    lines = request.messages[-1].text.splitlines()
    return [(line, line.replace("<", "</")) for line in lines if line.startswith("<critique-")]


def writes_all(request: CallRequest) -> str:
    """Return a panel reply with every section."""
    return "\n".join(f"{begin}\nno. {n}\n{end}" for n, (begin, end) in enumerate(sections(request)))


def writes_but_last(request: CallRequest) -> str:
    """Return a panel reply without its last section."""
    return "\n".join(f"{begin}\nno. {n}\n{end}" for n, (begin, end) in enumerate(sections(request)[:-1]))


def is_cut_in_the_second(request: CallRequest) -> Reply:
    """Return a panel reply that hits its limit within its second section."""
    (begin, end), (second, _), *_ = sections(request)
    return Reply(text=f"{begin}\nwhole\n{end}\n{second}\nha", finish_reason="length")


def test_a_panel_writes_all_critiques_of_a_critic_in_one_call() -> None:
    """3N + 1 calls; every critique names that call."""
    record, layer = ran({"critique": writes_all}, attention=PANEL)
    assert len(record.calls) == 10
    assert lost_pairs(layer) == {}
    assert {(c.critic, c.call_id) for c in layer.critique_list if isinstance(c, Critique)} == {
        (name, f"1.critique.{name}") for name in "abc"
    }
    texts = sorted(c.text for c in layer.critique_list if isinstance(c, Critique) and c.critic == "a")
    assert texts == ["no. 0", "no. 1", "no. 2"]
    assert call(record, "1.critique.a").reads == ("1.answer.a", "1.answer.b", "1.answer.c")
    assert call(record, "1.refine.a").reads == ("1.answer.a", *(f"1.critique.{name}" for name in "abc"))


def test_a_section_that_is_missing_is_a_loss_not_text() -> None:
    """The other sections count."""
    record, layer = ran({"critique.a": writes_but_last, "critique": writes_all}, attention=PANEL)
    ((pair, kind),) = lost_pairs(layer).items()
    assert (pair[0], kind) == ("a", "MissingSection")
    (loss,) = record.losses
    assert (loss.call_id, loss.peer, loss.is_skipped) == ("1.critique.a", pair[1], False)
    assert f"1.critique.{pair[0]}" not in call(record, f"1.refine.{pair[1]}").reads


def test_a_panel_reply_without_sections_is_all_losses() -> None:
    """A text that nobody can assign is nobody's critique."""
    _, layer = ran({"critique.a": "They are all fine.", "critique": writes_all}, attention=PANEL)
    assert lost_pairs(layer) == dict.fromkeys([("a", "a"), ("a", "b"), ("a", "c")], "MissingSection")


def test_of_a_truncated_panel_only_the_last_section_is_truncated() -> None:
    """Those before it are whole, those behind it are losses."""
    _, layer = ran({"critique.a": is_cut_in_the_second, "critique": writes_all}, attention=PANEL)
    own = [found for (critic, _), found in layer.critiques.items() if critic == "a"]
    found = {c.text: c.is_truncated for c in own if isinstance(c, Critique)}
    assert found == {"whole": False, "ha": True}
    assert sum(isinstance(c, Loss) for c in own) == 1


def test_a_failed_panel_is_one_loss_for_all_of_its_critiques() -> None:
    """One call failed: the log has one loss, every place of it says so."""
    world = World(a_spec(3, layers=1, attention=PANEL), {"critique.a": DOWN, "critique": writes_all})
    record = world.run()
    assert lost_pairs(record.layers[0]) == dict.fromkeys([("a", "a"), ("a", "b"), ("a", "c")], "ServerError")
    assert [(loss.agent, loss.peer) for loss in record.losses] == [("a", None)]
    assert sum(isinstance(event, ResultLost) for event in world.events) == 1


def test_a_panel_leaves_out_an_author_whose_answer_is_lost() -> None:
    """And a critic without an answer writes none."""
    record, layer = ran({"1.answer.b": DOWN, "critique": writes_all}, attention=PANEL)
    assert lost_pairs(layer) == dict.fromkeys([("a", "b"), ("b", "a"), ("b", "b"), ("b", "c"), ("c", "b")], "Skipped")
    assert call(record, "1.critique.a").reads == ("1.answer.a", "1.answer.c")
    assert len(record.losses) == 6


def test_a_panel_with_nobody_left_to_criticise_makes_no_call() -> None:
    """Cross-attention of two agents, one of them out."""
    attention = AttentionSpec(mode="panel", own=False)
    record = World(a_spec(2, layers=1, attention=attention), {"1.answer.b": DOWN}).run()
    assert not [call for call in record.calls if call.stage == "critique"]
    assert record.layers[0].refinements["a"].stands_in == "no critique of the answer arrived"


@pytest.mark.parametrize(("own", "sections_asked"), [(True, 3), (False, 2)])
def test_a_panel_may_be_as_long_as_its_critiques_together(own: bool, sections_asked: int) -> None:
    """The limit is for each section."""
    attention = AttentionSpec(mode="panel", own=own, max_tokens=50)
    world = World(a_spec(3, layers=1, attention=attention), {"critique": writes_all})
    record = world.run()
    asked = [request for request in world.requests if request.stage == "critique"]
    assert {len(sections(request)) for request in asked} == {sections_asked}
    assert {request.sampling.max_tokens for request in asked} == {50 * sections_asked}
    assert {call.sampling.max_tokens for call in record.calls if call.stage == "critique"} == {50 * sections_asked}


@pytest.mark.parametrize(("window", "limit"), [(100_000, 150), (200, 100), (60, 50)])
def test_a_panel_leaves_half_of_a_small_window_to_its_prompt(window: int, limit: int) -> None:
    """But may be as long as one critique."""
    spec = a_spec(3, layers=1, attention=AttentionSpec(mode="panel", max_tokens=50))
    spec = replace(spec, agents=tuple(replace(agent, context_tokens=window) for agent in spec.agents))
    record = World(spec, {"critique": writes_all}).run()
    assert {call.sampling.max_tokens for call in record.calls if call.stage == "critique"} == {limit}


def test_a_sparse_panel_asks_for_its_peers_alone() -> None:
    """Its own answer and k others."""
    world = World(a_spec(5, layers=1, attention=AttentionSpec(mode="panel", peers=2)), {"critique": writes_all})
    record = world.run()
    assert {len(call.reads) for call in record.calls if call.stage == "critique"} == {3}
    assert not record.losses
    assert len(record.layers[0].critique_list) == 15


def test_a_providers_bug_in_one_agent_costs_one_agent() -> None:
    """The run goes on without it."""
    record, layer = ran({"b": CallError("the model is gone")})
    assert record.state == "finished"
    assert list(layer.refinements) == ["a", "c"]
