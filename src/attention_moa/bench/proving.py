"""A whole proof: the pilot, the ensemble and its baselines at equal spend, the judge, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.bench.board import Board
from attention_moa.bench.judge_runs import judge_usd_each
from attention_moa.bench.pairwise import Comparison as Compared
from attention_moa.bench.prove_document import proof_of, write_proof
from attention_moa.bench.prove_evidence import Evidence
from attention_moa.bench.prove_floor import JUDGE, PILOT, TRIAL, Floor, Work
from attention_moa.bench.prove_folder import Decisions, decisions_in, keep_decisions, make_folder, run_prefix
from attention_moa.bench.prove_money import Shares
from attention_moa.bench.prove_pilot import Lines, Split, agent_pairs, pilot_ids, pilot_scores, split
from attention_moa.bench.prove_result import Best, How, Proof, Size
from attention_moa.bench.prove_scores import Answers, best_agent, is_cheaper, is_checkable, tied_with
from attention_moa.bench.prove_sizing import Scales, baseline_systems, sizes_of
from attention_moa.bench.prove_spend import mean_cost, spend_unit
from attention_moa.bench.prove_systems import SINGLE, single_systems
from attention_moa.bench.prove_trials import TRIAL_PROMPTS, Trials, trial_questions
from attention_moa.bench.questions import Question
from attention_moa.bench.reach import Reach, describe_reach, reach_of, require_prices
from attention_moa.bench.ready import require_ready
from attention_moa.bench.run_lines import RunLine, read_lines_of
from attention_moa.bench.settings_file import Order
from attention_moa.bench.spent import spent_usd
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.errors import ConfigError
from attention_moa.experience import ModelExperience
from attention_moa.plan import models_of
from attention_moa.ports import Journal
from attention_moa.store import open_journal


class Wish(Order, frozen=True, kw_only=True):
    """What is to be proven; the settings get the baselines' systems when these are known.

    Args:
        ensemble: What is to be proven, under its name.
        key: What the proof is known by.
        baselines: What the ensemble has to beat.
        best: The best agent, as the user says; None lets a pilot find out.
        seed: By which the pilot is drawn.
    """

    ensemble: System
    key: str
    baselines: tuple[str, ...]
    best: str | None = None
    seed: int = 0

    @property
    def spec(self) -> EnsembleSpec:
        """The ensemble."""
        return self.ensemble.spec


class Ground(NamedTuple):
    """Where baselines are tried, with what money, and the prompts that the ensemble came to."""

    floor: Floor
    shares: Shares
    asked: tuple[Question, ...]


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
        self._work = Work(wish.questions.questions, wish.folder / "runs")
        self._pilot = self._work
        self._usd_each: Mapping[str, float] = {}
        self._pair_usd = 0.0

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
        decided = decisions_in(wish.folder, wish.key) or Decisions(key=wish.key, pilot=self._pilot_ids())
        parts = split(wish.questions.questions, decided.pilot)
        await require_ready([wish.ensemble], wish.judge)
        make_folder(wish.folder, decided)
        self._work = self._work._replace(questions=parts.rest)
        self._pilot = Work(parts.pilot, wish.folder / PILOT, PILOT)
        async with open_journal(wish.place) as journal:
            evidence = await self._gathered(journal, parts, decided)
        proof = proof_of(wish.settings, evidence)
        write_proof(wish.folder, proof, evidence, wish.settings)
        return proof

    @property
    def _trials_folder(self) -> Path:
        return self._wish.folder / PILOT / TRIAL

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
        baselines: tuple[System, ...] = ()
        lines: dict[str, dict[str, RunLine]] = {}
        said: dict[str, list[Compared]] = {}
        pilot_said: dict[str, list[Compared]] = {}
        for chunk in self._chunks(shares):
            shares.expect(self._weights(pilot=0, rest=len(chunk), is_tried=decided.is_tried))
            asked = await self._answer_all(floor, (wish.ensemble, *singles), chunk, lines)
            if not baselines:
                # Before anybody judges: a judge may be one of the models, and its short replies are none of an agent's.
                experience = await journal.experience(models_of(wish.spec))
                pilot_said = await self._pilot_said(floor, piloted)
                decided = replace(decided, best=decided.best or self._best(piloted, pilot_said))
                ground = Ground(floor, shares, tuple(asked))
                decided = await self._sized(ground, decided, lines, experience)
                baselines = self._systems(decided)
            asked = await self._answer_all(floor, baselines, asked, lines)
            for name, found in (await self._said(floor, lines, asked)).items():
                said.setdefault(name, []).extend(found)
            if shares.is_empty:
                break
        return Evidence(
            ensemble=wish.ensemble,
            systems=(wish.ensemble, *singles, *baselines),
            questions=self._work.questions,
            lines=lines,
            said=said,
            piloted=tuple(line for found in piloted.values() for line in found.values()),
            trials=tuple(self._trials()),
            pilot_said=pilot_said,
            best=decided.best or Best(agent="", how="told"),
            unit=decided.unit or "tokens",
            sizes={self._names[name]: size for name, size in decided.sizes.items()},
            judge=wish.judge,
            seed=wish.seed,
            is_stopped=shares.is_empty,
        )

    def _chunks(self, shares: Shares) -> Iterator[tuple[Question, ...]]:
        """Yield the prompts: all at once; where money is limited few at a time, so that all systems reach the same."""
        questions = self._work.questions
        count = max(2 * self._wish.parallel, TRIAL_PROMPTS) if shares.is_limited else len(questions)
        for begin in range(0, len(questions), count):
            yield questions[begin : begin + count]

    async def _sized(
        self, ground: Ground, decided: Decisions, lines: Lines, experience: Mapping[str, ModelExperience]
    ) -> Decisions:
        """Return what is decided with the sizes of the baselines, which are tried; kept as it comes."""
        wish = self._wish
        unit = decided.unit or spend_unit(line for found in lines.values() for line in found.values())
        scales = Scales(self._work.questions, unit, experience)
        if decided.unit is None:
            ours = list(lines[wish.ensemble.name].values())
            sizes = sizes_of(wish.spec, wish.baselines, scales, best=self._best_of(decided), lines=ours)
            decided = self._kept(replace(decided, unit=unit, sizes=sizes), ground.shares)
        if not decided.is_tried:
            sizes = await self._tried(ground, decided, lines[wish.ensemble.name], scales)
            decided = self._kept(replace(decided, sizes=sizes, is_tried=True), ground.shares)
        return decided

    def _kept(self, decided: Decisions, shares: Shares) -> Decisions:
        """Return what was decided, written down unless the money ended first: with more of it, it is decided anew."""
        if not shares.is_empty:
            keep_decisions(self._wish.folder, decided)
        return decided

    async def _tried(
        self, ground: Ground, decided: Decisions, ours: Mapping[str, RunLine], scales: Scales
    ) -> dict[str, Size]:
        """Return the sizes after trials on the first prompts: what they really cost says more than any plan."""
        few = trial_questions(ground.asked, ours, scales.unit)
        trials = Trials(
            spec=self._wish.spec,
            best=self._best_of(decided),
            scales=scales,
            questions=few,
            ours={one.id: ours[one.id] for one in few},
            folder=self._trials_folder,
            floor=ground.floor,
            shares=ground.shares,
            weight=self._usd_each.get(self._wish.ensemble.name, 0.0) * len(few),
            tell=self._tell,
        )
        return {name: await trials.right(name, self._names[name], size) for name, size in decided.sizes.items()}

    def _systems(self, decided: Decisions) -> tuple[System, ...]:
        return baseline_systems(self._wish.spec, self._names, decided.sizes, best=self._best_of(decided))

    def _best_of(self, decided: Decisions) -> str:
        return self._wish.spec.agents[0].name if decided.best is None else decided.best.agent

    async def _answer_all(
        self, floor: Floor, systems: Sequence[System], chunk: Sequence[Question], lines: dict[str, dict[str, RunLine]]
    ) -> Sequence[Question]:
        """Put in what systems answer; return the prompts that all of them came to: the next are asked no others."""
        floor.announce(systems, self._work)
        for one in systems:
            lines[one.name] = await floor.answer(one, self._work, chunk)
            chunk = [question for question in chunk if question.id in lines[one.name]]
        return chunk

    def _trials(self) -> Iterator[RunLine]:
        """Yield the runs of the trials of this life and earlier ones."""
        for path in sorted(self._trials_folder.glob("**/*.jsonl")):
            yield from read_lines_of(path)

    async def _pilot_answers(self, floor: Floor) -> dict[str, dict[str, RunLine]]:
        """Return each agent's answers to the pilot's prompts, by system; nothing where there is no pilot."""
        if not self._pilot.questions:
            return {}
        self._tell(f"pilot: {len(self._pilot.questions)} prompts find the best agent, and are not used again")
        floor.announce(tuple(self._singles.values()), self._pilot)
        return {one.name: await floor.answer(one, self._pilot) for one in self._singles.values()}

    async def _pilot_said(self, floor: Floor, lines: Lines) -> dict[str, list[Compared]]:
        """Return what the judge says of each two agents."""
        judge = self._wish.judge
        pairs = {pair.name: Answers(lines[pair.one], lines[pair.other]) for pair in agent_pairs(lines)}
        return {} if judge is None or not pairs else await floor.compare(judge, pairs, self._pilot)

    async def _said(self, floor: Floor, lines: Lines, chunk: Sequence[Question]) -> dict[str, list[Compared]]:
        """Return what the judge says of the ensemble and each other system."""
        judge, ours = self._wish.judge, self._wish.ensemble.name
        others = {name: Answers(lines[ours], theirs) for name, theirs in lines.items() if name != ours}
        return {} if judge is None or not others else await floor.compare(judge, others, self._work, chunk)

    def _best(self, lines: Lines, said: Mapping[str, Sequence[Compared]]) -> Best:
        wish, questions = self._wish, self._pilot.questions
        if not questions:
            how: How = "told" if wish.best is not None else "only-one"
            return Best(agent=wish.best or wish.spec.agents[0].name, how=how)
        agents = {system.name: agent for agent, system in self._singles.items()}
        scores = pilot_scores(questions, lines, said)
        unit = spend_unit(line for found in lines.values() for line in found.values())
        costs = {name: mean_cost(found.values(), unit) for name, found in lines.items()}
        checked = [is_checkable(one) for one in questions]
        best = best_agent(scores, costs)
        tied = tied_with(best, scores)
        return Best(
            agent=agents[best],
            tied=tuple(agents[name] for name in tied),
            is_cheaper=bool(tied) and all(is_cheaper(costs[best], costs[name]) for name in tied),
            how="right-answers" if all(checked) else "judge-and-right-answers" if any(checked) else "judge",
            prompts=tuple(one.id for one in questions),
            rates={agents[name]: fmean(found) if found else None for name, found in scores.items()},
        )

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
        self._usd_each = reach.usd_each
        self._pair_usd = 0.0 if wish.judge is None else 2 * judge_usd_each(wish.judge, parts.rest)
        weights = self._weights(pilot=len(parts.pilot), rest=len(parts.rest))
        self._tell_reach(left, sum(weights.values()), reach=reach, parts=parts)
        shares = Shares(left, parallel=wish.parallel)
        shares.expect(weights)
        return shares

    def _first_ones(self) -> tuple[tuple[Work, Sequence[str]], ...]:
        """Return who answers the prompts of the pilot, and who the others first."""
        return (self._pilot, [one.name for one in self._singles.values()]), (self._work, [self._wish.ensemble.name])

    def _answered(self, work: Work, names: Sequence[str]) -> int:
        """Return how many prompts an earlier life has answers to, of all these systems."""
        found = [
            {line.question for line in read_lines_of(work.folder / f"{name}.jsonl") if line.text} for name in names
        ]
        return sum(all(one.id in ids for ids in found) for one in work.questions)

    def _weights(self, *, pilot: int, rest: int, is_tried: bool = False) -> dict[str, float]:
        """Return what each part is planned to cost; a baseline at equal spend costs what the ensemble does.

        Args:
            pilot: Prompts of the pilot that are still to come.
            rest: Prompts of the others.
            is_tried: Whether the trials are over.
        """
        each, pair_usd = self._usd_each, self._pair_usd
        if not each:
            return {}
        ours = each[self._wish.ensemble.name]
        sized = self._names.values()
        singles = [one.name for one in self._singles.values()] if SINGLE in self._wish.baselines else []
        weights = {self._pilot.part(one.name): each[one.name] * pilot for one in self._singles.values()}
        weights |= {self._pilot.part(JUDGE): pair_usd * len(agent_pairs(self._singles)) * len(self._pilot.questions)}
        weights |= {self._wish.ensemble.name: ours * rest} | {name: each[name] * rest for name in singles}
        tried = 0 if is_tried else min(rest, TRIAL_PROMPTS)
        weights |= {f"{TRIAL}/{name}": ours * tried for name in sized}
        weights |= dict.fromkeys(sized, ours * rest)
        return weights | {JUDGE: pair_usd * (len(singles) + len(sized)) * rest}

    def _tell_reach(self, left: float, needed: float, *, reach: Reach, parts: Split) -> None:
        """Say how far the money reaches; raise where it is for nothing and nothing is there yet."""
        prompts = len(parts.pilot) + len(parts.rest)
        done = sum(self._answered(work, names) for work, names in self._first_ones())
        if done == prompts:
            return
        each, still = needed / prompts, prompts - done
        covered = still if each <= 0 else min(int(left / each), still)
        whole = reach._replace(usd_each={"all": each}, questions=covered)
        line = describe_reach(whole, usd=left, questions=still, answered=done)
        if not covered and left == self._wish.settings.budget_usd:
            raise ConfigError(f"{line}: raise it, or lower --max-tokens", key="--budget")
        self._tell(line)
