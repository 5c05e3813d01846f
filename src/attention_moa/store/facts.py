"""What is kept of a call beside its record, so that plans can learn from it without reading a single text. Pure."""

from __future__ import annotations

import re

from attention_moa.agents import ModelSettings
from attention_moa.experience import CallFacts, kind_of
from attention_moa.messages import Message, TextPart
from attention_moa.prompts import beside_tokens, estimate_tokens
from attention_moa.records import CallRecord
from attention_moa.wording import quoted

_PROTOCOL = re.compile(r"^(?:</?critique-[0-9a-f]{8}>|VERDICT [0-9a-f]{12} (?:STOP|CONTINUE))$\n?", re.MULTILINE)
"""Lines of a reply that no later prompt holds: the marks of a panel's sections, and the verdict."""

_EMPTY = estimate_tokens((Message("assistant", (TextPart(""),)),))


def facts_of(call: CallRecord) -> CallFacts | None:
    """Return a finished call in numbers; None for any other, which teaches nothing."""
    last = next((attempt for attempt in call.attempts if attempt.error is None), None)
    if call.state != "finished" or call.text is None or last is None:
        return None
    usage = last.usage
    is_small = ModelSettings(model=call.model).has_small_vocabulary
    text = quoted(_PROTOCOL.sub("", call.text), call.tool_calls)
    written = (Message("assistant", (TextPart(text),)),)
    beside = beside_tokens(call.tools, call.reply_format, has_small_vocabulary=is_small)
    return CallFacts(
        kind=kind_of(call),
        agent=call.agent,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        prompt_estimate=beside + estimate_tokens(call.messages, has_small_vocabulary=is_small),
        text_estimate=estimate_tokens(written, has_small_vocabulary=is_small) - _EMPTY,
        started_s=last.started_s,
        first_token_s=last.first_token_s,
        ended_s=last.ended_s,
    )
