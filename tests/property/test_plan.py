"""A plan against the run that it is for: the same calls, the prompts' tokens, what caches can serve."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from attention_moa.accounting import call_usage
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.call_costs import CallCost, call_costs
from attention_moa.config import EnsembleSpec, StopRule
from attention_moa.experience import CallFacts, ModelExperience, learn
from attention_moa.messages import (
    CallRequest,
    Conversation,
    Reply,
    ReplyFormat,
    ToolSpec,
    ToolUse,
    Usage,
    assistant,
    system,
    user,
)
from attention_moa.plan import plan
from attention_moa.plan_account import plan_account
from attention_moa.prompts import beside_tokens, estimate_tokens, load_templates
from attention_moa.records import RunRecord
from attention_moa.schedule import count_calls
from attention_moa.store.facts import facts_of
from tests.property.test_runs import specs
from tests.property.test_verdicts import spoken
from tests.worlds import World, default_reply

MARGIN = 0.08
"""How far the tokens of a run's prompts may be off: tags and names are of other lengths, sections have their marks."""

CONVERSATIONS: tuple[Conversation, ...] = (
    (user("Why is the sky blue?"),),
    (system("Be brief."), user("What is two and two? " * 40), assistant("Four."), user("And three? " * 200)),
)


def played(spec: EnsembleSpec, conversation: Conversation, words: int, wanted: AnswerSpec = PLAIN) -> RunRecord:
    """Return a run whose replies all have that many words, counted by the endpoint as they are estimated."""

    def say(request: CallRequest) -> Reply:
        text = spoken(request, "word " * words)
        if request.stage == "residual":
            text = f"{default_reply(request)} {text}"
        if request.reply_format is not None:
            text = f'{{"text": "{text}"}}'
        beside = beside_tokens(request.tools, request.reply_format)
        usage = Usage(input_tokens=beside + estimate_tokens(request.messages), output_tokens=words)
        return Reply(text=text, finish_reason="stop", usage=usage)

    script = dict.fromkeys(("answer", "critique", "refine", "summary", "residual"), say)
    return World(spec, script, conversation=conversation, latency_s=lambda _: 1.0, wanted=wanted).run()


def learnt(record: RunRecord) -> dict[str, ModelExperience]:
    """Return what the journal would know after a run."""
    facts: dict[str, list[tuple[str, CallFacts]]] = {}
    for call in record.calls:
        if (fact := facts_of(call)) is not None:
            facts.setdefault(call.model, []).append((record.run_id, fact))
    found = {model: learn(model, of_model) for model, of_model in facts.items()}
    return {model: known for model, known in found.items() if known is not None}


def costs_of(
    spec: EnsembleSpec, conversation: Conversation, known: dict[str, ModelExperience], wanted: AnswerSpec = PLAIN
) -> list[CallCost]:
    """Return the planned calls."""
    templates = load_templates(style=spec.prompts.style)
    found = call_costs(spec, conversation, templates, experience=known, price_of=lambda _: None, wanted=wanted)
    return list(found.costs)


def to_the_end(spec: EnsembleSpec) -> EnsembleSpec:
    """Return an ensemble that does not stop early, whatever is said."""
    rule = "none" if spec.early_stop.rule == "similarity" else spec.early_stop.rule
    return replace(spec, early_stop=StopRule(rule=rule, min_layers=spec.early_stop.min_layers))


runs = st.tuples(specs().map(to_the_end), st.sampled_from(CONVERSATIONS), st.sampled_from((1, 40, 300)))


@settings(max_examples=50)
@given(runs)
def test_the_planned_calls_are_those_of_the_run(run: tuple[EnsembleSpec, Conversation, int]) -> None:
    """All of them and no other, each waiting for the same ones, in every layout and mode."""
    spec, conversation, words = run
    record = played(spec, conversation, words)
    planned = [cost.call for cost in costs_of(spec, conversation, {})]
    assert len(planned) == count_calls(spec)
    assert {call.call_id: set(call.reads) for call in planned} == {
        call.call_id: set(call.reads) for call in record.calls
    }
    assert {call.call_id: (call.agent.model, call.stage, call.layer, call.peer) for call in planned} == {
        call.call_id: (call.model, call.stage, call.layer, call.peer) for call in record.calls
    }


@settings(max_examples=50)
@given(runs)
def test_the_planned_tokens_are_those_of_the_run_within_a_margin(run: tuple[EnsembleSpec, Conversation, int]) -> None:
    """Where replies are as long as they were before: prompts within the margin, written tokens to the token."""
    spec, conversation, words = run
    record = played(spec, conversation, words)
    templates = load_templates(style=spec.prompts.style)
    planned = plan(spec, conversation, templates, experience=learnt(record), price_of=lambda _: None)
    used = call_usage(record.calls)
    assert planned.total.written_tokens == used.output_tokens
    assert abs(planned.total.prompt_tokens / used.input_tokens - 1) <= MARGIN
    rows = {row.what: row for row in plan_account(planned, record).rows}
    assert rows["calls"].off == 0


TOOLS = ToolUse((ToolSpec("look", "Looks something up. " * 40, {"type": "object"}), ToolSpec("add")))
FORM = ReplyFormat("json_schema", schema={"type": "object", "description": "An answer. " * 40})
wishes = st.builds(
    AnswerSpec,
    tools=st.sampled_from((None, TOOLS)),
    reply_format=st.sampled_from((None, FORM)),
    choices=st.integers(1, 3),
)


@settings(max_examples=50)
@given(runs, wishes)
def test_a_plan_knows_of_tools_forms_and_further_answers(
    run: tuple[EnsembleSpec, Conversation, int], wanted: AnswerSpec
) -> None:
    """The same calls, each as long as it is, and what the writers get beside their prompts."""
    spec, conversation, words = run
    record = played(spec, conversation, words, wanted)
    planned = costs_of(spec, conversation, learnt(record), wanted)
    assert len(planned) == count_calls(spec, wanted.choices)
    assert {cost.call.call_id: set(cost.call.reads) for cost in planned} == {
        call.call_id: set(call.reads) for call in record.calls
    }
    templates = load_templates(style=spec.prompts.style)
    whole = plan(spec, conversation, templates, experience=learnt(record), price_of=lambda _: None, wanted=wanted)
    assert abs(whole.total.prompt_tokens / call_usage(record.calls).input_tokens - 1) <= MARGIN
    account = plan_account(whole, record)
    assert account.missing_calls == 0
    assert whole.layers[-1].calls == whole.total.calls


@settings(max_examples=50)
@given(runs)
def test_no_prompt_without_experience_is_shorter_than_the_run_s(run: tuple[EnsembleSpec, Conversation, int]) -> None:
    """As long as no reply is longer than the plan's bound."""
    spec, conversation, words = run
    bounded = replace(spec, agents=tuple(replace(agent, max_tokens=words * 5) for agent in spec.agents))
    sent = {call.call_id: estimate_tokens(call.messages) for call in played(bounded, conversation, words).calls}
    for cost in costs_of(bounded, conversation, {}):
        assert cost.prompt_tokens >= sent[cost.call.call_id] * (1 - MARGIN) - 20


@settings(max_examples=50)
@given(runs)
def test_a_cache_can_serve_what_the_model_has_had_before(run: tuple[EnsembleSpec, Conversation, int]) -> None:
    """The planned beginning of each prompt is not longer than the longest one that an earlier call shares with it."""
    spec, conversation, words = run
    record = played(spec, conversation, words)
    known = {model: replace(one, whole=replace(one.whole, cached_share=1.0)) for model, one in learnt(record).items()}
    calls = {call.call_id: call for call in record.calls}
    for cost in costs_of(spec, conversation, known):
        call = calls[cost.call.call_id]
        seen = [
            f"{estimated(other.messages)}\nassistant: {other.text}"
            for other in record.calls
            if other.model == call.model
        ]
        shared = max(common(estimated(call.messages), text) for text in seen)
        assert cost.cached_tokens <= shared / 2 + 80


def estimated(messages: Conversation) -> str:
    """Return a prompt as one text."""
    return "\n".join(f"{message.role}: {message.text}" for message in messages)


def common(one: str, other: str) -> int:
    """Return how many characters two texts share from their beginning on."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
