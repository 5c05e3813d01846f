"""How a baseline has some of its answers chosen: by a writer, whose choice nobody else can write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attention_moa.agents import AgentSpec
from attention_moa.choosing import Choice, parse_choice
from attention_moa.config import summary_chain
from attention_moa.layer_run import LayerRun
from attention_moa.limits import EVERYBODY
from attention_moa.messages import Reply, Stage
from attention_moa.prompts import Ballot, render_select
from attention_moa.records import Answer, Loss, Selection
from attention_moa.stopping import by_agreement
from attention_moa.wording import wording_of


class Chosen(NamedTuple):
    """The answers that go on, the best first; why these; whether the writer wants the work to stop; who read what."""

    answers: tuple[Answer, ...]
    reason: str
    is_stop: bool
    writers: tuple[str, ...]


async def choose(layer: LayerRun, answers: Sequence[Answer], *, count: int, may_stop: bool) -> Chosen:
    """Return the answers that the summary agent chooses, or a fallback; else those with the most agreement, labelled.

    Args:
        layer: The layer.
        answers: At least one.
        count: How many go on; all of them where there are not so many.
        may_stop: Whether the writer may also end the work.
    """
    count = min(count, len(answers))
    by_name = {answer.agent: answer for answer in answers}
    texts = {name: wording_of(answer).quoted for name, answer in by_name.items()}

    found: list[Choice] = []

    def ballot(writer: AgentSpec) -> Ballot:
        return render_select(layer.desk, writer, layer.number, texts, count=count, may_stop=may_stop)

    def is_choice(reply: Reply) -> bool:
        nonce = layer.desk.seal.nonce(layer.number, Stage.SELECT)
        choice = parse_choice(reply.text, nonce, count=count, of=len(answers))
        found.extend(() if choice is None else (choice,))
        return choice is not None

    done = await layer.ask_chain(
        summary_chain(layer.spec, writes=False),
        Stage.SELECT,
        lambda writer: ballot(writer).render,
        reads=[answer.call_id for answer in answers],
        is_usable=is_choice,
        lacks="no choice",
    )
    if isinstance(done, Loss):
        return take_most_alike(layer, answers, count, why=done.message)
    names = ballot(done.writer).names
    best = tuple(by_name[names[number - 1]] for number in found[-1].numbers)
    reason = f"chosen by {done.writer.name} out of {len(answers)}"
    call_id = done.finished.call_id
    layer.board.selection = Selection(
        chosen=tuple(answer.agent for answer in best), reason=reason, agent=done.writer.name, call_id=call_id
    )
    return Chosen(best, reason, may_stop and found[-1].is_stop, (call_id,))


def take_most_alike(layer: LayerRun, answers: Sequence[Answer], count: int, *, why: str) -> Chosen:
    """Return the answers with the most agreement, put down as standing in for a choice.

    Args:
        layer: The layer.
        answers: At least one.
        count: How many.
        why: Why nothing better was to be had, one line.
    """
    best = tuple(answers[place] for place in by_agreement([wording_of(answer).quoted for answer in answers])[:count])
    names = tuple(answer.agent for answer in best)
    reason = "most like all the others"
    whose = f"the {'answer' if count == 1 else 'answers'} of {', '.join(names)}, {reason}"
    what = f"{whose}, stand{'s' if count == 1 else ''} in for a choice"
    layer.log.degrade(layer.number, Stage.SELECT, EVERYBODY, what=what, why=why)
    layer.board.selection = Selection(chosen=names, reason=reason, stands_in=why)
    return Chosen(best, reason, False, ())
