"""A run's events as they come: kept in SQL, and told at once to whoever listens in this process."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from service.database import runs
from service.database.engine import Database

LOOK_AGAIN: Final = 3.0
"""Seconds after which who waits for an announcement looks into SQL without one."""


@dataclass(frozen=True, slots=True)
class Event:
    """seq: 1-based, without gaps within a run; it is the SSE id. data: JSON text. at: when it happened."""

    seq: int
    kind: str
    data: str
    at: datetime


class Feed:
    """The events of one run that is executing in this process.

    Events are published after their commit, so that an event a client has seen is in SQL whatever happens next.
    """

    def __init__(self, keep: int = 2_000) -> None:
        self.last_seq = 0
        self._tail: deque[Event] = deque(maxlen=keep)
        self._changed = asyncio.Event()
        self.ended = False

    def publish(self, events: list[Event]) -> None:
        self._tail.extend(events)
        self.last_seq = events[-1].seq
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def after(self, seq: int) -> list[Event] | None:
        """The events after `seq` if the tail still holds them all, else None: they are in SQL."""
        if seq >= self.last_seq:
            return []
        if self._tail and self._tail[0].seq <= seq + 1:
            return [event for event in self._tail if event.seq > seq]
        return None

    def changed(self) -> asyncio.Event:
        """An event that is set at the next change; take it before looking, so that no change is missed."""
        return self._changed


def changed(run_id: str) -> str:
    """The announcement that a run has new events."""
    return f"changed {run_id}"


def ended(run_id: str) -> str:
    """The announcement that a run has ended."""
    return f"ended {run_id}"


class Feeds:
    """The feeds of this process by run id, and what other processes announce."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._feeds: dict[str, Feed] = {}
        self._watches: dict[str, set[Watch]] = {}
        self._opened = asyncio.Event()

    def open(self, run_id: str) -> Feed:
        """The run's feed, made when there is none."""
        if run_id not in self._feeds:
            self._feeds[run_id] = Feed()
            self._wake_opened()
        return self._feeds[run_id]

    def opening(self) -> asyncio.Event:
        """An event that is set when a run begins somewhere; take it before looking, so that none is missed."""
        return self._opened

    async def next_opened(self, opening: asyncio.Event | None = None) -> None:
        """Returns when a run begins somewhere, or at the latest after some seconds. opening: taken before looking."""
        with suppress(TimeoutError):
            await asyncio.wait_for((opening or self._opened).wait(), LOOK_AGAIN)

    def _wake_opened(self) -> None:
        self._opened.set()
        self._opened = asyncio.Event()

    def close(self, run_id: str) -> None:
        feed = self._feeds.pop(run_id, None)
        if feed is not None:
            feed.end()

    def announced(self, kind: str, run_id: str) -> None:
        """Another process, or this one, has committed something of a run: "changed" or "ended"."""
        self._wake_opened()
        for watch in self._watches.get(run_id, ()):
            if kind == "ended" or not watch.only_end:
                watch.seen.set()

    def look_again(self) -> None:
        """Announcements may have been missed: whoever waits looks for himself."""
        self._wake_opened()
        for watches in self._watches.values():
            for watch in watches:
                watch.seen.set()

    @contextmanager
    def watching(self, run_id: str, *, only_end: bool = False) -> Generator["Watch"]:
        """A watch on a run that may be executing in another process."""
        watch = Watch(only_end)
        self._watches.setdefault(run_id, set()).add(watch)
        try:
            yield watch
        finally:
            self._watches[run_id].discard(watch)
            if not self._watches[run_id]:
                del self._watches[run_id]

    async def follow(self, run_id: str, after: int = 0) -> AsyncGenerator[Event]:
        """The run's events after `after`: those in SQL first, then new ones until the run ends."""
        feed = self._feeds.get(run_id)
        if feed is not None:
            async for event in self._follow_here(feed, run_id, after):
                after = event.seq
                yield event
        if feed is None and not self._database.is_sqlite:
            async for event in self._follow_elsewhere(run_id, after):
                yield event
            return
        while fresh := await self._stored(run_id, after):
            for event in fresh:
                after = event.seq
                yield event

    async def _follow_here(self, feed: Feed, run_id: str, last: int) -> AsyncGenerator[Event]:
        """Until the feed ends; what it no longer holds comes from SQL."""
        while True:
            changed = feed.changed()
            ended = feed.ended
            fresh = feed.after(last)
            if fresh is None:
                fresh = await self._stored(run_id, last)
            for event in fresh:
                last = event.seq
                yield event
            if not fresh:
                if ended:
                    return
                await changed.wait()

    async def _follow_elsewhere(self, run_id: str, last: int) -> AsyncGenerator[Event]:
        """From SQL alone, looking again at each announcement."""
        with self.watching(run_id) as watch:
            while True:
                watch.seen.clear()
                over = await runs.status(self._database, run_id) not in runs.UNFINISHED
                fresh = await self._stored(run_id, last)  # read after the status: what had ended is complete
                for event in fresh:
                    last = event.seq
                    yield event
                if over and not fresh:
                    return
                if not fresh:
                    await watch.next()

    async def _stored(self, run_id: str, after: int) -> list[Event]:
        rows = await runs.events(self._database, run_id, after)
        return [Event(row["seq"], row["kind"], row["data"], row["created_at"]) for row in rows]


@dataclass(slots=True, eq=False)
class Watch:
    """only_end: wakes at the run's end alone."""

    only_end: bool
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self) -> None:
        """Returns at the next announcement, or at the latest after some seconds: one may have been lost."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.seen.wait(), LOOK_AGAIN)
