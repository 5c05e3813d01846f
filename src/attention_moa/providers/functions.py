"""Agents that are Python functions: ``python:package.module:function``.

The function gets the conversation as a list of plain dicts, ``{"role": "user", "content": "…"}`` in order (``plain.py``
says what else may be in them). If it has a parameter named ``request`` it gets the whole ``CallRequest`` too, its
sampling settings, tools and reply format included; where it has none and there are some, the reply's notes say that
they had no effect. It returns the text, or an iterator of pieces of it; it may be async, and return an async iterator.
A piece may be a ``Chunk`` too, so that a function can call the tools of ``request.tools``, think, or count its tokens.

A plain function runs in a thread of its own, so it may block. Python cannot end a thread: after a cancelled call the
function runs on to its end, its result unheard, and it keeps neither the event loop nor the end of the process waiting.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import inspect
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing, suppress
from functools import reduce
from typing import Any, TypeGuard, cast

from msgspec.structs import replace

from attention_moa.errors import (
    BadReplyError,
    CallError,
    CallTimeoutError,
    ConfigError,
    ServerError,
    TransportError,
    describe,
)
from attention_moa.keys import masked
from attention_moa.messages import CallRequest, Chunk, FinishReason
from attention_moa.providers.plain import render_plain, render_sampling, render_wishes


class FunctionProvider:
    """One Python function as a model.

    Args:
        model: ``python:package.module:function``.
        key: The dotted name of the field that holds the model, for errors.

    Raises:
        ConfigError: There is no such module or function, or importing it fails.
    """

    def __init__(self, model: str, *, key: str = "model") -> None:
        """Import the function."""
        self._name = model.partition(":")[2]
        self._function = _imported(self._name, key)
        self._takes_request = "request" in inspect.signature(self._function).parameters

    async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the function's reply to one request, as ``Provider.stream`` says."""
        options = {"request": request} if self._takes_request else {}
        messages = render_plain(request.messages)
        if inspect.iscoroutinefunction(self._function) or inspect.isasyncgenfunction(self._function):
            pieces = _awaited(self._function, messages, options)
        else:
            pieces = _threaded(self._function, messages, options)
        finish: FinishReason = "stop"
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    chunk = self._chunk(piece)
                    finish = chunk.finish_reason or ("tool_calls" if chunk.tool_calls else finish)
                    yield replace(chunk, finish_reason=None)
        except CallError:
            raise
        except Exception as error:
            raise _as_call_error(error, self._name) from error
        yield Chunk(finish_reason=finish, notes=self._notes(request))

    async def aclose(self) -> None:
        """Do nothing: a function holds nothing open."""

    def _notes(self, request: CallRequest) -> tuple[str, ...]:
        unheard = ", ".join((*render_sampling(request.sampling), *render_wishes(request)))
        if self._takes_request or not unheard:
            return ()
        return (f"no effect on {self._name}, which has no parameter named request: {unheard}",)

    def _chunk(self, piece: object) -> Chunk:
        if isinstance(piece, Chunk):
            return piece
        if not isinstance(piece, str):
            raise BadReplyError(f"{self._name} gave {type(piece).__name__}, not text", retryable=False)
        return Chunk(text=piece)


def _imported(name: str, key: str) -> Callable[..., Any]:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ConfigError(f"{name!r} names no function: write python:package.module:function", key=key)
    try:
        found: object = reduce(getattr, attribute.split("."), importlib.import_module(module))
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"there is no module {error.name!r}: is its folder in PYTHONPATH, is it installed here?", key=key
        ) from error
    except AttributeError as error:
        raise ConfigError(f"{module!r} has no {attribute!r}: check its spelling", key=key) from error
    except Exception as error:
        raise ConfigError(f"importing {module!r} raises {type(error).__name__}: {describe(error)}", key=key) from error
    if not callable(found):
        raise ConfigError(f"{name!r} is no function but {type(found).__name__}", key=key)
    return found


def _as_call_error(error: Exception, name: str) -> CallError:
    text = f"{name} raised {type(error).__name__}: {masked(describe(error))}"
    if isinstance(error, TimeoutError):
        return CallTimeoutError(text)
    if isinstance(error, ConnectionError):
        return TransportError(text)
    return ServerError(text, retryable=False)


async def _awaited(
    function: Callable[..., Any], messages: object, options: dict[str, Any]
) -> AsyncGenerator[object, None]:
    """Yield the pieces of an async function or an async generator."""
    result = function(messages, **options)
    if inspect.isawaitable(result):
        result = await result
    if inspect.isasyncgen(result):
        async with aclosing(result):
            async for piece in result:
                yield piece
    elif isinstance(result, AsyncIterable):
        async for piece in cast("AsyncIterable[object]", result):
            yield piece
    else:
        for piece in _pieces(result):
            yield piece


def _pieces(result: object) -> Iterable[object]:
    return result if _is_stream(result) else (result,)


def _is_stream(result: object) -> TypeGuard[Iterable[object]]:
    return isinstance(result, Iterable) and not isinstance(result, (str, bytes, dict))


class _End:
    """The last thing that a thread sends."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


class _Worker:
    """Calls a plain function in a thread and hands what it gives to the event loop.

    The thread is a daemon of its own, not a place in the shared pool: a function that never returns would keep the
    pool, and with it the end of the process, waiting.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._is_over = threading.Event()
        self.given: asyncio.Queue[object] = asyncio.Queue()

    def start(self) -> None:
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._work,), name="attention-moa-function", daemon=True).start()

    def leave(self) -> None:
        """Listen no more; an iterator is not asked for another piece."""
        self._is_over.set()

    def _work(self) -> None:
        try:
            for piece in _pieces(self._call()):
                if self._is_over.is_set():
                    return
                self._send(piece)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises is handed to the caller
            self._send(_End(error))
        except BaseException as error:  # noqa: BLE001 - sys.exit() ends the thread, and the caller has to hear of it
            self._send(_End(RuntimeError(f"{type(error).__name__}: {describe(error)}")))
        else:
            self._send(_End(None))

    def _send(self, item: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            self._loop.call_soon_threadsafe(self.given.put_nowait, item)


async def _threaded(
    function: Callable[..., Any], messages: object, options: dict[str, Any]
) -> AsyncGenerator[object, None]:
    """Yield the pieces of a plain function that runs in a thread, until it ends or nobody listens any more."""
    worker = _Worker(lambda: function(messages, **options))
    worker.start()
    try:
        while not isinstance(item := await worker.given.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        worker.leave()
