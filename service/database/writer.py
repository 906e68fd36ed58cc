"""The one writer: what concurrent runs write at the same moment shares one transaction.

A commit costs about a millisecond whatever is in it, and SQLite allows one writer at a time. So writes are queued; a
thread takes all that is queued, executes it grouped by statement, commits once, and wakes everybody who waited. A
caller that awaited `write` knows that its rows are committed. If the shared transaction fails, each caller's writes are
tried again alone, so that one bad row fails its own caller only.

Why a thread with a synchronous connection: through an asynchronous driver each statement costs two thread switches,
which measured as more than half of a small run's time (60 runs/s against 160 with the thread, benchmarks/README.md).

On PostgreSQL, where several processes write, the transaction also does two things for runs. It checks `fence`s: a
process that was given up for dead, and whose run another has taken over, can write nothing more of that run. And it
notifies the other processes of the runs that it `announces`, once for all of them. A connection that is lost is made
again, and the group tried again, for as long as the settings say.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import structlog
from sqlalchemy import Connection, Dialect, Engine, Executable, bindparam, select, text
from sqlalchemy.exc import DBAPIError

from service.database.tables import Run
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

Parameters = dict[str, Any]

CHANNEL: Final = "consilia_runs"
"""The channel of announcements; each payload is one `announce`."""

_FENCES = (
    select(Run.run_id, Run.attempt)
    .where(Run.run_id.in_(bindparam("run_ids", expanding=True)))
    .with_for_update(read=True)
)
_ANNOUNCE = text("SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) AS payload")


class Superseded(ConsiliaError):
    """Another process has taken the run over, or it was deleted: this one may write nothing more of it."""

    code = "run_superseded"
    status = 409


@dataclass(frozen=True, slots=True)
class Fence:
    """Holds while the run is in this attempt."""

    run_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement of the writer, made once at import.

    rank: within one transaction, statements of a lower rank come first, so that equal statements of many runs stand
    together and are executed in one call. Statements that touch the same rows must have ranks in the order in which a
    run issues them, or the same rank, which keeps the order of submission. postgresql: the statement there, where it
    differs.
    """

    sql: Executable
    rank: int
    postgresql: Executable | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A statement with one row's parameters."""

    statement: Statement
    parameters: Parameters


@dataclass(slots=True)
class _Request:
    writes: Sequence[Write]
    fence: Fence | None
    announce: str | None
    done: asyncio.Future[None]


class Writer:
    """Queues writes and commits them in groups. Use as an async context manager.

    patience: seconds for which a group is tried again after the connection to the database was lost.
    """

    def __init__(self, engine: Engine, largest_group: int = 512, patience: float = 30.0) -> None:
        self._engine = engine
        self._largest_group = largest_group
        self._patience = patience
        self._prepared: dict[tuple[Statement, tuple[str, ...]], _Prepared] = {}
        self._distributed = engine.dialect.name != "sqlite"
        self._queue: list[_Request] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database-writer")
        self._closing = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._loop(), name="database writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    def submit(self, *writes: Write, fence: Fence | None = None, announce: str | None = None) -> asyncio.Future[None]:
        """Queue writes; the future is done when they are committed, in the order of submission.

        fence: they are written only while it holds, else Superseded. announce: what other processes are told.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Request(writes, fence, announce, done))
        self._wake.set()
        return done

    async def write(self, *writes: Write, fence: Fence | None = None, announce: str | None = None) -> None:
        """Write and wait for the commit. All writes of one call are in one transaction.

        Raises SQLAlchemyError, Superseded.
        """
        if writes:
            await asyncio.shield(self.submit(*writes, fence=fence, announce=announce))

    async def _loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                group, self._queue = self._queue[: self._largest_group], self._queue[self._largest_group :]
                errors = await loop.run_in_executor(self._thread, self._commit_patiently, group)
                for request, error in zip(group, errors, strict=True):
                    _settle(request, error)
            if self._closing:
                return

    def _commit_patiently(self, group: list[_Request]) -> list[Exception | None]:
        """In the writer's thread: commit a group, waiting for a database that is away; per request what went wrong.

        A commit whose connection was lost may have succeeded all the same. So the statements of this package's runs
        and events do nothing where their row exists already, and trying again is safe.
        """
        deadline = time.monotonic() + self._patience
        pause = 0.05
        errors = self._commit(group)
        while waiting := [index for index, error in enumerate(errors) if connection_lost(error)]:
            if time.monotonic() + pause > deadline or self._closing:
                break
            log.warning("the database is away; what is to be written waits", writes=len(waiting), again_in_s=pause)
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
            again = self._commit([group[index] for index in waiting])
            for index, error in zip(waiting, again, strict=True):
                errors[index] = error
        return errors

    def _commit(self, group: list[_Request]) -> list[Exception | None]:
        """Commit a group; for each request None, or what went wrong with it."""
        try:
            with self._engine.begin() as connection:
                passed = self._past_fences(connection, group)
                writes = [write for request in passed for write in request.writes]
                _execute(connection, writes, self._prepared)
                self._announce(connection, passed)
        except Exception as error:  # a row that cannot be written fails its own caller, never the writer
            if len(group) == 1 or connection_lost(error):
                return [error] * len(group)
            return [each for request in group for each in self._commit([request])]
        if len(passed) == len(group):
            return [None] * len(group)
        kept = set(map(id, passed))
        return [None if id(request) in kept else _superseded(request) for request in group]

    def _past_fences(self, connection: Connection, group: list[_Request]) -> list[_Request]:
        """The requests whose fence holds; the rows of their runs stay locked against a new attempt till the commit."""
        run_ids = {request.fence.run_id for request in group if request.fence is not None}
        if not run_ids or not self._distributed:
            return group
        attempts = {row.run_id: row.attempt for row in connection.execute(_FENCES, {"run_ids": sorted(run_ids)})}
        return [each for each in group if each.fence is None or attempts.get(each.fence.run_id) == each.fence.attempt]

    def _announce(self, connection: Connection, group: list[_Request]) -> None:
        payloads = {request.announce for request in group if request.announce is not None}
        if payloads and self._distributed:
            connection.execute(_ANNOUNCE, {"channel": CHANNEL, "payloads": sorted(payloads)})


def connection_lost(error: BaseException | None) -> bool:
    """Whether the database went away or could not be reached, rather than refusing what was asked."""
    if not isinstance(error, DBAPIError):
        return False
    import psycopg  # only PostgreSQL goes away, and SQLite does without

    unreachable = isinstance(error.orig, psycopg.OperationalError) and error.statement is None
    return error.connection_invalidated or unreachable


def _superseded(request: _Request) -> Superseded:
    assert request.fence is not None, "only a fence keeps a request from being written"
    run_id = request.fence.run_id
    return Superseded(f"run {run_id} was taken over by another process, or deleted", run_id=run_id)


def _settle(request: _Request, error: Exception | None) -> None:
    if request.done.done():
        return
    if error is None:
        request.done.set_result(None)
    else:
        request.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as the driver takes it: what SQLAlchemy would work out anew at each execution.

    names: of the parameters in their order, or None where the driver takes them by name. fixed: those that the
    statement itself gives. convert: from Python to the driver, by name.
    """

    sql: str
    names: Sequence[str] | None
    fixed: Parameters
    convert: Mapping[str, Callable[[Any], Any]]

    @classmethod
    def of(cls, statement: Statement, dialect: Dialect, given: Sequence[str]) -> "_Prepared":
        elsewhere = statement.postgresql if dialect.name == "postgresql" else None
        sql: Any = statement.sql if elsewhere is None else elsewhere
        compiled: Any = sql.compile(dialect=dialect, column_keys=list(given))
        convert: dict[str, Callable[[Any], Any]] = compiled._bind_processors
        fixed: Parameters = {
            name: convert[name](value) if name in convert else value
            for name, value in compiled.params.items()
            if name not in given
        }
        return cls(str(compiled), compiled.positiontup if compiled.positional else None, fixed, convert)

    def row(self, parameters: Parameters) -> Any:
        convert = self.convert
        values = {name: convert[name](value) if name in convert else value for name, value in parameters.items()}
        if self.fixed:
            values.update(self.fixed)
        return values if self.names is None else tuple(values[name] for name in self.names)


def _execute(
    connection: Connection, writes: list[Write], prepared: dict[tuple[Statement, tuple[str, ...]], _Prepared]
) -> None:
    """Execute by rank, neighbours with the same statement in one call."""
    writes.sort(key=lambda write: write.statement.rank)
    start = 0
    while start < len(writes):
        end = start
        statement = writes[start].statement
        while end < len(writes) and writes[end].statement is statement:
            end += 1
        names = tuple(writes[start].parameters)
        made = prepared.get((statement, names))
        if made is None:
            made = prepared[statement, names] = _Prepared.of(statement, connection.dialect, names)
        rows = [made.row(write.parameters) for write in writes[start:end]]
        connection.exec_driver_sql(made.sql, rows if len(rows) > 1 else rows[0])
        start = end
