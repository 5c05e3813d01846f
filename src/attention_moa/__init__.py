"""Several language models that answer, criticise and refine together: Attention-MoA, ready to use.

    from attention_moa import Ensemble

    result = Ensemble.load("embedded").run_sync("Why is the sky blue?")
    print(result.text)

Everything public is here; nothing is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attention_moa.agents import AgentSpec as AgentSpec
    from attention_moa.agents import ResidualSpec as ResidualSpec
    from attention_moa.agents import WriterSpec as WriterSpec
    from attention_moa.answer_spec import AnswerSpec as AnswerSpec
    from attention_moa.codec import event_from_json as event_from_json
    from attention_moa.codec import event_to_json as event_to_json
    from attention_moa.codec import record_from_json as record_from_json
    from attention_moa.codec import record_to_json as record_to_json
    from attention_moa.config import AttentionSpec as AttentionSpec
    from attention_moa.config import CallPolicy as CallPolicy
    from attention_moa.config import EnsembleSpec as EnsembleSpec
    from attention_moa.config import PromptSpec as PromptSpec
    from attention_moa.config import StopRule as StopRule
    from attention_moa.errors import AuthError as AuthError
    from attention_moa.errors import BadReplyError as BadReplyError
    from attention_moa.errors import CallError as CallError
    from attention_moa.errors import CallTimeoutError as CallTimeoutError
    from attention_moa.errors import ConfigError as ConfigError
    from attention_moa.errors import ContextTooLongError as ContextTooLongError
    from attention_moa.errors import FormatError as FormatError
    from attention_moa.errors import MoaError as MoaError
    from attention_moa.errors import QuorumError as QuorumError
    from attention_moa.errors import RateLimitError as RateLimitError
    from attention_moa.errors import RefusedError as RefusedError
    from attention_moa.errors import RunError as RunError
    from attention_moa.errors import SchemaVersionError as SchemaVersionError
    from attention_moa.errors import ServerError as ServerError
    from attention_moa.errors import StoreError as StoreError
    from attention_moa.errors import TransportError as TransportError
    from attention_moa.influence import influence_of as influence_of
    from attention_moa.messages import CallRequest as CallRequest
    from attention_moa.messages import Chunk as Chunk
    from attention_moa.messages import ImagePart as ImagePart
    from attention_moa.messages import Message as Message
    from attention_moa.messages import ReplyFormat as ReplyFormat
    from attention_moa.messages import Sampling as Sampling
    from attention_moa.messages import Stage as Stage
    from attention_moa.messages import TextPart as TextPart
    from attention_moa.messages import ToolCall as ToolCall
    from attention_moa.messages import ToolSpec as ToolSpec
    from attention_moa.messages import ToolUse as ToolUse
    from attention_moa.messages import Usage as Usage
    from attention_moa.ports import Observer as Observer
    from attention_moa.ports import Provider as Provider
    from attention_moa.providers.scripted import ScriptedProvider as ScriptedProvider
    from attention_moa.records import RunRecord as RunRecord
    from attention_moa.run_stream import RunStream as RunStream
    from attention_moa.runtime import Ensemble as Ensemble

__version__ = "0.1.0"

_HOME = {
    "AgentSpec": "agents",
    "AnswerSpec": "answer_spec",
    "AttentionSpec": "config",
    "AuthError": "errors",
    "BadReplyError": "errors",
    "CallError": "errors",
    "CallPolicy": "config",
    "CallRequest": "messages",
    "CallTimeoutError": "errors",
    "Chunk": "messages",
    "ConfigError": "errors",
    "ContextTooLongError": "errors",
    "Ensemble": "runtime",
    "EnsembleSpec": "config",
    "FormatError": "errors",
    "ImagePart": "messages",
    "Message": "messages",
    "MoaError": "errors",
    "Observer": "ports",
    "PromptSpec": "config",
    "Provider": "ports",
    "QuorumError": "errors",
    "RateLimitError": "errors",
    "RefusedError": "errors",
    "ReplyFormat": "messages",
    "ResidualSpec": "agents",
    "RunError": "errors",
    "RunRecord": "records",
    "RunStream": "run_stream",
    "Sampling": "messages",
    "SchemaVersionError": "errors",
    "ScriptedProvider": "providers.scripted",
    "ServerError": "errors",
    "Stage": "messages",
    "StopRule": "config",
    "StoreError": "errors",
    "TextPart": "messages",
    "ToolCall": "messages",
    "ToolSpec": "messages",
    "ToolUse": "messages",
    "TransportError": "errors",
    "Usage": "messages",
    "WriterSpec": "agents",
    "event_from_json": "codec",
    "event_to_json": "codec",
    "influence_of": "influence",
    "record_from_json": "codec",
    "record_to_json": "codec",
}

__all__ = [
    "AgentSpec",
    "AnswerSpec",
    "AttentionSpec",
    "AuthError",
    "BadReplyError",
    "CallError",
    "CallPolicy",
    "CallRequest",
    "CallTimeoutError",
    "Chunk",
    "ConfigError",
    "ContextTooLongError",
    "Ensemble",
    "EnsembleSpec",
    "FormatError",
    "ImagePart",
    "Message",
    "MoaError",
    "Observer",
    "PromptSpec",
    "Provider",
    "QuorumError",
    "RateLimitError",
    "RefusedError",
    "ReplyFormat",
    "ResidualSpec",
    "RunError",
    "RunRecord",
    "RunStream",
    "Sampling",
    "SchemaVersionError",
    "ScriptedProvider",
    "ServerError",
    "Stage",
    "StopRule",
    "StoreError",
    "TextPart",
    "ToolCall",
    "ToolSpec",
    "ToolUse",
    "TransportError",
    "Usage",
    "WriterSpec",
    "event_from_json",
    "event_to_json",
    "influence_of",
    "record_from_json",
    "record_to_json",
]


if not TYPE_CHECKING:  # a checker knows the names above, and only these

    def __getattr__(name: str) -> object:
        """Load a public name from its module at first use."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*__all__, "__version__"])
