"""The stages of the agents: answer, semantic attention, refinement (paper, stages 1 to 3).

Each function is one coroutine of a layer. It receives the tasks that it reads, and returns a result or a loss.
"""

from __future__ import annotations

from asyncio import Task
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.call_plan import critic_of
from attention_moa.calls import Finished
from attention_moa.layer_run import SUMMARY_READER, LayerRun
from attention_moa.messages import Stage
from attention_moa.prompts import (
    Render,
    Section,
    render_answer,
    render_critique,
    render_panel,
    render_refine,
    split_panel,
)
from attention_moa.records import Answer, Critique, Loss, Refinement
from attention_moa.schedule import Pair
from attention_moa.waiting import settled
from attention_moa.writing import ADVICE

Panel: TypeAlias = Mapping[str, Critique | Loss]
"""All critiques of one critic, by author."""


async def answer(run: LayerRun, agent: AgentSpec) -> Answer | Loss:
    """Return ``y[i]``."""
    if run.is_left_out(Stage.ANSWER, agent.name):
        return run.late(Stage.ANSWER, agent.name)
    render = render_answer(run.desk, agent, run.number, run.previous)
    return await give_answer(run, agent, render, reads=run.past.writers)


async def give_answer(run: LayerRun, agent: AgentSpec, render: Render, *, reads: Sequence[str]) -> Answer | Loss:
    """Return an agent's answer, put down on the layer's board.

    Args:
        run: The layer.
        agent: Who answers.
        render: The prompt.
        reads: The calls whose texts it holds.
    """
    writing = run.writing(is_final=run.spec.strategy == "single") if run.desk.agents_write else ADVICE
    done = await run.ask(agent, Stage.ANSWER, render, reads=reads, writing=writing)
    result: Answer | Loss
    if isinstance(done, Loss):
        result = done
    else:
        reply = done.reply
        result = Answer(
            agent=agent.name,
            text=reply.text,
            call_id=done.call_id,
            is_truncated=reply.is_truncated,
            tool_calls=reply.tool_calls,
        )
    run.board.answers[agent.name] = result
    return result


async def critique(
    run: LayerRun,
    pair: Pair,
    answers: Mapping[str, Task[Answer | Loss]],
    panels: Mapping[str, Task[Panel]],
) -> Critique | Loss:
    """Return ``a[i->j]``: by a call of its own, or as a section of the critic's panel where there are panels."""
    if pair.critic in (run.decided_late(Stage.REFINE, pair.author) or ()):
        return run.late(Stage.CRITIQUE, pair.critic, peer=pair.author)  # nobody pays for it now
    if not panels and run.is_left_out(Stage.CRITIQUE, pair.critic, peer=pair.author):
        return run.late(Stage.CRITIQUE, pair.critic, peer=pair.author)
    if panels:
        (panel,) = await settled(panels[pair.critic])
        found = panel[pair.author]
    else:
        own, theirs = await settled(answers[pair.critic], answers[pair.author])
        found = await _criticise(run, pair, own, theirs)
    if not _is_late(found):  # whoever left it out puts it down
        run.board.critiques.setdefault(pair, found)  # what its reader left out stays so
    return found


def _is_late(found: Critique | Loss) -> bool:
    return isinstance(found, Loss) and found.kind == "Late"


async def _criticise(run: LayerRun, pair: Pair, own: Answer | Loss, theirs: Answer | Loss) -> Critique | Loss:
    if isinstance(own, Loss) or isinstance(theirs, Loss):
        missing = pair.critic if isinstance(own, Loss) else pair.author
        return run.skip(Stage.CRITIQUE, pair.critic, f"the answer of {missing} is lost", peer=pair.author)
    critic = critic_of(run.spec, pair.critic)
    render = render_critique(
        run.desk,
        critic,
        run.number,
        own.text,
        peer=None if pair.critic == pair.author else theirs.text,
        author=pair.author,
        previous=run.previous,
    )
    done = await run.ask(critic, Stage.CRITIQUE, render, reads=(own.call_id, theirs.call_id), peer=pair.author)
    if isinstance(done, Loss):
        return done
    return Critique(
        critic=pair.critic,
        author=pair.author,
        text=done.reply.text,
        call_id=done.call_id,
        is_truncated=done.reply.is_truncated,
    )


async def panel(run: LayerRun, critic: str, answers: Mapping[str, Task[Answer | Loss]]) -> Panel:
    """Return all critiques of one critic, written in one call; a section that the reply lacks is a loss."""
    authors = [pair.author for pair in run.pairs if pair.critic == critic]
    if run.is_left_out(Stage.CRITIQUE, critic):
        return {author: run.late(Stage.CRITIQUE, critic, peer=author) for author in authors}
    own, *found = await settled(answers[critic], *(answers[author] for author in authors))
    if isinstance(own, Loss):
        why = f"the answer of {critic} is lost"
        return {author: run.skip(Stage.CRITIQUE, critic, why, peer=author) for author in authors}
    result: dict[str, Critique | Loss] = {}
    present: dict[str, Answer] = {}
    for author, theirs in zip(authors, found, strict=True):
        if isinstance(theirs, Loss):
            why = f"the answer of {author} is lost"
            result[author] = run.skip(Stage.CRITIQUE, critic, why, peer=author)
        else:
            present[author] = theirs
    return {**result, **(await _write_panel(run, critic, own, present) if present else {})}


async def _write_panel(run: LayerRun, critic: str, own: Answer, present: Mapping[str, Answer]) -> Panel:
    agent = critic_of(run.spec, critic, len(present))
    peers = {author: theirs.text for author, theirs in present.items() if author != critic}
    render, sections = render_panel(
        run.desk, agent, run.number, own.text, peers=peers, has_self=critic in present, previous=run.previous
    )
    reads = (own.call_id, *(theirs.call_id for theirs in present.values()))
    done = await run.ask(agent, Stage.CRITIQUE, render, reads=reads)
    if isinstance(done, Loss):
        return {author: replace(done, peer=author) for author in present}
    return _sections_found(run, critic, done, sections)


def _sections_found(run: LayerRun, critic: str, done: Finished, sections: Sequence[Section]) -> Panel:
    texts = split_panel(done.reply.text, sections)
    last = list(texts)[-1:]
    result: dict[str, Critique | Loss] = {}
    for author in (section.author for section in sections):
        if author in texts:
            result[author] = Critique(
                critic=critic,
                author=author,
                text=texts[author],
                call_id=done.call_id,
                is_truncated=done.reply.is_truncated and author in last,
            )
        else:
            why = "the panel reply has no section for this author"
            result[author] = run.lose(Stage.CRITIQUE, critic, "MissingSection", why, peer=author, call_id=done.call_id)
    return result


async def refine(
    run: LayerRun,
    agent: AgentSpec,
    answers: Mapping[str, Task[Answer | Loss]],
    critiques: Mapping[Pair, Task[Critique | Loss]],
) -> Refinement | None:
    """Return ``y'[j]``; None where the answer is lost.

    Where the refinement or all critiques are lost, the own answer stands in, labelled.
    """
    if agent.name in (run.decided_late(Stage.SUMMARY, SUMMARY_READER) or ()):
        # The summary went on without it before the run was interrupted.
        _leave_out(run, agent.name, run.decided_late(Stage.REFINE, agent.name) or ())
        return None
    planned = {pair.critic: task for pair, task in critiques.items() if pair.author == agent.name}
    quorum = run.spec.quorum.critiques
    critiqued = await run.gather(Stage.REFINE, agent.name, planned, quorum=quorum, is_there=_is_critique)
    _leave_out(run, agent.name, critiqued.late)
    found = [written for written in critiqued.found.values() if isinstance(written, Critique)]
    (own,) = await settled(answers[agent.name])
    if isinstance(own, Loss):
        return None
    if not planned:
        refined = _as_it_is(own, "attention is off")
    elif not found:
        loss = run.skip(Stage.REFINE, agent.name, "no critique of the answer arrived")
        refined = _stand_in(run, own, loss)
    else:
        refined = await _work_in(run, agent, own, found)
    if agent.name not in run.late_authors:
        run.board.refinements[agent.name] = refined
    return refined


def _leave_out(run: LayerRun, author: str, critics: Sequence[str]) -> None:
    for critic in critics:
        late = run.leave_out(Stage.CRITIQUE, critic, quorum=run.spec.quorum.critiques, peer=author)
        run.board.critiques[Pair(critic, author)] = late


def _is_critique(result: Critique | Loss) -> bool:
    return isinstance(result, Critique)


async def _work_in(run: LayerRun, agent: AgentSpec, own: Answer, found: Sequence[Critique]) -> Refinement:
    texts = {written.critic: written.text for written in found}
    render = render_refine(run.desk, agent, run.number, own.text, critiques=texts, previous=run.previous)
    reads = (own.call_id, *(written.call_id for written in found))
    done = await run.ask(agent, Stage.REFINE, render, reads=reads)
    if isinstance(done, Loss):
        return _stand_in(run, own, done)
    reply = done.reply
    return Refinement(agent=agent.name, text=reply.text, call_id=done.call_id, is_truncated=reply.is_truncated)


def _stand_in(run: LayerRun, own: Answer, loss: Loss) -> Refinement:
    what = "its own answer stands in for the refinement"
    run.log.degrade(run.number, Stage.REFINE, own.agent, what=what, why=loss.message)
    return _as_it_is(own, loss.message)


def _as_it_is(own: Answer, why: str) -> Refinement:
    return Refinement(agent=own.agent, text=own.text, call_id=own.call_id, is_truncated=own.is_truncated, stands_in=why)
