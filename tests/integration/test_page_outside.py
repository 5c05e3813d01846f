"""The server as the page sees it, and a page's maker before it: without a browser, over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from attention_moa.cli.page_outside import ServedOutside
from attention_moa.events import AnswerDelta, CallDelta, CallStarted, RunFinished
from attention_moa.messages import CallRequest, Message, Stage, TextPart
from attention_moa.providers.scripted import ScriptedProvider
from attention_moa.server.config import ServerConfig
from attention_moa.server.keys import KeyRules
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.screen import Screen
from attention_moa.ui.ports import Heard, Question, RefusedError, RunFilter
from attention_moa.ui.tasks import Tasks
from tests.key_world import a_till
from tests.server_world import QUIET, SOON_S, ServerWorld, a_server, run, scripted, until
from tests.worlds import Says

ASKED = Question(model="duo", conversation=(Message("user", (TextPart("Why?"),)),))


class World(NamedTuple):
    """A server and what the page sees of it."""

    server: ServerWorld
    outside: ServedOutside
    tasks: Tasks

    async def screen(self, run_id: str | None = None, key: str | None = None) -> tuple[Screen, Sent]:
        """Return an open page, and what its browser was sent."""
        screen, sent = Screen(self.outside, key, self.tasks), Sent()
        await screen.open(run_id)
        screen.link = sent
        screen.begin()
        return screen, sent


class Sent:
    """A browser that notes what it is sent."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def send(self, ops: list[Op]) -> None:
        self.ops += ops

    async def drawn(self) -> None:
        """Draw at once."""

    def of(self, verb: str) -> list[Op]:
        """Return the changes of a verb."""
        return [op for op in self.ops if op[0] == verb]

    def has(self, *start: str) -> bool:
        """Whether there is a change that begins so."""
        return any(op[: len(start)] == list(start) for op in self.ops)

    def shows(self, text: str) -> bool:
        """Whether a text was sent."""
        return any(text in str(part) for op in self.ops for part in op)


@asynccontextmanager
async def a_world(
    script: Mapping[str, Says] | ScriptedProvider | None = None, *, journal: Path | None = None
) -> AsyncGenerator[World, None]:
    """Lend a server with the page's view of it; with a journal it may have keys."""
    config = QUIET if journal is None else ServerConfig(journal=str(journal))
    async with a_server(script, config=config) as server, Tasks() as tasks:
        yield World(server, ServedOutside(server.service), tasks)


async def key(journal: Path, name: str, **rules: object) -> str:
    """Return the secret of a new key."""
    async with a_till(journal) as till:
        return (await till.store.add(name, KeyRules(**rules)))[1]  # type: ignore[arg-type]  # whatever a test wants


async def all_of(batches: AsyncGenerator[object, None]) -> list[Heard]:
    """Return what is heard to the end."""
    async with aclosing(batches):
        return [heard for batch in [batch async for batch in batches] for heard in batch]  # type: ignore[attr-defined]  # batches of Heard


def test_who_asks_hears_all_of_it_from_the_start() -> None:
    """Pieces of every call and of the answer come with the events."""

    async def body() -> None:
        async with a_world(scripted({"summary": "the end of it"}, pieces=3)) as world:
            run_id, batches = await world.outside.ask(None, ASKED)
            heard = [event for _, event in await all_of(batches)]
            told = [event for event in heard if isinstance(event, CallDelta)]
            assert {event.stage for event in told} >= {"answer", "critique", "refine", "summary"}
            assert "".join(event.text for event in heard if isinstance(event, AnswerDelta)) == "the end of it"
            assert isinstance(heard[-1], RunFinished)
            again = [event for _, event in await all_of(world.outside.watch(None, run_id, after=2))]
            assert again == [event for event in heard if not isinstance(event, (AnswerDelta, CallDelta))][2:]

    run(body)


def test_pieces_of_calls_are_for_pages_alone() -> None:
    """A client of the API that watches the same run hears none of them."""

    async def body() -> None:
        async with a_world(scripted(pieces=3)) as world:
            _, batches = await world.outside.ask(None, ASKED)
            (live,) = world.server.service.hub.running
            plain = live.watch(deltas=True)
            assert any(isinstance(event, CallDelta) for _, event in await all_of(batches))
            assert not any(
                isinstance(seen.event, CallDelta) for batch in [batch async for batch in plain] for seen in batch
            )

    run(body)


def test_an_answer_that_was_begun_is_told_from_its_start() -> None:
    """To a page that comes in the middle; what follows comes behind it."""

    async def body() -> None:
        async def wait(_: CallRequest) -> None:
            await asyncio.Event().wait()

        async with a_world(scripted(wait=wait)) as world:
            live_id, batches = await world.outside.ask(None, ASKED)
            (live,) = world.server.service.hub.running
            live.tell(AnswerDelta(run_id=live_id, at_s=0.0, text="so "))
            live.tell(AnswerDelta(run_id=live_id, at_s=0.0, text="far"))
            late = world.outside.watch(None, live_id)
            first = [event.text for _, event in await anext(late) if isinstance(event, AnswerDelta)]
            assert first == ["so far"]
            await late.aclose()
            await batches.aclose()

    run(body)


def test_who_comes_after_others_hears_what_calls_said_to_them() -> None:
    """At once, while a call is under way; nothing of it is kept when it is over, or when nobody watches."""

    async def body() -> None:
        async def wait(_: CallRequest) -> None:
            await asyncio.Event().wait()

        async with a_world(scripted(wait=wait)) as world:
            run_id, batches = await world.outside.ask(None, ASKED)
            await anext(batches)
            (live,) = world.server.service.hub.running
            about = {"run_id": run_id, "at_s": 0.0, "call_id": "x", "stage": Stage.ANSWER, "layer": 1, "agent": "a"}
            again = CallStarted(**about, attempt=2)  # type: ignore[arg-type]  # a table of fields
            piece = CallDelta(**about, text="so ")  # type: ignore[arg-type]  # as above

            async def said() -> list[str]:
                async with aclosing(world.outside.watch(None, run_id)) as late:
                    return [event.text for _, event in await anext(late) if isinstance(event, CallDelta)]

            live.tell(piece)
            live.tell(replace(piece, text="far"))
            assert await said() == ["so far"]
            live.tell(again)
            assert await said() == []
            live.tell(piece)
            await batches.aclose()
            assert await said() == []
            live.tell(piece)  # it was on its way
            assert await said() == []

    run(body)


def test_a_plan_is_told_before_anything_is_sent() -> None:
    """Nothing is asked of any model."""

    async def body() -> None:
        async with a_world() as world:
            plan = await world.outside.plan(None, ASKED)
            assert plan.total.calls == 9
            assert world.server.models.requests == []

    run(body)


@pytest.mark.parametrize(
    ("question", "code", "field"),
    [
        (Question(model="none", conversation=ASKED.conversation), "model_not_found", "model"),
        (Question(model="duo", conversation=()), "invalid_value", "question"),
        (Question(model="duo", conversation=ASKED.conversation, layers=0), "invalid_value", "layers"),
    ],
)
def test_a_wrong_question_is_refused(question: Question, code: str, field: str) -> None:
    """As a request of the API would be."""

    async def body() -> None:
        async with a_world() as world:
            with pytest.raises(RefusedError) as raised:
                await world.outside.ask(None, question)
            assert (raised.value.code, raised.value.field) == (code, field)

    run(body)


def test_runs_without_a_journal_are_those_of_the_process() -> None:
    """They are listed, shown, and taken out."""

    async def body() -> None:
        async with a_world() as world:
            run_id, batches = await world.outside.ask(None, ASKED)
            await all_of(batches)
            (row,) = await world.outside.rows(None, RunFilter(ensemble="duo", state="finished"))
            assert (row.run_id, row.question, row.is_held) == (run_id, "Why?", False)
            assert await world.outside.rows(None, RunFilter(ensemble="other")) == []
            standing = await world.outside.standing(None, run_id)
            assert (standing.is_under_way, standing.is_own, standing.record.state) == (False, True, "finished")
            await world.outside.delete(None, run_id)
            with pytest.raises(RefusedError, match="there is no run"):
                await world.outside.standing(None, run_id)

    run(body)


def test_each_key_has_its_own_runs(tmp_path: Path) -> None:
    """Another's is not there, whatever is wanted of it; an admin sees all, and resumes none of another's."""

    async def body() -> None:
        journal = tmp_path / "j.db"
        alice, bob = await key(journal, "alice"), await key(journal, "bob")
        admin = await key(journal, "root", is_admin=True)
        async with a_world(journal=journal) as world:
            outside = world.outside
            run_id, batches = await outside.ask(alice, ASKED)
            await all_of(batches)
            for deed in (outside.standing, outside.cancel, outside.resume, outside.delete):
                with pytest.raises(RefusedError, match="there is no run"):
                    await deed(bob, run_id)
            with pytest.raises(RefusedError, match="there is no run"):
                await all_of(outside.watch(bob, run_id))
            assert await outside.rows(bob, RunFilter()) == []
            assert [row.run_id for row in await outside.rows(admin, RunFilter())] == [run_id]
            with pytest.raises(RefusedError, match="no run 'r-0'"):
                await outside.rows(alice, RunFilter(before="r-0"))
            assert not (await outside.standing(admin, run_id)).is_own
            assert (await outside.enter(admin)).is_admin
            for wrong in (None, "moa-wrong"):
                with pytest.raises(RefusedError) as raised:
                    await outside.enter(wrong)
                assert raised.value.is_key_bad

    run(body)


def test_a_key_is_offered_what_it_may_ask(tmp_path: Path) -> None:
    """An ensemble and its agents; and of another one nothing."""

    async def body() -> None:
        journal = tmp_path / "j.db"
        some, none = await key(journal, "some", ensembles=("duo",)), await key(journal, "none", ensembles=("other",))
        async with a_world(journal=journal) as world:
            assert [offer.name for offer in await world.outside.offers(some)] == ["duo", "duo/a", "duo/b"]
            assert await world.outside.offers(none) == []
            with pytest.raises(RefusedError) as raised:
                await world.outside.ask(none, ASKED)
            assert raised.value.code == "model_not_found"

    run(body)


# -------------------------------------------------------------------------------------------------------- the screen


def test_a_page_asks_and_draws_what_happens() -> None:
    """The turn comes at once, then its parts; in the end the page may ask again."""

    async def body() -> None:
        async with a_world({"summary": "the *end*"}) as world:
            screen, sent = await world.screen()
            assert "Ask an ensemble" in screen.html()
            await screen.act("ask", {"question": "Why <b>?", "model": "duo"})
            assert sent.has("put", "turns", "turn-0")
            assert sent.shows("Why &lt;b&gt;?")
            await screen.act("ask", {"question": "Again?", "model": "duo"})  # one at a time
            await until(lambda: sent.has("attr", "talk", "data-busy", None))  # type: ignore[arg-type]  # none takes it off
            assert sent.shows("<em>end</em>")
            assert sent.has("say", "The answer is there.")
            assert len(sent.of("path")) == 1
            await screen.act("copy", {"turn": "turn-0"})
            assert sent.ops[-1] == ["copy", "the *end*"]
            assert "<em>end</em>" in screen.html()

    run(body)


def test_a_page_of_a_run_that_is_over_is_whole_at_once() -> None:
    """A conversation's earlier turns stand before it, and it goes on from there."""

    async def body() -> None:
        async with a_world({"summary": "the end"}) as world:
            screen, sent = await world.screen()
            for question in ("One?", "Two?"):
                before = len(sent.of("say"))
                await screen.act("ask", {"question": question, "model": "duo", "system": "Be brief."})
                await until(lambda before=before: len(sent.of("say")) > before)  # type: ignore[misc]  # bound in the loop
            run_id = str(sent.of("path")[-1][1]).rpartition("/")[2]
            later, _ = await world.screen(run_id)
            html = str(later.html())
            assert html.index("One?") < html.index("Two?") < html.index("Be brief.")
            assert (html.count("the end</p>"), later.title) == (2, "Two?")
            assert "data-busy" not in html

    run(body)


def test_a_page_cancels_and_resumes(tmp_path: Path) -> None:
    """What was finished is replayed."""

    async def body() -> None:
        held, journal = asyncio.Event(), tmp_path / "j.db"

        async def wait(request: CallRequest) -> None:
            if request.stage == "summary":
                await held.wait()

        async with a_world(scripted(wait=wait), journal=journal) as world:
            screen, sent = await world.screen()
            await screen.act("ask", {"question": "Why?", "model": "duo"})
            await until(lambda: sent.shows(">summary<"))
            other, seen = await world.screen(str(sent.of("path")[0][1]).rpartition("/")[2])
            assert "under way" in other.html()
            await other.act("cancel", {})
            await until(lambda: sent.shows("Cancelled.") and seen.shows("Cancelled."))
            held.set()
            await screen.act("resume", {})
            await until(lambda: sent.has("say", "The answer is there."))
            assert sent.shows("is-replayed")
            await screen.act("resume", {})  # it is finished: it goes on no more, and stays as it is
            other.close()

    run(body)


def test_a_page_of_a_run_that_broke_off_says_so(tmp_path: Path) -> None:
    """Its server was killed, and nobody is at it: it may be resumed."""

    async def body() -> None:
        journal, asked = tmp_path / "j.db", asyncio.Event()

        async def wait(request: CallRequest) -> None:
            if request.stage == "summary":
                asked.set()
                await asyncio.Event().wait()

        async with a_world(scripted(wait=wait), journal=journal) as world:
            run_id, batches = await world.outside.ask(None, ASKED)
            await asked.wait()
            await batches.aclose()
        async with a_world(journal=journal) as world:
            screen, sent = await world.screen(run_id)
            assert 'data-do="resume"' in screen.html()
            await screen.act("resume", {})
            await until(lambda: sent.has("say", "The answer is there."))

    run(body)


def test_what_is_refused_is_said_on_the_page() -> None:
    """And nothing else changes."""

    async def body() -> None:
        async with a_world() as world:
            screen, sent = await world.screen()
            await screen.act("ask", {"question": "Why?", "model": "none"})
            assert sent.shows("does not exist")
            await screen.act("ask", {"question": "  ", "model": "duo"})
            assert sent.ops[-1] == ["focus", "question"]
            await screen.act("plan", {"question": "Why?", "model": "duo"})
            assert sent.shows("9 calls")
            await screen.act("plan", {"question": ""})
            assert sent.has("html", "plan", "")
            before = list(sent.ops)
            for nothing in ("cancel", "resume", "copy", "no such deed"):
                await screen.act(nothing, {})
            assert sent.ops == before
            screen.close()

    run(body)


def test_a_setting_at_fault_is_named_by_its_label_and_marked() -> None:
    """While it is written it is marked; when it is sent the keyboard goes there; once it is right nothing is marked."""

    async def body() -> None:
        async with a_world() as world:
            screen, sent = await world.screen()
            wrong = {"question": "Why?", "model": "duo", "layers": "99"}
            await screen.act("plan", wrong)
            assert sent.shows("<span>Layers: ")
            assert sent.has("attr", "layers", "aria-invalid", "true")
            assert sent.has("attr", "settings", "open", "")
            assert not sent.of("focus")
            await screen.act("ask", wrong)
            assert sent.ops[-1] == ["focus", "layers"]
            await screen.act("plan", wrong | {"layers": "1"})
            assert sent.ops[-3:] == [["html", "notice", ""], *(["attr", "layers", name, None]
                                     for name in ("aria-invalid", "aria-describedby"))]  # fmt: skip
            await screen.act("ask", {"question": "Why?", "model": "none"})
            assert sent.has("attr", "model", "aria-invalid", "true")

    run(body)


def test_a_revoked_key_is_sent_to_the_form(tmp_path: Path) -> None:
    """By what it does, and by what it watches."""

    async def body() -> None:
        journal = tmp_path / "j.db"
        secret = await key(journal, "alice")
        async with a_world(journal=journal) as world:
            screen, sent = await world.screen(key=secret)
            async with a_till(journal) as till:
                await till.store.revoke("alice")
            async with asyncio.timeout(SOON_S):
                while not sent.has("go", "/login"):
                    await screen.act("plan", {"question": "Why?", "model": "duo"})
                    await asyncio.sleep(0.05)

    run(body)
