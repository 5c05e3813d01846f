"""The one place where an address that a user gave is fetched: images in a conversation, made inline.

Such an address may try to make this machine ask its own network on somebody's behalf. So only public addresses are
reached: numbers are checked as written, names as they resolve, by the very look-up that the connection uses (a name
that resolves to something else a moment later gains nothing), and the same for every redirect. Size, time and type are
limited.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import re
import socket
from collections.abc import Collection
from urllib.parse import unquote_to_bytes

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from msgspec.structs import replace
from yarl import URL

from attention_moa.errors import ConfigError, describe
from attention_moa.messages import Conversation, ImagePart, Message, Part

_MOST_BYTES = 20 * 2**20
_MOST_HOPS = 5
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")  # older Pythons take it for a public one


class _RefusedAddressError(OSError):
    """An address that must not be reached."""


async def load_images(
    conversation: Conversation,
    *,
    private_hosts: Collection[str] = (),
    most_bytes: int = _MOST_BYTES,
    timeout_s: float = 30.0,
    resolver: AbstractResolver | None = None,
) -> Conversation:
    """Return the conversation with the bytes of every image that was only an address; equal addresses are fetched once.

    Args:
        conversation: ``data:``, ``http:`` and ``https:`` addresses are loaded; images with bytes stay as they are.
        private_hosts: Hosts that may be private, exactly as the address writes them.
        most_bytes: Largest image.
        timeout_s: Most seconds for one image, redirects included.
        resolver: Looks names up; None asks the system.

    Raises:
        ConfigError: An image cannot be had, or must not be; the text names the message and the part.
    """
    hosts = frozenset(private_hosts)
    public = _PublicResolver(resolver or ThreadedResolver(), hosts)
    connector = aiohttp.TCPConnector(resolver=public, use_dns_cache=False)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=timeout_s)
    ) as session:
        loader = _Loader(session, hosts, most_bytes, timeout_s)
        return tuple([await loader.message(index, message) for index, message in enumerate(conversation)])


class _PublicResolver(AbstractResolver):
    """Looks names up and lets only public addresses through."""

    def __init__(self, inner: AbstractResolver, private_hosts: frozenset[str]) -> None:
        self._inner = inner
        self._private_hosts = private_hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if host not in self._private_hosts:
            for result in found:
                _require_public(result["host"])
        return found

    async def close(self) -> None:
        """Leave the inner one open: it belongs to whoever made it."""


def _require_public(number: str) -> None:
    """Raise unless an IP address is one that the whole internet can reach, whatever it is wrapped in."""
    address = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            _require_public(str(inner))
            return
    if not address.is_global or address.is_multicast or address.is_reserved or address in _LOCAL_NAT64:
        raise _RefusedAddressError(f"{number} is a private address")


class _Loader:
    """Loads the images of one conversation."""

    def __init__(
        self, session: aiohttp.ClientSession, private_hosts: frozenset[str], most_bytes: int, timeout_s: float
    ) -> None:
        self._session = session
        self._private_hosts = private_hosts
        self._most_bytes = most_bytes
        self._timeout_s = timeout_s
        self._loaded: dict[str, ImagePart] = {}

    async def message(self, index: int, message: Message) -> Message:
        if not any(isinstance(part, ImagePart) and not part.data for part in message.content):
            return message
        parts = [await self._part(f"messages[{index}].content[{at}]", part) for at, part in enumerate(message.content)]
        return replace(message, content=tuple(parts))

    async def _part(self, key: str, part: Part) -> Part:
        if not isinstance(part, ImagePart) or part.data:
            return part
        url = part.url or ""
        if url not in self._loaded:
            try:
                async with asyncio.timeout(self._timeout_s):
                    loaded = self._inline(url) if url.startswith("data:") else await self._fetched(url)
            except TimeoutError as error:
                raise ConfigError(f"the image took more than {self._timeout_s:g} s: {_short(url)}", key=key) from error
            except (OSError, ValueError, aiohttp.ClientError) as error:
                raise ConfigError(f"the image cannot be used: {_why(error)}: {_short(url)}", key=key) from error
            self._loaded[url] = loaded
        return self._loaded[url]

    def _inline(self, url: str) -> ImagePart:
        head, comma, payload = url.removeprefix("data:").partition(",")
        media_type, *options = head.split(";")
        if not comma:
            raise ValueError("a data address needs a comma before its data")
        if len(payload) > 2 * self._most_bytes:
            raise self._too_large()
        raw = unquote_to_bytes(payload)
        try:
            data = base64.b64decode(raw, validate=True) if "base64" in options else raw
        except binascii.Error as error:
            raise ValueError("its base64 is broken") from error
        return self._checked(media_type, data, url=None)

    async def _fetched(self, url: str) -> ImagePart:
        target = URL(url)
        for _ in range(_MOST_HOPS):
            self._require_allowed(target)
            async with self._session.get(target, allow_redirects=False) as response:
                if response.status in {301, 302, 303, 307, 308} and (location := response.headers.get("Location")):
                    target = target.join(URL(location))
                    continue
                if response.status != 200:
                    raise ValueError(f"its server answers HTTP {response.status}")
                _require_image(response.content_type)
                return self._checked(response.content_type, await self._body(response), url=_bare(url))
        raise ValueError(f"it redirects more than {_MOST_HOPS} times")

    def _require_allowed(self, url: URL) -> None:
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("only http:, https: and data: addresses are loaded")
        if url.host in self._private_hosts:
            return
        try:
            ipaddress.ip_address(url.host.partition("%")[0])
        except ValueError:
            return  # a name: the resolver checks what it stands for
        _require_public(url.host)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._most_bytes:
            raise self._too_large()
        data = bytearray()
        async for piece in response.content.iter_chunked(65536):
            data += piece
            if len(data) > self._most_bytes:
                raise self._too_large()
        return bytes(data)

    def _checked(self, media_type: str, data: bytes, *, url: str | None) -> ImagePart:
        _require_image(media_type)
        if not data:
            raise ValueError("it is empty")
        if len(data) > self._most_bytes:
            raise self._too_large()
        return ImagePart(media_type=media_type.lower(), data=data, url=url)

    def _too_large(self) -> ValueError:
        return ValueError(f"it is larger than {self._most_bytes} bytes")


def _require_image(media_type: str) -> None:
    if not media_type.lower().startswith("image/"):
        raise ValueError(f"its type is {media_type or 'not given'}, not an image's")


def _why(error: Exception) -> str:
    """Return the innermost reason: a refused look-up comes wrapped in a connection error."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"its server does not speak HTTP as it should: {error.message}"
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return describe(inner)


def _short(url: str) -> str:
    bare = url if url.startswith("data:") else _bare(url)
    return bare if len(bare) <= 80 else bare[:79] + "…"


def _bare(url: str) -> str:
    """Return an address without user, password, query and fragment: keys may stand there, and it is kept and shown."""
    return re.sub(r"//[^/@]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])
