"""Interrupted runs that go on, whoever asks for it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.records import RunRecord
from attention_moa.server.errors import ApiError, not_found
from attention_moa.server.gate import Visitor
from attention_moa.server.job import Job
from attention_moa.server.run_ends import refuse_elsewhere
from attention_moa.server.runs import Found, record_of
from attention_moa.server.service import Service
from attention_moa.stored_runs import RunHead

_BEGIN_S = 0.5
"""Most seconds that a run that goes on is waited for: what fails until then is a plain error."""


class Resumed(Struct, frozen=True, kw_only=True):
    """A run that was to go on.

    Args:
        record: What there is of it.
        is_under_way: Whether it goes on; else it is finished, or nothing was kept of it to go on from.
    """

    record: RunRecord
    is_under_way: bool


async def resume(service: Service, visitor: Visitor, found: Found) -> Resumed:
    """Return a run that goes on, or that has nothing to go on with.

    Raises:
        ApiError: 403: it is another key's, which alone may pay for it; 404: its ensemble is not served here; 409:
            another server is at it; or what the gate says of it.
        StoreError: The journal cannot be read.
    """
    if found.is_under_way:
        return Resumed(record=await record_of(service, found), is_under_way=True)
    if found.owner != visitor.owner:
        message = "a run goes on for its own key alone, which pays for it"
        raise ApiError(403, message, type="permission_error", code="not_the_owner")
    record = await record_of(service, found)
    if record.state == "finished" or service.journal is None:
        return Resumed(record=record, is_under_way=False)
    await refuse_elsewhere(service, found.run_id)
    job = _job(service, await service.journal.head(found.run_id))
    live = await service.hub.start(job, visitor)
    await live.begun(_BEGIN_S)
    if live.error is not None:
        raise live.error
    return Resumed(record=replace(live.record, run_id=found.run_id), is_under_way=not live.is_over)


def _job(service: Service, head: RunHead) -> Job:
    """Return what makes an interrupted run go on.

    Raises:
        ApiError: 404: its ensemble is not served here.
    """
    served = service.catalogue.served.get(head.ensemble.name)
    if served is None:
        message = f"the run's model {head.ensemble.name} is not served here, so it cannot go on"
        raise not_found(message, code="model_not_found")
    return Job(
        model=served.name,
        ensemble=served.ensemble,
        spec=head.ensemble,
        conversation=head.conversation,
        wanted=head.wanted,
        run_id=head.run_id,
        labels=head.labels,
        on_disconnect="finish",
    )
