"""From what the last layer gave to the answer: where it ends, whether it has the form that was asked for, how many.

An answer that has not that form goes back once, to the summary agent, with what is wrong; one that has it not then
either fails the run. Further answers go the same way, each by itself: what cannot be had is a loss in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from attention_moa.calls import Caller
from attention_moa.choices import Choices
from attention_moa.collected import Ask
from attention_moa.config import summary_chain
from attention_moa.errors import CallError, DeadlineError, FormatError, describe
from attention_moa.json_check import check
from attention_moa.messages import Stage, Usage
from attention_moa.prompts import Desk, render_repair
from attention_moa.records import CallRecord, Choice, Loss, RunRecord
from attention_moa.run_log import RunLog
from attention_moa.schedule import VERDICT_TOKENS
from attention_moa.synthesis import Merged, why_no_answer
from attention_moa.tokens import count_tokens, first_tokens, within_tokens
from attention_moa.wording import Wording, cut, quoted, said, without_fence
from attention_moa.writing import seeded

_INSTEAD = "another text became the answer"
_LONG_CHARACTERS = 20_000
_NO_TIME = "no time was left for it"


class _Formed(NamedTuple):
    """An answer, and what is wrong with its form; None where nothing is."""

    answer: Choice
    problem: str | None


class Finishing:
    """How one run's answers are made of what was written.

    Args:
        desk: Ensemble, conversation, templates, seal, and what is wanted.
        caller: Makes the calls.
        log: Where everything is put down.
        end_s: When the run's time is over, on its clock; None for no end.
    """

    def __init__(self, desk: Desk, caller: Caller, log: RunLog, *, end_s: float | None) -> None:
        """Keep what all answers share."""
        self._desk = desk
        self._wanted = desk.wanted
        self._caller = caller
        self._log = log
        self._end_s = end_s

    def write_more(self, group: asyncio.TaskGroup) -> None:
        """Let further answers be written from here on, where they are wanted.

        Args:
            group: Where.
        """
        self._caller.choices = Choices(self._wanted.choices - 1, group, self._further)

    async def end(self, merged: Merged) -> RunRecord:
        """Return the record of a run whose last layer ended so.

        Args:
            merged: What it ended with; without an output the run has failed.
        """
        if merged.output is None:
            await self._end_others()
            return self._log.end("failed", None, why_no_answer(self._log, merged))
        answer, problem = await self._formed(0, merged.output)
        if problem is None:
            self._settle(0, answer)
            return self._closed(answer, await self._more(merged, merged.output.call_id))
        await self._end_others()
        return self._closed(answer, (), error=f"the answer has not the form that was asked for: {problem}")

    async def _end_others(self) -> None:
        """End the further answers of a run that has failed, before its record is made: what they took is in it."""
        if self._caller.choices is not None:
            await self._caller.choices.results(0.0)

    def _closed(self, answer: Choice, more: Sequence[Choice | Loss], error: str | None = None) -> RunRecord:
        return self._log.end(
            "finished" if error is None else "failed",
            answer.text,
            error,
            tool_calls=answer.tool_calls,
            finish_reason=answer.finish_reason,
            choices=more,
        )

    async def _more(self, merged: Merged, call_id: str) -> list[Choice | Loss]:
        """Return the further answers, those that are under way or those that are begun now; in time, or not at all."""
        choices, left_s = self._caller.choices, self._left_s()
        if choices is None:
            return []
        if merged.verdict.rule != "deadline" and left_s != 0.0:
            choices.begin_after(call_id)
        found = [one or self._late(call_id) for one in await choices.results(left_s)]
        for number, one in enumerate(found, 1):
            if isinstance(one, Loss):
                self._log.answer(number).drop(one.message)
        return found

    def _late(self, call_id: str) -> Loss:
        call = next(call for call in self._log.all_calls if call.call_id == call_id)
        return self._lose(call.stage, call.agent, DeadlineError.__name__, _NO_TIME)

    async def _further(self, number: int, wording: Wording) -> Choice | Loss:
        answer, problem = await self._formed(number, wording)
        if problem is not None:
            writer = summary_chain(self._desk.spec)[0]
            return self._lose(Stage.REPAIR, writer.name, FormatError.__name__, problem, call_id=answer.call_id)
        self._settle(number, answer)
        return answer

    def _settle(self, number: int, answer: Choice) -> None:
        if self._log.has_deltas:
            self._log.answer(number).settle(answer.text, answer.tool_calls, why=_INSTEAD)

    async def _formed(self, number: int, wording: Wording) -> _Formed:
        """Return an answer as it is, or mended, and what is still wrong with it."""
        answer = self._as_answer(wording)
        problem = await self._problem(answer)
        if problem is None:
            return _Formed(answer, None)
        mended = await self._mend(number, answer, problem)
        if isinstance(mended, Loss):
            return _Formed(answer, f"{problem}; it could not be mended: {mended.message}")
        answer = self._as_answer(mended)
        return _Formed(answer, await self._problem(answer))

    def _as_answer(self, wording: Wording) -> Choice:
        """Return what was written up to its end; tool calls come behind a text, and so behind its end."""
        text = cut(wording.text, self._wanted.stop)
        short = self._within(text, wording.call_id)
        if short != text:
            return Choice(text=short, finish_reason="length", call_id=wording.call_id)
        if text != wording.text:
            return Choice(text=text, finish_reason="stop", call_id=wording.call_id)
        if self._wanted.reply_format is not None and (bare := without_fence(text)) != text:
            self._log.note("the marks of a code block around the answer were left out")
            text = bare
        return Choice(
            text=text,
            finish_reason=wording.finish_reason,
            call_id=wording.call_id,
            tool_calls=wording.tool_calls,
        )

    def _within(self, text: str, call_id: str) -> str:
        """Return as much of an answer as was asked for, by the best count that there is.

        A call's endpoint holds the limit that it was sent; that of a residual has room for a verdict line, and what
        stands in for an answer was written without one.
        """
        most = self._desk.spec.drawn.max_tokens
        if most is None:
            return text
        call = next(call for call in reversed(self._log.all_calls) if call.call_id == call_id)
        limit = call.sampling.max_tokens or inf
        if limit <= most:
            return text
        short = _first_of(call, text, most)
        if short != text and limit > most + VERDICT_TOKENS:
            self._log.note(f"the answer was cut to {most:,} tokens at most: its writer had no such limit")
        return short

    def _lacks_call(self, answer: Choice) -> bool:
        tools = self._wanted.tools
        if tools is None or tools.choice != "required":
            return False
        return not any(tools.only in {None, call.name} for call in answer.tool_calls)

    async def _problem(self, answer: Choice) -> str | None:
        """Return what is wrong with an answer's form, one line; None where nothing is."""
        if self._lacks_call(answer):
            only = self._wanted.tools.only if self._wanted.tools is not None else None
            return f"it does not call {'a tool' if only is None else f'the tool {only!r}'}, and has to"
        if self._wanted.reply_format is None or answer.tool_calls:
            return None
        if len(answer.text) > _LONG_CHARACTERS:  # beside the event loop, which others wait for
            return await asyncio.to_thread(check, answer.text, self._wanted.reply_format)
        return check(answer.text, self._wanted.reply_format)

    async def _mend(self, number: int, answer: Choice, problem: str) -> Wording | Loss:
        """Return what the summary agent makes of an answer that has not the form that was asked for."""
        desk, layer, must_call = self._desk, self._log.layer, self._lacks_call(answer)
        writer = summary_chain(desk.spec)[0]
        shown = quoted(answer.text, answer.tool_calls)
        ask = Ask(
            agent=seeded(writer, number),
            stage=Stage.REPAIR,
            layer=layer,
            render=render_repair(desk, writer, layer, shown, problem=problem, must_call=must_call),
            reads=(answer.call_id,),
            tools=self._wanted.tools if must_call else None,
            reply_format=None if must_call else self._wanted.reply_format,
            choice=number,
        )
        try:
            async with asyncio.timeout(self._left_s()):
                done = await self._caller.call(ask)
        except CallError as error:
            return self._lose(Stage.REPAIR, writer.name, type(error).__name__, describe(error), call_id=ask.call_id)
        except TimeoutError:
            return self._lose(Stage.REPAIR, writer.name, DeadlineError.__name__, _NO_TIME, call_id=ask.call_id)
        self._log.degrade(layer, Stage.REPAIR, writer.name, what="the answer was written again", why=problem)
        return said(done.reply, done.call_id)

    def _left_s(self) -> float | None:
        """Return the seconds that the run has left; None for no end."""
        return None if self._end_s is None else max(self._end_s - self._log.seconds(), 0.0)

    def _lose(self, stage: Stage, agent: str, kind: str, message: str, *, call_id: str | None = None) -> Loss:
        loss = Loss(stage=stage, layer=self._log.layer, agent=agent, kind=kind, message=message, call_id=call_id)
        return self._log.lose(loss)


def _first_of(call: CallRecord, text: str, most: int) -> str:
    """Return the first tokens of an answer; those of thinking and of a verdict line are not the answer's.

    Args:
        call: The call that wrote it.
        text: What of the reply is the answer.
        most: So many tokens.
    """
    usage = next((one.usage for one in call.attempts if one.error is None), Usage())
    if usage.output_tokens is None:
        return first_tokens(text, most)
    reply, thought = call.text or "", usage.reasoning_tokens
    head = max(reply.find(text), 0)
    used = usage.output_tokens - (thought or 0) - count_tokens(reply[:head]) // 2  # which the estimate takes for more
    parts = (call.thinking if thought is None else "", reply[head:], *(one.arguments for one in call.tool_calls))
    return within_tokens(text, most, whole="".join(parts), used=used)
