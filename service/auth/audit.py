"""The audit log of a process: acts are queued and appended several at once, in the order in which they were done.

What is only recorded is in SQL a fifth of a second later; a process that is killed may lose that much. Whoever decides
something, or acts on keys, tenants or people's data, writes, and waits until the act is in the log.

The log's head is also noted in the data folder, the anchor: who can write to the database alone cannot cut off the end
of the log unseen.
"""

import asyncio
import getpass
import hashlib
import hmac
import os
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.auth.keys import pepper
from service.database import audit
from service.database.audit import Act, Detail, Head, Verified
from service.database.engine import Database

log = structlog.get_logger(__name__)

PAUSE: Final = 0.2
"""Seconds between two appends, so that a crowd's acts share one transaction."""

_LARGEST_GROUP: Final = 1000
_MOST: Final = 50_000
"""Acts that wait while the database is away; beyond, the oldest are lost, and the log says so."""


def audit_key(secret: bytes) -> bytes:
    """The key of the log's hashes. secret: the installation's (`auth.pepper`)."""
    return hmac.new(secret, b"audit", hashlib.sha256).digest()


class Anchor:
    """The newest head of a database's log that somebody with this data folder has written, in its file
    `audit-anchor-…`, which is called after the database's address."""

    def __init__(self, data_dir: Path, database: Database) -> None:
        address = database.engine.url.render_as_string(hide_password=True)
        self._path = data_dir / f"audit-anchor-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
        self._broken = False

    def heads(self) -> list[Head]:
        """The head that was noted last, if one was. A file that holds none counts as one that fits no log."""
        try:
            number, _, noted = self._path.read_text().strip().partition(":")
        except FileNotFoundError:
            return []
        return [(int(number) if number.isdecimal() else 1, noted)]

    async def note(self, database: Database, head: Head) -> None:
        """Keep a head, unless a newer one is kept, or the one that is kept is not in the log any more: then the log was
        meddled with, and the anchor stays and says so. A folder that cannot be written to is told of once."""
        for number, noted in await asyncio.to_thread(self.heads):
            if number >= head[0]:
                return
            if await audit.hash_of(database, number) != noted:
                log.error("the audit log no longer holds what its anchor says: consilia audit verify", number=number)
                return
        await asyncio.to_thread(self._keep, head)

    def _keep(self, head: Head) -> None:
        try:
            draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            draft.write_text(f"{head[0]}:{head[1]}\n")
            draft.replace(self._path)
        except OSError as error:
            if not self._broken:
                log.warning("the audit log's anchor cannot be kept", error_type=type(error).__name__)
            self._broken = True


class Audit:
    """Use as an async context manager; leaving it writes what waits."""

    def __init__(self, database: Database, secret: bytes, data_dir: Path | None = None) -> None:
        """data_dir: where the anchor is kept; None: nowhere."""
        self._database = database
        self._key = audit_key(secret)
        self._anchor = None if data_dir is None else Anchor(data_dir, database)
        self._waiting: list[tuple[Act, asyncio.Future[None] | None]] = []
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._loop(), name="audit log")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._wake.set()
        self._urgent.set()
        if self._task is not None:
            await self._task

    def record(self, act: Act) -> None:
        """Add to the log soon; nobody waits."""
        if len(self._waiting) >= _MOST:
            lost = self._waiting[:_LARGEST_GROUP]
            self._waiting = self._waiting[_LARGEST_GROUP:]
            log.error("acts are lost to the audit log: the database is away", acts=len(lost))
            for _, done in lost:
                if done is not None and not done.done():
                    done.cancel()
        self._waiting.append((act, None))
        self._wake.set()

    async def write(self, act: Act) -> None:
        """Add to the log, and return when it is committed."""
        assert self._task is not None, "the log is open"
        assert not self._task.done(), "nobody writes the audit log any more"
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((act, done))
        self._wake.set()
        self._urgent.set()
        await asyncio.shield(done)

    async def verify(self) -> Verified:
        """Check the whole log, as `audit.verify`, also against this process's anchor."""
        return await audit.verify(self._database, self._key, () if self._anchor is None else self._anchor.heads())

    async def _loop(self) -> None:
        while not self._closing or self._waiting:
            await self._wake.wait()
            self._wake.clear()
            if not self._closing:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), PAUSE)
            self._urgent.clear()
            while self._waiting:
                if not await self._append():
                    if self._closing:
                        log.error("the last acts are lost to the audit log", acts=len(self._waiting))
                        return
                    await asyncio.sleep(1.0)

    async def _append(self) -> bool:
        group = self._waiting[:_LARGEST_GROUP]
        try:
            head = await audit.append(self._database, self._key, [act for act, _ in group])
        except SQLAlchemyError as error:
            log.warning("the audit log is not written yet", acts=len(group), error_type=type(error).__name__)
            return False
        written = {id(act) for act, _ in group}
        self._waiting = [each for each in self._waiting if id(each[0]) not in written]
        for _, done in group:
            if done is not None and not done.done():
                done.set_result(None)
        if self._anchor is not None:
            with suppress(SQLAlchemyError):  # the next append notes a newer head
                await self._anchor.note(self._database, head)
        return True


async def of_command(
    database: Database, data_dir: Path, action: str, target: str, tenant_id: str | None = None, **details: Detail
) -> None:
    """Add what the command line did to the log. The actor is the system's user, the address this machine's name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unnamed"
    act = Act(f"command:{user}", action, target, tenant_id, socket.gethostname(), details=details)
    await Anchor(data_dir, database).note(database, await audit.append(database, audit_key(pepper(data_dir)), [act]))
