"""``attention-moa ensemble list`` and ``show``: which ensembles there are, and what is in them."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from attention_moa.agents import AgentSpec
from attention_moa.cli.account import count
from attention_moa.cli.clean import one_line
from attention_moa.cli.failures import where
from attention_moa.cli.layout import table
from attention_moa.cli.options import require_runnable
from attention_moa.cli.output import room_of, say, say_file
from attention_moa.config import ATTENTION_MOA, EnsembleSpec, keep_of, sample_count, window_of, writers
from attention_moa.errors import ConfigError
from attention_moa.schedule import count_calls, count_layer_calls
from attention_moa.settings import ensemble_text, load_spec, shipped_ensembles
from attention_moa.strategies import STRATEGIES


@click.command("list")
def list_ensembles() -> None:
    """List the shipped ensembles, and the files in this folder that describe one."""
    rows = [_row(name, load_spec(name)) for name in shipped_ensembles()]
    rows += _files(Path())
    for line in table(("name", "agents", "layers", "calls", "what it is"), rows, room=room_of(sys.stdout)):
        say(line)


@click.command("show")
@click.argument("name", metavar="[NAME|FILE]", default="embedded")
@click.option("--toml", "is_toml", is_flag=True, help="Print the file as it is: the beginning of one of your own.")
def show_ensemble(name: str, *, is_toml: bool) -> None:
    """Show an ensemble, embedded unless told: who is in it, and what a question costs in calls."""
    spec = load_spec(name)
    if is_toml:
        say_file(ensemble_text(name))
        return
    require_runnable(spec)
    for line in _description(spec, room_of(sys.stdout)):
        say(line)


def _row(name: str, spec: EnsembleSpec) -> tuple[str, ...]:
    return name, str(len(spec.agents)), str(spec.layers), str(count_calls(spec)), spec.description


def _files(folder: Path) -> Iterator[tuple[str, ...]]:
    for path in sorted(folder.glob("*.toml")):
        if not _is_ensemble(path):
            continue
        try:
            yield _row(path.name, load_spec(path))
        except ConfigError as error:
            yield path.name, "-", "-", "-", f"wrong: {one_line(str(error).removeprefix(f'{path}: '), 100)}"


def _is_ensemble(path: Path) -> bool:
    """Return whether a file is TOML with agents in it: others are none of our business."""
    try:
        return "agents" in tomllib.loads(ensemble_text(path))
    except (ConfigError, tomllib.TOMLDecodeError):
        return False


def _description(spec: EnsembleSpec, room: int | None) -> Iterator[str]:
    yield f"{spec.name}: {spec.description}" if spec.description else spec.name
    yield from _of_attention_moa(spec) if spec.strategy == ATTENTION_MOA else _of_baseline(spec)
    yield ""
    headings = ("agent", "model", "temperature", "max_tokens", "thinking", "role")
    yield from table(headings, [_agent_row(agent) for agent in spec.agents], room=room)
    chains = writers(spec)
    yield from ("",) if chains else ()
    for title, chain in chains:
        names = " then ".join(f"{agent.name} ({agent.model})" for agent in chain)
        yield one_line(f"{title}: {names}")


def _of_attention_moa(spec: EnsembleSpec) -> Iterator[str]:
    attention, stop = spec.attention, spec.early_stop
    first = count_layer_calls(spec, 1)
    later = f", {count_layer_calls(spec, 2)} for each later one" if spec.layers > 1 else ""
    yield f"layers: at most {spec.layers}; calls: {count_calls(spec)} ({first} for layer 1{later})"
    own = "its own answer and " if attention.own else ""
    peers = "all peers" if attention.peers == "all" else count(attention.peers, "peer")
    yield f"attention: each agent criticises {own}{peers}, {attention.mode}; layout {spec.layout}"
    yield f"early stop: {stop.rule}, from layer {stop.min_layers} on, returns the {stop.returns} output"


def _of_baseline(spec: EnsembleSpec) -> Iterator[str]:
    reads, samples = STRATEGIES[spec.strategy].reads, sample_count(spec)
    often = f", each agent sampled {samples} times" if samples > 1 else ""
    yield f"strategy: {spec.strategy}{often}; layers: at most {spec.layers}; calls: {count_calls(spec)}"
    if reads("window"):
        yield f"window: {window_of(spec)} texts are merged at a time"
    if reads("keep"):
        yield f"keep: {keep_of(spec)} answers of a layer are passed on"
    if reads("early_stop.rule"):
        yield f"early stop: {spec.early_stop.rule}, from layer {spec.early_stop.min_layers} on"


def _agent_row(agent: AgentSpec) -> tuple[str, ...]:
    settings = map(_setting, (agent.temperature, agent.max_tokens, agent.thinking))
    return agent.name, where(agent), *settings, one_line(agent.role or "-", 100)


def _setting(value: object) -> str:
    """Return a setting as its file says it."""
    return "-" if value is None else str(value).lower()
