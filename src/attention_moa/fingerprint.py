"""The key of a call: everything that can shape its reply, and nothing else. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.messages import CallRequest, Conversation

_FORM = 1
"""Of what is hashed: another number makes all keys differ from those of before."""

_HOW = {"shared_messages", "connect_timeout_s", "is_streamed"}
"""Fields of a request that say how it is sent, not what is asked."""

_WHERE_SET = {"tools", "reply_format"}
"""Fields of a request that count only where they are set: keys of before they were there stay as they are."""

_NOT_ASKED = {"name", "description", "calls"}
_NOT_ASKED_OF_A_MODEL = {"api_key_env", "timeout_s", "stream", "price", "concurrency", "rpm", "tpm"}
"""Fields of an ensemble and of its models that say how calls are made and counted."""


_NO_MORE: Mapping[str, Any] = MappingProxyType({})


def fingerprint(request: CallRequest, agent: AgentSpec, *, sample: int = 0, more: Mapping[str, Any] = _NO_MORE) -> str:
    """Return the key under which a call's reply is journaled: 64 hexadecimal digits.

    The agent's name, the stage, the layer and the peer count: functions and programs see them, and two agents that are
    equal in everything else are to give two samples. Templates count as far as they show in the messages.

    Args:
        request: As it is sent.
        agent: Whose address counts; the name of its key's variable does not.
        sample: Which of several repeats of one request.
        more: What else shapes what is kept of the reply, by name: which further writing of an answer it is, and the
            texts that end it.

    Source: ours.
    """
    asked = {field: getattr(request, field) for field in request.__struct_fields__ if field not in _HOW}
    asked["sampling"] = _PLAIN.decode(msgspec.json.encode(request.sampling))
    for field in _WHERE_SET:
        if (value := asked.pop(field)) is not None:
            asked[field] = _PLAIN.decode(msgspec.json.encode(value))
    return _digest({**asked, "base_url": (agent.base_url or "").rstrip("/"), "sample": sample, **more})


def request_key(spec: EnsembleSpec, conversation: Conversation, *, sample: int = 0, wanted: AnswerSpec = PLAIN) -> str:
    """Return what equal requests to equal ensembles have in common: 64 hexadecimal digits.

    How calls are made (attempts, waits, timeouts, keys, rates, prices) does not count, nor do the ensemble's name and
    description.

    Args:
        spec: The ensemble.
        conversation: ``x``.
        sample: Which of several repeats of one request.
        wanted: What the answer is to be.

    Source: ours.
    """
    fields = _PLAIN.decode(msgspec.json.encode(spec))
    asked = {field: value for field, value in fields.items() if field not in _NOT_ASKED}
    for model in (*asked["agents"], asked.get("summary", {}), asked.get("residual", {})):
        for field in _NOT_ASKED_OF_A_MODEL & set(model):
            del model[field]
    special = {} if wanted == PLAIN else {"wanted": wanted}  # so keys of plain answers are those of before
    return _digest({"ensemble": asked, "conversation": conversation, "sample": sample, **special})


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


_PLAIN = msgspec.json.Decoder(float_hook=_number)
"""Reads settings so that whole numbers are one thing: a temperature of 1 comes back from a journal as 1.0."""


def _digest(value: dict[str, Any]) -> str:
    canonical = msgspec.json.encode({"form": _FORM, **value}, order="sorted")
    return hashlib.sha256(canonical).hexdigest()
