"""The key of a call: every field that can change a reply changes it, and nothing else does.

The fields are walked, not listed: one that is added and that no test knows of fails here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ModelSettings, ResidualSpec, WriterSpec
from attention_moa.config import (
    AttentionSpec,
    CallPolicy,
    EnsembleSpec,
    LimitSpec,
    PromptSpec,
    QuorumSpec,
    StopRule,
)
from attention_moa.errors import ConfigError
from attention_moa.fingerprint import fingerprint, request_key
from attention_moa.messages import (
    CallRequest,
    ImagePart,
    Message,
    ReplyFormat,
    Sampling,
    Stage,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
    assistant,
    system,
    user,
)
from attention_moa.money import Price
from tests.lives import NO_CUT, Story
from tests.worlds import QUESTION, World, a_spec

AGENT = AgentSpec(name="a", model="test:m")
REQUEST = CallRequest(
    agent="a",
    model="test:m",
    messages=(
        system("Be brief."),
        Message(
            "user", (TextPart("Look:"), ImagePart(media_type="image/png", data=b"1", url="http://x/1")), name="Ann"
        ),
        Message("assistant", (), tool_calls=(ToolCall("1", "clock", "{}"),)),
        Message("tool", (TextPart("noon"),), tool_call_id="1"),
    ),
    sampling=Sampling(
        temperature=0.5,
        top_p=0.9,
        max_tokens=100,
        seed=1,
        stop=("x",),
        presence_penalty=0.1,
        frequency_penalty=0.2,
        thinking="low",
        top_logprobs=5,
        extra_body={"top_k": 40, "nested": {"b": 1, "a": [1, 2]}},
    ),
    stage=Stage.CRITIQUE,
    layer=2,
    peer="b",
    tools=ToolUse(
        (ToolSpec("clock", "The time.", {"type": "object", "properties": {"zone": {"minimum": 1}}}, is_strict=True),),
        "required",
        "clock",
        is_parallel=False,
    ),
    reply_format=ReplyFormat("json_schema", "place", "A place.", {"required": ["city"]}, is_strict=True),
)
UNASKED = {"shared_messages", "connect_timeout_s", "is_streamed"}
"""How a request is sent."""

HOW = {"api_key_env", "timeout_s", "stream", "price", "concurrency", "rpm", "tpm"}
"""How a model's calls are made and counted."""


def changed(value: object) -> Iterator[object]:
    """Yield a value with one thing changed, for every thing in it."""
    if isinstance(value, Struct):
        yield from (replace(value, **fields) for fields in changed_fields(msgspec.structs.asdict(value)))
    elif isinstance(value, dict):
        yield {**value, "new": 1}
        yield from ({**value, **fields} for fields in changed_fields(value))
    elif isinstance(value, (tuple, list)):
        yield from map(type(value), changed_items(list(value)))
    elif value is not None:
        yield changed_scalar(value)


def changed_fields(fields: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield each change of each field."""
    yield from ({field: other} for field, value in fields.items() for other in changed(value))


def changed_items(items: list[object]) -> Iterator[list[object]]:
    """Yield a list with one item less, one more, and each change of each item."""
    if items:
        yield items[:-1]
        yield [*items, items[0]]
    for index, item in enumerate(items):
        yield from ([*items[:index], other, *items[index + 1 :]] for other in changed(item))


def changed_scalar(value: object) -> object:
    """Return another value of the same kind."""
    if isinstance(value, Stage):
        return Stage.ANSWER
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    assert isinstance(value, (str, bytes)), f"no test knows how to change {value!r}"
    return value + (b"?" if isinstance(value, bytes) else "?")  # type: ignore[operator]  # both are of one kind


def keys_of(requests: Iterator[CallRequest]) -> list[str]:
    """Return the key of each."""
    return [fingerprint(request, AGENT) for request in requests]


def test_no_field_of_the_request_is_at_rest_in_the_test() -> None:
    """Each has a value that the walk can change."""
    assert REQUEST.tools is not None
    for part in (REQUEST, REQUEST.sampling, REQUEST.tools, REQUEST.tools.tools[0], REQUEST.reply_format):
        assert part is not None
        assert [field for field in part.__struct_fields__ if getattr(part, field) is None] == []


def test_whatever_is_changed_in_a_request_changes_its_key() -> None:
    """Every field of request, messages, parts, tool calls and sampling, one by one; and no two changes are equal."""
    others = (
        replace(REQUEST, **{field: other})
        for field in REQUEST.__struct_fields__
        if field not in UNASKED
        for other in changed(getattr(REQUEST, field))
    )
    keys = keys_of(others)
    assert len(keys) > 30
    assert len({fingerprint(REQUEST, AGENT), *keys}) == len(keys) + 1


def test_a_call_without_tools_and_format_has_the_key_that_it_always_had() -> None:
    """Replies that are in journals are found, whatever a request has come to hold since."""
    messages = (system("Be brief."), Message("user", (TextPart("Look:"),), name="Ann"))
    sampling = Sampling(temperature=0.5, extra_body={"top_k": 40})
    plain = replace(REQUEST, messages=messages, sampling=sampling, tools=None, reply_format=None)
    assert fingerprint(plain, AGENT) == "8f4e015b0bab54d0a1036188a344a0510387549a984bca0a7cfac347876ff19d"


def test_the_way_to_write_a_number_of_a_schema_does_not_change_the_key() -> None:
    """A schema that comes back from the journal asks the same."""
    keys = {
        fingerprint(replace(REQUEST, reply_format=ReplyFormat("json_schema", schema={"minimum": number})), AGENT)
        for number in (1, 1.0)
    }
    assert len(keys) == 1


@pytest.mark.parametrize("field", sorted(Sampling.__struct_fields__))
def test_a_setting_that_is_not_sent_differs_from_one_that_is(field: str) -> None:
    """The endpoint's default may be any."""
    unset = replace(REQUEST, sampling=replace(REQUEST.sampling, **{field: None}))
    assert fingerprint(unset, AGENT) != fingerprint(REQUEST, AGENT)


def test_how_a_request_is_sent_does_not_change_its_key() -> None:
    """Streams, cache points and timeouts."""
    others = [replace(REQUEST, **{field: other}) for field in UNASKED for other in changed(getattr(REQUEST, field))]
    assert len(others) == len(UNASKED)
    assert {fingerprint(other, AGENT) for other in others} == {fingerprint(REQUEST, AGENT)}


def test_the_address_and_the_sample_change_the_key_and_nothing_else_of_the_agent_does() -> None:
    """What shapes a prompt or a reply is in the request."""
    key = fingerprint(REQUEST, AGENT)
    values: dict[str, Any] = {
        "role": "a poet",
        "api_key_env": "OTHER_KEY",
        "timeout_s": 1.0,
        "price": Price(input=1.0, output=2.0),
        "rpm": 3,
        "context_tokens": 9000,
        "stream": False,
    }
    assert {fingerprint(REQUEST, replace(AGENT, **{field: value})) for field, value in values.items()} == {key}
    here = replace(AGENT, base_url="http://one/v1")
    assert fingerprint(REQUEST, here) == fingerprint(REQUEST, replace(here, base_url="http://one/v1/"))
    others = {fingerprint(REQUEST, replace(AGENT, base_url=url)) for url in ("http://one/v1", "http://two/v1")}
    assert len({key, *others, fingerprint(REQUEST, AGENT, sample=1)}) == 4


def test_the_order_of_keys_and_the_way_to_write_a_number_do_not_change_the_key() -> None:
    """A spec that comes back from the journal asks the same."""
    body = {"nested": {"a": [1, 2], "b": 1}, "top_k": 40}
    reordered = replace(REQUEST, sampling=replace(REQUEST.sampling, extra_body=body))
    assert fingerprint(reordered, AGENT) == fingerprint(REQUEST, AGENT)
    one = replace(REQUEST, sampling=Sampling(temperature=1, top_p=1))
    back = msgspec.json.decode(msgspec.json.encode(one), type=CallRequest)
    assert fingerprint(one, AGENT) == fingerprint(back, AGENT)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text()), max_size=4), st.data())
def test_texts_cannot_be_shifted_between_messages(turns: list[tuple[str, str]], data: st.DataObject) -> None:
    """Two conversations have one key where they are equal, and only there."""
    others = data.draw(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text()), max_size=4))
    said = {"user": user, "assistant": assistant}
    keys = [
        fingerprint(replace(REQUEST, messages=tuple(said[role](text) for role, text in side)), AGENT)
        for side in (turns, others)
    ]
    assert (keys[0] == keys[1]) == (turns == others)


FULL_MODEL: dict[str, Any] = {
    "model": "test:m",
    "base_url": "http://one/v1",
    "temperature": 0.5,
    "top_p": 0.5,
    "max_tokens": 100,
    "seed": 1,
    "stop": ("x",),
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "thinking": True,
    "top_logprobs": 5,
    "extra_body": {"k": 1},
    "context_tokens": 9000,
    "has_system_role": True,
    "has_images": True,
    "role": "a poet",
}
FULL_HOW: dict[str, Any] = {
    "api_key_env": "KEY",
    "timeout_s": 5.0,
    "stream": True,
    "price": Price(input=1.0, output=2.0),
    "concurrency": 3,
    "rpm": 3,
    "tpm": 3,
}


def a_full_spec() -> EnsembleSpec:
    """Return an ensemble in which every field that is asked has a value."""
    agents = [AgentSpec(name=name, **FULL_MODEL) for name in ("a", "b")]
    return a_spec(
        agents,
        summary=WriterSpec(**{**FULL_MODEL, "model": "test:s"}, fallback=("a",)),
        residual=ResidualSpec(**{**FULL_MODEL, "model": "test:r"}, fallback=("b",)),
        attention=AttentionSpec(max_tokens=50, peers=0),
        early_stop=StopRule(threshold=0.5),
        quorum=QuorumSpec(critiques=1, refinements=1),
        limits=LimitSpec(usd=1.0, tokens=1, deadline_s=1.0),
        prompts=PromptSpec(folder="here"),
    )


def changed_specs(spec: EnsembleSpec) -> Iterator[EnsembleSpec]:
    """Yield the ensemble with one field changed, for every field of it and its parts whose other value is allowed."""
    for field in spec.__struct_fields__:
        if field in {"name", "description", "calls"}:
            continue
        for other in changed(getattr(spec, field)):
            try:
                yield msgspec.convert(msgspec.to_builtins(replace(spec, **{field: other})), EnsembleSpec)
            except (msgspec.ValidationError, ConfigError):
                continue


def test_every_field_of_the_models_is_known_to_these_tests() -> None:
    """A new one is either asked or says how calls are made."""
    fields = {field for kind in (AgentSpec, WriterSpec) for field in kind.__struct_fields__} - {"name", "fallback"}
    assert fields == set(FULL_MODEL) | HOW
    assert set(FULL_HOW) == HOW
    assert set(ModelSettings.__struct_fields__) < fields


def test_whatever_is_changed_in_an_ensemble_makes_it_another_request() -> None:
    """Field by field; and no two changes are equal."""
    spec = a_full_spec()
    keys = [request_key(other, QUESTION) for other in changed_specs(spec)]
    assert len(keys) > 60
    assert len({request_key(spec, QUESTION), *keys}) == len(keys) + 1


def test_how_calls_are_made_does_not_make_another_request() -> None:
    """Nor do names of ensembles, and numbers that are written otherwise."""
    spec = a_full_spec()
    first = spec.agents[0]
    others = [
        replace(spec, agents=(replace(first, **{field: value}), spec.agents[1])) for field, value in FULL_HOW.items()
    ]
    others += [replace(spec, summary=replace(spec.summary, **FULL_HOW), residual=replace(spec.residual, **FULL_HOW))]
    others += [replace(spec, name="other", description="other", calls=CallPolicy(attempts=9, timeout_s=1.0))]
    assert {request_key(other, QUESTION) for other in others} == {request_key(spec, QUESTION)}
    one, same = (a_spec([replace(first, temperature=value)]) for value in (1, 1.0))
    assert request_key(one, QUESTION) == request_key(same, QUESTION)


def test_another_question_or_sample_is_another_request() -> None:
    """Of equal ensembles."""
    keys = [request_key(a_spec(2), QUESTION, sample=sample) for sample in (0, 1)]
    assert len({*keys, request_key(a_spec(2), (user("Why?"),))}) == 3


def test_two_agents_that_are_equal_in_everything_give_two_samples() -> None:
    """Their calls have keys of their own."""
    twins = a_spec([AgentSpec(name=name, model="test:m", role="a poet") for name in ("a", "b")])
    story = Story(twins)
    record = story.live()
    keys = [call.fingerprint for call in record.calls]
    assert len(set(keys)) == len(keys)
    assert sorted(story.lives[0]) == sorted(call.call_id for call in record.calls)


def test_two_fresh_runs_of_one_question_render_equal_requests_byte_for_byte() -> None:
    """That is what makes the journal hit: no time, id or chance is in a prompt."""
    sides = []
    for _ in range(2):
        world = World(a_spec(3, layers=3))
        world.run()
        sides.append(sorted(msgspec.json.encode(request) for request in world.requests))
    assert sides[0] == sides[1]


def test_reuse_sends_only_what_depends_on_a_changed_agent() -> None:
    """And what was reused cost this run nothing."""
    first = Story(a_spec(3))
    first.live()
    changed_b = replace(a_spec(3).agents[1], temperature=0.9)
    spec = a_spec([a_spec(3).agents[0], changed_b, a_spec(3).agents[2]])
    second = Story(spec, has_reuse=True, journal=first.journal)
    record = second.live()
    of_b = {"1.answer.b", "1.critique.b.a", "1.critique.b.b", "1.critique.b.c", "1.refine.b"}
    of_b |= {name.replace("1.", "2.", 1) for name in of_b}
    assert set(second.lives[0]) == of_b, "texts that stayed as they were change no prompt"
    reused = [call for call in record.calls if call.call_id not in of_b]
    assert {call.replayed_from for call in reused} == {first.run_id}
    assert record.usage.calls == len(of_b)


def test_reuse_sends_all_that_reads_a_changed_text() -> None:
    """A role is in the prompt, so the texts of that agent differ, and those of all who read them."""
    first = Story(a_spec(3))
    first.live()
    agents = a_spec(3).agents
    second = Story(
        a_spec([agents[0], replace(agents[1], role="a poet"), agents[2]]), has_reuse=True, journal=first.journal
    )
    record = second.live()
    reused = {call.call_id for call in record.calls if call.replayed_from is not None}
    quiet = [f"1.critique.{critic}.{author}" for critic, author in itertools.product("ac", repeat=2)]
    assert reused == {"1.answer.a", "1.answer.c", *quiet}
    assert len(second.lives[0]) + len(reused) == len(record.calls)


def test_another_question_reuses_nothing() -> None:
    """Not even with reuse."""
    first = Story(a_spec(2))
    first.live()
    second = Story(a_spec(2), has_reuse=True, journal=first.journal, conversation=(user("Why is grass green?"),))
    record = second.live()
    assert len(second.requests) == len(record.calls) == len(first.requests)


def test_without_reuse_a_new_run_pays_anew() -> None:
    """A finished run is over."""
    first = Story(a_spec(2))
    first.live()
    second = Story(a_spec(2), journal=first.journal)
    second.live(NO_CUT)
    assert second.lives == first.lives
    assert second.run_id != first.run_id
