"""Plans beside what the runs then took: without a journal, and with one that knows the models from other questions.

Run as ``python benchmarks/plan.py [--learn N] [--runs N] [--time-scale X]``. Three ensembles ask the simulated fleet:
three agents in two layers that continue their own conversations, five in two layers with panel critiques, five in
three layers with two peers each. Prices are set on the agents, and no run stops early. First the plan of each question
without a journal: written tokens are at most ``max_tokens``, seconds are not known. Then ``--learn`` other questions
are asked, and the plan is made again from their journal. Columns: the mean of ``--runs`` runs, the mean of their plans,
and by how much the runs were off the plans; ``worst`` is the single run that was off most.

``--embedded`` does the same with the embedded ensemble and the model that comes with it, one question each.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import fmean

from msgspec.structs import replace

from attention_moa import AgentSpec, AttentionSpec, Ensemble, EnsembleSpec
from attention_moa.fleet import Fleet, load_fleet
from attention_moa.messages import user
from attention_moa.money import Price
from attention_moa.plan import DECISION, Plan, plan
from attention_moa.plan_account import AccountRow, plan_account, stored_plan
from attention_moa.prices import known_price
from attention_moa.prompts import load_templates
from attention_moa.records import RunRecord
from attention_moa.settings import load_spec
from attention_moa.store import open_journal

MODELS = {"sim-swift": 0.1, "sim-even": 0.4, "sim-ample": 0.6, "sim-sage": 1.1, "sim-grand": 3.0}
"""With what a million prompt tokens cost; cached ones a quarter of it, written ones four times as much."""

QUESTIONS = (
    "Why is the sky blue at noon and red at sunset?",
    "What speaks for and against a carbon tax? Name three points each, with an example from a country that has one.",
    "Write a function that merges two sorted lists, and say how long it takes.",
    "A train leaves at 9:40 and drives 212 km at 80 km/h with two stops of 6 minutes. When does it arrive?",
    "Explain to a child why the moon has phases.",
    "Which of Bach's cello suites is the hardest to play, and why do musicians disagree on that?",
    "Summarise the causes of the French Revolution for somebody who has five minutes.",
    "How would you find out whether a coin is fair with as few throws as you can?",
)


def ensembles(base_url: str) -> list[EnsembleSpec]:
    """Return the three ensembles, with agents on the fleet."""
    agents = tuple(
        AgentSpec(
            name=model.removeprefix("sim-"),
            model=f"openai:{model}",
            base_url=base_url,
            max_tokens=1200,
            price=Price(input=usd, cached=usd / 4, output=usd * 4),
        )
        for model, usd in MODELS.items()
    )
    return [
        EnsembleSpec(name="continue, N=3, L=2", agents=agents[:3], layers=2),
        EnsembleSpec(name="panel, N=5, L=2", agents=agents, layers=2, attention=AttentionSpec(mode="panel")),
        EnsembleSpec(name="two peers, N=5, L=3", agents=agents, layers=3, attention=AttentionSpec(peers=2)),
    ]


def bare_plan(spec: EnsembleSpec, question: str) -> Plan:
    """Return a plan without a journal."""
    templates = load_templates(style=spec.prompts.style)
    return plan(spec, (user(question),), templates, experience={}, price_of=known_price)


async def measured(spec: EnsembleSpec, file: Path, learn: Sequence[str], ask: Sequence[str]) -> list[list[AccountRow]]:
    """Return the accounts of runs: each row without a journal, and, behind them, the same rows with one."""
    async with open_journal(file) as journal, Ensemble(spec, journal=journal) as ensemble:
        for question in learn:
            await ensemble.run(question)
        accounts: list[list[AccountRow]] = []
        for question in ask:
            record: RunRecord = await ensemble.run(question)
            kept = stored_plan((await journal.decisions(record.run_id)).get(DECISION))
            if kept is None:
                raise SystemExit("the journal has no plan of the run")
            rows = (*plan_account(bare_plan(spec, question), record).rows, *plan_account(kept, record).rows)
            accounts.append(list(rows))
        return accounts


def show(name: str, accounts: Sequence[Sequence[AccountRow]]) -> None:
    """Print the table of one ensemble."""
    print(f"\n{name}")
    print(f"{'':18} {'actual':>10} | {'bare plan':>10} {'off':>7} | {'from journal':>12} {'off':>7} {'worst':>7}")
    half = len(accounts[0]) // 2
    for place in range(half):
        bare = [rows[place] for rows in accounts]
        learnt = [rows[place + half] for rows in accounts]
        actual = fmean(row.actual or 0 for row in bare)
        worst = max((row.off for row in learnt if row.off is not None), key=abs, default=None)
        print(
            f"{bare[0].what:18} {number(actual):>10} | {number(mean(bare)):>10} {share(bare):>7} | "
            f"{number(mean(learnt)):>12} {share(learnt):>7} {'?' if worst is None else f'{worst:+.1%}':>7}"
        )


def mean(rows: Sequence[AccountRow]) -> float | None:
    """Return the mean of what was planned; None where that is not known."""
    planned = [row.planned for row in rows if row.planned is not None]
    return fmean(planned) if len(planned) == len(rows) else None


def share(rows: Sequence[AccountRow]) -> str:
    """Return how far the runs were off their plans, all together."""
    planned = mean(rows)
    return f"{fmean(row.actual or 0 for row in rows) / planned - 1:+.1%}" if planned else "?"


def number(value: float | None) -> str:
    """Return a number as the tables have it."""
    return "?" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.4g}"


async def simulated(options: argparse.Namespace) -> None:
    """Print the tables of the three ensembles."""
    fleet = replace(load_fleet(), time_scale=options.time_scale, stop_rate=0.0)
    for place in range(3):
        async with AsyncExitStack() as stack:
            served = await stack.enter_async_context(Fleet(fleet))  # anew: with an empty cache
            spec = ensembles(served.base_url)[place]
            file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "journal.db"
            learn = QUESTIONS[: options.learn]
            show(spec.name, await measured(spec, file, learn, QUESTIONS[options.learn :][: options.runs]))


async def embedded() -> None:
    """Print the table of the embedded ensemble."""
    spec = load_spec("embedded")
    with tempfile.TemporaryDirectory() as folder:
        show(spec.name, await measured(spec, Path(folder) / "journal.db", QUESTIONS[:1], QUESTIONS[1:2]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learn", type=int, default=3)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--time-scale", type=float, default=0.1)
    parser.add_argument("--embedded", action="store_true")
    options = parser.parse_args()
    asyncio.run(embedded() if options.embedded else simulated(options))


if __name__ == "__main__":
    main()
