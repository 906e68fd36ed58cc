"""What untrusted content a thread's state came from: files, foreign tools, models, what its nodes read by themselves.

It is found in the record of the thread's runs, so it holds over a crash and for a whole conversation. Where that record
does not go along, it is kept beside: with the thread (a copy, a deleted run), with an item of the store.
"""

from collections.abc import Callable
from typing import Final

import orjson
from sqlalchemy import ColumnElement, Select, or_, select, update

from agents.routing import EMBEDDED
from service.database.engine import Database
from service.database.sealed import Confidential
from service.database.tables import ModelCallRow, Run, RunEvent, Thread, ToolCallRow
from tools.record import WAITING

READ: Final = "untrusted"
"""The kind of a run's event by which a node tells what it has read: {"what": …}."""


async def of_run(database: Database, run_id: str, trusted: Callable[[str], bool]) -> str | None:
    """What untrusted content a run, or an earlier one on its thread, has read, in words. trusted: of a tool server."""
    async with database.reading() as connection:
        thread_id = await connection.scalar(select(Run.thread_id).where(Run.run_id == run_id))
    return None if thread_id is None else await of_thread(database, thread_id, trusted)


async def of_thread(database: Database, thread_id: str, trusted: Callable[[str], bool]) -> str | None:
    """As `of_run`, of all runs on a thread."""
    runs = select(Run.run_id).where(Run.thread_id == thread_id)
    servers = select(ToolCallRow.server).where(ToolCallRow.run_id.in_(runs), _made()).distinct()
    async with database.reading() as connection:
        kept = await connection.scalar(select(Thread.untrusted).where(Thread.thread_id == thread_id))
        if kept is not None:
            return kept
        for server in sorted(await connection.scalars(servers)):
            if not trusted(server):
                return f"results of tool server {server}"
        model = await connection.scalar(_models(runs))
        if model is not None:
            return f"the words of model {model}"
        told = await connection.scalar(
            select(RunEvent.data).where(RunEvent.run_id.in_(runs), RunEvent.kind == READ).limit(1)
        )
    return orjson.loads(told)["what"] if told is not None else None


def _made() -> ColumnElement[bool]:
    """Whether the call was made at all: it did not only wait for a person."""
    return or_(ToolCallRow.error.is_(None), ToolCallRow.error["code"].as_string() != WAITING)


def _models(runs: Select[str]) -> Select[str]:
    """A model, other than the embedded engine, that the runs have asked."""
    asked = ModelCallRow.run_id.in_(runs) & (ModelCallRow.engine != EMBEDDED)
    return select(ModelCallRow.model).where(asked).limit(1)


async def keep(database: Database, thread_id: str, trusted: Callable[[str], bool], source: str | None = None) -> None:
    """Keep with a thread what its state came from, where the record that tells so will not be there: a run of it is to
    be deleted, or it is a copy of the thread `source`."""
    what = await of_thread(database, source or thread_id, trusted)
    if what is None:
        return
    kept = Confidential(what) if database.is_sensitive(None) else what
    async with database.engine.begin() as connection:
        await connection.execute(update(Thread).where(Thread.thread_id == thread_id).values(untrusted=kept))
