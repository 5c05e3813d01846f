"""The loader of images: what it loads, and above all what it does not reach."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from attention_moa.errors import ConfigError
from attention_moa.messages import Conversation, ImagePart, Message, TextPart, user
from attention_moa.providers.images import load_images
from tests.asking import run

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 50


def _picture(url: str) -> Conversation:
    return (user("Look."), Message("user", (TextPart("This:"), ImagePart(url=url))))


class Resolver(AbstractResolver):
    """Names with the addresses that a test gives them, one after the other."""

    def __init__(self, *numbers: str) -> None:
        self.numbers = list(numbers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        self.asked.append(host)
        number = self.numbers.pop(0)
        kind = socket.AF_INET6 if ":" in number else socket.AF_INET
        return [ResolveResult(hostname=host, host=number, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        """Hold nothing."""


@asynccontextmanager
async def _gallery() -> AsyncIterator[str]:
    """Serve images, good and bad, on loopback; yield the address."""
    hits: list[str] = []

    async def show(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        hits.append(name)
        if name == "hop":
            return web.Response(status=302, headers={"Location": request.query["to"]})
        if name == "loop":
            return web.Response(status=307, headers={"Location": "/loop"})
        if name == "chunked":
            response = web.StreamResponse(headers={"Content-Type": "image/png"})
            await response.prepare(request)
            for _ in range(20):
                await response.write(PNG)
            return response
        if name == "once" and hits.count("once") > 1:
            return web.Response(status=410)
        kind = {"page": "text/html", "gone": "image/png"}.get(name, "image/png")
        body = b"" if name == "empty" else PNG * (20 if name == "large" else 1)
        return web.Response(body=body, status=404 if name == "gone" else 200, content_type=kind)

    app = web.Application()
    app.router.add_get("/{name}", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _refusal(url: str, resolver: Resolver | None = None, **options: Any) -> str:
    """Return why an image is not loaded."""
    with pytest.raises(ConfigError) as caught:
        run(lambda: load_images(_picture(url), resolver=resolver, **options))
    assert caught.value.key == "messages[1].content[1]"
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.7",
        "192.168.1.1",
        "172.16.5.5",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse, none to listen on
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[2002:7f00:1::]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::1]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    ],
)
def test_a_private_number_is_not_reached(host: str) -> None:
    """Loopback, private, link-local, shared, multicast, and any of them wrapped in an IPv6 address."""
    assert "is a private address" in _refusal(f"http://{host}:9/x.png")


def test_a_name_that_stands_for_a_private_number_is_not_reached() -> None:
    """The system's own names for this machine, numbers in disguise, and names of anybody."""
    assert "is a private address" in _refusal("http://localhost:9/x.png")
    assert "is a private address" in _refusal("http://pictures.example/x.png", Resolver("192.168.0.1"))
    assert "cannot be used" in _refusal("http://2130706433/x.png", Resolver("127.0.0.1"))
    assert "is a private address" in _refusal("http://127.1.example/x.png", Resolver("::ffff:127.0.0.1"))


def test_a_name_is_looked_up_once_for_the_check_and_the_connection() -> None:
    """A name that first stands for a public number and then for a private one gains nothing."""
    resolver = Resolver("127.0.0.1", "93.184.216.34")
    assert "is a private address" in _refusal("http://rebind.example/x.png", resolver)
    assert resolver.asked == ["rebind.example"]


def test_a_public_address_is_reached() -> None:
    """By number and by name; here the test's own fence stops it, just before the connection."""
    for url in ("http://93.184.216.34/x.png", "http://pictures.example/x.png"):
        with pytest.raises(RuntimeError, match="a test connects to"):
            run(partial(load_images, _picture(url), resolver=Resolver("93.184.216.34")))


def test_a_private_host_that_is_allowed_by_name_is_reached() -> None:
    """Exactly as the address writes it: another name for the same machine stays out."""

    async def scenario(host: str) -> None:
        async with _gallery() as address:
            await load_images(_picture(address.replace("127.0.0.1", host) + "/cat"), private_hosts=["localhost"])

    run(lambda: scenario("localhost"))
    with pytest.raises(ConfigError, match="is a private address"):
        run(lambda: scenario("127.0.0.1"))


def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    """Each hop is checked as the first one is, by number and by name."""

    async def scenario(target: str) -> None:
        async with _gallery() as address:
            await load_images(_picture(f"{address}/hop?to={target}"), private_hosts=["127.0.0.1"])

    for target in ("http://169.254.169.254/latest", "http://localhost/x.png", "http://[::1]/x.png"):
        with pytest.raises(ConfigError, match="is a private address"):
            run(partial(scenario, target))
    for target in ("file:///etc/passwd", "ftp://h/x"):
        with pytest.raises(ConfigError, match="only http:, https: and data:"):
            run(partial(scenario, target))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("page", "its type is text/html"),
        ("gone", "its server answers HTTP 404"),
        ("empty", "it is empty"),
        ("large", "it is larger than 500 bytes"),
        ("chunked", "it is larger than 500 bytes"),
    ],
)
def test_what_is_no_small_image_is_refused(path: str, says: str) -> None:
    """By its type, its size as announced and as it comes, and its status."""

    async def scenario() -> None:
        async with _gallery() as address:
            await load_images(_picture(f"{address}/{path}"), private_hosts=["127.0.0.1"], most_bytes=500)

    with pytest.raises(ConfigError, match=says):
        run(scenario)


def test_an_endless_redirect_ends() -> None:
    """After five hops."""

    async def scenario() -> None:
        async with _gallery() as address:
            loop = f"{address}/loop"
            await load_images(_picture(loop), private_hosts=["127.0.0.1"])

    with pytest.raises(ConfigError, match="redirects more than 5 times"):
        run(scenario)


def test_an_image_is_loaded_once_and_takes_its_place() -> None:
    """Equal addresses are one fetch; redirects are followed; text and images with bytes stay as they are."""

    async def scenario() -> Conversation:
        async with _gallery() as address:
            once = ImagePart(url=f"{address}/once")
            there = ImagePart(media_type="image/gif", data=b"GIF", url="http://127.0.0.1/never")
            messages = (user("a"), Message("user", (TextPart("b"), once, there)), Message("user", (once,)))
            hop = ImagePart(url=f"{address}/hop?to=/cat")
            return await load_images((*messages, Message("user", (hop,))), private_hosts=["127.0.0.1"])

    loaded = run(scenario)
    assert loaded[0] == user("a")
    first = loaded[1].content[1]
    assert isinstance(first, ImagePart)
    assert (first.media_type, first.data) == ("image/png", PNG)
    assert (first.url or "").endswith("/once")
    assert loaded[1].content[0] == TextPart("b")
    assert loaded[1].content[2] == ImagePart(media_type="image/gif", data=b"GIF", url="http://127.0.0.1/never")
    assert loaded[2].content == (first,)
    assert isinstance(loaded[3].content[0], ImagePart)
    assert loaded[3].content[0].data == PNG


def test_data_addresses_are_unpacked() -> None:
    """In base64 and as plain characters; the bytes alone stay, not the address again."""
    encoded = base64.b64encode(PNG).decode()
    loaded = run(lambda: load_images(_picture(f"data:image/png;base64,{encoded}")))
    assert loaded[1].content[1] == ImagePart(media_type="image/png", data=PNG)
    loaded = run(lambda: load_images(_picture("data:image/svg+xml,%3Csvg/%3E")))
    assert loaded[1].content[1] == ImagePart(media_type="image/svg+xml", data=b"<svg/>")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("data:image/png;base64,@@@", "its base64 is broken"),
        ("data:image/png", "needs a comma"),
        ("data:text/html,<b>", "its type is text/html"),
        ("data:,x", "its type is not given"),
        ("data:image/png,", "it is empty"),
        ("data:image/png," + "x" * 150, "it is larger than 100 bytes"),
        ("data:image/png," + "x" * 300, "it is larger than 100 bytes"),
        ("/etc/passwd", "only http:, https: and data:"),
        ("file:///etc/passwd", "only http:, https: and data:"),
        ("", "only http:, https: and data:"),
        ("http://[::1/x", "the image cannot be used"),
    ],
)
def test_an_address_that_is_no_image_is_refused(url: str, says: str) -> None:
    """The text says why, and shows the address, cut short."""
    text = _refusal(url, most_bytes=100)
    assert says in text
    assert len(text) < 300


def test_a_server_that_is_not_there_or_too_slow_is_named() -> None:
    """Nothing waits for ever."""

    class Slow(Resolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            del host, port, family
            await asyncio.sleep(60)
            return []

    assert "took more than 0.05 s" in _refusal("http://slow.example/x.png", Slow(), timeout_s=0.05)

    async def scenario() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        await load_images(_picture(f"http://127.0.0.1:{port}/x.png"), private_hosts=["127.0.0.1"])

    with pytest.raises(ConfigError, match="cannot be used"):
        run(scenario)


SECRETS = "user:hunter2@", "?token=hunter2&x=1", "#hunter2"


@pytest.mark.parametrize(("user", "query"), [(SECRETS[0], ""), ("", SECRETS[1]), ("", SECRETS[2]), SECRETS[:2]])
def test_an_address_is_kept_and_shown_without_what_may_be_a_key(user: str, query: str) -> None:
    """It is fetched with it, all the same."""

    async def scenario() -> None:
        async with _gallery() as address:
            whole = address.replace("//", f"//{user}")
            loaded = await load_images(_picture(f"{whole}/cat{query}"), private_hosts=["127.0.0.1"])
            part = loaded[1].content[1]
            assert isinstance(part, ImagePart)
            assert part.url == f"{address}/cat"
            for page in ("gone", "page", "empty"):
                with pytest.raises(ConfigError) as caught:
                    await load_images(_picture(f"{whole}/{page}{query}"), private_hosts=["127.0.0.1"])
                assert "hunter2" not in str(caught.value)
                assert f"{address}/{page}" in str(caught.value)

    run(scenario)


@pytest.mark.parametrize(
    "url", ["http://a b/x.png?token=hunter2", "http://:hunter2@/x.png", "http://[::1?token=hunter2"]
)
def test_an_address_that_is_none_is_not_repeated_with_its_key(url: str) -> None:
    """Whatever the HTTP library says of it."""
    assert "hunter2" not in _refusal(url, Resolver("10.0.0.7"))


def test_a_server_that_does_not_speak_http_is_named_without_the_key() -> None:
    """The library's own text has the whole address."""

    async def scenario() -> None:
        async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail ready\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ConfigError, match="does not speak HTTP") as caught:
                picture = _picture(f"http://127.0.0.1:{port}/x.png?token=hunter2")
                await load_images(picture, private_hosts=["127.0.0.1"])
            assert "hunter2" not in str(caught.value)

    run(scenario)
