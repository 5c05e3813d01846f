"""Inside a layer: what each critique came to, what is in the matrix, what a writer read; under way and broken off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.config import AttentionSpec
from attention_moa.errors import ServerError
from attention_moa.events import (
    AnswerReset,
    Degraded,
    Event,
    LayerFinished,
    ResultLost,
    RunFinished,
    VerdictReached,
)
from attention_moa.messages import Stage
from attention_moa.records import Degradation, LayerRecord, Loss, RunRecord
from attention_moa.ui.components.layer_html import LayerHtml
from attention_moa.ui.components.layer_look import LayerLook
from attention_moa.ui.components.layer_matrix import shade_of, share_of
from attention_moa.ui.components.layer_measures import Measures, not_yet
from attention_moa.ui.components.layer_quotes import moved_html, quoted_html
from attention_moa.ui.components.layer_wish import Wish, title_of_layer, wish_of
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.layer_screen import LayerScreen
from attention_moa.ui.ports import Heard, RefusedError, Standing, Visitor
from attention_moa.ui.tasks import Tasks
from tests.worlds import Says, World, a_spec

TALK: dict[str, Says] = {
    "1.answer.a": "The sky mirrors the sea.",
    "1.answer.b": "Rayleigh explained daylight.",
    "1.answer.c": "Blue is nice.",
    "1.critique.b.a": "No mirror: <b>air scatters</b> short waves.",
    "1.critique.c.a": "Fine.",
    "1.critique.a.b": "Mention crimson sunsets.",
    "1.refine.a": "The sky: <b>air scatters</b> short waves.",
    "1.refine.b": "Rayleigh explained daylight. Crimson sunsets too.",
    "1.refine.c": "Blue is nice.",
}
GONE = ServerError("gone <img src=x onerror=1>", retryable=False)
VIEWS = [
    Wish(kind="matrix"),
    Wish(kind="summary"),
    Wish(kind="residual"),
    *(Wish(kind="agent", agent=name) for name in "abc"),
    *(Wish(kind="cell", agent=author, critic=critic) for critic in "abc" for author in "abc"),
]


def a_record(script: dict[str, Says] | None = None, *, layers: int = 1, **fields: Any) -> RunRecord:
    """Return a run of three agents."""
    return World(a_spec(3, layers=layers, **fields), TALK | (script or {})).run()


def html_of(record: RunRecord, wish: Wish, *, number: int = 1, is_under_way: bool = False) -> str:
    """Return what a view shows."""
    look = LayerLook(record, number, is_under_way=is_under_way)
    measured = asyncio.run(Measures().of(look))
    return "".join(LayerHtml(look, measured, wish).parts().values())


def fates(record: RunRecord, author: str, *, is_under_way: bool = False) -> dict[str, str]:
    """Return what each critique of an author came to, by critic."""
    look = LayerLook(record, 1, is_under_way=is_under_way)
    measured = asyncio.run(Measures().of(look))
    column = measured.authors.get(author)
    found = (look.received(critic, author, measured.cells.get((critic, author)), column) for critic in look.agents)
    return {one.critic: one.fate for one in found if one is not None}


def so_far(record: RunRecord, **left: Any) -> RunRecord:
    """Return a run as it is while its only layer is under way."""
    layer = replace(record.layers[0], verdict=None, summary=None, output=None, **left)
    return replace(record, state="running", layers=(layer,))


def test_a_critique_is_followed_or_not() -> None:
    """Where nothing was changed nothing is followed."""
    record = a_record()
    assert fates(record, "a") == {"a": "not followed", "b": "followed", "c": "not followed"}
    assert set(fates(record, "c").values()) == {"unchanged"}


def test_a_critique_that_is_not_there_says_why() -> None:
    """Lost, not made since its answer is lost, or with nothing to measure: each has a word and a sign of its own."""
    assert fates(a_record({"1.critique.b.a": GONE}), "a")["b"] == "lost"
    assert fates(a_record({"1.answer.c": GONE}), "a")["c"] == "not made"
    assert fates(a_record({"1.refine.a": GONE}), "a")["b"] == "unknown"
    late = Loss(stage=Stage.CRITIQUE, layer=1, agent="b", peer="a", kind="Late", message="too late")
    record = a_record()
    others = tuple(
        one
        for one in record.layers[0].critique_list
        if (one.critic, one.author) != ("b", "a")  # type: ignore[union-attr]  # none is lost
    )
    layer = replace(record.layers[0], critique_list=(*others, late))
    assert fates(replace(record, layers=(layer,)), "a")["b"] == "late"


def test_a_layer_under_way_says_what_is_still_to_come() -> None:
    """Nothing of it is called lost or left out before its end."""
    record = a_record()
    assert set(fates(so_far(record, critique_list=(), refinements={}), "a", is_under_way=True).values()) == {"waiting"}
    assert set(fates(so_far(record, refinements={}), "a", is_under_way=True).values()) == {"read"}
    begun = so_far(record, answers={}, critique_list=(), refinements={})
    assert "◌ waiting" in html_of(begun, Wish(kind="matrix"), is_under_way=True)
    assert "Its answer is not there yet" in html_of(begun, Wish(kind="agent", agent="a"), is_under_way=True)
    assert "The summary is not there yet" in html_of(begun, Wish(kind="summary"), is_under_way=True)


def test_who_does_not_criticise_has_no_cell() -> None:
    """Sparse attention: a cell without a critique says so when it is asked for."""
    record = a_record(attention=AttentionSpec(own=False, peers=1))
    assert len(fates(record, "a")) == 1
    assert html_of(record, Wish(kind="matrix")).count("no such critique") == 6
    assert "does not criticise" in html_of(record, Wish(kind="cell", critic="a", agent="a"))


@pytest.mark.parametrize("wish", VIEWS, ids=lambda wish: f"{wish.kind}-{wish.critic}{wish.agent}")
@pytest.mark.parametrize(
    "lost", [{}, {"1.critique.b.a": GONE}, {"1.answer.a": GONE}, {"1.refine.b": GONE}, {"1.summary.a": GONE}]
)
def test_every_view_shows_any_layer_and_texts_in_it_do_nothing(wish: Wish, lost: dict[str, Says]) -> None:
    """Whatever is lost, and whatever the texts and the errors say."""
    html = html_of(a_record(lost), wish)
    assert "<img" not in html
    assert "<b>air" not in html


@pytest.mark.parametrize(
    "strategy", ["single", "best-of-n", "majority", "moa", "self-moa", "self-moa-seq", "smoa", "rmoa"]
)
def test_baselines_have_a_page_too_and_say_that_nobody_criticises(strategy: str) -> None:
    """Every tab that is there can be opened, in every layer."""
    agents = 1 if strategy in ("single", "self-moa", "self-moa-seq") else 3
    layers = {"moa": 2, "smoa": 2, "rmoa": 2, "self-moa-seq": 3}.get(strategy, 1)
    record = World(a_spec(agents, layers=layers, strategy=strategy)).run()
    for number in LayerLook(record, 1, is_under_way=False).numbers:
        look = LayerLook(record, number, is_under_way=False)
        first = wish_of(look, ())
        assert first == (Wish(kind="agent", agent=look.speakers[0]) if look.speakers else Wish(kind="summary"))
        assert ("criticise" in html_of(record, first, number=number)) == bool(look.layer.answers)
        assert "nobody moved anybody" in html_of(record, Wish(kind="matrix"), number=number)
        for view in ("summary", "residual"):
            assert html_of(record, Wish(kind=view), number=number)


def test_a_summary_is_traced_to_what_its_writer_read() -> None:
    """To the answers of the layer before where this one has none, as in the last layer of a Mixture-of-Agents."""
    says: dict[str, Says] = {**TALK, "2.summary.a": "Rayleigh explained daylight. Blue is nice."}
    record = World(a_spec(3, layers=2, strategy="moa"), says).run()
    html = html_of(record, Wish(kind="summary"), number=2)
    assert 'data-critic="1"' in html
    assert "from the answer of" in html


def test_the_residual_has_what_it_read_and_why_the_run_ended() -> None:
    """The first layer has none, and says so; a lost one says what was lost."""
    record = a_record(layers=2)
    html = html_of(record, Wish(kind="residual"), number=2)
    assert html.count("Summary by") == 2
    assert "last layer" in html
    assert "The first layer has no residual" in html_of(record, Wish(kind="residual"))
    lost = a_record({"2.residual.a": GONE}, layers=2)
    assert "Lost: " in html_of(lost, Wish(kind="residual"), number=2)


def test_a_run_that_broke_off_has_its_calls() -> None:
    """No layers were made of them."""
    record = replace(a_record({"1.critique.b.a": GONE}), layers=(), state="interrupted")
    html = html_of(record, Wish(kind="matrix"))
    assert "broke off" in html
    assert "Rayleigh explained daylight." in html


def test_of_a_run_that_another_server_is_at_nothing_is_said_to_be_over() -> None:
    """Its calls so far, and that they are that; so with a layer of which nothing is there."""
    record = replace(a_record({"1.critique.b.a": GONE}), layers=(), state="running")
    html = html_of(record, Wish(kind="matrix"))
    assert "Another server is at this run" in html
    assert "under way in another server" in html
    assert "Nothing of this layer is here yet" in html_of(replace(record, calls=()), Wish(kind="matrix"))
    assert "broke off" not in html
    assert "ended before" not in html


def test_a_layer_that_the_run_ended_before_was_not_made() -> None:
    """It says so, under every view of it."""
    record = replace(a_record(), layers=(), calls=(), state="interrupted")
    html = html_of(record, Wish(kind="matrix"))
    assert "This layer was not made: the run ended before it." in html
    assert "not made</span>" in html


def test_what_is_asked_for_and_is_not_there_is_no_view() -> None:
    """An agent, a critic or a view that nobody knows."""
    look = LayerLook(a_record(), 1, is_under_way=False)
    assert wish_of(look, [("critic", "b"), ("author", "a")]) == Wish(kind="cell", critic="b", agent="a")
    assert wish_of(look, [("agent", "b")]) == Wish(kind="agent", agent="b")
    assert wish_of(look, [("view", "summary")]) == Wish(kind="summary")
    for wrong in ([("agent", "z")], [("critic", "a")], [("view", "cell")]):
        assert wish_of(look, wrong) is None
    assert title_of_layer(look, Wish(kind="cell", critic="b", agent="a")) == "Layer 1: b on a"
    assert title_of_layer(look, Wish(kind="summary")) == "Layer 1: summary"


def test_quotes_are_marked_in_the_critique_and_its_changes_follow_by_size() -> None:
    """Of a text that is very long the beginning is shown."""
    record = a_record()
    layer = record.layers[0]
    look = LayerLook(record, 1, is_under_way=False)
    column = asyncio.run(Measures().of(look)).authors["a"]
    text = layer.critiques["b", "a"].text  # type: ignore[union-attr]  # it is there
    assert "air scatters" in quoted_html(text, column, "b", 1)
    assert "<mark" in quoted_html(text, column, "b", 1)
    assert "<mark" not in quoted_html(text, None, "b", 1)
    assert "The rest is not shown" in quoted_html("word " * 60_000, None, "b", 1)
    texts = layer.answers["a"].text, layer.refinements["a"].text  # type: ignore[union-attr]  # both are there
    moved = moved_html(texts, column, "b", 1)
    assert "<ins" in moved
    assert " of " in moved


def test_little_is_not_nothing() -> None:
    """A share reads as a number of percent; its shade grows with it."""
    assert [share_of(share) for share in (0, 0.001, 0.01, 0.424, 1)] == ["0", "<1", "1", "42", "100"]
    assert [shade_of(share) for share in (0, 0.01, 0.07, 0.12, 0.3, 0.4, 0.9)] == [0, 1, 2, 3, 4, 5, 6]


def test_a_layer_is_measured_once() -> None:
    """And anew when something of it came; what was measured long ago is forgotten."""

    async def measure() -> None:
        measures, record = Measures(), a_record_now
        first = await measures.of(LayerLook(record, 1, is_under_way=False))
        assert await measures.of(LayerLook(record, 1, is_under_way=True)) is first
        other = replace(record, layers=(replace(record.layers[0], refinements={}),))
        assert await measures.of(LayerLook(other, 1, is_under_way=False)) is not first
        for number in range(2, 40):
            layer = LayerRecord(layer=number, answers={})
            await measures.of(LayerLook(replace(record, layers=(layer,)), number, is_under_way=False))
        assert await measures.of(LayerLook(record, 1, is_under_way=False)) is not first

    a_record_now = a_record()
    asyncio.run(measure())


class Outdoors:
    """A world outside with one run, and what is heard of it."""

    def __init__(self, records: Sequence[RunRecord], events: Sequence[Event] = (), *, revoked: bool = False) -> None:
        self.records = list(records)
        self.events = events
        self.revoked = revoked
        self.looks = 0

    async def enter(self, _key: str | None) -> Visitor:
        return Visitor(name="", is_admin=False)

    async def standing(self, _key: str | None, _run_id: str) -> Standing:
        self.looks += 1
        record = self.records.pop(0) if len(self.records) > 1 else self.records[0]
        is_first = self.looks == 1 and (bool(self.events) or self.revoked)
        return Standing(record=record, is_under_way=is_first or record.state == "running", is_own=True, plan=None)

    async def watch(self, _key: str | None, _run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
        for number, event in enumerate(self.events[after:], after + 1):
            yield [Heard(number, event)]
        if self.revoked:
            raise RefusedError("no", is_key_bad=True)


class Told:
    """A link that keeps what it sends."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def send(self, ops: list[Op]) -> None:
        self.ops += ops


def watched(stage: Outdoors, *, patience_s: float = 60.0, view: tuple[str, str] = ("agent", "a")) -> list[Op]:
    """Return what is sent to a page of the first layer until nothing more happens."""

    async def watch() -> list[Op]:
        async with Tasks() as tasks:
            screen = LayerScreen(stage, None, tasks, Measures(), patience_s=patience_s)  # type: ignore[arg-type]  # all that it asks for
            await screen.open("r", 1, [view])
            is_waiting = "being measured" in screen.html()
            assert is_waiting == (patience_s == 0)
            assert screen.goes_on == (is_waiting or stage.revoked or bool(stage.events))
            screen.link = told = Told()
            screen.begin()
            await screen._watching  # type: ignore[misc]  # noqa: SLF001 - nothing else says when it is over
            screen.close()
        return told.ops

    return asyncio.run(watch())


def test_only_the_parts_that_changed_are_sent() -> None:
    """What came is drawn; an event that changes nothing here, like a piece of the answer, is not even looked at."""
    record = a_record()
    begun = so_far(record, refinements={})
    end = RunFinished(run_id="r", at_s=1.0, state="finished", text="", usage=record.usage, error=None)
    reset = AnswerReset(run_id="r", at_s=0.5, choice=0, message="again")
    ops = watched(Outdoors([begun, record], [reset, end]))
    assert {str(op[1]) for op in ops} == {"layer-run", "layer-head", "layer-body"}
    assert watched(Outdoors([record], [reset])) == []


def test_what_takes_long_to_be_measured_follows_by_itself() -> None:
    """Until then every view says so, and calls nothing not followed; of a finished run only that is sent."""
    for view in (("agent", "a"), ("view", "matrix"), ("view", "summary")):
        outside = Outdoors([a_record()])
        ops = watched(outside, patience_s=0, view=view)
        assert [op[1] for op in ops] == ["layer-body"]
        assert "being measured" not in str(ops[0][2])
        assert outside.looks == 2
    look = LayerLook(a_record(), 1, is_under_way=False)
    waiting = LayerHtml(look, not_yet(look), Wish(kind="matrix")).parts()
    assert "Nobody moved anybody" not in waiting["layer-body"]
    assert waiting["layer-body"].count("is-measuring") == 9


def test_two_who_look_at_once_have_it_measured_once() -> None:
    """The second waits for what the first began."""

    async def both() -> None:
        measures, look = Measures(), LayerLook(record, 1, is_under_way=False)
        async with asyncio.TaskGroup() as group:
            found = [group.create_task(measures.of(look)) for _ in range(2)]
        assert found[0].result() is found[1].result()

    record = a_record()
    asyncio.run(both())


def test_a_layer_is_looked_at_again_when_something_of_it_came() -> None:
    """Results, losses and stand-ins of this layer, its end and its verdict; not those of another."""
    record = a_record()
    layer = record.layers[0]
    loss = Loss(stage=Stage.REFINE, layer=1, agent="a", kind="ServerError", message="gone")
    less = Degradation(layer=1, stage=Stage.REFINE, agent="a", what="its answer stands in", why="gone")
    assert layer.verdict is not None
    events: list[Event] = [
        ResultLost(run_id="r", at_s=0.1, loss=loss),
        Degraded(run_id="r", at_s=0.2, degradation=less),
        VerdictReached(run_id="r", at_s=0.3, verdict=layer.verdict),
        LayerFinished(run_id="r", at_s=0.4, layer=1, output="", usage=layer.usage),
    ]
    others: list[Event] = [
        ResultLost(run_id="r", at_s=0.1, loss=replace(loss, layer=2)),
        Degraded(run_id="r", at_s=0.2, degradation=replace(less, layer=2)),
        VerdictReached(run_id="r", at_s=0.3, verdict=replace(layer.verdict, layer=2)),
        LayerFinished(run_id="r", at_s=0.4, layer=2, output="", usage=layer.usage),
    ]
    for event in events:
        outside = Outdoors([record], [event])
        watched(outside)
        assert outside.looks == 3  # as it is opened, after the event, at the end
    for event in others:
        outside = Outdoors([record], [event])
        watched(outside)
        assert outside.looks == 2


def test_who_may_see_it_no_more_is_sent_to_the_form() -> None:
    """A key that was revoked meanwhile."""
    assert watched(Outdoors([a_record()], revoked=True)) == [["go", "/login"]]


def test_a_layer_that_is_not_there_is_refused() -> None:
    """As is a view of one that is."""
    for number, fields in ((9, []), (1, [("agent", "z")])):
        screen = LayerScreen(Outdoors([a_record()]), None, Tasks(), Measures())  # type: ignore[arg-type]  # as above
        with pytest.raises(RefusedError) as refused:
            asyncio.run(screen.open("r", number, fields))
        assert refused.value.code == "layer_not_found"


SAME = "Rather: short waves scatter in air, long ones hardly."
CHANCE: dict[str, Says] = {
    **{f"1.critique.{critic}.{author}": SAME for critic in "abc" for author in "abc"},
    **{f"1.refine.{author}": f"{SAME} That is why." for author in "ab"},
}
"""All say the same of all: whoever was heard."""


def pages(record: RunRecord) -> dict[str, str]:
    """Return what is shown of the first layer, by view."""
    look = LayerLook(record, 1, is_under_way=False)
    measured = asyncio.run(Measures().of(look))
    shown: dict[str, str] = {}
    for wish in VIEWS:
        name = f"{wish.kind} {wish.critic} {wish.agent}".strip()
        shown[name] = str(LayerHtml(look, measured, wish).parts()["layer-body"])
    return shown


def test_what_may_be_chance_moved_nobody() -> None:
    """Neither in words, nor by the sign and the colour of what was followed, in any view."""
    shown = pages(a_record(CHANCE))
    assert "≈ " in shown["matrix"]
    assert "Nobody can be said to have moved anybody." in shown["matrix"]
    assert "moved <span" not in shown["matrix"]
    assert "moved itself" not in shown["matrix"]
    assert "No more than chance: critiques that " in shown["agent  a"]
    assert "What it shares with the changes" in shown["cell b a"]
    assert "What it moved" not in "".join(shown.values())
    assert "is-followed" not in "".join(shown.values())
    assert "no more than chance: " in shown["cell b a"]


def test_one_column_beyond_chance_is_told_beside_those_that_are_not() -> None:
    """Each for itself."""
    shown = pages(
        a_record(CHANCE | {"1.refine.a": "Tyndall, Rayleigh, ozone.", "1.critique.c.a": "Tyndall, Rayleigh, ozone."})
    )
    assert "Nobody can be said" not in shown["matrix"]
    assert "in the column of <bdi" in shown["matrix"]
    assert "is-followed" in shown["cell c a"]
    assert "is-by-chance" in shown["cell c b"]
