"""A whole proof: the pilot, the ensemble and its baselines at equal spend, the judge, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.bench.board import Board
from attention_moa.bench.judge_runs import judge_usd_each
from attention_moa.bench.pairwise import Comparison as Compared
from attention_moa.bench.prove_document import Evidence, proof_of, write_proof
from attention_moa.bench.prove_floor import JUDGE, PILOT, Floor, Work, preferences_of
from attention_moa.bench.prove_folder import Decisions, enter_folder, keep_decisions, run_prefix
from attention_moa.bench.prove_money import Shares, spent_usd
from attention_moa.bench.prove_pilot import Split, pilot_ids, split
from attention_moa.bench.prove_result import Best, How, Proof
from attention_moa.bench.prove_scores import Answers, best_agent, is_checkable, scores_of
from attention_moa.bench.prove_sizing import Scales, baseline_systems, sizes_of
from attention_moa.bench.prove_spend import mean_cost, spend_unit
from attention_moa.bench.prove_systems import SINGLE, single_systems
from attention_moa.bench.questions import QuestionSet
from attention_moa.bench.reach import Reach, describe_reach, reach_of, require_prices
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.settings_file import Settings
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.errors import ConfigError
from attention_moa.plan import models_of
from attention_moa.ports import Journal
from attention_moa.store import open_journal


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be proven.

    Args:
        questions: The prompts.
        ensemble: What is to be proven, under its name.
        settings: What is written down of it; the baselines' systems are put in when they are known.
        key: What the proof is known by.
        folder: Where all goes.
        judge: Who judges; None where right answers say it all.
        baselines: What the ensemble has to beat.
        best: The best agent, as the user says; None lets a pilot find out.
        seed: By which the pilot is drawn.
        journal: Where the calls are kept: a path or URL; None for a file in the folder.
        parallel: How many prompts are under way at once at most.
    """

    questions: QuestionSet
    ensemble: System
    settings: Settings
    key: str
    folder: Path
    judge: EnsembleSpec | None = None
    baselines: tuple[str, ...]
    best: str | None = None
    seed: int = 0
    journal: str | Path | None = None
    parallel: int = 8

    @property
    def spec(self) -> EnsembleSpec:
        """The ensemble."""
        return self.ensemble.spec


class Proving:
    """One proof in one folder.

    Args:
        wish: What is to be proven.
        board: Where it is shown how far it is.
        tell: Told what a person has to know before and between.
    """

    def __init__(self, wish: Wish, board: Board, tell: Callable[[str], None]) -> None:
        """Prepare it; nothing is written yet."""
        self._wish = wish
        self._board = board
        self._tell = tell
        self._singles = single_systems(wish.spec, wish.ensemble.name)
        taken = {wish.ensemble.name, *(one.name for one in self._singles.values())}
        sized = (name for name in wish.baselines if name != SINGLE)
        self._names = {name: name if name not in taken else f"{name}-baseline" for name in sized}
        prefix = run_prefix(wish.spec)
        self._questions = wish.questions._replace(task=prefix)
        self._work = Work(wish.questions.questions, wish.folder / "runs", wish.folder / "judgements")
        self._pilot = self._work

    async def run(self) -> Proof:
        """Return what it came to, written to its folder; what an earlier life of it finished is taken over.

        Raises:
            ConfigError: Something is wrong that the user can put right: another proof in the folder, too few prompts,
                no judge, a missing key, a budget that reaches for nothing.
            StoreError: The folder or the journal cannot be written.
        """
        wish = self._wish
        self._require_judge()
        if wish.settings.budget_usd is not None:
            require_prices([wish.ensemble], () if wish.judge is None else all_agents(wish.judge))
        decided = enter_folder(wish.folder, wish.key) or Decisions(key=wish.key, pilot=self._pilot_ids())
        parts = split(wish.questions.questions, decided.pilot)
        keep_decisions(wish.folder, decided)
        self._work = self._work._replace(questions=parts.rest)
        self._pilot = Work(parts.pilot, wish.folder / PILOT, wish.folder / PILOT / "judgements", PILOT)
        place = wish.folder / "journal.db" if wish.journal is None else wish.journal
        async with open_journal(place) as journal:
            evidence = await self._gathered(journal, parts, decided)
        proof = proof_of(wish.settings, evidence)
        write_proof(wish.folder, proof, evidence, wish.settings)
        return proof

    def _require_judge(self) -> None:
        open_ones = sum(not is_checkable(one) for one in self._wish.questions.questions)
        if open_ones and self._wish.judge is None:
            raise ConfigError(
                f"{open_ones} of {len(self._wish.questions.questions)} prompts have no right answer that can be "
                "checked: name who judges, such as openai:gpt-4.1",
                key="--judge",
            )

    def _pilot_ids(self) -> tuple[str, ...]:
        """Return the pilot's prompts: none where the best agent is known."""
        is_known = self._wish.best is not None or len(self._singles) == 1
        has_use = any(name in {"best-of-n", "self-moa"} for name in self._wish.baselines)
        return () if is_known or not has_use else pilot_ids(self._wish.questions.questions, self._wish.seed)

    async def _gathered(self, journal: Journal, parts: Split, decided: Decisions) -> Evidence:
        """Return all answers and judgements, made in the order of ``docs/prove.md``."""
        wish = self._wish
        shares = await self._shares(journal, parts)
        floor = Floor(self._questions, journal, parallel=wish.parallel, board=self._board, shares=shares)
        self._board.start()
        piloted = await self._pilot_answers(floor)
        singles = tuple(self._singles.values()) if SINGLE in wish.baselines else ()
        lines = await self._answers(floor, (wish.ensemble, *singles))
        # Before anybody judges: a judge may be one of the models, and its short replies are none of an agent's.
        experience = await journal.experience(models_of(wish.spec))
        pilot_said = await self._judged(floor, piloted, self._pilot)
        best = decided.best or self._best(piloted, pilot_said)
        if decided.unit is None:
            unit = spend_unit(line for found in lines.values() for line in found.values())
            scales = Scales(self._work.questions, unit, experience)
            ours = list(lines[wish.ensemble.name].values())
            sizes = sizes_of(wish.spec, wish.baselines, scales, best=best.agent, lines=ours)
            decided = replace(decided, best=best, unit=unit, sizes=sizes)
            if not shares.is_empty:  # with more money it is decided anew, on all of it
                keep_decisions(wish.folder, decided)
        baselines = baseline_systems(wish.spec, self._names, decided.sizes, best=best.agent)
        lines |= await self._answers(floor, baselines)
        return Evidence(
            ensemble=wish.ensemble,
            systems=(wish.ensemble, *singles, *baselines),
            questions=self._work.questions,
            lines=lines,
            said=await self._judged(floor, lines, self._work),
            piloted=piloted,
            pilot_said=pilot_said,
            best=best,
            unit=decided.unit or "tokens",
            sizes={self._names[name]: size for name, size in decided.sizes.items()},
            judge=wish.judge,
            seed=wish.seed,
            is_stopped=shares.is_empty,
        )

    async def _answers(self, floor: Floor, systems: Sequence[System]) -> dict[str, dict[str, RunLine]]:
        floor.announce(systems, self._work)
        return {one.name: await floor.answer(one, self._work) for one in systems}

    async def _pilot_answers(self, floor: Floor) -> dict[str, dict[str, RunLine]]:
        """Return the answers to the pilot's prompts, by system; nothing where there is no pilot."""
        if not self._pilot.questions:
            return {}
        self._tell(f"pilot: {len(self._pilot.questions)} prompts find the best agent, and are not used again")
        systems = (self._wish.ensemble, *self._singles.values())
        floor.announce(systems, self._pilot)
        found = {one.name: await floor.answer(one, self._pilot) for one in systems}
        floor.clear()
        return found

    async def _judged(
        self, floor: Floor, lines: Mapping[str, Mapping[str, RunLine]], work: Work
    ) -> dict[str, list[Compared]]:
        """Return what the judge says of the ensemble and each other system."""
        judge, ours = self._wish.judge, self._wish.ensemble.name
        others = {name: Answers(lines[ours], theirs) for name, theirs in lines.items() if name != ours}
        return {} if judge is None or not others else await floor.compare(judge, others, work)

    def _best(self, lines: Mapping[str, Mapping[str, RunLine]], said: Mapping[str, Sequence[Compared]]) -> Best:
        wish, questions = self._wish, self._pilot.questions
        if not questions:
            how: How = "told" if wish.best is not None else "only-one"
            return Best(agent=wish.best or wish.spec.agents[0].name, how=how)
        scores: dict[str, list[float | None]] = {}
        for agent, system in self._singles.items():
            answers = Answers(lines[wish.ensemble.name], lines[system.name])
            preferences = preferences_of(said.get(system.name, ()), questions)
            found = scores_of(questions, answers, preferences).values()
            scores[agent] = [None if score is None else 1 - score for score in found]
        everybody = [line for found in lines.values() for line in found.values()]
        unit = spend_unit(everybody)
        costs = {agent: mean_cost(lines[one.name].values(), unit) for agent, one in self._singles.items()}
        return Best(
            agent=best_agent(scores, costs),
            how=self._how(),
            prompts=tuple(one.id for one in questions),
            rates={agent: _mean(found) for agent, found in scores.items()},
        )

    def _how(self) -> How:
        checked = [is_checkable(one) for one in self._pilot.questions]
        return "right-answers" if all(checked) else "judge-and-right-answers" if any(checked) else "judge"

    async def _shares(self, journal: Journal, parts: Split) -> Shares:
        """Return the money of all parts: by what is planned, and what earlier lives have left over."""
        wish = self._wish
        budget = wish.settings.budget_usd
        if budget is None:
            return Shares(None, parallel=wish.parallel)
        left = max(budget - await spent_usd(journal, run_prefix(wish.spec)), 0.0)
        systems = (wish.ensemble, *self._singles.values())
        experience = await journal.experience(models_of(wish.spec))
        reach = reach_of(systems, parts.rest, usd=left, experience=experience)
        judge = 0.0 if wish.judge is None else 2 * judge_usd_each(wish.judge, parts.rest)
        weights = self._weights(reach.usd_each, judge, parts)
        self._tell_reach(left, sum(weights.values()), reach=reach, parts=parts)
        shares = Shares(left, parallel=wish.parallel)
        shares.expect(weights)
        return shares

    def _weights(self, each: Mapping[str, float], judge: float, parts: Split) -> dict[str, float]:
        """Return what each part is planned to cost; a baseline at equal spend costs what the ensemble does."""
        ours = self._wish.ensemble.name
        pilot, rest = len(parts.pilot), len(parts.rest)
        sized = self._names.values()
        singles = [one.name for one in self._singles.values()] if SINGLE in self._wish.baselines else []
        weights = {self._pilot.part(name): usd * pilot for name, usd in each.items()}
        weights |= {self._pilot.part(JUDGE): judge * len(self._singles) * pilot}
        weights |= {name: each[name] * rest for name in (ours, *singles)}
        weights |= dict.fromkeys(sized, each[ours] * rest)
        return weights | {JUDGE: judge * (len(singles) + len(sized)) * rest}

    def _tell_reach(self, left: float, needed: float, *, reach: Reach, parts: Split) -> None:
        """Say how far the money reaches; raise where it is for nothing and nothing is there yet."""
        prompts = len(parts.pilot) + len(parts.rest)
        each = needed / prompts
        covered = prompts if each <= 0 else min(int(left / each), prompts)
        line = describe_reach(Reach({"all": each}, covered, reach.is_bound), usd=left, questions=prompts)
        if not covered and left == self._wish.settings.budget_usd:
            raise ConfigError(f"{line}: raise it, or lower --max-tokens", key="--budget")
        self._tell(line)


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None
