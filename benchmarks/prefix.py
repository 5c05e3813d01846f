"""How many prompt tokens each prompt layout sends, and how many of them a model has to read, beside the least possible.

Run as ``python benchmarks/prefix.py [--agents 3 5] [--layers 2 3]`` for the computed table, and with ``--embedded`` for
one measured on the embedded model (minutes a layout).

Computed: the engine runs on a scripted provider whose texts are as long as in real runs (question 40 tokens, roles 15,
answers, refinements and outputs 300, critiques 150), and its own log says which prompts went out in which order. Up to
five letters of a word, a sign or a line end make a token; each message costs three more for its frame.

sent
    all prompt tokens of the run.
read
    prompt tokens that are not in a cache and have to be read (prefilled). Three worlds:
    slots: a local model with one slot for each agent, as llama.cpp: a slot holds its last prompt and reply, and what a
    prompt has in common with these from the start on is not read again;
    servers: each agent's model on a server of its own, and
    one server: all agents share one model. Both keep every prompt and reply in blocks of 16 tokens, as vLLM does.
least
    every text read once by every cache that needs it: the sum over caches of the question, the roles, every text
    (answer, critique, refinement, output) that the algorithm has to show to an agent behind the cache and that this
    agent did not write itself, and what else a stage's shortest prompt holds (instruction, fences, frames), once for
    each stage. A lower bound: it takes for granted that all that one cache reads could stand first in every prompt.

On the embedded model the counts are those that it reports, with the shipped ensemble's reply lengths. Its least is the
computed one of the same log, scaled by what its tokenizer makes of the prompts.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa import AgentSpec, AttentionSpec, CallRequest, Ensemble, EnsembleSpec, RunRecord, ScriptedProvider
from attention_moa.config import Layout
from attention_moa.messages import Conversation, Stage
from attention_moa.records import CallRecord, Critique
from attention_moa.settings import load_spec

WORDS = ["rain", "light", "stone", "river", "glass", "field", "apple", "paper", "night", "quiet", "wheel", "metal"]
LENGTHS = {Stage.ANSWER: 300, Stage.CRITIQUE: 150, Stage.REFINE: 300, Stage.SUMMARY: 300, Stage.RESIDUAL: 300}
BLOCK = 16
SECRET = b"one secret for all runs, so that all runs are alike"
_TOKEN = re.compile(r"\w{1,5}|\n|[^\w\s]")
_SECTION = re.compile(r"^<(critique-[0-9a-f]+)>$", re.MULTILINE)


class Form(NamedTuple):
    """A way to lay prompts out: a layout, pairwise or as a panel."""

    layout: Layout
    is_panel: bool

    def __str__(self) -> str:
        """Return the name for the table."""
        return f"{self.layout}{' panel' if self.is_panel else ''}"


FORMS = tuple(Form(layout, is_panel) for is_panel in (False, True) for layout in ("continue", "paper", "compact"))


class Row(NamedTuple):
    """One run's prompt tokens."""

    calls: int
    sent: int
    read: int
    least: float


def tokens(text: str) -> list[str]:
    """Return a text's tokens."""
    return _TOKEN.findall(text)


def prompt_tokens(messages: Conversation) -> list[str]:
    """Return a prompt's tokens, each message in its frame."""
    found: list[str] = []
    for message in messages:
        found += ["<|start|>", message.role, "<|text|>", *tokens(message.text)]
    return [*found, "<|start|>", "assistant", "<|text|>"]


def words(name: str, count: int) -> str:
    """Return a text of so many tokens that is like no other text."""
    return " ".join(random.Random(name).choices(WORDS, k=count)) if count else ""


def shared(one: list[str], other: list[str]) -> int:
    """Return how many tokens two lists have in common from the start on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def read_by_slots(calls: Iterable[CallRecord]) -> int:
    """Return the tokens read where each agent has a slot that holds its last prompt and reply."""
    slots: dict[str, list[str]] = {}
    read = 0
    for call in calls:
        prompt = prompt_tokens(call.messages)
        read += len(prompt) - min(shared(slots.get(call.agent, []), prompt), len(prompt) - 1)
        slots[call.agent] = [*prompt, *tokens(call.text or "")]
    return read


def read_by_servers(calls: Iterable[CallRecord]) -> int:
    """Return the tokens read where each model keeps every prompt and reply in blocks."""
    known: set[tuple[str, tuple[str, ...]]] = set()
    read = 0
    for call in calls:
        prompt = prompt_tokens(call.messages)
        whole = [*prompt, *tokens(call.text or "")]
        held = takewhile(lambda end: (call.model, tuple(prompt[:end])) in known, _block_ends(prompt[:-1]))  # noqa: B023 - used at once
        read += len(prompt) - max(held, default=0)
        known.update((call.model, tuple(whole[:end])) for end in _block_ends(whole))
    return read


def _block_ends(listed: list[str]) -> Iterator[int]:
    return iter(range(BLOCK, len(listed) + 1, BLOCK))


def least(record: RunRecord, caches: Mapping[str, str]) -> int:
    """Return the tokens of all texts and of each stage's instruction, each counted once for every cache that needs it.

    Args:
        record: The run.
        caches: The cache that serves an agent.
    """
    writers = {call.call_id: call.agent for call in record.calls}
    texts = {call.call_id: call.text or "" for call in record.calls}
    critiques = [found for layer in record.layers for found in layer.critique_list if isinstance(found, Critique)]
    sections = {(found.call_id, found.author): found.text for found in critiques}
    roles = {agent.name: agent.role or "" for agent in record.ensemble.agents}
    questions = [turn.text for turn in record.conversation]
    everything = {*texts.values(), *sections.values(), *roles.values(), *questions}
    needed: set[tuple[str, str]] = set()
    instructions: dict[tuple[str, Stage, bool], int] = {}
    for call in record.calls:
        cache = caches[call.agent]
        others = [read for read in call.reads if writers[read] != call.agent]
        shown = [sections.get((read, call.agent), texts[read]) for read in others]
        needed |= {(cache, text) for text in (*questions, roles[call.agent], *shown)}
        kind = (cache, call.stage, call.peer == call.agent)
        instructions[kind] = min(instructions.get(kind, sys.maxsize), beside(call, everything))
    return sum(len(tokens(text)) for _, text in needed) + sum(instructions.values())


def beside(call: CallRecord, texts: Iterable[str]) -> int:
    """Return how many tokens of a prompt are none of these texts: its instruction, fences and frames."""
    left = "\n".join(message.text for message in call.messages)
    for text in sorted(texts, key=len, reverse=True):
        left = left.replace(text, " ") if text else left
    return len(tokens(left)) + len(prompt_tokens(call.messages)) - sum(len(tokens(m.text)) for m in call.messages)


def a_spec(form: Form, agents: int, layers: int, *, model: str) -> EnsembleSpec:
    """Return an ensemble of agents with roles; ``{}`` in the model's name becomes the agent's."""
    return EnsembleSpec(
        agents=tuple(
            AgentSpec(
                name=f"a{number}", model=model.format(number), role=words(f"role {number}", 15), context_tokens=10**6
            )
            for number in range(agents)
        ),
        layers=layers,
        layout=form.layout,
        attention=AttentionSpec(mode="panel" if form.is_panel else "pairwise"),
    )


def says(request: CallRequest) -> str:
    """Return a text of its stage's length, in the form that a panel asks for."""
    name = f"{request.layer} {request.stage} {request.agent} {request.peer}"
    marks = dict.fromkeys(_SECTION.findall(request.messages[-1].text)) if request.stage is Stage.CRITIQUE else {}
    if marks:
        return "\n".join(f"<{mark}>\n{words(name + mark, LENGTHS[Stage.CRITIQUE])}\n</{mark}>" for mark in marks)
    return words(name, LENGTHS[request.stage])


def computed(form: Form, agents: int, layers: int, world: str) -> Row:
    """Return the tokens of one scripted run."""
    model = {"slots": "embedded:m", "servers": "server{}:m", "one server": "server:m"}[world]
    spec = a_spec(form, agents, layers, model=model)
    provider = ScriptedProvider(says)
    ensemble = Ensemble(
        spec, providers={agent.model.partition(":")[0]: provider for agent in spec.agents}, secret=SECRET
    )
    record = ensemble.run_sync(words("question", 40))
    order = [request.messages for request in provider.requests]
    calls = sorted(record.calls, key=lambda call: order.index(call.messages))
    read = read_by_slots(calls) if world == "slots" else read_by_servers(calls)
    caches = {agent.name: agent.name if world == "slots" else agent.model for agent in spec.agents}
    sent = sum(len(prompt_tokens(call.messages)) for call in calls)
    return Row(len(calls), sent, read, least(record, caches))


def measured(form: Form, agents: int, layers: int) -> Row:
    """Return the tokens of one run of the shipped ensemble on the embedded model, as it counts them."""
    shipped = load_spec("embedded")
    spec = replace(
        shipped,
        agents=tuple(replace(shipped.agents[n % len(shipped.agents)], name=f"a{n}") for n in range(agents)),
        summary=replace(shipped.summary, model="a0"),
        layers=layers,
        layout=form.layout,
        early_stop=replace(shipped.early_stop, rule="none"),
        attention=replace(shipped.attention, mode="panel" if form.is_panel else "pairwise"),
    )
    record = asyncio.run(Ensemble(spec, secret=SECRET).run("Why is the sky blue at noon and red at sunset?"))
    usage = record.usage
    scale = usage.input_tokens / sum(len(prompt_tokens(call.messages)) for call in record.calls)
    caches = {agent.name: agent.name for agent in spec.agents}
    read = usage.input_tokens - usage.cached_tokens
    return Row(len(record.calls), usage.input_tokens, read, least(record, caches) * scale)


def show(size: str, world: str, form: Form, row: Row) -> None:
    """Print one line of the table."""
    print(
        f"{size:9} {world:11} {form!s:15} {row.calls:5} {row.sent:8} {row.read:8} {row.least:8.0f}"
        f" {row.read / row.least:11.2f} {row.read / row.sent:10.0%}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--embedded", action="store_true", help="measure on the embedded model")
    parser.add_argument("--agents", type=int, nargs="+")
    parser.add_argument("--layers", type=int, nargs="+")
    options = parser.parse_args()
    agents = options.agents or ([3] if options.embedded else [3, 5])
    layers = options.layers or ([2] if options.embedded else [2, 3])
    print("size      world       layout          calls     sent     read    least  read/least  read/sent")
    for count, depth in zip(agents, layers, strict=True):
        size = f"N={count} L={depth}"
        if options.embedded:
            for form in FORMS[:3]:  # so small a model writes no panel
                show(size, "embedded", form, measured(form, count, depth))
        else:
            for world in ("slots", "servers", "one server"):
                for form in FORMS:
                    show(size, world, form, computed(form, count, depth, world))


if __name__ == "__main__":
    main()
