"""One layer while it runs: what its stages share, and how they ask.

Here a failed call turns into a ``Loss``; from here on nobody sees an exception for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.calls import Caller, Finished
from attention_moa.collected import Ask, Final, name_of
from attention_moa.errors import CallError, describe
from attention_moa.messages import Reply, Stage
from attention_moa.prompts import Desk, Output, Render
from attention_moa.records import Answer, Loss
from attention_moa.run_log import LayerBoard, RunLog
from attention_moa.schedule import Pair
from attention_moa.stopping import PastStop
from attention_moa.waiting import settled
from attention_moa.wording import Wording, said
from attention_moa.writing import ADVICE, Writing, has_something, seeded

T = TypeVar("T")

SUMMARY_READER = "summary"
"""The summary as a reader, whoever writes it: in the name of the decision whom it leaves out."""


class Past(NamedTuple):
    """What a layer knows of the layers before it.

    Args:
        outputs: ``o[1] … o[l-1]``, or ``s[1] … s[l-1]``, as ``residual.history`` says.
        output: ``o[l-1]``; None in layer 1.
        writers: The calls that wrote ``o[l-1]``, or chose it.
        all_writers: The calls that wrote any of ``outputs``.
        answers: What a baseline's layer hands on: several answers in the place of one output.
    """

    outputs: tuple[Output, ...] = ()
    output: Wording | None = None
    writers: tuple[str, ...] = ()
    all_writers: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()


class Written(NamedTuple):
    """A reply and the writer of a chain that gave it."""

    writer: AgentSpec
    finished: Finished


class Gathered(NamedTuple, Generic[T]):
    """What a reader goes on with, and whose results it left out because they were late; by name."""

    found: dict[str, T]
    late: tuple[str, ...]


def late_key(layer: int, stage: Stage, agent: str) -> str:
    """Return the name of the decision whom a reader leaves out."""
    return f"{layer}.{stage.value}.{agent}.late"


class LayerRun:
    """One layer of one run.

    Args:
        desk: Ensemble, conversation, templates, seal.
        caller: Makes the calls.
        log: Where everything is put down.
        number: The layer, from 1.
        past: The layers before.
        pairs: Who criticises whom.
    """

    def __init__(
        self, desk: Desk, caller: Caller, log: RunLog, *, number: int, past: Past, pairs: Sequence[Pair]
    ) -> None:
        """Open the layer's board in the log."""
        self.desk = desk
        self.spec = desk.spec
        self.log = log
        self.number = number
        self.past = past
        self.pairs = tuple(pairs)
        self.board: LayerBoard = log.open_layer(number, self.pairs)
        self.late_authors: tuple[str, ...] = ()
        self._caller = caller

    @property
    def previous(self) -> str | None:
        """``o[l-1]`` as others read it; None in layer 1."""
        return None if self.past.output is None else self.past.output.quoted

    def writing(self, *, nonce: str | None = None, is_final: bool = False) -> Writing:
        """Return what a call may do that may write the answer.

        A reply that may open with a verdict line keeps to no form, and need not call a tool: the line comes first.

        Args:
            nonce: The secret word of its verdict lines; None where it gives no verdict.
            is_final: Whether it is sure to write the answer.
        """
        wanted = self.desk.wanted
        tools, form = wanted.tools, wanted.reply_format
        if nonce is not None:
            form = None
            tools = replace(tools, choice="auto", only=None) if tools and tools.choice == "required" else tools
        return Writing(tools=tools, reply_format=form, nonce=nonce, is_final=is_final)

    async def gather(
        self,
        stage: Stage,
        agent: str,
        tasks: Mapping[str, asyncio.Task[T]],
        *,
        quorum: int | None,
        is_there: Callable[[T], bool],
    ) -> Gathered[T]:
        """Return what a reader goes on with: all results, or those that were in time.

        Who was late is decided once for a run: a resumed one leaves out the same, and nothing but them.

        Args:
            stage: The reader's stage.
            agent: The reader.
            tasks: What it reads, by who writes it.
            quorum: So many results are enough; the rest has ``quorum.grace_s`` more. None waits for all.
            is_there: Whether a result counts.
        """
        if quorum is None:
            await settled(*tasks.values())
            return Gathered({name: task.result() for name, task in tasks.items()}, ())
        key = late_key(self.number, stage, agent)
        late = self.decided_late(stage, agent)
        if late is None:
            late = await self._wait_for_quorum(tasks, quorum, is_there)
            await self._caller.decide(key, list(late))
        else:
            await settled(*(task for name, task in tasks.items() if name not in late))
        return Gathered({name: task.result() for name, task in tasks.items() if name not in late}, late)

    async def _wait_for_quorum(
        self, tasks: Mapping[str, asyncio.Task[T]], quorum: int, is_there: Callable[[T], bool]
    ) -> tuple[str, ...]:
        while pending := [task for task in tasks.values() if not task.done()]:
            if sum(task.done() and is_there(task.result()) for task in tasks.values()) >= quorum:
                await asyncio.wait(pending, timeout=self.spec.quorum.grace_s)
                break
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        return tuple(name for name, task in tasks.items() if not task.done())

    def decided_late(self, stage: Stage, agent: str) -> tuple[str, ...] | None:
        """Return whom a reader left out before the run was interrupted; None where it had not come to that."""
        return self._caller.decided_names(late_key(self.number, stage, agent))

    async def close(self) -> None:
        """Keep that the layer is over although some of its calls are not: a resumed run does not make them again."""
        await self._caller.decide(f"{self.number}.closed", True)

    def lose_unread(self) -> None:
        """Put down the critiques that are not there since nobody waited for them: their readers were late themselves.

        The same whether they were under way or not yet begun, so that a resumed run tells the same.
        """
        for pair in self.pairs:
            if pair not in self.board.critiques:
                self.board.critiques[pair] = self._lose_unread(pair)

    def _lose_unread(self, pair: Pair) -> Loss:
        missing = next((name for name in pair if isinstance(self.board.answers.get(name), Loss)), None)
        if missing is not None:
            return self.skip(Stage.CRITIQUE, pair.critic, f"the answer of {missing} is lost", peer=pair.author)
        why = f"{pair.author} was left out: nobody waited for a critique of its answer"
        return self.lose(Stage.CRITIQUE, pair.critic, "Late", why, peer=pair.author)

    def _is_closed(self) -> bool:
        return self._caller.decision(f"{self.number}.closed") is True

    def is_left_out(self, stage: Stage, agent: str, *, peer: str | None = None) -> bool:
        """Whether nobody waits for a call any more, and nobody paid for it: then it is not made.

        A critique may be left out by its author, its author by the summary; and all calls of an agent with it.

        Args:
            stage: Of the call.
            agent: Who would be asked.
            peer: The author, for a critique.
        """
        if self.log.earlier(name_of(self.number, stage, agent, peer)) is not None:
            return False
        out = self.decided_late(Stage.SUMMARY, SUMMARY_READER) or ()
        if stage is not Stage.CRITIQUE:
            return agent in out
        readers = [pair.author for pair in self.pairs if pair.critic == agent and peer in (None, pair.author)]
        return all(reader in out or agent in (self.decided_late(Stage.REFINE, reader) or ()) for reader in readers)

    def late(self, stage: Stage, agent: str, *, peer: str | None = None) -> Loss:
        """Return what stands in the place of a result that was left out before the run was interrupted."""
        why = "left out before the run was interrupted"
        return Loss(stage=stage, layer=self.number, agent=agent, peer=peer, kind="Late", message=why)

    def leave_out(self, stage: Stage, agent: str, *, quorum: int | None, peer: str | None = None) -> Loss:
        """Put down that a result came too late for its reader; return the loss."""
        grace_s = self.spec.quorum.grace_s
        why = f"late: a quorum of {quorum} was there, and {grace_s:g} s more had passed"
        loss = self.lose(stage, agent, "Late", why, peer=peer)
        whose = f"{agent}'s {'refinement' if stage is Stage.REFINE else stage.value}{f' of {peer}' if peer else ''}"
        self.log.degrade(self.number, stage, agent, what=f"{whose} was left out", why=why)
        return loss

    async def ask(
        self,
        agent: AgentSpec,
        stage: Stage,
        render: Render,
        *,
        reads: Sequence[str],
        peer: str | None = None,
        writing: Writing = ADVICE,
        choice: int = 0,
    ) -> Finished | Loss:
        """Return the reply to one call, or the loss that it became.

        Args:
            agent: Who is asked.
            stage: What for.
            render: The prompt.
            reads: The calls whose texts the prompt holds; repeats are dropped.
            peer: The author, for a pairwise critique.
            writing: What it may do beside giving advice.
            choice: Which of several answers it is for, from 0.
        """
        ask = Ask(
            agent=seeded(agent, choice),
            stage=stage,
            layer=self.number,
            render=render,
            reads=tuple(dict.fromkeys(reads)),
            peer=peer,
            watch=None if writing.nonce is None else partial(PastStop, writing.nonce),
            tools=writing.tools,
            reply_format=writing.reply_format,
            choice=choice,
            final=self._final(writing),
        )
        choices = self._caller.choices
        if choices is not None and choice == 0 and peer is None:  # a critique of one peer is nobody's answer
            again = partial(self._again, (agent,), stage=stage, render_for=lambda _: render, reads=reads)
            choices.know(ask.call_id, partial(again, writing=writing))
            if writing.is_final:
                choices.begin(partial(again, writing=writing))
        if choice == 0 and self._is_closed() and self.log.earlier(ask.call_id) is None:
            return self.late(stage, agent.name, peer=peer)
        try:
            return await self._caller.call(ask)
        except CallError as error:
            return self.lose(stage, agent.name, type(error).__name__, describe(error), peer=peer, call_id=ask.call_id)

    async def ask_chain(
        self,
        chain: Sequence[AgentSpec],
        stage: Stage,
        render_for: Callable[[AgentSpec], Render],
        *,
        reads: Sequence[str],
        writing: Writing = ADVICE,
        is_usable: Callable[[Reply], bool] = has_something,
        lacks: str = "no text to use",
        choice: int = 0,
    ) -> Written | Loss:
        """Return the reply of the first writer of a chain that gives a usable one, else the last loss.

        One that is sure to write the answer begins the further answers too, where more than one is wanted.

        Args:
            chain: The writer and its fallbacks; at least one.
            stage: What for.
            render_for: The prompt for a writer.
            reads: As in ``ask``.
            writing: As in ``ask``.
            is_usable: Whether a reply will do; one that will not is a loss.
            lacks: What such a reply holds, for the loss.
            choice: As in ``ask``.
        """
        loss: Loss | None = None
        done: Finished | Loss
        choices = self._caller.choices if choice == 0 else None
        again = partial(self._again, stage=stage, render_for=render_for, reads=reads, writing=writing)
        if choices is not None and writing.is_final:
            choices.begin(partial(again, chain))
        for place, writer in enumerate(chain):
            done = await self.ask(writer, stage, render_for(writer), reads=reads, writing=writing, choice=choice)
            if isinstance(done, Finished) and not is_usable(done.reply):
                why = f"the reply holds {lacks}"
                done = self.lose(stage, writer.name, "BadReplyError", why, call_id=done.call_id)
                self.log.answer(choice).release(why)
            if isinstance(done, Finished):
                if choices is not None:
                    choices.know(done.call_id, partial(again, chain[place:]))
                if loss is not None:
                    what = f"{writer.name} wrote in its place"
                    self.log.degrade(self.number, stage, loss.agent, what=what, why=loss.message)
                return Written(writer, done)
            loss = done
        if loss is None:
            raise ValueError("a chain has at least one writer")
        return loss

    async def _again(
        self,
        chain: Sequence[AgentSpec],
        choice: int,
        *,
        stage: Stage,
        render_for: Callable[[AgentSpec], Render],
        reads: Sequence[str],
        writing: Writing,
    ) -> Wording | Loss:
        """Return what the first writer of a chain says who gives a further answer."""

        def is_answer(reply: Reply) -> bool:
            text = writing.text_of(reply.text)
            return text is not None and bool(text or reply.tool_calls)

        done = await self.ask_chain(
            chain,
            stage,
            render_for,
            reads=reads,
            writing=replace(writing, is_final=True),
            is_usable=is_answer,
            lacks="no answer",
            choice=choice,
        )
        if isinstance(done, Loss):
            return done
        reply = done.finished.reply
        return said(reply, done.finished.call_id, writing.text_of(reply.text))

    def _final(self, writing: Writing) -> Final | None:
        if not writing.is_final:
            return None
        wanted = self.desk.wanted
        most = None if writing.nonce is None else self.spec.drawn.max_tokens  # beside a verdict line there is room
        return Final(nonce=writing.nonce, stops=wanted.stop, most_tokens=most, is_told=not self.desk.is_checked)

    def lose(
        self,
        stage: Stage,
        agent: str,
        kind: str,
        message: str,
        *,
        peer: str | None = None,
        call_id: str | None = None,
    ) -> Loss:
        """Put down that a result will be missing; return the loss."""
        loss = Loss(stage=stage, layer=self.number, agent=agent, peer=peer, kind=kind, message=message, call_id=call_id)
        return self.log.lose(loss)

    def skip(self, stage: Stage, agent: str, message: str, *, peer: str | None = None) -> Loss:
        """Put down a call that is not made, since what it reads is lost; return the loss."""
        return self.lose(stage, agent, "Skipped", message, peer=peer)
