"""Structs to bytes and back: JSON, squeezed where that pays. What is big is done beside the event loop."""

from __future__ import annotations

import asyncio
import zlib
from threading import Lock
from typing import Any, TypeVar

import msgspec

from attention_moa.errors import MoaError, StoreError
from attention_moa.messages import Conversation, Part, TextPart

T = TypeVar("T")

_SQUEEZED = b"x"  # zlib's first byte; JSON never begins with it
_LEAST_BYTES = 512
_LEVEL = 1
_BIG_BYTES = 100_000
_MAKING = Lock()
_DECODERS: dict[object, msgspec.json.Decoder[Any]] = {}


def pack(value: object) -> bytes:
    """Return a value's JSON, squeezed if it is more than some hundred bytes.

    Raises:
        StoreError: JSON cannot say it.
    """
    try:
        plain = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise StoreError(f"cannot be stored: {error}") from error
    return zlib.compress(plain, _LEVEL) if len(plain) > _LEAST_BYTES else plain


def unpack(stored: bytes, kind: type[T]) -> T:
    """Return the value of a type that was packed.

    Raises:
        StoreError: It is damaged, or of a form that this version does not know.
    """
    try:
        decoder: msgspec.json.Decoder[T] = _decoder(kind)
        return decoder.decode(plain_json(stored))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, MoaError) as error:
        raise StoreError(f"the journal holds something unreadable: {error}") from error


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return what decodes a type; one thread at a time makes one: msgspec crashes where several are the first."""
    with _MAKING:
        if kind not in _DECODERS:
            _DECODERS[kind] = msgspec.json.Decoder(kind)
        return _DECODERS[kind]


def plain_json(stored: bytes) -> bytes:
    """Return the JSON that was packed.

    Raises:
        StoreError: It is damaged.
    """
    try:
        return zlib.decompress(stored) if stored.startswith(_SQUEEZED) else stored
    except (zlib.error, TypeError) as error:  # a text, too, where somebody else wrote it
        raise StoreError(f"the journal holds something damaged: {error}") from error


def size_of(messages: Conversation) -> int:
    """Return about how many bytes a conversation takes."""
    return sum(_part_bytes(part) for message in messages for part in message.content)


def _part_bytes(part: Part) -> int:
    return len(part.text) if isinstance(part, TextPart) else len(part.data)


def is_big(size_bytes: int) -> bool:
    """Return whether so much is too much to pack or unpack on the event loop."""
    return size_bytes >= _BIG_BYTES


async def unpack_beside(stored: bytes, kind: type[T]) -> T:
    """Return the value of a type that was packed; a thread unpacks what is big, and the event loop goes on.

    Raises:
        StoreError: It is damaged, or of a form that this version does not know.
    """
    return await asyncio.to_thread(unpack, stored, kind) if is_big(len(stored)) else unpack(stored, kind)
