"""Starting the runs of crons: each date once, whichever process comes first, also after a crash."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from types import TracebackType
from typing import Final, Self
from zoneinfo import ZoneInfo, available_timezones

import structlog
from croniter import croniter
from croniter.croniter import CroniterError
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from service.database import crons, store
from service.database.engine import Database
from service.database.tables import now
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

Start = Callable[[RowMapping, datetime], Awaitable[None]]
"""Starts the run of a cron for one of its dates."""

LEASE: Final = timedelta(seconds=120)
"""A claim older than this was left by a process that died; another takes it over."""

LONGEST_SLEEP: Final = 30.0
"""Seconds: another process may have died with a claim, or its clock may run ahead."""

SWEEP_SECONDS: Final = 300.0


class InvalidSchedule(ConsiliaError):
    """A cron expression, time zone or end that cannot be used."""

    code = "invalid_schedule"
    status = 422


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def next_date(schedule: str, timezone: str | None, after: datetime, end: datetime | None = None) -> datetime | None:
    """The schedule's first date after a moment, in UTC; None when it is after the end.

    schedule: five fields (minute, hour, day of month, month, day of week), a sixth for seconds, or @daily and the like
    (man 5 crontab). timezone: IANA name; its clock counts, so a daylight-saving change moves the date in UTC.
    Raises InvalidSchedule.
    """
    if timezone is not None and timezone not in _zones():
        raise InvalidSchedule(
            f"Invalid timezone: {timezone!r}. Use IANA timezone format (e.g. 'America/New_York').", timezone=timezone
        )
    zone = ZoneInfo(timezone or "UTC")
    if len(schedule) > 200 or not croniter.is_valid(schedule):
        raise InvalidSchedule(
            f"Invalid cron schedule: {schedule[:200]!r}. Reason: Invalid cron schedule. Ensure the schedule uses the "
            "standard cron format (minute hour day_of_month month day_of_week). Example: '*/5 * * * *' for every 5 "
            "minutes.",
            schedule=schedule[:200],
        )
    try:
        found: datetime = croniter(schedule, after.astimezone(zone), ret_type=datetime).get_next()
    except CroniterError as error:
        raise InvalidSchedule(f"Invalid cron schedule: {schedule!r} never comes: {error}", schedule=schedule) from None
    date = found.astimezone(UTC)
    return date if end is None or date <= end else None


class Scheduler:
    """Starts the runs of due crons. Use as an async context manager; it begins with `start`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; a run that is being started at the moment is started."""
        task, self._task = self._task, None
        if task is not None:
            self._wake.set()
            await task

    def start(self, start: Start) -> None:
        """Begin; `start` is awaited for each date of each cron, in one process only."""
        self._task = asyncio.create_task(self._loop(start), name="scheduler")

    def changed(self) -> None:
        """A cron was made or changed here: look again."""
        self._wake.set()

    async def _loop(self, start: Start) -> None:
        swept = 0.0
        loop = asyncio.get_running_loop()
        current = asyncio.current_task()
        while self._task is current:
            self._wake.clear()
            pause = LONGEST_SLEEP
            try:
                await self._start_due(start)
                if loop.time() - swept > SWEEP_SECONDS:
                    await store.sweep(self._database)
                    swept = loop.time()
                if (due := await crons.next_due(self._database)) is not None:
                    pause = min(pause, max(0.0, (due - now()).total_seconds()))
            except SQLAlchemyError as error:  # the database may be restarting; the dates stay due meanwhile
                log.warning("crons could not be read", error=str(error))
                pause = 5.0
            if self._task is not current:
                return
            try:
                await asyncio.wait_for(self._wake.wait(), pause)
            except TimeoutError:
                continue

    async def _start_due(self, start: Start) -> None:
        moment = now()
        for cron in await crons.due(self._database, moment, LEASE):
            if self._task is None:
                return
            await self._start_one(start, cron, moment)

    async def _start_one(self, start: Start, cron: RowMapping, moment: datetime) -> None:
        """Start what is due of one cron: the date that a dead process left, else the newest one it has missed."""
        left: datetime | None = cron["firing"]
        firing = left or cron["next_run_date"]
        following: datetime | None = cron["next_run_date"]
        if left is None:
            try:
                following = next_date(cron["schedule"], cron["timezone"], moment, cron["end_time"])
            except InvalidSchedule as error:  # it was valid when it was made; time zones and libraries change
                log.error("cron can have no further date", cron_id=cron["cron_id"], reason=error.message)
                following = None
        if not await crons.claim(self._database, cron, firing, following, moment):
            return
        if left is None or not await crons.has_run(self._database, cron, left):
            try:
                await start(cron, firing)
            except ConsiliaError as error:
                log.warning("cron could not start its run", cron_id=cron["cron_id"], code=error.code, why=error.message)
            except SQLAlchemyError:
                raise  # the claim stays: the date is tried again when the lease is over
            except Exception:  # a cron at which the service fails must not keep the others from their dates
                log.exception("cron failed", cron_id=cron["cron_id"])
        await crons.fired(self._database, cron["cron_id"], firing)
