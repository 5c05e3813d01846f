"""Why a run failed, in one line: the agent, the model, the address, what happened, and the mend."""

from __future__ import annotations

from attention_moa.agents import AgentSpec
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.errors import ConfigError, MoaError, QuorumError, describe
from attention_moa.records import Loss

_MOST = 3
_MENDS = {
    "AuthError": "set the right key",
    "BadReplyError": "try again, or take another model",
    "CallTimeoutError": "raise calls.timeout_s, or take a faster model",
    "ContextTooLongError": "shorten the question, or take a model with a larger context",
    "RateLimitError": "wait, or lower calls.concurrency",
    "RefusedError": "correct the model's name or settings",
    "ServerError": "try again, or take another model",
    "TransportError": "start the server, or correct base_url",
}


def explain(error: MoaError) -> str:
    """Return one line on why a run failed.

    Args:
        error: What the run ended with. Where no agent gave an answer, its partial record says why for each of them.
    """
    if not isinstance(error, QuorumError):
        return describe(error)
    spec = error.partial.ensemble
    losses = [loss for loss in error.partial.losses if not loss.is_skipped]
    causes = list(dict.fromkeys(_cause(spec, loss) for loss in losses))
    if not causes:
        return describe(error)
    more = f"; and {len(causes) - _MOST} more" if len(causes) > _MOST else ""
    mends = "".join(dict.fromkeys(mend_for(loss.kind, loss.message) for loss in losses))
    return f"no agent gave an answer: {'; '.join(causes[:_MOST])}{more}{mends}"


def mend_for(kind: str, message: str) -> str:
    """Return what to do about an error, to be put behind its message; empty where nothing is known to help.

    Args:
        kind: The error's class name.
        message: Its text; one that ends with a question already says where to look.
    """
    return f". Mend: {_MENDS[kind]}" if kind in _MENDS and not message.endswith("?") else ""


def without_key(error: ConfigError) -> str:
    """Return an error's text without the field that it opens with, to be put behind another name."""
    return describe(error).removeprefix(f"{error.key}: ")


def where(agent: AgentSpec) -> str:
    """Return an agent's model, and its address where it has one of its own."""
    return f"{agent.model} at {agent.base_url}" if agent.base_url else agent.model


def _cause(spec: EnsembleSpec, loss: Loss) -> str:
    speakers = {agent.name: agent for agent in reversed(all_agents(spec))}
    return f"{loss.agent} ({where(speakers[loss.agent])}): {loss.kind}: {loss.message}"
