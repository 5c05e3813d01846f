"""Runs that are ended or taken out, whichever API asks for it."""

from __future__ import annotations

from attention_moa.errors import RunBusyError, RunNotFoundError
from attention_moa.server.errors import RETRY_S, ApiError
from attention_moa.server.runs import Found, no_run
from attention_moa.server.service import Service


async def end_run(service: Service, found: Found) -> None:
    """End a run that is under way here; what was finished stays. One that is over stays as it is.

    Raises:
        ApiError: 409: it is under way in another server.
        StoreError: The journal cannot be read.
    """
    if found.live is not None:
        found.live.cancel()
        await found.live.over()
    else:
        await refuse_elsewhere(service, found.run_id)


async def take_out(service: Service, found: Found) -> None:
    """Take a run out for good: its record, its calls, its events. What it cost stays counted.

    Raises:
        ApiError: 409: it is under way, here or in another server; 404: it is gone already.
        StoreError: The journal cannot be written.
    """
    if found.is_under_way:
        message = f"run {found.run_id} is under way: cancel it first"
        raise ApiError(409, message, type="conflict_error", code="run_busy")
    if service.journal is not None:
        try:
            await service.journal.delete(found.run_id)
        except RunNotFoundError as error:
            if found.live is None:
                raise no_run(found.run_id) from error
        except RunBusyError as error:
            raise _elsewhere(found.run_id) from error
    service.hub.forget(found.run_id)


async def refuse_elsewhere(service: Service, run_id: str) -> None:
    """Refuse what would be done to a run that another server is at.

    Raises:
        ApiError: 409: one is.
        StoreError: The journal cannot be read.
    """
    if service.journal is not None and await service.journal.holder(run_id) is not None:
        raise _elsewhere(run_id)


def _elsewhere(run_id: str) -> ApiError:
    message = f"run {run_id} is under way in another server: ask that one"
    return ApiError(409, message, type="conflict_error", code="run_busy", retry_after_s=RETRY_S)
