"""What each agent of a run was good for, and what would have been saved without it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.influence import measure
from attention_moa.messages import Usage
from attention_moa.money import Price
from attention_moa.records import RunRecord
from attention_moa.usefulness import Usefulness, least_useful, percent, told, usefulness
from tests.worlds import Says, World, a_spec

TALK: dict[str, Says] = {
    "1.answer.a": "The sky mirrors the sea.",
    "1.answer.b": "Rayleigh explained daylight.",
    "1.answer.c": "Blue is nice.",
    "1.critique.b.a": "No mirror: air scatters short waves.",
    "1.refine.a": "The sky: air scatters short waves.",
    "1.refine.b": "Rayleigh explained daylight.",
    "1.refine.c": "Blue is nice.",
    "1.summary.a": "Rayleigh explained daylight. Air scatters short waves.",
}
PRICE = Price(input=1.0, output=1.0)


def ran(
    script: dict[str, Says] | None = None, *, price: Price | None = None, agents: int = 3, **fields: Any
) -> RunRecord:
    """Return a run of one layer."""
    specs = [AgentSpec(name=name, model=f"test:{name}", price=price) for name in "abc"[:agents]]
    return World(a_spec(specs, layers=1, **fields), TALK | (script or {}), latency_s=lambda _: 1.0).run()


def of(agent: str, found: tuple[Usefulness, ...]) -> Usefulness:
    """Return what an agent was good for."""
    return next(one for one in found if one.agent == agent)


def test_everybody_s_parts_add_up_to_the_answer() -> None:
    """As author, as critic, as writer."""
    found = usefulness(ran())
    parts = [part for one in found for part in (one.as_author, one.as_critic, one.as_writer) if part is not None]
    assert sum(parts) == pytest.approx(1.0)
    b = of("b", found)
    assert [b.as_author, b.as_critic, b.as_writer] == pytest.approx([3 / 7, 4 / 7, 0.0])
    assert [one.hand for one in found] == pytest.approx([4 / 7, 1.0, 0.0])


def test_what_a_critic_moved_is_its_share_of_the_others_changes() -> None:
    """All of them together; not of its own."""
    found = usefulness(ran())
    assert (of("a", found).moved, of("b", found).moved, of("c", found).moved) == (0.0, 1.0, 0.0)
    assert usefulness(ran(agents=1, script={"1.critique.a.a": "Air!"}))[0].moved is None
    still = {"1.refine.a": TALK["1.answer.a"]}
    assert of("b", usefulness(ran(still))).moved == 0.0, "nobody changed anything"


def test_an_agent_s_calls_and_those_about_it_would_be_saved() -> None:
    """Its answer, its critiques and those of its answer, its refinement; not what it writes for all."""
    a, b, c = usefulness(ran(price=PRICE))
    assert (a.own.calls, b.own.calls, c.own.calls) == (6, 5, 5)
    assert (a.saved.calls, b.saved.calls, c.saved.calls) == (7, 7, 7)
    assert b.own.tokens == 75
    assert b.own.usd == pytest.approx(75e-6)
    assert [b.saved.usd_share, b.saved.tokens_share] == pytest.approx([7 / 16, 7 / 16])
    assert (b.own.seconds, b.saved.seconds) == (5.0, 7.0)
    assert b.saved.seconds_share == pytest.approx(7 / 16)
    assert sum(one.path_s for one in (a, b, c)) == 4.0


def test_money_and_tokens_that_are_not_known_are_never_nothing() -> None:
    """Nor are they a share of anything."""
    record = ran()
    assert {(one.own.usd, one.own.usd_share) for one in usefulness(record)} == {(None, None)}
    silent = replace(
        record,
        calls=tuple(
            replace(call, attempts=tuple(replace(attempt, usage=Usage()) for attempt in call.attempts))
            for call in record.calls
        ),
    )
    assert {(one.own.tokens, one.own.tokens_share) for one in usefulness(silent)} == {(None, None)}


def test_of_nothing_there_is_no_share() -> None:
    """What cost nothing, took no time, or was never called."""
    record = ran(price=Price(input=0.0, output=0.0))
    instant = replace(record, calls=tuple(replace(call, queued_s=0.0, ended_s=0.0) for call in record.calls))
    spent = usefulness(instant)[0].own
    assert (spent.usd, spent.usd_share, spent.seconds_share) == (0.0, None, None)
    nobody = usefulness(replace(record, calls=(), layers=(), text=None))[0]
    assert (nobody.own.calls, nobody.own.tokens, nobody.own.tokens_share, nobody.hand) == (0, 0, None, None)


def test_writers_who_are_no_agents_come_last() -> None:
    """They cannot be left out."""
    found = usefulness(ran({"summary": TALK["1.summary.a"]}, summary=WriterSpec(model="test:judge")))
    assert [(one.agent, one.is_agent) for one in found] == [("a", True), ("b", True), ("c", True), ("summary", False)]


def test_the_least_useful_agent_is_named_in_words() -> None:
    """With what would have been saved."""
    assert told(usefulness(ran(price=PRICE))) == (
        "c is the least useful agent: no word of the final answer is traced to it. "
        "Removing c would have saved 44% of the cost."
    )


def test_of_several_without_a_word_in_the_answer_all_are_named() -> None:
    """And one that could go."""
    record = ran({"1.summary.a": "Penguins.", "summary": "Penguins."}, summary=WriterSpec(model="test:judge"))
    assert told(usefulness(record)) == (
        "a, b and c are the least useful agents: no word of the final answer is traced to them. "
        "Removing a would have saved 44% of the tokens."
    )


def test_a_little_part_is_told() -> None:
    """And what its critiques did to others."""
    script: dict[str, Says] = {"1.critique.c.a": "Short waves.", "1.refine.a": "Air scatters short waves of light."}
    words = told(usefulness(ran(script)))
    assert words is not None
    assert words.startswith("c is the least useful agent: it had a hand in ")
    assert " of the final answer. The critiques of c account for " in words


def test_without_tokens_or_money_calls_are_counted() -> None:
    """One is one."""
    one = usefulness(ran())[2]
    bare = replace(one, saved=replace(one.saved, tokens_share=None))
    other = replace(one, agent="d", hand=1.0)
    assert str(told([bare, other])).endswith("Removing c would have saved 7 calls.")
    single = replace(bare, saved=replace(bare.saved, calls=1))
    assert str(told([single, other])).endswith("Removing c would have saved 1 call.")


def test_where_several_are_equal_one_that_moved_nobody_and_is_dear_is_named() -> None:
    """Of those of whom nothing is in the answer; unless its critiques moved others."""
    one = usefulness(ran(price=PRICE))[2]
    dear = replace(one, agent="d", saved=replace(one.saved, usd_share=0.9))
    assert least_useful([one, dear]) == dear
    assert least_useful([one, replace(dear, moved=0.2)]) == one


def test_where_nobody_could_be_left_out_nobody_is_named() -> None:
    """One agent, or no answer to trace."""
    assert told(usefulness(ran(agents=1))) is None
    assert told(usefulness(replace(ran(), text=None))) is None


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0%"), (0.0001, "less than 1%"), (0.01, "1%"), (0.214, "21%"), (1.0, "100%")]
)
def test_a_share_that_is_something_never_reads_as_nothing(share: float, words: str) -> None:
    """Rounded else."""
    assert percent(share) == words


def test_what_is_known_of_the_layers_is_not_measured_again() -> None:
    """It is taken as it is."""
    record = ran()
    layers = [measure(layer) for layer in record.layers]
    assert usefulness(record, layers) == usefulness(record)
    nobody = [one._replace(influence=replace(one.influence, rows=(), authors={})) for one in layers]
    assert of("b", usefulness(record, nobody)).moved is None


def test_names_are_written_as_they_are_asked_for() -> None:
    """In every place, of one who was of no use and of several."""
    one, several = usefulness(ran()), usefulness(ran({"1.summary.a": "Nothing that anybody said."}))
    for found in (one, several):
        plain, named = told(found), told(found, named=lambda name: f"<{name}>")
        assert plain is not None
        assert named is not None
        assert re.sub(r"<([abc])>", r"\1", named) == plain
        assert not re.search(r"(?<![<'\w])[bc](?![>'\w])", named)


def test_where_all_that_is_traced_may_be_chance_nothing_is_told_of_who_was_useful() -> None:
    """Of agents that all say the same of all, whoever was heard; one column beyond chance makes it worth telling."""
    same = "Air scatters short waves."
    script: dict[str, Says] = {"critique": same, "1.critique.b.a": same, "refine": same, "1.refine.a": same}
    script |= {"1.refine.b": same, "1.refine.c": same}
    chance = usefulness(ran(script))
    assert [one.is_by_chance for one in chance] == [True, True, True]
    assert (told(chance) or "").startswith("Nothing can be told of who was useful: ")
    heard = usefulness(ran(script | {"1.critique.c.a": "Name Rayleigh, Tyndall and ozone.",
                                     "1.refine.a": "Rayleigh, Tyndall and ozone."}))  # fmt: skip
    assert [one.is_by_chance for one in heard] == [False, False, False]
    assert "least useful" in (told(heard) or "")
    assert [one.is_by_chance for one in usefulness(ran())] == [False, False, False]
    assert {one.is_by_chance for one in usefulness(ran({"critique": "Hm.", "1.critique.b.a": "Hm."}))} == {None}


def test_what_one_agent_moved_by_chance_alone_is_said_with_its_share() -> None:
    """Where others moved somebody beyond it."""
    doubted = [replace(one, is_by_chance=one.agent == "c", moved=0.3) for one in usefulness(ran())]
    words = told(doubted) or ""
    assert "The critiques of c account for 30% of what the others changed, which may be chance." in words
