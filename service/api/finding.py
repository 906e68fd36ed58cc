"""Finding what a path names, as far as the caller may see it."""

from uuid import UUID

from sqlalchemy import RowMapping

from service.auth import Caller
from service.database import runs, threads
from service.house import House
from tools.errors import ConsiliaError, InvalidInput


class UnknownThread(ConsiliaError):
    code = "thread_not_found"
    status = 404


class UnknownRun(ConsiliaError):
    code = "run_not_found"
    status = 404


def checked_uuid(kind: str, text: str) -> str:
    """The id in its usual form. Raises InvalidInput when it is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidInput(f"Invalid {kind} ID: {text!r} must be a UUID", value=text) from None


async def find(house: House, caller: Caller, thread_id: str) -> RowMapping:
    """The caller's thread. Raises UnknownThread, also for another tenant's."""
    row = await threads.get(house.database, caller.tenant_id, checked_uuid("thread", thread_id))
    if row is None:
        raise UnknownThread(f"Thread with ID {thread_id} not found", thread_id=thread_id)
    return row


async def find_run(house: House, caller: Caller, thread_id: str, run_id: str) -> RowMapping:
    """The run of the caller's thread. Raises UnknownRun."""
    thread_id = checked_uuid("thread", thread_id)
    row = await runs.get(house.database, caller.tenant_id, checked_uuid("run", run_id), thread_id)
    if row is None:
        raise UnknownRun(f"Run with ID {run_id} not found in thread {thread_id}", run_id=run_id)
    return row
