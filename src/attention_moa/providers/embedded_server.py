"""The program of the embedded model's child process: llama.cpp's own server on loopback, for its parent alone.

It reads its settings as one line of JSON from standard input, so that the key is in no list of processes; writes one
line of JSON that says where it listens or why it does not; and ends when its standard input closes. So it ends with its
parent, however that ends.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from attention_moa.errors import describe
from attention_moa.providers.weights import find_damage

_MOST_THREADS = 8
_ERRORS_ONLY = 1
_PING_S = 30
# Threads that wait for each other spin this often before they sleep. OpenMP's default of 300,000 makes a busy machine
# five times slower, 0 makes an idle one three times slower; 1,000 costs nothing on an idle one.
_SPINS = "1000"


class ServerSettings(Struct, frozen=True, kw_only=True):
    """What the child needs to know.

    Args:
        path: The model file.
        name: What the model is called.
        sha256: The digest that the file must have; None where any will do.
        api_key: Whoever connects must know it.
        slots: How many conversations keep a cache of their own.
        context_tokens: Context window of each slot.
        batch_tokens: Most prompt tokens between two looks at what else there is to do.
    """

    path: str
    name: str
    sha256: str | None
    api_key: str
    slots: int
    context_tokens: int
    batch_tokens: int


class Served(Struct, frozen=True, tag="served"):
    """The server listens at ``address`` (``http://127.0.0.1:port``)."""

    address: str


class Failed(Struct, frozen=True, tag="failed"):
    """The server does not start, and would not the next time; ``reason`` is one line."""

    reason: str


class LoadFailed(Struct, frozen=True, tag="load_failed"):
    """llama.cpp refuses the model; why is on standard error."""


Told: TypeAlias = Served | Failed | LoadFailed


def main() -> None:
    """Serve until standard input closes."""
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no report
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=ServerSettings)
    server, told = _serve(settings)
    os.write(report, msgspec.json.encode(told) + b"\n")
    if server is not None:
        sys.stdin.buffer.read()
    # A server with a request under way hangs when it is taken down in order.
    os._exit(0)


def _serve(settings: ServerSettings) -> tuple[Any, Told]:
    """Return the running server, which must be kept, and where it listens; or None and why there is none."""
    try:
        damage = find_damage(Path(settings.path), settings.sha256) if settings.sha256 else None
        if damage:
            return None, Failed(damage)
        # The OpenMP library reads this when it is loaded.
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)  # noqa: TID251 - the child reads its own environment, which settings.py never sees
        llama = importlib.import_module("xllamacpp")
    except ImportError as error:
        mend = "pip install 'attention-moa[embedded]'; on Debian also `apt-get install libgomp1`"
        return None, Failed(f"llama.cpp cannot be loaded ({describe(error)}): {mend}")
    except OSError as error:
        return None, Failed(f"{settings.path} cannot be read: {describe(error)}")
    try:
        server = llama.Server(_parameters(llama, settings))
    except RuntimeError:
        return None, LoadFailed()
    return server, Served(server.listening_address)


def _parameters(llama: ModuleType, settings: ServerSettings) -> object:
    parameters: Any = llama.CommonParams()
    parameters.model.path = settings.path
    parameters.model_alias = {settings.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [settings.api_key]
    parameters.ui = False
    parameters.verbosity = _ERRORS_ONLY
    parameters.n_parallel = settings.slots
    parameters.n_ctx = settings.slots * settings.context_tokens
    parameters.kv_unified = False
    parameters.n_batch = parameters.n_ubatch = settings.batch_tokens
    parameters.cache_ram_mib = 0  # every agent has its slot: a second cache would copy what is there
    parameters.sse_ping_interval = _PING_S
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = _threads()
    return parameters


def _threads() -> int:
    """Return how many processors this process may use, up to the number that a small model gains from."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _MOST_THREADS)


if __name__ == "__main__":
    main()
