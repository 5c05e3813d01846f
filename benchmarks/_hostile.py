"""What a hostile client may send: each kind is a function from chance to bytes, or to a deed with a connection."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from benchmarks._server_world import asked, post

MODEL = "scripted"
QUESTION = [{"role": "user", "content": "What is 19 + 23?"}]
CHAT = "/v1/chat/completions"
PATHS = (CHAT, "/v1/responses")

Chance = random.Random
Bytes = Callable[[Chance], bytes]
Deed = Callable[[Chance, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]
_MOST_READ = 2**20


class Kind(NamedTuple):
    """One kind of hostile request.

    Args:
        name: What the table calls it.
        deed: What is done with a connection; returns what came back.
        allowed: The statuses that may come; 0 stands for a connection that is closed without a word.
    """

    name: str
    deed: Deed
    allowed: frozenset[int]


NO = frozenset({400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 422, 426, 429, 431, 501, 505, 0})
"""A server may say no in many ways; a 5xx is none of them, but for those that say what HTTP is not spoken."""
YES_OR_NO = NO | {200}


async def _exchange(sent: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send all, and return what comes back."""
    writer.write(sent)
    with suppress(ConnectionError):  # it closes while we still send: what it said before is what counts
        await writer.drain()
    return await _heard(reader)


async def _heard(reader: asyncio.StreamReader) -> bytes:
    """Return what comes: a whole reply, or all until the connection is closed."""
    heard = bytearray()
    with suppress(ConnectionError):
        while len(heard) < _MOST_READ and not _is_whole(heard) and (piece := await reader.read(65536)):
            heard += piece
    return bytes(heard)


def _is_whole(heard: bytearray) -> bool:
    head, gap, body = bytes(heard).partition(b"\r\n\r\n")
    if not gap:
        return False
    low = head.lower()
    if b"content-length:" in low:
        return len(body) >= int(low.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n") if b"transfer-encoding: chunked" in low else not body and b" 204 " in head


def _sends(make: Bytes) -> Deed:
    async def deed(chance: Chance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        return await _exchange(make(chance), reader, writer)

    return deed


def _raw(path: str, body: bytes, more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


# ------------------------------------------------------------------------------------------------------ what is no JSON


def no_json(chance: Chance) -> bytes:
    """Text, half a document, marks, nothing, or the wrong kind of document."""
    whole = json.dumps({"model": MODEL, "messages": QUESTION})
    half = whole[: chance.randrange(1, len(whole))]
    bodies = ["", "hello", half, "[]", "null", "3", '"x"', whole + whole, "{'a': 1}", "{" * 50]
    bodies += ["\ufeff" + whole, whole.replace(":", ";"), "NaN", '{"a": Infinity}']
    return _raw(chance.choice(PATHS), chance.choice(bodies).encode())


def bad_utf8(chance: Chance) -> bytes:
    """Bytes that are no text, in a name, a value or all over; and text in other encodings."""
    whole = json.dumps({"model": MODEL, "messages": QUESTION}).encode()
    place = chance.randrange(len(whole))
    bad = chance.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xc0\xaf"])
    bodies = [whole[:place] + bad + whole[place:], whole.decode().encode("utf-16"), bytes(chance.randbytes(300))]
    return _raw(chance.choice(PATHS), chance.choice(bodies))


def half_characters(chance: Chance) -> bytes:
    """Escapes of half characters and of nulls, as text, names and keys."""
    turns = '[{"role": "user", "content": "a"}]'
    bad = chance.choice([r"\ud800", r"\udc00", r"\u0000", r"\ud83d", r"\uffff", r"\ud800\ud800"])
    document = chance.choice(
        [
            f'{{"model": "{MODEL}{bad}", "messages": []}}',
            f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "a{bad}b"}}]}}',
            f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "a", "name": "{bad}"}}]}}',
            f'{{"model": "{MODEL}", "{bad}": 1, "messages": []}}',
            f'{{"model": "{MODEL}", "metadata": {{"{bad}": "{bad}"}}, "messages": {turns}}}',
            f'{{"model": "{MODEL}", "user": "{bad}", "messages": {turns}}}',
        ]
    )
    return _raw(CHAT, document.encode())


def deep(chance: Chance) -> bytes:
    """Lists and objects a hundred thousand levels deep, closed or not, at the top or in a field."""
    levels = chance.choice([101, 1_000, 100_000])
    opening, closing = chance.choice([("[", "]"), ('{"a":', "}")])
    nested = opening * levels + ("1" + closing * levels if chance.random() < 0.7 else "")
    field = chance.choice(["messages", "tools", "metadata", "response_format", "unknown"])
    documents = [nested, f'{{"model": "{MODEL}", "{field}": {nested}}}']
    return _raw(chance.choice(PATHS), chance.choice(documents).encode())


def numbers(chance: Chance) -> bytes:
    """Numbers beyond all bounds where numbers are wanted, and where they are not."""
    number = chance.choice(["1e999", "-1e999", "9" * 5000, "-0", "1e-400", "0.1e1e1", "1" + "0" * 400, "-1", "1.5"])
    field = chance.choice(["temperature", "n", "max_tokens", "seed", "top_p", "max_completion_tokens", "model", "stop"])
    messages = json.dumps(QUESTION)
    ours = chance.choice(["layers", "deadline_s", "usd", "tokens"])
    told = chance.choice([f'"{field}": {number}', f'"attention_moa": {{"{ours}": {number}}}'])
    return _raw(CHAT, f'{{"model": "{MODEL}", "messages": {messages}, {told}}}'.encode())


# ------------------------------------------------------------------------------------------- JSON that is no request

_FIELDS = ("model", "messages", "stream", "stream_options", "n", "stop", "max_completion_tokens", "max_tokens",
           "temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "reasoning_effort",
           "response_format", "tools", "tool_choice", "parallel_tool_calls", "user", "safety_identifier", "metadata",
           "attention_moa", "store", "service_tier", "prompt_cache_key", "prediction", "verbosity", "logprobs",
           "modalities", "top_logprobs", "logit_bias", "audio", "functions", "input", "instructions",
           "previous_response_id", "text", "reasoning", "include", "truncation", "max_output_tokens")  # fmt: skip


def _any(chance: Chance, levels: int = 3) -> Any:  # noqa: ANN401 - any JSON
    leaf = chance.choice([None, True, False, 0, -1, 2**70, 0.5, "", "x", "a" * 200, "\x00", "user", "function", "auto"])
    if levels == 0 or chance.random() < 0.5:
        return leaf
    if chance.random() < 0.5:
        return [_any(chance, levels - 1) for _ in range(chance.randrange(4))]
    names = ["role", "content", "type", "text", "function", "name", "parameters", "schema", "json_schema", "url", "id"]
    return {chance.choice(names): _any(chance, levels - 1) for _ in range(chance.randrange(4))}


def wrong_types(chance: Chance) -> bytes:
    """Any JSON in the place of one or some fields."""
    document: dict[str, Any] = {"model": MODEL, "messages": QUESTION}
    for field in chance.sample(_FIELDS, chance.randrange(1, 4)):
        document[field] = _any(chance)
    return post(chance.choice(PATHS), document)


def wrong_turns(chance: Chance) -> bytes:
    """Turns that are none: other roles, results of calls that nobody made, images of nothing."""
    function = {"name": "", "arguments": "{"}
    turns = [
        {"role": "tool", "tool_call_id": "none", "content": "31"},
        {"role": "robot", "content": "x"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]},
        {"role": "user", "content": []},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%%"}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]},
        {"role": "system", "content": ""},
        {"role": "user", "content": _any(chance)},
    ]  # fmt: skip
    messages = chance.choices(turns, k=chance.randrange(0, 4))
    return asked(MODEL, "x", messages=messages)


def hostile_schemas(chance: Chance) -> bytes:
    """Schemas that refer to themselves or elsewhere, patterns that explode, thousands of branches."""
    deep_schema: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        deep_schema = {"type": "array", "items": deep_schema}
    schemas: list[dict[str, Any]] = [
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:1/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "string", "pattern": "^(a+)+$"},
        {"type": "string", "pattern": "(" * 2000},
        {"type": "string", "pattern": "a{1000}{1000}{1000}"},
        {"anyOf": [{"const": number} for number in range(5000)]},
        {"type": 3},
        {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(5000)}},
        deep_schema,
        {"enum": []},
    ]
    schema = chance.choice(schemas)
    if chance.random() < 0.5:
        formatted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
        return asked(MODEL, "x", response_format=formatted)
    return asked(MODEL, "x", tools=[{"type": "function", "function": {"name": "x", "parameters": schema}}])


def injections(chance: Chance) -> bytes:
    """Names and labels that try to be something else: paths, SQL, templates, header lines."""
    bad = chance.choice(
        ["../../etc/passwd", "' OR 1=1 --", "{{7*7}}", "${jndi:x}", "x\r\nSet-Cookie: a=b", "%00", "\x1b[2J"]
    )
    fields: list[dict[str, Any]] = [
        {"model": bad},
        {"user": bad},
        {"metadata": {bad[:16]: bad}},
        {"attention_moa": {bad: 1}},
        {"tools": [{"type": "function", "function": {"name": bad}}]},
        {"attention_moa": {"layers": bad}},
    ]
    return post(CHAT, {"model": MODEL, "messages": [{"role": "user", "content": bad}], **chance.choice(fields)})


# ----------------------------------------------------------------------------------------------------- what is too much


def huge_fields(chance: Chance) -> bytes:
    """Thousands of turns, tools, stops, labels or keys; a name of a megabyte."""
    fields: list[dict[str, Any]] = [
        {"messages": QUESTION * 5000},
        {"stop": ["x"] * 10_000},
        {"metadata": {str(number): "x" for number in range(10_000)}},
        {"tools": [{"type": "function", "function": {"name": f"t{number}"}} for number in range(3000)]},
        {"model": "m" * 2**20},
        {str(number): number for number in range(50_000)},
        {"n": 10**6},
        {"user": "u" * 2**20},
    ]
    return post(CHAT, {"model": MODEL, "messages": QUESTION, **chance.choice(fields)})


async def huge_body(chance: Chance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A body that is announced larger than allowed, or comes in pieces without an end."""
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    if chance.random() < 0.5:
        return await _exchange(f"{head}Content-Length: {2**40}\r\n\r\n".encode() + b"[" * 65536, reader, writer)
    piece = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
    with suppress(ConnectionError):
        for _ in range(64):  # 4 MiB; the benchmark's server takes 1
            writer.write(piece)
            await writer.drain()
    return await _heard(reader)


def headers(chance: Chance) -> bytes:
    """Thousands of header lines, one of a megabyte, or lines that are none."""
    line = chance.choice(
        [
            "".join(f"X-{number}: {number}\r\n" for number in range(20_000)),
            f"X: {'a' * 2**20}\r\n",
            "no colon\r\n",
            ": empty\r\n",
            "X: a\r\n\tb\r\n",
            "X: \x01\r\n",
            "Authorization: Bearer " + "k" * 60_000 + "\r\n",
            "Host: elsewhere.example\r\n",
        ]
    )
    return post(CHAT, {"model": MODEL, "messages": QUESTION}, more=line)


# -------------------------------------------------------------------------------------------------- what is no HTTP


def bad_http(chance: Chance) -> bytes:
    """Bytes that are no request, lines that lie about their length, versions and methods that there are not."""
    body = b'{"model": "scripted"}'
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
    return chance.choice(
        [
            chance.randbytes(200) + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(100),
            b"GET /nowhere HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET\r\n\r\n",
            b"BREW /pot HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            head + b"Content-Length: -5\r\n\r\n" + body,
            head + b"Content-Length: x\r\n\r\n" + body,
            head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + body,
            head + b"Content-Length: 21\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + body,
            head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n" + body,
            head + b"Transfer-Encoding: gzip\r\n\r\n" + body,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
        ]
    )


def addresses(chance: Chance) -> bytes:
    """Addresses that are none, of every method."""
    bad = chance.choice(["%00", "..%2f..%2fetc%2fpasswd", "x' OR 1=1", "%ff%fe", "a" * 5000, "-1", "{id}", "../keys"])
    path = chance.choice(["/v1/runs/{}", "/v1/runs/{}/events", "/v1/models/{}", "/v1/responses/{}", "/{}",
                          "/v1/runs?limit={}", "/v1/runs?before={}"]).format(bad.replace(" ", "%20"))  # fmt: skip
    method = chance.choice(["GET", "DELETE", "PUT", "OPTIONS", "HEAD", "PATCH", "TRACE"])
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


def elsewhere(chance: Chance) -> bytes:
    """A page of another site that calls us: by a name of its own, by a form, by a WebSocket."""
    body = json.dumps({"model": MODEL, "messages": QUESTION})
    kinds = [
        f"Host: evil.example\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}",
        f"Host: 127.0.0.1\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        f"\r\n{body}",
        "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: 0\r\n\r\n",
    ]
    return f"POST {CHAT} HTTP/1.1\r\n{chance.choice(kinds)}".encode()


# ----------------------------------------------------------------------------------------------- what is never finished


async def half_closed(chance: Chance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A request that stops in its middle, and says so."""
    whole = asked(MODEL, "What is 19 + 23?", stream=chance.random() < 0.5)
    writer.write(whole[: chance.randrange(1, len(whole))])
    await writer.drain()
    writer.write_eof()
    return await _heard(reader)


async def slow_body(chance: Chance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A body that begins and does not go on: the server's patience has an end."""
    whole = asked(MODEL, "What is 19 + 23?")
    middle = whole.index(b"\r\n\r\n") + 4 + chance.randrange(20)
    return await _exchange(whole[:middle], reader, writer)


async def gone(chance: Chance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A client that is gone before the answer: by a reset, in the middle of a stream, or of its own request."""
    whole = asked(MODEL, "What is 19 + 23?", stream=True)
    cut = chance.choice([len(whole), len(whole), len(whole) // 2])
    writer.write(whole[:cut])
    await writer.drain()
    if cut == len(whole) and chance.random() < 0.5:
        await reader.read(100)
    writer.transport.abort()
    return b""


KINDS = (
    Kind("no JSON", _sends(no_json), NO),
    Kind("bad UTF-8", _sends(bad_utf8), YES_OR_NO),
    Kind("half characters", _sends(half_characters), YES_OR_NO),
    Kind("deep", _sends(deep), NO),
    Kind("numbers", _sends(numbers), YES_OR_NO | {504}),
    Kind("wrong types", _sends(wrong_types), YES_OR_NO),
    Kind("wrong turns", _sends(wrong_turns), YES_OR_NO),
    Kind("schemas", _sends(hostile_schemas), YES_OR_NO | {502}),
    Kind("injections", _sends(injections), YES_OR_NO),
    Kind("huge fields", _sends(huge_fields), NO),
    Kind("huge body", huge_body, NO),
    Kind("headers", _sends(headers), YES_OR_NO),
    Kind("bad HTTP", _sends(bad_http), NO),
    Kind("addresses", _sends(addresses), YES_OR_NO),
    Kind("elsewhere", _sends(elsewhere), NO),
    Kind("half closed", half_closed, NO),
    Kind("slow body", slow_body, frozenset({408})),
    Kind("gone", gone, frozenset({0})),
)
