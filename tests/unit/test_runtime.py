"""The library: loading, running, watching, closing."""

from __future__ import annotations

import asyncio
import base64
import gc
from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.config import AttentionSpec, CallPolicy, EnsembleSpec, LimitSpec, PromptSpec
from attention_moa.errors import BudgetError, ConfigError, QuorumError, ServerError
from attention_moa.events import AnswerDelta, CallDelta, Event, RunFinished, RunStarted
from attention_moa.messages import CallRequest, Conversation, ImagePart, Message, TextPart, assistant, system, user
from attention_moa.providers.scripted import Line, Said, ScriptedProvider
from attention_moa.records import RunRecord
from attention_moa.run_stream import RunStream
from attention_moa.runtime import Ensemble
from tests import virtual_time
from tests.fake_openai import FakeOpenAI, says
from tests.worlds import QUESTION, SECRET, a_spec, default_reply, texts

TOML = """
layers = 2
[[agents]]
name = "a"
model = "test:a"
[[agents]]
name = "b"
model = "embedded:smollm2"
[summary]
model = "embedded:smollm2"
fallback = ["a", "embedded:smollm2"]
"""
WHY = "Why is the sky blue?"


class Counting(ScriptedProvider):
    """A scripted provider that knows how many replies were under way at most."""

    most_open = 0

    def __init__(self, latency_s: float = 0.0, **said: Said) -> None:
        async def says(request: CallRequest) -> Said:
            self.most_open = max(self.most_open, self.open_streams)
            await asyncio.sleep(latency_s)
            return said.get(request.stage.value, default_reply(request))

        super().__init__(says, pieces=2)


def an_ensemble(provider: ScriptedProvider | None = None, **fields: Any) -> Ensemble:
    """Return an ensemble of two agents on one scripted provider."""
    return Ensemble(a_spec(2, **fields), providers={"test": provider or Counting()}, secret=SECRET)


# ----------------------------------------------------------------------------------------------------------------- run


def test_a_question_is_answered_without_an_event_loop() -> None:
    """One line for a script."""
    record = an_ensemble().run_sync(WHY)
    assert (record.state, record.text, record.conversation) == ("finished", "says 2.residual.a", QUESTION)


def test_an_ensemble_runs_a_loop_with_its_observers_and_a_system_prompt() -> None:
    """The system prompt goes first; observers are told everything."""
    events: list[Event] = []
    record = asyncio.run(an_ensemble().run(WHY, system="Be brief.", observers=[events.append]))
    assert texts(record.conversation) == [("system", "Be brief."), ("user", WHY)]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)


def test_every_run_has_an_id_and_a_time_of_its_own() -> None:
    """Ids sort by time; the time is in UTC and says so."""
    ensemble = an_ensemble()
    one, two = ensemble.run_sync(WHY), ensemble.run_sync(WHY)
    assert one.run_id != two.run_id
    assert one.run_id[:15].replace("T", "").isdigit()
    assert one.created_at.endswith("+00:00")
    assert one.created_at <= two.created_at
    assert 0 <= one.wall_s < 60


def test_a_run_without_an_answer_raises_with_what_was_finished() -> None:
    """The partial record is in the error."""
    ensemble = an_ensemble(ScriptedProvider({"answer": ServerError("down", retryable=False)}))
    with pytest.raises(QuorumError, match="down") as caught:
        ensemble.run_sync(WHY)
    assert len(caught.value.partial.calls) == 2


def test_a_run_may_have_limits_of_its_own() -> None:
    """In the place of the ensemble's, which stay what they are for others."""
    ensemble = an_ensemble(limits=LimitSpec(tokens=1))
    record = asyncio.run(ensemble.run(WHY, limits=LimitSpec(tokens=100_000)))
    assert (record.state, record.ensemble.limits.tokens) == ("finished", 100_000)
    with pytest.raises(BudgetError):
        ensemble.run_sync(WHY)


def test_planned_calls_are_counted_before_anything_is_spent() -> None:
    """By the formula."""
    assert an_ensemble(layers=3).planned_calls == 9 + 10 + 10


def test_one_secret_renders_equal_prompts_and_another_other_ones() -> None:
    """Without a secret the process draws one: two ensembles still share prompts."""

    def prompts(secret: bytes | None) -> list[Conversation]:
        provider = Counting()
        Ensemble(a_spec(2), providers={"test": provider}, secret=secret).run_sync(WHY)
        return sorted((request.messages for request in provider.requests), key=str)

    assert prompts(None) == prompts(None)
    assert prompts(SECRET) == prompts(SECRET)
    assert prompts(SECRET) != prompts(None)


def test_a_function_of_ones_own_is_an_agent() -> None:
    """The pool makes providers where the model string says how."""
    spec = EnsembleSpec(agents=(AgentSpec(name="e", model="python:tests.function_agents:echo"),), layers=1)
    assert "user said" in (Ensemble(spec).run_sync(WHY).text or "")


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "the question is empty"),
        (" \n", "the question is empty"),
        ((), "the last turn has to be the user's"),
        ((user("Hi."), assistant("Hello.")), "the last turn has to be the user's"),
        ((Message("user"),), "the question is empty"),
    ],
)
def test_what_asks_nothing_is_refused(question: str | Conversation, message: str) -> None:
    """Before anything starts: when it is run, and when it is streamed."""
    ensemble = an_ensemble()
    with pytest.raises(ConfigError, match=rf"^question: {message}"):
        ensemble.run_sync(question)
    with pytest.raises(ConfigError, match=message):
        ensemble.stream(question)


def test_images_that_are_addresses_are_loaded_before_the_first_call() -> None:
    """Every agent gets the bytes; the record keeps what was asked."""
    provider = Counting()
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    asked = (Message("user", (TextPart("What is this?"), ImagePart(url=url))),)
    record = an_ensemble(provider, layers=1).run_sync(asked)
    assert {request.messages[0].content[1] for request in provider.requests} == {
        ImagePart(media_type="image/png", data=b"\x89PNG")
    }
    assert record.conversation == asked


def test_an_image_that_cannot_be_had_ends_the_run_before_any_call() -> None:
    """A private address is not fetched for anybody."""
    provider = Counting()
    asked = (Message("user", (ImagePart(url="http://127.0.0.1:9/secret.png"),)),)
    with pytest.raises(ConfigError, match="private"):
        an_ensemble(provider).run_sync(asked)
    assert provider.requests == []


def test_a_missing_key_is_found_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pays for the other agents first; the stream's record says failed."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    provider = Counting()
    agents = (AgentSpec(name="a", model="test:a"), AgentSpec(name="b", model="openai:gpt-4.1"))
    ensemble = Ensemble(EnsembleSpec(agents=agents), providers={"test": provider})

    async def scenario() -> RunRecord:
        stream = ensemble.stream(WHY)
        with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
            await items(stream)
        return stream.record

    record = asyncio.run(scenario())
    assert (record.state, provider.requests) == ("failed", [])
    assert "OPENAI_API_KEY" in (record.error or "")


def test_a_faulty_template_is_found_before_any_call(tmp_path: Path) -> None:
    """When the ensemble is made."""
    tmp_path.joinpath("refine.md").write_text("{{ nothing }}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"refine\.md: 'nothing' is undefined"):
        an_ensemble(prompts=PromptSpec(folder=str(tmp_path)))


def test_templates_of_ones_own_are_used(tmp_path: Path) -> None:
    """In the place of ours."""
    tmp_path.joinpath("summary.md").write_text("My own words.", encoding="utf-8")
    provider = Counting()
    an_ensemble(provider, layers=1, prompts=PromptSpec(folder=str(tmp_path))).run_sync(WHY)
    assert provider.requests[-1].messages[-1].text == f"{WHY}\n\nMy own words."


# ---------------------------------------------------------------------------------------------------------------- load


def test_a_file_is_loaded_with_other_layers_and_ones_own_providers(tmp_path: Path) -> None:
    """What is not told is as the file says."""
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    assert Ensemble.load(path).spec.layers == 2
    ensemble = Ensemble.load(str(path), layers=1, providers={"test": Counting(), "embedded": Counting()})
    assert ensemble.spec.layers == 1
    assert ensemble.run_sync(WHY).text == "says 1.summary.summary"


@pytest.mark.parametrize(("layers", "name", "key"), [(0, "embedded", "layers"), (None, "no-such-ensemble", None)])
def test_what_cannot_be_loaded_is_a_config_error(layers: int | None, name: str, key: str | None) -> None:
    """Unknown names and numbers out of range."""
    with pytest.raises(ConfigError) as caught:
        Ensemble.load(name, layers=layers)
    assert key is None or caught.value.key == key


def test_a_model_file_takes_the_place_of_every_embedded_model(tmp_path: Path) -> None:
    """Agents, writers and fallbacks; what is not embedded stays."""
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    model_file = tmp_path / "model.gguf"
    spec = Ensemble.load(path, model_file=model_file).spec
    model = f"embedded:{model_file}"
    assert [agent.model for agent in spec.agents] == ["test:a", model]
    assert spec.summary == WriterSpec(model=model, fallback=("a", model))
    assert spec.residual.model == ""


def test_a_model_file_without_an_embedded_model_to_replace_is_refused(tmp_path: Path) -> None:
    """An option that would do nothing is a mistake."""
    path = tmp_path / "mine.toml"
    path.write_text('[[agents]]\nname = "a"\nmodel = "test:a"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="no embedded model to replace") as caught:
        Ensemble.load(path, model_file=tmp_path / "model.gguf")
    assert caught.value.key == "model_file"


# --------------------------------------------------------------------------------------------------------------- close


def test_an_entered_ensemble_shares_its_places_between_runs() -> None:
    """A limit is one for all that is under way; outside each run has its own."""

    async def two_runs(ensemble: Ensemble) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(ensemble.run(WHY))

    async def entered(ensemble: Ensemble) -> None:
        async with ensemble:
            await two_runs(ensemble)

    most: list[int] = []
    for scenario in (entered, two_runs):
        provider = Counting(latency_s=1.0)
        agents = [AgentSpec(name=name, model="test:one") for name in "ab"]
        policy = CallPolicy(concurrency=1)
        ensemble = Ensemble(a_spec(agents, layers=1, calls=policy), providers={"test": provider})
        virtual_time.run(scenario(ensemble))
        most.append(provider.most_open)
    assert most == [1, 2]


def test_providers_of_ones_own_stay_open() -> None:
    """Who made them closes them."""
    provider = Counting()

    async def scenario() -> None:
        async with an_ensemble(provider) as ensemble:
            await ensemble.run(WHY)

    asyncio.run(scenario())
    assert not provider.is_closed


def test_an_ensemble_can_be_closed_twice_and_run_again() -> None:
    """Closing lets go; it does not break."""

    async def scenario() -> tuple[RunRecord, RunRecord]:
        ensemble = Ensemble(
            EnsembleSpec(agents=(AgentSpec(name="e", model="python:tests.function_agents:echo"),), layers=1)
        )
        await ensemble.aclose()
        async with ensemble:
            first = await ensemble.run(WHY)
            await ensemble.aclose()
            await ensemble.aclose()
        return first, await ensemble.run(WHY)

    first, second = asyncio.run(scenario())
    assert first.text == second.text


@pytest.mark.parametrize(("is_entered", "connections"), [(True, 1), (False, 2)])
def test_an_entered_ensemble_keeps_its_connections_between_runs(is_entered: bool, connections: int) -> None:
    """Over real HTTP: outside, every run opens and closes its own."""
    ports: set[int] = set()

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return await says("Hello.")(request, body)

    async def scenario() -> None:
        async with asyncio.timeout(60), FakeOpenAI(behave) as server:
            agent = AgentSpec(name="a", model="openai:m", base_url=server.base_url)
            ensemble = Ensemble(a_spec([agent], layers=1, attention=AttentionSpec(own=False, peers=0)))
            async with ensemble if is_entered else nullcontext():
                for _ in range(2):
                    assert (await ensemble.run(WHY)).text == "Hello."
            assert len(server.requests) == 4

    asyncio.run(scenario())
    assert len(ports) == connections


# -------------------------------------------------------------------------------------------------------------- stream


async def items(stream: RunStream) -> list[Event | RunRecord]:
    """Return everything that a stream gives."""
    return [item async for item in stream]


def test_a_stream_gives_all_events_and_last_the_record() -> None:
    """The record is also the stream's."""

    async def scenario() -> None:
        stream = an_ensemble().stream(WHY, system="Be brief.")
        assert stream.record.state == "running"
        found = await items(stream)
        assert isinstance(found[0], RunStarted)
        assert isinstance(found[-2], RunFinished)
        assert isinstance(found[-1], RunRecord)
        assert found[-1] == stream.record
        assert stream.record.conversation[0] == system("Be brief.")
        assert not [item for item in found if isinstance(item, CallDelta)]
        await stream.aclose()
        assert found[-1] == stream.record

    asyncio.run(scenario())


def test_a_stream_gives_events_while_the_run_goes_on() -> None:
    """Each at its time, not all at the end."""

    async def scenario() -> list[float]:
        stream = an_ensemble(Counting(latency_s=1.0), layers=1, attention=AttentionSpec(own=False, peers=0)).stream(WHY)
        loop = asyncio.get_running_loop()
        return [round(loop.time(), 6) async for item in stream if type(item).__name__ == "CallFinished"]

    assert virtual_time.run(scenario()) == [1.0, 1.0, 2.0]


def test_a_stream_gives_every_piece_where_that_is_asked_for() -> None:
    """Piece by piece the text of every call."""

    async def scenario() -> list[Event | RunRecord]:
        return await items(an_ensemble(layers=1).stream(WHY, deltas=True))

    deltas = [item for item in asyncio.run(scenario()) if isinstance(item, CallDelta)]
    assert "".join(delta.text for delta in deltas if delta.call_id == "1.summary.a") == "says 1.summary.a"
    assert len(deltas) == 2 * 9


def test_a_stream_may_give_the_answers_pieces_alone() -> None:
    """Those of other replies would be most of what happens."""

    async def scenario() -> list[Event | RunRecord]:
        return await items(an_ensemble(layers=1).stream(WHY, deltas="answer"))

    found = asyncio.run(scenario())
    assert not any(isinstance(item, CallDelta) for item in found)
    assert "".join(item.text for item in found if isinstance(item, AnswerDelta)) == "says 1.summary.a"


def test_a_stream_raises_what_the_run_raises() -> None:
    """After the events that led to it."""

    async def scenario() -> tuple[list[Event | RunRecord], RunRecord]:
        found: list[Event | RunRecord] = []
        stream = an_ensemble(ScriptedProvider({"answer": ServerError("down", retryable=False)})).stream(WHY)
        with pytest.raises(QuorumError, match="down"):
            async for item in stream:
                found.append(item)
        return found, stream.record

    found, record = asyncio.run(scenario())
    assert isinstance(found[-1], RunFinished)
    assert (record.state, len(record.calls)) == ("failed", 2)


def slow() -> Counting:
    """Return a provider whose answers come at once and whose other calls take an hour."""
    hour = Line(text="late", first_token_s=3600.0)
    return Counting(critique=hour, refine=hour, summary=hour)


async def first_answer(stream: RunStream) -> None:
    """Iterate until the first reply is there, and leave."""
    async for item in stream:
        if type(item).__name__ == "CallFinished":
            break


def test_closing_a_stream_cancels_its_run_and_keeps_what_was_finished() -> None:
    """No call, no task is left; closing again does nothing."""
    provider = slow()

    async def scenario() -> RunRecord:
        stream = an_ensemble(provider).stream(WHY)
        async with aclosing(stream):
            await first_answer(stream)
            assert stream.record.state == "running"
        await stream.aclose()
        assert len(asyncio.all_tasks()) == 1
        return stream.record

    record = asyncio.run(scenario())
    assert (record.state, record.text, provider.open_streams) == ("cancelled", None, 0)
    assert {call.state for call in record.calls} >= {"finished"}


def test_letting_go_of_a_stream_cancels_its_run() -> None:
    """Who breaks out of the loop over a stream that nobody holds has ended it."""
    provider = slow()

    async def scenario() -> None:
        await first_answer(an_ensemble(provider).stream(WHY))
        gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())
    assert provider.open_streams == 0


def test_cancelling_who_reads_a_stream_cancels_its_run() -> None:
    """The record tells what was finished."""
    provider = slow()

    async def scenario() -> RunRecord:
        stream = an_ensemble(provider).stream(WHY)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await items(stream)
        assert len(asyncio.all_tasks()) == 1
        return stream.record

    record = virtual_time.run(scenario())
    assert (record.state, record.error, provider.open_streams) == ("cancelled", "interrupted", 0)


def test_a_stream_that_is_closed_before_it_began_runs_nothing() -> None:
    """No call is made for nobody."""
    provider = Counting()

    async def scenario() -> list[Event | RunRecord]:
        stream = an_ensemble(provider).stream(WHY)
        await stream.aclose()
        return await items(stream)

    assert asyncio.run(scenario()) == []
    assert provider.requests == []
