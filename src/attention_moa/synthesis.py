"""The stages of the writers: summary, residual, verdict (paper, stages 4 and 5)."""

from __future__ import annotations

from asyncio import Task
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from attention_moa.config import summary_chain
from attention_moa.errors import OverLimitError
from attention_moa.layer_run import SUMMARY_READER, LayerRun, Past, Written
from attention_moa.messages import Reply, Stage
from attention_moa.prompts import Output, render_residual, render_summary
from attention_moa.records import Answer, Loss, Refinement, Residual, Summary, Verdict, layers_ran
from attention_moa.run_log import RunLog
from attention_moa.schedule import has_verdict, residual_writers
from attention_moa.stopping import is_garbled, most_central, parse_verdict, similarity
from attention_moa.waiting import settled
from attention_moa.wording import Wording, wording_of


class Merged(NamedTuple):
    """What a layer ends with.

    Args:
        output: ``o[l]``; None where there is none.
        verdict: Whether the run goes on, and why.
        writers: The call that wrote the output; where a baseline hands on answers, the call that chose them.
        answers: What a baseline's layer hands on beside an output, or in its place.
    """

    output: Wording | None
    verdict: Verdict
    writers: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()


async def summarise(run: LayerRun, refinements: Mapping[str, Task[Refinement | None]]) -> Summary | None:
    """Return ``s[l]``: by the summary agent, else by a fallback, else the most central refinement, labelled.

    None where no agent is left.
    """
    quorum = run.spec.quorum.refinements
    gathered = await run.gather(
        Stage.SUMMARY, SUMMARY_READER, refinements, quorum=quorum, is_there=lambda refined: refined is not None
    )
    run.late_authors = gathered.late
    for agent in gathered.late:
        run.leave_out(Stage.REFINE, agent, quorum=quorum)
    found = [refined for refined in gathered.found.values() if refined is not None]
    chain = summary_chain(run.spec)
    if not found:
        run.board.summary = run.skip(Stage.SUMMARY, chain[0].name, "no answer is left to summarise")
        return None
    return await write_summary(run, found, is_final=_is_last_word(run))


async def write_summary(
    run: LayerRun, found: Sequence[Answer | Refinement], *, waited_for: Sequence[str] = (), is_final: bool
) -> Summary:
    """Return one text out of several: by the summary agent, else by a fallback, else the most central one, labelled.

    Args:
        run: The layer.
        found: What there is to merge, at least one.
        waited_for: Calls that decided what is merged.
        is_final: Whether what is written is sure to be the answer.
    """
    texts = {part.agent: part.text for part in found}
    done = await run.ask_chain(
        summary_chain(run.spec),
        Stage.SUMMARY,
        lambda writer: render_summary(run.desk, writer, run.number, texts),
        reads=[*(part.call_id for part in found), *waited_for],
        writing=run.writing(is_final=is_final),
    )
    run.board.summary = summary = _summary_of(done) if isinstance(done, Written) else _stand_in(run, found, done)
    return summary


def _is_last_word(run: LayerRun) -> bool:
    """Return whether the summary of a layer is the answer, whatever it says: nothing is read or compared behind it."""
    if run.number < run.spec.layers or (run.number > 1 and run.spec.residual.enabled):
        return False
    stop = run.spec.early_stop
    may_return_previous = stop.rule == "similarity" and stop.returns == "previous" and run.number >= stop.min_layers
    return run.past.output is None or not may_return_previous


def _summary_of(done: Written) -> Summary:
    reply = done.finished.reply
    return Summary(
        agent=done.writer.name,
        text=reply.text,
        call_id=done.finished.call_id,
        is_truncated=reply.is_truncated,
        tool_calls=reply.tool_calls,
    )


def _stand_in(run: LayerRun, found: Sequence[Answer | Refinement], loss: Loss) -> Summary:
    best = found[most_central([part.text for part in found])]
    kind = "refinement" if isinstance(best, Refinement) else "answer"
    what = f"the {kind} of {best.agent}, the one most like all the others, stands in for the summary"
    run.log.degrade(run.number, Stage.SUMMARY, loss.agent, what=what, why=loss.message)
    return Summary(
        agent=best.agent,
        text=best.text,
        call_id=best.call_id,
        is_truncated=best.is_truncated,
        stands_in=loss.message,
    )


async def merge(run: LayerRun, summarised: Task[Summary | None]) -> Merged:
    """Return ``o[l]`` and the verdict: ``s[1]`` in layer 1; from layer 2 on ``r[l]``, or a stop."""
    (summary,) = await settled(summarised)
    if summary is None:
        return nothing_new(run)
    if run.past.output is None:
        return _of_summary(summary, _going_on(run, "nothing to compare with yet"))
    stop = run.spec.early_stop
    likeness: float | None = None
    if stop.rule == "similarity" and run.number >= stop.min_layers:
        likeness = similarity(wording_of(summary).quoted, run.past.output.quoted)
        reason = f"the summary is {likeness:.0%} like the output of layer {run.number - 1}"
        if likeness >= stop.threshold:
            verdict = Verdict(layer=run.number, is_stop=True, rule="similarity", reason=reason, score=likeness)
            return _stopped(run, summary, verdict)
        below = f"{reason}, below {stop.threshold:.0%}"
        return await _merged(run, summary, below, likeness)
    return await _merged(run, summary, None, None)


async def _merged(run: LayerRun, summary: Summary, reason: str | None, score: float | None) -> Merged:
    """Return ``o[l]`` of a layer that goes on: by the residual agent, or ``s[l]`` where there is none."""
    if run.spec.residual.enabled:
        return await _residual(run, summary, reason, score)
    return _of_summary(summary, _going_on(run, reason or "there is no residual agent", score))


def _of_summary(summary: Summary, verdict: Verdict) -> Merged:
    return Merged(wording_of(summary), verdict, (summary.call_id,))


async def _residual(run: LayerRun, summary: Summary, reason: str | None, score: float | None) -> Merged:
    """Ask the residual agent and its fallbacks; keep the summary, labelled, where none of them gives a text.

    Args:
        run: The layer.
        summary: ``s[l]``.
        reason: Why the run goes on, where another rule than the verdict decided that.
        score: The score of that rule.
    """
    may_stop = has_verdict(run.spec, run.number, run.desk.wanted)
    nonce = run.desk.seal.nonce(run.number)
    outputs = (*run.past.outputs, Output(run.number, wording_of(summary).quoted))

    def is_usable(reply: Reply) -> bool:
        parsed = parse_verdict(reply.text, nonce)
        says_something = bool(parsed.text or reply.tool_calls) and not is_garbled(reply.text, nonce)
        return (may_stop and parsed.is_stop is True) or says_something

    done = await run.ask_chain(
        residual_writers(run.spec, run.number, run.desk.wanted),
        Stage.RESIDUAL,
        lambda writer: render_residual(run.desk, writer, run.number, outputs, has_verdict=may_stop),
        reads=(*run.past.all_writers, summary.call_id),
        writing=run.writing(nonce=nonce if may_stop else None, is_final=run.number == run.spec.layers),
        is_usable=is_usable,
    )
    if isinstance(done, Loss):
        run.board.residual = done
        what = "the layer's summary stands in for the residual"
        run.log.degrade(run.number, Stage.RESIDUAL, done.agent, what=what, why=done.message)
        return _of_summary(summary, _going_on(run, reason or "no verdict arrived", score))
    writer, finished = done
    parsed = parse_verdict(finished.reply.text, nonce)
    is_stop = may_stop and parsed.is_stop is True
    run.board.residual = residual = Residual(
        agent=writer.name,
        text="" if is_stop else parsed.text,
        call_id=finished.call_id,
        is_truncated=finished.reply.is_truncated,
        tool_calls=() if is_stop else finished.reply.tool_calls,
    )
    if is_stop:
        why = f"{writer.name} finds the latest output no improvement"
        return _stopped(run, summary, Verdict(layer=run.number, is_stop=True, rule="verdict", reason=why))
    if may_stop:
        reason = f"{writer.name} {'gave no verdict' if parsed.is_stop is None else 'decided to go on'}"
    going_on = _going_on(run, reason or "no early stopping here", score)
    return Merged(wording_of(residual), going_on, (finished.call_id,))


def add_to_past(run: LayerRun, merged: Merged, output: Wording) -> Past:
    """Return what the next layer knows.

    Args:
        run: The layer that is over.
        merged: What it ended with.
        output: ``o[l]``.
    """
    summary = run.board.summary
    kept, wrote = output, merged.writers
    if run.spec.residual.history == "summaries" and isinstance(summary, Summary):
        kept, wrote = wording_of(summary), (summary.call_id,)
    return Past(
        outputs=(*run.past.outputs, Output(run.number, kept.quoted)),
        output=output,
        writers=merged.writers,
        all_writers=(*run.past.all_writers, *wrote),
    )


def _stopped(run: LayerRun, summary: Summary, verdict: Verdict) -> Merged:
    if run.spec.early_stop.returns == "previous":
        return Merged(run.past.output, verdict, run.past.writers)
    return _of_summary(summary, verdict)


def why_no_answer(log: RunLog, merged: Merged) -> str:
    """Return why a run has no answer at all, in one line.

    Args:
        log: The run's.
        merged: What its last layer ended with.
    """
    if merged.verdict.rule == "deadline":
        return f"{merged.verdict.reason} before any answer was there"
    by_message: dict[str, dict[str, None]] = {}
    for loss in log.record().losses:
        if not loss.is_skipped:
            by_message.setdefault(loss.message, {})[loss.agent] = None
    why = "; ".join(f"{', '.join(agents)}: {message}" for message, agents in by_message.items())
    return f"no agent gave an answer ({why})"


def _going_on(run: LayerRun, reason: str, score: float | None = None) -> Verdict:
    layers = run.spec.layers
    if run.number == layers:
        reason = layers_ran(1) if layers == 1 else f"{layers_ran(layers)}; {reason}"
        return Verdict(layer=run.number, is_stop=False, rule="last", reason=reason, score=score)
    rule = run.spec.early_stop.rule if run.number >= max(run.spec.early_stop.min_layers, 2) else "none"
    return Verdict(layer=run.number, is_stop=False, rule=rule, reason=reason, score=score)


def nothing_new(run: LayerRun) -> Merged:
    """Return what a layer ends with in which no agent is left: what there was before is the best there is."""
    reason = "no agent gave an answer in this layer"
    lost = [answer for answer in run.board.answers.values() if isinstance(answer, Loss)]
    is_limit = any(loss.kind == OverLimitError.__name__ for loss in lost)
    if run.past.output is not None:
        what = f"the output of layer {run.number - 1} is returned"
        run.log.degrade(run.number, Stage.SUMMARY, "all agents", what=what, why=reason)
    verdict = Verdict(layer=run.number, is_stop=True, rule="limit" if is_limit else "failure", reason=reason)
    return Merged(run.past.output, verdict, run.past.writers)
