"""What holds in every run, whatever fails in it: counts, order, sums, and nothing made up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from string import ascii_lowercase
from typing import TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.codec import event_to_json, record_from_json, record_to_json
from attention_moa.config import (
    AttentionMode,
    AttentionSpec,
    CallPolicy,
    EnsembleSpec,
    Layout,
    PromptSpec,
    PromptStyle,
    StopRule,
)
from attention_moa.errors import (
    BadReplyError,
    QuorumError,
    RateLimitError,
    RefusedError,
    ServerError,
    TransportError,
    describe,
)
from attention_moa.events import CallCancelled, CallFinished, CallLost, CallQueued, CallStarted, ResultLost
from attention_moa.messages import CallRequest, Chunk, Reply, Stage, Usage
from attention_moa.providers.scripted import Line, Said
from attention_moa.records import (
    Answer,
    CallRecord,
    Critique,
    LayerRecord,
    Loss,
    Refinement,
    Residual,
    Summary,
    UsageTotal,
)
from attention_moa.schedule import count_calls, count_layer_calls, pairs
from tests.property.test_verdicts import spoken
from tests.worlds import World, a_spec, call_id, default_reply

MARK = "qzxFAILUREqzx"
"""Stands in every error's text, and may stand nowhere else."""

Part: TypeAlias = Answer | Critique | Refinement | Summary | Residual | Loss

TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


@st.composite
def specs(draw: st.DrawFn) -> EnsembleSpec:
    """Return ensembles of all kinds, small ones."""
    count = draw(st.integers(1, 4))
    names = ascii_lowercase[:count]
    models = st.sampled_from(("", "shared"))
    writers = st.sampled_from(("", names[-1], "test:other"))
    fallbacks = st.sampled_from(((), (names[0],), ("test:spare",)))
    attention = AttentionSpec(
        own=draw(st.booleans()),
        peers=draw(st.integers(0, count - 1)) if draw(st.booleans()) else "all",
        mode=draw(st.sampled_from(("pairwise", "panel"))),
        labels=draw(st.booleans()),
    )
    return a_spec(
        [AgentSpec(name=name, model=f"test:{draw(models) or name}", role=f"Role of {name}.") for name in names],
        layers=draw(st.integers(1, 3)),
        layout=draw(st.sampled_from(("continue", "paper", "compact"))),
        prompts=PromptSpec(style=draw(st.sampled_from(("full", "small")))),
        seed=draw(st.integers(0, 3)),
        attention=attention,
        summary=WriterSpec(model=draw(writers), fallback=draw(fallbacks)),
        residual=ResidualSpec(model=draw(writers), history=draw(st.sampled_from(("outputs", "summaries")))),
        early_stop=StopRule(
            rule=draw(st.sampled_from(("verdict", "similarity", "none"))),
            min_layers=draw(st.integers(1, 3)),
            returns=draw(st.sampled_from(("latest", "previous"))),
        ),
        calls=CallPolicy(attempts=draw(st.integers(1, 3)), concurrency=draw(st.none() | st.integers(1, 3))),
    )


def unknown_or(tokens: random.Random) -> int | None:
    """Return a number of tokens, or now and then None."""
    return None if tokens.random() < 0.2 else tokens.randrange(100)


class Luck:
    """Fails calls at random: a share of the attempts, in every way that there is.

    Args:
        seed: Of the chance.
        share: How many attempts fail, 0 to 1.
    """

    def __init__(self, seed: int, share: float) -> None:
        self._chance = random.Random(seed)
        self._share = share

    def world(self, spec: EnsembleSpec) -> World:
        """Return a world in which calls take random times and fail at random."""
        script = {stage.value: self._say for stage in Stage}
        return World(spec, script, latency_s=lambda _: self._chance.choice((0.0, 0.5, self._chance.random())))

    def _say(self, request: CallRequest) -> Said:
        usage = Usage(**{field: unknown_or(self._chance) for field in TOKENS})
        if self._chance.random() < self._share:
            return self._failure(usage)
        text = spoken(request, f"text of {call_id(request)}")
        if request.stage is Stage.RESIDUAL:
            text = default_reply(request)
        if request.stage is Stage.CRITIQUE and self._chance.random() < self._share / 2:
            text = "a panel without sections"
        return Reply(text=text, finish_reason=self._chance.choice(("stop", "length")), usage=usage, thinking="hm")

    def _failure(self, usage: Usage) -> Said:
        return self._chance.choice(
            (
                RateLimitError(MARK, retry_after_s=self._chance.choice((None, 0.5, 1000.0))),
                ServerError(MARK),
                TransportError(MARK),
                RefusedError(MARK),
                BadReplyError(MARK, retryable=False),
                RuntimeError(MARK),
                Line(text=f"half {MARK}", finish_reason=None, usage=usage),
                Line(text=f"half {MARK}", error=TransportError(MARK)),
                Line(text=f"<think>only thinking {MARK}</think>", usage=usage),
                Line(text=f"withheld {MARK}", finish_reason="content_filter", usage=usage),
                Line(thinking=MARK, usage=usage),
                Line(usage=usage),
                [Chunk(text=" \n", usage=usage), Chunk(finish_reason="stop")],
            )
        )


def played(spec: EnsembleSpec, seed: int, share: float) -> World:
    """Return a world that was run to its end, with or without an answer."""
    world = Luck(seed, share).world(spec)
    with suppress(QuorumError):
        world.run()
    return world


shares = st.sampled_from((0.0, 0.1, 0.3, 0.6, 0.9, 1.0))
worlds = st.builds(played, specs(), st.integers(0, 10**6), shares)


@given(specs(), st.integers(0, 10**6))
def test_without_failures_a_run_makes_exactly_the_planned_calls(spec: EnsembleSpec, seed: int) -> None:
    """Every layer that ran made its calls, each of them in one attempt; all layers ran unless a rule stopped them."""
    world = played(spec, seed, 0.0)
    record = world.record
    made = Counter(call.layer for call in record.calls)
    skipped = [layer.layer for layer in record.layers if is_similar_stop(layer)]
    assert made == {
        layer: count_layer_calls(spec, layer) - (layer in skipped) for layer in range(1, len(record.layers) + 1)
    }
    assert len(record.layers) == spec.layers or skipped == [len(record.layers)]
    assert len(record.calls) <= count_calls(spec)
    assert (record.losses, record.degraded) == ((), ())
    assert all(len(call.attempts) == 1 and call.state == "finished" for call in record.calls)


@given(worlds)
def test_every_planned_result_is_a_result_or_a_loss(world: World) -> None:
    """No place in a layer stays empty: what is not there is a loss, labelled, or stands in for it, labelled."""
    record = world.record
    spec = record.ensemble
    for layer in record.layers:
        assert list(layer.answers) == [agent.name for agent in spec.agents]
        assert list(layer.critiques) == list(pairs(spec, layer.layer))
        assert list(layer.refinements) == [name for name, found in layer.answers.items() if isinstance(found, Answer)]
        assert None not in (layer.summary, layer.verdict)
        has_residual = layer.layer > 1 and isinstance(layer.summary, Summary) and not is_similar_stop(layer)
        assert (layer.residual is not None) == has_residual
        for refined in layer.refinements.values():
            assert refined.stands_in is None or refined.text == text_of(layer.answers[refined.agent])
    found = [part for layer in record.layers for part in parts(layer) if isinstance(part, Loss)]
    assert all(loss in record.losses or loss.peer is not None for loss in found)
    assert [event.loss for event in world.events if isinstance(event, ResultLost)] == list(record.losses)


@given(worlds)
def test_every_text_of_a_record_is_the_text_of_its_call(world: World) -> None:
    """A result's text is what its call said, or a part of it; a stand-in's is that of the call that it names."""
    calls = {call.call_id: call for call in world.record.calls}
    for layer in world.record.layers:
        for part in parts(layer):
            if not isinstance(part, Loss):
                assert part.text in (calls[part.call_id].text or "")
                assert calls[part.call_id].state == "finished"


@given(worlds)
def test_usage_adds_up(world: World) -> None:
    """A run is the sum of its layers and of its calls, lost ones and every attempt included, field by field."""
    record = world.record
    assert record.usage == summed(layer.usage for layer in record.layers)
    for layer in record.layers:
        assert layer.usage == counted(call for call in record.calls if call.layer == layer.layer)
    assert record.usage == counted(record.calls)
    assert record.usage.calls == len(world.requests)


@given(worlds)
def test_calls_are_booked_once_and_in_order(world: World) -> None:
    """Every call that was queued ends once, after all that it reads, and starts no earlier than that ended."""
    record = world.record
    names = [call.call_id for call in record.calls]
    assert len(set(names)) == len(names)
    assert Counter(names) == Counter(event.call_id for event in world.events if isinstance(event, CallQueued))
    ends = [event for event in world.events if isinstance(event, (CallFinished, CallLost, CallCancelled))]
    assert [event.call_id for event in ends] == names
    assert Counter(world.asked) == Counter({call.call_id: len(call.attempts) for call in record.calls if call.attempts})
    starts = [event.call_id for event in world.events if isinstance(event, CallStarted)]
    assert starts == world.asked
    for place, call in enumerate(record.calls):
        for read in call.reads:
            before = names.index(read)
            assert before < place
            assert record.calls[before].state == "finished"
            assert record.calls[before].ended_s <= call.queued_s
        times = [call.queued_s, *(time for tried in call.attempts for time in (tried.started_s, tried.ended_s))]
        assert times == sorted(times)
        assert times[-1] <= call.ended_s <= record.wall_s
    assert record.critical_path_s <= record.wall_s + 1e-9


@given(worlds)
@example(played(a_spec(3, layers=2), 1, 0.6))
def test_a_failure_never_flows_on_as_text(world: World) -> None:
    """No error's text, no half reply and no ``None`` reaches a prompt, a result or the answer."""
    record = world.record
    prompts = [message.text for request in world.requests for message in request.messages]
    results = [part.text for layer in record.layers for part in parts(layer) if not isinstance(part, Loss)]
    for text in (*prompts, *results, record.text or "", *(layer.output or "" for layer in record.layers)):
        assert MARK not in text
        assert not any(word in text for word in ("None", "Loss", "Error"))
    assert all(text.strip() for text in results if text != "")


@given(worlds)
def test_a_prompt_holds_the_texts_that_it_says_it_reads(world: World) -> None:
    """``reads`` names exactly finished calls of this run, and a call's prompt holds something of each of them."""
    calls = {call.call_id: call for call in world.record.calls}
    for call in calls.values():
        shown = "\n".join(message.text for message in call.messages)
        for read in call.reads:
            assert any(text in shown for text in texts_of(calls[read]))


@given(worlds)
def test_every_agent_is_told_its_role(world: World) -> None:
    """Whatever the layout, and whoever shares its model, each prompt of an agent says who it is, once."""
    roles = {agent.name: agent.role or "" for agent in world.spec.agents}
    for request in world.requests:
        if request.agent in roles:
            shown = "\n".join(message.text for message in request.messages)
            assert shown.count(roles[request.agent]) == 1


@given(worlds)
def test_a_loss_names_the_call_that_failed(world: World) -> None:
    """A loss with a call's id finds that call in the log; one without is a skip, and something before it was lost."""
    states = {call.call_id: call.state for call in world.record.calls}
    lost = {loss.call_id for loss in world.record.losses}
    for loss in world.record.losses:
        if loss.is_skipped:
            assert loss.call_id is None
            assert any(not other.is_skipped for other in world.record.losses)
        else:
            is_unusable = loss.kind in ("MissingSection", "BadReplyError")
            assert states[loss.call_id or ""] == "lost" or is_unusable
    assert all(name in lost for name, state in states.items() if state == "lost")


@given(specs(), st.integers(0, 10**6), shares)
def test_a_run_ends_with_an_answer_or_with_an_error_that_says_why(spec: EnsembleSpec, seed: int, share: float) -> None:
    """The answer is the last output; without any, the error names all agents and holds the record of what was paid."""
    world = Luck(seed, share).world(spec)
    try:
        record = world.run()
    except QuorumError as error:
        failed = error.partial
        text = str(error)
    else:
        assert record.text
        assert (record.state, record.text, record.error) == ("finished", record.layers[-1].output, None)
        return
    assert failed == world.record
    assert (failed.state, failed.text, failed.error) == ("failed", None, text)
    assert all(agent.name in text for agent in spec.agents)
    assert describe(ValueError(text)) == text


@settings(max_examples=20)
@given(specs(), st.integers(0, 10**6), st.sampled_from((0.0, 0.3, 0.6)))
def test_equal_worlds_give_equal_records(spec: EnsembleSpec, seed: int, share: float) -> None:
    """The engine adds no chance of its own: the same replies at the same times make the same record."""
    assert played(spec, seed, share).record == played(spec, seed, share).record


def is_similar_stop(layer: LayerRecord) -> bool:
    """Return whether similarity ended the run here, so that no residual call was made."""
    return layer.verdict is not None and layer.verdict.rule == "similarity" and layer.verdict.is_stop


def parts(layer: LayerRecord) -> list[Part]:
    """Return everything that the stages of a layer gave."""
    rest = [part for part in (layer.summary, layer.residual) if part is not None]
    return [*layer.answers.values(), *layer.critique_list, *layer.refinements.values(), *rest]


def text_of(found: Answer | Loss) -> str:
    """Return the text of an answer that is there."""
    assert isinstance(found, Answer)
    return found.text


def texts_of(call: CallRecord) -> list[str]:
    """Return the texts that came out of a call: one, or a panel's sections, without verdict and marks."""
    lines = [line for line in (call.text or "").splitlines() if not line.startswith(("<critique-", "</", "VERDICT"))]
    return ["\n".join(lines), lines[0]]


def counted(calls: Iterable[CallRecord]) -> UsageTotal:
    """Return the sum over all attempts of calls, by hand."""
    tried = [attempt for call in calls for attempt in call.attempts]
    refused = ("RateLimitError", "RefusedError")
    unknown = [one for one in tried if (one.usage.input_tokens is None or one.usage.output_tokens is None)]
    return UsageTotal(
        calls=len(tried),
        unknown_calls=sum(not (one.usage == Usage() and one.error in refused) for one in unknown),
        unpriced_calls=sum(not (one.usage == Usage() and one.error in refused) for one in tried),
        **{field: sum(getattr(one.usage, field) or 0 for one in tried) for field in TOKENS},
    )


def summed(totals: Iterable[UsageTotal]) -> UsageTotal:
    """Return the sum of sums, by hand."""
    listed = list(totals)
    fields = UsageTotal.__struct_fields__
    return UsageTotal(**{field: sum(getattr(total, field) for total in listed) for field in fields})


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=8), st.sampled_from((None, 4000)))
def test_no_text_that_a_model_sends_breaks_a_run(text: str, window: int | None) -> None:
    """Halves of characters, control characters, anything: the run ends, its prompts and its record can be encoded."""
    agents = [AgentSpec(name=name, model=f"test:{name}", context_tokens=window) for name in "ab"]
    world = World(a_spec(agents), dict.fromkeys(Stage, text), has_deltas=True, pieces=2)
    with suppress(QuorumError):
        world.run()
    assert record_from_json(record_to_json(world.record)) == world.record
    assert all(event_to_json(event) for event in world.events)


@given(
    st.booleans(),
    st.sampled_from(("full", "small")),
    st.sampled_from(("continue", "paper", "compact")),
    st.sampled_from(("pairwise", "panel")),
)
def test_peers_are_anonymous_unless_labels_are_on(
    has_labels: bool, style: PromptStyle, layout: Layout, mode: AttentionMode
) -> None:
    """With labels a critic, an author and a summary agent are told who wrote what; without, no prompt names anybody."""
    spec = a_spec(
        [AgentSpec(name=name, model=f"test:{name}") for name in ("Xaver", "Yvonne")],
        layout=layout,
        attention=AttentionSpec(mode=mode, labels=has_labels),
        prompts=PromptSpec(style=style),
    )
    world = World(spec, {stage.value: lambda request: spoken(request, "a text") for stage in Stage})
    world.run()
    for request in world.requests:
        shown = "\n".join(message.text for message in request.messages)
        is_quoting = request.stage in (Stage.CRITIQUE, Stage.REFINE, Stage.SUMMARY) and request.peer != request.agent
        other = "Yvonne" if request.agent == "Xaver" else "Xaver"
        assert (other in shown) == (has_labels and is_quoting)


@given(specs(), st.integers(0, 10**6))
def test_a_run_takes_as_long_as_its_critical_path(spec: EnsembleSpec, seed: int) -> None:
    """Nothing waits for anything that it does not read: a barrier anywhere would make the run longer than that."""
    world = Luck(seed, 0.0).world(replace(spec, calls=CallPolicy()))
    record = world.run()
    assert record.wall_s == pytest.approx(record.critical_path_s, abs=1e-9)
