"""The simulated fleet over real HTTP: its API, its faults on the wire, its counts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from attention_moa.errors import ConfigError
from attention_moa.fleet import FAULTYTEXT, Fault, Fleet, ModelSpec, Visit
from tests.asking import run
from tests.fleet_world import a_fleet, running, until

LONG = "Why is the sky blue at noon and red at sunset, and what would it be on Mars? " * 4


def test_a_reply_has_the_api_s_form() -> None:
    """In one piece."""

    async def scenario() -> None:
        async with running() as client:
            answer = await client.chat(LONG)
            assert answer.status == 200
            document = answer.json
            assert (document["object"], document["model"]) == ("chat.completion", "m")
            (choice,) = document["choices"]
            assert (choice["finish_reason"], choice["message"]["role"]) == ("stop", "assistant")
            usage = document["usage"]
            assert usage["completion_tokens"] == -(-len(answer.text) // 4)
            assert usage["prompt_tokens"] == -(-len(f"<user>{LONG}\n<assistant>") // 4)
            assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
            assert FAULTYTEXT not in answer.text

    run(scenario)


def test_a_stream_has_the_same_text_and_tells_its_usage_when_asked() -> None:
    """The text depends on the request, so the same body is sent twice."""

    async def scenario() -> None:
        async with running() as client:
            plain = await client.chat(stream=True)
            again = await client.chat(stream=True)
            assert plain.text == again.text
            assert plain.events[-1]["choices"][0]["finish_reason"] == "stop"
            told = await client.chat(stream=True, stream_options={"include_usage": True})
            assert told.events[-1]["choices"] == []
            assert told.events[-1]["usage"]["completion_tokens"] == -(-len(told.text) // 4)

    run(scenario)


def test_max_tokens_cuts_the_reply_and_says_so() -> None:
    """By both names; thinking counts too, and may leave nothing for the text."""

    async def scenario() -> None:
        async with running(a_fleet(ModelSpec(name="m"), ModelSpec(name="sage", reasoning_tokens=500))) as client:
            limits: list[dict[str, Any]] = [{"max_tokens": 7}, {"max_completion_tokens": 7}]
            for limit in limits:
                answer = await client.chat(**limit)
                assert answer.json["usage"]["completion_tokens"] <= 7
                assert answer.json["choices"][0]["finish_reason"] == "length"
                assert len(answer.text) <= 28
            (choice,) = (await client.chat(model="sage", max_tokens=5)).json["choices"]
            assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")
            assert len(choice["message"]["reasoning_content"]) == 20

    run(scenario)


def a_tool(name: str, **properties: Any) -> dict[str, Any]:
    """Return a tool that needs all of these."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


TOOLS = [a_tool("weather", city={"type": "string"}), a_tool("clock", zone={"enum": ["CET"]})]


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("choice", "name"), [("required", "weather"), ({"type": "function", "function": {"name": "clock"}}, "clock")]
)
def test_a_tool_that_must_be_called_is_called(is_streamed: bool, choice: object, name: str) -> None:
    """With arguments of its schema; in a stream in pieces, the first of which names it."""

    async def scenario() -> None:
        async with running(a_fleet(chunk_tokens=1)) as client:
            answer = await client.chat(stream=is_streamed, tools=TOOLS, tool_choice=choice)
            if is_streamed:
                deltas = [event["choices"][0]["delta"] for event in answer.events]
                pieces = [call for delta in deltas for call in delta.get("tool_calls", ())]
                assert len(pieces) > 2
                assert {piece["index"] for piece in pieces} == {0}
                arguments = "".join(piece["function"]["arguments"] for piece in pieces)
                called, finish = pieces[0], answer.events[-1]["choices"][0]["finish_reason"]
            else:
                (told,) = answer.json["choices"]
                assert told["message"]["content"] is None
                (called,) = told["message"]["tool_calls"]
                arguments, finish = called["function"]["arguments"], told["finish_reason"]
                assert answer.json["usage"]["completion_tokens"] == -(-len(arguments) // 4)
            assert (called["type"], called["function"]["name"], finish) == ("function", name, "tool_calls")
            assert called["id"].startswith("call_")
            assert set(msgspec.json.decode(arguments)) == ({"city"} if name == "weather" else {"zone"})

    run(scenario)


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_a_tool_that_need_not_be_called_is_not(choice: str | None) -> None:
    """The reply is text, as without tools."""

    async def scenario() -> None:
        async with running() as client:
            answer = await client.chat(tools=TOOLS, tool_choice=choice)
            assert answer.text
            assert "tool_calls" not in answer.json["choices"][0]["message"]

    run(scenario)


def test_a_form_that_is_asked_for_is_kept() -> None:
    """A schema's, or any object; a limit cuts it, and says so."""
    schema = {"type": "object", "properties": {"stars": {"type": "integer", "minimum": 2}}, "required": ["stars"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    async def scenario() -> None:
        async with running() as client:
            for is_streamed in (True, False):
                assert (await client.chat(stream=is_streamed, response_format=form)).text == '{"stars": 2}'
            assert (await client.chat(response_format={"type": "json_object"})).text == "{}"
            assert (await client.chat(response_format={"type": "text"})).text[0].isupper()
            cut = await client.chat(response_format=form, max_tokens=1)
            assert (cut.text, cut.json["choices"][0]["finish_reason"]) == ('{"st', "length")

    run(scenario)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"function": {"name": "none"}}}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "any"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
    ],
)
def test_tools_and_forms_that_make_no_sense_are_refused(fields: dict[str, Any], param: str) -> None:
    """As real endpoints do, with the field's name."""

    async def scenario() -> None:
        async with running() as client:
            answer = await client.chat(**fields)
            assert (answer.status, answer.json["error"]["param"]) == (400, param)

    run(scenario)


def test_a_call_that_comes_with_a_fault_is_marked_as_any_text() -> None:
    """Nobody may use it; an empty reply has no call either."""

    async def scenario() -> None:
        faults: tuple[Fault, ...] = ("cut", "empty")
        for fault in faults:
            async with running(a_fleet(faults={fault: 1.0})) as client:
                with suppress(aiohttp.ClientPayloadError):
                    answer = await client.chat(tools=TOOLS, tool_choice="required")
                    assert "tool_calls" not in answer.json["choices"][0]["message"]
                reply = next(iter(client.fleet.log)).reply or ""
                assert reply.startswith(FAULTYTEXT) == (fault == "cut")

    run(scenario)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_thinking_comes_apart_from_the_text(is_streamed: bool) -> None:
    """And is counted apart."""

    async def scenario() -> None:
        async with running(a_fleet(ModelSpec(name="m", reasoning_tokens=30))) as client:
            answer = await client.chat(stream=is_streamed, stream_options={"include_usage": True})
            usage = (answer.events[-1] if is_streamed else answer.json)["usage"]
            assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
            if is_streamed:
                first = [next(iter(event["choices"][0]["delta"]), "") for event in answer.events[1:-2]]
                assert first == sorted(first, key=lambda field: field != "reasoning_content")
            (visit,) = client.fleet.log
            assert visit.reasoning_tokens == usage["completion_tokens_details"]["reasoning_tokens"]

    run(scenario)


def test_log_probabilities_are_told_where_they_are_asked_for() -> None:
    """The same in a stream as in one piece, a place for each token of the text and none for the thinking."""

    async def scenario() -> None:
        spec = a_fleet(ModelSpec(name="m", output_tokens=30, reasoning_tokens=20))
        async with running(spec) as client:
            asked: dict[str, Any] = {"logprobs": True, "top_logprobs": 3}
            whole = await client.chat(**asked)
            places = whole.json["choices"][0]["logprobs"]["content"]
            assert "".join(place["token"] for place in places) == whole.text
            assert {len(place["top_logprobs"]) for place in places} == {3}
            stream = await client.chat(**asked, stream=True)
            choices = [choice for event in stream.events for choice in event["choices"]]
            blocks = [choice["logprobs"]["content"] for choice in choices if choice["logprobs"]]
            told = [place for block in blocks for place in block]
            assert "".join(place["token"] for place in told) == stream.text
            assert all(not choice["logprobs"] for choice in choices if "reasoning_content" in choice["delta"])
            assert (await client.chat()).json["choices"][0]["logprobs"] is None
            bare = (await client.chat(logprobs=True)).json["choices"][0]["logprobs"]["content"]
            assert {len(place["top_logprobs"]) for place in bare} == {0}

    run(scenario)


def test_a_conversation_that_goes_on_finds_its_beginning_in_the_cache() -> None:
    """The reply's own tokens included; another model knows nothing of it."""

    async def scenario() -> None:
        spec = a_fleet(ModelSpec(name="m", output_tokens=200), ModelSpec(name="n"))
        async with running(spec) as client:
            first = await client.chat(LONG)
            used = first.json["usage"]
            assert used["prompt_tokens_details"]["cached_tokens"] == 0
            known = used["prompt_tokens"] + used["completion_tokens"]
            turns = (LONG, first.text, "Shorter, please, and with an example that a child would understand.")
            cached = (await client.chat(*turns)).json["usage"]["prompt_tokens_details"]["cached_tokens"]
            assert known - 16 <= cached <= known
            assert cached % 16 == 0
            other = (await client.chat(*turns, model="n")).json["usage"]
            assert other["prompt_tokens_details"]["cached_tokens"] == 0

    run(scenario)


def test_runs_of_one_seed_are_equal_and_of_another_are_not() -> None:
    """Texts and faults, on fresh servers."""

    async def told(seed: int) -> list[Any]:
        spec = a_fleet(seed=seed, faults={"server_error": 0.3, "empty": 0.3})
        async with running(spec) as client:
            answers = [await client.chat(f"Question {number % 10}") for number in range(20)]
            assert [visit.times for visit in client.fleet.log] == [0] * 10 + [1] * 10
            return [(answer.status, answer.text if answer.status == 200 else None) for answer in answers]

    async def scenario() -> None:
        first, again, other = [await told(seed) for seed in (1, 1, 2)]
        assert first == again
        assert first != other
        assert first[:10] != first[10:]  # a retry has another fate
        for once, twice in zip(first[:10], first[10:], strict=True):
            if once[1] and twice[1]:
                assert once == twice  # and, where both went well, the same text

    run(scenario)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "the body is not JSON"),
        (b'{"model": "m"}', 400, "missing required field `messages`"),
        ({"model": 3, "messages": []}, 400, "Expected `str`"),
        ({"model": "m", "messages": []}, 400, "there is no message"),
        ({"model": "m", "messages": [{"content": "x"}]}, 400, "missing required field `role`"),
        ({"model": "m", "messages": [{"role": "user", "content": 3}]}, 400, "Expected `str | array | null`"),
        ({"model": "m", "messages": [{"role": "user"}], "max_tokens": 0}, 400, "max_tokens: 0 is not 1 or more"),
        ({"model": "m", "messages": [{"role": "user"}], "max_tokens": "x"}, 400, "Expected `int | null`"),
        ({"model": "m", "messages": [{"role": "user"}], "n": 2}, 400, "n: 2 is not 1"),
        ({"model": "m", "messages": [{"role": "user"}], "logprobs": True, "top_logprobs": 21}, 400, "from 0 to 20"),
        ({"model": "m", "messages": [{"role": "user"}], "top_logprobs": 5}, 400, "only with logprobs"),
        ({"model": "x", "messages": [{"role": "user"}]}, 404, "the model 'x' does not exist: there are m"),
    ],
)
def test_a_bad_request_is_told_in_the_api_s_form(body: Any, status: int, said: str) -> None:
    """It reaches no model, and is counted."""

    async def scenario() -> None:
        async with running() as client:
            answer = await client.post(body)
            assert answer.status == status
            assert said in answer.json["error"]["message"]
            assert set(answer.json["error"]) == {"message", "type", "param", "code"}
            assert client.fleet.bad_requests == 1
            assert len(client.fleet.log) == 0

    run(scenario)


def test_what_is_not_there_is_a_404_and_a_body_too_large_a_413() -> None:
    """Both in the API's form."""

    async def scenario() -> None:
        async with running() as client:
            assert (await client.get("/v1/nothing")).json["error"]["code"] == "not_found"
            answer = await client.post(b"x" * (64 * 2**20 + 1))
            assert answer.status == 413
            assert "larger than" in answer.json["error"]["message"]

    run(scenario)


def test_the_key_is_asked_for_where_one_is_set() -> None:
    """Everywhere but at /healthz."""

    async def scenario() -> None:
        async with running(key="secret") as client:
            assert (await client.get("/healthz")).json == {"status": "ok"}
            for key in (None, "wrong", "schlüssel"):
                answer = await client.chat(key=key)
                assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")
            assert (await client.get("/stats")).status == 401
            assert (await client.chat(key="secret")).status == 200

    run(scenario)


def test_models_stats_and_reset() -> None:
    """After a reset nothing is known: no counts, no cache, no earlier request."""

    async def scenario() -> None:
        spec = a_fleet(ModelSpec(name="m"), ModelSpec(name="n"), faults={"wrong_usage": 1.0})
        async with running(spec) as client:
            assert [model["id"] for model in (await client.get("/v1/models")).json["data"]] == ["m", "n"]
            for _ in range(2):
                await client.chat(LONG)
            stats = (await client.get("/stats")).json
            m = stats["models"]["m"]
            assert (m["requests"], m["whole"], m["faults"], m["working"]) == (2, 2, {"wrong_usage": 2}, 0)
            assert m["cached_tokens"] > 0
            assert m["busy_s"] > 0
            assert stats["models"]["n"]["requests"] == stats["bad_requests"] == 0
            assert (await client.post(b"", path="/reset")).status == 200
            assert (await client.get("/stats")).json["models"]["m"]["requests"] == 0
            await client.chat(LONG)
            (visit,) = client.fleet.log
            assert (visit.times, visit.cached_tokens) == (0, 0)

    run(scenario)


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("fault", ["cut", "malformed", "error_in_reply", "wrong_type", "bad_gateway", "server_error"])
def test_every_text_of_a_fault_bears_the_mark(fault: Fault, is_streamed: bool) -> None:
    """So that a test can look for it in prompts and answers."""

    async def scenario() -> None:
        async with running(a_fleet(faults={fault: 1.0})) as client:
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": is_streamed}
            url = f"{client.fleet.base_url}/chat/completions"
            seen = b""
            async with client.session.post(url, json=body) as response:
                try:
                    async for piece in response.content.iter_any():
                        seen += piece
                except aiohttp.ClientPayloadError:
                    assert fault == "cut"
            assert FAULTYTEXT.encode() in seen
            assert b"[DONE]" not in seen
            (visit,) = client.fleet.log
            assert (visit.fault, visit.is_whole) == (fault, False)

    run(scenario)


def _is_over(fleet: Fleet, count: int) -> bool:
    return fleet.stats["m"].requests == count


@pytest.mark.parametrize(
    "fault", ["rate_limit", "server_error", "unavailable", "bad_gateway", "wrong_type", "hang", "reset"]
)
def test_a_request_that_gets_no_reply_uses_no_tokens(fault: Fault) -> None:
    """It is counted among the faults; a client has no tokens to book for it either."""

    async def scenario() -> None:
        async with running(a_fleet(faults={fault: 1.0})) as client:
            for count in (1, 2):
                asking = asyncio.ensure_future(client.chat(LONG))  # noqa: TID251 - one that hangs is given up here
                if fault == "hang":
                    await until(lambda: client.fleet.stats["m"].working == 1)
                    asking.cancel()
                with suppress(aiohttp.ClientError, asyncio.CancelledError):
                    await asking
                await until(partial(_is_over, client.fleet, count))
            stats = client.fleet.stats["m"]
            assert (stats.faults, stats.refused, stats.whole) == ({fault: 2}, 0, 0)
            assert (stats.prompt_tokens, stats.cached_tokens, stats.output_tokens) == (0, 0, 0)
            assert not any(visit.prompt_tokens for visit in client.fleet.log)

    run(scenario)


@pytest.mark.parametrize("model", [ModelSpec(name="m", rpm=1), ModelSpec(name="m", context_tokens=20)])
def test_a_refused_request_uses_no_tokens(model: ModelSpec) -> None:
    """The counts are those that the client was told of the one that was answered."""

    async def scenario() -> None:
        async with running(a_fleet(model)) as client:
            told = (await client.chat("Short.")).json["usage"]
            assert (await client.chat(LONG)).status in {400, 429}
            stats = client.fleet.stats["m"]
            assert (stats.requests, stats.whole, stats.refused) == (2, 1, 1)
            assert (stats.prompt_tokens, stats.output_tokens) == (told["prompt_tokens"], told["completion_tokens"])

    run(scenario)


@pytest.mark.parametrize("fault", ["cut", "malformed", "error_in_reply"])
def test_a_reply_that_broke_off_has_used_tokens(fault: Fault) -> None:
    """As with a vendor, who has read the prompt and written something."""

    async def scenario() -> None:
        async with running(a_fleet(faults={fault: 1.0})) as client:
            with suppress(aiohttp.ClientError):
                await client.chat(LONG)
            stats = client.fleet.stats["m"]
            assert stats.prompt_tokens > len(LONG) // 4
            assert stats.output_tokens > 0

    run(scenario)


def test_a_prompt_beyond_the_context_window_is_refused() -> None:
    """With the code by which clients know it."""

    async def scenario() -> None:
        async with running(a_fleet(ModelSpec(name="m", context_tokens=20))) as client:
            assert (await client.chat("Short.")).status == 200
            answer = await client.chat(LONG)
            assert (answer.status, answer.json["error"]["code"]) == (400, "context_length_exceeded")
            assert client.fleet.stats["m"].refused == 1

    run(scenario)


def test_limits_a_minute_are_told_and_kept() -> None:
    """The third request within a minute gets a 429 that says how long to wait."""

    async def scenario() -> None:
        async with running(a_fleet(ModelSpec(name="m", rpm=2, tpm=100_000))) as client:
            left = [(await client.chat(str(n))).headers["x-ratelimit-remaining-requests"] for n in range(2)]
            assert left == ["1", "0"]
            answer = await client.chat("3")
            assert answer.status == 429
            assert 25 <= int(answer.headers["retry-after"]) <= 30
            assert answer.headers["x-ratelimit-remaining-requests"] == "0"
            assert int(answer.headers["x-ratelimit-remaining-tokens"]) < 100_000

    run(scenario)


def test_a_drawn_429_asks_for_patience_in_real_time() -> None:
    """A simulated second at a hundredth is 10 ms; ``Retry-After`` itself knows whole seconds only."""

    async def scenario() -> None:
        spec = a_fleet(ModelSpec(name="m"), time_scale=0.01, faults={"rate_limit": 1.0})
        async with running(spec) as client:
            answer = await client.chat()
            assert (answer.status, answer.headers["retry-after"], answer.headers["retry-after-ms"]) == (429, "1", "10")

    run(scenario)


def test_simulated_time_passes_and_requests_wait_in_line() -> None:
    """One place, three requests: each waits for those before it; a fourth finds the line full."""

    async def scenario() -> None:
        model = ModelSpec(name="m", first_token_s=1, decode_tps=1e6, jitter=0, concurrency=1, queue=2, output_tokens=5)
        async with running(a_fleet(model, time_scale=0.05)) as client:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(client.chat(str(number))) for number in range(3)]
                await until(lambda: client.fleet.stats["m"].waiting == 2)
                assert client.fleet.stats["m"].working == 1
                assert (await client.chat("4")).status == 429
            assert [task.result().status for task in tasks] == [200] * 3
            served = sorted(visit.queue_s for visit in client.fleet.log if visit.status == 200)
            assert served[0] < served[1] < served[2]
            assert served[2] > 0.9  # all the work on the one before it, at least
            assert all(0.9 < visit.busy_s < 1.2 for visit in client.fleet.log if visit.status == 200)
            stats = client.fleet.stats["m"]
            assert (stats.whole, stats.refused) == (3, 1)
            assert stats.queue_s == pytest.approx(sum(served), abs=0.01)

    run(scenario)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_client_that_leaves_frees_its_place_and_is_noted(is_streamed: bool) -> None:
    """In the middle of a stream, or while it waits for a reply in one piece."""

    async def scenario() -> None:
        model = ModelSpec(name="m", first_token_s=0.01, decode_tps=1, jitter=0, concurrency=1, output_tokens=1000)
        async with running(a_fleet(model, time_scale=1.0)) as client:
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": is_streamed}
            async with asyncio.TaskGroup() as group:
                task = group.create_task(_begin(client.session, f"{client.fleet.base_url}/chat/completions", body))
                await until(lambda: client.fleet.stats["m"].working == 1)
                if is_streamed:
                    await until(lambda: next(iter(client.fleet.log)).status == 200)
                task.cancel()
                await until(lambda: client.fleet.stats["m"].left == 1)
            (visit,) = client.fleet.log
            assert (visit.has_left, visit.is_whole, client.fleet.stats["m"].working) == (True, False, 0)
            assert visit.busy_s < 20

    run(scenario)


async def _begin(session: aiohttp.ClientSession, url: str, body: Any) -> None:
    async with session.post(url, json=body) as response:
        await response.read()


def test_a_dripping_reply_is_the_right_one_and_slower() -> None:
    """By its factor."""

    async def scenario() -> None:
        model = ModelSpec(name="m", first_token_s=0, decode_tps=2000, jitter=0, output_tokens=100, output_spread=0)
        async with running(a_fleet(model)) as client:
            right = (await client.chat()).text
        async with running(a_fleet(model, faults={"drip": 1.0})) as client:
            assert (await client.chat()).text == right
            assert client.fleet.stats["m"].busy_s == pytest.approx(20 * 100 / 2000, rel=0.1)

    run(scenario)


def test_images_and_tool_calls_are_counted() -> None:
    """Whatever else is in a message."""

    async def scenario() -> None:
        async with running() as client:
            picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
            content = [{"type": "text", "text": "Look:"}, picture]
            answer = await client.post({"model": "m", "messages": [{"role": "user", "content": content}]})
            assert 256 < answer.json["usage"]["prompt_tokens"] < 270
            call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}" * 100}}
            turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
            answer = await client.post({"model": "m", "messages": turns})
            assert answer.json["usage"]["prompt_tokens"] > 60

    run(scenario)


def test_the_log_file_has_a_line_for_each_request(tmp_path: Path) -> None:
    """With the messages only where they are asked for."""

    async def scenario() -> None:
        path = tmp_path / "log.jsonl"
        for has_messages in (True, False):
            async with running(log_file=path, has_messages=has_messages) as client:
                await client.chat("Hello there.")
        first, second = map(msgspec.json.decode, path.read_text(encoding="utf-8").splitlines())
        assert first["messages"] == [{"role": "user", "content": "Hello there."}]
        assert first["reply"]
        assert "messages" not in second
        assert "reply" not in second
        assert first["messages_sha256"] == second["messages_sha256"]
        assert (first["model"], first["status"], first["is_whole"], len(first["request"])) == ("m", 200, True, 16)
        assert first["at"].endswith("+00:00")
        visits = [msgspec.json.decode(line, type=Visit) for line in path.read_bytes().splitlines()]
        assert [visit.has_messages for visit in visits] == [True, False]
        assert [visit.text for visit in visits] == ['[{"role":"user","content":"Hello there."}]', ""]

    run(scenario)


def test_the_log_in_memory_keeps_the_latest_and_can_be_searched() -> None:
    """As many as were asked for; without messages there is nothing to search."""

    async def scenario() -> None:
        async with running(most_visits=2) as client:
            for word in ("one", "two", "three"):
                await client.chat(word)
            assert [visit.number for visit in client.fleet.log] == [2, 3]
            assert [word in visit.text for visit, word in zip(client.fleet.log, ("two", "three"), strict=True)] == [
                True,
                True,
            ]
        async with running(has_messages=False) as client:
            await client.chat("one")
            assert [visit.text for visit in client.fleet.log] == [""]

    run(scenario)


def test_a_port_that_is_taken_and_a_log_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    """One line each."""

    async def scenario() -> None:
        async with Fleet(a_fleet()) as fleet:
            port = int(fleet.base_url.rpartition(":")[2].removesuffix("/v1"))
            with pytest.raises(ConfigError, match=f"--port: {port} cannot be used"):
                await Fleet(a_fleet(), port=port).__aenter__()
        with pytest.raises(ConfigError, match=r"--log: .* cannot be written"):
            await Fleet(a_fleet(), log_file=tmp_path).__aenter__()

    run(scenario)


def test_a_fleet_that_ends_ends_its_requests() -> None:
    """A hanging one too; its client did not leave."""

    async def scenario() -> None:
        fleet = Fleet(a_fleet(faults={"hang": 1.0}))
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            async with fleet:
                body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
                task = group.create_task(_begin_in_vain(session, f"{fleet.base_url}/chat/completions", body))
                await until(lambda: fleet.stats["m"].working == 1)
            assert await task
        (visit,) = fleet.log
        assert (visit.fault, visit.status, visit.has_left) == ("hang", 0, False)

    run(scenario)


async def _begin_in_vain(session: aiohttp.ClientSession, url: str, body: Any) -> bool:
    try:
        await _begin(session, url, body)
    except aiohttp.ClientError:
        return True
    return False
