"""Marked conversations of several keys, all at once: no prompt, event, answer or record holds another one's mark."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from attention_moa.messages import CallRequest
from attention_moa.providers.scripted import Said, ScriptedProvider
from attention_moa.server.config import ServerConfig
from attention_moa.server.keys import KeyRules
from tests.key_world import a_till
from tests.server_world import ServerWorld, a_server, run
from tests.worlds import USAGE, a_spec, call_id, default_reply

MARK = re.compile(r"mark-\d+-\d+")
TRIO = a_spec(3, name="trio", layers=2)
_MOST_SHARED = 8
"""Characters of a prompt that two keys may have in common by chance: far from what any cache keeps."""


class Asked(NamedTuple):
    """One request: whose, and how."""

    key: int
    is_stream: bool
    api: str
    progress: str
    again: bool


asked = st.builds(
    Asked,
    key=st.integers(0, 2),
    is_stream=st.booleans(),
    api=st.sampled_from(["chat", "responses"]),
    progress=st.sampled_from(["off", "comments", "reasoning"]),
    again=st.booleans(),
)


class Echoing:
    """Models that repeat every mark that they read, after a while of chance: a leak would spread."""

    def __init__(self, seed: int) -> None:
        self.prompts: list[str] = []
        self._chance = Random(seed)

    async def say(self, request: CallRequest) -> Said:
        text = "\n".join(f"{message.role}: {message.text}" for message in request.messages)
        self.prompts.append(text)
        await asyncio.sleep(self._chance.random() / 200)
        marks = " ".join(dict.fromkeys(MARK.findall(text)))
        return f"{default_reply(request)} {call_id(request)} {marks}"


@asynccontextmanager
async def a_keyed_world(models: Echoing, keys: int) -> AsyncGenerator[tuple[ServerWorld, list[str]]]:
    """Lend a server that isolates caches, and the secrets of its keys."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal.db"
        async with a_till(journal) as till:
            secrets = [(await till.store.add(f"key-{number}", KeyRules()))[1] for number in range(keys)]
        config = ServerConfig(journal=str(journal), has_isolated_caches=True)
        provider = ScriptedProvider(models.say, pieces=3, usage=USAGE)
        async with a_server(provider, specs=(TRIO,), config=config) as world:
            yield world, secrets


def body_of(one: Asked, mark: str) -> tuple[str, dict[str, Any]]:
    """Return the path and body of a request; the question of all is the same but for its mark."""
    question = f"What is the weather in {mark}?"
    moa = {"progress": one.progress, "reuse": one.again}
    if one.api == "responses":
        return "/v1/responses", {"model": "trio", "input": question, "stream": one.is_stream, "attention_moa": moa}
    messages = [{"role": "user", "content": question}]
    return "/v1/chat/completions", {
        "model": "trio",
        "messages": messages,
        "stream": one.is_stream,
        "attention_moa": moa,
    }


async def told(http: httpx2.AsyncClient, one: Asked, mark: str, secret: str) -> str:
    """Return all that is told of a run: the response, its events, its record, and the list of the key's runs."""
    headers = {"authorization": f"Bearer {secret}"}
    path, body = body_of(one, mark)
    response = await http.post(path, json=body, headers=headers)
    assert response.status_code == 200, response.text
    found = re.search(r"\d{8}T\d{6}-[0-9a-f]{8}", response.text)
    assert found is not None
    events = await http.get(f"/v1/runs/{found[0]}/events?deltas=true", headers=headers)
    record = await http.get(f"/v1/runs/{found[0]}", headers=headers)
    assert {events.status_code, record.status_code} == {200}
    assert mark in record.json()["text"]
    return "\n".join((response.text, json.dumps(dict(response.headers)), events.text, record.text))


def shared_by(one: str, other: str) -> int:
    """Return with how many equal characters two texts begin."""
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


@settings(max_examples=6)
@given(requests=st.lists(asked, min_size=2, max_size=8), seed=st.integers(0, 2**16))
def test_no_run_holds_the_mark_of_another(requests: list[Asked], seed: int) -> None:
    """Whoever asks what, when and how; and no two keys' prompts begin alike, where caches are isolated."""

    async def test() -> None:
        models = Echoing(seed)
        async with a_keyed_world(models, keys=3) as (world, secrets):
            marks = [f"mark-{one.key}-{number}" for number, one in enumerate(requests)]
            async with asyncio.TaskGroup() as group:
                telling = [
                    group.create_task(told(world.http, one, mark, secrets[one.key]))
                    for one, mark in zip(requests, marks, strict=True)
                ]
            for mark, task in zip(marks, telling, strict=True):
                assert set(MARK.findall(task.result())) == {mark}
            for number, secret in enumerate(secrets):
                listed = await world.http.get("/v1/runs", headers={"authorization": f"Bearer {secret}"})
                assert {mark.split("-")[1] for mark in MARK.findall(listed.text)} <= {str(number)}
        by_key: defaultdict[str, list[str]] = defaultdict(list)
        for prompt in models.prompts:
            (mark,) = set(MARK.findall(prompt))
            by_key[mark.split("-")[1]].append(prompt)
        for one, other in combinations(by_key.values(), 2):
            shared = max(shared_by(left, right) for left in one for right in other)
            assert shared <= len("system: ") + _MOST_SHARED

    run(test)
