"""A child process in which eight threads are the first to read records and what a journal holds."""

from __future__ import annotations

import sys
import threading

from attention_moa.agents import AgentSpec
from attention_moa.codec import record_from_json, record_to_json
from attention_moa.config import EnsembleSpec
from attention_moa.experience import CallFacts
from attention_moa.messages import user
from attention_moa.records import RunRecord
from attention_moa.store.packing import pack, unpack

THREADS = 8


def main() -> None:
    """Read everything in all threads at once; say how many could."""
    sys.setswitchinterval(1e-6)
    spec = EnsembleSpec(agents=(AgentSpec(name="a", model="x:y"),))
    record = RunRecord(run_id="r", created_at="", ensemble=spec, conversation=(user("Why?"),), state="running")
    facts = CallFacts("answer", "a", 1, 1, 1, 1, 1, 1, 0.0, 0.0, 1.0)
    document, packed = record_to_json(record), pack(facts)
    together = threading.Barrier(THREADS)
    read: list[bool] = []

    def work() -> None:
        together.wait()
        read.append(unpack(packed, CallFacts) == facts and record_from_json(document) == record)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(read))  # noqa: T201 - it is what the test reads


if __name__ == "__main__":
    main()
