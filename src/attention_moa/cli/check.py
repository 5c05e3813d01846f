"""``attention-moa ensemble check``: whether every model of an ensemble can be reached with its key, address and limits.

Each distinct model gets one real request that asks for one word and for few tokens, and is closed at the first word.
What the server lists about its models costs nothing.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from typing import NamedTuple

import click
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.cli.account import count
from attention_moa.cli.discovery import LOCAL_SERVERS, Listed, list_models
from attention_moa.cli.exits import EXIT_CODES, FAILED
from attention_moa.cli.failures import mend_for, without_key
from attention_moa.cli.layout import table
from attention_moa.cli.numbers import Whole
from attention_moa.cli.options import require_runnable
from attention_moa.cli.output import room_of, say, tell
from attention_moa.config import EnsembleSpec, writers
from attention_moa.errors import CallError, CallTimeoutError, ConfigError, describe
from attention_moa.messages import CallRequest, Sampling, Stage, user
from attention_moa.ports import Provider
from attention_moa.providers import ProviderPool
from attention_moa.replies import require_usable
from attention_moa.settings import api_key, load_spec

HEADINGS = ("agent", "model", "key", "address", "reply", "limits")
_MOST_TOKENS = 16
_OPENROUTER = "https://openrouter.ai/api/v1"


class CheckTable(NamedTuple):
    """What all models of an ensemble said.

    Args:
        rows: One for everybody who speaks: agent, model, key, address, reply, limits.
        faults: What went wrong, a line for each agent.
    """

    rows: list[tuple[str, ...]]
    faults: dict[str, str]


class Finding(NamedTuple):
    """What was found out about one model; each cell is ``ok``, ``-`` (there is none, or it does not matter) or a fault.

    Args:
        key: The key.
        address: The address.
        model: The model, asked with its own settings.
        limits: ``max_tokens`` and ``context_tokens`` against what the server lists.
        fault: What went wrong and how to mend it, one line; None where all is well.
    """

    key: str
    address: str
    model: str
    limits: str
    fault: str | None = None


@click.command(epilog=EXIT_CODES)
@click.argument("name", metavar="[NAME|FILE]", default="embedded")
@click.option("--timeout", "timeout_s", type=Whole(1, 86_400), default=60, show_default=True, metavar="S",
              help="Most seconds for each model.")  # fmt: skip
def check(name: str, *, timeout_s: int) -> int:
    """Ask every model of an ensemble for one word: do key, address, model and limits work?

    The ensemble is embedded unless told. Every model is asked once with each of its settings, for at most 16 tokens.
    The exit code is 1 when any of them fails.
    """
    spec = load_spec(name)
    require_runnable(spec)
    speakers = list(_speakers(spec))
    tell(f"{spec.name}: asking {who_is_asked([agent for _, agent in speakers])}")
    rows, faults = asyncio.run(check_models(spec, timeout_s))
    for line in table(HEADINGS, rows, room=room_of(sys.stdout)):
        say(line)
    for line in dict.fromkeys(f"{agent}: {fault}" for agent, fault in faults.items()):
        say(line)
    say("all models work" if not faults else f"{len(faults)} of {len({agent.name for _, agent in speakers})} fail")
    sys.stdout.flush()
    return FAILED if faults else 0


async def check_models(spec: EnsembleSpec, timeout_s: float) -> CheckTable:
    """Return what the models of an ensemble say; each is asked once with each of its settings.

    Args:
        spec: The ensemble; it has to be runnable.
        timeout_s: Most seconds for each model.
    """
    speakers = list(_speakers(spec))
    findings = await _check_all(spec, [agent for _, agent in speakers], timeout_s)
    rows: list[tuple[str, ...]] = [(label, agent.model, *findings[_identity(agent)][:4]) for label, agent in speakers]
    faults = {agent.name: fault for _, agent in speakers if (fault := findings[_identity(agent)].fault)}
    return CheckTable(rows, faults)


def who_is_asked(speakers: Sequence[AgentSpec]) -> str:
    """Return how many models are asked, in words, and with how many settings where some have several.

    Args:
        speakers: Everybody who may speak; at least one.
    """
    models = len({(agent.model, agent.base_url) for agent in speakers})
    requests = len({_identity(agent) for agent in speakers})
    each = " each" if models > 1 else ""
    return f"{count(models, 'model')} for a word{each if models == requests else f', {requests} settings in all'}"


def _speakers(spec: EnsembleSpec) -> Iterator[tuple[str, AgentSpec]]:
    """Yield everybody who may speak in a run, with a label; writers that are agents too are named as such."""
    for agent in spec.agents:
        yield agent.name, agent
    for stage, chain in writers(spec):
        for place, agent in enumerate(chain):
            yield f"{stage}{' fallback' if place else ''}: {agent.name}", agent


def _identity(agent: AgentSpec) -> tuple[object, ...]:
    sampling = replace(agent.sampling, extra_body=None)
    return agent.model, agent.base_url, agent.api_key_env, sampling, repr(agent.extra_body), agent.is_streamed


async def _check_all(
    spec: EnsembleSpec, agents: list[AgentSpec], timeout_s: float
) -> dict[tuple[object, ...], Finding]:
    distinct = {_identity(agent): agent for agent in reversed(agents)}
    pool = ProviderPool(spec, own={}, api_key=api_key)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {
                identity: group.create_task(_check_one(pool, agent, spec.calls.connect_timeout_s, timeout_s))
                for identity, agent in distinct.items()
            }
    finally:
        await pool.aclose()
    return {identity: task.result() for identity, task in tasks.items()}


async def _check_one(pool: ProviderPool, agent: AgentSpec, connect_timeout_s: float, timeout_s: float) -> Finding:
    key = "-"
    try:
        key = "ok" if api_key(agent) is not None else "-"
        provider = pool.get(agent)
    except ConfigError as error:
        is_key = error.key is not None and (error.key == "api_key_env" or error.key.isupper())
        return Finding("missing" if is_key else key, "-", "-" if is_key else "unusable", "-", without_key(error))
    request = CallRequest(
        agent=agent.name,
        model=agent.model,
        messages=(user("Reply with the single word: ok"),),
        sampling=_small(agent.sampling),
        stage=Stage.ANSWER,
        connect_timeout_s=connect_timeout_s,
        is_streamed=agent.is_streamed,
    )
    started_s = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            await _require_words(provider, request)
    except TimeoutError:
        return _failed(CallTimeoutError(f"no reply within {timeout_s:g} s (--timeout)"), key)
    except ConfigError as error:
        return Finding(key, "-", "unusable", "-", without_key(error))
    except CallError as error:
        return _failed(error, key)
    limits, fault = await _check_limits(agent)
    return Finding(key, "ok", f"ok, {time.monotonic() - started_s:.1f} s", limits, fault)


async def _require_words(provider: Provider, request: CallRequest) -> None:
    """Read a reply as far as its first words, thinking or text; raise ``BadReplyError`` where it ends without any.

    One that our few tokens ended before its first word is fine. A program is read to its end: it says last how it went.
    """
    finish_reason, has_words = None, False
    async with aclosing(provider.stream(request)) as chunks:
        async for chunk in chunks:
            finish_reason = chunk.finish_reason or finish_reason
            has_words |= bool((chunk.text + chunk.thinking).strip()) and chunk.finish_reason != "content_filter"
            if has_words and not request.model.startswith("command:"):
                return
    if finish_reason != "length" and not has_words:
        require_usable("", "", finish_reason)


def _small(sampling: Sampling) -> Sampling:
    """Return an agent's own sampling with few tokens, and no thinking, which some vendors refuse to do in so few."""
    most = min(sampling.max_tokens or _MOST_TOKENS, _MOST_TOKENS)
    return replace(sampling, max_tokens=most, thinking=sampling.thinking if sampling.thinking is False else None)


def _failed(error: CallError, key: str) -> Finding:
    """Return the finding for a failed request: which of the cells is at fault."""
    kind = type(error).__name__
    fault = f"{kind}: {describe(error)}{mend_for(kind, describe(error))}"
    if kind == "TransportError":
        return Finding(key, "fails", "-", "-", fault)
    if kind == "AuthError":
        return Finding("refused", "ok", "-", "-", fault)
    if kind == "RateLimitError":
        return Finding(key, "ok", "-", "rate limit", fault)
    return Finding(key, "-" if kind == "CallTimeoutError" else "ok", "fails", "-", fault)


async def _check_limits(agent: AgentSpec) -> tuple[str, str | None]:
    provider, _, name = agent.model.partition(":")
    address = agent.base_url or _usual_address(provider)
    listed = await list_models(address, key=api_key(agent)) if address else None
    return compare_limits(agent, next((model for model in listed or () if model.name == name), Listed(name=name)))


def compare_limits(agent: AgentSpec, model: Listed) -> tuple[str, str | None]:
    """Return the cell on limits, and what is wrong with them; None where nothing is.

    Args:
        agent: Its ``max_tokens`` and ``context_tokens`` are compared.
        model: What the server lists; a limit that it does not list is compared with nothing.
    """
    if model.context_tokens is None and model.max_tokens is None:
        return "not told", None
    most = min(count for count in (model.context_tokens, model.max_tokens) if count is not None)
    if agent.max_tokens is not None and agent.max_tokens > most:
        return "too high", f"max_tokens {agent.max_tokens:,} is above the model's {most:,}. Mend: lower max_tokens"
    context, own = model.context_tokens, agent.context_tokens
    if context is not None and own is not None and own > context:
        return "too high", f"context_tokens {own:,} is above the model's {context:,}. Mend: lower context_tokens"
    return f"ok, {context:,}" if context is not None else "ok", None


def _usual_address(provider: str) -> str | None:
    if provider == "openrouter":
        return _OPENROUTER
    return f"http://127.0.0.1:{LOCAL_SERVERS[provider][1]}/v1" if provider in LOCAL_SERVERS else None
